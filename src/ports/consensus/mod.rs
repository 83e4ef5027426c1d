//! The consensus layer as the engine needs it: the chain's rules, its validators, and a way to publish exits.
//!
//! Whoever implements this speaks for one chain. It asks as many nodes as it knows; which of them counts, and what makes
//! a *no*, is its own knowledge.

pub(crate) mod decimal;
mod exit;
mod heard;
mod node;
mod rules;
mod validator;

use std::fmt;

use async_trait::async_trait;
use tokio::sync::mpsc;

pub use exit::{ExitMessage, ExitRefusal, NodeOutcome, PublishVerdict, SignedExit};
pub use heard::Heard;
pub use node::{Hint, NodeAnswer, NodeHealth, NodeState};
pub use rules::{ExitRules, Fork, Genesis};
pub use validator::{Validator, ValidatorStatus};

use super::Answer;
use crate::types::BlsPublicKey;

/// Beacon nodes of one chain.
#[async_trait]
pub trait Consensus: fmt::Debug + Send + Sync {
    /// Looks at every node now, and tells how each is, in the configured order. There is always at least one.
    async fn nodes(&self) -> Vec<NodeHealth>;

    /// What the chain's constants and its genesis mean for exits. Never a *no*.
    async fn rules(&self) -> Heard<ExitRules>;

    /// The chain's forks, as far as a node lists them: some leave out those that begin with the chain. Never a *no*.
    async fn forks(&self) -> Answer<Vec<Fork>>;

    /// A validator of the head state by its key, from the first node that can tell.
    async fn validator(&self, key: &BlsPublicKey) -> Heard<Validator>;

    /// A validator of the head state by its index, from the first node that can tell.
    async fn validator_at(&self, index: u64) -> Heard<Validator>;

    /// Validators of the head state by their keys, an answer for each in the same order.
    async fn validators(&self, keys: &[BlsPublicKey]) -> Vec<Heard<Validator>>;

    /// A validator of the head state as each node has it, in the configured order.
    async fn validator_by_each(&self, key: &BlsPublicKey) -> Vec<NodeAnswer<Validator>>;

    /// Exits that wait for a block in the pool of the first node that answers. Never a *no*.
    async fn pool_exits(&self) -> Answer<Vec<SignedExit>>;

    /// Publishes an exit to every node at once. Publishing it again does no harm.
    async fn publish_exit(&self, exit: &SignedExit) -> Vec<PublishVerdict>;

    /// Listens to every node until nobody receives any more, or the future is dropped. The same event may come from
    /// several nodes; nothing may depend on one that does not come.
    async fn listen(&self, out: mpsc::Sender<Hint>);
}
