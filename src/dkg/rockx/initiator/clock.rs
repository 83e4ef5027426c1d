//! When the initiator stops waiting. Told the time, so that it can be tested without waiting.

use std::time::Duration;

use tokio::time::Instant;

use crate::dkg::tracker::Gate;
use crate::types::StepId;

/// After every message was seen, the messenger gets this long to store the result.
const SETTLE: Duration = Duration::from_secs(10);
/// After the messenger stored a result, messages that are still on their way to the observer get this long.
const GRACE: Duration = Duration::from_millis(1500);

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    /// The time of the round that is waited for; attached late, the time without any message.
    Round,
    /// The time for the messenger to store what everybody has signed.
    Settle,
    /// The time for messages that are still on their way.
    Grace,
    /// The time of the whole ceremony.
    Total,
}

/// The deadlines of one ceremony.
#[derive(Debug)]
pub(super) struct Clock {
    round_deadline: Duration,
    total: Instant,
    /// The round that is waited for, and since when.
    waiting: (Option<StepId>, Instant),
    /// Since when all messages are there.
    complete: Option<Instant>,
    /// Since when there is a stored result that was not looked at yet.
    stored: Option<Instant>,
    /// The messenger does not answer: nobody can be late while nothing can be delivered.
    paused: bool,
    /// It was so at any time of the round that is waited for, or of one before of which not every message was seen.
    was_paused: bool,
}

impl Clock {
    pub(super) fn new(round_deadline: Duration, total_deadline: Duration, now: Instant) -> Self {
        Self {
            round_deadline,
            total: now + total_deadline,
            waiting: (None, now),
            complete: None,
            stored: None,
            paused: false,
            was_paused: false,
        }
    }

    /// Something happened: the ceremony now waits for `gate`. A round's time begins when the one before is complete.
    /// Where not every message of the rounds before was seen (`is_whole`), those of this one may have been kept with them.
    pub(super) fn waits_for(&mut self, gate: Option<&Gate>, is_whole: bool, complete: bool, now: Instant) {
        let step = gate.map(|gate| &gate.step.id);
        if self.waiting.0.as_ref() != step {
            self.waiting = (step.cloned(), now);
            self.was_paused = self.paused || (self.was_paused && !is_whole);
        }
        if complete && self.complete.is_none() {
            self.complete = Some(now);
        }
    }

    /// The round's time begins anew.
    pub(super) fn restart_round(&mut self, now: Instant) {
        self.waiting.1 = now;
    }

    pub(super) fn result_stored(&mut self, now: Instant) {
        self.stored = Some(now);
    }

    pub(super) fn result_judged(&mut self) {
        self.stored = None;
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
        self.was_paused = true;
    }

    pub(super) fn resume(&mut self, now: Instant) {
        if std::mem::take(&mut self.paused) {
            self.restart_round(now);
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether the messenger was away in the round that is waited for, so that what was sent meanwhile may be lost.
    pub(super) fn was_paused(&self) -> bool {
        self.was_paused
    }

    /// When the round that is waited for must be complete.
    pub(super) fn round_ends(&self) -> Option<Instant> {
        (!self.paused && self.complete.is_none()).then(|| self.waiting.1 + self.round_deadline)
    }

    /// What runs out first, and when.
    pub(super) fn next(&self) -> (Instant, Expiry) {
        let settle = SETTLE.min(self.round_deadline);
        let grace = GRACE.min(self.round_deadline / 2);
        [
            self.round_ends().map(|at| (at, Expiry::Round)),
            self.complete.map(|since| (since + settle, Expiry::Settle)),
            self.stored.map(|since| (since + grace, Expiry::Grace)),
        ]
        .into_iter()
        .flatten()
        .fold((self.total, Expiry::Total), |first, other| {
            if other.0 < first.0 { other } else { first }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::rockx::round::Round;
    use crate::types::{CeremonyStep, Follows};

    fn gate(round: Round) -> Gate {
        Gate {
            step: CeremonyStep {
                id: round.id(),
                title: round.to_string().into(),
                short: Vec::new(),
                senders: Vec::new(),
                follows: Follows::All,
            },
            missing: Vec::new(),
        }
    }

    #[test]
    fn each_round_has_its_own_time_and_a_dead_messenger_stops_it() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut clock = Clock::new(Duration::from_secs(60), Duration::from_secs(600), begun);
        clock.waits_for(Some(&gate(Round::Preparation)), true, false, at(0));
        clock.waits_for(Some(&gate(Round::Preparation)), true, false, at(40));
        assert_eq!(clock.next(), (at(60), Expiry::Round));
        clock.waits_for(Some(&gate(Round::Round1)), true, false, at(40));
        assert_eq!(clock.next(), (at(100), Expiry::Round));
        clock.pause();
        assert_eq!(clock.next(), (at(600), Expiry::Total));
        clock.resume(at(140));
        assert_eq!(clock.next(), (at(200), Expiry::Round));
        clock.waits_for(None, true, true, at(140));
        assert_eq!(clock.next(), (at(150), Expiry::Settle));
        clock.result_stored(at(140));
        assert_eq!(clock.next(), (at(140) + GRACE, Expiry::Grace));
        clock.result_judged();
        assert_eq!(clock.next().1, Expiry::Settle);
    }

    #[test]
    fn a_messenger_that_was_away_excuses_the_round_in_which_it_was_and_no_later_one() {
        let begun = Instant::now();
        let mut clock = Clock::new(Duration::from_secs(60), Duration::from_secs(600), begun);
        clock.waits_for(Some(&gate(Round::Preparation)), true, false, begun);
        assert!(!clock.was_paused());
        clock.pause();
        clock.resume(begun);
        clock.waits_for(Some(&gate(Round::Preparation)), true, false, begun);
        assert!(clock.was_paused(), "in the round that is waited for");
        clock.waits_for(Some(&gate(Round::Round1)), true, false, begun);
        assert!(!clock.was_paused(), "the round before is complete");
        // what was lost is vouched for by others
        clock.pause();
        clock.resume(begun);
        clock.waits_for(Some(&gate(Round::Round2)), false, false, begun);
        assert!(clock.was_paused(), "what was lost with it may be of this round");
        // still away when the next one begins
        clock.pause();
        clock.waits_for(Some(&gate(Round::Output)), true, false, begun);
        clock.resume(begun);
        assert!(clock.was_paused());
    }
}
