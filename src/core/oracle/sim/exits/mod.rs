//! Signed exits and what beacon nodes say to them, each outcome by itself.

mod outcomes;
mod reorgs;
mod scene;
mod transactions;
