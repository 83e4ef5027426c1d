//! A lane: what one subscriber of one topic still has to get, in which order, and what its answers mean.
//!
//! Pure data and rules; the worker that delivers is in `worker.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::config::Limits;
use super::message::{Message, Rank};
use crate::types::{SafeText, UnixMillis};

/// What came of one delivery attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DeliveryResult {
    /// The subscriber took it.
    Delivered,
    /// It has no such session: not started yet, or finished and forgotten.
    NoSession,
    /// It has the session and will take the message later.
    TooEarly,
    /// It will never take it.
    Final(SafeText),
    /// It answered with an error of unknown meaning.
    Failed(SafeText),
    /// No answer.
    Unreachable(SafeText),
}

/// What becomes of a message after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DeliveryOutcome {
    /// Off the lane: delivered.
    Delivered,
    /// Off the lane: given up.
    Dropped(SafeText),
    /// Stays at the head; again after this pause, or earlier when the subscriber shows life.
    Again(Duration),
}

/// Deliveries to one subscriber of one topic.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// By round, then by arrival: within a session the rounds that a subscriber sees never go backwards unless a
    /// message of an earlier round is published after later ones were delivered.
    pending: BTreeMap<(Rank, u64), Arc<Message>>,
    /// The subscriber took a message of this topic: it has, or had, the session.
    pub(super) answered: bool,
    /// A worker is on this lane.
    pub(super) running: bool,
    /// Wakes the worker out of its pause.
    pub(super) wake: Arc<Notify>,
    head: Option<(Rank, u64)>,
    /// Errors of unknown meaning for the head.
    errors: u32,
    /// Pauses since the last sign of life; the next one is twice as long.
    pauses: u32,
}

impl Lane {
    /// Adds a message.
    pub(super) fn push(&mut self, message: Arc<Message>) {
        self.pending.insert((message.rank, message.seq), message);
    }

    /// The message to deliver next.
    pub(super) fn next(&mut self) -> Option<Arc<Message>> {
        let (key, message) = self.pending.first_key_value()?;
        if self.head != Some(*key) {
            self.head = Some(*key);
            self.errors = 0;
            self.pauses = 0;
        }
        Some(Arc::clone(message))
    }

    /// Deliveries waiting.
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Forgets everything that waits.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.wake.notify_one();
    }

    /// The subscriber did something: what it did not take before, it may take now.
    pub(super) fn sign_of_life(&mut self) {
        self.pauses = 0;
        if self.running {
            self.wake.notify_one();
        }
    }

    /// Judges an attempt to deliver `message`. `finished`: the topic has a result.
    pub(super) fn settle(
        &mut self,
        message: &Message,
        outcome: DeliveryResult,
        finished: bool,
        now: UnixMillis,
        limits: &Limits,
    ) -> DeliveryOutcome {
        let key = (message.rank, message.seq);
        let fate = self.judge(message, outcome, finished, now, limits);
        match fate {
            DeliveryOutcome::Delivered => {
                self.answered = true;
                self.pending.remove(&key);
            }
            DeliveryOutcome::Dropped(_) => {
                self.pending.remove(&key);
            }
            DeliveryOutcome::Again(_) => {}
        }
        fate
    }

    fn judge(
        &mut self,
        message: &Message,
        outcome: DeliveryResult,
        finished: bool,
        now: UnixMillis,
        limits: &Limits,
    ) -> DeliveryOutcome {
        let expired = now.since(message.at) >= limits.delivery_ttl;
        match outcome {
            DeliveryResult::Delivered => DeliveryOutcome::Delivered,
            DeliveryResult::Final(reason) => DeliveryOutcome::Dropped(reason),
            DeliveryResult::NoSession if finished => DeliveryOutcome::Dropped("the session is over".into()),
            DeliveryResult::NoSession if !self.answered && !expired => self.pause(limits),
            DeliveryResult::NoSession => self.error("the session is gone".into(), limits),
            DeliveryResult::TooEarly | DeliveryResult::Unreachable(_) if !expired => self.pause(limits),
            DeliveryResult::TooEarly => DeliveryOutcome::Dropped("not taken in time".into()),
            DeliveryResult::Unreachable(reason) => DeliveryOutcome::Dropped(reason),
            DeliveryResult::Failed(reason) => self.error(reason, limits),
        }
    }

    fn error(&mut self, reason: SafeText, limits: &Limits) -> DeliveryOutcome {
        self.errors += 1;
        if self.errors >= limits.error_attempts {
            return DeliveryOutcome::Dropped(reason);
        }
        self.pause(limits)
    }

    fn pause(&mut self, limits: &Limits) -> DeliveryOutcome {
        let pause = limits
            .backoff_first
            .saturating_mul(1u32.checked_shl(self.pauses).unwrap_or(u32::MAX))
            .min(limits.backoff_max);
        self.pauses = self.pauses.saturating_add(1);
        DeliveryOutcome::Again(pause)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;
    use crate::types::OperatorId;

    fn message(seq: u64, rank: Rank) -> Arc<Message> {
        Arc::new(Message {
            seq,
            signer: OperatorId(1),
            rank,
            at: UnixMillis(0),
            body: Bytes::new(),
        })
    }

    #[test]
    fn earlier_rounds_go_first_and_the_head_stays_until_it_is_settled() {
        let limits = Limits::default();
        let mut lane = Lane::default();
        lane.push(message(0, Rank::Round1));
        lane.push(message(1, Rank::Preparation));
        lane.push(message(2, Rank::Preparation));
        let head = lane.next().unwrap();
        assert_eq!(head.seq, 1);
        let again = lane.settle(
            &head,
            DeliveryResult::Failed("x".into()),
            false,
            UnixMillis(1),
            &limits,
        );
        assert_eq!(again, DeliveryOutcome::Again(limits.backoff_first));
        assert_eq!(lane.next().unwrap().seq, 1, "a failed message keeps its place");
        lane.settle(&head, DeliveryResult::Delivered, false, UnixMillis(1), &limits);
        assert_eq!(lane.next().unwrap().seq, 2);
        let head = lane.next().unwrap();
        lane.settle(
            &head,
            DeliveryResult::Final("no".into()),
            false,
            UnixMillis(1),
            &limits,
        );
        assert_eq!(lane.next().unwrap().seq, 0);
    }

    #[test]
    fn no_session_is_held_before_any_success_and_dropped_after_the_result() {
        let limits = Limits::default();
        let mut lane = Lane::default();
        let head = message(0, Rank::Preparation);
        lane.push(Arc::clone(&head));
        lane.next();
        for _ in 0..100 {
            let fate = lane.settle(&head, DeliveryResult::NoSession, false, UnixMillis(1), &limits);
            assert!(matches!(fate, DeliveryOutcome::Again(pause) if pause <= limits.backoff_max));
        }
        assert_eq!(
            lane.settle(&head, DeliveryResult::NoSession, false, UnixMillis(1), &limits),
            DeliveryOutcome::Again(limits.backoff_max)
        );
        lane.sign_of_life();
        assert_eq!(
            lane.settle(&head, DeliveryResult::NoSession, false, UnixMillis(1), &limits),
            DeliveryOutcome::Again(limits.backoff_first)
        );
        let fate = lane.settle(&head, DeliveryResult::NoSession, true, UnixMillis(1), &limits);
        assert!(matches!(fate, DeliveryOutcome::Dropped(_)));
        assert_eq!(lane.len(), 0);
    }

    #[test]
    fn errors_are_counted_and_silence_is_waited_out() {
        let limits = Limits::default();
        let mut lane = Lane::default();
        let head = message(0, Rank::Output);
        lane.push(Arc::clone(&head));
        lane.next();
        for _ in 1..limits.error_attempts {
            // signs of life shorten the pause, they do not buy further attempts
            lane.sign_of_life();
            let fate = lane.settle(
                &head,
                DeliveryResult::Failed("x".into()),
                false,
                UnixMillis(1),
                &limits,
            );
            assert!(matches!(fate, DeliveryOutcome::Again(_)));
            let fate = lane.settle(
                &head,
                DeliveryResult::Unreachable("y".into()),
                false,
                UnixMillis(1),
                &limits,
            );
            assert!(matches!(fate, DeliveryOutcome::Again(_)));
        }
        let fate = lane.settle(
            &head,
            DeliveryResult::Failed("x".into()),
            false,
            UnixMillis(1),
            &limits,
        );
        assert_eq!(fate, DeliveryOutcome::Dropped("x".into()));

        lane.push(Arc::clone(&head));
        let late = UnixMillis(0).plus(limits.delivery_ttl);
        let fate = lane.settle(
            &head,
            DeliveryResult::Unreachable("y".into()),
            false,
            late,
            &limits,
        );
        assert_eq!(fate, DeliveryOutcome::Dropped("y".into()));
    }
}
