//! A neighbour of each kind that says what a test told it to say.

mod ceremonies;
mod consensus;
mod endpoints;
mod execution;
mod notifier;
mod pool_manager;
mod ssv;
mod transactions;
mod tx_signer;

pub(crate) use ceremonies::FakeCeremonies;
pub(crate) use consensus::{FakeConsensus, FakeNode};
pub(crate) use endpoints::{FakeEndpoints, endpoint};
pub(crate) use execution::FakeExecution;
pub(crate) use notifier::FakeNotifier;
pub(crate) use pool_manager::FakeManager;
pub(crate) use ssv::FakeSsv;
pub(crate) use transactions::{FakeTransactions, heard};
pub(crate) use tx_signer::FakeSigner;
