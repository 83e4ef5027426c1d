//! How operators and endpoints are, asked now and then, told when it changed.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

use super::tip::{Pace, beacon_clock};
use crate::dkg::transcript::fingerprint;
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::consensus::{NodeHealth, NodeState};
use crate::ports::{Answer, Ceremonies, Consensus, EndpointHealth, EndpointState, Endpoints, Presence};
use crate::types::{OperatorId, OperatorRecord, RedactedUrl, SafeText, UnixMillis};
use crate::view::{EndpointKind, EndpointView, Health, OperatorView};

/// Endpoints of the execution layer tell their state for nothing.
const LOOK: Duration = Duration::from_secs(2);
/// Slower than this counts as degraded.
const SLOW: Duration = Duration::from_secs(2);

/// Said of an endpoint by its own word, whatever else it failed in.
const SYNCING: &str = "says that it is still syncing";

/// Whose health is watched.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) endpoints: Arc<dyn Endpoints>,
    pub(super) ceremonies: Arc<dyn Ceremonies>,
    /// Nobody, where no beacon node is configured.
    pub(super) consensus: Option<Arc<dyn Consensus>>,
    /// Every operator that is configured.
    pub(super) directory: Arc<BTreeMap<OperatorId, OperatorRecord>>,
    /// What is expected of clocks.
    pub(super) pace: Pace,
}

/// Ends when the core is gone. Each is looked at for itself: an operator that hangs holds back nothing that is known of
/// others.
pub(super) async fn run(from: Sources, core: mpsc::Sender<Incoming>) {
    tokio::select! {
        () = look(&from, &core) => {}
        () = ask(&from, &core) => {}
    }
}

/// Endpoints of the execution layer.
async fn look(from: &Sources, core: &mpsc::Sender<Incoming>) {
    let mut tick = every(LOOK);
    let (mut told, mut old): (Vec<EndpointView>, _) = (Vec::new(), SafeText::default());
    let mut told_at = tokio::time::Instant::now();
    loop {
        tick.tick().await;
        let healths = from.endpoints.health();
        if let Some(words) = all_syncing(&healths)
            && old != words
        {
            old.clone_from(&words);
            let update = LiveUpdate::Alarm("syncing", words);
            if core.send(Incoming::Live(update)).await.is_err() {
                return;
            }
        }
        let views: Vec<_> = healths.iter().map(execution).collect();
        // latencies alone are told as often as others are asked
        if shape(&views) == shape(&told) && told_at.elapsed() < from.pace.ask {
            continue;
        }
        told_at = tokio::time::Instant::now();
        told.clone_from(&views);
        let update = LiveUpdate::Endpoints(EndpointKind::Execution, views);
        if core.send(Incoming::Live(update)).await.is_err() {
            return;
        }
    }
}

/// What is said where nobody is left whose state is the present one; empty where somebody is. None where nobody answers: then
/// what was said stands.
fn all_syncing(healths: &[EndpointHealth]) -> Option<SafeText> {
    let answers = |health: &&EndpointHealth| {
        !matches!(
            health.state,
            EndpointState::Down | EndpointState::WrongChain | EndpointState::Unchecked
        )
    };
    let there: Vec<_> = healths.iter().filter(answers).collect();
    if there.is_empty() {
        return None;
    }
    if !there.iter().all(|health| health.syncing) {
        return Some(SafeText::default());
    }
    let names: Vec<_> = there.iter().map(|health| health.name.as_str()).collect();
    Some(SafeText::new(&format!(
        "every execution endpoint that answers says that it is still syncing ({}): what is read may be old",
        names.join(", ")
    )))
}

/// Operators and whatever relays between them, and beacon nodes: over the network, each for itself. Endpoints of the execution
/// layer are asked for what [`look`] is told.
async fn ask(from: &Sources, core: &mpsc::Sender<Incoming>) {
    let endpoints = || async {
        from.endpoints.look().await;
        None
    };
    let of_relay = || async {
        let relay = relay(&*from.ceremonies).await;
        Some(LiveUpdate::Endpoints(EndpointKind::Relay, relay))
    };
    let of_operators = || async { Some(LiveUpdate::Operators(operators(from).await)) };
    let slot = OnceLock::new();
    let of_beacons = || async {
        let beacons = beacons(from.consensus.as_deref(), from.pace, &slot).await;
        Some(LiveUpdate::Endpoints(EndpointKind::Beacon, beacons))
    };
    tokio::select! {
        () = again(from.pace, core, endpoints) => {}
        () = again(from.pace, core, of_relay) => {}
        () = again(from.pace, core, of_operators) => {}
        () = again(from.pace, core, of_beacons) => {}
    }
}

/// Asks now and then, and tells what came of it. Ends when the core is gone.
async fn again<F>(pace: Pace, core: &mpsc::Sender<Incoming>, ask: impl Fn() -> F)
where
    F: Future<Output = Option<LiveUpdate>>,
{
    let mut tick = every(pace.ask);
    loop {
        tick.tick().await;
        if let Some(update) = ask().await
            && core.send(Incoming::Live(update)).await.is_err()
        {
            return;
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

/// What counts as a change; latencies move all the time.
fn shape(views: &[EndpointView]) -> Vec<(SafeText, Health, SafeText)> {
    views
        .iter()
        .map(|v| (v.name.clone(), v.health, v.detail.clone()))
        .collect()
}

fn millis(latency: Option<Duration>) -> Option<u64> {
    latency.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

fn execution(endpoint: &EndpointHealth) -> EndpointView {
    let refuses = |why| format!("does not take our transaction: {why}");
    let no_logs = |why| format!("tells no logs: {why}");
    let odd = |why| format!("gives an answer that cannot be used: {why}");
    let slow = |why| format!("{why}: others are asked first");
    let behind = |blocks| format!("its newest block is {blocks} blocks below the one that is followed");
    let refusal = (endpoint.refuses.as_ref().map(refuses))
        .or_else(|| endpoint.no_logs.as_ref().map(no_logs))
        .or_else(|| endpoint.behind.filter(|_| !endpoint.syncing).map(behind))
        .or_else(|| endpoint.odd.as_ref().map(odd))
        .or_else(|| endpoint.slow.as_ref().map(slow));
    if let (EndpointState::Healthy, Some(words)) = (endpoint.state, refusal) {
        return EndpointView {
            kind: EndpointKind::Execution,
            name: endpoint.name.clone(),
            health: Health::Degraded,
            detail: SafeText::new(&words),
            latency_ms: millis(endpoint.latency),
        };
    }
    let (health, words) = match endpoint.state {
        EndpointState::Unchecked => (Health::Unknown, "not asked yet"),
        EndpointState::Healthy if endpoint.contradicted > 0 => (Health::Degraded, "is contradicted"),
        EndpointState::Healthy if endpoint.omitted_logs > 0 => (Health::Degraded, "left out logs"),
        EndpointState::Healthy if endpoint.syncing => (Health::Degraded, SYNCING),
        // it comes and goes faster than anybody looks
        EndpointState::Healthy if endpoint.limited => (Health::Degraded, "asked us to wait"),
        EndpointState::Healthy => (Health::Up, ""),
        EndpointState::Failing => (Health::Degraded, "failing"),
        EndpointState::RateLimited => (Health::Degraded, "asked us to wait"),
        EndpointState::Down => (Health::Down, "down"),
        EndpointState::WrongChain => (Health::Down, "another chain: not used"),
    };
    let error = endpoint.last_error.as_ref().filter(|_| words != SYNCING);
    let detail = match (error, health, endpoint.logs_behind) {
        (Some(error), Health::Degraded | Health::Down, _) => SafeText::new(&format!("{words}: {error}")),
        (_, Health::Up, 1) => "its logs are 1 block behind its head".into(),
        (_, Health::Up, 2..) => {
            let behind = endpoint.logs_behind;
            SafeText::new(&format!("its logs are {behind} blocks behind its head"))
        }
        (_, Health::Up, _) => match endpoint.log_span {
            Some(1) => "its logs come 1 block at a time".into(),
            Some(blocks) => SafeText::new(&format!("its logs come {blocks} blocks at a time")),
            None if endpoint.no_receipts => {
                "has no eth_getBlockReceipts: what is left out of logs is not found by it".into()
            }
            None => SafeText::default(),
        },
        _ => SafeText::new(words),
    };
    EndpointView {
        kind: EndpointKind::Execution,
        name: endpoint.name.clone(),
        health,
        detail,
        latency_ms: millis(endpoint.latency),
    }
}

async fn relay(ceremonies: &dyn Ceremonies) -> Vec<EndpointView> {
    let Some(found) = ceremonies.relay().await else {
        return Vec::new();
    };
    let trouble = found.trouble();
    let presence = found.answers.yes();
    let latency = presence.as_ref().map(|presence| presence.latency);
    let health = grade(latency, Health::Down);
    let version = presence
        .and_then(|presence| presence.version)
        .map(|v| format!("version {v}"))
        .unwrap_or_default();
    let detail = if trouble.as_str().is_empty() {
        SafeText::new(&version)
    } else {
        trouble
    };
    vec![EndpointView {
        kind: EndpointKind::Relay,
        name: found.name,
        health,
        detail,
        latency_ms: millis(latency),
    }]
}

/// How long a slot is stays what it is, once a node has told it.
async fn beacons(
    consensus: Option<&dyn Consensus>,
    pace: Pace,
    slot: &OnceLock<Duration>,
) -> Vec<EndpointView> {
    let Some(beacon) = consensus else {
        return Vec::new();
    };
    let rules = async {
        if slot.get().is_none()
            && let Some(rules) = beacon.rules().await.yes()
        {
            slot.get_or_init(|| rules.slot);
        }
    };
    let ((), nodes) = tokio::join!(rules, beacon.nodes());
    let slot = slot.get().copied();
    let view = |node: NodeHealth| {
        if let (NodeState::Healthy, Some(what)) = (node.state, &node.contradicted) {
            return EndpointView {
                kind: EndpointKind::Beacon,
                name: node.name,
                health: Health::Degraded,
                detail: SafeText::new(&format!("is contradicted: {what}")),
                latency_ms: millis(node.latency),
            };
        }
        let clock = slot.and_then(|slot| beacon_clock(pace, &node, slot, UnixMillis::now()));
        if let (NodeState::Healthy, Some(detail)) = (node.state, clock) {
            return EndpointView {
                kind: EndpointKind::Beacon,
                name: node.name,
                health: Health::Degraded,
                detail,
                latency_ms: millis(node.latency),
            };
        }
        let (health, words) = match node.state {
            NodeState::Unchecked => (Health::Unknown, "not asked yet"),
            NodeState::Healthy => (Health::Up, ""),
            NodeState::NotSynced => (Health::Degraded, "not in sync"),
            NodeState::Down => (Health::Down, "down"),
            NodeState::WrongChain => (Health::Down, "another chain: not used"),
        };
        let detail = match (&node.last_error, health) {
            (Some(error), Health::Degraded | Health::Down) => SafeText::new(&format!("{words}: {error}")),
            _ => SafeText::new(words),
        };
        EndpointView {
            kind: EndpointKind::Beacon,
            name: node.name,
            health,
            detail,
            latency_ms: millis(node.latency),
        }
    };
    nodes.into_iter().map(view).collect()
}

async fn operators(from: &Sources) -> Vec<OperatorView> {
    let directory = &from.directory;
    let ids: Vec<OperatorId> = directory.keys().copied().collect();
    let found = from.ceremonies.operators(&ids).await;
    found
        .into_iter()
        .filter_map(|h| {
            let record = directory.get(&h.id)?;
            let latency = h.presence().map(|presence| presence.latency);
            Some(OperatorView {
                id: h.id,
                name: record.name.clone(),
                endpoint: SafeText::new(&RedactedUrl::new(record.endpoint.clone()).to_string()),
                key: fingerprint(&from.ceremonies.capabilities().backend, &record.public_key),
                health: grade(latency, absence(&h.answers)),
                version: h.version().into(),
                latency_ms: millis(latency),
                ceremonies_done: 0,
                ceremonies_failed: 0,
                note: h.trouble(),
            })
        })
        .collect()
}

/// Nobody is down because it could not be asked.
fn absence(answers: &Answer<Presence>) -> Health {
    match answers {
        Answer::No(_) => Health::Down,
        Answer::Yes(_) | Answer::NotKnown(_) => Health::Unknown,
    }
}

/// By the time to its answer, if there was one.
fn grade(latency: Option<Duration>, absent: Health) -> Health {
    match latency {
        None => absent,
        Some(latency) if latency > SLOW => Health::Degraded,
        Some(_) => Health::Up,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::fakes::{FakeCeremonies, FakeConsensus, FakeEndpoints, endpoint};

    #[test]
    fn nobody_is_down_who_could_not_be_asked() {
        let not_known = Answer::not_known("the host's name cannot be resolved");
        assert_eq!(grade(None, absence(&not_known)), Health::Unknown);
        let refused = Answer::no("connection refused");
        assert_eq!(grade(None, absence(&refused)), Health::Down);
        let there = |latency| {
            let presence = Presence {
                version: None,
                latency,
            };
            grade(Some(latency), absence(&Answer::Yes(presence)))
        };
        assert_eq!(there(Duration::ZERO), Health::Up);
        assert_eq!(there(SLOW * 2), Health::Degraded);
    }

    #[tokio::test]
    async fn an_operator_that_hangs_holds_back_nothing_that_is_known_of_endpoints() {
        let endpoints = Arc::new(FakeEndpoints::default());
        let is = |state| *endpoints.health.lock().unwrap() = vec![endpoint("a", state)];
        is(EndpointState::Healthy);
        let from = Sources {
            endpoints: Arc::clone(&endpoints) as Arc<dyn Endpoints>,
            ceremonies: Arc::new(FakeCeremonies {
                hangs: true,
                ..FakeCeremonies::default()
            }),
            consensus: None,
            directory: Arc::default(),
            pace: Pace::LOCAL,
        };
        let (core, mut told) = mpsc::channel(8);
        let feed = tokio::spawn(run(from, core));
        for (state, expected) in [
            (EndpointState::Healthy, Health::Up),
            (EndpointState::Down, Health::Down),
        ] {
            is(state);
            let views = async {
                loop {
                    let update = told.recv().await.expect("the feed goes on");
                    // beacon nodes and the relay do not hang either
                    if let Incoming::Live(LiveUpdate::Endpoints(EndpointKind::Execution, views)) = update {
                        return views;
                    }
                }
            };
            let views = tokio::time::timeout(crate::TIMEOUT, views).await;
            let views = views.unwrap_or_else(|_| panic!("not told that it is {expected:?}"));
            assert_eq!(views[0].health, expected);
        }
        feed.abort();
    }

    #[tokio::test]
    async fn operators_that_hang_hold_back_nothing_that_is_known_of_others() {
        let from = Sources {
            endpoints: Arc::new(FakeEndpoints::default()),
            ceremonies: Arc::new(FakeCeremonies {
                hangs: true,
                ..FakeCeremonies::default()
            }),
            consensus: Some(Arc::new(FakeConsensus::of(Vec::new()))),
            directory: Arc::default(),
            pace: Pace::LOCAL,
        };
        let (core, mut told) = mpsc::channel(8);
        let feed = tokio::spawn(run(from, core));
        let mut missing = vec![EndpointKind::Relay, EndpointKind::Beacon];
        while !missing.is_empty() {
            let told = tokio::time::timeout(crate::TIMEOUT, told.recv()).await;
            if let Incoming::Live(LiveUpdate::Endpoints(kind, _)) = told.unwrap().unwrap() {
                missing.retain(|other| *other != kind);
            }
        }
        feed.abort();
    }

    #[test]
    fn the_state_is_old_only_where_nobody_who_answers_is_in_sync() {
        let mut all = ["a", "b", "c"].map(|name| endpoint(name, EndpointState::Healthy));
        all[0].syncing = true;
        all[1].state = EndpointState::Down;
        assert_eq!(all_syncing(&all), Some(SafeText::default()), "c is in sync");
        all[2].syncing = true;
        let words = all_syncing(&all).unwrap();
        assert!(words.as_str().contains("still syncing (a, c)"), "{words}");
        assert_eq!(
            all_syncing(&all[1..2]),
            None,
            "nobody answers: nobody has taken back what was said"
        );
    }

    #[test]
    fn an_endpoint_is_shown_as_the_port_tells_it() {
        let shown = |change: fn(&mut EndpointHealth)| {
            let mut health = endpoint("a", EndpointState::Healthy);
            change(&mut health);
            let view = execution(&health);
            (view.health, view.detail.to_string())
        };
        let up = |words: &str| (Health::Up, words.to_owned());
        assert_eq!(shown(|_| ()), up(""));
        assert_eq!(
            shown(|e| e.logs_behind = 1),
            up("its logs are 1 block behind its head")
        );
        assert_eq!(
            shown(|e| e.log_span = Some(10)),
            up("its logs come 10 blocks at a time")
        );
        let degraded = |words: &str| (Health::Degraded, words.to_owned());
        assert_eq!(shown(|e| e.limited = true), degraded("asked us to wait"));
        assert_eq!(shown(|e| e.omitted_logs = 1), degraded("left out logs"));
        assert_eq!(
            shown(|e| e.no_logs = Some("not supported on free tier (code 35)".into())),
            degraded("tells no logs: not supported on free tier (code 35)")
        );
        assert_eq!(
            shown(|e| e.odd = Some("eth_getBalance: invalid type: null".into())),
            degraded("gives an answer that cannot be used: eth_getBalance: invalid type: null")
        );
        assert_eq!(
            shown(|e| e.slow = Some("did not answer eth_call within 2 s".into())),
            degraded("did not answer eth_call within 2 s: others are asked first")
        );
        assert_eq!(
            shown(|e| e.behind = Some(40)),
            degraded("its newest block is 40 blocks below the one that is followed")
        );
        assert_eq!(
            shown(|e| e.no_receipts = true),
            up("has no eth_getBlockReceipts: what is left out of logs is not found by it")
        );
        let syncing = |e: &mut EndpointHealth| {
            e.syncing = true;
            e.behind = Some(40);
            e.last_error = Some("failed once".into());
        };
        assert_eq!(shown(syncing), degraded("says that it is still syncing"));
        assert_eq!(
            shown(|e| {
                e.state = EndpointState::WrongChain;
                e.last_error = Some("serves chain 5, expected 1".into());
            }),
            (
                Health::Down,
                "another chain: not used: serves chain 5, expected 1".to_owned()
            )
        );
    }
}
