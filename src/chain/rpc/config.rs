//! What a client is made of: endpoints, limits, the chain that they must serve.

use std::num::NonZeroU32;
use std::time::Duration;

use super::endpoint::DOUBLINGS;
use crate::http::{BadUrl, Http};
use crate::types::{RedactedUrl, Root, SafeText};

/// Endpoints and limits.
#[derive(Debug, Clone)]
pub struct RpcConfig {
    /// Primary first, then fallbacks.
    pub endpoints: Vec<RedactedUrl>,
    /// The chain that every endpoint must serve (`eth_chainId`).
    pub chain_id: u64,
    /// Hash of the chain's first block, where it is known; else the endpoints must tell it alike.
    pub genesis_block: Option<Root>,
    /// Time for one call to one endpoint, from connecting to the last byte.
    pub deadline: Duration,
    /// A call that takes longer is late: the next endpoint is asked as well, and preferred from then on. Logs and receipts of
    /// blocks may take four times as long.
    pub prompt: Duration,
    /// Longest answer in bytes.
    pub max_response: usize,
    /// First pause after three failures in a row; doubles twice at most.
    pub cooldown: Duration,
    /// How long one call may wait for rate limits in all.
    pub patience: Duration,
    /// How often an endpoint's chain is looked at again.
    pub recheck: Duration,
    /// Calls to one endpoint in one second, at most; more wait for their turn.
    pub calls_per_second: NonZeroU32,
    /// The way out.
    pub http: Http,
}

/// More than a public provider allows, and enough to keep a node of one's own busy.
const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(250).expect("not zero");

impl RpcConfig {
    /// Usual limits: 10 s a call, late after 2 s, 32 MiB, 10 s pause, one minute of patience, chain looked at every 30 s, 250 calls a
    /// second; straight to the endpoints, without a proxy.
    #[must_use]
    pub fn new(endpoints: Vec<RedactedUrl>, chain_id: u64) -> Self {
        Self {
            endpoints,
            chain_id,
            genesis_block: None,
            deadline: Duration::from_secs(10),
            prompt: Duration::from_secs(2),
            max_response: 32 << 20,
            cooldown: Duration::from_secs(10),
            patience: Duration::from_secs(60),
            recheck: Duration::from_secs(30),
            calls_per_second: CALLS_PER_SECOND,
            http: Http::direct(),
        }
    }

    /// For so long an endpoint that goes on failing is left alone at a time.
    #[must_use]
    pub fn longest_pause(&self) -> Duration {
        self.cooldown * 2_u32.pow(DOUBLINGS)
    }
}

/// The endpoints cannot be used at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RpcConfigError {
    /// There is none.
    #[error("no RPC endpoint is configured")]
    NoEndpoint,
    /// One is not a usable URL.
    #[error("RPC endpoint {endpoint}: {reason}")]
    BadUrl {
        /// The URL without its secrets.
        endpoint: SafeText,
        reason: BadUrl,
    },
}
