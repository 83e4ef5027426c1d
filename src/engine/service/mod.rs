//! The engine with everything around it: endpoints, contracts, the DKG backend, feeds.

pub mod agreed;
mod backend;
mod ceremony;
mod doors;
mod feeds;
#[cfg(test)]
mod fixture;
mod follow;
mod outside;
mod prepare;
mod start;
mod transcripts;

pub use start::{Running, ServiceError, ServiceOptions, start};
