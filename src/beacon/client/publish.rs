//! Publishing an exit: to every node, each with its own verdict.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Beacon, Node, NodeError, SignedExit, http};
use crate::beacon::exit::{ExitRefusal, classify};
use crate::types::SafeText;

/// What became of an exit at one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "detail")]
pub enum NodeOutcome {
    /// It took the exit.
    Accepted,
    /// It took the exit, but it follows the chain from afar or unchecked, so that does not count.
    AcceptedOutOfSync(SafeText),
    /// It refused the exit.
    Refused(ExitRefusal),
    /// Nothing was sent, because it serves another chain.
    WrongChain(SafeText),
    /// It did not answer; the exit may have arrived all the same.
    NoAnswer(SafeText),
}

/// One node's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishVerdict {
    /// The node, its secrets hidden.
    pub node: SafeText,
    /// What became of it there.
    pub outcome: NodeOutcome,
    /// The node's words, if it had any.
    pub words: SafeText,
}

impl PublishVerdict {
    /// The exit is in the hands of a node that is in sync. That it is in a block only the state tells.
    #[must_use]
    pub fn delivered(&self) -> bool {
        matches!(
            self.outcome,
            NodeOutcome::Accepted | NodeOutcome::Refused(ExitRefusal::AlreadyKnown)
        )
    }
}

impl Beacon {
    /// Sends an exit to every node at once. Sending it again does no harm.
    pub async fn publish_exit(&self, exit: &SignedExit) -> Vec<PublishVerdict> {
        let nodes = self.inner.nodes.iter().map(|node| self.publish_to(node, exit));
        join_all(nodes).await
    }

    async fn publish_to(&self, node: &Node, exit: &SignedExit) -> PublishVerdict {
        let verdict = |outcome, words: SafeText| PublishVerdict {
            node: node.name.clone(),
            outcome,
            words,
        };
        let out_of_sync = match self.admit(node).await {
            Ok(()) => None,
            Err(NodeError::WrongChain(reason)) => {
                return verdict(NodeOutcome::WrongChain(reason), SafeText::default());
            }
            Err(error) => Some(SafeText::new(&error.to_string())),
        };
        let started = Instant::now();
        let call = node.post("/eth/v1/beacon/pool/voluntary_exits").json(exit);
        let result = http::exchange(call).await;
        node.note(started.elapsed(), result.as_ref().err());
        let verdict = match (result, out_of_sync) {
            (Ok(_), None) => verdict(NodeOutcome::Accepted, SafeText::default()),
            (Ok(_), Some(why)) => verdict(NodeOutcome::AcceptedOutOfSync(why), SafeText::default()),
            (Err(NodeError::Status { status, message }), None) => {
                verdict(NodeOutcome::Refused(classify(status, &message)), message)
            }
            // what a node says that does not know the present state is no verdict on the exit
            (Err(NodeError::Status { message, .. }), Some(why)) => {
                verdict(NodeOutcome::NoAnswer(why), message)
            }
            (Err(error), _) => verdict(
                NodeOutcome::NoAnswer(SafeText::new(&error.to_string())),
                SafeText::default(),
            ),
        };
        tracing::info!(target: "beacon", node = %verdict.node, outcome = ?verdict.outcome, "exit published");
        verdict
    }
}
