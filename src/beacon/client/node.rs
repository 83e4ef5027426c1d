//! One beacon node: whether its word counts, and how it is doing.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Beacon;
use super::http::{self, NodeError};
use super::wire::{Data, Syncing};
use crate::alike::Dissent;
use crate::http::{Call, Endpoint};
use crate::log_limit::{LogLimit, RepeatFilter};
use crate::ports::consensus::{Genesis, NodeHealth, NodeState};
use crate::types::{Root, SafeText, UnixMillis};

#[derive(Default)]
struct State {
    checked: Option<(Instant, Result<(), NodeError>)>,
    latency: Option<Duration>,
    last_error: Option<SafeText>,
    last_ok: Option<UnixMillis>,
    head_slot: Option<u64>,
    genesis_time: Option<u64>,
    contradicted: Option<(SafeText, Instant)>,
    lines: Lines,
}

impl State {
    fn standing(&self) -> NodeState {
        match &self.checked {
            Some((_, Ok(()))) => NodeState::Healthy,
            Some((_, Err(NodeError::NotSynced(_)))) => NodeState::NotSynced,
            Some((_, Err(NodeError::WrongChain(_)))) => NodeState::WrongChain,
            Some((_, Err(_))) => NodeState::Down,
            None if self.last_error.is_some() => NodeState::Down,
            None => NodeState::Unchecked,
        }
    }
}

/// What is said of a node that is in sync by its own word, and whose head is old.
const OF_THE_PAST: &str = "far behind by this machine's clock, although it says that it is in sync";

/// A contradiction is shown for so long after it was seen last: two nodes may have been a slot apart.
const CONTRADICTED: Duration = Duration::from_secs(120);

/// What is logged of it, however often it gives cause.
struct Lines {
    contradicted: RepeatFilter,
    unused: RepeatFilter,
    /// Its event stream comes and goes.
    streams: LogLimit,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            contradicted: RepeatFilter::default(),
            unused: RepeatFilter::default(),
            streams: LogLimit::slow(),
        }
    }
}

pub(super) struct Node {
    pub(super) name: SafeText,
    endpoint: Endpoint,
    state: Mutex<State>,
}

impl Node {
    pub(super) fn new(endpoint: Endpoint, name: SafeText) -> Self {
        Self {
            name,
            endpoint,
            state: Mutex::default(),
        }
    }

    pub(super) fn forget_check(&self) {
        self.state().checked = None;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its newest slot, as it was when it was looked at.
    pub(super) fn head_slot(&self) -> Option<u64> {
        self.state().head_slot
    }

    /// When its newest slot began, by its own genesis.
    pub(super) fn head_dated(&self, slot: Duration) -> Option<UnixMillis> {
        let head = self.state().head_slot?;
        self.dated(head, slot)
    }

    /// When so many times such a length had passed since its own genesis.
    pub(super) fn dated(&self, times: u64, length: Duration) -> Option<UnixMillis> {
        let genesis = self.state().genesis_time?;
        let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let since = times.saturating_mul(length);
        Some(UnixMillis(genesis.saturating_mul(1_000).saturating_add(since)))
    }

    pub(super) fn get(&self, path: &str) -> Call {
        self.endpoint.get(path).header("accept", "application/json")
    }

    pub(super) fn post(&self, path: &str) -> Call {
        self.endpoint.post(path).header("accept", "application/json")
    }

    /// It told what another node denies.
    pub(super) fn contradicted(&self, what: SafeText) {
        let mut state = self.state();
        if let Some(left_out) = state.lines.contradicted.line(&what) {
            tracing::warn!(target: "beacon", node = %self.name, %what, left_out, "beacon node is contradicted");
        }
        state.contradicted = Some((what, Instant::now()));
    }

    /// How many lines about its event stream were left out, where one may be written.
    pub(super) fn stream_line(&self) -> Option<u64> {
        self.state().lines.streams.line()
    }

    /// An error status is an answer, too: the node lives.
    pub(super) fn note(&self, took: Duration, error: Option<&NodeError>) {
        let mut state = self.state();
        match error {
            None | Some(NodeError::Status { .. }) => {
                state.latency = Some(took);
                state.last_ok = Some(UnixMillis::now());
            }
            Some(error) => {
                state.last_error = Some(SafeText::new(&error.to_string()));
                // looked at again before it is asked again
                state.checked = None;
            }
        }
    }

    /// It did not answer when it was asked last.
    pub(super) fn is_down(&self) -> bool {
        self.state().standing() == NodeState::Down
    }

    pub(super) fn health(&self) -> NodeHealth {
        let state = self.state();
        NodeHealth {
            name: self.name.clone(),
            state: state.standing(),
            latency: state.latency,
            last_error: state.last_error.clone(),
            last_ok: state.last_ok,
            head_slot: state.head_slot,
            genesis_time: state.genesis_time,
            contradicted: (state.contradicted.as_ref())
                .filter(|(_, at)| at.elapsed() < CONTRADICTED)
                .map(|(what, _)| what.clone()),
        }
    }
}

impl Beacon {
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        node: &Node,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, NodeError> {
        let started = Instant::now();
        let call = query
            .iter()
            .fold(node.get(path), |call, (name, value)| call.query(name, value));
        let result = http::exchange(call)
            .await
            .and_then(|answer| http::decode(&answer));
        node.note(started.elapsed(), result.as_ref().err());
        result
    }

    /// Whether a node's word counts: it serves our chain and is in sync.
    pub(super) async fn admit(&self, node: &Node) -> Result<(), NodeError> {
        if let Some((at, verdict)) = &node.state().checked
            && at.elapsed() < self.inner.config.recheck
        {
            return verdict.clone();
        }
        let verdict = self.look_at(node).await;
        let mut state = node.state();
        state.checked = Some((Instant::now(), verdict.clone()));
        if let Err(error) = &verdict {
            let why = SafeText::new(&error.to_string());
            if let Some(left_out) = state.lines.unused.line(&why) {
                tracing::warn!(target: "beacon", node = %node.name, %error, left_out, "beacon node not used");
            }
            state.last_error = Some(why);
        }
        verdict
    }

    async fn look_at(&self, node: &Node) -> Result<(), NodeError> {
        self.check_chain(node).await?;
        let syncing: Data<Syncing> = self.get(node, "/eth/v1/node/syncing", &[]).await?;
        node.state().head_slot = Some(syncing.data.head_slot);
        match syncing.data.problem() {
            Some(problem) => Err(NodeError::NotSynced(problem)),
            None if self.is_of_the_past(node) => Err(NodeError::NotSynced(OF_THE_PAST)),
            None => Ok(()),
        }
    }

    /// Its head is far behind this machine's clock, although it says that it is in sync.
    fn is_of_the_past(&self, node: &Node) -> bool {
        let slot = *self.inner.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(slot), Some(most)) = (slot, self.inner.config.most_behind) else {
            return false;
        };
        let most = slot.saturating_mul(u32::try_from(most).unwrap_or(u32::MAX));
        let dated = node.head_dated(slot);
        dated.is_some_and(|dated| UnixMillis::now().since(dated) > most)
    }

    pub(super) async fn check_chain(&self, node: &Node) -> Result<(), NodeError> {
        let genesis: Data<Genesis> = self.get(node, "/eth/v1/beacon/genesis", &[]).await?;
        let genesis = genesis.data;
        node.state().genesis_time = Some(genesis.genesis_time);
        let wrong = |expected: Root| {
            NodeError::WrongChain(SafeText::new(&format!(
                "another chain: genesis validators root {}, expected {expected}",
                genesis.genesis_validators_root
            )))
        };
        if let Some(expected) = self.inner.config.genesis_validators_root
            && expected != genesis.genesis_validators_root
        {
            return Err(wrong(expected));
        }
        let Some(who) = self
            .inner
            .nodes
            .iter()
            .position(|other| std::ptr::eq(other, node))
        else {
            return Ok(());
        };
        let mut told = self.inner.genesis.lock().unwrap_or_else(PoisonError::into_inner);
        // a time that is wrong is found by the clock
        let heard = told.judge(who, genesis.genesis_validators_root, |other| {
            self.inner.nodes[other].forget_check();
        });
        heard.map_err(|dissent| {
            let expected = match dissent {
                Dissent::Known(expected) => format!("expected {expected}"),
                Dissent::Undecided { other, tells } => format!(
                    "and {} tells {tells}: take the one that lies out of beacon.urls",
                    self.inner.nodes[other].name
                ),
            };
            let told = genesis.genesis_validators_root;
            let words = format!("another chain: genesis validators root {told}, {expected}");
            NodeError::WrongChain(SafeText::new(&words))
        })
    }
}
