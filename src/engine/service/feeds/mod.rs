//! What flows in without being asked for: both chains, and the health of everything around.

mod beacon;
mod chain;
mod deployment;
mod facts;
mod health;
mod history;
mod known;
pub(super) mod others;
pub(super) mod signer;
mod strange;
mod tip;
mod validators;

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::opening::{Known, Opening};
use super::outside::Outside;
use crate::chain::comparison::Comparison;
use crate::chain::intake::Head;
use crate::config::{Config, NetworkName};
use crate::desk::Neighbours;
use crate::engine::core::Incoming;
use crate::lane;
use crate::ports::consensus::NodeHealth;
use crate::types::{SafeText, UnixMillis};
use crate::view::Snapshot;

/// Starts every feed as a named task. One that ends takes the engine with it: nothing limps on. The chain is followed
/// once the contract is known; `world` is where that is told to the effects. `companion` is there where something else runs
/// within this process.
pub(super) fn start(
    opening: Opening,
    world: watch::Sender<Option<Arc<Outside>>>,
    companion: Option<others::Companions>,
    of_engine: signer::News,
) -> JoinSet<()> {
    let core = opening.core.clone();
    let mut feeds = Feeds::of(&core);
    let snapshots = of_engine.snapshots();
    let (lists, pools) = watch::channel(None);
    let (news, heard) = watch::channel(beacon::News::default());
    let of_validators = validators::Sources {
        manager: Arc::clone(&opening.lists),
        consensus: opening.consensus.clone(),
    };
    feeds.start(
        "validator feed",
        validators::run(of_validators, pools, heard, core.clone()),
    );
    if let Some(nodes) = opening.consensus.clone() {
        feeds.start("beacon feed", beacon::run(nodes, news, core.clone()));
    }
    let of_health = health::Sources {
        endpoints: Arc::clone(&opening.endpoints),
        ceremonies: Arc::clone(&opening.ceremonies),
        consensus: opening.consensus.clone(),
        directory: Arc::new(opening.config.operators.by_id.clone()),
        pace: pace_of(&opening.config),
    };
    if let Some(companion) = companion {
        let others::Companions { onlook, broken } = companion;
        feeds.start("messenger feed", others::watch(onlook, core.downgrade()));
        feeds.start("messenger", others::end_with(broken, core.downgrade()));
    }
    feeds.start("health feed", health::run(of_health, core.clone()));
    if let Some(signer) = opening.signer.clone().filter(|signer| signer.is_elsewhere()) {
        let pauses = signer::Pauses::USUAL;
        feeds.start("signer feed", signer::run(signer, pauses, of_engine, core));
    }
    feeds.start("start", follow(opening, world, lists, snapshots));
    feeds.tasks
}

/// Waits until it is known whom to follow on the execution layer, opens the gate for the effects, and follows.
async fn follow(
    opening: Opening,
    world: watch::Sender<Option<Arc<Outside>>>,
    lists: watch::Sender<Option<validators::Lists>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
) {
    let (core, endpoints, undated) = (
        opening.core.clone(),
        Arc::clone(&opening.endpoints),
        undated(&opening.config),
    );
    let pace = pace_of(&opening.config);
    let Known {
        outside,
        looking,
        intake,
        comparison,
        look_back,
        identity,
    } = opening.run().await;
    world.send_replace(Some(Arc::clone(&outside)));
    let ask = &outside.ask;
    let mut feeds = Feeds::of(&core);
    let (events, received) = mpsc::channel(256);
    let (heads, behind) = watch::channel(None);
    feeds.start("event intake", intake.run(events));
    let at_heads = chain::Sources {
        manager: Arc::clone(&ask.manager),
        ssv: Arc::clone(&ask.ssv),
        execution: Arc::clone(&ask.execution),
        agreement: looking,
        one_voice: match endpoints.health().as_slice() {
            [only] => Some(only.name.clone()),
            _ => None,
        },
        oracle: outside.oracle,
        heads,
        pace,
    };
    feeds.start("chain feed", chain::run(at_heads, received, lists, core.clone()));
    let of_account = strange::run(look_back, snapshots, core.clone());
    feeds.start("account feed", of_account);
    let of_deployment = deployment::Sources {
        ssv: Arc::clone(&ask.ssv),
        execution: Arc::clone(&ask.execution),
        agreement: Arc::clone(&ask.agreement),
        undated,
    };
    let of_deployment = deployment::run(of_deployment, core.clone());
    feeds.start("deployment feed", of_deployment);
    feeds.start("identity feed", identity.watch(core.clone()));
    feeds.read_behind(ask, comparison, &behind);
    // each tells by itself why it ends; they are stopped with this
    while feeds.tasks.join_next().await.is_some() {}
    std::future::pending().await
}

/// What the time of a beacon node's newest slot says against this machine's clock, in words; none where it fits.
#[must_use]
pub fn beacon_clock(config: &Config, node: &NodeHealth, slot: Duration, now: UnixMillis) -> Option<SafeText> {
    tip::beacon_clock(pace_of(config), node, slot, now)
}

fn pace_of(config: &Config) -> tip::Pace {
    match config.network.name {
        NetworkName::Devnet => tip::Pace::LOCAL,
        _ => tip::Pace::NETWORK,
    }
}

/// The manager of a public network whose `contract.from_block` was left at 0.
fn undated(config: &Config) -> Option<Address> {
    (config.network.name.is_public() && config.contract.from_block == 0).then_some(config.contract.address)
}

/// A feed that merely ended is told this much later than one that died: it may have listened to that one.
const CAUSE_FIRST: Duration = Duration::from_millis(250);

/// Tasks that the engine ends with.
struct Feeds {
    tasks: JoinSet<()>,
    core: mpsc::Sender<Incoming>,
}

impl Feeds {
    fn of(core: &mpsc::Sender<Incoming>) -> Self {
        Self {
            tasks: JoinSet::new(),
            core: core.clone(),
        }
    }

    /// What nothing waits for.
    fn read_behind(
        &mut self,
        ask: &Neighbours,
        comparison: Option<Comparison>,
        heads: &watch::Receiver<Option<Head>>,
    ) {
        let logs = history::Sources {
            agreement: Arc::clone(&ask.agreement),
            manager: Arc::clone(&ask.manager),
            ssv: Arc::clone(&ask.ssv),
        };
        self.start(
            "history feed",
            history::run(logs, heads.clone(), self.core.clone()),
        );
        if let Some(comparison) = comparison {
            let compared = history::compare(comparison, heads.clone(), self.core.clone());
            self.start("history comparison", compared);
        }
    }

    fn start(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let core = self.core.clone();
        let running = tokio::spawn(lane::supervised(task));
        let guard = AbortOnDrop(running.abort_handle());
        self.tasks.spawn(async move {
            let _guard = guard;
            let why = match running.await {
                Ok(()) => {
                    tokio::time::sleep(CAUSE_FIRST).await;
                    "ended".to_owned()
                }
                Err(error) => format!("died: {}", lane::last_words(error)),
            };
            // with the core gone there is nobody left to tell
            let _ = core
                .send(Incoming::Fatal(SafeText::new(&format!("the {name} {why}"))))
                .await;
        });
    }
}

/// Stops a feed together with its supervisor.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
