//! What the initiator is told once, and why it does not start.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::http::{BadUrl, Http};
use crate::listen::Network;
use crate::types::{HeldFor, OperatorId, OperatorRecord, RedactedUrl};

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
    /// Proxies before the observer, whose `X-Forwarded-For` tells who asks.
    pub observer_trusted_proxies: Vec<Network>,
    /// The messenger runs in this process: while one is away the other is too.
    pub messenger_is_ours: bool,
    /// The secret by which a messenger in this process knows this initiator. `None`: one of its own.
    pub house: Option<SecretString>,
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
    /// For whom ceremonies are held, as their transcripts say.
    pub held_for: Option<HeldFor>,
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
            messenger_is_ours: false,
            house: None,
            observer_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            observer_public_url: None,
            observer_trusted_proxies: Vec::new(),
            round_deadline: Self::ROUND_DEADLINE,
            total_deadline: Self::TOTAL_DEADLINE,
            signing_key: None,
            directory,
            http: Http::direct(),
            held_for: None,
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
