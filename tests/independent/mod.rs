//! Implementations that this project has no part in say whether its results are right: Python packages check deposits,
//! exits and threshold arithmetic, the official specification says what becomes of an exit, and SSV's published ABI
//! says what the stand-in has to look like. All of them are installed by the tests themselves, once, below `target/`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod agreement;
mod ceremony;
mod deposits_and_exits;
mod install;
mod networks;
mod pyspec;
mod python;
mod ssv_abi;
mod unapproved;
pub(crate) mod verifier;
