//! One ceremony's state at the initiator, its beginning, and what is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::clock::Clock;
use super::deliver::{Delivered, deliver};
use super::host::Host;
use super::messenger::address_of;
use super::observer::Subscription;
use crate::dkg::rockx::judgement::{Record, failure, list, not_started};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::plan::{unknown_operators, validate};
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::start_message::signed;
use crate::dkg::rockx::transcript::{
    Document, FORMAT, MAX_REJECTED, RecordedVerdict, StartOutcome, StartReply,
};
use crate::dkg::tracker::View;
use crate::ports::{CeremonyUpdate, Failed};
use crate::types::{
    CeremonyFailure, CeremonyPlan, FailureKind, HeldFor, OperatorId, RequestId, Root, SafeText, Transcript,
    UnixMillis,
};

/// The answer of one operator's node to the start message.
pub(super) type Started = (OperatorId, Delivered);

/// A ceremony while the initiator works on it.
pub(super) struct Ceremony {
    pub(super) host: Arc<Host>,
    /// Whose it is.
    pub(super) held_for: Option<HeldFor>,
    pub(super) id: RequestId,
    pub(super) record: Record,
    pub(super) view: View,
    pub(super) clock: Clock,
    pub(super) subscription: Subscription,
    /// The name under which the observer is subscribed. Every attachment has its own, so that the messenger takes it
    /// for a newcomer who has seen nothing.
    pub(super) observer_name: String,
    pub(super) updates: mpsc::Sender<CeremonyUpdate>,
    pub(super) note: SafeText,
    pub(super) begun: UnixMillis,
    pub(super) start_message: Option<Vec<u8>>,
    pub(super) replies: BTreeMap<OperatorId, StartReply>,
    /// Operators that certainly did not start.
    pub(super) not_started: BTreeMap<OperatorId, SafeText>,
    pub(super) rejected: Vec<SafeText>,
    /// What the messenger stored, verbatim.
    pub(super) stored: Option<Vec<u8>>,
    /// The messenger does not know the topic any more, so nothing more can be delivered.
    pub(super) topic_lost: bool,
    /// Why the messenger does not tell the topic, while it is waited for.
    pub(super) topic_away: Option<SafeText>,
    /// The dealings were compared with the validator key.
    pub(super) summed_up: bool,
}

impl Ceremony {
    /// Checks the plan, reads the participants' keys, and opens the observer's stream.
    pub(super) fn open(
        host: &Arc<Host>,
        id: RequestId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
        (view, held_for): (View, Option<HeldFor>),
    ) -> Result<Self, Box<Failed>> {
        let begun = UnixMillis::now();
        let refuse = |culprits, reason| refused(held_for, id, plan, (view, begun), culprits, reason);
        validate(plan).map_err(|reason| refuse(Vec::new(), reason))?;
        let unknown = unknown_operators(plan, host.directory());
        if !unknown.is_empty() {
            let reason = format!("not in the directory of operators: {}", list(&unknown));
            return Err(refuse(unknown, reason.into()));
        }
        let keys = operator_keys(host, plan).map_err(|(who, reason)| refuse(vec![who], reason))?;
        let subscription = host.observer.subscribe(id, keys.clone()).ok_or_else(|| {
            refuse(
                Vec::new(),
                format!("request id {id} is in use in this process").into(),
            )
        })?;
        let clock = Clock::new(
            host.config.round_deadline,
            host.config.total_deadline,
            Instant::now(),
        );
        Ok(Self {
            host: host.clone(),
            held_for,
            id,
            record: Record::new(id, plan, keys, view),
            view,
            clock,
            subscription,
            observer_name: format!("observer-{}", hex::encode(rand::random::<[u8; 4]>())),
            updates,
            note: SafeText::default(),
            begun,
            start_message: None,
            replies: BTreeMap::new(),
            not_started: BTreeMap::new(),
            rejected: Vec::new(),
            stored: None,
            topic_lost: false,
            topic_away: None,
            summed_up: false,
        })
    }

    /// Sends the start message to every participant at the same time.
    pub(super) fn begin(&mut self) -> Result<JoinSet<Started>, CeremonyFailure> {
        let message = signed(
            self.id,
            self.record.plan(),
            self.host.config.signing_key.as_deref(),
        )
        .map_err(|error| not_started(Vec::new(), format!("signing the start message: {error}")))?;
        let body: Arc<[u8]> = message.to_ssv().into();
        self.start_message = Some(body.to_vec());
        self.record.tracker.starting();
        self.publish("start message sent");
        let mut starts = JoinSet::new();
        for (id, endpoint) in self.host.endpoints(&self.record.plan().participants()) {
            let (http, body) = (self.host.http.clone(), body.clone());
            let deadline = self.host.config.round_deadline;
            starts.spawn(async move { (id, deliver(&http, &endpoint, &body, deadline).await) });
        }
        Ok(starts)
    }

    /// An operator's answer to the start message.
    pub(super) fn replied(
        &mut self,
        (
            id,
            Delivered {
                status,
                outcome,
                text,
            },
        ): Started,
    ) {
        let at = UnixMillis::now();
        let reply = StartReply {
            at,
            outcome,
            status,
            text,
        };
        match outcome {
            StartOutcome::Started => self.record.tracker.arrived(id, Round::Started.id(), at),
            StartOutcome::Refused => {
                let note = format!("refused to start: {}", reply.text);
                self.record.tracker.failing(id, note);
            }
            StartOutcome::Unreachable | StartOutcome::Unanswered => {
                self.record.tracker.failing(id, reply.text.clone());
            }
        }
        if reply.did_not_start() {
            self.not_started.insert(id, reply.text.clone());
        }
        self.replies.insert(id, reply);
    }

    /// Subscribes again after the messenger, or this process, was away.
    pub(super) async fn resubscribe(&mut self) {
        let address = self.host.observer_address(self.id);
        let observer = std::slice::from_ref(&self.observer_name);
        self.topic_away = None;
        match self.host.messenger.topic(self.id, observer).await {
            Ok(None) => self.topic_lost = true,
            Ok(Some(topic)) if address_of(&topic, &self.observer_name) == Some(address.as_str()) => {
                self.topic_lost = false;
            }
            Ok(Some(_)) => {
                self.topic_lost = false;
                let name = &self.observer_name;
                if let Err(error) = self.host.messenger.subscribe(self.id, name, &address).await {
                    tracing::warn!(target: "dkg::initiator", request = %self.id, %error, "not subscribed");
                }
            }
            Err(error) => {
                tracing::debug!(target: "dkg::initiator", request = %self.id, %error, "no topic read");
                // whoever tells something else of it is there, and no time is given for it
                if error.is_away() && !error.is_malformed() {
                    self.topic_away = Some(SafeText::new(&error.to_string()));
                    self.clock.pause();
                }
            }
        }
    }

    /// Something arrived that is not by a participant of this ceremony. It accuses nobody.
    pub(super) fn reject(&mut self, why: impl Into<SafeText>) {
        let why = why.into();
        tracing::debug!(target: "dkg::initiator", request = %self.id, message = %why, "not taken");
        if self.rejected.len() < MAX_REJECTED {
            self.rejected.push(why);
        }
    }

    /// The picture of this moment.
    pub(super) fn picture(&self) -> CeremonyUpdate {
        let at = UnixMillis::now();
        let gate = self.record.tracker.gate();
        CeremonyUpdate {
            request_id: self.id,
            at,
            step: gate.map(|gate| gate.step.id),
            deadline: self
                .clock
                .round_ends()
                .map(|end| at.plus(end.saturating_duration_since(Instant::now()))),
            operators: self.record.tracker.progress().clone(),
            note: self.note.clone(),
        }
    }

    /// Shows the present state; a full channel has older pictures of the same, so nothing is lost.
    pub(super) fn publish(&mut self, note: impl Into<SafeText>) {
        self.note = note.into();
        let _ = self.updates.try_send(self.picture());
    }
}

/// A ceremony that cannot even be opened.
fn refused(
    held_for: Option<HeldFor>,
    id: RequestId,
    plan: &CeremonyPlan,
    (view, at): (View, UnixMillis),
    culprits: Vec<OperatorId>,
    reason: SafeText,
) -> Box<Failed> {
    // what an earlier process started cannot be taken back by a new configuration
    let kind = match view {
        View::Whole => FailureKind::NotStarted,
        View::Late => FailureKind::Unknown,
    };
    let failure = failure(kind, None, culprits, reason);
    let record = Record::new(id, plan, BTreeMap::new(), view);
    let document = Document {
        format: FORMAT,
        request_id: id,
        held_for,
        plan: plan.clone(),
        operators: BTreeMap::new(),
        attached: view == View::Late,
        started_at: at,
        ended_at: at,
        start_message: None,
        replies: BTreeMap::new(),
        messages: Vec::new(),
        rejected: Vec::new(),
        stored: None,
        verdict: RecordedVerdict::Failed {
            failure: failure.clone(),
        },
        digest: Root::default(),
    };
    Box::new(Failed {
        failure,
        progress: record.tracker.progress().clone(),
        transcript: Transcript::from(&document.sealed()),
        is_evidence: view == View::Whole,
    })
}

fn operator_keys(
    host: &Host,
    plan: &CeremonyPlan,
) -> Result<BTreeMap<OperatorId, OperatorPublicKey>, (OperatorId, SafeText)> {
    plan.participants()
        .into_iter()
        .filter_map(|id| Some((id, host.directory().get(&id)?)))
        .map(|(id, record)| {
            let key = OperatorPublicKey::parse(&record.public_key)
                .map_err(|error| (id, format!("public key of operator {id}: {error}").into()))?;
            Ok((id, key))
        })
        .collect()
}
