//! The port, for several nodes.

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::wire::Data;
use super::{Beacon, validators::Id};
use crate::ports::Answer;
use crate::ports::consensus::{
    Consensus, ExitRules, Fork, Heard, Hint, NodeAnswer, NodeHealth, PublishVerdict, SignedExit, Validator,
};
use crate::types::BlsPublicKey;

/// Keys in one question for validators: a URL of some 3,000 characters.
const KEYS_AT_ONCE: usize = 24;

#[async_trait]
impl Consensus for Beacon {
    async fn nodes(&self) -> Vec<NodeHealth> {
        self.check().await
    }

    async fn rules(&self) -> Heard<ExitRules> {
        self.rules_of_all().await
    }

    async fn forks(&self) -> Answer<Vec<Fork>> {
        let forks = self
            .read::<Data<Vec<Fork>>>("fork schedule", "/eth/v1/config/fork_schedule")
            .await;
        forks.map(|forks| forks.data).into()
    }

    async fn validator(&self, key: &BlsPublicKey) -> Heard<Validator> {
        self.look_up_one(Id::Key(*key)).await
    }

    async fn validator_at(&self, index: u64) -> Heard<Validator> {
        self.look_up_one(Id::Index(index)).await
    }

    async fn validators(&self, keys: &[BlsPublicKey]) -> Vec<Heard<Validator>> {
        let mut all = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let ids: Vec<_> = keys.iter().copied().map(Id::Key).collect();
            all.extend(self.look_up(&ids).await);
        }
        all
    }

    async fn validator_by_each(&self, key: &BlsPublicKey) -> Vec<NodeAnswer<Validator>> {
        let ids = [Id::Key(*key)];
        let voices = self.inner.nodes.iter().map(async |node| NodeAnswer {
            answer: match self.validators_of(node, &ids).await {
                Ok(answers) => only(answers),
                Err(error) => Answer::not_known(format!("{}: {error}", node.name)),
            },
            node: node.name.clone(),
        });
        join_all(voices).await
    }

    async fn pool_exits(&self) -> Answer<Vec<SignedExit>> {
        let exits = self
            .read::<Data<Vec<SignedExit>>>("exit pool", "/eth/v1/beacon/pool/voluntary_exits")
            .await;
        exits.map(|exits| exits.data).into()
    }

    async fn publish_exit(&self, exit: &SignedExit) -> Vec<PublishVerdict> {
        self.publish(exit).await
    }

    async fn listen(&self, out: mpsc::Sender<Hint>) {
        let nodes = 0..self.inner.nodes.len();
        join_all(nodes.map(|index| self.listen_to(index, out.clone()))).await;
    }
}

impl Beacon {
    async fn look_up_one(&self, id: Id) -> Heard<Validator> {
        let heard = self.look_up(&[id]).await.into_iter().next();
        heard.unwrap_or_else(|| Heard::of(only(Vec::new())))
    }
}

fn only(answers: Vec<Answer<Validator>>) -> Answer<Validator> {
    let answer = answers.into_iter().next();
    answer.unwrap_or_else(|| Answer::not_known("nothing was asked"))
}
