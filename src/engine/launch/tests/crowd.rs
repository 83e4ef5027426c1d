//! Many requests at once: a real engine, a desk that has everything ready, and ceremonies that are counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::oracle::{
    ActionKind, CeremonyPayload, CeremonySuccess, ChainFacts, Family, Payload, Prepared, Proposal, Rule,
};
use crate::types::{
    BackendName, BlsPublicKey, BlsSignature, CeremonyPlan, CeremonyResult, ForkVersion, KeygenOutput,
    OperatorId,
};
use crate::view::{CaseStatus, CeremonyEnd};

const POOLS: u32 = 30;

#[derive(Default)]
struct Crowd {
    running: AtomicUsize,
    /// Never more than these ran side by side.
    most: AtomicUsize,
    /// Pools in the order in which their key generations began.
    begun: Mutex<Vec<u32>>,
}

pub(super) fn keygen() -> CeremonyPlan {
    CeremonyPlan::Keygen {
        committee: (1..=3).map(OperatorId).collect(),
        threshold: 2,
        withdrawal_credentials: Root::default(),
        fork_version: ForkVersion::default(),
        registration: None,
    }
}

fn made(pool: PoolId) -> Box<CeremonySuccess> {
    let mut validator = [5; 48];
    validator[..4].copy_from_slice(&pool.0.to_be_bytes());
    Box::new(CeremonySuccess {
        result: CeremonyResult::Keygen(KeygenOutput {
            validator: BlsPublicKey(validator),
            deposit_signature: BlsSignature::default(),
            share_public_keys: Default::default(),
            encrypted_shares: Default::default(),
            registration: None,
            handed_back: Default::default(),
        }),
        checks: Vec::new(),
    })
}

impl Crowd {
    async fn ceremony(&self, pool: PoolId) {
        self.begun.lock().unwrap().push(pool.0);
        let running = 1 + self.running.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(running, Ordering::SeqCst);
        // others would begin meanwhile
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl World for Crowd {
    fn perform(self: Arc<Self>, effect: Effect) -> EffectFuture {
        Box::pin(async move {
            match effect {
                Effect::Prepare {
                    case, purpose, draft, ..
                } if draft.kind().family() == Family::Ceremony => Input::Prepared {
                    case,
                    purpose,
                    outcome: Prepared::Proposal(Box::new(Proposal {
                        kind: draft.kind(),
                        title: SafeText::new("make a key"),
                        facts: Vec::new(),
                        checks: Vec::new(),
                        payload: Payload::Ceremony(CeremonyPayload {
                            plan: keygen(),
                            backend: BackendName::default(),
                            parties: None,
                        }),
                    })),
                },
                Effect::RunCeremony {
                    case,
                    request,
                    plan: CeremonyPlan::Keygen { .. },
                    ..
                } => {
                    self.ceremony(case.pool).await;
                    Input::CeremonyEnded {
                        request,
                        outcome: Ok(made(case.pool)),
                        transcript: None,
                    }
                }
                _ => std::future::pending().await,
            }
        })
    }
}

pub(super) fn two_at_once() -> Settings {
    let rule = Rule {
        name: SafeText::new("keys"),
        kinds: vec![ActionKind::Keygen],
        pools: None,
        max_fee_wei: None,
        max_per_day: None,
        max_attempts: 1,
        other_committees: 0,
        unknown_ok: Vec::new(),
    };
    Settings {
        mode: Mode::Auto,
        policy: Policy {
            rules: vec![rule],
            ..Policy::default()
        },
        approval_expires_ms: 3_600_000,
        ceremonies_at_once: 2,
        ..settings()
    }
}

#[tokio::test]
async fn a_crowd_of_requests_runs_two_ceremonies_at_a_time_and_the_rest_says_that_it_waits() {
    let directory = tempfile::tempdir().unwrap();
    let opened = open(two_at_once(), &options(directory.path())).unwrap();
    let crowd = Arc::new(Crowd::default());
    let (mut handle, stopped, feeds) = launch_in(opened, Arc::clone(&crowd));
    // the head waits for what nobody does here, so it is none of the pools
    let ready: Vec<_> = [1_000].into_iter().chain((1..=POOLS).rev()).map(PoolId).collect();
    let facts = ChainFacts {
        head: Some(block(100)),
        ready,
        ..ChainFacts::default()
    };
    feeds.send(Incoming::Live(told(block(100)))).await.unwrap();
    let finalized = Some(block(90));
    feeds
        .send(Incoming::Input(Input::CaughtUp { finalized }))
        .await
        .unwrap();
    feeds
        .send(Incoming::Input(Input::Facts(Box::new(facts))))
        .await
        .unwrap();
    for pool in (1..=POOLS).rev() {
        let log = LogRef {
            block: block(95),
            transaction: Root([1; 32]),
            index: u64::from(pool),
        };
        let (kind, pool) = (RequestKind::Deposit, PoolId(pool));
        feeds
            .send(Incoming::Input(Input::Requested {
                kind,
                pool,
                log,
                leaving: None,
            }))
            .await
            .unwrap();
    }
    let words = "waits for a free place: 2 of 2 ceremonies run";
    let waits = |s: &Arc<view::Snapshot>| {
        let told = s.cases.iter().filter(|case| case.sentence.as_str() == words);
        told.filter(|case| case.status == CaseStatus::Queued).count() > 10
    };
    handle.snapshots.wait_for(waits).await.unwrap();
    let done = |s: &Arc<view::Snapshot>| {
        let is_made = |end: &Option<_>| matches!(end, Some((_, CeremonyEnd::Verified { .. })));
        let carried = s.ceremonies.iter().filter(|c| is_made(&c.ended)).count() as u64;
        carried + s.older.ceremonies == u64::from(POOLS)
    };
    handle.snapshots.wait_for(done).await.unwrap();
    assert_eq!(crowd.most.load(Ordering::SeqCst), 2);
    let begun = crowd.begun.lock().unwrap().clone();
    let in_order: Vec<_> = (1..=POOLS).rev().collect();
    assert_eq!(begun, in_order, "the order of the contract's queue");
    handle.shutdown().await.unwrap();
    stopped.await.unwrap().unwrap();
}

/// Front ends that ask without a pause hold up neither the chain nor effects: of what they ask so much is taken, and then
/// something else has its turn.
#[tokio::test]
async fn what_the_chain_tells_has_its_turn_between_questions() {
    let directory = tempfile::tempdir().unwrap();
    let opened = open(two_at_once(), &options(directory.path())).unwrap();
    let (mut handle, stopped, feeds) = launch_in(opened, Arc::new(Crowd::default()));
    feeds.send(Incoming::Live(told(block(100)))).await.unwrap();
    let followed = |s: &Arc<view::Snapshot>| s.chain.head.is_some_and(|head| head.number == 100);
    handle.snapshots.wait_for(followed).await.unwrap();
    // no other task runs before this one waits: everything is there at once
    let seats: Vec<_> = (0..20)
        .map(|n| handle.seat(crate::engine::Identity::new(format!("seat {n}").as_str())))
        .collect();
    let pool = PoolId(7);
    let ask = |seat: &crate::engine::Seat| seat.try_read(view::Query::Pool { pool }).unwrap();
    let answers: Vec<_> = seats.iter().cycle().take(60).map(ask).collect();
    let log = LogRef {
        block: block(95),
        transaction: Root([1; 32]),
        index: 0,
    };
    let kind = RequestKind::Deposit;
    let requested = Incoming::Input(Input::Requested {
        kind,
        pool,
        leaving: None,
        log,
    });
    feeds.try_send(requested).unwrap();
    let mut known = Vec::new();
    for answer in answers {
        known.push(!answer.await.unwrap().rows.is_empty());
    }
    assert_eq!(
        (known[0], known[59]),
        (false, true),
        "the first question came first, and the last one after the request"
    );
    handle.shutdown().await.unwrap();
    stopped.await.unwrap().unwrap();
}
