//! What flows in without being asked for: both chains, and the health of everything around.

mod beacon;
mod chain;
mod deployment;
mod health;
mod validators;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::chain::intake::Intake;
use crate::chain::rpc::Rpc;
use crate::desk::Neighbours;
use crate::engine::core::Incoming;
use crate::lane;
use crate::types::{OperatorId, OperatorRecord, SafeText};

/// What the feeds are made of, beside whom they ask.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) intake: Intake,
    pub(super) rpc: Rpc,
    /// The account that is looked at.
    pub(super) oracle: Option<Address>,
    /// Every operator that is configured.
    pub(super) directory: Arc<BTreeMap<OperatorId, OperatorRecord>>,
    /// The manager of a public network whose `contract.from_block` was left at 0.
    pub(super) undated: Option<Address>,
}

/// Starts every feed as a named task. One that ends takes the engine with it: nothing limps on.
pub(super) fn start(from: Sources, ask: &Neighbours, incoming: &mpsc::Sender<Incoming>) -> JoinSet<()> {
    let Sources {
        intake,
        rpc,
        oracle,
        directory,
        undated,
    } = from;
    let (manager, consensus) = (|| Arc::clone(&ask.manager), || ask.consensus.clone());
    let mut tasks = JoinSet::new();
    let (events, received) = mpsc::channel(256);
    let (lists, pools) = watch::channel(None);
    let (news, heard) = watch::channel(beacon::News::default());
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
    };
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
    let (ssv, of_deployment) = (Arc::clone(&ask.ssv), rpc.clone());
    let of_deployment = deployment::run(ssv, of_deployment, undated, incoming.clone());
    critical(&mut tasks, "deployment feed", incoming, of_deployment);
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
