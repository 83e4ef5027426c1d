//! What the core asks the shell to do. Every effect may be asked for again after a restart, so each is safe to repeat.

use std::collections::BTreeMap;

use super::{Draft, Purpose, TransactionPayload};
use crate::types::{
    ActionId, BackendName, BlsPublicKey, BlsSignature, CaseId, CeremonyPlan, OperatorId, PoolId, RequestId,
    Root, SafeText, SignedTransaction, UnixMillis,
};

/// An SSV registration signature: over keccak256 of `<owner>:<nonce>` by the validator key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Registration {
    /// The nonce that was signed.
    pub nonce: u64,
    pub signature: BlsSignature,
}

/// A validator key as a case knows it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct KnownKey {
    pub validator: BlsPublicKey,
    /// Who holds shares.
    pub committee: Vec<OperatorId>,
    /// Public keys of the shares, where known.
    pub share_public_keys: BTreeMap<OperatorId, BlsPublicKey>,
    /// What the operators handed back with their shares, for a later ceremony; nothing where they keep what it takes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub handed_back: BTreeMap<OperatorId, Vec<u8>>,
}

impl KnownKey {
    /// A key whose shares these are, with what was handed back for them.
    pub(super) fn of(
        validator: BlsPublicKey,
        shares: &BTreeMap<OperatorId, BlsPublicKey>,
        handed_back: &BTreeMap<OperatorId, Vec<u8>>,
    ) -> Self {
        Self {
            validator,
            committee: shares.keys().copied().collect(),
            share_public_keys: shares.clone(),
            handed_back: handed_back.clone(),
        }
    }
}

/// What a committee is chosen from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommitteeRequirements {
    /// Committee chosen by a person.
    pub chosen: Option<Vec<OperatorId>>,
    /// The committee that was proposed and is kept as long as nobody in it becomes unfit: latencies and histories
    /// move all the time, and what was approved must not.
    pub standing: Option<Vec<OperatorId>>,
    /// The holders that were proposed to deal in a reshare, kept in the same way: who answers faster now must not change
    /// what was approved either.
    pub dealers: Option<Vec<OperatorId>>,
    /// Everybody's history.
    pub tracks: BTreeMap<OperatorId, super::Track>,
    /// Committees that were given up for this case, with their keys where they had made one.
    pub spent: Vec<Vec<OperatorId>>,
    /// The operator that the contract wants out, where it names one.
    pub leaving: Option<OperatorId>,
    /// Operators that made earlier attempts of this case fail.
    pub avoid: Vec<OperatorId>,
    /// Why the last attempt failed.
    pub last_failure: Option<SafeText>,
    /// 1 for the first.
    pub attempt: u32,
}

/// An exit that was published and whose times the chain's rules have not been asked for yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// When it was published.
    pub at: UnixMillis,
    /// First epoch in which it is valid.
    pub epoch: u64,
}

/// One thing to do. Results come back as inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Gather facts, make the checks, and propose.
    Prepare {
        case: CaseId,
        pool: PoolId,
        purpose: Purpose,
        draft: Box<Draft>,
    },
    /// Run a ceremony that was just journaled, or find out what became of one that was journaled before a restart.
    RunCeremony {
        case: CaseId,
        request: RequestId,
        plan: CeremonyPlan,
        /// By which DKG backend.
        backend: BackendName,
        /// `false` after a restart, and while the outcome is unknown: look, never start again.
        start: bool,
    },
    /// Sign a transaction. It does not leave.
    Sign {
        action: ActionId,
        payload: TransactionPayload,
        nonce: u64,
        /// The bytes that these replace, with the same nonce.
        replaces: Option<SignedTransaction>,
    },
    /// Hand journaled bytes to the nodes.
    Send {
        action: ActionId,
        transaction: SignedTransaction,
    },
    /// Ask the chain about a nonce.
    Inspect {
        action: ActionId,
        nonce: u64,
        /// Every hash ever sent with it.
        hashes: Vec<Root>,
    },
    /// Offer a signed exit to every beacon node.
    PublishExit {
        action: ActionId,
        payload: super::ExitPayload,
    },
    /// Ask the beacon chain about a validator.
    LookUpValidator {
        /// The case that follows it.
        case: CaseId,
        validator: BlsPublicKey,
        /// To be predicted by the chain's rules as well.
        published: Option<Published>,
    },
}
