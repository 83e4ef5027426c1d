//! Ceremonies: the protocol, its verification, and the transcript that proves it.

pub mod rockx;
pub mod threshold;
pub(crate) mod tracker;
pub mod transcript;
