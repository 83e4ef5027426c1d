//! Resharings: who may deal to whom, and what becomes of the key.

use casimir_dkg::dkg::rockx::committee::threshold_for;
use casimir_dkg::dkg::rockx::round::Round;
use casimir_dkg::dkg::threshold::interpolates_to;
use casimir_dkg::types::{CeremonyPlan, CeremonyResult, FailureKind, OperatorId, Root, SignPurpose};

use super::byzantine::{Lie, Misbehaviour, Step};
use super::house::{HASTY, House, OldKey, Plan, ids, reshare_plan};

/// Reshares {1,2,3,4} by `old` to `new`, and lets the new committee sign.
async fn reshares(old: Vec<OperatorId>, new: Vec<OperatorId>) {
    let key = OldKey::deal(&ids(1..=4));
    let house = House::build(Plan {
        honest: ids(1..=8),
        key: Some(&key),
        ..Plan::default()
    })
    .await;
    let end = house.run(&reshare_plan(&key, old.clone(), new.clone())).await;
    let verified = end.unwrap_or_else(|failed| panic!("{old:?} to {new:?}: {failed}"));
    let CeremonyResult::Reshare(output) = verified.result else {
        panic!("{:?}", verified.result)
    };
    assert_eq!(output.validator, key.validator);
    assert!(output.share_public_keys.keys().eq(&new));
    interpolates_to(&output.share_public_keys, 3, &key.validator).expect("one polynomial");
    assert!(
        output
            .share_public_keys
            .iter()
            .all(|(id, share)| key.share_public_keys.get(id) != Some(share)),
        "every share is a new one"
    );
    let sign = CeremonyPlan::Sign {
        validator: key.validator,
        threshold: threshold_for(new.len()).expect("a committee"),
        committee: new,
        signing_root: Root([5; 32]),
        what: SignPurpose::VoluntaryExit {
            validator_index: 1,
            epoch: 1,
            domain: None,
        },
        share_public_keys: output.share_public_keys,
        brought: None,
    };
    let signed = house.run(&sign).await.unwrap_or_else(|failed| panic!("{failed}"));
    assert!(matches!(signed.result, CeremonyResult::Sign { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_disjoint_committee() {
    reshares(ids(1..=3), ids(5..=8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leaves_and_one_joins() {
    reshares(ids([1, 2, 4]), ids([1, 2, 3, 5])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn most_leave() {
    reshares(ids(1..=3), ids([1, 5, 6, 7])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_of_the_same_committee() {
    reshares(ids(2..=4), ids(1..=4)).await;
}

/// Reshares {1,2,3,4} by {1,2,3} to {1,2,3,5}, with one operator that misbehaves, and returns what went wrong.
async fn fails_with(id: u64, how: Misbehaviour) -> casimir_dkg::types::CeremonyFailure {
    let key = OldKey::deal(&ids(1..=4));
    let everybody = ids([1, 2, 3, 5]);
    let house = House::build(Plan {
        honest: everybody.iter().copied().filter(|other| other.0 != id).collect(),
        others: vec![(OperatorId(id), how)],
        key: Some(&key),
        round: HASTY,
        ..Plan::default()
    })
    .await;
    let end = house.run(&reshare_plan(&key, ids(1..=3), everybody)).await;
    end.expect_err("it cannot succeed").failure
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_fails_is_named_in_the_round_of_its_committee() {
    let cases = [
        (2, Misbehaviour::Dies(Step::Round1), Round::Round1),
        (5, Misbehaviour::Silent, Round::Preparation),
        (5, Misbehaviour::Dies(Step::Round2), Round::Round2),
        (3, Misbehaviour::Dies(Step::Output), Round::Output),
    ];
    let ends = cases.map(|(id, how, round)| async move {
        let failure = fails_with(id, how.clone()).await;
        assert_eq!(failure.kind, FailureKind::Timeout, "{how:?}: {failure}");
        assert_eq!(
            (failure.culprits, failure.round),
            (ids([id]), Some(round.id())),
            "{how:?}"
        );
    });
    futures_util::future::join_all(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lies_is_proven() {
    let cases = [
        (2, Lie::Share(OperatorId(5))),
        (3, Lie::Equivocate),
        (5, Lie::ShareKey),
    ];
    let ends = cases.map(|(id, lie)| async move {
        let failure = fails_with(id, Misbehaviour::Lies(lie.clone())).await;
        assert!(
            matches!(failure.kind, FailureKind::Blamed | FailureKind::Refused),
            "{lie:?}: {failure}"
        );
        assert_eq!(failure.culprits, ids([id]), "{lie:?}: {failure}");
    });
    futures_util::future::join_all(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_another_key_is_noticed_when_it_is_dealt() {
    let (key, other) = (OldKey::deal(&ids(1..=4)), OldKey::deal(&ids(1..=4)));
    let house = House::build(Plan {
        honest: ids([1, 3, 5]),
        others: vec![(OperatorId(2), Misbehaviour::None)],
        key: Some(&key),
        ..Plan::default()
    })
    .await;
    let mut wrong = key.shares[&OperatorId(2)].clone();
    wrong.share = other.shares[&OperatorId(2)].share.clone();
    house.others[&OperatorId(2)].hold(wrong).await;
    let end = house
        .run(&reshare_plan(&key, ids(1..=3), ids([1, 2, 3, 5])))
        .await;
    let failure = end.expect_err("another key would come out").failure;
    assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
    assert_eq!(failure.round, Some(Round::Round1.id()));
    assert!(failure.reason.as_str().contains("one of 1, 2 and 3"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_sizes_reach_nobody() {
    let key = OldKey::deal(&ids(1..=4));
    let house = House::build(Plan {
        honest: ids(1..=8),
        key: Some(&key),
        ..Plan::default()
    })
    .await;
    for (old, new) in [
        (ids(1..=4), ids(5..=8)),
        (ids(1..=2), ids(5..=8)),
        (ids(1..=3), ids(2..=8)),
        (ids(1..=3), ids(5..=7)),
    ] {
        let failed = house
            .run(&reshare_plan(&key, old.clone(), new.clone()))
            .await
            .unwrap_err();
        assert_eq!(
            failed.failure.kind,
            FailureKind::NotStarted,
            "{old:?} to {new:?}: {failed}"
        );
    }
}
