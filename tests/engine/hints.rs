//! The beacon nodes' event streams: with them validators are seen at once, without them by the poll, and whatever they
//! say, the state decides.

use std::time::Duration;

use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::devnet::beacon::{DevBeacon, Event, StreamFault};
use casimir_dkg::engine::service::Running;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::ports::consensus::{Consensus, Hint};
use casimir_dkg::types::{PoolId, RedactedUrl};
use casimir_dkg::view::{CaseStatus, Stage};
use tokio::sync::mpsc;

use super::support::{Ground, approve_next, case_is, drive, half_second_slots, stop, until};

/// An oracle that looks validators up this often when nobody hints.
async fn oracle(ground: &Ground, poll_interval: Duration) -> Running {
    let mut config = ground.config(false);
    config.beacon.poll_interval = poll_interval;
    ground.start_engine(config).await
}

async fn ground() -> Ground {
    Ground::start(DemoOptions {
        operators: 4,
        beacon: half_second_slots(),
        ..DemoOptions::default()
    })
    .await
}

/// Waits until so many more slots have passed.
async fn slots_pass(node: &DevBeacon, slots: u64) {
    let target = node.slot() + slots;
    let url = RedactedUrl::new(node.url());
    let client = Beacon::new(BeaconConfig::new(vec![url], None)).unwrap();
    let (out, mut hints) = mpsc::channel(64);
    let reached =
        async { while !matches!(hints.recv().await, Some(Hint::Head { slot, .. }) if slot >= target) {} };
    tokio::select! {
        reached = tokio::time::timeout(crate::TIMEOUT, reached) => reached.unwrap(),
        () = client.listen(out) => panic!("somebody receives"),
    }
}

async fn staked(ground: &Ground, oracle: &Running) {
    ground.devnet().deposit_pool(1).await.unwrap();
    drive(oracle, "deposit/1").await;
    ground.devnet().report_staked(PoolId(1)).await.unwrap();
    until(oracle, "a staked pool", |s| {
        s.validators.iter().find(|v| v.pool == PoolId(1)).cloned()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_stream_nothing_waits_for_the_poll() {
    let mut ground = ground().await;
    // only hints can show anything after the first look
    let oracle = oracle(&ground, Duration::from_secs(3_600)).await;
    staked(&ground, &oracle).await;
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    approve_next(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    until(&oracle, "the exit published", |s| {
        s.exits
            .first()
            .filter(|e| e.verdicts.iter().any(|v| v.delivered))
            .cloned()
    })
    .await;
    // no block of the execution chain makes anybody look either
    ground.halt();
    case_is(&oracle, "exit/1", CaseStatus::Done).await;
    until(&oracle, "the last status in the list of validators", |s| {
        s.validators
            .iter()
            .find(|v| v.status.as_str() == "withdrawal_done")
            .cloned()
    })
    .await;
    ground.resume();
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_stream_the_poll_goes_on() {
    let ground = ground().await;
    let beacon = ground.network.beacon().unwrap();
    // silent for a deposit, cut in the middle of an exit
    beacon.faults(|f| f.streams = StreamFault::Silent);
    let oracle = oracle(&ground, Duration::from_secs(1)).await;
    staked(&ground, &oracle).await;
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    beacon.faults(|f| f.streams = StreamFault::None);
    approve_next(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    until(&oracle, "the exit in a block", |s| {
        s.exits.first()?.times[0].actual
    })
    .await;
    beacon.faults(|f| f.streams = StreamFault::Absent);
    case_is(&oracle, "exit/1", CaseStatus::Done).await;
    assert_eq!(beacon.listeners(), 0, "nobody could hint");
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stream_says_is_not_believed() {
    let ground = ground().await;
    let beacon = ground.network.beacon().unwrap();
    let oracle = oracle(&ground, Duration::from_secs(3_600)).await;
    staked(&ground, &oracle).await;
    // the exit is published, and stays out of the blocks
    beacon.faults(|f| f.hold_exits = true);
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    approve_next(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    let pooled = until(&oracle, "the first look after it was published", |s| {
        s.exits.first()?.times[0].by_rules?;
        beacon.pool().first().copied()
    })
    .await;
    let slot = beacon.slot();
    for n in 0..500 {
        beacon.tell(Event::VoluntaryExit(pooled));
        beacon.tell(Event::FinalizedCheckpoint { epoch: n });
        beacon.tell(Event::ChainReorg { slot, depth: n });
    }
    // many looks later nothing of it is a fact
    slots_pass(beacon, 8).await;
    let exit = oracle.handle.snapshots.borrow().exits[0].clone();
    assert!(exit.times.iter().all(|m| m.actual.is_none()), "{:?}", exit.times);
    beacon.faults(|f| f.hold_exits = false);
    let done = case_is(&oracle, "exit/1", CaseStatus::Done).await;
    assert_eq!(done.times.last().map(|m| m.stage), Some(Stage::Withdrawn));
    stop(oracle).await;
    ground.end().await;
}
