//! Publishing an exit: to every node, each with its own verdict.

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{Beacon, Node, NodeError, classify, http};
use crate::log_limit::LogLimit;
use crate::ports::consensus::{ExitRefusal, NodeOutcome, PublishVerdict, SignedExit};
use crate::types::SafeText;

static OFFERS: LogLimit = LogLimit::slow();
/// A page is another one each time: it has a number, or the time. So it is logged, and not made a verdict of.
static PAGES: LogLimit = LogLimit::slow();

impl Beacon {
    pub(super) async fn publish(&self, exit: &SignedExit) -> Vec<PublishVerdict> {
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
            (Err(ref error @ NodeError::Status { status, .. }), None) if is_of_gateway(error) => {
                if let Some(left_out) = PAGES.line() {
                    tracing::info!(
                        target: "beacon", node = %node.name, %error, left_out, "an exit was answered in a node's place"
                    );
                }
                let words = format!("no verdict of a beacon node: status {status}");
                verdict(NodeOutcome::NoAnswer(SafeText::new(&words)), SafeText::default())
            }
            (Err(NodeError::Status { message, .. }), None) => {
                verdict(NodeOutcome::Refused(classify(&message)), message)
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
        // offered again until it is in a block: one that is refused for days must not fill the log
        if let Some(left_out) = OFFERS.line() {
            tracing::info!(
                target: "beacon", node = %verdict.node, outcome = %verdict.outcome, left_out, "exit offered"
            );
        }
        verdict
    }
}

/// Whoever stands before a node refuses calls that nobody may make, or that nobody answers: that says nothing of the exit.
/// Of a status that nodes give to exits, the form of the body tells; words that only a node has count in any form.
fn is_of_gateway(error: &NodeError) -> bool {
    let NodeError::Status {
        status,
        message,
        is_nodes,
    } = error
    else {
        return false;
    };
    let is_to_exits = matches!(status, 400 | 422 | 500);
    let is_worded = !matches!(classify(message), ExitRefusal::Other(_));
    !(is_to_exits && (*is_nodes || is_worded))
}
