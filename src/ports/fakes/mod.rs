//! A neighbour of each kind that says what a test told it to say.

mod execution;
mod pool_manager;
mod ssv;

pub(crate) use execution::FakeExecution;
pub(crate) use pool_manager::FakeManager;
pub(crate) use ssv::FakeSsv;
