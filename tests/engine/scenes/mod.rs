//! Every scenario of the fault proxy against the real program: what is true at its end, and what is said.

mod program;
mod screen;
mod stage;

use std::time::Duration;

use casimir_dkg::devnet::proxy::{Switch, shipped};

use self::program::Form;
use self::stage::{PAIR, Stage};
use super::support::{Ground, with_beacon};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "shows"]
async fn discover() {
    let wanted = std::env::var("SCENES").unwrap_or_default();
    let late = std::env::var("LATE").is_ok();
    let mode = std::env::var("MODE").unwrap_or("supervised".into());
    let seconds: u64 = std::env::var("SECONDS_RUN").ok().and_then(|s| s.parse().ok()).unwrap_or(8);
    let ground = Ground::start(with_beacon()).await;
    ground.devnet().deposit_pool(2).await.unwrap();
    let all = shipped().iter().filter(|(name, _)| name.contains(&wanted));
    let mut tasks = Vec::new();
    for (name, _) in all {
        let ground = &ground;
        let mode = mode.clone();
        tasks.push(async move {
            let begun = std::time::Instant::now();
            let stage = Stage::set(ground, name, PAIR, None).await;
            if !late {
                stage.switch(Switch::On);
            }
            let program = stage.program(Form::Text, &mode, |_| ()).await;
            let attached = begun.elapsed();
            if late {
                tokio::time::sleep(Duration::from_secs(4)).await;
                stage.switch(Switch::On);
            }
            for lever in ["cut", "other-chain"] {
                let _ = stage.proxy.pull(lever);
            }
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            println!("=== {name} (attached after {attached:?}, {} strikes)\n{}\n", stage.strikes(), program.picture());
            program.end().await;
        });
    }
    use futures_util::StreamExt as _;
    futures_util::stream::iter(tasks).buffer_unordered(6).collect::<Vec<_>>().await;
    ground.end().await;
}
