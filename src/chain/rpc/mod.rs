//! JSON-RPC over several endpoints that may hang, lie, shout or serve another chain.
//!
//! Endpoints are asked in the configured order, one at a time, and the first answer counts; what decides about money is
//! asked of each ([`super::agreement`]). Each is asked for its chain before it is believed, again at intervals and after
//! every outage. Nothing is repeated that a node has answered, and
//! a signed transaction is only ever sent again as the same bytes.

mod endpoint;
mod error;
mod headers;
mod http;
mod methods;
mod types;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::primitives::B256;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

pub use crate::ports::At;
pub use endpoint::{EndpointHealth, EndpointState};
pub use error::{Attempt, EndpointError, RpcError, ServerError};
pub use types::{BlockHeader, CallRequest, FeeHistory, LogEntry, LogFilter, Receipt, TransactionInfo};

pub(crate) use headers::HeadersError;

use endpoint::{Admission, Endpoint};
use error::ServerErrorKind;
use headers::HeaderCache;
use http::Reply;

use crate::http::{BadUrl, Http, HttpError, Limits};
use crate::types::{RedactedUrl, SafeText};

/// Endpoints and limits.
#[derive(Debug, Clone)]
pub struct RpcConfig {
    /// Primary first, then fallbacks.
    pub endpoints: Vec<RedactedUrl>,
    /// The chain that every endpoint must serve (`eth_chainId`).
    pub chain_id: u64,
    /// Time for one call to one endpoint, from connecting to the last byte.
    pub deadline: Duration,
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
    /// Usual limits: 10 s a call, 32 MiB, 10 s pause, one minute of patience, chain looked at every 30 s, 250 calls a
    /// second; straight to the endpoints, without a proxy.
    #[must_use]
    pub fn new(endpoints: Vec<RedactedUrl>, chain_id: u64) -> Self {
        Self {
            endpoints,
            chain_id,
            deadline: Duration::from_secs(10),
            max_response: 32 << 20,
            cooldown: Duration::from_secs(10),
            patience: Duration::from_secs(60),
            recheck: Duration::from_secs(30),
            calls_per_second: CALLS_PER_SECOND,
            http: Http::direct(),
        }
    }
}

/// Number of an endpoint in the configured order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndpointIndex(usize);

struct Inner {
    config: RpcConfig,
    endpoints: Vec<Endpoint>,
    next_id: AtomicU64,
    /// Hash of block 0, as the first endpoint told it: tells apart two chains that share an id.
    genesis: Mutex<Option<B256>>,
    headers: Mutex<HeaderCache>,
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
        /// Why.
        reason: BadUrl,
    },
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
            endpoints.push(Endpoint::new(endpoint, config.cooldown));
        }
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                endpoints,
                next_id: AtomicU64::new(1),
                genesis: Mutex::default(),
                headers: Mutex::default(),
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
        let one = |(index, endpoint): (usize, &Endpoint)| {
            let only = Self {
                inner: Arc::clone(&self.inner),
                only: Some(EndpointIndex(index)),
            };
            (endpoint.name.clone(), only)
        };
        self.inner.endpoints.iter().enumerate().map(one).collect()
    }

    /// Every endpoint's health, in the configured order.
    #[must_use]
    pub fn health(&self) -> Vec<EndpointHealth> {
        self.inner.endpoints.iter().map(Endpoint::health).collect()
    }

    /// Looks at the chain of every endpoint now; an error when none serves ours.
    pub async fn verify_chain(&self) -> Result<(), RpcError> {
        let mut attempts = Vec::new();
        let mut good = false;
        for endpoint in &self.inner.endpoints {
            endpoint.forget_check();
            match self.check_chain(endpoint).await {
                Ok(()) => good = true,
                Err(error) => attempts.push(Attempt {
                    endpoint: endpoint.name.clone(),
                    error,
                }),
            }
        }
        if good {
            Ok(())
        } else {
            Err(RpcError::Unanswered {
                method: "eth_chainId",
                attempts,
            })
        }
    }

    /// Makes every endpoint prove its chain again before its next answer counts: for use when what it says looks
    /// like another chain's history.
    pub fn distrust(&self) {
        self.inner.endpoints.iter().for_each(Endpoint::forget_check);
    }

    pub(crate) fn blame_for_omission(&self, endpoint: EndpointIndex) {
        self.inner.endpoints[endpoint.0].omitted_log();
    }

    /// One call, decoded.
    pub(crate) async fn request<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<R, RpcError> {
        self.request_from(method, params).await.map(|(answer, _)| answer)
    }

    /// One call, decoded, with the endpoint that answered it.
    pub(crate) async fn request_from<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<(R, EndpointIndex), RpcError> {
        let (raw, endpoint) = self.request_raw(method, &params).await?;
        match serde_json::from_str(raw.get()) {
            Ok(answer) => Ok((answer, endpoint)),
            Err(e) => Err(RpcError::Unexpected {
                method,
                reason: SafeText::new(&e.to_string()),
            }),
        }
    }

    async fn request_raw(
        &self,
        method: &'static str,
        params: &Value,
    ) -> Result<(Box<RawValue>, EndpointIndex), RpcError> {
        let give_up = Instant::now() + self.inner.config.patience;
        loop {
            let mut attempts = Vec::new();
            let mut retry_at: Option<Instant> = None;
            for (index, endpoint) in self.inner.endpoints.iter().enumerate() {
                if self.only.is_some_and(|only| only != EndpointIndex(index)) {
                    continue;
                }
                let error = match endpoint.admission(self.inner.config.recheck) {
                    Admission::No(error) => error,
                    Admission::Later(at) => {
                        retry_at = Some(retry_at.map_or(at, |other| other.min(at)));
                        EndpointError::RateLimited(at - Instant::now())
                    }
                    Admission::Ready => match self.ask_checked(endpoint, method, params).await {
                        Ok(Reply::Result(raw)) => return Ok((raw, EndpointIndex(index))),
                        Ok(Reply::Error(error)) => return Err(RpcError::Server { method, error }),
                        Err(error) => {
                            let later = match endpoint.admission(self.inner.config.recheck) {
                                Admission::Later(at) => Some(at),
                                _ => over_budget(&error),
                            };
                            retry_at = retry_at.into_iter().chain(later).min();
                            error
                        }
                    },
                };
                attempts.push(Attempt {
                    endpoint: endpoint.name.clone(),
                    error,
                });
            }
            match retry_at {
                // a rate limit passes by itself, so it is waited for; every other failure is the caller's to judge
                Some(at) if at < give_up => tokio::time::sleep_until(at).await,
                _ => return unanswered(method, attempts),
            }
        }
    }

    async fn ask_checked(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        params: &Value,
    ) -> Result<Reply, EndpointError> {
        if endpoint.needs_check(self.inner.config.recheck) {
            self.check_chain(endpoint).await?;
        }
        self.ask(endpoint, method, params).await
    }

    /// One exchange with one endpoint; its health is updated.
    async fn ask(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        params: &Value,
    ) -> Result<Reply, EndpointError> {
        let id = self.inner.next_id.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let result = http::call(&endpoint.http, id, method, params).await;
        let took = started.elapsed();
        let error = match result {
            Ok(Reply::Error(error)) => match error.kind() {
                ServerErrorKind::RateLimited => EndpointError::RateLimited(endpoint.http.slow_down(None)),
                ServerErrorKind::NotHere => {
                    // the node is alive and says honestly what it cannot do
                    endpoint.succeeded(took);
                    return Err(EndpointError::NotHere(error));
                }
                ServerErrorKind::Answer => {
                    endpoint.succeeded(took);
                    return Ok(Reply::Error(error));
                }
            },
            Ok(reply) => {
                endpoint.succeeded(took);
                return Ok(reply);
            }
            Err(EndpointError::Http(error @ HttpError::TooLarge(_))) => {
                endpoint.succeeded(took);
                return Err(error.into());
            }
            Err(error) => error,
        };
        tracing::debug!(target: "chain", endpoint = %endpoint.name, method, %error, "call failed");
        endpoint.failed(&error);
        Err(error)
    }

    async fn check_chain(&self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        let reply = self.ask(endpoint, "eth_chainId", &json!([])).await?;
        let verdict = match reply {
            Reply::Result(raw) => match serde_json::from_str::<alloy::primitives::U64>(raw.get()) {
                Ok(id) if id.to::<u64>() == self.inner.config.chain_id => Ok(()),
                Ok(id) => Err(SafeText::new(&format!(
                    "serves chain {id}, expected {}",
                    self.inner.config.chain_id
                ))),
                Err(e) => return Err(EndpointError::Malformed(SafeText::new(&e.to_string()))),
            },
            Reply::Error(error) => return Err(EndpointError::NotHere(error)),
        };
        let verdict = match verdict {
            Ok(()) => self.check_genesis(endpoint).await?,
            wrong => wrong,
        };
        endpoint.checked(verdict.clone());
        verdict.map_err(EndpointError::WrongChain)
    }

    /// Development chains share ids, so block 0 is compared too. A node that does not know it any more is believed.
    async fn check_genesis(&self, endpoint: &Endpoint) -> Result<Result<(), SafeText>, EndpointError> {
        #[derive(serde::Deserialize)]
        struct Genesis {
            hash: B256,
        }
        let reply = match self
            .ask(endpoint, "eth_getBlockByNumber", &json!(["0x0", false]))
            .await
        {
            Ok(reply) => reply,
            Err(EndpointError::NotHere(_)) => return Ok(Ok(())),
            Err(error) => return Err(error),
        };
        let Reply::Result(raw) = reply else {
            return Ok(Ok(()));
        };
        let Ok(Some(Genesis { hash })) = serde_json::from_str::<Option<Genesis>>(raw.get()) else {
            return Ok(Ok(()));
        };
        let mut known = self
            .inner
            .genesis
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let expected = *known.get_or_insert(hash);
        Ok(if expected == hash {
            Ok(())
        } else {
            Err(SafeText::new(&format!(
                "same chain id, but another genesis block: {hash}, expected {expected}"
            )))
        })
    }
}

/// When the endpoint's budget has room again, if that is what is wrong.
fn over_budget(error: &EndpointError) -> Option<Instant> {
    match error {
        EndpointError::Http(HttpError::OverBudget(wait)) => Some(Instant::now() + *wait),
        _ => None,
    }
}

/// When every endpoint that could be asked says that it cannot answer, that is the answer.
fn unanswered<T>(method: &'static str, mut attempts: Vec<Attempt>) -> Result<T, RpcError> {
    let only_refusals = !attempts.is_empty()
        && attempts
            .iter()
            .all(|attempt| matches!(attempt.error, EndpointError::NotHere(_)));
    if only_refusals
        && let Some(Attempt {
            error: EndpointError::NotHere(error),
            ..
        }) = attempts.pop()
    {
        return Err(RpcError::Server { method, error });
    }
    Err(RpcError::Unanswered { method, attempts })
}
