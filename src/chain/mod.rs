//! The execution layer: JSON-RPC, event intake, agreement of endpoints, proofs of logs.
//!
//! [`rpc`] asks nodes; [`intake`] follows the events that the ports of manager and SSV name; [`replay`] rebuilds from
//! logs what no contract stores, and [`history_cache`] keeps it for the next start; [`comparison`] compares old blocks with their
//! headers behind everything else; [`sent`] looks back for what an account sent to the manager; [`execution`] is the chain behind its port, and [`agreement`] asks every endpoint
//! before money moves. Nothing here knows a version of the manager or of SSV.

pub mod agreement;
pub mod comparison;
pub mod deployed;
pub mod deposits;
pub mod execution;
pub mod fees;
mod finality;
pub mod history_cache;
pub mod intake;
pub(crate) mod logs;
mod omission;
mod proof;
pub mod replay;
pub(crate) mod revert;
pub mod rpc;
pub mod sent;
mod tried;
pub mod view;

pub use finality::{Finality, Reach};

/// Seconds. Blocks come every 12 s: a public chain whose newest block is older than this is not followed, or a clock is
/// wrong.
pub const STALE_HEAD_S: u64 = 180;
/// Seconds. A block that is dated further ahead of this machine's clock than this was not made by then.
pub const AHEAD_HEAD_S: u64 = 15;
