//! Key generations with somebody who is not there, dies, or lies.

use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::round::Round;
use casimir_dkg::dkg::rockx::transcript::RecordedVerdict;
use casimir_dkg::ports::Answer;
use casimir_dkg::types::{CeremonyFailure, FailureKind, OperatorId, OperatorState};
use futures_util::StreamExt as _;

use super::byzantine::{Lie, Misbehaviour, Step};
use super::house::{
    HASTY, House, PATIENT, Plan, check_transcript, document_of, fresh_id, ids, keygen_plan, until,
};

/// Runs a keygen of four in which operator 3 misbehaves, and returns the failure.
async fn with_operator_3(how: Misbehaviour) -> (CeremonyFailure, House) {
    let house = House::of_four([(3, how)]).await;
    let failed = house
        .run(&keygen_plan(ids(1..=4)))
        .await
        .expect_err("it cannot succeed");
    (failed.failure, house)
}

/// Each is a house of its own, and all together would keep one another from answering in time.
async fn a_few_at_once(ends: impl IntoIterator<Item = impl Future<Output = ()>>) {
    const FEW: usize = 3;
    let ends = futures_util::stream::iter(ends).buffer_unordered(FEW);
    ends.collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_is_named_in_its_round() {
    let deaths = [
        (Step::Preparation, Round::Preparation),
        (Step::Round1, Round::Round1),
        (Step::Round2, Round::Round2),
        (Step::DepositData, Round::DepositData),
        (Step::Output, Round::Output),
    ];
    let ends = deaths.map(|(step, round)| async move {
        let (failure, _house) = with_operator_3(Misbehaviour::Dies(step)).await;
        assert_eq!(failure.kind, FailureKind::Timeout, "{step:?}: {failure}");
        assert_eq!(failure.culprits, ids([3]), "{step:?}: {failure}");
        // it dies while it takes the start message, so it may have answered or not
        let early = step == Step::Preparation && failure.round == Some(Round::Started.id());
        assert!(
            failure.round == Some(round.id()) || early,
            "{step:?}: {:?}",
            failure.round
        );
    });
    a_few_at_once(ends).await;
}

/// It could go on all by itself, and those who waited for it were named in its place.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_withholds_a_message_and_sends_the_next_one_is_named_and_nobody_else() {
    // a deposit signature is put together without a withheld part
    let withheld = [Step::Preparation, Step::Round1, Step::Round2];
    let ends = withheld.map(|step| async move {
        let (failure, _house) = with_operator_3(Misbehaviour::Withholds(step)).await;
        assert_eq!(failure.kind, FailureKind::Timeout, "{step:?}: {failure}");
        assert_eq!(failure.culprits, ids([3]), "{step:?}: {failure}");
    });
    a_few_at_once(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_at_once_is_named_and_not_those_who_stopped_because_of_it() {
    let (failure, _house) = with_operator_3(Misbehaviour::GivesUp).await;
    assert_eq!(failure.kind, FailureKind::Timeout, "{failure}");
    assert_eq!(failure.culprits, ids([3]), "{failure}");
    assert!(
        failure.reason.as_str().contains("operator 3 gave up"),
        "{failure}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_operator_is_named_within_the_deadline() {
    let house = House::of_four([(2, Misbehaviour::Silent)]).await;
    let begun = Instant::now();
    let failed = house.run(&keygen_plan(ids(1..=4))).await.unwrap_err();
    assert!(begun.elapsed() >= HASTY, "{:?}", begun.elapsed());
    assert_eq!(failed.failure.kind, FailureKind::Timeout);
    assert_eq!(failed.failure.culprits, ids([2]));
    assert_eq!(failed.failure.round, Some(Round::Preparation.id()));
    assert_eq!(failed.progress[&OperatorId(2)].state, OperatorState::Missing);
    assert_eq!(failed.progress[&OperatorId(1)].state, OperatorState::Working);
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_about_the_dealing_are_proven() {
    let lies = [
        Lie::Share(OperatorId(2)),
        Lie::NoShare(OperatorId(2)),
        Lie::Proof,
        Lie::FewerCommitments,
        Lie::Equivocate,
    ];
    let ends = lies.map(|lie| async move {
        let (failure, _house) = with_operator_3(Misbehaviour::Lies(lie.clone())).await;
        assert_eq!(failure.kind, FailureKind::Blamed, "{lie:?}: {failure}");
        assert_eq!(failure.culprits, ids([3]), "{lie:?}: {failure}");
        if lie == Lie::Share(OperatorId(2)) {
            // only the receiver can show it
            let blame = failure.blames.iter().find(|blame| blame.proven).expect("a proof");
            assert_eq!(
                (blame.blamer, blame.culprit),
                (OperatorId(2), Some(OperatorId(3)))
            );
        }
    });
    a_few_at_once(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_about_the_result_never_become_a_result() {
    let lies = [
        Lie::ShareKey,
        Lie::ValidatorKey,
        Lie::PartialSignature,
        Lie::Output,
    ];
    let ends = lies.map(|lie| async move {
        let (failure, _house) = with_operator_3(Misbehaviour::Lies(lie.clone())).await;
        assert!(
            matches!(
                failure.kind,
                FailureKind::Blamed | FailureKind::Refused | FailureKind::Timeout
            ),
            "{lie:?}: {failure}"
        );
        assert_eq!(failure.culprits, ids([3]), "{lie:?}: {failure:?}");
    });
    a_few_at_once(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_accusation_falls_back_on_the_accuser() {
    let (failure, _house) = with_operator_3(Misbehaviour::Slanders(OperatorId(1))).await;
    assert_eq!(failure.kind, FailureKind::Blamed, "{failure}");
    assert_eq!(failure.culprits, ids([3]), "{failure}");
    assert!(
        failure.blames.iter().all(|blame| !blame.proven),
        "{:?}",
        failure.blames
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_to_start_is_reported_at_once() {
    let house = House::build(Plan {
        honest: ids([1, 2, 4]),
        others: vec![(OperatorId(3), Misbehaviour::RefusesToStart)],
        // no deadline has to pass
        round: Duration::from_secs(3_600),
        total: Duration::from_secs(3_600),
        ..Plan::default()
    })
    .await;
    let refused = tokio::time::timeout(PATIENT, async { house.run(&keygen_plan(ids(1..=4))).await });
    let failed = refused.await.expect("it waits for a deadline").unwrap_err();
    assert_eq!(failed.failure.kind, FailureKind::Timeout);
    assert_eq!(failed.failure.round, Some(Round::Started.id()));
    assert_eq!(failed.failure.culprits, ids([3]));
    assert!(
        failed.failure.reason.as_str().contains("does not feel like it"),
        "{failed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_operator_stops_everything_before_it_begins() {
    let house = House::build(Plan {
        honest: ids([1, 2, 4]),
        absent: ids([3]),
        ..Plan::default()
    })
    .await;
    let failed = house.run(&keygen_plan(ids(1..=4))).await.unwrap_err();
    assert_eq!(failed.failure.kind, FailureKind::NotStarted);
    assert_eq!(failed.failure.culprits, ids([3]));
    let document = document_of(&failed.transcript);
    assert!(document.start_message.is_none() && document.messages.is_empty());
    let health = house.initiator.preflight(&ids(1..=5)).await;
    let there: Vec<_> = health
        .iter()
        .map(|operator| operator.presence().is_some())
        .collect();
    assert_eq!(there, [true, true, false, true, false]);
    assert!(matches!(health[2].answers, Answer::No(_)), "{health:?}");
    assert!(matches!(health[4].answers, Answer::No(_)), "{health:?}");
    assert_eq!(health[0].version(), "0.2.13");
    assert!(
        health[2]
            .trouble()
            .as_str()
            .contains("nobody listens at its address"),
        "{health:?}"
    );
    assert!(health[4].trouble().as_str().contains("directory"), "{health:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_plans_reach_nobody() {
    let house = House::honest(4).await;
    for plan in [
        keygen_plan(ids(1..=3)),
        keygen_plan(ids([1, 2, 3, 3])),
        keygen_plan(ids([1, 2, 3, 99])),
    ] {
        let failed = house.run(&plan).await.unwrap_err();
        assert_eq!(failed.failure.kind, FailureKind::NotStarted, "{plan:?}");
        assert!(matches!(
            document_of(&failed.transcript).verdict,
            RecordedVerdict::Failed { .. }
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_operator_is_waited_for() {
    let slow = Misbehaviour::Slow(HASTY / 4);
    let house = House::of_four([(4, slow)]).await;
    let end = house.run(&keygen_plan(ids(1..=4))).await;
    end.unwrap_or_else(|failed| panic!("{failed}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_stopped_between_two_rounds_is_named_in_the_second() {
    let mut house = House::build(Plan {
        honest: ids(1..=3),
        // keeps round 1 from beginning while the node is stopped
        others: vec![(OperatorId(4), Misbehaviour::Slow(HASTY / 2))],
        round: HASTY * 2,
        ..Plan::default()
    })
    .await;
    let (initiator, updates) = (house.initiator.clone(), house.watch());
    let run = tokio::spawn(async move {
        let plan = keygen_plan(ids(1..=4));
        initiator.run(fresh_id(), &plan, updates).await
    });
    until("operator 2's first message", || {
        let seen = house.seen.lock().expect("never poisoned");
        seen.iter().any(|update| {
            update.operators[&OperatorId(2)]
                .seen
                .contains_key(&Round::Preparation.id())
        })
    })
    .await;
    let node = house.nodes.remove(&OperatorId(2)).expect("it runs");
    node.shutdown().await;
    let end = run.await.expect("no panic");
    check_transcript(&end);
    let failure = end.expect_err("operator 2 is gone").failure;
    assert_eq!(failure.kind, FailureKind::Timeout, "{failure}");
    assert_eq!(
        (failure.culprits, failure.round),
        (ids([2]), Some(Round::Round1.id()))
    );
}
