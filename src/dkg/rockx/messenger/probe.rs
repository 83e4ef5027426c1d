//! How the messenger is.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::hub::Hub;
use crate::monitor::{Probe, Verdict};
use crate::types::UnixMillis;

/// A commit that failed so long ago was followed by others that did not.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// A running messenger, as its monitor is asked.
#[derive(Debug)]
pub(super) struct MessengerProbe(pub(super) Arc<Hub>);

impl MessengerProbe {
    fn why_not(&self) -> Vec<&'static str> {
        let (hub, gauges) = (&self.0, self.0.gauges());
        let limits = &hub.config.limits;
        let failed = hub.metrics.since_storage_failed();
        let reasons = [
            (*hub.stop.borrow(), "it is being stopped"),
            (
                failed.is_some_and(|since| since < FORGIVEN_AFTER),
                "what must survive a restart could not be stored within the last minute",
            ),
            (
                gauges.topics >= limits.topics,
                "it holds as many topics as it may",
            ),
            (
                gauges.message_bytes >= limits.message_bytes,
                "it holds as many bytes of messages as it may",
            ),
        ];
        reasons
            .into_iter()
            .filter_map(|(so, words)| so.then_some(words))
            .collect()
    }
}

impl MessengerProbe {
    fn live_at(&self, now: UnixMillis) -> Verdict {
        let stops = *self.0.stop.borrow();
        let hangs = || self.0.pulse.hangs("the messenger", now);
        Verdict::lives_unless((!stops).then(hangs).flatten())
    }
}

impl Probe for MessengerProbe {
    fn live(&self) -> Verdict {
        self.live_at(UnixMillis::now())
    }

    fn ready(&self) -> Verdict {
        let why = self.why_not();
        Verdict {
            yes: why.is_empty(),
            body: json!({ "ready": why.is_empty(), "why": why, "registered": self.0.gauges().registered }),
        }
    }

    fn metrics(&self) -> String {
        let ready = self.why_not().is_empty();
        let hub = &self.0;
        hub.metrics.render(&hub.gauges(), &hub.config.version, ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::rockx::messenger::{Limits, MessengerConfig, MessengerHandle, spawn};
    use crate::monitor::HANGS_AFTER;

    /// A messenger that sweeps every 20 ms.
    async fn messenger() -> MessengerHandle {
        let limits = Limits {
            topic_ttl: Duration::from_millis(80),
            ..Limits::default()
        };
        let config = MessengerConfig {
            limits,
            ..MessengerConfig::new(([127, 0, 0, 1], 0).into())
        };
        spawn(config).await.unwrap()
    }

    async fn beats_after(hub: &Hub, last: UnixMillis) -> bool {
        let waits = async {
            while hub.pulse.last() <= last {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(crate::TIMEOUT, waits).await.is_ok()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_messenger_whose_state_nobody_gets_at_hangs() {
        let messenger = messenger().await;
        let hub = Arc::clone(&messenger.hub);
        let probe = MessengerProbe(Arc::clone(&hub));
        assert!(probe.live().yes);
        assert!(beats_after(&hub, hub.pulse.last()).await, "it goes around");

        let (free, held) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel());
        let of = Arc::clone(&hub);
        let holder = std::thread::spawn(move || {
            let _state = of.lock();
            held.0.send(()).unwrap();
            let _ = free.1.recv();
        });
        held.1.recv().unwrap();
        // a sweep may have ended as the lock was taken; whoever is held up may be the worker that keeps the runtime's time
        std::thread::sleep(Duration::from_millis(50));
        let last = hub.pulse.last();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(hub.pulse.last(), last);
        let verdict = probe.live_at(last.plus(HANGS_AFTER * 2));
        let why = verdict.body["why"].as_str().unwrap();
        assert!(why.starts_with("the messenger has not gone around for "), "{why}");
        assert!(!verdict.yes);
        drop(free.0);
        holder.join().unwrap();
        assert!(beats_after(&hub, last).await, "it goes on");
        messenger.shutdown().await;
    }
}
