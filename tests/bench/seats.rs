//! What seats cost, and how big each role is.
//!
//! `cargo bench --profile shipped --bench seats` starts a network as the demo does and the real program on it, headless and supervised, lets 20
//! pools ask for a deposit, and waits until 20 key generations wait for a decision. It prints
//!
//! * **attach to first screen**: from the connection to the first whole state, median and worst of 50;
//! * **requests a second**: of one seat, one after the other, each through the engine's task and back; and of 20 seats;
//! * **the engine's own time**: how long one question takes through the engine's task and back, alone and while 20 seats
//!   look on and are sent every change, median and worst;
//! * **memory** (resident): of the headless oracle while nothing happens and 20 cases are open, before and after 20 seats
//!   came and went for two minutes (each comes again as soon as it has seen a change), and how often one came; and of a messenger
//!   and of an operator's node that do nothing.
//!
//! It fails where the headless oracle with 20 open cases has more than 40 MiB resident while nothing happens: what is packaged
//! keeps that (37.6 to 39.4 MiB), a plain release has 44.
//!
//! `CASIMIR_BENCH_SECONDS` sets how long seats come and go (default 120). Numbers of a debug build are of little use but for
//! whether memory stays flat.

#![allow(clippy::disallowed_macros, reason = "a benchmark prints its results")]

#[cfg(target_os = "linux")]
#[path = "ceremony/cpu.rs"]
#[allow(dead_code, reason = "the ceremonies' benchmark needs it")]
mod cpu;
#[cfg(target_os = "linux")]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "the engine's tests need more of it"
)]
#[path = "../engine/crowd.rs"]
mod crowd;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the ceremonies' benchmark needs more of it")]
#[path = "ceremony/roles.rs"]
mod roles;
#[cfg(target_os = "linux")]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "the engine's tests need more of it"
)]
#[path = "../engine/support.rs"]
mod support;

#[cfg(target_os = "linux")]
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(300);

fn main() {
    #[cfg(target_os = "linux")]
    if roles::play() {
        return;
    }
    // `cargo test --benches` starts this, too: starting is enough then
    if std::env::args().any(|argument| argument == "--bench") {
        #[cfg(target_os = "linux")]
        tokio::runtime::Runtime::new()
            .expect("a runtime")
            .block_on(bench::seats());
        #[cfg(not(target_os = "linux"))]
        println!("needs Linux's accounts of memory");
    }
}

#[cfg(target_os = "linux")]
mod bench {
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use casimir_dkg::attach::{Attached, attach};
    use casimir_dkg::engine::{Identity, Seat};
    use casimir_dkg::types::PoolId;
    use casimir_dkg::view::Query;

    use crate::TIMEOUT;
    use crate::crowd::{come_and_go, crowd, rss};
    use crate::roles::Fleet;
    use crate::support::{Ground, four_operators};

    const POOLS: u64 = 20;
    const SEATS: usize = 20;
    /// Everything is proposed; now nothing happens but blocks.
    const SETTLE: Duration = Duration::from_secs(15);
    const SPAN: Duration = Duration::from_secs(5);
    /// A headless oracle with open cases, while nothing happens, MiB.
    const RESIDENT_AT_MOST: f64 = 40.0;

    struct Engine(Child);

    impl Drop for Engine {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn start(ground: &Ground) -> Engine {
        let child = Command::new(env!("CARGO_BIN_EXE_casimir-dkg"))
            .arg("--config")
            .arg(ground.network.config_file())
            .args(["headless", "--mode", "supervised"])
            .env("CASIMIR_DKG_STATE_DIR", ground.network.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Engine(child.expect("the program"))
    }

    async fn sit_down(socket: &Path) -> Attached {
        let begun = Instant::now();
        loop {
            match attach(socket).await {
                Ok(seat) => return seat,
                Err(error) => assert!(begun.elapsed() < TIMEOUT, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn all_wait(seat: &Attached) {
        let mut snapshots = seat.handle.snapshots.clone();
        let waits = |snapshot: &casimir_dkg::view::Snapshot| snapshot.waiting().count() as u64 >= POOLS;
        let waited = snapshots.wait_for(|snapshot| waits(snapshot));
        let waited = tokio::time::timeout(TIMEOUT, waited).await;
        drop(waited.expect("in time").expect("the engine goes on"));
    }

    /// Answers to one seat, each asked for when the one before has come.
    async fn asks(seat: Seat) -> u32 {
        let (begun, mut answers) = (Instant::now(), 0);
        while begun.elapsed() < SPAN {
            let query = Query::Pool { pool: PoolId(1) };
            seat.read(query).await.expect("rows");
            answers += 1;
        }
        answers
    }

    /// Median and worst time of one question through the engine's task, while so many others look on.
    async fn answer_times(socket: &Path, onlookers: usize) -> (Duration, Duration) {
        let mut looks = Vec::new();
        for _ in 0..onlookers {
            let attached = sit_down(socket).await;
            looks.push(tokio::spawn(async move {
                let mut snapshots = attached.handle.snapshots.clone();
                while snapshots.changed().await.is_ok() {}
            }));
        }
        let attached = sit_down(socket).await;
        let seat = attached.handle.seat(Identity::new("bench"));
        let (begun, mut times) = (Instant::now(), Vec::new());
        while begun.elapsed() < SPAN || times.is_empty() {
            let asked = Instant::now();
            let query = Query::Pool { pool: PoolId(1) };
            seat.read(query).await.expect("rows");
            times.push(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        looks.iter().for_each(tokio::task::JoinHandle::abort);
        times.sort();
        (times[times.len() / 2], times[times.len() - 1])
    }

    fn mebibytes(process: u32) -> f64 {
        rss(process) as f64 / 1024.0
    }

    pub(super) async fn seats() {
        let seconds = std::env::var("CASIMIR_BENCH_SECONDS").ok();
        let seconds = seconds.and_then(|n| n.parse().ok()).unwrap_or(120);
        let ground = Ground::start(four_operators()).await;
        let engine = start(&ground);
        let process = engine.0.id();
        let socket: PathBuf = ground.network.folder().join("oracle.sock");
        let seat = sit_down(&socket).await;
        ground.devnet().deposit_pool(POOLS).await.expect("pools");
        all_wait(&seat).await;
        drop(seat);
        tokio::time::sleep(SETTLE).await;
        let resident = mebibytes(process);
        println!("headless, {POOLS} open cases, nothing happens: {resident:.1} MiB resident");
        // a debug build is bigger, and nobody runs one
        assert!(
            cfg!(debug_assertions) || resident <= RESIDENT_AT_MOST,
            "{resident:.1} MiB resident, and {RESIDENT_AT_MOST:.1} MiB are allowed"
        );

        let mut shown = Vec::new();
        for _ in 0..50 {
            shown.push(come_and_go(&socket).await);
        }
        shown.sort();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "attach to first screen: median {:.1} ms, worst {:.1} ms of {}",
            ms(shown[shown.len() / 2]),
            ms(shown[shown.len() - 1]),
            shown.len()
        );
        for count in [1, SEATS] {
            let mut tasks = Vec::new();
            for _ in 0..count {
                let attached = sit_down(&socket).await;
                let seat = attached.handle.seat(Identity::new("bench"));
                tasks.push(tokio::spawn(async move {
                    let _attached = attached;
                    asks(seat).await
                }));
            }
            let mut answers = 0;
            for task in tasks {
                answers += task.await.expect("answers");
            }
            let rate = f64::from(answers) / SPAN.as_secs_f64();
            println!("{count} seats ask, one question after the other: {rate:.0} answers a second");
        }

        for onlookers in [0, SEATS] {
            let (median, worst) = answer_times(&socket, onlookers).await;
            println!(
                "one question through the engine's task while {onlookers} others look on: median {:.2} ms, worst {:.2} ms",
                ms(median),
                ms(worst)
            );
        }
        println!("before seats come and go: {:.1} MiB", mebibytes(process));
        let begun = Instant::now();
        let mut came = 0;
        let slices = 4;
        for slice in 1..=slices {
            let until = begun + Duration::from_secs(seconds) * slice / slices;
            came += crowd(&socket, SEATS, move || Instant::now() < until).await;
            println!(
                "  {:>4.0} s: {came} seats have come and gone, {:.1} MiB",
                begun.elapsed().as_secs_f64(),
                mebibytes(process)
            );
        }
        drop(engine);
        ground.end().await;
        roles().await;
    }

    async fn roles() {
        let fleet = Fleet::start(4);
        fleet.wait_until_registered().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let (messenger, operator) = fleet.processes();
        println!(
            "messenger with 4 subscribers, nothing happens: {:.1} MiB",
            mebibytes(messenger)
        );
        if let Some(operator) = operator {
            println!("operator's node, nothing happens: {:.1} MiB", mebibytes(operator));
        }
    }
}
