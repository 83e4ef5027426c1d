//! What the node is told to do wrong.

use std::time::Duration;

use super::exit::{ClientFamily, ExitProblem};
use crate::types::{BlsPublicKey, Root};

/// What is wrong with the event streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamFault {
    /// Nothing.
    #[default]
    None,
    /// There is no such thing: those that stand end, new ones are not found.
    Absent,
    /// They stand, and say nothing.
    Silent,
    /// A topic that is younger than the others is refused.
    Old,
}

/// Faults in force. The default is none.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Whose error bodies and quirks.
    pub family: ClientFamily,
    /// Says that it is syncing.
    pub syncing: bool,
    /// Says that its head has not been verified by its execution node.
    pub optimistic: bool,
    /// Answers 503 to everything.
    pub unavailable: bool,
    /// Answers everything with a page of HTML, and 200.
    pub garbage: bool,
    /// Answers only after this time.
    pub delay: Duration,
    /// Accepts so many exits and forgets them.
    pub drop_exits: u32,
    /// Keeps exits in its pool, and out of its blocks.
    pub hold_exits: bool,
    /// Refuses every exit for this reason, whatever it is.
    pub refuse_exits: Option<ExitProblem>,
    /// Knows nothing of this validator: not in its state, and no exit of it.
    pub hidden: Option<BlsPublicKey>,
    /// The event streams.
    pub streams: StreamFault,
    /// Claims another `genesis_validators_root`: a node of another chain.
    pub other_genesis: Option<Root>,
}
