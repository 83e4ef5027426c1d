//! The director's levers, each with what it must lead to, on a network whose operators are processes of their own.

use std::time::Duration;

use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::devnet::demo::{Director, LEVERS, StageOptions};
use casimir_dkg::engine::service::Running;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{CaseId, CheckStatus, OperatorId, PoolId, RequestKind};
use casimir_dkg::view::{CeremonyEnd, EndpointKind, Health, Request, Scope, Snapshot, Wait, WaitReason};

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
    let doubt = until(&oracle, "a head that one endpoint alone claims", |s| {
        doubt_of_head(s).cloned()
    })
    .await;
    let [first, second] = endpoints(&ground);
    let said = doubt.sentence.as_str();
    let (at_first, at_second) = (said.find(&first), said.find(&second));
    assert!(
        at_first.is_some() && at_first < at_second,
        "the newest is the first one's: {said}"
    );
    pull(&ground, "mend").await;
    until(&oracle, "a head that both have", |s| {
        (doubt_of_head(s).is_none() && head(s).is_some_and(|head| head > before)).then_some(())
    })
    .await;

    // what is forged opens nothing, and who forges is named and stays marked
    pull(&ground, "forge 2").await;
    let contradicted = |s: &Snapshot| {
        let mut of_it = s.endpoints.iter().filter(|e| e.name.as_str().contains(&second));
        of_it.any(|e| e.health == Health::Degraded && e.detail.as_str().contains("is contradicted"))
    };
    until(&oracle, "who forges", |s| contradicted(s).then_some(())).await;
    pull(&ground, "mend").await;
    let forged = until(&oracle, "blocks", head).await;
    until(&oracle, "blocks after it", |s| {
        head(s).filter(|head| *head > forged + 5)
    })
    .await;
    let snapshot = oracle.handle.snapshots.borrow().clone();
    assert!(contradicted(&snapshot), "a mended endpoint is not trusted again");
    let exits: Vec<_> = snapshot
        .cases
        .iter()
        .filter(|c| c.id.kind == RequestKind::Exit)
        .collect();
    assert!(exits.is_empty(), "{exits:?}");
    stop(oracle).await;
    ground.end().await;
}

fn doubt_of_head(snapshot: &Snapshot) -> Option<&Wait> {
    let mut waits = snapshot.waits.iter();
    waits.find(|wait| wait.reason == WaitReason::HeadDoubted)
}

/// The execution endpoints, as they are named.
fn endpoints(ground: &Ground) -> [String; 2] {
    let urls = ground.config(false).rpc.urls;
    let name = |nth: usize| {
        urls[nth]
            .expose()
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned()
    };
    [name(0), name(1)]
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
    until(&oracle, "the alarm of a stranger", |s| {
        let mut waits = s.waits.iter();
        waits
            .find(|w| w.reason == WaitReason::ForeignTransaction)
            .map(drop)
    })
    .await;
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
    ground.devnet().report_staked(PoolId(1)).await.unwrap();
    pull(&ground, "reshare").await;
    case_opens(&oracle, RequestKind::Reshare).await;

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

/// Who is waited for in the newest ceremony, where that is one operator.
fn alone_is_waited_for(snapshot: &Snapshot) -> Option<OperatorId> {
    let ceremony = snapshot.ceremonies.iter().find(|c| !c.is_over())?;
    let most = ceremony.operators.values().map(|o| o.seen.len()).max()?;
    let mut behind = ceremony.operators.iter().filter(|(_, o)| o.seen.len() < most);
    let (id, _) = behind.next()?;
    behind.next().is_none().then_some(*id)
}

async fn case_opens(oracle: &Running, kind: RequestKind) -> CaseId {
    until(oracle, &format!("a case of {kind}"), |s| {
        s.cases.iter().find(|c| c.id.kind == kind).map(|c| c.id)
    })
    .await
}

/// One network for the levers of a pool's whole life. That a beacon node which is away holds back every rule is
/// `adversity::beacons::no_rule_deposits_on_what_no_beacon_node_knows`'s, and that an exit which is refused is offered again is
/// `engine::exits::an_exit_that_nodes_refuse_or_drop_is_offered_until_it_is_in_a_block`'s.
#[tokio::test(flavor = "multi_thread")]
async fn slowness_an_absent_and_a_refusing_beacon_and_requests_lead_to_what_they_say() {
    let (ground, oracle) = shown().await;
    pull(&ground, "slow 1 4").await;
    pull(&ground, "pool").await;
    keygen(&oracle, "deposit/1").await;
    let slow = until(&oracle, "everybody waits for one cell", alone_is_waited_for).await;
    assert_eq!(slow, OperatorId(1));
    pull(&ground, "heal 1").await;
    pull(&ground, "beacon-away").await;
    endpoint_is(&oracle, EndpointKind::Beacon, |h| h != Health::Up, "beacon-away").await;
    until(&oracle, "key-unknown-to-beacon is unknown", |s| {
        let mut checks = s.actions.iter().flat_map(|a| &a.checks);
        checks
            .find(|c| c.name == "key-unknown-to-beacon" && c.status == CheckStatus::Unknown)
            .map(drop)
    })
    .await;
    pull(&ground, "mend").await;
    drive(&oracle, "deposit/1").await;
    ground.devnet().report_staked(PoolId(1)).await.unwrap();
    until(&oracle, "a staked pool", |s| s.validators.first().map(drop)).await;

    pull(&ground, "beacon-refuses").await;
    pull(&ground, "exit").await;
    assert_eq!(case_opens(&oracle, RequestKind::Exit).await.to_string(), "exit/1");
    approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    approve_next(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    until(&oracle, "an exit that stays, with the node's words", |s| {
        let exit = s.exits.iter().find(|e| e.state.as_str() == "refused")?;
        let words = exit.verdicts.first()?.detail.as_str();
        words.starts_with("refused: not active (").then_some(())
    })
    .await;
    pull(&ground, "mend").await;
    drive(&oracle, "exit/1").await;

    // at a rate until it is calm
    pull(&ground, "pool 1").await;
    until(&oracle, "a third pool", |s| {
        s.cases.iter().find(|c| c.id.to_string() == "deposit/3").map(drop)
    })
    .await;
    pull(&ground, "calm").await;
    let ready = async || {
        ground
            .devnet()
            .manager()
            .getReadyPoolIds()
            .call()
            .await
            .unwrap()
            .len()
    };
    let before = ready().await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(ready().await, before);

    // only this machine's clock stayed
    pull(&ground, "forward 7200").await;
    until(&oracle, "the finding about the clock", |s| {
        s.waits
            .iter()
            .find(|w| w.reason == WaitReason::ClockDiffers)
            .map(drop)
    })
    .await;
    stop(oracle).await;
    ground.end().await;
}

/// Every lever, with the test of what it leads to.
const LEADS: [(&str, &str); 20] = [
    ("pool", LIFE),
    ("reshare", CHAIN),
    ("exit", LIFE),
    ("calm", LIFE),
    ("kill", OPERATORS),
    ("hang", OPERATORS),
    ("slow", LIFE),
    ("lie", "who_lies_as_it_is_told_is_named"),
    ("equivocate", "who_equivocates_as_it_is_told_is_named"),
    ("heal", OPERATORS),
    ("messenger", AWAY),
    ("cut", ENDPOINTS),
    ("lag", ENDPOINTS),
    ("forge", ENDPOINTS),
    ("reorg", CHAIN),
    ("basefee", CHAIN),
    ("stranger", CHAIN),
    ("beacon-refuses", LIFE),
    ("beacon-away", LIFE),
    ("forward", LIFE),
];
const LIFE: &str = "slowness_an_absent_and_a_refusing_beacon_and_requests_lead_to_what_they_say";
const OPERATORS: &str = "operators_die_and_stand_still_as_they_are_told_and_come_back";
const ENDPOINTS: &str = "endpoints_fail_and_lag_as_they_are_told_and_are_mended";
const AWAY: &str = "messenger_and_beacon_are_away_as_they_are_told_and_are_mended";
const CHAIN: &str = "the_chain_does_what_it_is_told_and_no_other_chain_is_touched";

/// `mend` is in each of them, and what a scenario leads to is `adversity`'s.
#[test]
fn every_lever_has_a_test_of_what_it_leads_to() {
    let source = include_str!("director.rs");
    for row in LEVERS
        .iter()
        .filter(|row| !["mend", "scenario"].contains(&row.word))
    {
        let (_, test) = LEADS
            .iter()
            .find(|(word, _)| *word == row.word)
            .unwrap_or_else(|| panic!("nobody tests what {} leads to", row.word));
        let (_, body) = source.split_once(&format!("fn {test}()")).unwrap();
        let body = body.split("\n}\n").next().unwrap();
        let pulls = [format!("\"{}\"", row.word), format!("\"{} ", row.word)];
        assert!(
            pulls.iter().any(|pull| body.contains(pull)),
            "{test} does not pull {}",
            row.word
        );
    }
}
