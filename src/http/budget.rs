//! How often an endpoint may be asked: so many calls a second, and not at all while it asks to be left alone.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;

/// An endpoint that does not say how long gets this pause first, and twice as long each time after that.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Doublings of the first pause, at most.
const MAX_DOUBLINGS: u32 = 6;
/// An endpoint that asks for a longer pause is asked again after this all the same.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// After so many calls since the pause before, a pause is a first one again: the endpoint gets on.
const HEADWAY: u32 = 8;
/// A pause this long after the end of the one before is a first one again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(10);

/// A token bucket that holds one second's calls, and the pauses that the endpoint asked for.
#[derive(Debug)]
pub(super) struct Budget {
    /// Calls a second; also the most that may come at once.
    rate: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Negative when callers wait already: each has reserved its turn.
    tokens: f64,
    filled: Instant,
    paused_until: Option<Instant>,
    /// Pauses in a row.
    pauses: u32,
    /// Calls since the last one.
    passed: u32,
}

/// What a caller may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Ask.
    Now,
    /// Ask after this time; the turn is reserved.
    After(Duration),
    /// The budget is used up for this long, which is longer than the caller would wait. Nothing is reserved.
    UsedUp(Duration),
    /// The endpoint wants to be left alone for this long.
    Paused(Duration),
}

impl Budget {
    pub(super) fn new(calls_per_second: NonZeroU32) -> Self {
        let rate = f64::from(calls_per_second.get());
        Self {
            rate,
            state: Mutex::new(State {
                tokens: rate,
                filled: Instant::now(),
                paused_until: None,
                pauses: 0,
                passed: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn for a caller who waits for `patience` at most.
    pub(super) fn turn(&self, patience: Duration) -> Turn {
        let mut state = self.state();
        let now = Instant::now();
        if let Some(until) = state.paused_until.filter(|until| *until > now) {
            return Turn::Paused(until - now);
        }
        let filled = now.saturating_duration_since(state.filled).as_secs_f64() * self.rate;
        state.tokens = (state.tokens + filled).min(self.rate);
        state.filled = now;
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            state.passed = state.passed.saturating_add(1);
            return Turn::Now;
        }
        let wait = Duration::from_secs_f64((1.0 - state.tokens) / self.rate);
        if wait > patience {
            return Turn::UsedUp(wait);
        }
        state.tokens -= 1.0;
        state.passed = state.passed.saturating_add(1);
        Turn::After(wait)
    }

    /// The endpoint said that it is asked too often. Returns how long it is left alone: as long as it asks, within
    /// bounds, and a little more, so that not all callers come back at once.
    pub(super) fn pause(&self, asked: Option<Duration>) -> Duration {
        let mut state = self.state();
        let now = Instant::now();
        if let Some(until) = state.paused_until.filter(|until| *until > now) {
            // a call that was under way when another one was refused
            let longer = now + asked.unwrap_or_default().min(MAX_PAUSE);
            let until = until.max(longer);
            state.paused_until = Some(until);
            return until - now;
        }
        let again = state
            .paused_until
            .is_some_and(|until| now.saturating_duration_since(until) < FORGIVEN_AFTER)
            && state.passed < HEADWAY;
        state.pauses = if again { state.pauses + 1 } else { 0 };
        state.passed = 0;
        let own = FIRST_PAUSE * 2u32.pow(state.pauses.min(MAX_DOUBLINGS));
        let pause = asked.unwrap_or_default().max(own).min(MAX_PAUSE);
        let pause = pause.mul_f64(rand::thread_rng().gen_range(1.0..1.25));
        state.paused_until = Some(now + pause);
        pause
    }

    /// Until when the endpoint is left alone, if it is.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.state().paused_until.filter(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: Duration = Duration::from_secs(60);

    fn budget(rate: u32) -> Budget {
        Budget::new(NonZeroU32::new(rate).unwrap())
    }

    /// Lets `time` pass for the budget.
    fn pass(budget: &Budget, time: Duration) {
        let mut state = budget.state();
        state.filled -= time;
        state.paused_until = state.paused_until.map(|until| until - time);
    }

    #[test]
    fn one_seconds_calls_may_come_at_once_and_the_rest_in_turn() {
        let budget = budget(10);
        for _ in 0..10 {
            assert_eq!(budget.turn(PATIENT), Turn::Now);
        }
        let waits: Vec<_> = (0..3).map(|_| budget.turn(PATIENT)).collect();
        for (n, turn) in waits.iter().enumerate() {
            let Turn::After(wait) = turn else {
                panic!("{turn:?}");
            };
            let expected = 100 * (n as u128 + 1);
            assert!(
                (expected - 50..=expected).contains(&wait.as_millis()),
                "{n}: {wait:?}"
            );
        }
        // who would not wait so long reserves nothing
        assert!(matches!(budget.turn(Duration::from_millis(10)), Turn::UsedUp(_)));
        pass(&budget, Duration::from_secs(5));
        let now = (0..20).filter(|_| budget.turn(PATIENT) == Turn::Now).count();
        assert_eq!(now, 10, "what is not used is not saved up");
    }

    #[test]
    fn an_endpoint_is_left_alone_as_long_as_it_asks_within_bounds() {
        let budget = budget(10);
        // one in a row is asked for when the one before is over
        let over = || {
            let mut state = budget.state();
            state.paused_until = state.paused_until.map(|until| until.min(Instant::now()));
        };
        let at_least = |asked: Option<u64>, least: u64| {
            over();
            let pause = budget.pause(asked.map(Duration::from_secs)).as_secs_f64();
            let least = least as f64 / 1000.0;
            assert!((least..least * 1.25).contains(&pause), "{asked:?}: {pause}");
            assert!(budget.paused_until().is_some());
            assert!(matches!(budget.turn(PATIENT), Turn::Paused(_)));
        };
        at_least(Some(2), 2_000);
        at_least(Some(3_600), 60_000);
        // without a word twice as long each time: this is the third in a row
        at_least(None, 1_000);
        at_least(None, 2_000);
        for _ in 0..10 {
            over();
            budget.pause(None);
        }
        at_least(None, 16_000);
        // calls that were under way with the refused one are refused as well: that is no other pause
        let left = budget.paused_until();
        for _ in 0..10 {
            budget.pause(Some(Duration::from_secs(1)));
        }
        assert_eq!(budget.paused_until(), left);
        // an endpoint that answers a while between its refusals is not left alone for longer and longer
        over();
        assert_eq!(budget.turn(PATIENT), Turn::Now);
        at_least(None, 16_000);
        for _ in 0..HEADWAY {
            over();
            assert_eq!(budget.turn(PATIENT), Turn::Now);
        }
        at_least(None, 250);
        // after a while of peace it begins anew
        pass(&budget, Duration::from_secs(60));
        assert_eq!(budget.turn(PATIENT), Turn::Now);
        at_least(None, 250);
    }
}
