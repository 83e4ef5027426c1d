//! Signed exits and what beacon nodes say to them: each outcome by itself, and all of them at random.

mod outcomes;
mod reorgs;
mod transactions;
mod world;
