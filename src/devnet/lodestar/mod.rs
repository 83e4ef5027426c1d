//! Lodestar: a consensus node that other people wrote. It runs a chain of its own on this machine and follows the
//! deposit contract of the local network.
//!
//! The two chains are joined by deposits only. The beacon blocks carry made-up payloads, so withdrawals raise no
//! balance on the execution chain. Capella is its newest fork: newer releases cannot be installed from npm.

mod error;
mod genesis;
mod install;
mod process;

pub use error::LodestarError;
pub use genesis::mirror_genesis_deposits;
pub use install::{LodestarPackage, ensure, ensure_in};
pub use process::{Lodestar, LodestarOptions};

/// The release: the newest one of which all packages are to be had.
pub const VERSION: &str = "1.5.1";
/// What every screen says of it.
pub const LABEL: &str = "Lodestar (local chain)";
/// Validators that are active from genesis on and that Lodestar itself runs, with publicly known keys.
pub const GENESIS_VALIDATORS: u64 = 16;
/// Validators that may join them. Nobody runs those (operators here sign what the oracle asks for, and no duties), and the
/// chain is final only while more than two thirds attest.
pub const MOST_JOINING: u64 = (GENESIS_VALIDATORS - 1) / 2;
