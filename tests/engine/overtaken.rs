//! A stranger changes the cluster's snapshot in the very block of our deposit.

use alloy::primitives::U256;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::view::{ActionState, CaseStatus, TransactionState};

use super::deposits::initiated;
use super::support::{Ground, approve_next, case_is, drive, four_operators, stop, until, waiting};
use crate::chain::tx::pay_in_first;

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_was_overtaken_says_by_what_and_is_proposed_anew_with_a_fresh_snapshot() {
    let mut ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(false).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    drive(&oracle, "deposit/1").await;
    ground.devnet().deposit_pool(2).await.unwrap();
    approve_next(&oracle, "deposit/2", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/2", ActionKind::SendDeposit).await;
    ground.halt();
    let first = approve_next(&oracle, "deposit/2", ActionKind::SendDeposit).await;
    until(&oracle, "a pending transaction", |s| {
        s.transactions
            .iter()
            .find(|t| t.action == first.id && t.state == TransactionState::Pending)
            .cloned()
    })
    .await;
    pay_in_first(ground.devnet(), U256::from(1)).await;
    ground.resume();

    let again = until(&oracle, "another proposal", |s| {
        let waits = |a: &&casimir_dkg::view::ActionView| {
            a.id.case == first.id.case && a.id != first.id && a.state == ActionState::Proposed
        };
        s.actions.iter().find(waits).cloned()
    })
    .await;
    assert_eq!(again.kind, first.kind);
    let paid = again.facts.iter().find(|fact| fact.label == "fees already paid");
    assert!(paid.is_some(), "{:?}", again.facts);
    let said = until(&oracle, "the reason in the case's file", |s| {
        let case = s.cases.iter().find(|c| c.id == first.id.case)?;
        let told = case.history.iter().map(|entry| entry.text.to_string());
        told.into_iter().find(|text| text.contains("reverted in block"))
    })
    .await;
    assert!(
        said.contains("IncorrectClusterState: somebody paid into the SSV cluster earlier in the same block"),
        "{said}"
    );
    assert_eq!(initiated(&ground).await, [1]);

    // a person decides: the same key, a fresh snapshot
    approve_next(&oracle, "deposit/2", ActionKind::SendDeposit).await;
    case_is(&oracle, "deposit/2", CaseStatus::Done).await;
    assert_eq!(initiated(&ground).await, [1, 2]);
    stop(oracle).await;
    ground.end().await;
}
