//! Signing ceremonies. A signature needs the threshold, the protocol wants everybody: what the initiator makes of it.

use casimir_dkg::dkg::rockx::transcript::{RecordedVerdict, Source};
use casimir_dkg::dkg::threshold::verify;
use casimir_dkg::types::{CeremonyResult, CheckStatus, FailureKind, OperatorId, OperatorState};

use super::byzantine::{Lie, Misbehaviour, Step};
use super::house::{HASTY, House, OldKey, PATIENT, Plan, document_of, ids, sign_plan};

const ROOT: [u8; 32] = [0x5e; 32];

async fn house(key: &OldKey, others: Vec<(u64, Misbehaviour)>, absent: Vec<u64>) -> House {
    let others: Vec<_> = others
        .into_iter()
        .map(|(id, how)| (OperatorId(id), how))
        .collect();
    let absent = ids(absent);
    let honest = key
        .shares
        .keys()
        .copied()
        .filter(|id| !absent.contains(id) && !others.iter().any(|(other, _)| other == id))
        .collect();
    House::build(Plan {
        honest,
        others,
        absent,
        key: Some(key),
        round: HASTY,
        ..Plan::default()
    })
    .await
}

fn source(end: &casimir_dkg::ports::Verified) -> Source {
    match document_of(&end.transcript).verdict {
        RecordedVerdict::Verified { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_signs() {
    let key = OldKey::deal(&ids(1..=7));
    let house = House::build(Plan {
        honest: ids(1..=7),
        key: Some(&key),
        round: PATIENT,
        ..Plan::default()
    })
    .await;
    for known in [true, false] {
        let end = house.run(&sign_plan(&key, ROOT, known)).await;
        let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
        let CeremonyResult::Sign { signature } = verified.result else {
            panic!("{:?}", verified.result)
        };
        assert!(verify(&key.validator, &ROOT, &signature));
        assert_eq!(source(&verified), Source::Messenger);
        let partials = verified
            .checks
            .iter()
            .find(|check| check.name == "partial-signatures")
            .unwrap();
        // without the share keys a partial signature cannot be looked at by itself
        let expected = if known {
            CheckStatus::Pass
        } else {
            CheckStatus::Unknown
        };
        assert_eq!(partials.status, expected, "{partials:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_partial_signature_is_named_and_left_out() {
    let key = OldKey::deal(&ids(1..=4));
    let house = house(&key, vec![(2, Misbehaviour::Lies(Lie::PartialSignature))], vec![]).await;
    let end = house.run(&sign_plan(&key, ROOT, true)).await;
    let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
    let CeremonyResult::Sign { signature } = verified.result else {
        panic!("{:?}", verified.result)
    };
    assert!(verify(&key.validator, &ROOT, &signature));
    assert_eq!(source(&verified), Source::Combined);
    assert_eq!(verified.progress[&OperatorId(2)].state, OperatorState::Blamed);
    let partials = verified
        .checks
        .iter()
        .find(|check| check.name == "partial-signatures")
        .unwrap();
    assert!(partials.reason.as_str().contains("left out: 2"), "{partials:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_four_is_not_needed() {
    let key = OldKey::deal(&ids(1..=4));
    let cases = [
        (vec![(3, Misbehaviour::Silent)], vec![]),
        (vec![(3, Misbehaviour::RefusesToStart)], vec![]),
        (vec![(3, Misbehaviour::Dies(Step::Round1))], vec![]),
        (vec![(3, Misbehaviour::Dies(Step::Output))], vec![]),
        (vec![], vec![3]),
    ];
    let ends = cases.map(|(others, absent)| {
        let key = &key;
        async move {
            let label = format!("{others:?} {absent:?}");
            let house = house(key, others, absent).await;
            let end = house.run(&sign_plan(key, ROOT, true)).await;
            let verified = end.unwrap_or_else(|failed| panic!("{label}: {failed}"));
            let CeremonyResult::Sign { signature } = verified.result else {
                panic!("{:?}", verified.result)
            };
            assert!(verify(&key.validator, &ROOT, &signature), "{label}");
            assert_eq!(source(&verified), Source::Combined, "{label}");
            let note = verified
                .checks
                .iter()
                .find(|check| check.name == "result-source")
                .unwrap();
            assert_eq!(note.status, CheckStatus::Unknown, "{label}");
        }
    });
    futures_util::future::join_all(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_than_the_threshold_give_no_signature() {
    let key = OldKey::deal(&ids(1..=4));
    let bad = || Misbehaviour::Lies(Lie::PartialSignature);
    let cases = [
        (
            vec![(1, Misbehaviour::Silent), (3, Misbehaviour::Silent)],
            vec![],
            true,
            FailureKind::Timeout,
        ),
        (vec![(1, bad()), (3, bad())], vec![], true, FailureKind::Blamed),
        (
            vec![(1, bad()), (3, Misbehaviour::Silent)],
            vec![],
            true,
            FailureKind::Blamed,
        ),
        // nobody can say whose partial signature is bad, but together they are no signature
        (
            vec![(1, bad()), (3, Misbehaviour::Silent)],
            vec![],
            false,
            FailureKind::Timeout,
        ),
        (vec![], vec![1, 3], true, FailureKind::NotStarted),
        (
            vec![
                (1, Misbehaviour::RefusesToStart),
                (3, Misbehaviour::RefusesToStart),
            ],
            vec![],
            true,
            FailureKind::Timeout,
        ),
    ];
    let ends = cases.map(|(others, absent, known, kind)| {
        let key = &key;
        async move {
            let label = format!("{others:?} {absent:?}");
            let house = house(key, others, absent).await;
            let end = house.run(&sign_plan(key, ROOT, known)).await;
            let failure = end.expect_err(&label).failure;
            assert_eq!(failure.kind, kind, "{label}: {failure}");
            if known {
                assert_eq!(failure.culprits, ids([1, 3]), "{label}: {failure}");
            }
        }
    });
    futures_util::future::join_all(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_holds_is_refused_by_all() {
    let (key, unknown) = (OldKey::deal(&ids(1..=4)), OldKey::deal(&ids(1..=4)));
    let house = house(&key, vec![], vec![]).await;
    let failed = house.run(&sign_plan(&unknown, ROOT, true)).await.unwrap_err();
    assert_eq!(failed.failure.kind, FailureKind::NotStarted, "{failed}");
    assert_eq!(failed.failure.culprits, ids(1..=4));
}
