//! Every endpoint is away, without state, standing still or wrong about time: it is said, and over by itself.

use std::time::Instant;

use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::view::{Decider, LinkState, WaitReason};

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
    "execution-is-syncing",
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
    let began = Instant::now();
    let program = stage.program(form, "supervised", |_| ()).await;
    program.proposed("deposit/1", ActionKind::Keygen).await;
    program
        .until("the link", |s| (s.chain.link == LinkState::Live).then_some(()))
        .await;
    program.checked_anew("deposit/1").await;
    stage.switch(Switch::On);
    for lever in stage.scenario.levers().filter(|lever| *lever != "mended") {
        stage.proxy.pull(lever).unwrap();
    }
    stage.ends(&program).await;
    let mut alarms = program.snapshot().alarms.clone();
    // on a busy machine an honest endpoint is late, too, and remembered as that for a while
    alarms.retain(|alarm| !alarm.as_str().contains("did not answer"));
    stage.switch(Switch::Off);
    let target = ground.devnet().block_number().await.unwrap() + 2;
    program
        .until("it goes on by itself", |s| {
            let live = s.chain.link == LinkState::Live && s.chain.cursor?.number >= target;
            (live && s.alarms.iter().all(|alarm| !alarms.contains(alarm))).then_some(())
        })
        .await;
    // what goes on is not said again at every look (there are 20 looks a second), though what waits is said again
    let most = 60 + 2 * began.elapsed().as_secs();
    let lines = program.lines();
    let said = lines.len() as u64;
    assert!(said < most, "{name}, {said} of {most}:\n{}", lines.join("\n"));
    program.end().await;
}

/// What waits for a decision fades, an approval refreshes it first; what was approved before is held. Both go on by
/// themselves.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_while_every_endpoint_is_cut_is_held_and_leaves_once() {
    let ground = Ground::start(with_beacon()).await;
    for _ in 1..=2 {
        ground.devnet().deposit_pool(1).await.unwrap();
    }
    let stage = Stage::set(&ground, "connection-lost", PAIR, None).await;
    let program = stage.program(Form::Text, "supervised", |_| ()).await;
    program.pauses(true).await;
    program.approve_next("deposit/1", ActionKind::Keygen).await;
    let waiting = program.checked_anew("deposit/2").await;
    stage.switch(Switch::On);
    stage.proxy.pull("cut").unwrap();
    stage.ends(&program).await;
    program.pauses(false).await;
    program
        .until("the approval as held", |s| {
            let wait = s.waits.iter().find(|w| w.reason == WaitReason::NoEndpoint)?;
            assert_eq!(wait.sentence.as_str(), "approved; held: no endpoint answers");
            Some(())
        })
        .await;
    program
        .prints(stage.scenario.name(), "held: no endpoint answers")
        .await;
    let told = program.approve(&waiting).await.unwrap().message;
    assert!(told.as_str().starts_with("refreshing: "), "{told}");
    let action = program
        .until("who approved what is stale", |s| {
            let action = s.action(waiting.id)?;
            action.refreshing.as_ref()?;
            Some(action.clone())
        })
        .await;
    assert!(
        action.is_refreshing() && action.undo.is_some(),
        "{}",
        program.picture()
    );
    assert!(program.snapshot().ceremonies.is_empty(), "{}", program.picture());
    stage.proxy.pull("mended").unwrap();
    let snapshot = program
        .until("both ceremonies", |s| {
            let begun = |case: &str| s.ceremonies.iter().any(|c| c.case.to_string() == case);
            (begun("deposit/1") && begun("deposit/2")).then(|| s.clone())
        })
        .await;
    let decided = snapshot.action(waiting.id).unwrap().decision.clone().unwrap();
    let by = action.refreshing.unwrap().by;
    assert_eq!(decided.decider, Decider::Person { name: by });
    program.end().await;
    ground.end().await;
}
