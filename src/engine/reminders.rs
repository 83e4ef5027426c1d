//! What waits is told when it has lasted longer than is usual, told again at a growing interval, and told when it is
//! over. Whoever tells keeps one of these: a headless front end for its lines, the engine for its notices.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ports::notifier::NoticePhase;
use crate::types::UnixMillis;
use crate::view::Wait;

/// A deadline is near at the last quarter of its time, and never earlier than this before it.
const NEAR: Duration = Duration::from_secs(3_600);

/// A deadline that moves by less is the same one: some are taken from another clock at each look.
const SAME: Duration = Duration::from_secs(1);

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reminder {
    /// It waits, waits still, or waits no longer.
    Waits(NoticePhase, Wait),
    /// Its time is running out, or is not any more.
    Deadline(NoticePhase, Wait),
}

/// Who was told what, and when it is told again.
#[derive(Debug)]
pub struct Reminders {
    first: Duration,
    longest: Duration,
    matters: BTreeMap<String, Reminded>,
}

#[derive(Debug)]
struct Reminded {
    wait: Wait,
    /// When it is told next.
    next: UnixMillis,
    /// The pause after that.
    pause: Duration,
    told: bool,
    /// The present deadline, and since when it is that one.
    deadline: Option<(UnixMillis, UnixMillis)>,
    near: bool,
}

impl Reminded {
    /// A deadline that was moved has its whole time before it: the next round of a ceremony is not late for the last one.
    fn takes(&mut self, wait: &Wait, now: UnixMillis) {
        self.deadline = wait.deadline().map(|due| match self.deadline {
            Some((known, from)) if due.since(known).max(known.since(due)) < SAME => (due, from),
            Some(_) => (due, now),
            None => (due, wait.since),
        });
        self.wait.clone_from(wait);
    }

    /// From when on its deadline is near, where it has one.
    fn near_from(&self) -> Option<UnixMillis> {
        let (due, from) = self.deadline?;
        let ahead = (due.since(from) / 4).min(NEAR);
        let ahead = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
        Some(UnixMillis(due.0.saturating_sub(ahead)))
    }
}

impl Reminders {
    /// What goes on is told again after `first`, and then after twice as long each time, up to `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest: longest.max(first),
            matters: BTreeMap::new(),
        }
    }

    /// What is to be told now of everything that waits.
    pub fn look(&mut self, waits: &[Wait], now: UnixMillis) -> Vec<Reminder> {
        let mut told = Vec::new();
        let mut before = std::mem::take(&mut self.matters);
        for wait in waits {
            let key = wait.matter();
            // two of one matter are one
            let known = self.matters.remove(&key).or_else(|| before.remove(&key));
            let mut matter = known.unwrap_or_else(|| Reminded {
                next: wait.since.plus(wait.reason.usual_for()),
                pause: self.first,
                told: false,
                deadline: None,
                near: false,
                wait: wait.clone(),
            });
            matter.takes(wait, now);
            // a clock that was set back puts off nothing for longer than the pause that was meant
            let pause = match matter.told {
                true => matter.pause,
                false => wait.reason.usual_for(),
            };
            matter.next = matter.next.min(now.plus(pause));
            self.one(&mut matter, now, &mut told);
            self.matters.insert(key, matter);
        }
        for matter in before.into_values() {
            if matter.near {
                told.push(Reminder::Deadline(NoticePhase::Over, matter.wait.clone()));
            }
            if matter.told {
                told.push(Reminder::Waits(NoticePhase::Over, matter.wait));
            }
        }
        told
    }

    fn one(&self, matter: &mut Reminded, now: UnixMillis, told: &mut Vec<Reminder>) {
        if now >= matter.next {
            let phase = match matter.told {
                true => NoticePhase::GoesOn,
                false => NoticePhase::Begun,
            };
            told.push(Reminder::Waits(phase, matter.wait.clone()));
            matter.told = true;
            matter.next = now.plus(matter.pause);
            matter.pause = (matter.pause * 2).min(self.longest);
        }
        let near = matter.near_from().is_some_and(|from| from <= now);
        if near != matter.near {
            matter.near = near;
            let phase = match near {
                true => NoticePhase::Begun,
                false => NoticePhase::Over,
            };
            told.push(Reminder::Deadline(phase, matter.wait.clone()));
        }
    }

    /// When there is something to tell next, if nothing changes.
    #[must_use]
    pub fn next(&self) -> Option<UnixMillis> {
        let near = |matter: &Reminded| matter.near_from().filter(|_| !matter.near);
        let each = self
            .matters
            .values()
            .flat_map(|m| [Some(m.next), near(m)].into_iter().flatten());
        each.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::WaitReason;

    const FIRST: Duration = Duration::from_secs(60);

    fn wait(reason: WaitReason) -> Wait {
        Wait {
            since: UnixMillis(1_000_000),
            ..Wait::new(reason, "it waits")
        }
    }

    /// Seconds after the beginning of the wait at which something was told of it, and in which phase.
    fn told(reminders: &mut Reminders, waits: &[Wait], until: u64) -> Vec<(u64, NoticePhase)> {
        let mut told = Vec::new();
        for second in 0..=until {
            let now = UnixMillis(1_000_000 + second * 1_000);
            for reminder in reminders.look(waits, now) {
                let (Reminder::Waits(phase, _) | Reminder::Deadline(phase, _)) = reminder;
                told.push((second, phase));
            }
        }
        told
    }

    #[test]
    fn what_waits_is_told_again_at_a_growing_interval_and_told_to_be_over() {
        let mut reminders = Reminders::new(FIRST, FIRST * 4);
        let waits = [wait(WaitReason::Decision)];
        let told = told(&mut reminders, &waits, 1_000);
        let goes_on = |second| (second, NoticePhase::GoesOn);
        let mut expected = vec![(0, NoticePhase::Begun)];
        expected.extend([60, 180, 420, 660, 900].map(goes_on));
        assert_eq!(told, expected);
        let over = reminders.look(&[], UnixMillis(3_000_000));
        assert_eq!(over, [Reminder::Waits(NoticePhase::Over, waits[0].clone())]);
        assert!(reminders.look(&[], UnixMillis(3_000_000)).is_empty() && reminders.next().is_none());
    }

    #[test]
    fn two_that_are_one_matter_are_told_once() {
        let mut reminders = Reminders::new(FIRST, FIRST * 4);
        let other = Wait {
            sentence: "it waits for something else".into(),
            ..wait(WaitReason::Decision)
        };
        let waits = [wait(WaitReason::Decision), other];
        let told = told(&mut reminders, &waits, 100);
        assert_eq!(told, [(0, NoticePhase::Begun), (60, NoticePhase::GoesOn)]);
    }

    #[test]
    fn what_lasts_no_longer_than_usual_is_not_told() {
        let mut reminders = Reminders::new(FIRST, FIRST);
        let usual = WaitReason::Gathering.usual_for().as_secs();
        let waits = [wait(WaitReason::Gathering)];
        assert!(told(&mut reminders, &waits, usual - 1).is_empty());
        assert_eq!(reminders.next(), Some(UnixMillis(1_000_000 + usual * 1_000)));
        assert!(
            reminders.look(&[], UnixMillis(2_000_000)).is_empty(),
            "nor that it is over"
        );
    }

    #[test]
    fn a_deadline_is_told_once_when_its_last_quarter_begins() {
        let mut reminders = Reminders::new(FIRST * 1_000, FIRST * 1_000);
        let near = Wait {
            due: Some(UnixMillis(1_400_000)),
            ..wait(WaitReason::Following)
        };
        let told = told(&mut reminders, std::slice::from_ref(&near), 500);
        assert_eq!(told, [(300, NoticePhase::Begun)]);
        let extended = Wait {
            due: Some(UnixMillis(9_000_000)),
            ..near
        };
        let reminder = reminders.look(std::slice::from_ref(&extended), UnixMillis(1_500_000));
        assert_eq!(reminder, [Reminder::Deadline(NoticePhase::Over, extended)]);
    }

    /// As the rounds of a ceremony have: the first one has no part in whether the last one is late.
    #[test]
    fn a_deadline_that_is_moved_is_near_at_the_last_quarter_of_its_own_time() {
        let mut reminders = Reminders::new(FIRST * 1_000, FIRST * 1_000);
        let due = |second: u64| Wait {
            due: Some(UnixMillis(1_000_000 + second * 1_000)),
            ..wait(WaitReason::Ceremony)
        };
        let mut told = Vec::new();
        for second in 0..=600 {
            let now = UnixMillis(1_000_000 + second * 1_000);
            // rounds of 60 s, each of which takes 40 s but for the last one; the clocks differ by a little
            let mut round = due((second / 40 * 40).min(480) + 60);
            round.due = round.due.map(|due| UnixMillis(due.0 - second % 2));
            let reminded = reminders.look(&[round], now).into_iter();
            told.extend(reminded.filter_map(|reminder| match reminder {
                Reminder::Deadline(phase, _) => Some((second, phase)),
                Reminder::Waits(..) => None,
            }));
        }
        assert_eq!(told, [(525, NoticePhase::Begun)]);
    }

    #[test]
    fn nothing_is_late_at_the_end_of_an_undo_window() {
        let mut reminders = Reminders::new(FIRST * 1_000, FIRST * 1_000);
        let window = Wait {
            due: Some(UnixMillis(1_010_000)),
            ..wait(WaitReason::UndoWindow)
        };
        let told = told(&mut reminders, std::slice::from_ref(&window), 9);
        assert_eq!(told, [(0, NoticePhase::Begun)], "that it is open");
        let over = reminders.look(&[], UnixMillis(1_010_000));
        assert_eq!(over, [Reminder::Waits(NoticePhase::Over, window)]);
    }

    #[test]
    fn a_clock_that_is_set_back_puts_off_no_reminder() {
        let ahead = UnixMillis(1_000_000 + 25 * 3_600_000);
        for told_before in [true, false] {
            let mut reminders = Reminders::new(FIRST, FIRST * 4);
            let waits = [Wait {
                since: ahead,
                ..wait(WaitReason::Decision)
            }];
            if told_before {
                assert_eq!(reminders.look(&waits, ahead).len(), 1);
            }
            let begun: Vec<_> = told(&mut reminders, &waits, 300);
            assert!(!begun.is_empty(), "told before: {told_before}");
        }
    }
}
