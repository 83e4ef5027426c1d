//! The director's levers, each with what it must lead to, on a network whose operators are processes of their own.

use std::time::Duration;

use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::devnet::demo::{Director, StageOptions};
use casimir_dkg::engine::service::Running;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{OperatorId, RequestKind};
use casimir_dkg::view::{CeremonyEnd, EndpointKind, Health, Request, Scope, Snapshot, WaitReason};

use super::binary::PROGRAM;
use super::support::{Ground, approve_next, drive, half_second_slots, seat, stop, until, waiting};

async fn shown() -> (Ground, Running) {
    let ground = Ground::start(DemoOptions {
        operators: 5,
        committee: 4,
        beacon: half_second_slots(),
        stage: Some(StageOptions {
            program: PROGRAM.into(),
            pace: Duration::ZERO,
            seed: 1,
        }),
        ..DemoOptions::default()
    })
    .await;
    let oracle = ground.oracle(false).await;
    (ground, oracle)
}

fn director(ground: &Ground) -> &Director {
    ground.network.director().unwrap()
}

async fn pull(ground: &Ground, line: &str) {
    let pulled = director(ground).pull(line).await;
    let pulled = pulled.unwrap_or_else(|error| panic!("{line}: {error}"));
    assert!(
        !pulled.did.as_str().is_empty() && !pulled.watch.as_str().is_empty(),
        "{line}"
    );
}

async fn operator_is(oracle: &Running, id: u64, health: Health) {
    until(oracle, &format!("operator {id} {health:?}"), |s| {
        let operator = s.operators.iter().find(|o| o.id == OperatorId(id))?;
        (operator.health == health).then_some(())
    })
    .await;
}

/// Has operators 1 to 4 make the key of a deposit.
async fn keygen(oracle: &Running, case: &str) {
    let proposed = waiting(oracle, case, ActionKind::Keygen).await;
    let committee = [1, 2, 3, 4].map(OperatorId).to_vec();
    if proposed
        .committee
        .as_ref()
        .is_none_or(|c| c.proposed != committee)
    {
        let choose = Request::SetCommittee {
            action: proposed.id,
            committee,
        };
        seat(oracle).request(choose).await.unwrap();
    }
    approve_next(oracle, case, ActionKind::Keygen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_die_and_stand_still_as_they_are_told_and_come_back() {
    let (ground, oracle) = shown().await;
    for id in [4, 5] {
        operator_is(&oracle, id, Health::Up).await;
    }
    pull(&ground, "kill 4").await;
    operator_is(&oracle, 4, Health::Down).await;
    pull(&ground, "hang 5").await;
    // silence proves nothing
    operator_is(&oracle, 5, Health::Unknown).await;
    for id in [4, 5] {
        pull(&ground, &format!("heal {id}")).await;
    }
    for id in [4, 5] {
        operator_is(&oracle, id, Health::Up).await;
    }
    let gone = director(&ground).pull("kill 9").await.unwrap_err().to_string();
    assert!(gone.contains("no operator 9"), "{gone}");
    stop(oracle).await;
    ground.end().await;
}

/// Operator 1 breaks the protocol as it is told, is named, and nobody else is; healed, it makes a key with the others.
async fn operator_1_is_named_after(lever: &str) {
    let (ground, oracle) = shown().await;
    pull(&ground, lever).await;
    pull(&ground, "pool").await;
    keygen(&oracle, "deposit/1").await;
    until(&oracle, lever, |s| {
        let Some((_, CeremonyEnd::Failed(failure))) = &s.ceremonies.first()?.ended else {
            return None;
        };
        assert_eq!(failure.culprits, [OperatorId(1)], "{lever}: {}", failure.reason);
        Some(())
    })
    .await;
    pull(&ground, "heal 1").await;
    keygen(&oracle, "deposit/1").await;
    until(&oracle, "a key with operator 1", |s| {
        let mut ended = s.ceremonies.iter().filter_map(|c| c.ended.as_ref());
        ended
            .find(|(_, end)| matches!(end, CeremonyEnd::Verified { .. }))
            .map(drop)
    })
    .await;
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lies_as_it_is_told_is_named() {
    operator_1_is_named_after("lie 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_equivocates_as_it_is_told_is_named() {
    operator_1_is_named_after("equivocate 1").await;
}

async fn endpoint_is(oracle: &Running, kind: EndpointKind, is: impl Fn(Health) -> bool, what: &str) {
    until(oracle, what, |s| {
        s.endpoints
            .iter()
            .find(|e| e.kind == kind && is(e.health))
            .map(drop)
    })
    .await;
}

async fn all_are_up(oracle: &Running) {
    until(oracle, "every endpoint up", |s| {
        s.endpoints.iter().all(|e| e.health == Health::Up).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_fail_and_lag_as_they_are_told_and_are_mended() {
    let (ground, oracle) = shown().await;
    all_are_up(&oracle).await;
    pull(&ground, "cut 2").await;
    endpoint_is(&oracle, EndpointKind::Execution, |h| h != Health::Up, "cut 2").await;
    pull(&ground, "mend").await;
    all_are_up(&oracle).await;

    let head = |s: &Snapshot| s.chain.head.map(|head| head.number);
    let before = until(&oracle, "blocks to lag behind", |s| {
        head(s).filter(|head| *head > 25)
    })
    .await;
    pull(&ground, "lag 2").await;
    until(&oracle, "a head that one endpoint alone claims", |s| {
        doubts_the_head(s).then_some(())
    })
    .await;
    pull(&ground, "mend").await;
    until(&oracle, "a head that both have", |s| {
        (!doubts_the_head(s) && head(s).is_some_and(|head| head > before)).then_some(())
    })
    .await;
    stop(oracle).await;
    ground.end().await;
}

fn doubts_the_head(snapshot: &Snapshot) -> bool {
    snapshot
        .waits
        .iter()
        .any(|wait| wait.reason == WaitReason::HeadDoubted)
}

#[tokio::test(flavor = "multi_thread")]
async fn messenger_and_beacon_are_away_as_they_are_told_and_are_mended() {
    let (ground, oracle) = shown().await;
    all_are_up(&oracle).await;
    let away = [
        ("messenger 3600", EndpointKind::Relay),
        ("beacon-away", EndpointKind::Beacon),
    ];
    for (lever, _) in away {
        pull(&ground, lever).await;
    }
    for (lever, kind) in away {
        endpoint_is(&oracle, kind, |health| health != Health::Up, lever).await;
    }
    pull(&ground, "mend").await;
    all_are_up(&oracle).await;
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_does_what_it_is_told_and_no_other_chain_is_touched() {
    let (ground, oracle) = shown().await;
    pull(&ground, "basefee 300").await;
    until(&oracle, "a high base fee", |s| {
        s.chain
            .base_fee_wei
            .filter(|fee| fee.to::<u128>() > 100_000_000_000)
    })
    .await;
    // the deployment is never replaced
    ground.devnet().mine(10).await.unwrap();
    let before = ground.devnet().block_number().await.unwrap();
    let refused = director(&ground).pull("reorg 8").await.unwrap_err().to_string();
    assert!(refused.contains("are final"), "{refused}");
    pull(&ground, "reorg 3").await;
    until(&oracle, "blocks after the reorganisation", |s| {
        s.chain.cursor.filter(|cursor| cursor.number > before + 3)
    })
    .await;
    pull(&ground, "stranger").await;
    until(&oracle, "a pause", |s| s.paused.as_ref().map(drop)).await;
    let resume = Request::Resume { scope: Scope::All };
    seat(&oracle).request(resume).await.unwrap();
    let (slot, beacon) = (
        ground.network.beacon().unwrap().slot(),
        ground.network.beacon().unwrap(),
    );
    pull(&ground, "forward 600").await;
    // half a second a slot: the beacon catches up by itself
    while beacon.slot() < slot + 1000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    pull(&ground, "pool").await;
    drive(&oracle, "deposit/1").await;
    assert_eq!(
        oracle.handle.snapshots.borrow().cases_over(RequestKind::Deposit),
        1
    );

    ground
        .devnet()
        .rpc::<serde_json::Value>("anvil_reset", ())
        .await
        .unwrap();
    let refused = director(&ground).pull("pool").await.unwrap_err().to_string();
    assert!(refused.contains("not the chain"), "{refused}");
    let _ = oracle.handle.shutdown().await;
    ground.end().await;
}
