//! JSON-RPC over several endpoints that may hang, lie, shout or serve another chain.
//!
//! Endpoints are asked in the configured order, one at a time, and the first answer counts. Where one takes longer than is
//! usual, the next is asked as well, and whoever is slow is asked after the others from then on. What decides about money is
//! asked of each ([`super::agreement`]). An error of a node is an answer only where the question has one: a call that
//! reverts, signed bytes that are refused. Every other error says nothing, and the next endpoint is asked. So it is after an
//! answer that has not the form which the method promises, and after one that there is nothing: no such block, receipt,
//! transaction or code. Only where every endpoint that answers has nothing there is none. Each is asked
//! for its chain before it is believed, again at intervals and after every outage. Nothing is repeated that a node has
//! answered, and a signed transaction is only ever sent again as the same bytes.

mod ask;
mod by_receipts;
mod climb;
mod config;
mod endpoint;
mod error;
mod everybody;
mod finalized;
#[cfg(test)]
pub(crate) mod fixture;
mod headers;
mod heads;
mod hedged;
mod http;
mod identity;
mod in_chain;
mod logs;
mod market;
mod methods;
mod server_error;
mod simulate;
mod span;
mod syncing;
mod trial;
mod types;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use alloy::primitives::B256;
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

pub use crate::ports::At;
pub use config::{RpcConfig, RpcConfigError};
pub use endpoint::{EndpointHealth, EndpointState};
pub use error::{Attempt, EndpointError, RpcError};
pub use server_error::ServerError;
pub use trial::LogTrial;
pub use types::{BlockHeader, CallRequest, FeeHistory, LogEntry, LogFilter, Receipt, TransactionInfo};

pub(crate) use heads::{Apart, CommonHead, HeadVerdict};
pub(crate) use in_chain::InChain;
pub(crate) use logs::LogRange;
pub(crate) use market::Told;
pub(crate) use simulate::{BlockContext, as_call};

use endpoint::Endpoint;

use crate::alike::Alike;
use crate::http::{Limits, named_apart};
use crate::ports::Endpoints;
use crate::types::SafeText;

/// Number of an endpoint in the configured order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndpointIndex(usize);

impl EndpointIndex {
    pub(crate) fn position(self) -> usize {
        self.0
    }
}

struct Inner {
    config: RpcConfig,
    endpoints: Vec<Endpoint>,
    next_id: AtomicU64,
    /// Hash of block 0: tells apart two chains that share an id.
    genesis: Mutex<Alike<B256>>,
    climb: Mutex<Option<climb::Climb>>,
}

/// A JSON-RPC client over several endpoints. Clones share their state.
#[derive(Clone)]
pub struct Rpc {
    inner: Arc<Inner>,
    /// Only this endpoint is asked; none: whichever answers first.
    only: Option<EndpointIndex>,
}

impl std::fmt::Debug for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rpc")
            .field("chain_id", &self.inner.config.chain_id)
            .field("endpoints", &self.inner.config.endpoints)
            .finish()
    }
}

impl Rpc {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// See [`RpcConfigError`].
    pub fn new(config: RpcConfig) -> Result<Self, RpcConfigError> {
        if config.endpoints.is_empty() {
            return Err(RpcConfigError::NoEndpoint);
        }
        let mut endpoints = Vec::new();
        let limits = Limits {
            deadline: config.deadline,
            size: config.max_response,
        };
        for url in &config.endpoints {
            let endpoint = config
                .http
                .paced_endpoint(url, limits, config.calls_per_second)
                .map_err(|reason| RpcConfigError::BadUrl {
                    endpoint: SafeText::new(&url.to_string()),
                    reason,
                })?;
            endpoints.push(endpoint);
        }
        let endpoints: Vec<_> = named_apart(endpoints)
            .map(|(endpoint, name)| Endpoint::new(endpoint, name, config.cooldown, config.prompt))
            .collect();
        let known = config.genesis_block.map(|root| B256::from(root.0));
        Ok(Self {
            inner: Arc::new(Inner {
                genesis: Mutex::new(Alike::new(endpoints.len(), known)),
                config,
                endpoints,
                next_id: AtomicU64::new(1),
                climb: Mutex::default(),
            }),
            only: None,
        })
    }

    /// The configured chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.inner.config.chain_id
    }

    /// Every endpoint by its name, as a client that asks nobody else. Health, breakers and limits stay shared.
    #[must_use]
    pub fn each(&self) -> Vec<(SafeText, Self)> {
        let one =
            |(index, endpoint): (usize, &Endpoint)| (endpoint.name.clone(), self.voice(EndpointIndex(index)));
        self.inner.endpoints.iter().enumerate().map(one).collect()
    }

    /// Blocks whose logs are asked for at once, by what the endpoint asked first has taken so far.
    pub(crate) fn log_span(&self) -> u64 {
        let first = self.order().into_iter().next();
        first.map_or(1, |index| self.inner.endpoints[index.0].log_span())
    }

    /// A client that asks this endpoint and nobody else.
    pub(crate) fn voice(&self, endpoint: EndpointIndex) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            only: Some(endpoint),
        }
    }

    /// Tells the endpoints that this client asks apart from others, in a file too: 16 hexadecimal digits, from which no
    /// secret of a URL can be read.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for index in self.indices() {
            let url = &self.inner.config.endpoints[index.0];
            hash.update(url.expose().as_bytes());
            hash.update([0]);
        }
        hex::encode(&hash.finalize()[..8])
    }

    /// Every endpoint's health, in the configured order.
    #[must_use]
    pub fn health(&self) -> Vec<EndpointHealth> {
        self.inner.endpoints.iter().map(Endpoint::health).collect()
    }

    /// How far the chain goes at an endpoint: its logs are asked for up to there.
    fn note_block(&self, endpoint: EndpointIndex, at: At, number: u64) {
        let endpoint = &self.inner.endpoints[endpoint.0];
        match at {
            At::Latest => endpoint.told_head(number),
            _ => endpoint.has_block(number),
        }
    }

    /// An endpoint told what others deny.
    pub(crate) fn blame_for_contradiction(&self, endpoint: EndpointIndex, what: &SafeText) {
        self.inner.endpoints[endpoint.0].contradicted(what);
    }

    /// Two others agree against an endpoint: it is left alone for a while.
    pub(crate) fn bench(&self, endpoint: EndpointIndex, why: &SafeText) {
        self.inner.endpoints[endpoint.0].bench(why);
    }

    /// Every endpoint as a client that asks nobody else.
    pub(crate) fn voices(&self) -> Vec<(EndpointIndex, SafeText, Self)> {
        let numbered = self.each().into_iter().enumerate();
        numbered
            .map(|(index, (name, rpc))| (EndpointIndex(index), name, rpc))
            .collect()
    }

    /// The endpoint that this client asks refused the newest transaction, and why; or took it.
    pub(crate) fn note_refusal(&self, why: Option<SafeText>) {
        if let Some(index) = self.only {
            self.inner.endpoints[index.0].noted_refusal(why);
        }
    }

    /// Whether an endpoint lacks `eth_getBlockReceipts`.
    pub(crate) fn note_without_receipts(&self, endpoint: EndpointIndex, lacks: bool) {
        self.inner.endpoints[endpoint.0].lacks_receipts(lacks);
    }

    pub(crate) fn blame_for_omission(&self, endpoint: EndpointIndex) {
        self.inner.endpoints[endpoint.0].omitted_log();
    }
}

#[async_trait]
impl Endpoints for Rpc {
    fn health(&self) -> Vec<EndpointHealth> {
        Rpc::health(self)
    }

    async fn look(&self) {
        self.look_at_chains().await;
        self.ask_whether_syncing().await;
    }

    fn contradicted(&self, position: usize, what: &SafeText) {
        if let Some(endpoint) = self.inner.endpoints.get(position) {
            endpoint.contradicted(what);
        }
    }
}
