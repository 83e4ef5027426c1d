//! How the messenger is.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::hub::Hub;
use crate::monitor::{Probe, Verdict};

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

impl Probe for MessengerProbe {
    fn live(&self) -> Verdict {
        Verdict {
            yes: true,
            body: json!({ "live": true }),
        }
    }

    fn ready(&self) -> Verdict {
        let why = self.why_not();
        Verdict {
            yes: why.is_empty(),
            body: json!({ "ready": why.is_empty(), "why": why, "registered": self.0.gauges().registered }),
        }
    }

    fn metrics(&self) -> String {
        self.0.metrics.render(&self.0.gauges())
    }
}
