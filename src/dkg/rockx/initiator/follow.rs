//! Following a running ceremony: one loop that owns its state, and decides after everything that happens whether the
//! ceremony is over.

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::ahead::Ahead;
use super::ceremony::{Ceremony, Started};
use super::clock::Expiry;
use super::http::CallError;
use super::observer::Arrival;
use super::poll::Poll;
use crate::dkg::rockx::judgement::{
    Accepted, BlameVerdict, Source, Taken, accept, accept_verified, combine, failure, judge_stored, swallowed,
};
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::wire::{DataStore, Decode};
use crate::dkg::tracker::View;
use crate::lane;
use crate::log_limit::LogLimit;
use crate::types::{CeremonyFailure, CeremonyKind, FailureKind, UnixMillis};

/// Lines about a messenger that comes and goes with every question.
static GONE: LogLimit = LogLimit::slow();

type End = Result<Accepted, CeremonyFailure>;

impl Ceremony {
    /// Until there is a verified result, a proof of misconduct, or no time left.
    pub(super) async fn follow(&mut self, mut starts: JoinSet<Started>) -> End {
        let mut poll = Poll::new(self.host.messenger.clone(), self.id);
        if self.view == View::Late {
            poll.hurry();
        }
        // the verdict on the stored result, while there is hope that the messenger comes to a better one
        let mut refused: Option<CeremonyFailure> = None;
        // a stored result that was not judged yet, and whether to judge it although messages are missing
        let (mut pending, mut ripe) = (false, false);
        let mut hurried = false;
        let mut ahead: Option<Ahead> = None;
        loop {
            let (wake, expiry) = self.clock.next();
            tokio::select! {
                arrival = self.subscription.next() => {
                    self.arrived(&arrival);
                    while let Some(arrival) = self.subscription.ready() {
                        self.arrived(&arrival);
                    }
                }
                Some(joined) = starts.join_next() => match joined {
                    Ok(started) => self.replied(started),
                    Err(error) => tracing::error!(target: "dkg::initiator", %error, "start task"),
                },
                answer = poll.next() => {
                    if self.polled(answer).await {
                        (refused, pending, ripe) = (None, true, false);
                    }
                }
                () = sleep_until(wake) => match expiry {
                    Expiry::Grace => ripe = true,
                    Expiry::Settle => return self.settled(refused).await,
                    Expiry::Round | Expiry::Total => {
                        if let Some(end) = self.round_over(expiry, refused.as_ref()).await {
                            return end;
                        }
                        pending |= self.stored.is_some() && refused.is_none();
                    }
                },
            }
            let complete = self.waits();
            if let Some(end) = self.proven(starts.is_empty()) {
                return end;
            }
            if pending && (complete || ripe) {
                pending = false;
                self.clock.result_judged();
                match self.judge_stored(ahead.take()).await {
                    Some(Ok(accepted)) => return Ok(accepted),
                    Some(Err(why)) => {
                        self.note = format!("not accepted, asking again: {}", why.reason).into();
                        refused = Some(why);
                    }
                    None => {}
                }
            }
            if complete && !hurried {
                hurried = true;
                poll.hurry();
                ahead = Some(Ahead::begin(&self.record));
            }
            let note = self.note.clone();
            self.publish(note);
        }
    }

    fn arrived(&mut self, arrival: &Arrival) {
        match self.record.take(&arrival.raw, arrival.at) {
            Ok(Taken::New { sender, note }) => {
                tracing::debug!(target: "dkg::initiator", request = %self.id, operator = %sender, message = %note);
                self.note = note;
                if self.view == View::Late {
                    self.clock.restart_round(Instant::now());
                }
            }
            Ok(Taken::Known) => {}
            Err(why) => self.reject(why.to_string()),
        }
    }

    /// The messenger's answer to a question for the result. True when it has stored something new.
    async fn polled(&mut self, answer: Result<Option<Vec<u8>>, CallError>) -> bool {
        let now = Instant::now();
        let answer = match self.is_of_another(&answer).await {
            Some(error) => Err(error),
            None => answer,
        };
        match answer {
            Err(error) if error.is_away() => {
                if !self.clock.is_paused() {
                    if let Some(left_out) = GONE.line() {
                        tracing::warn!(target: "dkg::initiator", request = %self.id, %error, left_out, "the messenger is gone");
                    }
                    self.note = format!("the messenger {error}; waiting for it").into();
                    self.clock.pause();
                }
                false
            }
            Err(error) => {
                self.note = format!("the messenger {error}").into();
                false
            }
            Ok(data) => {
                if self.clock.is_paused() {
                    self.came_back(now).await;
                }
                let Some(raw) = data else { return false };
                if self.stored.as_ref() == Some(&raw) {
                    return false;
                }
                if let Ok(store) = DataStore::from_json(&raw)
                    && let Some(Taken::New { note, .. }) =
                        self.record.take_stored_blame(&store, UnixMillis::now())
                {
                    self.note = note;
                }
                self.stored = Some(raw);
                self.clock.result_stored(now);
                true
            }
        }
    }

    /// The messenger answers again. The round's time goes on once it tells the topic, too: with each answer it would begin anew
    /// otherwise, and never end.
    async fn came_back(&mut self, now: Instant) {
        self.resubscribe().await;
        self.note = match &self.topic_away {
            Some(error) => format!(
                "the messenger answers for the result, and not for the topic: it {error}; waiting for it"
            )
            .into(),
            None => {
                self.clock.resume(now);
                "the messenger is back".into()
            }
        };
    }

    /// A page in place of a result: why it is not the messenger's, where a messenger does not answer to its own name either.
    /// One that does has been given that page to store, and nobody waits for another one.
    async fn is_of_another(&self, answer: &Result<Option<Vec<u8>>, CallError>) -> Option<CallError> {
        let Ok(Some(page)) = answer else { return None };
        if self.stored.as_ref() == Some(page) || DataStore::from_json(page).is_ok() {
            return None;
        }
        self.host.messenger.ping().await.err()
    }

    /// What ends the ceremony whatever else may come.
    fn proven(&mut self, all_answered: bool) -> Option<End> {
        let kind = self.record.plan().kind();
        if kind == CeremonyKind::Sign {
            let threshold = self.record.threshold();
            let committee = self.record.plan().committee();
            let bad = self.record.tracker.culprits();
            if committee.len() - bad.len() < threshold {
                return Some(Err(self.record.blamed_failure()));
            }
            // the nodes wait for all, or stumble over a bad partial signature: nothing better can come
            let signed = self.record.tracker.seen(&Round::Preparation.id());
            let hopeless = !bad.is_empty() || (all_answered && !self.not_started.is_empty());
            let all_heard = committee
                .iter()
                .all(|id| signed.contains(id) || self.not_started.contains_key(id));
            if hopeless
                && all_heard
                && self.record.partials().len() >= threshold
                && let Ok(accepted) = combine(&self.record)
            {
                return Some(Ok(accepted));
            }
            return self.stillborn(all_answered);
        }
        if !self.record.faults().is_empty()
            || self.record.blames_judged(BlameVerdict::Proven).next().is_some()
        {
            return Some(Err(self.record.blamed_failure()));
        }
        if let Some(failure) = self.record.left_open(UnixMillis::now()) {
            return Some(Err(failure));
        }
        if !self.summed_up && self.record.tracker.complete(&Round::Round1.id()) {
            self.summed_up = true;
            if let Some(failure) = self.record.other_key_failure() {
                return Some(Err(failure));
            }
        }
        self.stillborn(all_answered)
    }

    fn stillborn(&self, all_answered: bool) -> Option<End> {
        (all_answered && self.record.is_stillborn(&self.not_started))
            .then(|| Err(self.record.stillborn_failure(&self.not_started)))
    }

    /// Looks at what the messenger stored; `None` when it holds no outputs.
    async fn judge_stored(&self, ahead: Option<Ahead>) -> Option<End> {
        let raw = self.stored.clone()?;
        let evidence = self.record.evidence.clone();
        if let Some(ahead) = ahead
            && let Ok(store) = DataStore::from_json(&raw)
            && let Some(outputs) = &store.dkg_outputs.0
            && let Some(verification) = ahead.of(&evidence, outputs).await
        {
            return Some(accept_verified(&evidence, verification, Source::Messenger));
        }
        aside(move || judge_stored(&evidence, &raw)).await
    }

    /// Every output was seen, and the messenger has not stored them, or has stored something else. What the operators
    /// signed counts, whatever anybody has stored: a forged result takes nothing from a true one. Where the observed
    /// outputs do not verify either, the first verdict stands.
    async fn settled(&self, refused: Option<CeremonyFailure>) -> End {
        let (evidence, outputs) = (self.record.evidence.clone(), self.record.outputs());
        let observed = aside(move || Some(accept(&evidence, &outputs, Source::Observed)))
            .await
            .unwrap_or_else(|| Err(unknown("the outputs were not verified")));
        match (observed, refused) {
            (Err(_), Some(why)) => Err(why),
            (observed, Some(why)) => {
                tracing::warn!(target: "dkg::initiator", request = %self.id, why = %why.reason,
                    "the messenger's result is not the operators': what they were seen to sign counts");
                observed
            }
            (observed, None) => observed,
        }
    }

    /// A round was not complete in time. `None`: there is still something to wait for.
    async fn round_over(&mut self, expiry: Expiry, refused: Option<&CeremonyFailure>) -> Option<End> {
        if self.record.plan().kind() == CeremonyKind::Sign
            && self.record.partials().len() >= self.record.threshold()
            && let Ok(accepted) = combine(&self.record)
        {
            if let Some(gate) = self.record.tracker.gate() {
                self.record.tracker.expired(&gate);
            }
            return Some(Ok(accepted));
        }
        if expiry == Expiry::Round && !self.clock.is_paused() {
            // nobody is named while the messenger may be the cause
            let answer = self.host.messenger.data(self.id).await;
            let nothing = matches!(&answer, Ok(data) if has_no_outputs(data.as_deref()));
            if self.polled(answer).await {
                self.clock.restart_round(Instant::now());
                return None;
            }
            if !self.clock.is_paused() {
                self.resubscribe().await;
            }
            if self.clock.is_paused() {
                return None;
            }
            if nothing && self.topic_lost {
                return Some(Err(match refused {
                    Some(why) => why.clone(),
                    None => self.lost().await,
                }));
            }
        }
        if let Some(why) = refused {
            return Some(Err(why.clone()));
        }
        if self.clock.is_paused() {
            return Some(Err(unknown(&match &self.topic_away {
                Some(error) => format!("the messenger does not tell the ceremony's topic: it {error}"),
                None => "the messenger does not answer: whether the ceremony ended could not be found out"
                    .to_owned(),
            })));
        }
        if self.topic_lost {
            return Some(Err(unknown(
                "the messenger has lost the topic, so the operators' messages go nowhere",
            )));
        }
        let Some(gate) = self.record.tracker.gate() else {
            return Some(Err(unknown(
                "no result, and no message since this process was attached",
            )));
        };
        let failure = self.record.expired_failure(&gate, &self.not_started);
        if failure.kind == FailureKind::Timeout && self.may_be_swallowed() {
            return Some(Err(swallowed(failure)));
        }
        self.record.tracker.expired(&gate);
        Some(Err(failure))
    }

    /// Whether it is a messenger that has neither the topic nor a result: a web server in its place, or a proxy before it
    /// while it restarts, answers 404 to everything.
    async fn lost(&self) -> CeremonyFailure {
        let messenger = &self.host.messenger;
        if let Err(error) = messenger.ping().await {
            return unknown(&format!(
                "404 for the topic and for the result, and what says so is no messenger now: {error}"
            ));
        }
        // it may have come back after these two answers
        match tokio::join!(messenger.topic(self.id, &[]), messenger.data(self.id)) {
            (Ok(None), Ok(data)) if has_no_outputs(data.as_deref()) => lost(),
            _ => unknown("the messenger was away, and its address answered 404 meanwhile"),
        }
    }

    /// Has the clock wait for what is missing now. Gives whether every output was seen.
    fn waits(&mut self) -> bool {
        let tracker = &self.record.tracker;
        let gate = tracker.gate();
        let is_whole = gate
            .as_ref()
            .is_none_or(|gate| tracker.is_whole_before(&gate.step.id));
        let complete = tracker.complete(&Round::Output.id());
        self.clock
            .waits_for(gate.as_ref(), is_whole, complete, Instant::now());
        complete
    }

    /// What was sent while the messenger was away may be lost: RockX's nodes send nothing twice. Ours was away while this
    /// process was.
    fn may_be_swallowed(&self) -> bool {
        let away_with_us = self.view == View::Late && self.host.config.messenger_is_ours;
        away_with_us || self.clock.was_paused()
    }
}

/// Runs a verification (pairings: tens of milliseconds) off the threads that serve the observer.
async fn aside(verify: impl FnOnce() -> Option<End> + Send + 'static) -> Option<End> {
    lane::blocking(verify).await.unwrap_or_else(|error| {
        Some(Err(failure(
            FailureKind::Refused,
            None,
            Vec::new(),
            format!("the verification did not end: {error}"),
        )))
    })
}

/// Whether the messenger tells no operator's result: a report that somebody gave up, or accuses somebody, is none, and nobody's
/// report keeps waiting what can no longer come.
fn has_no_outputs(data: Option<&[u8]>) -> bool {
    data.is_none_or(|text| DataStore::from_json(text).is_ok_and(|stored| stored.dkg_outputs.is_empty()))
}

/// The messenger was just asked for both: what was not stored by now has nowhere to come from.
fn lost() -> CeremonyFailure {
    failure(
        FailureKind::Lost,
        None,
        Vec::new(),
        "the messenger has neither the topic nor a result: nothing can be delivered, so no result can come",
    )
}

fn unknown(reason: &str) -> CeremonyFailure {
    failure(FailureKind::Unknown, None, Vec::new(), reason)
}
