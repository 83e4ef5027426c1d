//! What flows in without being asked for: both chains, and the health of everything around.

mod beacon;
mod chain;
mod health;
mod validators;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::outside::Shared;
use crate::chain::intake::Intake;
use crate::engine::core::Incoming;
use crate::lane;
use crate::types::SafeText;

/// Starts every feed as a named task. One that ends takes the engine with it: nothing limps on.
pub(super) fn start(outside: &Shared, intake: Intake, incoming: &mpsc::Sender<Incoming>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (events, received) = mpsc::channel(256);
    let (lists, pools) = watch::channel(None);
    let (news, heard) = watch::channel(beacon::News::default());
    critical(&mut tasks, "event intake", incoming, intake.run(events));
    critical(
        &mut tasks,
        "chain feed",
        incoming,
        chain::run(outside.clone(), received, lists, incoming.clone()),
    );
    critical(
        &mut tasks,
        "validator feed",
        incoming,
        validators::run(outside.clone(), pools, heard, incoming.clone()),
    );
    if let Some(nodes) = &outside.beacon {
        critical(
            &mut tasks,
            "beacon feed",
            incoming,
            beacon::run(Arc::clone(nodes), news, incoming.clone()),
        );
    }
    critical(
        &mut tasks,
        "health feed",
        incoming,
        health::run(outside.clone(), incoming.clone()),
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
            Ok(()) => "ended".to_owned(),
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
