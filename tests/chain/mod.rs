//! The execution layer against a real anvil, with a proxy in between that fails the way nodes do.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod agreement;
mod beacon;
mod contracts;
mod deployment;
mod finality;
mod garbled;
mod heads;
mod history;
mod intake;
mod later;
mod lies;
mod limits;
mod market;
mod mutations;
mod nowhere;
mod omissions;
pub(crate) mod proxy;
mod remote;
mod rpc;
mod signer;
pub(crate) mod stand_in;
mod support;
mod tried;
pub(crate) mod tx;
mod tx_rules;
mod wordings;
