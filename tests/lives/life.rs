//! One life.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casimir_dkg::attach::attach;
use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::devnet::contracts::Manager::ManagerEvents;
use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::types::PoolId;
use casimir_dkg::view::{CaseStatus, CaseView, Snapshot};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use rustix::process::{Pid, Signal, kill_process};

use super::faults;
use crate::adversity::stage::{PAIR, Stage};
use crate::boundaries::{check_deposits, check_records, served};
use crate::engine::binary::{Binary, PROGRAM};
use crate::engine::deposits::initiated;
use crate::engine::support::{Ground, with_beacon};

/// What stands still for so long without a fault waits for somebody.
const STILL: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);
/// Blocks on the network of a life.
const FINAL_AFTER: u64 = 4;

pub(super) struct Life {
    seed: u64,
    rng: ChaCha20Rng,
    ground: Ground,
    pools: u32,
    /// Pools whose key is to be handed on.
    reshares: BTreeSet<u32>,
    /// What was done to it, in order.
    story: Vec<String>,
}

/// Who is told to do what.
struct Body {
    config: PathBuf,
    state: PathBuf,
    binary: Binary,
}

impl Body {
    fn start(config: PathBuf, state: PathBuf) -> Self {
        let binary = Self::run(&config, &state);
        Self {
            config,
            state,
            binary,
        }
    }

    fn run(config: &PathBuf, state: &PathBuf) -> Binary {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--config")
            .arg(config)
            .args(["headless", "--auto-approve"])
            .env("CASIMIR_DKG_STATE_DIR", state)
            .env("CASIMIR_DKG_METRICS_LISTEN", "off");
        Binary::run(command)
    }

    fn again(&mut self) {
        self.binary = Self::run(&self.config, &self.state);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.binary.child), signal).unwrap();
    }

    fn journal(&self) -> PathBuf {
        self.state.join("journal.sqlite")
    }

    /// What a front end sees; none while it starts.
    async fn snapshot(&self) -> Option<Arc<Snapshot>> {
        let seat = attach(&self.state.join("oracle.sock")).await.ok()?;
        let snapshot = seat.handle.snapshots.borrow().clone();
        Some(snapshot)
    }
}

impl Life {
    pub(super) async fn begin(seed: u64) -> Self {
        Self {
            seed,
            rng: ChaCha20Rng::seed_from_u64(seed),
            ground: Ground::start(DemoOptions {
                operators: 5,
                committee: 4,
                ..with_beacon()
            })
            .await,
            pools: 0,
            reshares: BTreeSet::new(),
            story: Vec::new(),
        }
    }

    /// All of it, and what it was, in a line.
    pub(super) async fn live(mut self) -> String {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set(&self.ground, "connection-lost", PAIR, None).await;
        stage
            .proxy
            .load(faults::of(&mut self.rng, folder.path()))
            .unwrap();
        let config = stage.write(folder.path(), |_| ());
        let mut body = Body::start(config, folder.path().to_owned());
        stage.proxy.switch(faults::NAME, Switch::On).unwrap();
        let acts = self.rng.gen_range(5..=9);
        for _ in 0..acts {
            let pause = Duration::from_millis(self.rng.gen_range(100..2_500));
            tokio::time::sleep(pause).await;
            act(&mut self.rng, &mut self.story, &mut body).await;
            if self.rng.gen_bool(0.4) {
                self.pools += ask(&self.ground, &mut self.story).await;
            }
            // the request of a reshare would be gone for good
            if self.reshares.is_empty() && self.rng.gen_bool(0.2) {
                let depth = self.rng.gen_range(1..FINAL_AFTER);
                reorganise(&self.ground, depth, self.pools, &mut self.story).await;
            }
            if self.rng.gen_bool(0.2) {
                reshare(&self.ground, &mut self.reshares, &mut self.story).await;
            }
        }
        while self.pools < 2 {
            self.pools += ask(&self.ground, &mut self.story).await;
        }
        let strikes = stage.proxy.strikes(faults::NAME);
        stage.proxy.switch(faults::NAME, Switch::Off).unwrap();
        let cases = self.pools + u32::try_from(self.reshares.len()).unwrap();
        let held = settle(&mut body, cases, &self.story).await;
        body.signal(Signal::TERM);
        let ended = body.binary.ended().await;
        assert!(ended.success(), "{ended}: {:?}", self.story);
        let served = self.judge(&body, &held).await;
        drop(stage);
        let told = format!(
            "seed {}: {served} of {} pools served, {strikes} faults, {}; {}",
            self.seed,
            self.pools,
            self.story.join(", "),
            if held.is_empty() {
                "nothing is held".to_owned()
            } else {
                format!("held: {}", held.values().cloned().collect::<Vec<_>>().join(" | "))
            }
        );
        self.ground.end().await;
        told
    }

    /// Asks the chain and the journal.
    async fn judge(&self, body: &Body, held: &BTreeMap<u32, String>) -> usize {
        check_records(&body.journal());
        let mut served = initiated(&self.ground).await;
        let in_order = served.clone();
        served.sort_unstable();
        assert_eq!(in_order, served, "the queue's order");
        served.dedup();
        assert_eq!(in_order, served, "a pool has two deposits: {:?}", self.story);
        check_deposits(&self.ground, served.len()).await;
        for pool in 1..=self.pools {
            let reason = held.get(&pool).is_some_and(|why| !why.is_empty());
            assert!(
                served.contains(&pool) || reason,
                "pool {pool} is forgotten: {:?}",
                self.story
            );
        }
        let reshared = reshared(&self.ground).await;
        for pool in &self.reshares {
            let times = reshared.get(pool).copied().unwrap_or_default();
            let reason = held.get(pool).is_some_and(|why| !why.is_empty());
            assert!(
                times == 1 || times == 0 && reason,
                "pool {pool} was handed on {times} times: {:?}",
                self.story
            );
        }
        served.len()
    }
}

/// How many pools have asked for their deposit, as the chain is now.
async fn requested(ground: &Ground) -> u32 {
    let events = ground.devnet().events(0).await.unwrap();
    let asks = |event: &ManagerEvents| matches!(event, ManagerEvents::PoolDepositRequested(_));
    let asked = events.iter().filter(|(event, _)| asks(event)).count();
    u32::try_from(asked).unwrap()
}

/// How often the contract was told of each pool's new committee.
async fn reshared(ground: &Ground) -> BTreeMap<u32, u64> {
    served(ground, |event| match event {
        ManagerEvents::PoolReshared(e) => Some(e.poolId),
        _ => None,
    })
    .await
}

/// The newest blocks are replaced by empty ones. A request that is gone with them comes again, as its staker would.
async fn reorganise(ground: &Ground, depth: u64, pools: u32, story: &mut Vec<String>) {
    ground.devnet().reorg(depth).await.unwrap();
    story.push(format!("{depth} blocks replaced"));
    while requested(ground).await < pools {
        ask(ground, story).await;
    }
}

/// The newest pool that has a deposit is staked, and its key is to be handed on.
async fn reshare(ground: &Ground, reshares: &mut BTreeSet<u32>, story: &mut Vec<String>) {
    let served = initiated(ground).await;
    let Some(pool) = served.last().filter(|pool| !reshares.contains(pool)) else {
        return;
    };
    let (devnet, id) = (ground.devnet(), PoolId(*pool));
    // its deposit may have been taken back a moment ago
    if devnet.report_staked(id).await.is_err() || devnet.request_reshare(id).await.is_err() {
        return;
    }
    reshares.insert(*pool);
    story.push(format!("pool {pool} to be handed on"));
}

async fn ask(ground: &Ground, story: &mut Vec<String>) -> u32 {
    ground.devnet().deposit_pool(1).await.unwrap();
    story.push("a pool".to_owned());
    1
}

/// Something happens to the process.
async fn act(rng: &mut ChaCha20Rng, story: &mut Vec<String>, body: &mut Body) {
    match rng.gen_range(0..10) {
        0..4 => {
            body.signal(Signal::KILL);
            let ended = body.binary.ended().await;
            assert_eq!(
                ended.signal(),
                Some(9),
                "{ended}\n{}",
                body.binary.said().join("\n")
            );
            tokio::time::sleep(Duration::from_millis(rng.gen_range(0..800))).await;
            body.again();
            story.push("killed".to_owned());
        }
        4..6 => {
            body.signal(Signal::TERM);
            let ended = body.binary.ended().await;
            // one that has no handler yet dies of it
            let early = ended.signal() == Some(15);
            assert!(
                ended.success() || early,
                "{ended}\n{}",
                body.binary.said().join("\n")
            );
            body.again();
            story.push("ended".to_owned());
        }
        6..9 => {
            body.signal(Signal::STOP);
            let millis = rng.gen_range(200..4_000);
            tokio::time::sleep(Duration::from_millis(millis)).await;
            body.signal(Signal::CONT);
            story.push(format!("stopped for {millis} ms"));
        }
        _ => story.push("let be".to_owned()),
    }
}

/// Waits until every pool's case is over, or until nothing moves any more; gives why each that is left waits.
async fn settle(body: &mut Body, pools: u32, story: &[String]) -> BTreeMap<u32, String> {
    let begun = Instant::now();
    let mut seen: (Vec<(CaseStatus, String)>, Instant) = (Vec::new(), Instant::now());
    loop {
        assert!(
            begun.elapsed() < crate::TIMEOUT,
            "neither served nor held: {:?} after {story:?}\n{}",
            seen.0,
            body.binary.said().join("\n")
        );
        if let Some(ended) = body.binary.child.try_wait().unwrap() {
            panic!("it ended by itself: {ended}\n{}", body.binary.said().join("\n"));
        }
        tokio::time::sleep(LOOK).await;
        let Some(snapshot) = body.snapshot().await else {
            continue;
        };
        let known = snapshot.cases.len() as u64 + snapshot.older.cases.values().sum::<u64>();
        let open: Vec<&CaseView> = snapshot.cases.iter().filter(|case| !case.is_over()).collect();
        if open.is_empty() && known >= u64::from(pools) {
            return BTreeMap::new();
        }
        let now: Vec<_> = open
            .iter()
            .map(|case| (case.status, case.sentence.to_string()))
            .collect();
        if now != seen.0 {
            seen = (now, Instant::now());
            continue;
        }
        let waits = |case: &&CaseView| {
            matches!(
                case.status,
                CaseStatus::AwaitingDecision
                    | CaseStatus::Attention
                    | CaseStatus::Unknown
                    | CaseStatus::Paused
            )
        };
        let everybody = snapshot.paused.is_some() || open.iter().any(waits);
        if everybody && seen.1.elapsed() > STILL && known >= u64::from(pools) {
            let why = |case: &&CaseView| (case.pool.0, format!("{}: {}", case.id, case.sentence));
            return open.iter().map(why).collect();
        }
    }
}
