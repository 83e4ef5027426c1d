//! Anvil, the execution node of the local network: found or installed once, started as a child, and gone when we are.

mod binary;
mod install;
mod process;

pub use binary::{AnvilBinary, AnvilError, Lookup, VERSION, ensure};
pub use process::{Anvil, AnvilOptions};

/// Tells a person what is being waited for, one line at a time.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);
