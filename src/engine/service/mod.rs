//! The engine with everything around it: endpoints, contracts, the DKG backend, feeds.

mod backend;
mod ceremony;
mod feeds;
#[cfg(test)]
mod fixture;
mod follow;
mod outside;
mod prepare;
mod registry;
mod start;
mod transcripts;

pub use registry::RegistryError;
pub use start::{Running, ServiceError, ServiceOptions, start};
