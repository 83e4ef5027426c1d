//! How the oracle is: whether its one task goes around, whether it could act, and what it knows in numbers. All of it is
//! read from the newest snapshot, so that whoever asks holds nothing up.

mod metrics;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;

use super::EngineHandle;
use super::notices::Delivered;
use crate::monitor::{Probe, Pulse, Verdict, render};
use crate::types::UnixMillis;
use crate::view::{Snapshot, Wait};

/// The oracle, as its monitor is asked.
#[derive(Debug)]
pub struct OracleProbe {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    pulse: Arc<Pulse>,
    delivered: Vec<Arc<Delivered>>,
}

impl OracleProbe {
    /// Of a running engine, and of those whom it tells.
    #[must_use]
    pub fn new(engine: &EngineHandle, delivered: Vec<Arc<Delivered>>) -> Self {
        Self {
            snapshots: engine.snapshots.clone(),
            pulse: Arc::clone(&engine.pulse),
            delivered,
        }
    }

    fn live_at(&self, now: UnixMillis) -> Verdict {
        let ended = self.snapshots.has_changed().is_err();
        let ended = ended.then(|| "the engine has ended".to_owned());
        Verdict::lives_unless(ended.or_else(|| self.pulse.hangs("the engine", now)))
    }
}

impl Probe for OracleProbe {
    fn live(&self) -> Verdict {
        self.live_at(UnixMillis::now())
    }

    /// What stops everything is why not; a case that waits is none.
    fn ready(&self) -> Verdict {
        let live = self.live();
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let why: Vec<_> = snapshot
            .waits
            .iter()
            .filter(|wait| stops_everything(wait))
            .collect();
        let yes = live.yes && why.is_empty();
        let why = why.into_iter().map(|wait| {
            json!({
                "waits_for": wait.reason,
                "severity": wait.reason.severity(),
                "reason": wait.sentence,
                "can_do": wait.reason.can_do(),
                "since": wait.since.to_rfc3339(),
            })
        });
        Verdict {
            yes,
            body: json!({
                "ready": yes,
                "live": live.yes,
                "mode": snapshot.mode,
                "network": snapshot.network.name,
                "why": why.collect::<Vec<_>>(),
            }),
        }
    }

    fn metrics(&self) -> String {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let now = UnixMillis::now();
        let pulse = now.since(self.pulse.last());
        let ready = self.ready().yes;
        render(metrics::families(&snapshot, &self.delivered, ready, pulse, now))
    }
}

fn stops_everything(wait: &Wait) -> bool {
    wait.reason.stops().is_wide()
}
