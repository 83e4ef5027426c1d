//! Voluntary exits, and what becomes of them when beacon nodes say no.

use std::time::Duration;

use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::devnet::beacon::{BeaconSpec, ExitProblem};
use casimir_dkg::engine::service::Running;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::ports::consensus::{Consensus, ExitMessage, SignedExit};
use casimir_dkg::types::{CheckStatus, PoolId, RedactedUrl};
use casimir_dkg::view::{ActionState, ActionView, CaseStatus, ExitView, Payload, Request};

use super::support::{approve_next, beacon, case_is, drive, seat, staked, staked_on, stop, until, waiting};

/// How many actions of the exit were approved.
fn approved(running: &Running) -> usize {
    let snapshot = running.handle.snapshots.borrow();
    let of_exit = |a: &&ActionView| a.id.case.to_string() == "exit/1" && a.was_approved();
    snapshot.actions.iter().filter(of_exit).count()
}

async fn exit_is(running: &Running, word: &str) -> ExitView {
    until(running, &format!("an exit that is {word}"), |s| {
        s.exits.iter().find(|e| e.state.as_str() == word).cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_is_signed_published_and_followed_to_its_end() {
    let (ground, oracle) = staked(false).await;
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    let sign = waiting(&oracle, "exit/1", ActionKind::SignExit).await;
    let capella = sign.checks.iter().find(|c| c.name == "capella-version");
    let capella = capella.expect("the version is checked");
    assert!(
        capella.status == CheckStatus::Pass && capella.reason.as_str().contains("its fork schedule has"),
        "{capella:?}"
    );
    let phraseless = Request::Approve {
        action: sign.id,
        digest: sign.digest,
        phrase: None,
    };
    let refused = seat(&oracle).request(phraseless).await.unwrap_err();
    assert!(refused.to_string().contains("exit pool 1"), "{refused}");
    approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    let broadcast = waiting(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    let pool = broadcast.facts.iter().find(|f| f.label == "exit pool");
    let pool = pool.expect("what waits in the pool is shown");
    assert!(
        pool.value.as_str().contains("no exit of this validator"),
        "{pool:?}"
    );
    let done = drive(&oracle, "exit/1").await;
    let phases: Vec<_> = done
        .history
        .iter()
        .filter(|h| h.text.as_str().contains("the validator of"))
        .collect();
    assert!(
        phases.len() >= 3,
        "exiting, exited, withdrawable and withdrawn on the way: {phases:?}"
    );
    let exit = oracle.handle.snapshots.borrow().exits.first().cloned().unwrap();
    assert!(exit.verdicts.iter().any(|v| v.delivered), "{:?}", exit.verdicts);
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_that_nodes_refuse_or_drop_is_offered_until_it_is_in_a_block() {
    let (ground, oracle) = staked(false).await;
    let beacon = ground.network.beacon().unwrap();
    // whatever its words: by the state the validator may exit
    beacon.faults(|f| f.refuse_exits = Some(ExitProblem::NotActive { index: 16 }));
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    let broadcast = approve_next(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    let refused = exit_is(&oracle, "refused").await;
    let words = refused.verdicts[0].detail.as_str();
    assert!(
        !refused.verdicts[0].delivered && words.starts_with("refused: not active ("),
        "{words}"
    );
    let outcome = refused.outcome.as_str();
    assert!(
        outcome.starts_with("refused by every node that answered"),
        "{outcome}"
    );
    // the node takes the next one, and forgets it; the one after that stays
    beacon.faults(|f| {
        f.refuse_exits = None;
        f.drop_exits = 1;
    });
    case_is(&oracle, "exit/1", CaseStatus::Done).await;
    assert_eq!(
        approved(&oracle),
        2,
        "one approval to sign and one to publish, however often it was offered"
    );
    let actions = oracle.handle.snapshots.borrow().actions.clone();
    let done = actions.iter().find(|a| a.id == broadcast.id).unwrap();
    assert_eq!(done.state, ActionState::Done);
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_holds_and_that_a_node_finds_bad_is_offered_again_and_not_asked_for_again() {
    let (ground, oracle) = staked(false).await;
    let beacon = ground.network.beacon().unwrap();
    beacon.faults(|f| f.refuse_exits = Some(ExitProblem::BadSignature { index: 16 }));
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    let sign = approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    let names: Vec<_> = sign.checks.iter().map(|c| c.name.as_str()).collect();
    for name in [
        "validator-index",
        "validator-status",
        "activation-age",
        "not-slashed",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert!(!names.contains(&"new-signing-root"), "nothing was signed before");
    let broadcast = approve_next(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    let refused = exit_is(&oracle, "refused").await;
    let words = refused.verdicts[0].detail.as_str();
    assert!(words.starts_with("refused: bad signature"), "{words}");
    // it is the node that is at fault
    beacon.faults(|f| f.refuse_exits = None);
    case_is(&oracle, "exit/1", CaseStatus::Done).await;
    let actions = oracle.handle.snapshots.borrow().actions.clone();
    let done = actions.iter().find(|a| a.id == broadcast.id).unwrap();
    assert_eq!(done.state, ActionState::Done);
    assert_eq!(approved(&oracle), 2, "nothing was signed again");
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_of_a_young_validator_waits_for_its_time_over_a_restart() {
    // old enough 60 s after its activation: long enough to approve everything before, on a slow machine too
    let options = DemoOptions {
        beacon: beacon(|spec| BeaconSpec {
            slot_duration: Duration::from_millis(500),
            shard_committee_period: 30,
            ..spec
        }),
        ..DemoOptions::default()
    };
    let (ground, oracle) = staked_on(options).await;
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    let sign = approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    let age = sign.checks.iter().find(|c| c.name == "activation-age");
    let age = age.unwrap();
    assert_eq!(age.status, CheckStatus::Pass);
    assert!(
        age.reason
            .as_str()
            .contains("too young: the exit waits until epoch"),
        "{}",
        age.reason
    );
    let broadcast = approve_next(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    let waits = exit_is(&oracle, "waiting").await;
    let epoch = waits.epoch.unwrap();
    let words = format!("it is sent by itself in epoch {epoch}, not before 20");
    assert!(waits.outcome.as_str().contains(&words), "{}", waits.outcome);
    let case = case_is(&oracle, "exit/1", CaseStatus::Queued).await;
    assert!(case.sentence.as_str().contains(&words), "{}", case.sentence);
    stop(oracle).await;

    let oracle = ground.oracle(false).await;
    let beacon = ground.network.beacon().unwrap();
    let offered = until(&oracle, "the exit at the node", |s| {
        s.exits.first().filter(|e| !e.verdicts.is_empty()).cloned()
    })
    .await;
    assert!(
        beacon.epoch() >= epoch,
        "offered in epoch {}, not {epoch}",
        beacon.epoch()
    );
    assert!(offered.outcome.as_str() != waits.outcome.as_str());
    case_is(&oracle, "exit/1", CaseStatus::Done).await;
    assert_eq!(approved(&oracle), 2, "nobody was asked again");
    let actions = oracle.handle.snapshots.borrow().actions.clone();
    let done = actions.iter().find(|a| a.id == broadcast.id).unwrap();
    assert_eq!((&done.state, done.digest), (&ActionState::Done, broadcast.digest));
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_that_somebody_else_published_is_followed() {
    let (ground, oracle) = staked(false).await;
    let beacon = ground.network.beacon().unwrap();
    beacon.faults(|f| f.refuse_exits = Some(ExitProblem::NotActive { index: 16 }));
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    let broadcast = approve_next(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    exit_is(&oracle, "refused").await;
    let Payload::Exit(exit) = &broadcast.payload else {
        panic!("{:?}", broadcast.payload)
    };
    let somebody = Beacon::new(BeaconConfig::new(vec![RedactedUrl::new(beacon.url())], None)).unwrap();
    beacon.faults(|f| f.refuse_exits = None);
    let theirs = SignedExit {
        message: ExitMessage {
            epoch: exit.epoch,
            validator_index: exit.validator_index,
        },
        signature: exit.signature,
    };
    let verdicts = somebody.publish_exit(&theirs).await;
    assert!(verdicts[0].delivered(), "{verdicts:?}");
    // from here on the node would refuse ours, whatever it said
    beacon.faults(|f| {
        f.refuse_exits = Some(ExitProblem::AlreadyExiting {
            index: 16,
            exit_epoch: 9,
        })
    });
    case_is(&oracle, "exit/1", CaseStatus::Done).await;
    let actions = oracle.handle.snapshots.borrow().actions.clone();
    let done = actions.iter().find(|a| a.id == broadcast.id).unwrap();
    assert_eq!(done.state, ActionState::Done, "a success, whoever published it");
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_of_a_validator_that_nobody_knows_is_set_aside_until_it_is_retried() {
    let (ground, oracle) = staked(false).await;
    let beacon = ground.network.beacon().unwrap();
    beacon.faults(|f| f.refuse_exits = Some(ExitProblem::NotActive { index: 16 }));
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    let broadcast = approve_next(&oracle, "exit/1", ActionKind::BroadcastExit).await;
    exit_is(&oracle, "refused").await;
    let Payload::Exit(exit) = &broadcast.payload else {
        panic!("{:?}", broadcast.payload)
    };
    beacon.faults(|f| {
        f.refuse_exits = None;
        f.hidden = Some(exit.validator);
    });
    let case = case_is(&oracle, "exit/1", CaseStatus::Attention).await;
    let words = case.sentence.as_str();
    assert!(
        words.contains("the beacon chain does not have it at this index"),
        "{words}"
    );
    assert!(words.contains("refused: unknown validator"), "{words}");
    assert_eq!(beacon.pool(), [], "it is not offered any more");
    beacon.faults(|f| f.hidden = None);
    let retry = Request::Retry { case: case.id };
    seat(&oracle).request(retry).await.unwrap();
    case_is(&oracle, "exit/1", CaseStatus::Done).await;
    assert_eq!(approved(&oracle), 2, "the approval was kept");
    stop(oracle).await;
    ground.end().await;
}
