//! Key generations that succeed.

use casimir_dkg::beacon::roots::deposit_signing_root;
use casimir_dkg::dkg::rockx::round::Round;
use casimir_dkg::dkg::threshold::{interpolates_to, verify};
use casimir_dkg::types::{CeremonyKind, CeremonyPlan, CeremonyResult, CheckStatus, OperatorState};

use super::house::{House, document_of, fresh_id, ids, keygen_plan};

async fn keygen_of(n: u64) {
    let house = House::honest(n).await;
    let plan = keygen_plan(ids(1..=n));
    let end = house.run(&plan).await;
    let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
    let CeremonyResult::Keygen(output) = &verified.result else {
        panic!("{:?}", verified.result)
    };
    // judged here by other code than the initiator's
    let CeremonyPlan::Keygen {
        threshold,
        withdrawal_credentials,
        fork_version,
        ..
    } = &plan
    else {
        panic!()
    };
    interpolates_to(&output.share_public_keys, *threshold, &output.validator).expect("one polynomial");
    let root = deposit_signing_root(
        &output.validator,
        withdrawal_credentials,
        32_000_000_000,
        *fork_version,
    );
    assert!(verify(&output.validator, &root.0, &output.deposit_signature));
    assert_eq!(output.encrypted_shares.len() as u64, n);
    // our messenger and observer miss nothing, so no check is left open
    let open: Vec<_> = verified
        .checks
        .iter()
        .filter(|check| check.status != CheckStatus::Pass)
        .collect();
    assert!(open.is_empty(), "{open:#?}");
    assert_eq!(document_of(&verified.transcript).messages.len() as u64, 5 * n);
    for row in verified.progress.values() {
        assert_eq!(row.state, OperatorState::Done);
        assert_eq!(row.seen.len(), Round::of(CeremonyKind::Keygen).len());
        let rounds = Round::of(CeremonyKind::Keygen).iter();
        let times: Vec<_> = rounds.map(|round| row.seen[&round.id()]).collect();
        assert!(
            times[1..].is_sorted(),
            "a round was seen before the one it depends on"
        );
    }
    // the matrix was drawn while it filled
    let seen = house.seen.lock().expect("never poisoned");
    assert!(
        seen.iter()
            .any(|update| update.step == Some(Round::Preparation.id()))
    );
    let last = seen.last().expect("updates");
    assert_eq!((last.step.as_ref(), last.note.as_str()), (None, "verified"));
    assert_eq!(last.operators, verified.progress);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_4() {
    keygen_of(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_7() {
    keygen_of(7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_10() {
    keygen_of(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_13() {
    keygen_of(13).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_share_one_observer_and_give_different_keys() {
    let house = House::honest(4).await;
    let plan = keygen_plan(ids(1..=4));
    let runs = (0..6).map(|_| house.run(&plan));
    let mut keys: Vec<_> = futures_util::future::join_all(runs)
        .await
        .into_iter()
        .map(
            |end| match end.unwrap_or_else(|failed| panic!("{failed}")).result {
                CeremonyResult::Keygen(output) => output.validator,
                other => panic!("{other:?}"),
            },
        )
        .collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_used_once() {
    let house = House::honest(4).await;
    let plan = keygen_plan(ids(1..=4));
    let id = fresh_id();
    let (first, second) = tokio::join!(house.run_as(id, &plan), house.run_as(id, &plan));
    let refused = [first, second]
        .into_iter()
        .filter_map(Result::err)
        .collect::<Vec<_>>();
    assert_eq!(refused.len(), 1, "two at once: exactly one goes through");
    let third = house.run_as(id, &plan).await.expect_err("used before");
    for failed in refused.iter().chain([&third]) {
        assert_eq!(
            failed.failure.kind,
            casimir_dkg::types::FailureKind::NotStarted,
            "{failed}"
        );
    }
}
