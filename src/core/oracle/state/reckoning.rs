//! The time that limits per day count: what really passed while the program ran, whatever its clock was set to.
//!
//! A record bears the wall clock's time. What that moved against the monotonic clock is a record of its own, and what
//! passed between two processes nobody measured: neither counts. So a clock that is set forward frees nothing, before
//! a restart or after it, and one that is set back holds nothing up for longer than it would have been held.

use serde::{Deserialize, Serialize};

use super::State;
use crate::oracle::Record;
use crate::oracle::policy::DAY_MILLIS;
use crate::types::UnixMillis;

/// How the times of records lead to the time that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Reckoning {
    /// The time of the newest record.
    newest: Option<UnixMillis>,
    /// So much of the wall clock's time does not count, ms.
    off_ms: i64,
}

impl Reckoning {
    pub(super) fn told(&mut self, at: UnixMillis, record: &Record) {
        let moved = match record {
            Record::ClockMoved { by_ms } => *by_ms,
            Record::EngineStarted { .. } | Record::JournalUpgraded { .. } | Record::JournalKeyed { .. } => {
                self.newest.map_or(0, |newest| difference(at, newest))
            }
            _ => 0,
        };
        self.off_ms = self.off_ms.saturating_add(moved);
        self.newest = Some(at);
    }

    /// The time that counts at a time of the wall clock.
    pub(super) fn at(&self, at: UnixMillis) -> UnixMillis {
        let counted = i128::from(at.0) - i128::from(self.off_ms);
        UnixMillis(u64::try_from(counted.max(0)).unwrap_or(u64::MAX))
    }

    /// The time that counted at the newest record.
    pub(super) fn newest(&self) -> Option<UnixMillis> {
        self.newest.map(|at| self.at(at))
    }
}

/// How much later the first time is, ms.
pub(in crate::oracle) fn difference(later: UnixMillis, earlier: UnixMillis) -> i64 {
    let by = i128::from(later.0) - i128::from(earlier.0);
    i64::try_from(by).unwrap_or(if by < 0 { i64::MIN } else { i64::MAX })
}

impl State {
    /// Has the case that is looked at looked at again when one approval of a rule fewer counts against a limit of a day.
    pub(in crate::oracle) fn await_the_end_of_a_day(&self) {
        let Some((began, up_ms)) = self.volatile.reckoned_from else {
            return;
        };
        let now = self.reckoned();
        let ends = self
            .rule_uses
            .iter()
            .map(|used| used.at.0.saturating_add(DAY_MILLIS));
        if let Some(first) = ends.filter(|end| now.0 < *end).min() {
            self.volatile
                .has_run(up_ms.saturating_add(first.saturating_sub(began.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::oracle::fixture::{action, settings};
    use crate::oracle::*;
    use crate::types::*;

    const HOUR: u64 = 3_600_000;

    /// A rule with one approval a day, used up at hour 1000 of the wall clock and of the monotonic one.
    struct Run {
        state: State,
        wall: u64,
        up: u64,
    }

    impl Run {
        fn new() -> Self {
            let mut settings = settings();
            settings.policy.rules[0].max_per_day = Some(1);
            let mut run = Self {
                state: State::new(settings),
                wall: 1_000 * HOUR,
                up: 0,
            };
            run.starts();
            let action = action(ActionKind::Keygen);
            let cause = Cause::Manual {
                by: "ada".into(),
                at: UnixMillis(1),
            };
            run.apply(&Record::CaseOpened {
                case: action.id.case,
                cause,
            });
            run.apply(&Record::ActionProposed {
                action: action.id,
                digest: action.digest,
                proposal: Box::new(action.proposal.clone()),
            });
            let rule = Decider::Rule { name: "all".into() };
            let at = UnixMillis(run.wall);
            let decision = Decision::alone(Verdict::Approve, rule, at, action.digest);
            run.apply(&Record::Decided {
                action: action.id,
                decision,
            });
            run
        }

        fn apply(&mut self, record: &Record) {
            let seq = self.state.newest + 1;
            self.state.apply(seq, UnixMillis(self.wall), record);
        }

        /// A process begins; its monotonic clock may begin anywhere.
        fn starts(&mut self) {
            let settings = self.state.settings.clone();
            self.state = State::restored(settings, self.state.durable().clone());
            self.up = 77;
            self.apply(&Record::EngineStarted {
                version: "1".to_owned(),
                network: "test".into(),
                mode: Mode::Auto,
                speaks: None,
                serves: None,
                configured: None,
            });
            self.ticks();
        }

        fn ticks(&mut self) {
            let stamped = Stamped {
                at: UnixMillis(self.wall),
                up_ms: self.up,
                entropy: [0; 24],
                input: Input::Tick,
            };
            step(&mut self.state, stamped);
        }

        /// Time really passes.
        fn passes(&mut self, hours: u64) {
            self.wall += hours * HOUR;
            self.up += hours * HOUR;
            self.ticks();
        }

        fn set_clock(&mut self, wall: u64) {
            self.wall = wall;
            self.ticks();
        }

        /// Whether the rule lets another pass.
        fn lets_pass(&self) -> bool {
            let policy = &self.state.settings.policy;
            let (used, now) = (&self.state.rule_uses, self.state.reckoned());
            policy.permits(&action(ActionKind::Keygen), 1, used, now).is_ok()
        }
    }

    /// +25 h, the year 3122, and 1970.
    fn clocks() -> [u64; 3] {
        [1_025 * HOUR, 1_152 * 8_766 * HOUR, 0]
    }

    #[test]
    fn a_day_that_really_passes_frees_an_approval() {
        let mut run = Run::new();
        run.passes(23);
        assert!(!run.lets_pass());
        run.passes(2);
        assert!(run.lets_pass());
    }

    #[test]
    fn a_clock_that_is_pushed_frees_nothing_and_holds_nothing_up() {
        for wall in clocks() {
            let mut run = Run::new();
            run.set_clock(wall);
            assert!(!run.lets_pass(), "set to {wall}");
            run.passes(23);
            assert!(!run.lets_pass(), "set to {wall}, 23 h later");
            run.passes(2);
            assert!(run.lets_pass(), "set to {wall}, 25 h later");
        }
    }

    #[test]
    fn nor_does_it_after_a_restart_whenever_it_was_pushed() {
        for wall in clocks() {
            let mut run = Run::new();
            run.set_clock(wall);
            run.starts();
            run.starts();
            assert!(!run.lets_pass(), "pushed to {wall} before a restart");
            run.passes(25);
            assert!(run.lets_pass(), "{wall}");
            let mut run = Run::new();
            run.wall = wall;
            run.starts();
            run.starts();
            assert!(!run.lets_pass(), "pushed to {wall} while nothing ran");
            run.passes(25);
            assert!(run.lets_pass(), "{wall}");
        }
    }
}
