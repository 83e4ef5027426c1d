//! Everything that RockX's programs are known to write, byte for byte: vectors of the protocol description and
//! recordings of the real programs (`tests/vectors/rockx/`), read, checked and rewritten by the production code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod arithmetic;
mod blame;
mod ceremonies;
mod ecies;
mod files;
mod frost;
mod keys;
pub(crate) mod mutate;
mod mutations;
pub(crate) mod recorded;
mod refused;
mod roots;
mod signatures;
mod transcripts;
pub(crate) mod vectors;
mod wire;
