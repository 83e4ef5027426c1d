//! Beacon nodes that say what a test wants.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::ports::Answer;
use crate::ports::consensus::{
    Consensus, ExitRules, Fork, Heard, Hint, NodeAnswer, NodeHealth, NodeOutcome, NodeState, PublishVerdict,
    SignedExit, Validator,
};
use crate::types::{BlsPublicKey, SafeText};

/// One node. A healthy one has a state with these validators and no others.
#[derive(Debug, Clone)]
pub(crate) struct FakeNode {
    pub(crate) name: SafeText,
    pub(crate) state: NodeState,
    pub(crate) validators: Vec<Validator>,
    /// What it makes of an exit.
    pub(crate) outcome: NodeOutcome,
}

impl FakeNode {
    pub(crate) fn healthy(name: &str, validators: &[Validator]) -> Self {
        Self {
            name: SafeText::new(name),
            state: NodeState::Healthy,
            validators: validators.to_vec(),
            outcome: NodeOutcome::Accepted,
        }
    }

    fn validator(&self, wanted: impl Fn(&Validator) -> bool) -> Answer<Validator> {
        if self.state != NodeState::Healthy {
            return Answer::not_known(format!("{} is not in sync", self.name));
        }
        match self.validators.iter().find(|v| wanted(v)) {
            Some(validator) => Answer::Yes(validator.clone()),
            None => Answer::no(format!("{} has no such validator", self.name)),
        }
    }
}

/// What a test has told it to say.
#[derive(Debug)]
pub(crate) struct FakeConsensus {
    pub(crate) nodes: Mutex<Vec<FakeNode>>,
    pub(crate) rules: Answer<ExitRules>,
    pub(crate) forks: Answer<Vec<Fork>>,
    pub(crate) pool: Answer<Vec<SignedExit>>,
    /// What it says of rules that rest on one voice.
    pub(crate) rules_alone: Option<SafeText>,
}

impl FakeConsensus {
    /// These nodes; of the chain's rules nothing is known until a test says so.
    pub(crate) fn of(nodes: Vec<FakeNode>) -> Self {
        Self {
            nodes: Mutex::new(nodes),
            rules: Answer::not_known("no rules"),
            forks: Answer::not_known("no forks"),
            pool: Answer::Yes(Vec::new()),
            rules_alone: None,
        }
    }

    /// The nodes, to be changed in the middle of a test.
    pub(crate) fn nodes_mut(&self) -> MutexGuard<'_, Vec<FakeNode>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn first(&self, wanted: impl Fn(&Validator) -> bool + Copy) -> Heard<Validator> {
        let answers = self.nodes_mut();
        let known = answers
            .iter()
            .map(|node| node.validator(wanted))
            .find(|answer| !matches!(answer, Answer::NotKnown(_)));
        let leaves =
            |answer: &Answer<Validator>| answer.as_ref().yes().is_some_and(|v| v.status.is_exiting());
        let say_so = answers.iter().filter(|node| leaves(&node.validator(wanted)));
        // as the real ones: nobody leaves by one voice
        if known.as_ref().is_some_and(leaves) && say_so.count() < answers.len().min(2) {
            return Heard::of(Answer::not_known("that it leaves is one node's word"));
        }
        let healthy = answers.iter().filter(|node| node.state == NodeState::Healthy);
        let alone = match healthy.collect::<Vec<_>>()[..] {
            [one] if answers.len() > 1 => Some(SafeText::new(&format!("it is told by {} alone", one.name))),
            _ => None,
        };
        let answer = known.unwrap_or_else(|| Answer::not_known("no node is in sync"));
        Heard { answer, alone }
    }
}

#[async_trait]
impl Consensus for FakeConsensus {
    async fn nodes(&self) -> Vec<NodeHealth> {
        let health = |node: &FakeNode| NodeHealth {
            name: node.name.clone(),
            state: node.state,
            latency: None,
            last_error: None,
            last_ok: None,
            head_slot: None,
            genesis_time: None,
            contradicted: None,
        };
        self.nodes_mut().iter().map(health).collect()
    }

    async fn rules(&self) -> Heard<ExitRules> {
        Heard {
            answer: self.rules.clone(),
            alone: self.rules_alone.clone(),
        }
    }

    async fn forks(&self) -> Answer<Vec<Fork>> {
        self.forks.clone()
    }

    async fn validator(&self, key: &BlsPublicKey) -> Heard<Validator> {
        self.first(|v| v.public_key == *key)
    }

    async fn validator_at(&self, index: u64) -> Heard<Validator> {
        self.first(|v| v.index == index)
    }

    async fn validators(&self, keys: &[BlsPublicKey]) -> Vec<Heard<Validator>> {
        keys.iter()
            .map(|key| self.first(|v| v.public_key == *key))
            .collect()
    }

    async fn validator_by_each(&self, key: &BlsPublicKey) -> Vec<NodeAnswer<Validator>> {
        let voice = |node: &FakeNode| NodeAnswer {
            node: node.name.clone(),
            answer: node.validator(|v| v.public_key == *key),
        };
        self.nodes_mut().iter().map(voice).collect()
    }

    async fn pool_exits(&self) -> Answer<Vec<SignedExit>> {
        self.pool.clone()
    }

    async fn publish_exit(&self, _: &SignedExit) -> Vec<PublishVerdict> {
        let verdict = |node: &FakeNode| PublishVerdict {
            node: node.name.clone(),
            outcome: node.outcome.clone(),
            words: SafeText::default(),
        };
        self.nodes_mut().iter().map(verdict).collect()
    }

    async fn listen(&self, out: mpsc::Sender<Hint>) {
        out.closed().await;
    }
}
