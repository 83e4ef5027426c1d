//! Expiry: nothing is kept for ever. And what is looked at from time to time.

use std::sync::Arc;
use std::time::Duration;

use super::foreign::Lookout;
use super::hub::Hub;
use super::store::Write;
use crate::log_limit::LogLimit;
use crate::types::{RequestId, SafeText};

/// Lines about what is removed: strangers leave as much behind as there is room for.
static SWEPT: LogLimit = LogLimit::usual();

/// Sweeps until the hub stops.
pub(super) async fn run(hub: Arc<Hub>) {
    let limits = &hub.config.limits;
    let shortest = limits.topic_ttl.min(limits.linger).min(limits.result_ttl);
    let period = (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(10));
    let mut stop = hub.stop.subscribe();
    let mut lookout = Lookout::new(&hub);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(period) => {
                lookout.look();
                sweep(&hub);
                hub.pulse.beat();
            }
        }
    }
}

/// Removes what is over its time.
fn sweep(hub: &Hub) {
    let limits = &hub.config.limits;
    let now = hub.now();
    let mut state = hub.lock();
    for name in state.registry.stale(now, limits) {
        if let Some(left_out) = SWEPT.line() {
            tracing::info!(target: "messenger", subscriber = %SafeText::new(&name), left_out, "forgotten: a guest of whom nothing was heard");
        }
        state.registry.remove(&name);
        hub.store.write(Write::DropRegistered { name });
    }
    let mut idle: Vec<RequestId> = Vec::new();
    let mut old: Vec<RequestId> = state.results.older_than(limits.result_ttl, now);
    let state = &mut *state;
    for id in state.removed.forget(limits.result_ttl, now) {
        hub.store.write(Write::ForgetRemoved { id });
    }
    for (id, topic) in &mut state.topics {
        match topic.finished {
            None if now.since(topic.touched) >= limits.topic_ttl => idle.push(*id),
            Some(at) if now.since(at) >= limits.result_ttl => old.push(*id),
            Some(at) if !topic.messages.is_empty() && now.since(at) >= limits.linger => {
                state.shares.free(topic);
                hub.store.write(Write::DropMessages { topic: *id });
            }
            _ => {}
        }
    }
    for id in idle {
        if let Some(left_out) = SWEPT.line() {
            tracing::info!(target: "messenger", topic = %id, left_out, "removed: nothing happened in it for too long");
        }
        hub.metrics.topics_expired.add_one();
        state.remove_topic(&id);
        hub.store.write(Write::DropTopic { id });
    }
    for id in old {
        if state.remove_topic(&id) {
            hub.store.write(Write::DropTopic { id });
        }
        if state.results.remove(&id) {
            hub.store.write(Write::DropResult { id });
        }
    }
}
