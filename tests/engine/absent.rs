//! Operators that died after the deposit: their validator can still be given to others, and can still leave.

use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{CeremonyPlan, CheckStatus, OperatorId, PoolId};
use casimir_dkg::view::Payload;

use super::support::{drive, staked, stop, until, waiting};

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_operator_is_replaced_and_a_second_one_does_not_keep_the_validator_from_leaving() {
    let (mut ground, oracle) = staked(false).await;
    assert!(ground.network.kill_operator(OperatorId(4)));
    ground.devnet().request_reshare(PoolId(1)).await.unwrap();
    let reshare = waiting(&oracle, "reshare/1", ActionKind::Reshare).await;
    let Payload::Ceremony(payload) = &reshare.payload else {
        panic!("{:?}", reshare.payload)
    };
    let CeremonyPlan::Reshare { old, new, .. } = &payload.plan else {
        panic!("{:?}", payload.plan)
    };
    assert_eq!(*old, [1, 2, 3].map(OperatorId), "the dead one cannot deal");
    assert_eq!(*new, [1, 2, 3, 5].map(OperatorId), "the dead one leaves");
    drive(&oracle, "reshare/1").await;
    until(&oracle, "the new committee", |s| {
        s.validators.iter().find(|v| v.operators == *new).cloned()
    })
    .await;

    assert!(ground.network.kill_operator(OperatorId(5)));
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    let sign = waiting(&oracle, "exit/1", ActionKind::SignExit).await;
    let there = sign
        .checks
        .iter()
        .find(|c| c.name == "operators-reachable")
        .unwrap();
    assert_eq!(there.status, CheckStatus::Pass);
    let words = there.reason.as_str();
    assert!(
        words.starts_with("3 of 4 answer, 3 are needed; operator 5: "),
        "{words}"
    );
    drive(&oracle, "exit/1").await;

    stop(oracle).await;
    ground.end().await;
}
