//! A program at work for long, with faults at random: everything is served once, its memory stays flat, its journal
//! verifies. `CASIMIR_DKG_SOAK=7200 cargo test --test whole soak -- --ignored --nocapture` works for two hours.

use std::path::Path;
use std::time::{Duration, Instant};

use casimir_dkg::devnet::proxy::{Scenario, Switch, Variables};
use casimir_dkg::journal;

use super::program::{Form, Program};
use super::stage::{PAIR, Stage};
use super::{Ground, with_beacon};
use crate::engine::deposits::initiated;

/// So many requests are open at a time.
const OPEN: usize = 4;
/// The disk is full for so long, once in a while of [`DISK_EVERY`].
const DISK_FULL: Duration = Duration::from_secs(2);
const DISK_EVERY: Duration = Duration::from_secs(20);
/// What memory may grow by in the second half, MiB: closed cases leave memory, so it does not count them.
const GROWTH: u64 = 32;

fn lasts() -> Duration {
    let said = std::env::var("CASIMIR_DKG_SOAK").ok();
    Duration::from_secs(said.map_or(120, |seconds| seconds.parse().expect("seconds")))
}

/// No more than so many cases are open.
async fn open_at_most(program: &Program, most: usize, pools: u32) {
    program
        .until(&format!("at most {most} open of {pools}"), |s| {
            let open = s.cases.iter().filter(|case| !case.is_over()).count();
            let known = s.cases.len() as u64 + s.older.cases.values().sum::<u64>();
            (open <= most && known >= u64::from(pools)).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: .ci/run full"]
#[expect(clippy::disallowed_macros, reason = "its figures are printed")]
async fn with_faults_at_random_everything_is_served_once_and_memory_stays_flat() {
    let ground = Ground::start(with_beacon()).await;
    let stage = Stage::set(&ground, "connection-lost", PAIR, None).await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/scenes/soak.toml");
    let faults = Scenario::load(&file, &Variables::default()).unwrap();
    stage.proxy.load(faults.clone()).unwrap();
    let program = stage.program(Form::Text, "auto", |_| ()).await;
    stage.proxy.switch(faults.name(), Switch::On).unwrap();

    let (began, lasts) = (Instant::now(), lasts());
    let (mut pools, mut middle) = (0, None);
    let mut full_at = DISK_EVERY / 2;
    let mut fulls = 0;
    while began.elapsed() < lasts {
        if began.elapsed() > full_at {
            program.disk_is_full(true);
            tokio::time::sleep(DISK_FULL).await;
            program.disk_is_full(false);
            fulls += 1;
            full_at = began.elapsed() + DISK_EVERY;
        }
        ground.devnet().deposit_pool(1).await.unwrap();
        pools += 1;
        open_at_most(&program, OPEN, pools).await;
        if began.elapsed() > lasts / 2 {
            middle.get_or_insert_with(|| program.resident_mib());
        }
    }
    let strikes = stage.proxy.strikes(faults.name());
    stage.proxy.switch(faults.name(), Switch::Off).unwrap();
    open_at_most(&program, 0, pools).await;
    let (middle, end) = (middle.unwrap_or_default(), program.resident_mib());
    println!(
        "{pools} pools, {strikes} faults, {fulls} times a full disk, memory {middle} MiB halfway and {end} MiB at the end"
    );
    assert!(strikes > 0 && fulls > 0, "no fault was played");
    assert!(end <= middle + GROWTH, "memory grew from {middle} to {end} MiB");
    let path = program.snapshot().journal.path.to_string();
    program.end().await;
    let (report, _) = journal::verify(Path::new(&path)).unwrap();
    assert!(report.records > u64::from(pools));
    let mut served = initiated(&ground).await;
    served.sort_unstable();
    assert_eq!(served, (1..=pools).collect::<Vec<_>>(), "each once");
    ground.end().await;
}
