//! What the core is given at a head, asked of every endpoint: the manager's queue, and the number of the next registration.
//! Beside how far they agree stands what they agree on, or what most of them say.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use alloy::primitives::{Address, U256, keccak256};
use async_trait::async_trait;

use super::words;
use crate::ports::{
    Accord, Agreement, Answer, At, PoolManager, Question, SsvState, UNTOLD, Unknown, Voice, Words,
};
use crate::types::{BlockRef, ClusterSnapshot, OperatorId, PoolId, SafeText};

/// Pools that are named in full where endpoints differ on a list of them.
const NAMED: usize = 12;

/// What the manager's state says at a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// `getReadyPoolIds`, in queue order.
    pub ready: Vec<PoolId>,
    /// `getPendingPoolIds`.
    pub pending: Vec<PoolId>,
    /// `getStakedPoolIds`.
    pub staked: Vec<PoolId>,
    /// The number that the next registration takes by that, where it implies one.
    pub implied: Option<u64>,
}

impl QueueState {
    /// Reads it.
    ///
    /// # Errors
    /// One of the lists could not be read.
    pub async fn read(manager: &dyn PoolManager, at: At) -> Result<Self, Unknown> {
        let (ready, pending, staked, implied) = tokio::join!(
            manager.ready(at),
            manager.pending(at),
            manager.staked(at),
            manager.implied_owner_nonce(at),
        );
        Ok(Self {
            ready: ready.value()?,
            pending: pending.value()?,
            staked: staked.value()?,
            implied: implied.and_then(Answer::yes),
        })
    }

    fn words(&self) -> Words {
        let implied = self.implied.map(|implied| implied.to_string());
        vec![
            ("the ready queue", listed(&self.ready)),
            ("the pending pools", listed(&self.pending)),
            ("the staked pools", listed(&self.staked)),
            (
                "the registration nonce that the state implies",
                implied.unwrap_or_else(|| UNTOLD.to_owned()),
            ),
        ]
    }
}

/// A list as it is compared: the first pools by name, and all of them by a digest.
fn listed(pools: &[PoolId]) -> String {
    if pools.is_empty() {
        return "empty".to_owned();
    }
    let names: Vec<_> = pools.iter().take(NAMED).map(PoolId::to_string).collect();
    let mut words = names.join(", ");
    if pools.len() > NAMED {
        let all: Vec<u8> = pools.iter().flat_map(|pool| pool.0.to_be_bytes()).collect();
        let digest = keccak256(all).to_string();
        // writing to a string does not fail
        let _ = write!(words, " and {} more ({})", pools.len() - NAMED, &digest[..10]);
    }
    words
}

/// What the voices said, by the words in which it was compared.
#[derive(Debug)]
struct Heard<T>(Mutex<Vec<(Words, T)>>);

impl<T: Clone> Heard<T> {
    fn nothing() -> Self {
        Self(Mutex::default())
    }

    fn note(&self, words: &Words, value: T) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push((words.clone(), value));
    }

    /// Everything that was said, each once, by how many, and first what most say.
    fn all(&self) -> Vec<(T, usize)> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let support = |words: &Words| heard.iter().filter(|(other, _)| other == words).count();
        let mut distinct: Vec<&(Words, T)> = Vec::new();
        for told in heard.iter() {
            if distinct.iter().all(|(words, _)| *words != told.0) {
                distinct.push(told);
            }
        }
        distinct.sort_by_key(|(words, _)| std::cmp::Reverse(support(words)));
        let told = |(words, value): &(Words, T)| (value.clone(), support(words));
        distinct.into_iter().map(told).collect()
    }

    /// What those say who agree, or are most, or who alone answered. By its words: who noted a value may have answered
    /// something else no more, and counts as silent.
    fn said(&self, accord: &Accord) -> Option<T> {
        let said = match accord {
            Accord::Agree { said, .. } | Accord::TooFew { said: Some(said), .. } => said,
            Accord::Outvoted { most, .. } => most,
            Accord::Alone | Accord::Disagree(_) | Accord::TooFew { said: None, .. } => return None,
        };
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(words, _): &&(Words, T)| words.iter().all(|word| said.contains(word));
        heard.iter().find(is_it).map(|(_, value)| value.clone())
    }
}

/// Something that a voice tells, and the words in which that is compared.
#[async_trait]
trait Subject: Send + Sync {
    type Value: Clone + Send;

    async fn of(&self, voice: &Voice) -> Result<(Words, Self::Value), Unknown>;
}

struct Noted<S: Subject> {
    subject: S,
    heard: Heard<S::Value>,
}

#[async_trait]
impl<S: Subject> Question for Noted<S> {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let (words, value) = self.subject.of(voice).await?;
        self.heard.note(&words, value);
        Ok(words)
    }
}

/// How far the endpoints agree at `block`, and what those say who agree, or are most, or who alone answered.
async fn ask<S: Subject>(
    agreement: &dyn Agreement,
    block: BlockRef,
    subject: S,
) -> (Accord, Option<S::Value>) {
    let heard = Heard::nothing();
    let question = Noted { subject, heard };
    let accord = agreement.ask_at(block, &question).await;
    let said = question.heard.said(&accord);
    (accord, said)
}

/// The manager's queue at `block`, and what those say of it who agree, or are most, or who alone answered.
pub async fn on_state(agreement: &dyn Agreement, block: BlockRef) -> (Accord, Option<QueueState>) {
    ask(agreement, block, State(block)).await
}

/// The owner's registrations at SSV, and how many those count who agree, or are most, or who alone answered.
pub async fn on_count(agreement: &dyn Agreement, block: BlockRef) -> (Accord, Option<u64>) {
    ask(agreement, block, Count(block)).await
}

/// How many transactions an account has sent at `block`, and how many by those who agree, or are most, or who alone answered.
pub async fn on_sent(agreement: &dyn Agreement, account: Address, block: BlockRef) -> (Accord, Option<u64>) {
    ask(agreement, block, Sent(account, block)).await
}

/// What an account has at `block`, and what those say it has who agree, or are most, or who alone answered.
pub async fn on_balance(
    agreement: &dyn Agreement,
    account: Address,
    block: BlockRef,
) -> (Accord, Option<U256>) {
    ask(agreement, block, Balance(account, block)).await
}

/// Why SSV takes no registration with a token amount at `block`, by those who agree, or are most, or who alone answered; the
/// inner none where it takes them.
pub async fn on_registering(
    agreement: &dyn Agreement,
    block: BlockRef,
) -> (Accord, Option<Option<SafeText>>) {
    ask(agreement, block, Registering(block)).await
}

/// The snapshots of these operators' cluster at `block`, as several endpoints rebuild them from SSV's logs: each once, by how
/// many of them, and first what most tell. None where there is one endpoint.
pub async fn on_cluster(
    agreement: &dyn Agreement,
    block: BlockRef,
    operators: &[OperatorId],
) -> Option<Vec<(SsvState, usize)>> {
    let subject = Cluster(block, operators);
    let heard = Heard::nothing();
    let question = Noted { subject, heard };
    let accord = agreement.ask_at(block, &question).await;
    (accord != Accord::Alone).then(|| question.heard.all())
}

/// Those who tell one of these snapshots of a cluster, which SSV calls stale, read its logs anew, and nobody else does: whose
/// history is right must not lose it for another's. Not where there is one endpoint.
pub async fn read_clusters_anew(
    agreement: &dyn Agreement,
    block: BlockRef,
    operators: &[OperatorId],
    stale: &[ClusterSnapshot],
) -> Accord {
    let question = Stale {
        block,
        operators,
        stale,
    };
    agreement.ask("on stale snapshots", &question).await
}

struct Stale<'a> {
    block: BlockRef,
    operators: &'a [OperatorId],
    stale: &'a [ClusterSnapshot],
}

#[async_trait]
impl Question for Stale<'_> {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let state = voice.ssv.state(self.block, self.operators).await.value()?;
        if self.stale.contains(&state.cluster) {
            voice.ssv.read_anew().await;
        }
        Ok(vec![words::cluster(&state)])
    }
}

struct Cluster<'a>(BlockRef, &'a [OperatorId]);

#[async_trait]
impl Subject for Cluster<'_> {
    type Value = SsvState;

    async fn of(&self, voice: &Voice) -> Result<(Words, SsvState), Unknown> {
        let state = voice.ssv.state(self.0, self.1).await.value()?;
        Ok((vec![words::cluster(&state)], state))
    }
}

struct Registering(BlockRef);

#[async_trait]
impl Subject for Registering {
    type Value = Option<SafeText>;

    async fn of(&self, voice: &Voice) -> Result<(Words, Self::Value), Unknown> {
        let refused = voice.ssv.takes_tokens(At::block(self.0)).await;
        let refused = match refused {
            Answer::Yes(_) => None,
            Answer::No(evidence) => Some(evidence.words),
            Answer::NotKnown(why) => return Err(why),
        };
        let words = refused
            .as_ref()
            .map_or_else(|| "taken".to_owned(), SafeText::to_string);
        Ok((vec![("SSV's registration with a token amount", words)], refused))
    }
}

struct State(BlockRef);

#[async_trait]
impl Subject for State {
    type Value = QueueState;

    async fn of(&self, voice: &Voice) -> Result<(Words, QueueState), Unknown> {
        let state = QueueState::read(&*voice.manager, At::block(self.0)).await?;
        Ok((state.words(), state))
    }
}

struct Count(BlockRef);

#[async_trait]
impl Subject for Count {
    type Value = u64;

    async fn of(&self, voice: &Voice) -> Result<(Words, u64), Unknown> {
        let state = voice.ssv.state(self.0, &[]).await.value()?;
        Ok((vec![words::registrations(&state)], state.owner_nonce))
    }
}

struct Sent(Address, BlockRef);

#[async_trait]
impl Subject for Sent {
    type Value = u64;

    async fn of(&self, voice: &Voice) -> Result<(Words, u64), Unknown> {
        let next = voice.execution.nonce(self.0, At::block(self.1)).await.value()?;
        Ok((vec![words::nonce(next)], next))
    }
}

struct Balance(Address, BlockRef);

#[async_trait]
impl Subject for Balance {
    type Value = U256;

    async fn of(&self, voice: &Voice) -> Result<(Words, U256), Unknown> {
        let balance = voice.execution.balance(self.0, At::block(self.1)).await.value()?;
        Ok((vec![words::balance(balance)], balance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_differ_beyond_the_pools_that_are_named_are_told_apart() {
        let pools: Vec<PoolId> = (1..=20).map(PoolId).collect();
        let mut other = pools.clone();
        other.swap(15, 16);
        assert_ne!(listed(&pools), listed(&other));
        assert_eq!(listed(&pools[..3]), "1, 2, 3");
        assert!(listed(&pools).starts_with("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 8 more (0x"));
    }

    #[test]
    fn what_most_say_is_found_among_what_was_heard() {
        let heard = Heard::nothing();
        let said = |n: u64| vec![("the count", n.to_string())];
        for n in [10, 8, 8] {
            heard.note(&said(n), n);
        }
        let mut most = vec![("the block's hash", "0x09".to_owned())];
        most.extend(said(8));
        let outvoted = Accord::Outvoted {
            most,
            words: "a is outvoted".into(),
        };
        assert_eq!(heard.said(&outvoted), Some(8));
        assert_eq!(heard.said(&Accord::Disagree("they differ".into())), None);
        // the first one noted its value, and fell silent on the rest of the question
        let agree = Accord::Agree {
            agreeing: 2,
            said: said(8),
            silent: vec!["a: no final block".into()],
        };
        assert_eq!(heard.said(&agree), Some(8));
        let few = |said| Accord::TooFew {
            configured: 3,
            said,
            silent: Vec::new(),
        };
        assert_eq!(heard.said(&few(Some(said(8)))), Some(8));
        assert_eq!(heard.said(&few(None)), None);
    }
}
