//! Every endpoint is away, without state, standing still or wrong about time: it is said, and over by itself.

use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::view::LinkState;

use super::program::Form;
use super::stage::{PAIR, Stage};
use super::{Ground, each, with_beacon};

/// They begin while the program runs.
pub(super) const AWAY: &[&str] = &[
    "clock-25-hours-ahead",
    "clock-25-hours-behind",
    "clock-in-the-year-1970",
    "clock-in-the-year-3122",
    "connection-lost",
    "endpoints-hang",
    "execution-answers-404",
    "execution-has-no-state",
    "execution-is-a-web-server",
    "head-stands-still",
];

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_away_is_said_to_be_and_followed_again_afterwards() {
    let ground = Ground::start(with_beacon()).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let scenes = AWAY
        .iter()
        .flat_map(|name| [(*name, Form::Text), (*name, Form::Json)]);
    each(scenes, |(name, form)| away(&ground, name, form)).await;
    ground.end().await;
}

async fn away(ground: &Ground, name: &str, form: Form) {
    let stage = Stage::set(ground, name, PAIR, None).await;
    let program = stage.program(form, "supervised", |_| ()).await;
    program.proposed("deposit/1", ActionKind::Keygen).await;
    program
        .until("the link", |s| (s.chain.link == LinkState::Live).then_some(()))
        .await;
    stage.switch(Switch::On);
    for lever in stage.scenario.levers().filter(|lever| *lever != "mended") {
        stage.proxy.pull(lever).unwrap();
    }
    stage.ends(&program).await;
    let alarms = program.snapshot().alarms.clone();
    stage.switch(Switch::Off);
    let target = ground.devnet().block_number().await.unwrap() + 2;
    program
        .until("it goes on by itself", |s| {
            let live = s.chain.link == LinkState::Live && s.chain.cursor?.number >= target;
            (live && s.alarms.iter().all(|alarm| !alarms.contains(alarm))).then_some(())
        })
        .await;
    // what goes on is not said again at every look
    let lines = program.lines();
    assert!(lines.len() < 24, "{name}:\n{}", lines.join("\n"));
    program.end().await;
}
