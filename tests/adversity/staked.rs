//! Lies about a pool that is staked: exits and reshares, of which the contract keeps no state, and its validator.

use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::types::PoolId;

use super::program::Form;
use super::stage::{PAIR, Set, Stage};
use super::{Ground, each};
use crate::engine::support::{half_second_slots, staked_on, stop};

/// Nobody asked for anything.
pub(super) const REQUESTS: &[&str] = &["log-added-exit-requested", "log-added-reshare-requested"];
/// A reshare was asked for.
pub(super) const ENDS: &[&str] = &["log-added-reshared"];
/// One of two beacon nodes.
pub(super) const NODES: &[&str] = &[
    "beacon-claims-a-final-epoch",
    "beacon-is-of-another-chain",
    "beacon-lists-no-validators",
];
/// Both.
pub(super) const CLOCKS: &[&str] = &["beacon-clock-25-hours-ahead"];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_liar_says_of_a_staked_pool_is_not_believed_either() {
    let (ground, oracle) = staked_on(DemoOptions {
        beacon: half_second_slots(),
        ..DemoOptions::default()
    })
    .await;
    stop(oracle).await;
    let among = [(2, Form::Text), (3, Form::Json)];
    let scenes = |names: &'static [&'static str]| {
        names
            .iter()
            .flat_map(move |name| among.map(|(voices, form)| (*name, voices, form)))
    };
    each(scenes(REQUESTS), |(name, voices, form)| {
        lie(&ground, name, voices, form, &[])
    })
    .await;
    each(scenes(NODES).chain(scenes(CLOCKS)), |(name, voices, form)| {
        node(&ground, name, voices, form)
    })
    .await;
    ground.devnet().request_reshare(PoolId(1)).await.unwrap();
    each(scenes(ENDS), |(name, voices, form)| {
        lie(&ground, name, voices, form, &["reshare/1"])
    })
    .await;
    ground.end().await;
}

async fn lie(ground: &Ground, name: &str, voices: usize, form: Form, open: &[&str]) {
    let stage = Stage::set(
        ground,
        name,
        Set {
            execution: voices,
            ..PAIR
        },
        None,
    )
    .await;
    stage.switch(Switch::On);
    let program = stage.program(form, "supervised", |_| ()).await;
    stage.ends(&program).await;
    for case in open {
        program.case(case).await;
    }
    let target = ground.devnet().block_number().await.unwrap() + 4;
    program
        .until("more blocks", |s| {
            s.chain.cursor.filter(|cursor| cursor.number >= target)
        })
        .await;
    let snapshot = program.snapshot();
    let found = snapshot.cases.iter().filter(|case| !case.is_over());
    let found: Vec<String> = found.map(|case| case.id.to_string()).collect();
    assert_eq!(found, open, "{name}\n{}", program.picture());
    assert!(stage.strikes() > 0, "{name}: nothing was told");
    program.end().await;
}

/// The other nodes serve on.
async fn node(ground: &Ground, name: &str, voices: usize, form: Form) {
    let stage = Stage::set(
        ground,
        name,
        Set {
            beacon: voices,
            ..PAIR
        },
        None,
    )
    .await;
    stage.switch(Switch::On);
    let program = stage.program(form, "supervised", |_| ()).await;
    program
        .until("the validator", |s| {
            let found = s.validators.iter().find(|v| v.pool == PoolId(1))?;
            found.status.as_str().starts_with("active").then_some(())
        })
        .await;
    stage.ends(&program).await;
    // some tell only when an epoch ends
    let asked = format!("{name}: somebody asked");
    program
        .until(&asked, |_| (stage.strikes() > 0).then_some(()))
        .await;
    program.end().await;
}
