//! Who the operators are: their records by configuration and by the SSV API, and their keys by id.
//!
//! A DKG backend brings the type of key that its protocol wants ([`OperatorKey`]); nothing here knows a protocol.

mod directory;
mod registry;
mod ssv_api;

pub use directory::{Directory, DirectoryError, KeySources, OperatorKey};
pub use registry::fill_in;
pub use ssv_api::SsvApi;
