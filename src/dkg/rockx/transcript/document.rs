//! The fields of the document.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::dkg::rockx::judgement::Source;
use crate::types::{
    CeremonyFailure, CeremonyPlan, CeremonyResult, Check, HeldFor, OperatorId, RequestId, Root,
    RsaPublicKeyText, SafeText, UnixMillis,
};

/// The version that this program writes, and the only one it reads.
pub const FORMAT: u32 = 1;

/// How many rejected messages are described.
pub const MAX_REJECTED: usize = 64;

/// The record of one ceremony; see the module's description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// [`FORMAT`].
    pub format: u32,
    /// The ceremony.
    pub request_id: RequestId,
    /// Whose ceremony it was, by the initiator's word; the journal of that oracle names the ceremony.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_for: Option<HeldFor>,
    /// What it was to do.
    pub plan: CeremonyPlan,
    /// Public key of every participant.
    pub operators: BTreeMap<OperatorId, RsaPublicKeyText>,
    /// The initiator was attached after the start.
    pub attached: bool,
    /// When the initiator took it up.
    pub started_at: UnixMillis,
    /// When the verdict was reached.
    pub ended_at: UnixMillis,
    /// The envelope sent to every participant.
    pub start_message: Option<Bytes>,
    /// Answers to the start message.
    pub replies: BTreeMap<OperatorId, StartReply>,
    /// Messages of participants, in order of arrival.
    pub messages: Vec<RecordedMessage>,
    /// What else arrived.
    pub rejected: Vec<SafeText>,
    /// The messenger's stored result, verbatim.
    pub stored: Option<Bytes>,
    /// How it ended.
    pub verdict: RecordedVerdict,
    /// SHA-256 of all fields above.
    pub digest: Root,
}

/// Bytes in base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// What one operator answered to the start message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartReply {
    /// When the answer, or the failure to get one, was known.
    pub at: UnixMillis,
    /// What the answer means.
    pub outcome: StartOutcome,
    /// HTTP status; `None` when there was no answer.
    pub status: Option<u16>,
    /// What it means, in words.
    pub text: SafeText,
}

/// What an operator's answer to the start message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartOutcome {
    /// The session runs: this message started it, or an earlier copy of it did.
    Started,
    /// The node said no.
    Refused,
    /// No connection was made: the node has not seen the message.
    Unreachable,
    /// The message was sent and not answered: the node may have started.
    Unanswered,
}

impl StartReply {
    /// The operator certainly did not start.
    #[must_use]
    pub fn did_not_start(&self) -> bool {
        matches!(self.outcome, StartOutcome::Refused | StartOutcome::Unreachable)
    }
}

/// A message as the observer got it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedMessage {
    /// When it arrived.
    pub at: UnixMillis,
    /// Its sender, by the message's own word.
    pub sender: OperatorId,
    /// The envelope.
    pub raw: Bytes,
}

/// How a ceremony ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum RecordedVerdict {
    /// With a verified result.
    Verified {
        source: Source,
        value: Box<CeremonyResult>,
        /// Every check that was made.
        checks: Vec<Check>,
    },
    /// Without a result.
    Failed {
        /// How, and who caused it.
        failure: CeremonyFailure,
    },
}

/// Length and beginning only.
impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = &self.0[..self.0.len().min(8)];
        write!(f, "{}…({} B)", hex::encode(head), self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        STANDARD.decode(text).map(Self).map_err(de::Error::custom)
    }
}
