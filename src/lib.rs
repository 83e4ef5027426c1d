//! The engine of the Casimir DKG oracle: it watches the pool manager contract, runs key ceremonies with the operators,
//! submits their verified results and keeps proof of every decision. Front ends are in `ui/`; this crate knows none.

#[cfg(not(unix))]
compile_error!("casimir-dkg needs a Unix: who decides is known by the peer credentials of a Unix socket");

mod alike;
pub mod attach;
pub mod beacon;
pub mod chain;
pub mod config;
pub(crate) mod desk;
pub mod devnet;
pub mod dkg;
pub mod engine;
pub mod http;
pub mod inject;
pub mod journal;
pub mod lane;
pub mod listen;
pub(crate) mod lock;
mod log_limit;
pub mod monitor;
pub mod notify;
pub mod operators;
pub mod owner;
pub mod pool;
pub mod ports;
pub mod runtime;
pub mod secrets;
pub mod signer;
pub(crate) mod sqlite;
pub mod ssv;
pub mod tx;
pub mod view;

/// How long a test waits for what must come: machines may be busy, and nothing is measured by it.
#[cfg(test)]
pub(crate) const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(240);

pub use casimir_dkg_core::{oracle, types};
