//! Beacon nodes that do not know: whether a key is known to the beacon chain is then not known, and no rule deposits.

use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::CheckStatus;

use super::program::Form;
use super::stage::{PAIR, Stage};
use super::{Ground, each, with_beacon};
use crate::engine::deposits::initiated;

/// All of them are so.
pub(super) const UNKNOWING: &[&str] = &[
    "beacon-answers-404-below-states",
    "beacon-answers-404-to-everything",
    "beacon-is-a-web-server",
    "beacon-is-optimistic",
    "beacon-is-syncing",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_rule_deposits_on_what_no_beacon_node_knows() {
    let ground = Ground::start(with_beacon()).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let scenes = UNKNOWING.iter().enumerate();
    each(scenes, |(n, name)| {
        unknowing(&ground, name, [Form::Text, Form::Json][n % 2])
    })
    .await;
    assert!(initiated(&ground).await.is_empty());
    ground.end().await;
}

async fn unknowing(ground: &Ground, name: &str, form: Form) {
    let stage = Stage::set(ground, name, PAIR, None).await;
    stage.switch(Switch::On);
    let program = stage.program(form, "auto", |_| ()).await;
    let deposit = program.proposed("deposit/1", ActionKind::SendDeposit).await;
    let check = deposit
        .checks
        .iter()
        .find(|check| check.name == "key-unknown-to-beacon");
    assert_eq!(
        check.map(|check| check.status),
        Some(CheckStatus::Unknown),
        "{name}"
    );
    stage.ends(&program).await;
    assert!(stage.strikes() > 0, "{name}: nobody was asked");
    program.end().await;
}
