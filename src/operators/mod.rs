//! Who the operators are: their records by configuration and by the SSV API, and their keys by id.
//!
//! # What counts as *no*
//!
//! | question | *yes* | *no* | *not known* |
//! |---|---|---|---|
//! | which key has this operator? | the configuration, or the list that everybody knows, has one; else the SSV API answers 200 with a record of this very id and a key that can be read | never: an id that nobody knows may be too new for whoever was asked | the API is not asked, does not answer in time, answers another status (404 too), another form, or about another operator; a key that cannot be read |
//!
//! The start waits for keys that are not known ([`fill_in`]), and nothing is concluded from their absence. Whether an
//! operator is registered, active and has room is asked of SSV's contract, never here.
//!
//! A DKG backend brings the type of key that its protocol wants ([`OperatorKey`]); nothing here knows a protocol.

mod directory;
mod registry;
mod ssv_api;

pub use directory::{Directory, DirectoryError, KeySources, OperatorKey};
pub use registry::fill_in;
pub use ssv_api::SsvApi;
