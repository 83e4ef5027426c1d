//! Several beacon nodes. Reads take the first one that serves our chain and is in sync; an exit goes to every one.
//!
//! Clients differ: one answers a comma list of ids with nothing (so parameters are repeated), one answers 500 to every
//! bad exit, error bodies have any form. What is common is all that is relied upon.

mod consensus;
mod events;
mod examine;
mod http;
mod node;
mod publish;
mod refusal;
mod rules;
mod validators;
mod voices;
mod wire;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde::de::DeserializeOwned;

pub use examine::NodeExamined;
pub use http::NodeError;
pub use refusal::classify;
pub use wire::{MissingConstant, Spec};

use node::Node;
use wire::Data;

use crate::alike::Alike;
use crate::http::{BadUrl, Http, Limits, named_apart};
use crate::ports::consensus::{ExitRules, Genesis, NodeHealth};
use crate::types::{RedactedUrl, Root, SafeText};

/// Nodes and limits.
#[derive(Debug, Clone)]
pub struct BeaconConfig {
    /// Base URLs, the preferred first.
    pub nodes: Vec<RedactedUrl>,
    /// The chain, where the network's preset knows it. Otherwise the nodes must tell it alike.
    pub genesis_validators_root: Option<Root>,
    /// The chain's rules, where they are built in: no node's word changes them. Otherwise the nodes must tell them alike.
    pub rules: Option<ExitRules>,
    /// Time for one request.
    pub deadline: Duration,
    /// Longest answer in bytes.
    pub max_response: usize,
    /// A node is not in sync whose head is more slots behind this machine's clock, whatever it says; none where clocks say
    /// nothing.
    pub most_behind: Option<u64>,
    /// How long a node's state of synchronisation is believed.
    pub recheck: Duration,
    /// The way out.
    pub http: Http,
}

/// Beacon nodes are asked seldom; this only keeps a mistake from becoming a storm.
const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

/// Nodes that are looked at side by side.
const AT_ONCE: usize = 8;

impl BeaconConfig {
    /// Usual limits: 10 s a request, 16 MiB, synchronisation looked at every 6 s; straight to the nodes, without a
    /// proxy.
    #[must_use]
    pub fn new(nodes: Vec<RedactedUrl>, genesis_validators_root: Option<Root>) -> Self {
        Self {
            nodes,
            genesis_validators_root,
            rules: None,
            deadline: Duration::from_secs(10),
            max_response: 16 << 20,
            most_behind: None,
            recheck: Duration::from_secs(6),
            http: Http::direct(),
        }
    }
}

struct Inner {
    config: BeaconConfig,
    nodes: Vec<Node>,
    genesis: Mutex<Alike<Root>>,
    /// How long a slot takes, once the nodes have told it alike.
    slot: Mutex<Option<Duration>>,
}

/// A client of several beacon nodes. Clones share their state.
#[derive(Clone)]
pub struct Beacon {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Beacon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Beacon")
            .field("nodes", &self.inner.config.nodes)
            .finish()
    }
}

/// No node could answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BeaconError {
    /// None is configured.
    #[error("no beacon node is configured")]
    NoNode,
    /// One is not a usable URL.
    #[error("beacon node {node}: {reason}")]
    BadUrl {
        /// The URL without its secrets.
        node: SafeText,
        reason: BadUrl,
    },
    /// Each node and why it did not answer.
    #[error("{what}: no beacon node answered: {}", list(.attempts))]
    Unanswered {
        /// What was asked.
        what: &'static str,
        /// Node and reason, in the order they were asked.
        attempts: Vec<(SafeText, NodeError)>,
    },
}

fn list(attempts: &[(SafeText, NodeError)]) -> String {
    let parts: Vec<_> = attempts
        .iter()
        .map(|(node, error)| format!("{node}: {error}"))
        .collect();
    parts.join("; ")
}

impl Beacon {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// No node is configured, or one has no usable URL.
    pub fn new(config: BeaconConfig) -> Result<Self, BeaconError> {
        if config.nodes.is_empty() {
            return Err(BeaconError::NoNode);
        }
        let mut nodes = Vec::new();
        let limits = Limits {
            deadline: config.deadline,
            size: config.max_response,
        };
        for url in &config.nodes {
            let endpoint = config.http.paced_endpoint(url, limits, CALLS_PER_SECOND);
            nodes.push(endpoint.map_err(|reason| BeaconError::BadUrl {
                node: SafeText::new(&url.to_string()),
                reason,
            })?);
        }
        let nodes: Vec<_> = named_apart(nodes)
            .map(|(endpoint, name)| Node::new(endpoint, name))
            .collect();
        Ok(Self {
            inner: Arc::new(Inner {
                slot: Mutex::new(config.rules.map(|rules| rules.slot)),
                config,
                genesis: Mutex::new(Alike::new(nodes.len(), None)),
                nodes,
            }),
        })
    }

    /// Every node's health, in the configured order.
    #[must_use]
    pub fn health(&self) -> Vec<NodeHealth> {
        self.inner.nodes.iter().map(Node::health).collect()
    }

    /// Looks at every node now, a few at a time: one that does not answer costs a deadline, and not one for each.
    pub async fn check(&self) -> Vec<NodeHealth> {
        let nodes = self.inner.nodes.iter();
        let looks: Vec<_> = nodes.map(|node| self.look(node)).collect();
        stream::iter(looks)
            .buffer_unordered(AT_ONCE)
            .collect::<()>()
            .await;
        self.health()
    }

    async fn look(&self, node: &Node) {
        node.forget_check();
        let _ = self.admit(node).await;
    }

    /// The chain's genesis.
    ///
    /// # Errors
    /// No node answers whose word counts.
    pub async fn genesis(&self) -> Result<Genesis, BeaconError> {
        let genesis: Data<Genesis> = self.read("genesis", "/eth/v1/beacon/genesis").await?;
        Ok(genesis.data)
    }

    /// The chain's constants, as one node tells them: nothing is decided by them.
    ///
    /// # Errors
    /// No node answers whose word counts.
    pub async fn spec(&self) -> Result<Spec, BeaconError> {
        let spec: Data<Spec> = self.read("spec", wire::SPEC_PATH).await?;
        Ok(spec.data)
    }

    fn knows_slot(&self, slot: Duration) {
        *self.inner.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(slot);
    }

    /// Asks the nodes in order, and last those that did not answer before; the first that serves our chain, is in sync and
    /// answers counts.
    async fn read<T: DeserializeOwned>(&self, what: &'static str, path: &str) -> Result<T, BeaconError> {
        let mut attempts = Vec::new();
        let mut order: Vec<_> = self.inner.nodes.iter().collect();
        order.sort_by_key(|node| node.is_down());
        for node in order {
            let result = match self.admit(node).await {
                Ok(()) => self.get(node, path, &[]).await,
                Err(error) => Err(error),
            };
            match result {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    tracing::debug!(target: "beacon", node = %node.name, what, %error, "no answer");
                    attempts.push((node.name.clone(), error));
                }
            }
        }
        Err(BeaconError::Unanswered { what, attempts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nodes_that_do_not_answer_cost_one_deadline_and_not_one_each() {
        // whoever is given up before the last one is asked is not waited for beside it
        let all_asked = Arc::new(tokio::sync::Barrier::new(5));
        let (mut urls, mut silent) = (Vec::new(), tokio::task::JoinSet::new());
        for _ in 0..5 {
            let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls.push(RedactedUrl::new(format!("http://{}", port.local_addr().unwrap())));
            let all_asked = Arc::clone(&all_asked);
            silent.spawn(async move {
                let (mut asker, _) = port.accept().await.unwrap();
                let mut nowhere = tokio::io::sink();
                tokio::select! {
                    _ = all_asked.wait() => true,
                    _ = tokio::io::copy(&mut asker, &mut nowhere) => false,
                }
            });
        }
        let beacon = Beacon::new(BeaconConfig {
            deadline: Duration::from_secs(2),
            ..BeaconConfig::new(urls, None)
        });
        let health = beacon.unwrap().check().await;
        assert_eq!(health.len(), 5);
        assert!(health.iter().all(|node| node.last_error.is_some()), "{health:?}");
        assert_eq!(silent.join_all().await, [true; 5]);
    }
}
