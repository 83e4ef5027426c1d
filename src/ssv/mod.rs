//! SSV by version: operators, clusters, owner nonce, shares data.
//!
//! Two field orders of the cluster tuple are in the world (`balance-then-active` in the spring of 2023,
//! `active-then-balance` since v1.0). They give other topics and selectors, so a layout stands for a version here.
//!
//! | question | yes | no | not known |
//! |---|---|---|---|
//! | [`Ssv::event`] | a log of the network contract that this layout reads, and that names the owner | another contract's log; a topic 0 of no event that is listened for; another owner in topic 1, whatever else it says | contract, topic 0 and owner are ours, or no owner is named, and this layout does not read the rest |
//! | [`Ssv::state`] | nonce and snapshot, from the logs of the owner up to the block, as one endpoint tells them | never: an owner without logs has nonce 0 and a fresh cluster | the logs cannot be read or are still being read, or the block was dropped meanwhile |
//! | [`Ssv::takes_tokens`] | a registration of nothing is refused for its arguments, so the call with a token amount exists | it does not look at them, and `getVersion()` says 2 or more | it does not, and tells no such version; no endpoint answers |
//! | [`Ssv::funding`] | tokens moved to the network and the snapshot in `ValidatorAdded`, by the logs of a simulation; within it the runway, by the views of SSV's fees | never | no registration among the logs, or several tokens; of the runway: a view does not answer |
//! | [`Ssv::removed`] | those whose removal the logs tell since the owner began; nobody where there is none | never | the logs cannot be read, or not in time |
//! | [`Ssv::refuses_operators`] | the revert is one of SSV's errors about operators (`errors`) | any other revert: it proves nothing for the operators | |
//! | [`Ssv::refuses_committee`] | the revert is one of SSV's errors about operators or their cluster that other operators get around | any other revert | |
//!
//! [`Ssv::event`]: crate::ports::Ssv::event
//! [`Ssv::state`]: crate::ports::Ssv::state
//! [`Ssv::funding`]: crate::ports::Ssv::funding
//! [`Ssv::takes_tokens`]: crate::ports::Ssv::takes_tokens
//! [`Ssv::removed`]: crate::ports::Ssv::removed
//! [`Ssv::refuses_operators`]: crate::ports::Ssv::refuses_operators
//! [`Ssv::refuses_committee`]: crate::ports::Ssv::refuses_committee

pub(crate) mod abi;
mod errors;
mod events;
mod funding;
mod reader;
mod registered;
pub mod shares_data;
mod version;
mod voices;

pub(crate) use errors::ERRORS;
pub use events::topics;
pub use reader::SsvReader;
pub use registered::{Registered, RegistryError, registered};
pub use voices::SsvVoices;
