//! What waits is told when it has lasted longer than is usual, told again at a growing interval, and told when it is
//! over. Whoever tells keeps one of these: a headless front end for its lines, the engine for its notices.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ports::notifier::NoticePhase;
use crate::types::UnixMillis;
use crate::view::Wait;

/// A deadline is near at the last quarter of its time, and never earlier than this before it.
const NEAR: Duration = Duration::from_secs(3_600);

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
    matters: BTreeMap<String, Matter>,
}

#[derive(Debug)]
struct Matter {
    wait: Wait,
    /// When it is told next.
    next: UnixMillis,
    /// The pause after that.
    pause: Duration,
    told: bool,
    near: bool,
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
            let mut matter = known.unwrap_or_else(|| Matter {
                next: wait.since.plus(wait.reason.usual_for()),
                pause: self.first,
                told: false,
                near: false,
                wait: wait.clone(),
            });
            matter.wait.clone_from(wait);
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

    fn one(&self, matter: &mut Matter, now: UnixMillis, told: &mut Vec<Reminder>) {
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
        let near = matter.wait.due.is_some_and(|_| near_from(&matter.wait) <= now);
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
        let near = |matter: &Matter| {
            let ahead = matter.wait.due.is_some() && !matter.near;
            ahead.then(|| near_from(&matter.wait))
        };
        let each = self
            .matters
            .values()
            .flat_map(|m| [Some(m.next), near(m)].into_iter().flatten());
        each.min()
    }
}

/// From when on the deadline of something is near; the end of time where it has none.
fn near_from(wait: &Wait) -> UnixMillis {
    let Some(due) = wait.due else {
        return UnixMillis(u64::MAX);
    };
    let ahead = (due.since(wait.since) / 4).min(NEAR);
    UnixMillis(
        due.0
            .saturating_sub(u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX)),
    )
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
}
