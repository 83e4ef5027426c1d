//! A network whose chain moves as fast as a test wants, and an oracle on it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use casimir_dkg::config::{self, AutoApprove, Config, Flag, LoadOptions};
use casimir_dkg::devnet::beacon::BeaconSpec;
use casimir_dkg::devnet::{DemoBeacon, DemoKeys, DemoNetwork, DemoOptions, Devnet, Mining};
use casimir_dkg::engine::service::{self, Running, ServiceOptions};
use casimir_dkg::engine::{Identity, Seat};
use casimir_dkg::oracle::{ActionKind, Mode};
use casimir_dkg::signer::{KeyPolicy, OracleSigner};
use casimir_dkg::types::{CaseId, OperatorId, PoolId, SafeText};
use casimir_dkg::view::{ActionState, ActionView, CaseStatus, CaseView, Reply, Request, Snapshot};
use secrecy::SecretString;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

/// Everything here happens within seconds; on a machine that compiles something else, within a minute or two.
const TIMEOUT: Duration = crate::TIMEOUT;
/// Some operators are silent, and a ceremony waits for them. Whoever is honest takes milliseconds for a round.
pub(crate) const ROUND: &str = "20s";
const BLOCK: Duration = Duration::from_millis(300);

pub(crate) struct Ground {
    pub(crate) network: DemoNetwork,
    miner: JoinHandle<()>,
    journal: OnceLock<PathBuf>,
}

impl Ground {
    /// Four to seven operators, nobody asks for anything yet, a block every 300 ms, final after four.
    pub(crate) async fn start(options: DemoOptions) -> Self {
        let options = DemoOptions {
            keys: Some(keys().await),
            ..options
        };
        let network = DemoNetwork::start(options, &|_| ()).await.unwrap();
        let devnet = Arc::clone(network.devnet());
        devnet.set_mining(Mining::Manual).await.unwrap();
        let miner = tokio::spawn(async move {
            loop {
                // a reorganisation by the test may be under way
                let _ = devnet.mine(1).await;
                tokio::time::sleep(BLOCK).await;
            }
        });
        Self {
            network,
            miner,
            journal: OnceLock::new(),
        }
    }

    pub(crate) fn devnet(&self) -> &Arc<Devnet> {
        self.network.devnet()
    }

    /// No block is mined until [`Ground::resume`].
    pub(crate) fn halt(&self) {
        self.miner.abort();
    }

    pub(crate) fn resume(&mut self) {
        let devnet = Arc::clone(self.network.devnet());
        self.miner = tokio::spawn(async move {
            loop {
                let _ = devnet.mine(1).await;
                tokio::time::sleep(BLOCK).await;
            }
        });
    }

    pub(crate) fn config(&self, auto: bool) -> Config {
        let mode = if auto { "auto" } else { "supervised" };
        let flag = |key, flag, value: &str| Flag {
            key,
            flag,
            value: value.to_owned(),
        };
        config::load(&LoadOptions {
            file: Some(self.network.config_file().to_owned()),
            flags: vec![
                flag("policy.mode", "--mode", mode),
                flag("dkg.round_deadline", "--round-deadline", ROUND),
            ],
            auto_approve: if auto {
                AutoApprove::Given
            } else {
                AutoApprove::Absent
            },
            ..LoadOptions::default()
        })
        .unwrap()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.journal
            .get_or_init(|| self.config(false).journal.path)
            .clone()
    }

    /// The engine in this process.
    pub(crate) async fn oracle(&self, auto: bool) -> Running {
        self.start_engine(self.config(auto)).await
    }

    /// The same in mode observe. The key is there, so that only the mode can hold it back.
    pub(crate) async fn observer(&self) -> Running {
        let mut config = self.config(false);
        config.policy.mode = Mode::Observe;
        self.start_engine(config).await
    }

    /// The oracle's key.
    pub(crate) fn signer(&self) -> OracleSigner {
        let words = std::fs::read_to_string(self.network.folder().join("oracle.mnemonic")).unwrap();
        OracleSigner::from_mnemonic(&SecretString::from(words.trim()), 0, KeyPolicy::DevelopmentKeys).unwrap()
    }

    /// The same with another configuration.
    pub(crate) async fn start_engine(&self, config: Config) -> Running {
        let options = ServiceOptions {
            config,
            signer: Some(Arc::new(self.signer())),
            backend: None,
            simulated: Vec::new(),
        };
        service::start(options).await.unwrap()
    }

    pub(crate) async fn end(self) {
        self.miner.abort();
        self.network.shutdown().await;
    }
}

/// RSA keys, made once for all networks: they take longer than the rest of a network.
async fn keys() -> DemoKeys {
    static KEYS: OnceCell<DemoKeys> = OnceCell::const_new();
    let made = KEYS.get_or_try_init(|| DemoKeys::generate(7)).await;
    made.unwrap().clone()
}

pub(crate) fn records_of(journal: &Path, kind: &str) -> Vec<casimir_dkg::journal::Entry> {
    let (_, entries) = casimir_dkg::journal::verify(journal).unwrap();
    entries.into_iter().filter(|e| e.kind == kind).collect()
}

pub(crate) fn four_operators() -> DemoOptions {
    DemoOptions {
        operators: 4,
        beacon: DemoBeacon::Absent,
        auto: true,
        ..DemoOptions::default()
    }
}

/// The same with a beacon on which validators are active soon, and all at once: a rule deposits only where a beacon node
/// says that it does not know the key.
pub(crate) fn with_beacon() -> DemoOptions {
    DemoOptions {
        beacon: beacon(|spec| BeaconSpec {
            slot_duration: Duration::from_millis(200),
            slots_per_epoch: 2,
            churn_limit: 1_000,
            ..spec
        }),
        ..four_operators()
    }
}

/// The demo's beacon with other constants.
pub(crate) fn beacon(change: impl FnOnce(BeaconSpec) -> BeaconSpec) -> DemoBeacon {
    let DemoBeacon::Development(spec) = DemoBeacon::development() else {
        unreachable!("the development beacon is one")
    };
    DemoBeacon::Development(change(spec))
}

/// A beacon in which every state of a validator lasts longer than a look takes: the oracle looks once a second.
pub(crate) fn half_second_slots() -> DemoBeacon {
    beacon(|spec| BeaconSpec {
        slot_duration: Duration::from_millis(500),
        ..spec
    })
}

/// Pool 1 deposited by operators 1 to 4 (a fifth one is at hand), its validator active.
pub(crate) async fn staked(stores_reshare: bool) -> (Ground, Running) {
    staked_on(DemoOptions {
        stores_reshare,
        beacon: half_second_slots(),
        ..DemoOptions::default()
    })
    .await
}

/// The same on a network of one's own; only the number of operators is given.
pub(crate) async fn staked_on(options: DemoOptions) -> (Ground, Running) {
    let options = DemoOptions {
        operators: 5,
        committee: 4,
        ..options
    };
    let ground = Ground::start(options).await;
    let oracle = ground.oracle(false).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let proposed = waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
    // chosen, so that it does not hang on how fast each one answers on a busy machine
    let choose = Request::SetCommittee {
        action: proposed.id,
        committee: [1, 2, 3, 4].map(OperatorId).to_vec(),
    };
    seat(&oracle).request(choose).await.unwrap();
    drive(&oracle, "deposit/1").await;
    ground.devnet().report_staked(PoolId(1)).await.unwrap();
    until(&oracle, "a staked pool", |s| {
        s.validators.iter().find(|v| v.pool == PoolId(1)).cloned()
    })
    .await;
    (ground, oracle)
}

/// Waits until a snapshot has what is looked for.
pub(crate) async fn until<T>(running: &Running, what: &str, find: impl Fn(&Snapshot) -> Option<T>) -> T {
    let mut snapshots = running.handle.snapshots.clone();
    let started = Instant::now();
    loop {
        if let Some(found) = find(&snapshots.borrow_and_update()) {
            return found;
        }
        if tokio::time::timeout(TIMEOUT.saturating_sub(started.elapsed()), snapshots.changed())
            .await
            .is_err()
        {
            let snapshot = running.handle.snapshots.borrow().clone();
            let cases: Vec<_> = snapshot
                .cases
                .iter()
                .map(|c| (c.id.to_string(), c.status, c.sentence.clone(), c.history.clone()))
                .collect();
            panic!("not seen: {what}; cases {cases:?}, alarms {:?}", snapshot.alarms);
        }
    }
}

pub(crate) async fn case_is(running: &Running, case: &str, status: CaseStatus) -> CaseView {
    let id: CaseId = case.parse().unwrap();
    until(running, &format!("{case} {status}"), |s| {
        s.cases.iter().find(|c| c.id == id && c.status == status).cloned()
    })
    .await
}

/// The action of a case that waits for a decision and can be approved.
pub(crate) async fn waiting(running: &Running, case: &str, kind: ActionKind) -> ActionView {
    let id: CaseId = case.parse().unwrap();
    until(running, &format!("{kind} of {case}"), |s| {
        let fits = |a: &&ActionView| {
            a.id.case == id
                && a.kind == kind.to_string()
                && a.state == ActionState::Proposed
                && a.can_approve.is_yes()
        };
        s.actions.iter().find(fits).cloned()
    })
    .await
}

pub(crate) fn person() -> SafeText {
    SafeText::new("tess@test")
}

/// Where [`person`] sits.
pub(crate) fn seat(running: &Running) -> Seat {
    running.handle.seat(Identity::new(person()))
}

pub(crate) async fn approve(running: &Running, action: &ActionView) -> Reply {
    seat(running)
        .request(Request::Approve {
            action: action.id,
            digest: action.digest,
            phrase: action.phrase.clone(),
        })
        .await
}

/// Approves what is proposed, again when it changed in between.
pub(crate) async fn approve_next(running: &Running, case: &str, kind: ActionKind) -> ActionView {
    loop {
        let action = waiting(running, case, kind).await;
        match approve(running, &action).await {
            Ok(_) => return action,
            // it changed, or was proposed anew, since the snapshot
            Err(casimir_dkg::view::Refused::Stale(_)) => {}
            Err(casimir_dkg::view::Refused::NotNow(why)) if why.as_str().contains("is void") => {}
            // a start that verifies old records behind itself takes nothing before that is done
            Err(casimir_dkg::view::Refused::Unavailable(_)) => {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
            Err(other) => panic!("{other}"),
        }
    }
}

pub(crate) async fn stop(running: Running) {
    let _ = running.handle.shutdown().await;
    running.wait().await.unwrap();
}

/// Approves whatever a case proposes, as often as it must, until the case is done: on a loaded machine a check may fail
/// for a moment, and then the action is proposed anew.
pub(crate) async fn drive(running: &Running, case: &str) -> CaseView {
    let id: CaseId = case.parse().unwrap();
    loop {
        let next = until(running, &format!("{case} done"), |s| {
            let done = s
                .cases
                .iter()
                .find(|c| c.id == id && c.status == CaseStatus::Done)
                .cloned();
            let fits = |a: &&ActionView| {
                a.id.case == id && a.state == ActionState::Proposed && a.can_approve.is_yes()
            };
            done.map(Ok)
                .or_else(|| s.actions.iter().find(fits).cloned().map(Err))
        })
        .await;
        match next {
            Ok(done) => return done,
            // refused: it changed, was decided or voided since the snapshot
            Err(action) => drop(approve(running, &action).await),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
