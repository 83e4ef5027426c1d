//! A stand-in behind each port, for tests within the library: it says what a test tells it to say.

mod consensus;
mod notifier;
mod tx_signer;

pub(crate) use consensus::{FakeConsensus, FakeNode};
pub(crate) use notifier::FakeNotifier;
pub(crate) use tx_signer::FakeSigner;
