//! Each node by every question that something rests on: what `doctor` asks.

use serde::Deserialize;

use super::Beacon;
use super::http::NodeError;
use super::node::Node;
use super::wire::{Data, SPEC_PATH, Spec};
use crate::ports::consensus::NodeHealth;
use crate::types::SafeText;

/// How a node is, and what it tells, judged as everything else here is.
#[derive(Debug)]
pub struct NodeExamined {
    /// As it is shown while the program runs.
    pub health: NodeHealth,
    /// Its program and version, where it tells them.
    pub version: SafeText,
    /// Its word counts: our chain, in sync, and with its execution node.
    pub counts: Result<(), NodeError>,
    /// The chain's constants.
    pub spec: Result<Spec, NodeError>,
    /// It lists validators, and has one by itself in its head state: only then it can say that a key is unknown.
    pub validators: Result<(), NodeError>,
}

/// `/eth/v1/node/version`.
#[derive(Deserialize)]
struct Version {
    version: SafeText,
}

impl Beacon {
    /// Looks at every node now, in the configured order.
    pub async fn examine(&self) -> Vec<NodeExamined> {
        let mut all = Vec::new();
        for node in &self.inner.nodes {
            all.push(self.examined(node).await);
        }
        all
    }

    async fn examined(&self, node: &Node) -> NodeExamined {
        node.forget_check();
        let counts = self.admit(node).await;
        let version = self.get::<Data<Version>>(node, "/eth/v1/node/version", &[]).await;
        let spec = self.get::<Data<Spec>>(node, SPEC_PATH, &[]).await;
        let validators = self.tells_validators(node).await;
        NodeExamined {
            health: node.health(),
            version: version.map(|told| told.data.version).unwrap_or_default(),
            counts,
            spec: spec.map(|told| told.data),
            validators,
        }
    }
}
