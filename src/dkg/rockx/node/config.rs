//! What a node needs to know to run.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::directory::DirectorySources;
use super::policy::{Policy, ValidatorIndices};
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::http::Http;
use crate::listen::{Network, Tls};
use crate::types::{OperatorId, RedactedUrl};

/// Configuration of one operator node.
#[derive(Clone)]
pub struct NodeConfig {
    /// SSV operator id; also its Shamir x-coordinate and its name at the messenger.
    pub id: OperatorId,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Under which URL the messenger reaches this node; `None`: `http://` and the address that was bound.
    pub public_url: Option<String>,
    pub messenger_url: RedactedUrl,
    /// The operator's RSA key: signs messages, and seals the shares at rest.
    pub private_key: Arc<OperatorPrivateKey>,
    /// Where the other operators' public keys come from.
    pub directory: DirectorySources,
    /// Directory of the share store; created with mode 0700.
    pub data_dir: PathBuf,
    /// What the node agrees to do.
    pub policy: Policy,
    /// Who knows the validators' indices, which rules about own validators ask for. `None`: nobody.
    pub validator_indices: Option<Arc<dyn ValidatorIndices>>,
    /// How long a round may take. RockX's nodes wait ten minutes.
    pub round_timeout: Duration,
    /// How long it waits for a request's body.
    pub body_deadline: Duration,
    /// How often the node registers itself with the messenger again, which may have been restarted.
    pub registration_interval: Duration,
    /// Proxies whose `X-Forwarded-For` tells who asks.
    pub trusted_proxies: Vec<Network>,
    /// What it speaks TLS with. `None`: plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// The way to the messenger.
    pub http: Http,
    /// What `GET /version` says; clients of the protocol compare it with the RockX release they know.
    pub version: String,
}

impl NodeConfig {
    /// RockX's round timer.
    pub const DEFAULT_ROUND_TIMEOUT: Duration = Duration::from_secs(600);
    /// Default of [`NodeConfig::body_deadline`].
    pub const DEFAULT_BODY_DEADLINE: Duration = Duration::from_secs(10);
    /// Default of [`NodeConfig::registration_interval`].
    pub const DEFAULT_REGISTRATION_INTERVAL: Duration = Duration::from_secs(30);
    /// The RockX release whose protocol this node speaks.
    pub const PROTOCOL_VERSION: &'static str = "0.2.13";

    /// A configuration with RockX's defaults, without any operator but itself, and with nothing refused; straight to the
    /// messenger, without a proxy.
    #[must_use]
    pub fn new(
        id: OperatorId,
        private_key: Arc<OperatorPrivateKey>,
        messenger_url: RedactedUrl,
        data_dir: PathBuf,
    ) -> Self {
        Self {
            id,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            messenger_url,
            private_key,
            directory: DirectorySources::default(),
            data_dir,
            policy: Policy::default(),
            validator_indices: None,
            round_timeout: Self::DEFAULT_ROUND_TIMEOUT,
            body_deadline: Self::DEFAULT_BODY_DEADLINE,
            registration_interval: Self::DEFAULT_REGISTRATION_INTERVAL,
            trusted_proxies: Vec::new(),
            tls: None,
            http: Http::direct(),
            version: Self::PROTOCOL_VERSION.to_owned(),
        }
    }
}

impl fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeConfig")
            .field("id", &self.id)
            .field("listen", &self.listen)
            .field("public_url", &self.public_url)
            .field("messenger_url", &self.messenger_url)
            .field("data_dir", &self.data_dir)
            .field("round_timeout", &self.round_timeout)
            .finish_non_exhaustive()
    }
}
