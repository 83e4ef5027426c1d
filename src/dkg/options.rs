//! What is configured of ceremonies (`[dkg]`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::types::{BackendName, RedactedUrl};

/// Which messenger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessengerChoice {
    /// One that runs elsewhere.
    Foreign(RedactedUrl),
    /// Our own, within this process.
    Embedded {
        /// Plain HTTP; port 0 takes a free one.
        listen: SocketAddr,
        /// How operators reach it. `None`: `http://` and the address that was bound.
        public_url: Option<RedactedUrl>,
    },
}

/// How the oracle runs ceremonies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkgConfig {
    /// Which backend; one of [`backends`](super::backends).
    pub backend: BackendName,
    /// RockX: who relays between the operators.
    pub messenger: MessengerChoice,
    /// RockX: where the observer listens.
    pub observer_listen: SocketAddr,
    /// How the messenger reaches the observer. `None`: `http://` and the address that was bound.
    pub observer_public_url: Option<RedactedUrl>,
    /// Longest silence of an operator within a round.
    pub round_deadline: Duration,
    /// RSA key that signs start messages.
    pub initiator_key_file: Option<PathBuf>,
}
