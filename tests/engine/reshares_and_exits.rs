//! The other two requests.

use casimir_dkg::devnet::{DemoOptions, ManagerVersion};
use casimir_dkg::engine::service::{self, ServiceOptions};
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{OperatorId, PoolId};
use casimir_dkg::view::{CaseStatus, Request};

use super::support::{Ground, case_is, drive, seat, staked, staked_on, stop, until, waiting};

async fn reshare_three_times(stores: bool) {
    let (ground, oracle) = staked(stores).await;
    ground.devnet().request_reshare(PoolId(1)).await.unwrap();
    let shown = waiting(&oracle, "reshare/1", ActionKind::Reshare).await;
    let new: Vec<_> = [1, 2, 3, 5].map(OperatorId).to_vec();
    let choose = Request::SetCommittee {
        action: shown.id,
        committee: new.clone(),
    };
    seat(&oracle).request(choose).await.unwrap();
    let first = drive(&oracle, "reshare/1").await;
    let deposited = case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    assert_eq!(first.validator, deposited.validator, "the key stays");
    until(&oracle, "the new committee", |s| {
        s.validators.iter().find(|v| v.operators == new).cloned()
    })
    .await;

    // by hand, twice more: a refresh of the same committee, then the limit
    for n in 1..=2 {
        seat(&oracle)
            .request(Request::RequestReshare { pool: PoolId(1) })
            .await
            .unwrap();
        let case = format!("reshare/1.{n}");
        drive(&oracle, &case).await;
    }
    seat(&oracle)
        .request(Request::RequestReshare { pool: PoolId(1) })
        .await
        .unwrap();
    let refused = case_is(&oracle, "reshare/1.3", CaseStatus::Attention).await;
    assert!(
        refused.sentence.as_str().contains("3 of 3"),
        "{}",
        refused.sentence
    );
    let ceremonies = oracle.handle.snapshots.borrow().ceremonies.clone();
    assert!(
        !ceremonies.iter().any(|c| c.case == refused.id),
        "no ceremony is wasted on a pool without reshares left"
    );
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_the_26th_of_may_takes_a_deposit_and_a_reshare() {
    let (ground, oracle) = staked_on(DemoOptions {
        manager: ManagerVersion::May26,
        ..DemoOptions::default()
    })
    .await;
    let deposit = case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    let view = ground.devnet().manager().getPool(1).call().await.unwrap();
    assert_eq!(
        view.publicKey.as_ref(),
        deposit.validator.unwrap().as_bytes().as_slice()
    );
    ground.devnet().request_reshare(PoolId(1)).await.unwrap();
    let reshared = drive(&oracle, "reshare/1").await;
    assert_eq!(reshared.validator, deposit.validator, "the key stays");
    until(&oracle, "one of three reshares", |s| {
        s.validators.iter().find(|v| v.reshares == (1, 3)).cloned()
    })
    .await;
    stop(oracle).await;

    // the other version's name is refused, with the right one
    let mut config = ground.config(false);
    config.contract.adapter = ManagerVersion::May20.adapter().parse().unwrap();
    let options = ServiceOptions {
        config,
        signer: None,
        backend: None,
        simulated: Vec::new(),
    };
    let refused = service::start(options).await.unwrap_err().to_string();
    assert!(
        refused.contains("is casimir-2023-05-26, not casimir-2023-05; set contract.adapter"),
        "{refused}"
    );
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_forgets_reshares_is_counted_by_its_events() {
    reshare_three_times(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_stores_reshares_works_as_well() {
    reshare_three_times(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_reshare_and_to_exit_that_leave_the_chain_are_void_and_come_back() {
    let (mut ground, oracle) = staked(false).await;
    for (case, kind) in [
        ("reshare/1", ActionKind::Reshare),
        ("exit/1", ActionKind::SignExit),
    ] {
        let before = ground.devnet().block_number().await.unwrap();
        let request = async |ground: &Ground| match kind {
            ActionKind::Reshare => ground.devnet().request_reshare(PoolId(1)).await.unwrap(),
            _ => ground.devnet().request_exit(PoolId(1)).await.unwrap(),
        };
        request(&ground).await;
        let shown = waiting(&oracle, case, kind).await;
        ground.halt();
        let depth = ground.devnet().block_number().await.unwrap() - before;
        ground.devnet().reorg(depth).await.unwrap();
        ground.devnet().mine(1).await.unwrap();
        case_is(&oracle, case, CaseStatus::Orphaned).await;
        let phrase = shown.phrase.clone();
        let late = Request::Approve {
            action: shown.id,
            digest: shown.digest,
            phrase,
        };
        assert!(
            seat(&oracle).request(late).await.is_err(),
            "a void action of {case} was approved"
        );
        ground.resume();
        request(&ground).await;
        drive(&oracle, case).await;
    }
    stop(oracle).await;
    ground.end().await;
}
