//! How long a first start and a restart take on a chain with a year of history, on ordinary endpoints.
//!
//! `cargo bench --bench history` computes a chain of 2.6 million blocks whose bloom filters are nine tenths full, with 100
//! pools that have a validator and one that waits for its deposit, behind two endpoints with 50 ms of latency, 25 calls a
//! second each (beyond that 429) and 10,000 blocks a log query. A block comes every 12 s. `rpc.calls_per_second` is 20, a
//! little below what the endpoints allow. The engine of this program is
//! started on it in mode auto, with a rule that allows nothing to be unknown but the beacon chain (no beacon node is
//! computed here) and a DKG backend within this process, whose ceremonies cost no time. It prints the time from the start:
//!
//! * **first screen**: the engine is up and gives its first picture;
//! * **what waits is shown**: the ready queue and its pools, from the contract's state;
//! * **past events read**: the intake is at the head;
//! * **deposit sent**: the key was made, every check passed, and an endpoint was offered the transaction;
//!
//! and the same after a restart with the deposit prepared, and with 10 blocks a log query. That last one would take hours, so
//! it runs on a hundredth of the chain, with a hundredth of its pools; what reading takes is then a hundredfold. The old
//! blocks are compared with their headers meanwhile, with the default budget of 5 calls a second, and are not done. The
//! first start comes once more with the default of `rpc.calls_per_second`, which is far above what the endpoints allow.
//! `-- first`, `-- restart`, `-- ten` and `-- default` run one of the four.
//!
//! It exits with an error when a bound is missed: 1 s to the first screen, 5 s to what waits, 3 minutes to the deposit after
//! a first start, 15 s after a restart.

#![allow(clippy::disallowed_macros, reason = "a benchmark prints its results")]

#[path = "../engine/toys/backend.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "the tests need more of it"
)]
mod backend;
#[path = "history/chain.rs"]
mod chain;
#[path = "history/endpoint.rs"]
mod endpoint;
#[path = "../engine/toys/transcript.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "the tests need more of it"
)]
mod transcript;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casimir_dkg::config::{self, AutoApprove, Config, LoadOptions};
use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::engine::service::{self, Running, ServiceOptions};
use casimir_dkg::ports::TxSigner;
use casimir_dkg::signer::{KeyPolicy, OracleSigner};
use casimir_dkg::types::CheckStatus;
use casimir_dkg::view::{LinkState, Snapshot};

use backend::ToyBackend;
use chain::{BLOCK, Chain, DEPOSITS, FIRST, MANAGER, SSV};
use endpoint::{Endpoint, Terms};

/// A year of mainnet.
const YEAR: u64 = 2_600_000;
const POOLS: u32 = 100;
/// The chain of the last run is so much shorter.
const SHORTER: u64 = 100;
const ORDINARY: Terms = Terms {
    latency: Duration::from_millis(50),
    calls_per_second: 25.0,
    blocks: 10_000,
};
/// What can be asked for.
const RUNS: [&str; 4] = ["first", "restart", "ten", "default"];
/// The budget of an oracle that is a little below what the endpoints allow.
const BELOW: Option<u32> = Some(20);
/// Nothing here takes longer.
const TIMEOUT: Duration = Duration::from_secs(3_600);

/// The longest times from a start.
#[derive(Clone, Copy)]
struct Bounds {
    screen: Duration,
    waits: Duration,
    /// Until the deposit is sent; none where it takes as long as it takes.
    sent: Option<Duration>,
}

impl Bounds {
    const FIRST: Self = Self {
        screen: Duration::from_secs(1),
        waits: Duration::from_secs(5),
        sent: Some(Duration::from_secs(180)),
    };
    const RESTART: Self = Self {
        sent: Some(Duration::from_secs(15)),
        ..Self::FIRST
    };
    const CRAMPED: Self = Self {
        sent: None,
        ..Self::FIRST
    };
}

fn main() -> ExitCode {
    // `cargo test --benches` starts this, too: starting is enough then
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let missed = runtime.block_on(bench());
    for words in &missed {
        println!("missed: {words}");
    }
    ExitCode::from(u8::from(!missed.is_empty()))
}

/// Runs what is wanted; what is out of bounds.
async fn bench() -> Vec<String> {
    let runs: Vec<String> = std::env::args().filter(|a| RUNS.contains(&a.as_str())).collect();
    let wanted = |run: &str| runs.is_empty() || runs.iter().any(|wanted| wanted == run);
    println!("{YEAR} blocks, {POOLS} validators, 50 ms, 25 calls a second, 10,000 blocks a log query");
    let mut missed = Vec::new();
    if wanted(RUNS[0]) {
        missed.extend(first("first start", BELOW).await);
    }
    if wanted(RUNS[1]) {
        missed.extend(restarted().await);
    }
    if wanted(RUNS[2]) {
        missed.extend(cramped().await);
    }
    if wanted(RUNS[3]) {
        missed.extend(first("default rate", None).await);
    }
    missed
}

/// The first start of an oracle with this budget of calls; none: the default.
async fn first(what: &str, budget: Option<u32>) -> Vec<String> {
    let world = World::start(YEAR, POOLS, ORDINARY, budget).await;
    let folder = tempfile::tempdir().expect("a directory");
    let kinds = &["keygen", "send-deposit"];
    world.timed(what, Bounds::FIRST, folder.path(), kinds).await
}

/// Another first start, whose deposit waits when it ends; and what comes after it.
async fn restarted() -> Vec<String> {
    let world = World::start(YEAR, POOLS, ORDINARY, BELOW).await;
    let folder = tempfile::tempdir().expect("a directory");
    let running = world.oracle(folder.path(), &["keygen"]).await;
    until(&running, |s| s.actions.iter().any(is_ready)).await;
    stop(running).await;
    let kinds = &["keygen", "send-deposit"];
    world
        .timed("restart", Bounds::RESTART, folder.path(), kinds)
        .await
}

async fn cramped() -> Vec<String> {
    let terms = Terms {
        blocks: 10,
        ..ORDINARY
    };
    let (blocks, pools) = (YEAR / SHORTER, POOLS / 100);
    let world = World::start(blocks, pools, terms, BELOW).await;
    println!("{blocks} blocks, {pools} validator, 10 blocks a log query: a hundredth of the year");
    let folder = tempfile::tempdir().expect("a directory");
    let kinds = &["keygen", "send-deposit"];
    world
        .timed("first start", Bounds::CRAMPED, folder.path(), kinds)
        .await
}

/// A deposit that a rule would approve.
fn is_ready(action: &casimir_dkg::view::ActionView) -> bool {
    action.kind == "send-deposit"
        && action
            .checks
            .iter()
            .all(|check| check.status == CheckStatus::Pass || check.name == "key-unknown-to-beacon")
}

struct World {
    endpoints: [Endpoint; 2],
    signer: Arc<OracleSigner>,
    public_key: String,
    backend: Arc<ToyBackend>,
    /// `rpc.calls_per_second`; none: the default.
    budget: Option<u32>,
}

impl World {
    async fn start(blocks: u64, pools: u32, terms: Terms, budget: Option<u32>) -> Self {
        let secret = "42".repeat(32);
        let signer = OracleSigner::from_private_key(&secret.into(), KeyPolicy::DevelopmentKeys);
        let signer = Arc::new(signer.expect("a key"));
        let chain = Arc::new(Chain::new(blocks, pools, signer.address()));
        let key = OperatorPrivateKey::generate().expect("an RSA key");
        Self {
            endpoints: [
                Endpoint::start(Arc::clone(&chain), terms).await,
                Endpoint::start(chain, terms).await,
            ],
            signer,
            public_key: key.public().to_registry_text().to_string(),
            backend: Arc::default(),
            budget,
        }
    }

    fn config(&self, folder: &Path, kinds: &[&str]) -> Config {
        let [a, b] = &self.endpoints;
        let operators: String = (1..=4)
            .map(|n| {
                format!(
                    "[[operator]]\nid = {n}\nendpoint = \"http://127.0.0.1:9/{n}\"\npublic_key = \"{}\"\n",
                    self.public_key
                )
            })
            .collect();
        let budget = self
            .budget
            .map_or_else(String::new, |calls| format!("calls_per_second = {calls}\n"));
        let text = format!(
            "[network]\nname = \"devnet\"\ndeposit_contract = \"{DEPOSITS}\"\nssv_network = \"{SSV}\"\n\
             [rpc]\nurls = [\"{}\", \"{}\"]\n{budget}\
             [contract]\naddress = \"{MANAGER}\"\nadapter = \"casimir-2023-05\"\n\
             cluster_layout = \"active-then-balance\"\nfrom_block = {FIRST}\n\
             [signer]\nmnemonic_file = \"mnemonic\"\naddress = \"{}\"\n\
             [journal]\npath = \"journal.sqlite\"\n[attach]\nsocket = \"oracle.sock\"\n[log]\ndir = \"logs\"\n\
             [policy]\nmode = \"auto\"\n[[policy.rule]]\nname = \"deposits\"\nkinds = {kinds:?}\nmax_fee = \"1 ETH\"\n\
             per_day = 100\nunknown_ok = [\"key-unknown-to-beacon\"]\n{operators}",
            a.url,
            b.url,
            self.signer.address(),
        );
        let file = folder.join("casimir-dkg.toml");
        std::fs::write(&file, text).expect("written");
        std::fs::write(folder.join("mnemonic"), "").expect("written");
        config::load(&LoadOptions {
            file: Some(file),
            auto_approve: AutoApprove::Given,
            ..LoadOptions::default()
        })
        .expect("a configuration")
    }

    async fn oracle(&self, folder: &Path, kinds: &[&str]) -> Running {
        let options = ServiceOptions {
            config: self.config(folder, kinds),
            signer: Some(Arc::clone(&self.signer) as Arc<dyn TxSigner>),
            backend: Some(self.backend.clone()),
            simulated: Vec::new(),
        };
        service::start(options).await.expect("it starts")
    }

    /// Starts an oracle and prints when it got where; what took longer than it may.
    async fn timed(&self, what: &str, within: Bounds, folder: &Path, kinds: &[&str]) -> Vec<String> {
        let before = self.endpoints.each_ref().map(Endpoint::calls);
        let begun = Instant::now();
        let running = self.oracle(folder, kinds).await;
        let screen = begun.elapsed();
        until(&running, |s| !s.chain.ready_pools.is_empty()).await;
        let waits = begun.elapsed();
        let said = tokio::spawn(time_left(running.handle.snapshots.clone(), begun));
        let (read, sent) = tokio::join!(self.read(&running, begun), self.sent(begun));
        println!("  {what:12} first screen {:>8}", secs(screen));
        println!("  {what:12} what waits is shown {:>8}", secs(waits));
        println!("  {what:12} past events read {:>8}", secs(read));
        println!("  {what:12} deposit sent {:>8}", secs(sent));
        if let Some((at, words)) = said.await.expect("no panic") {
            println!("  {what:12} after {} it said: {words}", secs(at));
        }
        for (n, (endpoint, before)) in self.endpoints.iter().zip(before).enumerate() {
            let (calls, refused) = endpoint.calls();
            println!(
                "  {what:12} endpoint {n}: {} calls, {} of them refused by their number",
                calls - before.0,
                refused - before.1
            );
        }
        stop(running).await;
        let bounds = [
            ("first screen", screen, Some(within.screen)),
            ("what waits is shown", waits, Some(within.waits)),
            ("deposit sent", sent, within.sent),
        ];
        let late = bounds.into_iter().filter_map(|(moment, took, most)| {
            let most = most.filter(|most| took > *most)?;
            Some(format!(
                "{what}: {moment} after {}, within {}",
                secs(took),
                secs(most)
            ))
        });
        late.collect()
    }

    async fn read(&self, running: &Running, begun: Instant) -> Duration {
        until(running, |s| s.chain.link == LinkState::Live).await;
        begun.elapsed()
    }

    async fn sent(&self, begun: Instant) -> Duration {
        loop {
            if let Some(at) = self.endpoints.iter().filter_map(Endpoint::sent).min() {
                return at - begun;
            }
            assert!(begun.elapsed() < TIMEOUT, "nothing was sent");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What it said of the time left, two blocks after the start; none where it was done by then.
async fn time_left(
    snapshots: tokio::sync::watch::Receiver<Arc<Snapshot>>,
    begun: Instant,
) -> Option<(Duration, String)> {
    tokio::time::sleep((2 * BLOCK).saturating_sub(begun.elapsed())).await;
    let snapshot = snapshots.borrow().clone();
    let words: Vec<_> = snapshot
        .chain
        .histories
        .iter()
        .map(|history| format!("{}: {}", history.what, history.words()))
        .collect();
    (!words.is_empty()).then(|| (begun.elapsed(), words.join(" | ")))
}

async fn until(running: &Running, holds: impl Fn(&Snapshot) -> bool) {
    let mut snapshots = running.handle.snapshots.clone();
    let waited = async {
        while !holds(&snapshots.borrow_and_update()) {
            snapshots.changed().await.expect("it runs");
        }
    };
    if tokio::time::timeout(TIMEOUT, waited).await.is_err() {
        let snapshot = running.handle.snapshots.borrow().clone();
        panic!("not seen; {:?} {:?}", snapshot.alarms, snapshot.actions);
    }
}

async fn stop(running: Running) {
    let _ = running.handle.shutdown().await;
    running.wait().await.expect("it ends");
}

fn secs(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
