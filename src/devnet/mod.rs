//! The local network behind `demo` and the tests: a real execution chain (anvil) with the contracts, actors that behave
//! as stakers and upkeep do, and a consensus layer: a development beacon, or Lodestar. Nothing here is used on a real network.

mod actors;
pub mod anvil;
pub mod beacon;
mod child;
pub mod contracts;
pub mod demo;
mod deploy;
mod error;
mod levers;
pub mod lodestar;
mod network;
mod npm;
mod options;
pub mod proxy;
mod rpc;
mod watch;

pub use actors::{Actor, RequestScript, StakerScript, requests, staker, upkeep};
pub use demo::{DemoBeacon, DemoKeys, DemoNetwork, DemoOptions};
pub use error::DevnetError;
pub use network::Devnet;
pub use options::{Accounts, Addresses, DEPOSIT_CONTRACT, DevnetOptions, ManagerVersion, Mining, POOL_ETHER};
pub use watch::BeaconWatch;
