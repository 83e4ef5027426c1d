//! Ways out that a person opens: an exit that the contract does not ask for, and a deposit that is given up. And the one that a
//! rule may choose: another committee.

use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Target};
use casimir_dkg::engine;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{OperatorId, PoolId, RedactedUrl};
use casimir_dkg::view::{CaseStatus, Cause, Request, Way};

use super::support::{
    Ground, approve_next, case_is, drive, person, records_of, seat, staked, stop, until, waiting, with_beacon,
};
use crate::chain::tx::liquidate;

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_is_opened_by_hand_and_a_deposit_is_given_up_and_taken_up_again() {
    let (ground, oracle) = staked(false).await;
    let pool = PoolId(1);
    until(&oracle, "an exit that can be opened", |s| {
        s.validators
            .iter()
            .find(|v| v.pool == pool && v.can_exit.is_yes())
            .cloned()
    })
    .await;
    seat(&oracle)
        .request(Request::RequestExit { pool })
        .await
        .unwrap();
    let sign = waiting(&oracle, "exit/1", ActionKind::SignExit).await;
    let wanted = sign.checks.iter().find(|c| c.name == "pool-exiting").unwrap();
    assert!(
        wanted.reason.as_str().contains("tess@test asked for it"),
        "{wanted:?}"
    );
    let twice = seat(&oracle)
        .request(Request::RequestExit { pool })
        .await
        .unwrap_err();
    assert!(twice.to_string().contains("exit/1 is open already"), "{twice}");

    // the contract does not mark the pool; the exit stays open all the same
    stop(oracle).await;
    let oracle = ground.oracle(false).await;
    approve_next(&oracle, "exit/1", ActionKind::SignExit).await;
    let done = drive(&oracle, "exit/1").await;
    assert!(
        matches!(&done.cause, Cause::Manual { by, .. } if *by == person()),
        "{:?}",
        done.cause
    );

    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/2", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/2", ActionKind::SendDeposit).await;
    let case = case_is(&oracle, "deposit/2", CaseStatus::AwaitingDecision).await;
    for way in [Way::Decide, Way::RedoKey, Way::GiveUp] {
        assert!(
            case.way(way).is_some_and(|on| on.can.is_yes()),
            "{way}: {:?}",
            case.ways
        );
    }
    let give_up = Request::GiveUp {
        case: case.id,
        reason: "filled by mistake".into(),
    };
    seat(&oracle).request(give_up).await.unwrap();
    stop(oracle).await;

    let oracle = ground.oracle(false).await;
    let held = case_is(&oracle, "deposit/2", CaseStatus::GivenUp).await;
    assert!(
        held.sentence
            .as_str()
            .starts_with("given up by tess@test: filled by mistake"),
        "{}",
        held.sentence
    );
    until(&oracle, "that the queue stands", |s| {
        let case = s.cases.iter().find(|c| c.id == held.id)?;
        case.sentence
            .as_str()
            .contains("cannot skip pool 2")
            .then_some(())
    })
    .await;
    seat(&oracle)
        .request(Request::Retry { case: held.id })
        .await
        .unwrap();
    waiting(&oracle, "deposit/2", ActionKind::Keygen).await;
    let done = drive(&oracle, "deposit/2").await;
    assert_ne!(done.validator, held.validator, "the first key is never used");
    stop(oracle).await;
    ground.end().await;
}

/// SSV liquidates the cluster after the key was made. A rule that may choose another committee does: others make another
/// key, which is deposited, and the first one is never used.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_has_others_make_another_key_where_ssv_refuses_the_first_committee() {
    let ground = Ground::start(DemoOptions {
        operators: 5,
        ..with_beacon()
    })
    .await;
    let oracle = ground.oracle(false).await;
    ground.devnet().deposit_pool(2).await.unwrap();
    for case in ["deposit/1", "deposit/2"] {
        let keygen = waiting(&oracle, case, ActionKind::Keygen).await;
        let committee = [1, 2, 3, 4].map(OperatorId).to_vec();
        let action = keygen.id;
        let choose = Request::SetCommittee { action, committee };
        seat(&oracle).request(choose).await.unwrap();
    }
    drive(&oracle, "deposit/1").await;
    approve_next(&oracle, "deposit/2", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/2", ActionKind::SendDeposit).await;
    let first = case_is(&oracle, "deposit/2", CaseStatus::AwaitingDecision).await;
    stop(oracle).await;
    liquidate(ground.devnet()).await;

    // a rule gives a key up where two endpoints say so
    let (url, name) = (ground.devnet().http_url(), |n| format!("execution.{n}"));
    let targets = (0..2).map(|n| Target::new(Kind::Execution, &name(n), &url).unwrap());
    let proxy = FaultProxy::start(targets.collect()).await.unwrap();
    let mut config = ground.config(true);
    let urls = (0..2).map(|n| RedactedUrl::new(proxy.url(&name(n)).unwrap()));
    config.rpc.urls = urls.collect();
    config.policy.rules[0].other_committees = 1;
    let oracle = ground.start_engine(config).await;
    let done = case_is(&oracle, "deposit/2", CaseStatus::Done).await;
    assert_ne!(done.validator, first.validator);
    stop(oracle).await;
    let redone = records_of(&ground.journal(), "key-redone");
    let words: Vec<_> = redone
        .iter()
        .map(|entry| engine::sentence(&entry.body).unwrap())
        .collect();
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(
        words[0]
            .as_str()
            .starts_with("rule what the demo may do by itself has another committee make another key"),
        "{words:?}"
    );
    ground.end().await;
}
