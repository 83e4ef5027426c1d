//! What flows in without being asked for: both chains, and the health of everything around.

mod beacon;
mod chain;
mod health;
mod tip;
mod validators;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::opening::{Opening, Opens};
use super::outside::Outside;
use crate::chain::intake::Intake;
use crate::config::NetworkName;
use crate::engine::core::Incoming;
use crate::lane;
use crate::types::SafeText;

/// Starts every feed as a named task. One that ends takes the engine with it: nothing limps on. The chain is followed
/// once the contract is known; `world` is where that is told to the effects.
pub(super) fn start(opening: Opening, world: watch::Sender<Option<Arc<Outside>>>) -> JoinSet<()> {
    let incoming = opening.core.clone();
    let mut tasks = JoinSet::new();
    let mut feed = |name, task: Feed| critical(&mut tasks, name, &incoming, task);
    let (lists, pools) = watch::channel(None);
    let (news, heard) = watch::channel(beacon::News::default());
    let of_validators = validators::Sources {
        manager: Arc::clone(&opening.manager),
        consensus: opening.consensus.clone(),
    };
    feed(
        "validator feed",
        Box::pin(validators::run(of_validators, pools, heard, incoming.clone())),
    );
    if let Some(nodes) = opening.consensus.clone() {
        feed(
            "beacon feed",
            Box::pin(beacon::run(nodes, news, incoming.clone())),
        );
    }
    let of_health = health::Sources {
        rpc: opening.rpc.clone(),
        ceremonies: Arc::clone(&opening.ceremonies),
        consensus: opening.consensus.clone(),
        directory: Arc::new(opening.config.operators.by_id.clone()),
    };
    feed("health feed", Box::pin(health::run(of_health, incoming.clone())));
    for (name, task) in follow(opening, world, lists) {
        feed(name, task);
    }
    tasks
}

type Feed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The feeds of the execution layer, behind what tells whom they follow.
fn follow(
    opening: Opening,
    world: watch::Sender<Option<Arc<Outside>>>,
    lists: watch::Sender<Option<validators::Lists>>,
) -> [(&'static str, Feed); 3] {
    let incoming = opening.core.clone();
    let (intake, known_intake) = oneshot::channel::<Intake>();
    let (ssv, known_ssv) = oneshot::channel();
    let (events, received) = mpsc::channel(256);
    let manager = Arc::clone(&opening.manager);
    let execution = Arc::clone(&opening.execution);
    let one_voice = match opening.rpc.each().as_slice() {
        [(name, _)] => Some(name.clone()),
        _ => None,
    };
    let oracle = opening.oracle;
    let pace = match opening.config.network.name {
        NetworkName::Devnet => tip::Pace::LOCAL,
        _ => tip::Pace::NETWORK,
    };
    let intake_runs = async move {
        if let Ok(intake) = known_intake.await {
            intake.run(events).await;
        }
    };
    let chain_runs = async move {
        if let Ok(ssv) = known_ssv.await {
            let at_heads = chain::Sources {
                manager,
                ssv,
                execution,
                one_voice,
                oracle,
                pace,
            };
            chain::run(at_heads, received, lists, incoming).await;
        }
    };
    [
        ("start", Box::pin(opening.run(Opens { world, intake, ssv }))),
        ("event intake", Box::pin(intake_runs)),
        ("chain feed", Box::pin(chain_runs)),
    ]
}

/// A feed that merely ended is told this much later than one that died: it may have listened to that one.
const CAUSE_FIRST: Duration = Duration::from_millis(250);

fn critical(tasks: &mut JoinSet<()>, name: &'static str, incoming: &mpsc::Sender<Incoming>, task: Feed) {
    let incoming = incoming.clone();
    let running = tokio::spawn(lane::supervised(task));
    let guard = AbortOnDrop(running.abort_handle());
    tasks.spawn(async move {
        let _guard = guard;
        let why = match running.await {
            Ok(()) => {
                tokio::time::sleep(CAUSE_FIRST).await;
                "ended".to_owned()
            }
            Err(error) => format!("died: {}", lane::last_words(error)),
        };
        // with the core gone there is nobody left to tell
        let _ = incoming
            .send(Incoming::Fatal(SafeText::new(&format!("the {name} {why}"))))
            .await;
    });
}

/// Stops a feed together with its supervisor.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
