//! How long a ceremony takes, next to the arithmetic that it cannot do without.
//!
//! `cargo bench --bench ceremony` starts a messenger (with its state on disk) and 13 operator nodes, each in a process of
//! its own (this program again, in another role), and runs the initiator here. Everything talks HTTP over loopback.
//!
//! For key generations of n = 4, 7, 10 and 13, then for threshold signatures and resharings (by the first t to all n) of
//! n = 4 and 7, it prints
//!
//! * **arithmetic**: CPU time of the same ceremony as pure state machines of all n operators, in one thread of this
//!   process, messages handed over in memory: BLS, ECIES and RSA of every operator, every signature checked by every
//!   receiver, plus the JSON that is signed. No HTTP, no disk, no initiator;
//! * **floor**: that divided by the machine's cores: no ceremony of these operators on this machine can be faster, and it
//!   could be that fast only if no operator ever had to wait for another one;
//! * **wall**: from the call to the verified result, median, and the fastest: preflight, topic, start messages, all rounds,
//!   result, verification;
//! * **wall/floor**, the number that matters (aim: 2), and **cpu/arithmetic**: CPU time of all processes over the
//!   arithmetic, which does not depend on what else the machine is doing;
//!
//! * when, in the median run, the last operator's message of each round was seen by the initiator;
//!
//! and then the same for 30 key generations of n = 4 side by side. `CASIMIR_BENCH_RUNS` sets the runs for each n (default 9).
//!
//! For orientation, the protocol's Go programs on two cores, loopback, from the first start message to the result: n = 4
//! 0.12 s at best and 2.1 s at the median, n = 7 0.46 and 2.6 s.

#![allow(clippy::disallowed_macros, reason = "a benchmark prints its results")]

#[path = "ceremony/arithmetic.rs"]
mod arithmetic;
#[path = "ceremony/cpu.rs"]
mod cpu;
#[path = "ceremony/roles.rs"]
mod roles;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::committee::threshold_for;
use casimir_dkg::dkg::rockx::initiator::{Initiator, InitiatorConfig};
use casimir_dkg::dkg::rockx::round::Round;
use casimir_dkg::types::{
    BlsPublicKey, CeremonyPlan, CeremonyResult, ForkVersion, OperatorId, OperatorRecord, RequestId, Root,
    SignPurpose, UnixMillis,
};
use tokio::sync::mpsc;

use roles::Fleet;

/// Ceremonies at the same time in the last part.
const SIDE_BY_SIDE: usize = 30;

fn main() {
    if roles::play() {
        return;
    }
    // `cargo test --benches` starts this, too: starting is enough then
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runs = std::env::var("CASIMIR_BENCH_RUNS")
        .ok()
        .and_then(|n| n.parse().ok());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(bench(runs.unwrap_or(9)));
}

fn committee(n: u64) -> Vec<OperatorId> {
    (1..=n).map(OperatorId).collect()
}

fn keygen(n: u64) -> CeremonyPlan {
    let committee = committee(n);
    let threshold = threshold_for(committee.len()).expect("a committee size of the protocol");
    let mut credentials = [0; 32];
    credentials[0] = 1;
    credentials[31] = 7;
    CeremonyPlan::Keygen {
        committee,
        threshold,
        withdrawal_credentials: Root(credentials),
        fork_version: ForkVersion([0, 0, 0x10, 0x20]),
        registration: None,
    }
}

fn sign(n: u64, validator: BlsPublicKey, share_keys: BTreeMap<OperatorId, BlsPublicKey>) -> CeremonyPlan {
    let committee = committee(n);
    CeremonyPlan::Sign {
        validator,
        threshold: threshold_for(committee.len()).expect("a committee size of the protocol"),
        committee,
        signing_root: Root(rand::random()),
        what: SignPurpose::VoluntaryExit {
            validator_index: 7,
            epoch: 9,
            domain: None,
        },
        share_public_keys: share_keys,
        brought: None,
    }
}

fn reshare(n: u64, validator: BlsPublicKey) -> CeremonyPlan {
    let committee = committee(n);
    let threshold = threshold_for(committee.len()).expect("a committee size of the protocol");
    CeremonyPlan::Reshare {
        validator,
        old: committee[..usize::from(threshold)].to_vec(),
        new: committee,
        threshold,
        brought: None,
        registration: None,
    }
}

fn operators(n: u64) -> arithmetic::Operators {
    let committee = committee(n);
    let threshold = threshold_for(committee.len()).expect("a committee size of the protocol");
    arithmetic::Operators::new(&committee, threshold)
}

async fn bench(runs: usize) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let fleet = Fleet::start(13);
    let directory: BTreeMap<OperatorId, OperatorRecord> = fleet.directory();
    let mut config = InitiatorConfig::new(&fleet.messenger.url, directory);
    config.round_deadline = Duration::from_secs(120);
    let initiator = Initiator::start(config).await.expect("an initiator");
    fleet.wait_until_registered().await;

    println!(
        "ceremonies over loopback HTTP, every operator a process of its own, {cores} cores, {runs} runs each"
    );
    println!(
        "              n  arithmetic     floor  wall median      best  wall/floor  best/floor  cpu/arithmetic"
    );
    let bench = Bench {
        fleet: &fleet,
        initiator: &initiator,
        runs,
        cores: u32::try_from(cores).unwrap_or(1),
    };
    let mut arithmetic_of_4 = Duration::ZERO;
    for n in [4, 7, 10, 13] {
        let arithmetic = operators(n).keygen();
        if n == 4 {
            arithmetic_of_4 = arithmetic;
        }
        bench.row("keygen", n, arithmetic, |_| keygen(n)).await;
    }
    for n in [4, 7] {
        let CeremonyResult::Keygen(key) = run(&initiator, &keygen(n)).await.result else {
            panic!("a keygen makes a key");
        };
        let (validator, share_keys) = (key.validator, key.share_public_keys);
        bench
            .row("keysign", n, operators(n).sign(), |_| {
                sign(n, validator, share_keys.clone())
            })
            .await;
        bench
            .row("reshare", n, operators(n).reshare(), |_| reshare(n, validator))
            .await;
    }

    let before = fleet.cpu();
    let begun = Instant::now();
    let plan = keygen(4);
    let all = (0..SIDE_BY_SIDE).map(|_| run(&initiator, &plan));
    let mut walls = futures_util::future::join_all(all).await;
    let wall = begun.elapsed();
    let cpu = fleet.cpu() - before;
    walls.sort_by_key(|run| run.wall);
    let many = u32::try_from(SIDE_BY_SIDE).unwrap_or(1);
    let arithmetic = arithmetic_of_4 * many;
    let floor = arithmetic / u32::try_from(cores).unwrap_or(1);
    println!("{SIDE_BY_SIDE} key generations of n = 4 side by side");
    println!(
        "     arithmetic {}, floor {}, all done after {} ({:.2} x floor), median {}, cpu/arithmetic {:.2}, {:.1} ceremonies/s",
        ms(arithmetic),
        ms(floor),
        ms(wall),
        ratio(wall, floor),
        ms(walls[walls.len() / 2].wall),
        ratio(cpu, arithmetic),
        f64::from(many) / wall.as_secs_f64(),
    );
}

/// What one line of the table needs.
struct Bench<'a> {
    fleet: &'a Fleet,
    initiator: &'a Initiator,
    runs: usize,
    cores: u32,
}

impl Bench<'_> {
    async fn row(&self, what: &str, n: u64, arithmetic: Duration, plan: impl Fn(usize) -> CeremonyPlan) {
        run(self.initiator, &plan(0)).await;
        let before = self.fleet.cpu();
        let mut walls = Vec::new();
        for nth in 1..=self.runs {
            walls.push(run(self.initiator, &plan(nth)).await);
        }
        let cpu = (self.fleet.cpu() - before) / u32::try_from(self.runs).unwrap_or(1);
        walls.sort_by_key(|run| run.wall);
        let floor = arithmetic / self.cores;
        let (median, best) = (&walls[walls.len() / 2], walls[0].wall);
        println!(
            "{what:10} {n:4} {:>11} {:>9} {:>12} {:>9} {:>11.2} {:>11.2} {:>15.2}",
            ms(arithmetic),
            ms(floor),
            ms(median.wall),
            ms(best),
            ratio(median.wall, floor),
            ratio(best, floor),
            ratio(cpu, arithmetic),
        );
        println!("     complete after: {}", median.rounds);
    }
}

/// One ceremony.
struct Run {
    result: CeremonyResult,
    /// From the call to the verified result.
    wall: Duration,
    /// When each round was complete, in words.
    rounds: String,
}

async fn run(initiator: &Initiator, plan: &CeremonyPlan) -> Run {
    let (updates, mut seen) = mpsc::channel(64);
    let reader = tokio::spawn(async move { while seen.recv().await.is_some() {} });
    let id = RequestId(rand::random());
    let (begun, called) = (Instant::now(), UnixMillis::now());
    let verified = match initiator.run(id, plan, updates).await {
        Ok(verified) => verified,
        Err(failed) => panic!("{failed}"),
    };
    let wall = begun.elapsed();
    assert!(matches!(
        (&verified.result, plan),
        (CeremonyResult::Keygen(_), CeremonyPlan::Keygen { .. })
            | (CeremonyResult::Reshare(_), CeremonyPlan::Reshare { .. })
            | (CeremonyResult::Sign { .. }, CeremonyPlan::Sign { .. })
    ));
    reader.await.expect("the reader ends with the ceremony");
    // when the last sender of each round was seen
    let rounds = Round::of(plan.kind())
        .iter()
        .filter_map(|round| {
            let seen = verified
                .progress
                .values()
                .filter_map(|row| row.seen.get(&round.id()));
            Some(format!("{round} {} ms, ", seen.max()?.since(called).as_millis()))
        })
        .collect::<String>();
    Run {
        result: verified.result,
        wall,
        rounds: format!("{rounds}verified {} ms", wall.as_millis()),
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}
