//! The local network: its contracts behave as described, anvil ends when we do, and the development beacon keeps the
//! rules of the consensus layer.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod actors;
mod artifacts;
mod beacon;
mod contracts;
mod demo;
mod install;
pub(crate) mod killed;
mod process;
mod proxy;
mod reorg;
pub(crate) mod support;
