//! How long the engine takes between the chain and a person, and between a person and the chain.
//!
//! `cargo bench --bench latency` starts a network as the demo does (anvil, messenger, four operators; anvil 1.7.1 is taken
//! from PATH or the cache, else installed there once through npm) and the engine of this program on it, and takes ten pools, one
//! after the other, from request to final deposit. It prints, as median and worst of them:
//!
//! * **event to approval**: from the moment at which anvil was told to mine the request's block until the keygen waits for
//!   a decision, every check made: intake, journal, operators chosen and asked whether they are there;
//! * **ceremony**: from the decision to the deposit that waits for the next one: keygen and owner-nonce signature by
//!   operators in this process, verification, simulation, all checks;
//! * **approve to broadcast**: from the call of `approve` until anvil has the transaction in its pool: drafted, signed,
//!   journaled, sent. Blocks are not mined meanwhile.
//!
//! The same for the two parts that nothing could leave out, in the same run: a block number asked of anvil, and an fsync of
//! a small file next to the journal. `CASIMIR_BENCH_RUNS` sets the number of pools (default 10).

#![allow(clippy::disallowed_macros, reason = "a benchmark prints its results")]

#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "the engine's tests need more of it"
)]
#[path = "../engine/support.rs"]
mod support;

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use casimir_dkg::devnet::Devnet;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::view::CaseStatus;

use support::{Ground, approve, case_is, four_operators, stop, waiting};

/// How often anvil is asked what it has in its pool: the resolution of two of the results.
const LOOK: Duration = Duration::from_millis(1);
/// Nothing here takes longer.
const TIMEOUT: Duration = Duration::from_secs(60);

fn main() {
    // `cargo test --benches` starts this, too: starting is enough then
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runs = std::env::var("CASIMIR_BENCH_RUNS")
        .ok()
        .and_then(|n| n.parse().ok());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(bench(runs.unwrap_or(10)));
}

async fn bench(runs: u32) {
    let mut ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(false).await;
    let (mut noticed, mut made, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    // the first warms up
    for pool in 0..=runs {
        let case = format!("deposit/{}", pool + 1);

        halt(&ground).await;
        let devnet = ground.devnet().clone();
        let request = tokio::spawn(async move { devnet.deposit_pool(1).await });
        in_pool(ground.devnet()).await;
        let begun = Instant::now();
        ground.devnet().mine(1).await.expect("a block");
        ground.resume();
        let mut keygen = waiting(&oracle, &case, ActionKind::Keygen).await;
        noticed.push(begun.elapsed());
        request.await.expect("a staker").expect("a request");

        let begun = Instant::now();
        while approve(&oracle, &keygen).await.is_err() {
            // proposed anew since the snapshot
            keygen = waiting(&oracle, &case, ActionKind::Keygen).await;
        }
        waiting(&oracle, &case, ActionKind::SendDeposit).await;
        made.push(begun.elapsed());

        halt(&ground).await;
        loop {
            let deposit = waiting(&oracle, &case, ActionKind::SendDeposit).await;
            let begun = Instant::now();
            if approve(&oracle, &deposit).await.is_ok() {
                in_pool(ground.devnet()).await;
                sent.push(begun.elapsed());
                break;
            }
        }
        ground.resume();
        case_is(&oracle, &case, CaseStatus::Done).await;
    }
    let asked = asks(ground.devnet()).await;
    let synced = syncs(ground.network.folder());
    stop(oracle).await;
    ground.end().await;

    println!("{runs} deposits, n = 4, a block every 150 ms       median      worst");
    for (what, mut times) in [
        ("event to approval", noticed.split_off(1)),
        ("approval to approval (keygen and keysign)", made.split_off(1)),
        ("approve to broadcast", sent.split_off(1)),
        ("for comparison: a question to anvil", asked),
        ("for comparison: an fsync", synced),
    ] {
        times.sort();
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!("  {what:42} {:>10} {:>10}", ms(median), ms(worst));
    }
}

/// No more blocks. One that is being mined at this moment is waited for by mining another one.
async fn halt(ground: &Ground) {
    ground.halt();
    ground.devnet().mine(1).await.expect("a block");
}

/// Waits until anvil holds a transaction that is not in a block.
async fn in_pool(devnet: &Devnet) {
    let begun = Instant::now();
    loop {
        let status: serde_json::Value = devnet.rpc("txpool_status", ()).await.expect("an answer");
        if status["pending"].as_str().is_some_and(|pending| pending != "0x0") {
            return;
        }
        assert!(begun.elapsed() < TIMEOUT, "nothing was sent: {status}");
        tokio::time::sleep(LOOK).await;
    }
}

async fn asks(devnet: &Devnet) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..50 {
        let begun = Instant::now();
        devnet.block_number().await.expect("a block number");
        times.push(begun.elapsed());
    }
    times
}

fn syncs(folder: &Path) -> Vec<Duration> {
    let mut file = std::fs::File::create(folder.join("fsync")).expect("a file");
    let sync = |_| {
        let begun = Instant::now();
        file.write_all(&[0; 512]).expect("written");
        file.sync_all().expect("synced");
        begun.elapsed()
    };
    (0..20).map(sync).collect()
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
