//! Counters of what the messenger did, in Prometheus' text format.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::monitor::{self, Family};
use crate::types::UnixMillis;

macro_rules! counters {
    ($($field:ident: $help:literal,)*) => {
        /// Counters since the start of the process; they only grow.
        #[derive(Debug, Default)]
        pub(super) struct Metrics {
            $(pub(super) $field: Counter,)*
            delivery_micros: AtomicU64,
            /// When a commit to the database last failed, ms since the Unix epoch.
            storage_failed_at: AtomicU64,
        }

        impl Metrics {
            fn counters(&self) -> Vec<Family> {
                vec![$(
                    Family::counter(concat!("casimir_messenger_", stringify!($field)), $help).is(self.$field.value()),
                )*]
            }
        }
    };
}

counters! {
    registrations: "Registrations accepted.",
    takeovers_refused: "Registrations refused because the name's old address still answers.",
    addresses_refused: "Registrations refused because of their address.",
    topics_created: "Topics created or replaced.",
    topics_expired: "Topics removed because nothing happened in them.",
    messages_accepted: "Messages accepted for delivery.",
    messages_duplicate: "Messages that had been published before, byte for byte.",
    messages_not_forwarded: "Messages answered with 200 but not forwarded: their signer is no member of the topic.",
    messages_refused: "Messages refused: not decodable, of another request, a start message, or over a limit.",
    signatures_refused: "Messages and results refused because their operators did not sign them.",
    deliveries: "Deliveries that the subscriber answered with success.",
    delivery_attempts: "Delivery attempts, successful or not.",
    deliveries_held: "Attempts answered with not-yet: the subscriber had not started the session.",
    deliveries_failed: "Attempts answered with an error.",
    deliveries_unreachable: "Attempts that ended without an answer.",
    deliveries_dropped: "Messages given up for one subscriber.",
    timeouts_dropped: "Timeout messages of the last round, which are noise after success and go to observers only.",
    foreign_ceremonies: "Ceremonies that operators took part in though no initiator that is known here made their topic.",
    results: "Results accepted.",
    conflicts: "Results that differ from the one that is kept.",
    bodies_too_large: "Requests refused for the size of their body.",
    storage_errors: "Failed commits to the database.",
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn value(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64
    }
}

/// Numbers that go up and down, read when asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Gauges {
    pub(super) registered: usize,
    pub(super) topics: usize,
    pub(super) topics_open: usize,
    pub(super) pending: usize,
    pub(super) message_bytes: usize,
    pub(super) results: usize,
    pub(super) result_bytes: usize,
}

impl Metrics {
    /// Adds the time that one attempt took, from sending to the end of the reply.
    pub(super) fn attempt_took(&self, time: Duration) {
        self.delivery_attempts.add_one();
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.delivery_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// A commit to the database failed.
    pub(super) fn storage_failed(&self) {
        self.storage_errors.add_one();
        self.storage_failed_at
            .store(UnixMillis::now().0, Ordering::Relaxed);
    }

    /// Since a commit last failed; `None` while none has.
    pub(super) fn since_storage_failed(&self) -> Option<Duration> {
        let at = self.storage_failed_at.load(Ordering::Relaxed);
        (at > 0).then(|| UnixMillis::now().since(UnixMillis(at)))
    }

    /// The text of `GET /metrics`.
    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers of things and bytes stay far below 2^53"
    )]
    pub(super) fn render(&self, gauges: &Gauges, version: &str, ready: bool) -> String {
        let mut families = vec![
            Family::gauge("casimir_messenger_info", "Always 1; the label says what runs.")
                .with([("version", version)], 1.0),
            Family::gauge(
                "casimir_messenger_ready",
                "1 when it could act right now, as /readyz says.",
            )
            .is(f64::from(u8::from(ready))),
        ];
        families.extend(self.counters());
        let seconds = Duration::from_micros(self.delivery_micros.load(Ordering::Relaxed)).as_secs_f64();
        let help = "Time spent in delivery attempts.";
        families.push(Family::counter("casimir_messenger_delivery_seconds", help).is(seconds));
        for (name, help, value) in [
            (
                "casimir_messenger_registered",
                "Operators registered.",
                gauges.registered,
            ),
            ("casimir_messenger_topics", "Topics held.", gauges.topics),
            (
                "casimir_messenger_topics_open",
                "Topics without a result.",
                gauges.topics_open,
            ),
            ("casimir_messenger_pending", "Deliveries waiting.", gauges.pending),
            (
                "casimir_messenger_message_bytes",
                "Bytes of messages held.",
                gauges.message_bytes,
            ),
            ("casimir_messenger_results", "Results held.", gauges.results),
            (
                "casimir_messenger_result_bytes",
                "Bytes of results and conflicting results held.",
                gauges.result_bytes,
            ),
        ] {
            families.push(Family::gauge(name, help).is(value as f64));
        }
        monitor::render(families)
    }
}
