//! Several beacon nodes. Reads take the first one that serves our chain and is in sync; an exit goes to every one.
//!
//! Clients differ: one answers a comma list of ids with nothing (so parameters are repeated), one answers 500 to every
//! bad exit, error bodies have any form. What is common is all that is relied upon.

mod events;
mod http;
mod node;
mod publish;
mod types;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use events::{EventStream, Hint};
pub use http::NodeError;
pub use node::{NodeHealth, NodeState};
pub use publish::{NodeOutcome, PublishVerdict};
pub use types::{
    ExitMessage, Fork, Genesis, MissingConstant, SignedExit, Spec, Syncing, Validator, ValidatorStatus,
};

use node::Node;

use crate::http::{BadUrl, Http, Limits};
use crate::types::{BlsPublicKey, RedactedUrl, Root, SafeText};

/// Nodes and limits.
#[derive(Debug, Clone)]
pub struct BeaconConfig {
    /// Base URLs, the preferred first.
    pub nodes: Vec<RedactedUrl>,
    /// The chain, where the network's preset knows it. Otherwise the first node that answers says which it is.
    pub genesis_validators_root: Option<Root>,
    /// Time for one request.
    pub deadline: Duration,
    /// Longest answer in bytes.
    pub max_response: usize,
    /// How long a node's state of synchronisation is believed.
    pub recheck: Duration,
    /// The way out.
    pub http: Http,
}

/// Beacon nodes are asked seldom; this only keeps a mistake from becoming a storm.
const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

impl BeaconConfig {
    /// Usual limits: 10 s a request, 16 MiB, synchronisation looked at every 6 s; straight to the nodes, without a
    /// proxy.
    #[must_use]
    pub fn new(nodes: Vec<RedactedUrl>, genesis_validators_root: Option<Root>) -> Self {
        Self {
            nodes,
            genesis_validators_root,
            deadline: Duration::from_secs(10),
            max_response: 16 << 20,
            recheck: Duration::from_secs(6),
            http: Http::direct(),
        }
    }
}

struct Inner {
    config: BeaconConfig,
    nodes: Vec<Node>,
    genesis: Mutex<Option<Genesis>>,
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
        /// Why.
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

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

/// Keys in one question for validators: a URL of some 3,000 characters.
const KEYS_AT_ONCE: usize = 24;

impl Beacon {
    /// A client; nothing is asked yet.
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
            nodes.push(Node::new(endpoint.map_err(|reason| BeaconError::BadUrl {
                node: SafeText::new(&url.to_string()),
                reason,
            })?));
        }
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                nodes,
                genesis: Mutex::default(),
            }),
        })
    }

    /// Every node's health, in the configured order.
    #[must_use]
    pub fn health(&self) -> Vec<NodeHealth> {
        self.inner.nodes.iter().map(Node::health).collect()
    }

    /// Looks at every node now.
    pub async fn check(&self) -> Vec<NodeHealth> {
        for node in &self.inner.nodes {
            node.forget_check();
            let _ = self.admit(node).await;
        }
        self.health()
    }

    /// The chain's genesis.
    pub async fn genesis(&self) -> Result<Genesis, BeaconError> {
        let genesis: Data<Genesis> = self.read("genesis", "/eth/v1/beacon/genesis", &[]).await?;
        Ok(genesis.data)
    }

    /// The chain's constants.
    pub async fn spec(&self) -> Result<Spec, BeaconError> {
        let spec: Data<Spec> = self.read("spec", "/eth/v1/config/spec", &[]).await?;
        Ok(spec.data)
    }

    /// The chain's forks.
    pub async fn fork_schedule(&self) -> Result<Vec<Fork>, BeaconError> {
        let forks: Data<Vec<Fork>> = self
            .read("fork schedule", "/eth/v1/config/fork_schedule", &[])
            .await?;
        Ok(forks.data)
    }

    /// A validator of the head state by its key; none when the state does not have it.
    pub async fn validator(&self, key: &BlsPublicKey) -> Result<Option<Validator>, BeaconError> {
        let found = self.validators(std::slice::from_ref(key)).await?;
        Ok(found.into_iter().next())
    }

    /// Validators of the head state by their keys; those that the state does not have are left out.
    pub async fn validators(&self, keys: &[BlsPublicKey]) -> Result<Vec<Validator>, BeaconError> {
        let mut all = Vec::new();
        for keys in keys.chunks(KEYS_AT_ONCE) {
            // repeated, because a comma list is answered with nothing by one client
            let query: Vec<_> = keys.iter().map(|key| ("id", key.to_string())).collect();
            let path = "/eth/v1/beacon/states/head/validators";
            let found: Data<Vec<Validator>> = match self.read("validators", path, &query).await {
                Ok(found) => found,
                // a list of unknown keys is empty, but not with every client
                Err(error) if error.all_say(404) => continue,
                Err(error) => return Err(error),
            };
            all.extend(found.data.into_iter().filter(|v| keys.contains(&v.public_key)));
        }
        Ok(all)
    }

    /// A validator by its key as every node of our chain that is in sync and answers has it, in the configured order.
    pub async fn validator_by_every_node(&self, key: &BlsPublicKey) -> Vec<Option<Validator>> {
        let path = format!("/eth/v1/beacon/states/head/validators/{key}");
        let ask = async |node: &Node| {
            self.admit(node).await.ok()?;
            match self.get::<Data<Validator>>(node, &path, &[]).await {
                Ok(found) => Some(Some(found.data).filter(|v| v.public_key == *key)),
                Err(NodeError::Status { status: 404, .. }) => Some(None),
                Err(error) => {
                    tracing::debug!(target: "beacon", node = %node.name, %error, "no answer on a validator");
                    None
                }
            }
        };
        let answers = futures_util::future::join_all(self.inner.nodes.iter().map(ask)).await;
        answers.into_iter().flatten().collect()
    }

    /// A validator of the head state by its index.
    pub async fn validator_by_index(&self, index: u64) -> Result<Option<Validator>, BeaconError> {
        let path = format!("/eth/v1/beacon/states/head/validators/{index}");
        match self.read::<Data<Validator>>("validator", &path, &[]).await {
            Ok(found) => Ok(Some(found.data).filter(|v| v.index == index)),
            Err(error) if error.all_say(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Exits that wait in the pool of the node that is asked.
    pub async fn pool_exits(&self) -> Result<Vec<SignedExit>, BeaconError> {
        let exits: Data<Vec<SignedExit>> = self
            .read("exit pool", "/eth/v1/beacon/pool/voluntary_exits", &[])
            .await?;
        Ok(exits.data)
    }

    /// Asks the nodes in order; the first that serves our chain, is in sync and answers counts.
    async fn read<T: DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, BeaconError> {
        let mut attempts = Vec::new();
        for node in &self.inner.nodes {
            let result = match self.admit(node).await {
                Ok(()) => self.get(node, path, query).await,
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

impl BeaconError {
    /// Every node that is of our chain and in sync answered with this status, and there was one.
    fn all_say(&self, wanted: u16) -> bool {
        let Self::Unanswered { attempts, .. } = self else {
            return false;
        };
        let mut answers = attempts.iter().filter_map(|(_, error)| match error {
            NodeError::Status { status, .. } => Some(*status),
            _ => None,
        });
        answers.next().is_some_and(|first| first == wanted) && answers.all(|status| status == wanted)
    }
}
