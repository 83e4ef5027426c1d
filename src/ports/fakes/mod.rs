//! A stand-in behind each port, for tests within the library: it says what a test tells it to say.

mod consensus;

pub(crate) use consensus::{FakeConsensus, FakeNode};
