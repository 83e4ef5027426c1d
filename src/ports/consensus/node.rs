//! The nodes themselves: how they are, what each says, and what they shout.

use std::time::Duration;

use crate::ports::Answer;
use crate::types::{SafeText, UnixMillis};

/// How a node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// Not asked yet.
    Unchecked,
    /// In sync.
    Healthy,
    /// Syncing, optimistic, or without its execution node.
    NotSynced,
    /// Does not answer.
    Down,
    /// Serves another chain.
    WrongChain,
}

/// What people are shown of a node.
#[derive(Debug, Clone)]
pub struct NodeHealth {
    /// The URL without its secrets.
    pub name: SafeText,
    /// How it is doing.
    pub state: NodeState,
    /// Time of its last answer.
    pub latency: Option<Duration>,
    /// The newest failure.
    pub last_error: Option<SafeText>,
    /// When it last answered.
    pub last_ok: Option<UnixMillis>,
    /// Its newest slot.
    pub head_slot: Option<u64>,
    /// When the chain began, as it says; seconds since 1970.
    pub genesis_time: Option<u64>,
    /// What it said that another node denies; the newest.
    pub contradicted: Option<SafeText>,
}

/// What one node says to a question that was put to each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAnswer<T> {
    /// The node, its secrets hidden.
    pub node: SafeText,
    pub answer: Answer<T>,
}

/// Something happened on the chain: a reason to look, never more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A new block.
    Head {
        slot: u64,
        /// It is the first of an epoch.
        epoch_transition: bool,
    },
    /// Blocks were replaced.
    Reorganised {
        /// How many slots deep.
        depth: u64,
    },
    /// A checkpoint became final.
    Finalized { epoch: u64 },
    /// An exit was seen: in the gossip with some clients, in a block with others.
    VoluntaryExit { validator_index: u64 },
    /// A node's stream ended; others and the poller go on.
    Lost { node: SafeText, reason: SafeText },
}
