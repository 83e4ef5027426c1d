//! What a person signs with a key of their own, on another machine: that one action may pass, here and until then.

use std::fmt;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::{ActionId, PersonKey, PersonSignature, Root, UnixMillis};

/// Keeps a signature from meaning anything else anywhere else.
const TAG: &[u8] = b"casimir-dkg decision of a person v1\0";

/// What is said of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stated {
    /// It may pass. Whoever is against it rejects it at a seat.
    Approve,
}

/// A decision on one action of one engine. It can be used once: an action is decided once, and where its number comes
/// again, in a journal restored from a backup or in another one of the same account, the time is another one. An action that
/// waits in a journal whose records are declared lost is void, since its decision may be among them. A backup that is copied
/// into the journal's place together with its checkpoint, or without one, cannot be told from the journal: there it counts
/// again until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The manager contract.
    pub manager: Address,
    /// The oracle's account, where the engine has one.
    pub account: Option<Address>,
    pub action: ActionId,
    /// When the action was proposed. The first text said nothing of it: journals hold signatures under that text, whose bytes
    /// are the same without this field. Nothing is approved with one of them any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_at: Option<UnixMillis>,
    /// The whole digest of what was shown.
    pub digest: Root,
    pub verdict: Stated,
    /// Names of the checks that were unknown when it was signed, in the order of the action's page. Others that are
    /// unknown hold the action back.
    pub unknown: Vec<String>,
    /// What the action demands to be typed; only what cannot be undone does.
    pub phrase: Option<String>,
    /// It counts for nothing from then on.
    pub expires: UnixMillis,
}

impl Statement {
    /// The bytes that are signed with ed25519: a tag of this program and the JSON of the fields, in their order and without
    /// white space.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let body = serde_json::to_vec(self).expect("plain data serialises");
        [TAG, &body].concat()
    }
}

/// A statement with its signature, as it is carried from machine to machine and kept in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedStatement {
    pub statement: Statement,
    /// Whose key it is, the engine's configuration says.
    pub key: PersonKey,
    pub signature: PersonSignature,
}

/// Which of how many approvals one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nth {
    /// 1 for the first.
    pub number: u8,
    /// So many different people it takes.
    pub of: u8,
}

impl fmt::Display for Nth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.number, self.of)
    }
}
