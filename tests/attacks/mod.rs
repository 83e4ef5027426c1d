//! Attacks of strangers at every port, at a fixed rate, while ceremonies go on beside them: 1,000 requests a second and 2,000
//! connections that say nothing. No ceremony is lost, no operator accused, no auto mode stopped, and the program that is
//! attacked stays within 64 MiB of what it needs when it is quiet.
//!
//! Here all of them take a few seconds. `cargo test --test whole attacks:: -- --ignored --nocapture` attacks each port in
//! each way by itself for 20 ceremonies, and prints how long they took beside the quiet ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod fleet;
pub(crate) mod flood;
mod oracle;
pub(crate) mod ways;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fleet::Fleet;
use flood::{Flood, Port, Request, raise_descriptors};

use crate::engine::crowd::rss;

/// Memory beside what a quiet program needs, KiB.
const MEMORY: u64 = 64 << 10;
/// Ceremonies beside each attack: here, and in the long form.
const FEW: usize = 3;
const MANY: usize = 20;
/// An attack is at its height when so many requests were sent.
const HEIGHT: u64 = 2_000;

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
#[expect(clippy::disallowed_macros, reason = "its figures are printed")]
async fn attack<T>(
    what: &str,
    port: &Port,
    way: &Request,
    process: Option<u32>,
    beside: impl Future<Output = T>,
) -> T {
    let watch = process.map(Watch::begin);
    let flood = Flood::start(port, way);
    while flood.sent() < HEIGHT {
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

/// One attack: what it is called, at what, how, and on which process.
type Attack<'a> = (&'a str, Port, Request, u32);

fn at_the_relays(fleet: &Fleet) -> [Vec<Attack<'_>>; 2] {
    let (messenger, node) = (&fleet.messenger, &fleet.operators[0]);
    let at = |process: &fleet::Process| Port::Tcp(process.address());
    let messengers = [
        ("unsigned outputs at the messenger", ways::outputs(&fleet.targets)),
        ("forged results at the messenger", ways::results(&fleet.targets)),
        ("junk registrations at the messenger", ways::registrations()),
        ("junk topics at the messenger", ways::topics()),
    ];
    let nodes = [
        ("unsigned starts at a node", ways::starts()),
        ("junk at a node", ways::junk()),
    ];
    let (of_messenger, of_node) = (messenger.binary.child.id(), node.binary.child.id());
    [
        messengers
            .map(|(what, way)| (what, at(messenger), way, of_messenger))
            .into(),
        nodes.map(|(what, way)| (what, at(node), way, of_node)).into(),
    ]
}

/// Everything at once that can be done to a port.
fn together<'a>(what: &'a str, attacks: Vec<Attack<'a>>) -> Attack<'a> {
    let (_, port, _, process) = attacks[0].clone();
    (
        what,
        port,
        ways::all(attacks.into_iter().map(|attack| attack.2).collect()),
        process,
    )
}

#[expect(clippy::disallowed_macros, reason = "its figures are printed")]
async fn besiege(fleet: &Fleet, attacks: Vec<Attack<'_>>, count: usize) {
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
    raise_descriptors();
    let fleet = Fleet::start().await;
    let [messenger, node] = at_the_relays(&fleet);
    let attacks = vec![together("the messenger", messenger), together("a node", node)];
    besiege(&fleet, attacks, FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn twenty_ceremonies_go_on_beside_each_attack_at_messenger_and_node() {
    raise_descriptors();
    let fleet = Fleet::start().await;
    besiege(&fleet, at_the_relays(&fleet).concat(), MANY).await;
}
