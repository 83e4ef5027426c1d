//! Endpoints that tell little at a time, late, or seldom: everything is found, and the limit is named.

use std::time::Duration;

use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::oracle::ActionKind;

use super::program::Form;
use super::stage::{PAIR, Stage};
use super::{Ground, each, with_beacon};

const CLIPS: &str = "log-backend-clips-in-silence";
/// They are so from the start on.
pub(super) const LIMITS: &[&str] = &[
    CLIPS,
    "log-backend-one-block-behind",
    "logs-limited-as-too-often",
    "logs-limited-by-alchemy",
    "logs-limited-by-alchemy-free",
    "logs-limited-by-ankr",
    "logs-limited-by-blockpi",
    "logs-limited-by-drpc",
    "logs-limited-by-geth",
    "logs-limited-by-infura",
    "logs-limited-by-publicnode",
    "logs-limited-by-quicknode",
    "logs-limited-by-reth",
    "rate-limited-with-retry-after",
    "rate-limited-without-a-word",
    "two-endpoints-limited-to-10-blocks",
];

#[tokio::test(flavor = "multi_thread")]
async fn behind_every_limit_everything_is_found_and_the_limit_is_named() {
    let ground = with_a_past().await;
    let scenes = LIMITS.iter().enumerate();
    let shared = &ground;
    each(scenes, |(n, name)| async move {
        let form = [Form::Text, Form::Json][n % 2];
        if *name == CLIPS {
            // there are more and more deposits in this one
            let own = with_a_past().await;
            limited(&own, name, form).await;
            own.end().await;
        } else {
            limited(shared, name, form).await;
        }
    })
    .await;
    ground.end().await;
}

async fn with_a_past() -> Ground {
    let ground = Ground::start(with_beacon()).await;
    // in one block: some tell only one log at a time
    ground.devnet().deposit_pool(2).await.unwrap();
    // long enough that it does not come in one piece
    ground.devnet().mine(60).await.unwrap();
    ground
}

async fn limited(ground: &Ground, name: &str, form: Form) {
    let stage = Stage::set(ground, name, PAIR, None).await;
    stage.switch(Switch::On);
    let program = stage.program(form, "supervised", |_| ()).await;
    program.proposed("deposit/1", ActionKind::Keygen).await;
    program
        .until("the past", |s| s.chain.cursor.filter(|cursor| cursor.number > 60))
        .await;
    if name == CLIPS {
        // only a log of the block that is the newest when it is asked for shows that it is left out
        let deposits = async {
            loop {
                ground.devnet().deposit_pool(1).await.unwrap();
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        };
        tokio::select! {
            () = stage.ends(&program) => {}
            () = deposits => unreachable!("deposits go on"),
        }
    } else {
        stage.ends(&program).await;
    }
    // what must be seen may be there before the newest block is asked for, which is all that some limit
    program
        .until(&format!("{name}: somebody meets the limit"), |_| {
            (stage.strikes() > 0).then_some(())
        })
        .await;
    program.end().await;
}
