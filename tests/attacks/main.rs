//! Attacks of strangers at every port, at a fixed rate, while ceremonies go on beside them: 1,000 requests a second and 2,000
//! connections that say nothing. No ceremony is lost, no operator accused, no auto mode stopped, and the program that is
//! attacked stays within 64 MiB of what it needs when it is quiet.
//!
//! A program of its own: beside other tests it would show how busy they are.
//!
//! Here all of them take a few seconds, two at a time. `cargo test --test attacks -- --ignored --nocapture` attacks each port in each way
//! by itself for 20 ceremonies, and prints how long they took beside the quiet ones.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod fleet;
mod flood;
mod oracle;
mod ways;

#[expect(dead_code, reason = "only a part is needed here")]
#[path = "../engine/binary.rs"]
mod binary;
#[expect(dead_code, reason = "only a part is needed here")]
#[path = "../engine/crowd.rs"]
mod crowd;
#[path = "../loopback/mod.rs"]
mod loopback;
#[expect(dead_code, reason = "only a part is needed here")]
#[path = "../engine/support.rs"]
mod support;

/// Where the tests of the whole have them.
mod engine {
    pub(crate) use crate::{binary, support};
}

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crowd::rss;
use fleet::{Attack, Fleet, Guard};
use flood::{Flood, Port, Request, raise_descriptors};
use oracle::Oracle;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Only what hangs for ever is waited for so long: no test says how fast something is.
const TIMEOUT: Duration = Duration::from_secs(240);

/// Memory beside what a quiet program needs, KiB.
const MEMORY: u64 = 64 << 10;
/// Ceremonies beside each attack: here, and in the long form.
const FEW: usize = 3;
const MANY: usize = 20;
/// An attack is at its height when so many requests were sent.
const HEIGHT: u64 = 2_000;

/// Two attacks at a time, each at a program of its own: one alone leaves more than half of two processors idle. The long
/// form, whose times are printed, has the machine for itself.
async fn room(count: usize) -> SemaphorePermit<'static> {
    const AT_A_TIME: u32 = 2;
    static ROOM: Semaphore = Semaphore::const_new(AT_A_TIME as usize);
    raise_descriptors();
    let parts = if count > FEW { AT_A_TIME } else { 1 };
    ROOM.acquire_many(parts).await.expect("it is never closed")
}

/// The most memory that a process has while this lives.
struct Watch {
    process: u32,
    most: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    quiet: u64,
}

impl Watch {
    /// What it has now is what it needs when it is quiet.
    fn begin(process: u32) -> Self {
        let watch = Self {
            process,
            most: Arc::default(),
            over: Arc::default(),
            quiet: rss(process),
        };
        let (most, over) = (Arc::clone(&watch.most), Arc::clone(&watch.over));
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(rss(process), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        watch
    }

    /// KiB in quiet, and at most since.
    fn end(self) -> (u64, u64) {
        self.over.store(true, Ordering::Relaxed);
        (
            self.quiet,
            self.most.load(Ordering::Relaxed).max(rss(self.process)),
        )
    }
}

/// Attacks a port while `beside` goes on, and holds the process to its memory.
async fn attack<T>(
    what: &str,
    port: &Port,
    way: &Request,
    process: Option<u32>,
    beside: impl Future<Output = T>,
) -> T {
    attack_by(what, || Flood::start(port, way), process, beside).await
}

/// As [`attack`], by this flood.
#[expect(clippy::disallowed_macros, reason = "its figures are printed")]
async fn attack_by<T>(
    what: &str,
    flood: impl FnOnce() -> Flood,
    process: Option<u32>,
    beside: impl Future<Output = T>,
) -> T {
    let watch = process.map(Watch::begin);
    let flood = flood();
    let begun = Instant::now();
    while flood.sent() < HEIGHT {
        assert!(
            begun.elapsed() < TIMEOUT,
            "{what}: the attack does not come to its height: {}",
            flood.told()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let told = beside.await;
    println!("{what}: {}", flood.told());
    drop(flood);
    if let Some((quiet, most)) = watch.map(Watch::end) {
        println!(
            "{what}: memory {} MiB in quiet, {} MiB at most",
            quiet >> 10,
            most >> 10
        );
        assert!(
            most <= quiet + MEMORY,
            "{what}: {quiet} KiB in quiet, {most} KiB now"
        );
    }
    told
}

/// Everything at once that can be done to a port.
fn together(what: &'static str, attacks: Vec<Attack>) -> Attack {
    let (_, port, _, process) = attacks[0].clone();
    (
        what,
        port,
        ways::all(attacks.into_iter().map(|attack| attack.2).collect()),
        process,
    )
}

#[expect(clippy::disallowed_macros, reason = "its figures are printed")]
async fn besiege(fleet: &Fleet, attacks: Vec<Attack>, count: usize) {
    let quiet = median(fleet.ceremonies(count).await);
    for (what, port, way, process) in attacks {
        let times = attack(what, &port, &way, Some(process), fleet.ceremonies(count)).await;
        assert_eq!(times.len(), count);
        println!("{what}: a ceremony takes {:?}, in quiet {quiet:?}", median(times));
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ceremonies_go_on_beside_attacks_at_messenger_and_node() {
    let _room = room(FEW).await;
    let fleet = Fleet::start().await;
    let [messenger, node, _] = fleet.attacks();
    let attacks = vec![together("the messenger", messenger), together("a node", node)];
    besiege(&fleet, attacks, FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn twenty_ceremonies_go_on_beside_each_attack_at_messenger_and_node() {
    let _room = room(MANY).await;
    let fleet = Fleet::start().await;
    let [messenger, node, _] = fleet.attacks();
    besiege(&fleet, [messenger, node].concat(), MANY).await;
}

/// Connections that said something and go no further, and a stranger with a key of its own.
async fn besiege_in_other_ways(count: usize) {
    let _room = room(count).await;
    let fleet = Fleet::start().await;
    fleet.ceremonies(1).await;
    let (at, process) = fleet.of(&fleet.messenger);
    for (what, way, said) in [
        (
            "heads without an end at the messenger",
            ways::heads(),
            ways::long_head(),
        ),
        (
            "readers who do not read at the messenger",
            ways::topics(),
            ways::lists(),
        ),
        (
            "guests with keys of their own at the messenger",
            ways::guests(),
            Vec::new(),
        ),
        (
            "lists of long names that nobody reads at the messenger",
            ways::long_names(),
            ways::lists(),
        ),
        (
            "conflicting results that nobody reads at the messenger",
            ways::conflicts(),
            ways::results_unread(),
        ),
        (
            "messages of a guest in many topics at the messenger",
            ways::stored(),
            Vec::new(),
        ),
        (
            "slow bodies, and questions for metrics, at the messenger",
            ways::metrics(),
            ways::slow_body("/topics"),
        ),
    ] {
        let flood = || Flood::saying(&at, &way, &said);
        let times = attack_by(what, flood, process, fleet.ceremonies(count)).await;
        assert_eq!(times.len(), count);
    }
    let (at, process) = fleet.of(&fleet.operators[0]);
    let said = ways::slow_body("/consume");
    let flood = || Flood::saying(&at, &ways::nowhere(), &said);
    let times = attack_by("slow bodies at a node", flood, process, fleet.ceremonies(count)).await;
    assert_eq!(times.len(), count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ceremonies_go_on_beside_long_heads_slow_readers_and_guests_with_keys() {
    besiege_in_other_ways(FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn twenty_ceremonies_go_on_beside_long_heads_slow_readers_and_guests_with_keys() {
    besiege_in_other_ways(MANY).await;
}

/// Ports that speak TLS themselves: each handshake costs them more than it costs a stranger.
async fn besiege_by_handshakes(count: usize) {
    let _room = room(count).await;
    let fleet = Fleet::with(Guard::Tls).await;
    fleet.ceremonies(1).await;
    for (what, (at, process)) in [
        ("handshakes at the messenger", fleet.of(&fleet.messenger)),
        ("handshakes at a node", fleet.of(&fleet.operators[0])),
    ] {
        let flood = || Flood::saying(&at, &ways::handshakes(), &ways::half_greeting());
        let times = attack_by(what, flood, process, fleet.ceremonies(count)).await;
        assert_eq!(times.len(), count);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ceremonies_go_on_beside_handshakes_that_lead_nowhere() {
    besiege_by_handshakes(FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn twenty_ceremonies_go_on_beside_handshakes_that_lead_nowhere() {
    besiege_by_handshakes(MANY).await;
}

/// A node that names no initiators starts what anybody asks for; behind a proxy it knows who asks.
async fn besiege_an_open_node(count: usize) {
    let _room = room(count).await;
    let fleet = Fleet::with(Guard::Proxy).await;
    fleet.ceremonies(1).await;
    let node = &fleet.operators[0];
    let (at, process) = (Port::Tcp(node.address()), node.binary.child.id());
    let way = ways::through_a_proxy(ways::all(vec![ways::starts(), ways::nowhere()]), 2);
    let what = "starts of two strangers at a node without initiators";
    let times = attack(what, &at, &way, Some(process), fleet.ceremonies(count)).await;
    assert_eq!(times.len(), count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ceremonies_go_on_beside_starts_at_a_node_without_initiators_behind_a_proxy() {
    besiege_an_open_node(FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn twenty_ceremonies_go_on_beside_starts_at_a_node_without_initiators_behind_a_proxy() {
    besiege_an_open_node(MANY).await;
}

async fn besiege_the_oracle(attacks: impl Fn(&Oracle) -> Vec<oracle::Attack>, count: usize) {
    let _room = room(count).await;
    let mut oracle = Oracle::start().await;
    let seat = oracle.seat().await;
    let follows = tokio::spawn(oracle::follow(seat.handle.snapshots.clone(), oracle.targets()));
    oracle.serve(&seat, 1).await;
    for (what, port, way, own) in attacks(&oracle) {
        let process = own.then(|| oracle.binary.child.id());
        attack(what, &port, &way, process, oracle.serve(&seat, count)).await;
        oracle.is_whole(&seat);
    }
    follows.abort();
    drop(seat);
    oracle.end().await;
}

/// One attack for each port of the oracle, with all that can be done to it.
fn by_port(oracle: &Oracle) -> Vec<oracle::Attack> {
    let mut ports: Vec<Vec<oracle::Attack>> = Vec::new();
    for attack in oracle::attacks(oracle).into_iter().filter(|attack| attack.3) {
        match ports.iter_mut().find(|found| found[0].1 == attack.1) {
            Some(found) => found.push(attack),
            None => ports.push(vec![attack]),
        }
    }
    let together = |found: Vec<oracle::Attack>| {
        let ways = found.iter().map(|attack| attack.2.clone()).collect();
        (found[0].0, found[0].1.clone(), ways::all(ways), true)
    };
    ports.into_iter().map(together).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auto_mode_goes_on_beside_attacks_at_observer_socket_and_monitor() {
    besiege_the_oracle(by_port, FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn auto_mode_makes_twenty_deposits_beside_each_attack() {
    besiege_the_oracle(oracle::attacks, MANY).await;
}
