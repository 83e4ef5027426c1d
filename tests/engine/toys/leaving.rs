//! A request that names an operator rids the pool of that operator, however well it ranks.

use alloy::primitives::U256;

use super::manager::{Toy, deactivate, deploy, send, served, version, view_pool};
use super::*;

/// Operators 2 to 5 hold the key and are well, so 5, which ranks last, would make room for 1. The contract wants 4 out.
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_that_the_contract_wants_out_leaves() {
    let options = DemoOptions {
        operators: 5,
        ..four_operators()
    };
    let toys = Toys::start_with(ToyBackend::without_consent(), options).await;
    let net = Arc::clone(toys.ground.devnet());
    let manager = deploy(&net).await;
    let mut config = served(toys.ground.config(false), manager, version());
    config.selection.rule = SelectionRule::Fixed([2, 3, 4, 5].map(OperatorId).to_vec());
    let oracle = toys.oracle_with(config).await;
    let wei = U256::from(32) * U256::from(10).pow(U256::from(18));
    send(&net, manager, wei, Toy::stakeCall { poolId: 1 }).await;
    drive(&oracle, "deposit/1").await;
    let holders = view_pool(&net, manager, 1).await.operatorIds;
    assert_eq!(holders, [2, 3, 4, 5]);

    send(&net, manager, U256::ZERO, Toy::reportActiveCall { poolId: 1 }).await;
    deactivate(&net, manager).await;
    let proposed = waiting(&oracle, "reshare/1", ActionKind::Reshare).await;
    let fact = |label: &str| {
        let fact = proposed.facts.iter().find(|f| f.label == label);
        fact.map(|f| f.value.to_string()).unwrap_or_default()
    };
    assert_eq!(fact("asked for"), "the contract asks for operator 4 to leave");
    assert_eq!(fact("leaving"), "4");
    let file = until(&oracle, "its file", |s| {
        let case: CaseId = "reshare/1".parse().unwrap();
        s.cases.iter().find(|c| c.id == case).cloned()
    })
    .await;
    let first = file.history.first().unwrap().text.to_string();
    assert!(first.ends_with("for operator 4 to leave"), "{first}");
    drive(&oracle, "reshare/1").await;
    assert_eq!(view_pool(&net, manager, 1).await.operatorIds, [1, 2, 3, 5]);
    toys.end(oracle).await;
}
