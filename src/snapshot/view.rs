//! The parts of a snapshot, one per pane.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use alloy::primitives::{Bytes, U256};
use serde::Serialize;

use super::world::Health;
use crate::oracle::{CaseStatus, Cause, HistoryEntry, Milestone};
use crate::types::{
    ActionId, BlockRef, BlsPublicKey, CaseId, CeremonyFailure, CeremonyKind, CeremonyStep, Check, OperatorId,
    OperatorProgress, PoolId, RequestId, RequestKind, Root, SafeText, UnixMillis,
};

/// Everything, or one case, is paused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PauseView {
    /// By whom.
    pub by: SafeText,
    /// Since when.
    pub since: UnixMillis,
}

/// One operator of the directory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatorView {
    /// SSV operator id.
    pub id: OperatorId,
    /// Name, may be empty.
    pub name: SafeText,
    /// Redacted endpoint.
    pub endpoint: SafeText,
    /// Health.
    pub health: Health,
    /// Version its node reports.
    pub version: SafeText,
    /// Last round trip.
    pub latency_ms: Option<u64>,
    /// Ceremonies it took part in that gave a result.
    pub ceremonies_done: u32,
    /// Ceremonies that failed because of it.
    pub ceremonies_failed: u32,
    /// Words on its state.
    pub note: SafeText,
}

/// One request of the contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseView {
    /// Its id.
    pub id: CaseId,
    /// Kind of request.
    pub kind: RequestKind,
    /// Pool.
    pub pool: PoolId,
    /// What opened it.
    pub cause: Cause,
    /// When it was opened here.
    pub opened_at: UnixMillis,
    /// State in one word.
    pub status: CaseStatus,
    /// State in one sentence.
    pub sentence: SafeText,
    /// When the status last changed.
    pub since: UnixMillis,
    /// The action that matters now, if any.
    pub action: Option<ActionId>,
    /// The ceremony that matters now, if any.
    pub ceremony: Option<RequestId>,
    /// The validator key, once it exists.
    pub validator: Option<BlsPublicKey>,
    /// The stages of its validator that it waits for, with predicted and actual times.
    pub times: Vec<Milestone>,
    /// The case's file, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Paused by a person.
    pub paused: bool,
}

/// How a ceremony ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "outcome")]
pub enum CeremonyEnd {
    /// Verified result.
    Verified {
        /// The validator key.
        validator: BlsPublicKey,
    },
    /// No result.
    Failed(CeremonyFailure),
}

/// One ceremony: the matrix of operators and rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CeremonyView {
    /// Request id, also the messenger's topic.
    pub id: RequestId,
    /// The case it serves.
    pub case: CaseId,
    /// Keygen, reshare or sign.
    pub kind: CeremonyKind,
    /// What a signing ceremony signs, in words; empty otherwise.
    pub what: SafeText,
    /// 1 for the first try of this step of the case.
    pub attempt: u32,
    /// Threshold.
    pub threshold: u8,
    /// The steps, in order, each with those who send its message: the matrix' columns. Empty when its backend is not
    /// there to tell.
    pub steps: Arc<[CeremonyStep]>,
    /// Rows of the matrix.
    pub operators: BTreeMap<OperatorId, OperatorProgress>,
    /// Members of the old committee of a reshare; empty otherwise.
    pub old_committee: Vec<OperatorId>,
    /// Members of the committee that will hold the key.
    pub committee: Vec<OperatorId>,
    /// When it was started.
    pub started_at: UnixMillis,
    /// The deadline of the present round.
    pub deadline: Option<UnixMillis>,
    /// Its outcome is unknown and looked for: since when, and why.
    pub doubt: Option<(UnixMillis, SafeText)>,
    /// When and how it ended.
    pub ended: Option<(UnixMillis, CeremonyEnd)>,
    /// Verification, check by check, once it ended.
    pub checks: Vec<Check>,
    /// The newest transcript: file name in the state directory, and SHA-256 as journaled.
    pub transcript: Option<(SafeText, Root)>,
}

/// The life of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum TransactionState {
    /// Signed and journaled, not yet accepted by a node.
    Signed,
    /// Known to a node, not in a block.
    Pending,
    /// In a block.
    Included {
        /// The block.
        block: BlockRef,
        /// Blocks on top, itself included.
        confirmations: u64,
    },
    /// In a final block.
    Final {
        /// The block.
        block: BlockRef,
    },
    /// In a block, and reverted.
    Reverted {
        /// The block.
        block: BlockRef,
        /// Decoded reason.
        reason: SafeText,
    },
    /// Another transaction of this account took its nonce.
    Replaced {
        /// Its hash where known.
        by: Option<Root>,
    },
    /// Nobody knows it at present; it is sent again or found out.
    Unknown,
}

impl TransactionState {
    /// No longer moves.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Final { .. } | Self::Reverted { .. } | Self::Replaced { .. }
        )
    }
}

impl fmt::Display for TransactionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Signed => "signed",
            Self::Pending => "pending",
            Self::Included { .. } => "included",
            Self::Final { .. } => "final",
            Self::Reverted { .. } => "reverted",
            Self::Replaced { .. } => "replaced",
            Self::Unknown => "unknown",
        })
    }
}

/// One transaction: one nonce, any number of hashes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransactionView {
    /// The action it executes.
    pub action: ActionId,
    /// Contract function.
    pub function: SafeText,
    /// Account nonce.
    pub nonce: u64,
    /// Every hash ever sent, newest last.
    pub hashes: Vec<Root>,
    /// Newest signed bytes.
    pub raw: Bytes,
    /// Max fee per gas of the newest, wei.
    pub max_fee_wei: U256,
    /// Priority fee per gas of the newest, wei.
    pub priority_fee_wei: U256,
    /// Gas limit.
    pub gas_limit: u64,
    /// Approved ceiling of the whole fee, wei.
    pub fee_ceiling_wei: U256,
    /// Fee really paid, wei, once included.
    pub fee_paid_wei: Option<U256>,
    /// When it was signed.
    pub signed_at: UnixMillis,
    /// State.
    #[serde(flatten)]
    pub state: TransactionState,
    /// Anything worth a sentence.
    pub note: SafeText,
}

/// What one beacon node said of an exit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeVerdict {
    /// Redacted URL.
    pub node: SafeText,
    /// Counted as delivered.
    pub delivered: bool,
    /// Its verdict in words.
    pub detail: SafeText,
    /// When.
    pub at: UnixMillis,
}

/// One voluntary exit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExitView {
    /// The case.
    pub case: CaseId,
    /// The validator.
    pub validator: BlsPublicKey,
    /// Its index.
    pub validator_index: Option<u64>,
    /// Epoch in the signed message.
    pub epoch: Option<u64>,
    /// State in a word: `signing`, `waiting`, `published`, `exiting`, `exited`, …
    pub state: SafeText,
    /// What came of the newest broadcast, or what keeps the exit from being sent; empty before.
    pub outcome: SafeText,
    /// Verdict of each node for the newest broadcast.
    pub verdicts: Vec<NodeVerdict>,
    /// From the block with the exit to the withdrawal, with predicted and actual times.
    pub times: Vec<Milestone>,
}

/// One validator of a pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValidatorView {
    /// Pool.
    pub pool: PoolId,
    /// Key.
    pub public_key: BlsPublicKey,
    /// Present committee.
    pub operators: Vec<OperatorId>,
    /// Index on the beacon chain.
    pub index: Option<u64>,
    /// Status on the beacon chain, or `deposited`, `unknown`.
    pub status: SafeText,
    /// Reshares used, and the contract's limit.
    pub reshares: (u64, u64),
}

/// The journal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JournalView {
    /// Records.
    pub records: u64,
    /// Hash of the newest record: the head of the chain.
    pub head: Root,
    /// File.
    pub path: SafeText,
    /// Why it can not be written at present; nothing leaves this machine while so.
    pub unwritable: Option<SafeText>,
}
