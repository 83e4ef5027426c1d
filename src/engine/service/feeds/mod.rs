//! What flows in without being asked for: both chains, and the health of everything around.

mod beacon;
mod chain;
mod health;
mod history;
mod validators;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::chain::comparison::Comparison;
use crate::chain::intake::{Head, Intake};
use crate::chain::rpc::Rpc;
use crate::desk::Neighbours;
use crate::engine::core::Incoming;
use crate::lane;
use crate::types::{OperatorId, OperatorRecord, SafeText};

/// What the feeds are made of, beside whom they ask.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) intake: Intake,
    /// None where old blocks are not compared.
    pub(super) comparison: Option<Comparison>,
    pub(super) rpc: Rpc,
    /// The account that is looked at.
    pub(super) oracle: Option<Address>,
    /// Every operator that is configured.
    pub(super) directory: Arc<BTreeMap<OperatorId, OperatorRecord>>,
}

/// Starts every feed as a named task. One that ends takes the engine with it: nothing limps on.
pub(super) fn start(from: Sources, ask: &Neighbours, incoming: &mpsc::Sender<Incoming>) -> JoinSet<()> {
    let Sources {
        intake,
        comparison,
        rpc,
        oracle,
        directory,
    } = from;
    let (manager, consensus) = (|| Arc::clone(&ask.manager), || ask.consensus.clone());
    let mut tasks = JoinSet::new();
    let (events, received) = mpsc::channel(256);
    let (lists, pools) = watch::channel(None);
    let (news, heard) = watch::channel(beacon::News::default());
    let (heads, behind) = watch::channel(None);
    critical(&mut tasks, "event intake", incoming, intake.run(events));
    let at_heads = chain::Sources {
        manager: manager(),
        ssv: Arc::clone(&ask.ssv),
        execution: Arc::clone(&ask.execution),
        one_voice: match rpc.each().as_slice() {
            [(name, _)] => Some(name.clone()),
            _ => None,
        },
        oracle,
        heads,
    };
    read_behind(&mut tasks, ask, comparison, &behind, incoming);
    critical(
        &mut tasks,
        "chain feed",
        incoming,
        chain::run(at_heads, received, lists, incoming.clone()),
    );
    let of_validators = validators::Sources {
        manager: manager(),
        consensus: consensus(),
    };
    critical(
        &mut tasks,
        "validator feed",
        incoming,
        validators::run(of_validators, pools, heard, incoming.clone()),
    );
    if let Some(nodes) = consensus() {
        critical(
            &mut tasks,
            "beacon feed",
            incoming,
            beacon::run(nodes, news, incoming.clone()),
        );
    }
    let of_health = health::Sources {
        rpc,
        ceremonies: Arc::clone(&ask.ceremonies),
        consensus: consensus(),
        directory,
    };
    critical(
        &mut tasks,
        "health feed",
        incoming,
        health::run(of_health, incoming.clone()),
    );
    tasks
}

/// What nothing waits for.
fn read_behind(
    tasks: &mut JoinSet<()>,
    ask: &Neighbours,
    comparison: Option<Comparison>,
    heads: &watch::Receiver<Option<Head>>,
    incoming: &mpsc::Sender<Incoming>,
) {
    let logs = history::Sources {
        agreement: Arc::clone(&ask.agreement),
        manager: Arc::clone(&ask.manager),
        ssv: Arc::clone(&ask.ssv),
    };
    let read = history::run(logs, heads.clone(), incoming.clone());
    critical(tasks, "history feed", incoming, read);
    if let Some(comparison) = comparison {
        let compared = history::compare(comparison, heads.clone(), incoming.clone());
        critical(tasks, "history comparison", incoming, compared);
    }
}

fn critical(
    tasks: &mut JoinSet<()>,
    name: &'static str,
    incoming: &mpsc::Sender<Incoming>,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let incoming = incoming.clone();
    let running = tokio::spawn(lane::supervised(task));
    let guard = AbortOnDrop(running.abort_handle());
    tasks.spawn(async move {
        let _guard = guard;
        let why = match running.await {
            Ok(()) => {
                // it may have ended because another one died: that one's reason is told first
                tokio::time::sleep(Duration::from_millis(250)).await;
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
