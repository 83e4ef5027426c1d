//! How often an endpoint may be asked: so many calls a second, and not at all while it asks to be left alone.
//!
//! Where its limit is lower than ours, it is found out by what it answers. When it refuses a call it is left alone for a
//! while, like a circuit that a breaker has opened; then one call alone tries whether it answers again, and the others wait
//! for what comes of it. An answer lets everybody on, at half the pace at which the endpoint answered before it refused; a
//! refusal doubles the pause. The pace grows again as long as nothing is refused.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;

/// An endpoint that does not say how long gets this pause first, and twice as long each time after that.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Doublings of the first pause, at most.
const MAX_DOUBLINGS: u32 = 6;
/// An endpoint that asks for a longer pause is asked again after this all the same, by one call: where there is no other one,
/// nothing is seen meanwhile, and a gateway that says an hour or a day often means less.
pub const MAX_PAUSE: Duration = Duration::from_secs(600);
/// After so many answers since the pause before, a pause is a first one again: the endpoint gets on. More than are under
/// way at the same time, which may all be refused together.
const HEADWAY: u32 = 16;
/// A pause this long after the end of the one before is a first one again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(10);
/// While one call tries an endpoint the others look again after this time whether it is back.
const LOOK: Duration = Duration::from_millis(50);
/// Vendors count calls by the second, or so that it comes to the same.
const WINDOW: Duration = Duration::from_secs(1);
/// Answers within a window that are remembered. Whoever has answered so many is not limited to fewer than [`Budget`]s allow.
const MOST_ANSWERS: usize = 512;
/// An endpoint that answered fewer than this in a window refuses for another reason than our pace.
const FEWEST_ANSWERS: usize = 4;
/// A pace that was lowered rises by a quarter after so much time without a refusal.
const RISES_AFTER: Duration = Duration::from_secs(10);
/// Below the configured pace a turn is waited for so long at most: another endpoint may be free.
const LONGEST_TURN: Duration = Duration::from_secs(1);

/// A token bucket that holds one second's calls, and the pauses that the endpoint asked for.
#[derive(Debug)]
pub(super) struct Budget {
    /// Calls a second; also the most that may come at once.
    rate: f64,
    state: Mutex<State>,
    /// Of a test: time stands still there until it is put forward.
    #[cfg(test)]
    clock: Option<Mutex<Instant>>,
}

#[derive(Debug)]
struct State {
    /// Calls a second now: the configured rate, or less where the endpoint takes less.
    pace: f64,
    /// When it was lowered or raised.
    pace_changed: Instant,
    /// Negative when callers wait already: each has reserved its turn.
    tokens: f64,
    filled: Instant,
    /// When the last turn comes, or came, that had to be waited for.
    queued: Option<Instant>,
    paused_until: Option<Instant>,
    /// Pauses in a row.
    pauses: u32,
    /// Answers since the last one.
    answered: u32,
    /// When the newest calls were answered.
    answers: VecDeque<Instant>,
    /// It refused a call, and has answered none that began after that.
    tripped: bool,
    /// The call that tries it after a pause.
    probe: Option<Probe>,
    /// Of the next turn.
    number: u64,
    /// Turns with a lower number began before the last refusal.
    since: u64,
}

#[derive(Debug, Clone, Copy)]
struct Probe {
    turn: u64,
    /// Whoever has not told by then what came of it does not count any more.
    until: Instant,
}

/// What a caller may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Ask, after this time; the turn is reserved. What comes of it is told by its number.
    Take { number: u64, after: Duration },
    /// The budget is used up for this long, which is longer than the caller would wait. Nothing is reserved.
    UsedUp(Duration),
    /// The endpoint wants to be left alone for this long, or somebody tries just now whether it still does.
    Paused(Duration),
}

impl Budget {
    pub(super) fn new(calls_per_second: NonZeroU32) -> Self {
        let rate = f64::from(calls_per_second.get());
        let begun = Instant::now();
        Self {
            rate,
            state: Mutex::new(State {
                pace: rate,
                pace_changed: begun,
                tokens: rate,
                filled: begun,
                queued: None,
                paused_until: None,
                pauses: 0,
                answered: 0,
                answers: VecDeque::new(),
                tripped: false,
                probe: None,
                number: 0,
                since: 0,
            }),
            #[cfg(test)]
            clock: None,
        }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests have a clock of their own")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[cfg(test)]
    fn now(&self) -> Instant {
        let stopped = self.clock.as_ref();
        stopped.map_or_else(Instant::now, |at| *at.lock().unwrap())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn for a caller who waits for `patience` at most, and as long for the answer.
    pub(super) fn turn(&self, patience: Duration) -> Turn {
        let mut state = self.state();
        let now = self.now();
        if let Some(wait) = state.left_alone(now) {
            return Turn::Paused(wait);
        }
        let pace = state.pace;
        let filled = now.saturating_duration_since(state.filled).as_secs_f64() * pace;
        state.tokens = (state.tokens + filled).min(pace);
        state.filled = now;
        let after = match state.tokens {
            enough if enough >= 1.0 => Duration::ZERO,
            short => Duration::from_secs_f64((1.0 - short) / pace),
        };
        let patience_now = match pace < self.rate {
            true => patience.min(LONGEST_TURN),
            false => patience,
        };
        if after > patience_now {
            return Turn::UsedUp(after);
        }
        state.tokens -= 1.0;
        if !after.is_zero() {
            state.queued = Some(now + after);
        }
        let number = state.number;
        state.number += 1;
        if state.tripped {
            let until = now + after + patience;
            state.probe = Some(Probe { turn: number, until });
        }
        Turn::Take { number, after }
    }

    /// The call of this turn was answered.
    pub(super) fn answered(&self, turn: u64) {
        let mut state = self.state();
        let now = self.now();
        state.answers.push_back(now);
        if state.answers.len() > MOST_ANSWERS {
            state.answers.pop_front();
        }
        // what began before the refusal says nothing of how it is after it
        if turn < state.since {
            return;
        }
        state.answered = state.answered.saturating_add(1);
        state.tripped = false;
        state.probe = None;
        if state.pace < self.rate && now.saturating_duration_since(state.pace_changed) >= RISES_AFTER {
            state.pace = (state.pace * 1.25).min(self.rate);
            state.pace_changed = now;
        }
    }

    /// The call of this turn ended without an answer. If it tried whether the endpoint is back, another one tries.
    pub(super) fn given_up(&self, turn: u64) {
        let mut state = self.state();
        state.probe = state.probe.filter(|probe| probe.turn != turn);
    }

    /// To the call of this turn the endpoint said that it is asked too often. Returns how long it is left alone: as long as
    /// it asks, within bounds, and a little more, so that not all callers come back at once.
    pub(super) fn refused(&self, turn: u64, asked: Option<Duration>) -> Duration {
        let mut state = self.state();
        let now = self.now();
        let over = state.paused_until.is_none_or(|until| until <= now);
        if turn < state.since || !over {
            // a call that was under way when another one was refused
            let longer = now + asked.unwrap_or_default().min(MAX_PAUSE);
            let until = state.paused_until.map_or(longer, |until| until.max(longer));
            state.paused_until = Some(until);
            return until - now;
        }
        let again = state
            .paused_until
            .is_some_and(|until| now.saturating_duration_since(until) < FORGIVEN_AFTER)
            && state.answered < HEADWAY;
        state.pauses = if again { state.pauses + 1 } else { 0 };
        state.answered = 0;
        state.tripped = true;
        state.probe = None;
        state.since = state.number;
        let window = if state.slower(now) { WINDOW } else { Duration::ZERO };
        let own = FIRST_PAUSE * 2u32.pow(state.pauses.min(MAX_DOUBLINGS));
        let pause = asked.unwrap_or_default().max(own).max(window).min(MAX_PAUSE);
        let pause = pause.mul_f64(rand::thread_rng().gen_range(1.0..1.25));
        state.paused_until = Some(now + pause);
        pause
    }

    /// A caller waited for its turn within this time, or still does.
    pub(super) fn had_queue(&self, within: Duration) -> bool {
        let now = self.now();
        let queued = self.state().queued;
        queued.is_some_and(|at| at + within > now)
    }

    /// Until when the endpoint is left alone, if it is; while somebody tries it, when to look again.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        let now = self.now();
        self.state().left_alone(now).map(|wait| now + wait)
    }
}

impl State {
    /// For how long nobody else asks it.
    fn left_alone(&self, now: Instant) -> Option<Duration> {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Some(until - now);
        }
        let probe = self.probe.filter(|probe| probe.until > now)?;
        Some(LOOK.min(probe.until - now))
    }

    /// Half as many in a window as it has just answered. A bucket of that many can be emptied and filled within one window,
    /// which comes to what the endpoint took. False where it refuses for another reason; else its window is full, and
    /// nothing is answered before that is over.
    fn slower(&mut self, now: Instant) -> bool {
        let in_window = |at: &&Instant| now.saturating_duration_since(**at) < WINDOW;
        let answered = self.answers.iter().rev().take_while(in_window).count();
        if answered < FEWEST_ANSWERS {
            return false;
        }
        let half = answered as f64 / 2.0 / WINDOW.as_secs_f64();
        self.pace = self.pace.min(half);
        self.pace_changed = now;
        self.tokens = self.tokens.min(self.pace);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: Duration = Duration::from_secs(60);

    fn budget(rate: u32) -> Budget {
        let budget = Budget::new(NonZeroU32::new(rate).unwrap());
        let clock = Some(Mutex::new(Instant::now()));
        Budget { clock, ..budget }
    }

    impl Budget {
        /// Lets `time` pass.
        fn pass(&self, time: Duration) {
            *self.clock.as_ref().unwrap().lock().unwrap() += time;
        }

        /// Ends a pause, and no peace that would count by itself comes after it.
        fn over(&self) {
            let (now, mut state) = (self.now(), self.state());
            state.paused_until = state.paused_until.map(|until| until.min(now));
        }

        /// A turn that is there at once.
        fn take(&self) -> u64 {
            match self.turn(PATIENT) {
                Turn::Take { number, after } if after.is_zero() => number,
                other => panic!("{other:?}"),
            }
        }

        /// One that is refused right after the pause before.
        fn pause(&self, asked: Option<Duration>) -> Duration {
            self.over();
            self.refused(self.take(), asked)
        }
    }

    #[test]
    fn one_seconds_calls_may_come_at_once_and_the_rest_in_turn() {
        let budget = budget(10);
        for _ in 0..10 {
            budget.take();
        }
        let waits: Vec<_> = (0..3).map(|_| budget.turn(PATIENT)).collect();
        for (n, turn) in waits.iter().enumerate() {
            let Turn::Take { after, .. } = turn else {
                panic!("{turn:?}");
            };
            let expected = 100 * (n as u128 + 1);
            assert_eq!(after.as_millis(), expected, "{n}");
        }
        // the last of them is sent in 300 ms
        let second = Duration::from_secs(1);
        assert!(budget.had_queue(second));
        // who would not wait so long reserves nothing
        assert!(matches!(budget.turn(Duration::from_millis(10)), Turn::UsedUp(_)));
        budget.pass(Duration::from_secs(5));
        assert!(!budget.had_queue(second));
        let at_once = |turn| matches!(turn, Turn::Take { after, .. } if after.is_zero());
        let now = (0..20).filter(|_| at_once(budget.turn(PATIENT))).count();
        assert_eq!(now, 10, "what is not used is not saved up");
    }

    #[test]
    fn nobody_is_silent_for_good_because_it_asks_for_that() {
        let pause = budget(1_000).pause(Some(Duration::from_secs(86_400)));
        let bounds = Duration::from_secs(600)..Duration::from_secs(750);
        assert!(bounds.contains(&pause), "{pause:?}");
        let budget = budget(1_000);
        budget.refused(budget.take(), Some(Duration::from_secs(1)));
        // a call that was under way all the same
        let more = budget.refused(0, Some(Duration::from_secs(86_400)));
        assert!(more <= Duration::from_secs(600), "{more:?}");
    }

    #[test]
    fn an_endpoint_is_left_alone_as_long_as_it_asks_within_bounds() {
        let budget = budget(1_000);
        let at_least = |asked: Option<u64>, least: u64| {
            let pause = budget.pause(asked.map(Duration::from_secs)).as_secs_f64();
            let least = least as f64 / 1000.0;
            assert!((least..least * 1.25).contains(&pause), "{asked:?}: {pause}");
            assert!(budget.paused_until().is_some());
            assert!(matches!(budget.turn(PATIENT), Turn::Paused(_)));
        };
        at_least(Some(2), 2_000);
        at_least(Some(600), 600_000);
        // without a word twice as long each time: this is the third in a row
        at_least(None, 1_000);
        at_least(None, 2_000);
        for _ in 0..10 {
            budget.pause(None);
        }
        at_least(None, 16_000);
        // an endpoint that answers a while between its refusals is not left alone for longer and longer
        budget.over();
        budget.answered(budget.take());
        at_least(None, 16_000);
        budget.over();
        for _ in 0..HEADWAY {
            budget.answered(budget.take());
        }
        // they took more than a second, so it is not their number that it refuses
        budget.pass(WINDOW);
        at_least(None, 250);
        // after a while of peace it begins anew
        at_least(None, 500);
        budget.pass(Duration::from_secs(60));
        at_least(None, 250);
    }

    #[test]
    fn calls_that_were_under_way_with_a_refused_one_make_no_other_pause() {
        let budget = budget(1_000);
        let turns: Vec<_> = (0..8).map(|_| budget.take()).collect();
        let first = budget.refused(turns[0], None);
        let left = budget.paused_until();
        for turn in &turns[1..6] {
            budget.refused(*turn, Some(Duration::from_millis(100)));
        }
        assert_eq!(budget.paused_until(), left);
        // nor does one that is refused when the pause is over already
        budget.over();
        assert!(budget.refused(turns[6], None) < first);
        assert_eq!(budget.state().pauses, 0);
        // and that one was answered which began before says nothing
        budget.answered(turns[7]);
        budget.take();
        assert!(matches!(budget.turn(PATIENT), Turn::Paused(_)), "one call tries");
    }

    #[test]
    fn after_a_pause_one_call_tries_and_the_others_wait_for_it() {
        let budget = budget(1_000);
        let is_out = || matches!(budget.turn(PATIENT), Turn::Paused(wait) if wait <= LOOK);
        budget.refused(budget.take(), None);
        budget.over();
        let probe = budget.take();
        assert!(is_out() && is_out());
        assert!(budget.paused_until().is_some());
        // a refusal doubles the pause, and nobody else has asked meanwhile
        let pause = budget.refused(probe, None);
        assert!(pause >= FIRST_PAUSE * 2, "{pause:?}");
        budget.over();
        let probe = budget.take();
        assert!(is_out());
        budget.answered(probe);
        assert_eq!(budget.paused_until(), None);
        for _ in 0..8 {
            budget.take();
        }
    }

    #[test]
    fn a_call_that_is_given_up_is_not_waited_for() {
        let budget = budget(1_000);
        budget.refused(budget.take(), None);
        budget.over();
        let probe = budget.take();
        budget.given_up(probe);
        // neither opens it nor keeps it: the next one tries
        let next = budget.take();
        assert!(matches!(budget.turn(PATIENT), Turn::Paused(_)));
        budget.given_up(probe);
        assert!(
            matches!(budget.turn(PATIENT), Turn::Paused(_)),
            "another one's end"
        );
        // one that never tells has a deadline
        budget.pass(PATIENT);
        assert_ne!(budget.take(), next);
    }

    #[test]
    fn the_pace_is_found_out_by_what_is_answered() {
        let budget = budget(1_000);
        let calls = || {
            let turns = (0..1_000).map_while(|_| match budget.turn(Duration::ZERO) {
                Turn::Take { number, .. } => Some(number),
                _ => None,
            });
            turns.collect::<Vec<_>>()
        };
        for _ in 0..25 {
            budget.answered(budget.take());
        }
        let pause = budget.refused(budget.take(), None);
        assert!(pause >= WINDOW, "its window is full: {pause:?}");
        budget.pass(pause);
        budget.answered(budget.take());
        // 25 in a second are what it takes: a bucket of half as many, filled half as fast
        assert_eq!(calls().len(), 11);
        assert!(
            matches!(budget.turn(PATIENT), Turn::Take { after, .. } if after < Duration::from_millis(100)),
            "a moment is waited"
        );
        while !matches!(budget.turn(PATIENT), Turn::UsedUp(_)) {}
        // as long as nothing is refused it rises, as far as is configured
        let mut paces = Vec::new();
        for _ in 0..40 {
            budget.pass(RISES_AFTER);
            budget.answered(budget.take());
            paces.push(budget.state().pace);
        }
        assert!(
            paces.is_sorted() && paces[0] > 15.0 && paces[0] < 16.0,
            "{paces:?}"
        );
        assert_eq!(paces.last(), Some(&1_000.0));
        // who refuses from the start refuses for another reason
        budget.pass(Duration::from_secs(60));
        budget.refused(budget.take(), None);
        assert_eq!(budget.state().pace, 1_000.0);
    }
}
