//! How an operator's node is.

use std::fmt;
use std::sync::Weak;

use serde_json::json;
use tokio::sync::watch;

use super::service::{Lost, Service};
use super::store::Refuses;
use crate::monitor::{Family, Probe, Verdict, render};
use crate::types::{OperatorId, UnixMillis, counted};

const STOPPING: &str = "it is being stopped";

/// A running node, as its monitor is asked.
pub(super) struct NodeProbe {
    pub(super) id: OperatorId,
    pub(super) version: String,
    /// Not held: the store closes with the last who holds it.
    pub(super) service: Weak<Service>,
    pub(super) registered: watch::Receiver<bool>,
    pub(super) stop: watch::Receiver<bool>,
}

impl fmt::Debug for NodeProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeProbe({})", self.id)
    }
}

impl NodeProbe {
    fn why_not(&self) -> Vec<&'static str> {
        let Some(service) = self.service.upgrade() else {
            return vec![STOPPING];
        };
        let (running, most) = service.running();
        let reasons = [
            (*self.stop.borrow(), STOPPING),
            (
                !*self.registered.borrow(),
                "the messenger has not taken its registration: nothing reaches it",
            ),
            (running >= most, "as many ceremonies run as may"),
            (
                service.cannot_write() == Some(Refuses::Disk),
                "its store of shares cannot be written, so no ceremony can begin: make room on the disk, or mend its permissions",
            ),
            (
                service.cannot_write() == Some(Refuses::Moved),
                "its store of shares was removed or replaced while it runs, so no ceremony can begin: its log says where every \
                 share was copied to, and the way on",
            ),
        ];
        reasons
            .into_iter()
            .filter_map(|(so, words)| so.then_some(words))
            .collect()
    }
}

impl NodeProbe {
    pub(super) fn live_at(&self, now: UnixMillis) -> Verdict {
        let Some(service) = self.service.upgrade().filter(|_| !*self.stop.borrow()) else {
            // it ends, and with it whoever is asked
            return Verdict::lives_unless(None);
        };
        let nobody_registers = self.registered.has_changed().is_err();
        let ended = nobody_registers.then(|| "the part that registers it has ended".to_owned());
        Verdict::lives_unless(ended.or_else(|| service.pulse().hangs("the node", now)))
    }
}

/// What does not keep the node from taking part, and a person must see to.
fn warnings(lost: Lost) -> Vec<String> {
    const TAKE_BACK: &str =
        "stop the node, and take back what a backup has: casimir-dkg operator restore BACKUP";
    let words = |number: usize, (one, many): (&str, &str)| {
        let what = if number == 1 { one } else { many };
        (number > 0).then(|| format!("{} {what}: {TAKE_BACK}", counted(number, "share")))
    };
    let missing = words(
        lost.missing,
        (
            "that it must have is not in its store",
            "that it must have are not in its store",
        ),
    );
    let damaged = words(lost.damaged, ("does not decrypt", "do not decrypt"));
    missing.into_iter().chain(damaged).collect()
}

impl Probe for NodeProbe {
    fn live(&self) -> Verdict {
        self.live_at(UnixMillis::now())
    }

    fn ready(&self) -> Verdict {
        let why = self.why_not();
        // new ceremonies go on without these shares: who takes the node out of service for them loses more
        let lost = self.service.upgrade().map(|service| service.lost());
        let warnings = lost.map_or_else(Vec::new, warnings);
        Verdict {
            yes: why.is_empty(),
            body: json!({ "ready": why.is_empty(), "why": why, "warnings": warnings, "operator": self.id }),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn metrics(&self) -> String {
        let id = self.id.to_string();
        let service = self.service.upgrade();
        let running = service.as_ref().map(|service| service.running().0 as f64);
        let ceremonies = service.as_ref().map(|service| service.counts().ceremonies());
        let lost = service.as_ref().map(|service| service.lost());
        let messages = service.map(|service| service.counts().messages());
        let by_outcome = |family: Family, counts: &[(&'static str, u64)]| {
            counts.iter().fold(family, |family, (outcome, count)| {
                family.with([("outcome", outcome)], *count as f64)
            })
        };
        let yes = |so: bool| f64::from(u8::from(so));
        render(vec![
            Family::gauge("casimir_operator_info", "Always 1; the labels say what runs.")
                .with([("version", &self.version), ("operator", &id)], 1.0),
            Family::gauge(
                "casimir_operator_ready",
                "1 when it could act right now, as /readyz says.",
            )
            .is(yes(self.why_not().is_empty())),
            Family::gauge(
                "casimir_operator_registered",
                "1 while the messenger has taken its registration.",
            )
            .is(yes(*self.registered.borrow())),
            Family::gauge("casimir_operator_ceremonies_running", "Ceremonies that run.").is(running),
            Family::gauge(
                "casimir_operator_shares_missing",
                "Shares that its manifest names and its store has not; it cannot sign with them.",
            )
            .is(lost.map(|lost| lost.missing as f64)),
            Family::gauge(
                "casimir_operator_shares_damaged",
                "Shares that did not decrypt when the store was opened; it cannot sign with them.",
            )
            .is(lost.map(|lost| lost.damaged as f64)),
            by_outcome(
                Family::counter(
                    "casimir_operator_ceremonies",
                    "Ceremonies that have ended, by how.",
                ),
                ceremonies.as_ref().map_or(&[][..], |counts| counts),
            ),
            by_outcome(
                Family::counter(
                    "casimir_operator_messages",
                    "Messages, by whether they were taken.",
                ),
                messages.as_ref().map_or(&[][..], |counts| counts),
            ),
        ])
    }
}
