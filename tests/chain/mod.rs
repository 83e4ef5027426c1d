//! The execution layer against a real anvil, with a proxy in between that fails the way nodes do.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod agreement;
mod beacon;
mod contracts;
mod finality;
mod history;
mod intake;
mod lies;
mod limits;
mod omissions;
pub(crate) mod proxy;
mod rpc;
mod signer;
mod support;
mod tx;
mod tx_rules;
