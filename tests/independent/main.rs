//! Implementations that this project has no part in say whether its results are right: Python packages check deposits,
//! exits and threshold arithmetic, the official specification says what becomes of an exit, and SSV's published ABI
//! says what the stand-in has to look like. All of them are installed by the tests themselves, once, below `target/`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod ceremony;
mod deposits_and_exits;
mod install;
#[allow(dead_code, reason = "shared with the tests of the node")]
#[path = "../node/net.rs"]
mod net;
mod networks;
mod pyspec;
mod python;
#[allow(dead_code, reason = "shared with the conformance tests")]
#[path = "../conformance/recorded.rs"]
mod recorded;
mod ssv_abi;
#[allow(dead_code, reason = "shared with the conformance tests")]
#[path = "../conformance/vectors.rs"]
mod vectors;
