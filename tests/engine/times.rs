//! Predicted and actual times of validators in the files of their cases.

use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::engine::service::Running;
use casimir_dkg::journal;
use casimir_dkg::oracle::{Basis, Record, ValidatorPhase};
use casimir_dkg::types::{CaseId, PoolId};
use casimir_dkg::view::{Actual, CaseStatus, Milestone, Stage};

use super::support::{Ground, case_is, drive, half_second_slots, stop, until};

/// The records of a case, oldest first.
fn records(ground: &Ground, case: &str) -> Vec<Record> {
    let id: CaseId = case.parse().unwrap();
    let (_, entries) = journal::verify(&ground.journal()).unwrap();
    let parsed = entries.iter().map(|e| serde_json::from_str(&e.body).unwrap());
    parsed
        .filter(|record| match record {
            Record::ValidatorPhaseSeen { case, .. } | Record::ValidatorForecast { case, .. } => *case == id,
            _ => false,
        })
        .collect()
}

fn forecast(records: &[Record], wanted: Basis) -> usize {
    let is = |r: &Record| matches!(r, Record::ValidatorForecast { basis, .. } if *basis == wanted);
    records
        .iter()
        .position(is)
        .unwrap_or_else(|| panic!("nothing {wanted:?} in {records:?}"))
}

fn seen(records: &[Record], wanted: ValidatorPhase) -> usize {
    let is = |r: &Record| matches!(r, Record::ValidatorPhaseSeen { phase, .. } if *phase >= wanted);
    records
        .iter()
        .position(is)
        .unwrap_or_else(|| panic!("not {wanted} in {records:?}"))
}

fn exit_times(running: &Running) -> Vec<Milestone> {
    running.handle.snapshots.borrow().exits[0].times.clone()
}

/// What does not change any more once the exit is in a block.
fn settled(times: &[Milestone]) -> Vec<(Stage, Option<u64>, Option<u64>)> {
    let epoch = |m: Option<casimir_dkg::view::Moment>| m.map(|m| m.epoch);
    times
        .iter()
        .map(|m| (m.stage, epoch(m.by_rules), epoch(m.by_state)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_predicted_before_they_are_facts_and_survive_restarts() {
    let options = DemoOptions {
        operators: 4,
        beacon: half_second_slots(),
        ..DemoOptions::default()
    };
    let ground = Ground::start(options).await;
    let oracle = ground.oracle(false).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let deposited = drive(&oracle, "deposit/1").await;
    let [active] = deposited.times[..] else {
        panic!("{:?}", deposited.times);
    };
    assert_eq!(active.actual, active.by_state.map(Actual::Since), "{active:?}");
    assert!(active.actual.is_some(), "the state had its activation");

    ground.devnet().report_staked(PoolId(1)).await.unwrap();
    until(&oracle, "a staked pool", |s| {
        s.validators.iter().find(|v| v.pool == PoolId(1)).cloned()
    })
    .await;
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    let in_a_block = until(&oracle, "the exit in a block", |s| {
        let times = &s.exits.first()?.times;
        times[0].actual.map(|_| times.clone())
    });
    let before = tokio::select! {
        times = in_a_block => times,
        done = drive(&oracle, "exit/1") => done.times,
    };
    let predicted: Vec<_> = before
        .iter()
        .map(|m| (m.by_rules.is_some(), m.by_state.is_some()))
        .collect();
    assert_eq!(
        predicted,
        [(true, false), (true, true), (true, true), (false, false)],
        "by the rules and by the state; the sweep has no fixed time: {before:?}"
    );

    // in the middle of it
    stop(oracle).await;
    let oracle = ground.oracle(false).await;
    let after = exit_times(&oracle);
    assert_eq!(settled(&after), settled(&before));
    assert_eq!(after[0], before[0]);
    let done = case_is(&oracle, "exit/1", CaseStatus::Done).await;
    assert_eq!(settled(&done.times), settled(&before));
    for milestone in &done.times[1..3] {
        assert_eq!(
            milestone.actual,
            milestone.by_state.map(Actual::Since),
            "the state's epoch is the fact"
        );
    }
    assert!(
        matches!(done.times[3].actual, Some(Actual::Seen { .. })),
        "{:?}",
        done.times
    );

    // and at its end
    stop(oracle).await;
    let oracle = ground.oracle(false).await;
    assert_eq!(exit_times(&oracle), done.times);
    stop(oracle).await;

    let deposit = records(&ground, "deposit/1");
    assert!(forecast(&deposit, Basis::State) < seen(&deposit, ValidatorPhase::Active));
    let exit = records(&ground, "exit/1");
    let (rules, state) = (forecast(&exit, Basis::Rules), forecast(&exit, Basis::State));
    let first_fact = seen(&exit, ValidatorPhase::Exiting);
    assert!(rules < state && state < first_fact, "{exit:?}");
    let sentences: Vec<_> = done.history.iter().map(|h| h.text.as_str()).collect();
    for words in ["by the chain's rules", "by the beacon state", "at no fixed time"] {
        assert!(
            sentences.iter().any(|s| s.contains(words)),
            "{words:?} in {sentences:?}"
        );
    }
    ground.end().await;
}
