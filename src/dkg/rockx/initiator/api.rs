//! What callers give to the initiator and get from it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::dkg::transcript::Transcript;
use crate::http::{BadUrl, Http};
use crate::types::{
    CeremonyFailure, CeremonyResult, Check, OperatorId, OperatorProgress, OperatorRecord, RedactedUrl,
    RequestId, Round, SafeText, UnixMillis,
};

/// How the initiator works. Times of single HTTP calls are derived from `round_deadline`.
#[derive(Clone)]
pub struct InitiatorConfig {
    /// Base URL of the messenger, ours or a foreign one.
    pub messenger_url: String,
    /// Where the observer listens; port 0 takes a free one.
    pub observer_listen: SocketAddr,
    /// The observer's base URL as the messenger can reach it. `None`: `http://` and the bound address, which is right
    /// only when the messenger runs on this machine.
    pub observer_public_url: Option<String>,
    /// How long the operators may take for one round.
    pub round_deadline: Duration,
    /// How long a ceremony may take in all, a dead messenger included.
    pub total_deadline: Duration,
    /// Key that start messages are signed with. `None`: 256 zero bytes, which the deployed nodes take.
    pub signing_key: Option<Arc<OperatorPrivateKey>>,
    /// Every operator that may take part.
    pub directory: BTreeMap<OperatorId, OperatorRecord>,
    /// The way to messenger and operators.
    pub http: Http,
}

/// The key is not shown.
impl fmt::Debug for InitiatorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InitiatorConfig")
            .field("messenger", &RedactedUrl::new(&self.messenger_url))
            .field("observer_listen", &self.observer_listen)
            .field("round_deadline", &self.round_deadline)
            .field("total_deadline", &self.total_deadline)
            .field("signs", &self.signing_key.is_some())
            .field("operators", &self.directory.len())
            .finish_non_exhaustive()
    }
}

impl InitiatorConfig {
    /// Default of `round_deadline`.
    pub const ROUND_DEADLINE: Duration = Duration::from_secs(60);
    /// Default of `total_deadline`: longer than the ten-minute timers of the deployed nodes, to see what they report.
    pub const TOTAL_DEADLINE: Duration = Duration::from_secs(15 * 60);

    /// A configuration with the default deadlines, an observer on a free loopback port, and no signing key; straight to
    /// messenger and operators, without a proxy.
    #[must_use]
    pub fn new(messenger_url: impl Into<String>, directory: BTreeMap<OperatorId, OperatorRecord>) -> Self {
        Self {
            messenger_url: messenger_url.into(),
            observer_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            observer_public_url: None,
            round_deadline: Self::ROUND_DEADLINE,
            total_deadline: Self::TOTAL_DEADLINE,
            signing_key: None,
            directory,
            http: Http::direct(),
        }
    }
}

/// The initiator cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitiatorError {
    /// The observer's address cannot be listened on.
    #[error("cannot listen on {address} for the observer: {error}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// By the operating system.
        error: std::io::Error,
    },
    /// The messenger's address is none.
    #[error("the messenger's address: {0}")]
    Messenger(BadUrl),
    /// The observer's public address is none.
    #[error("the observer's public address: {0}")]
    Observer(BadUrl),
}

/// Where a running ceremony stands: a whole picture, so that a lost update does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CeremonyUpdate {
    /// Which ceremony.
    pub request_id: RequestId,
    /// When this was true.
    pub at: UnixMillis,
    /// The round that the ceremony waits for; `None` when every message was seen.
    pub round: Option<Round>,
    /// When that round must be complete.
    pub deadline: Option<UnixMillis>,
    /// Rows of the matrix.
    pub operators: BTreeMap<OperatorId, OperatorProgress>,
    /// What happened last, in words.
    pub note: SafeText,
}

/// A ceremony with a verified result.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The result.
    pub result: CeremonyResult,
    /// Every check that was made; none has failed.
    pub checks: Vec<Check>,
    /// Last state of each operator; a signer of a bad partial signature is `Blamed` here.
    pub progress: BTreeMap<OperatorId, OperatorProgress>,
    /// The proof, to be kept.
    pub transcript: Box<Transcript>,
}

/// A ceremony without a result.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{failure}")]
pub struct Failed {
    /// How, and who caused it.
    pub failure: CeremonyFailure,
    /// Last state of each operator.
    pub progress: BTreeMap<OperatorId, OperatorProgress>,
    /// The evidence, to be kept; also when nothing was started.
    pub transcript: Box<Transcript>,
}

impl From<Box<Failed>> for CeremonyFailure {
    fn from(failed: Box<Failed>) -> Self {
        failed.failure
    }
}
