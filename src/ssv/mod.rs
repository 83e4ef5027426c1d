//! SSV by version: operators, clusters, owner nonce, shares data.
//!
//! Two field orders of the cluster tuple are in the world (`balance-then-active` in the spring of 2023,
//! `active-then-balance` since v1.0). They give other topics and selectors, so a layout stands for a version here.
//!
//! | question | yes | no | not known |
//! |---|---|---|---|
//! | [`Ssv::state`] | nonce and snapshot, from the logs of the owner up to the block, as one endpoint tells them | never: an owner without logs has nonce 0 and a fresh cluster | the logs cannot be read or are still being read, or the block was dropped meanwhile |
//! | [`Ssv::refuses_operators`] | the revert is one of SSV's errors about operators (`errors`) | any other revert: it proves nothing for the operators | |
//!
//! [`Ssv::state`]: crate::ports::Ssv::state
//! [`Ssv::refuses_operators`]: crate::ports::Ssv::refuses_operators

pub(crate) mod abi;
mod errors;
mod events;
mod reader;
pub mod shares_data;
mod voices;

pub(crate) use errors::ERRORS;
pub use events::topics;
pub use reader::SsvReader;
pub use voices::SsvVoices;
