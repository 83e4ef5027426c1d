//! The steps of a ceremony as data: its messages in order, and who sends each. A backend tells the steps of a plan; who
//! follows, shows or journals a ceremony reads them, and knows no protocol.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::name::name;
use super::{OperatorId, OperatorProgress, SafeText};

name! {
    /// Names a step within its backend, e.g. `round1`. It is journaled, so a backend never renames one.
    StepId, "a step"
}

/// What it takes to send a step's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Follows {
    /// The messages of every sender of the step before: one message of this step proves that all of those were sent.
    All,
    /// Less than that: a threshold of them, or nothing at all.
    Enough,
}

/// One step: one message of each of its senders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CeremonyStep {
    pub id: StepId,
    /// What people call it, within a sentence: `round 1`.
    pub title: SafeText,
    /// Shorter forms of the title for narrow columns, the longest first.
    pub short: Vec<SafeText>,
    /// Who sends a message in this step, ascending. Nobody else is asked for one.
    pub senders: Vec<OperatorId>,
    /// What a sender must hold first.
    pub follows: Follows,
}

impl CeremonyStep {
    /// Whether the ceremony asks this operator for a message in this step.
    #[must_use]
    pub fn asks(&self, operator: OperatorId) -> bool {
        self.senders.contains(&operator)
    }

    /// The longest form of the title that has at most so many characters; the shortest one if none fits.
    #[must_use]
    pub fn title_within(&self, columns: usize) -> &str {
        let mut forms = std::iter::once(&self.title).chain(&self.short);
        let fitting = forms.find(|form| form.as_str().chars().count() <= columns);
        let shortest = self.short.last().unwrap_or(&self.title);
        fitting.unwrap_or(shortest).as_str()
    }
}

/// The step that a ceremony waits for: the first that one of its senders has not completed, and who has not. `None`: all
/// are complete.
///
/// A message that takes all of the step before ([`Follows::All`]) stands for the earlier ones of everybody else: so what was
/// lost on its way here accuses nobody. For its own sender it stands for nothing: whoever withholds a message could go on all
/// by itself, and everybody whom it keeps waiting would be named in its place. Where a step takes less
/// ([`Follows::Enough`]), nobody waits for the earlier message, and a later one stands for its sender, too.
#[must_use]
pub fn present_step<'a>(
    steps: &'a [CeremonyStep],
    operators: &BTreeMap<OperatorId, OperatorProgress>,
) -> Option<(&'a CeremonyStep, Vec<OperatorId>)> {
    present_step_from(steps, operators, 0)
}

/// The same among the steps from number `first` on: those before it were not seen whole.
#[must_use]
pub fn present_step_from<'a>(
    steps: &'a [CeremonyStep],
    operators: &BTreeMap<OperatorId, OperatorProgress>,
    first: usize,
) -> Option<(&'a CeremonyStep, Vec<OperatorId>)> {
    let seen = |id: &OperatorId, step: &CeremonyStep| {
        operators
            .get(id)
            .is_some_and(|row| row.seen.contains_key(&step.id))
    };
    (first..steps.len()).find_map(|n| {
        let later = &steps[n + 1..];
        let has_completed = |id: &OperatorId| {
            let vouched = |step: &CeremonyStep| match step.follows {
                Follows::All => operators.keys().any(|other| other != id && seen(other, step)),
                Follows::Enough => seen(id, step),
            };
            seen(id, &steps[n]) || later.iter().any(vouched)
        };
        let missing: Vec<OperatorId> = steps[n]
            .senders
            .iter()
            .copied()
            .filter(|id| !has_completed(id))
            .collect();
        (!missing.is_empty()).then_some((&steps[n], missing))
    })
}

/// Whether anybody's message of this step was seen.
#[must_use]
pub fn was_seen(step: &CeremonyStep, operators: &BTreeMap<OperatorId, OperatorProgress>) -> bool {
    operators.values().any(|row| row.seen.contains_key(&step.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UnixMillis;

    fn step(name: &'static str, senders: impl IntoIterator<Item = u64>, follows: Follows) -> CeremonyStep {
        CeremonyStep {
            id: StepId::new(name),
            title: name.into(),
            short: vec!["three".into(), "2".into()],
            senders: senders.into_iter().map(OperatorId).collect(),
            follows,
        }
    }

    /// 1 only deals, 2 does both, 3 only receives.
    fn steps() -> [CeremonyStep; 3] {
        [
            step("prepare", [2, 3], Follows::Enough),
            step("deal", [1, 2], Follows::All),
            step("receive", [2, 3], Follows::All),
        ]
    }

    fn seen(what: &[(u64, &[&'static str])]) -> BTreeMap<OperatorId, OperatorProgress> {
        let row = |names: &[&'static str]| OperatorProgress {
            seen: names
                .iter()
                .map(|name| (StepId::new(name), UnixMillis(1)))
                .collect(),
            ..OperatorProgress::default()
        };
        what.iter()
            .map(|(id, names)| (OperatorId(*id), row(names)))
            .collect()
    }

    fn present(what: &[(u64, &[&'static str])]) -> Option<(String, Vec<u64>)> {
        let steps = steps();
        let (step, missing) = present_step(&steps, &seen(what))?;
        Some((step.id.to_string(), missing.iter().map(|id| id.0).collect()))
    }

    #[test]
    fn only_who_is_asked_is_waited_for() {
        assert_eq!(present(&[]), Some(("prepare".into(), vec![2, 3])));
        assert_eq!(
            present(&[(2, &["prepare"]), (3, &["prepare"])]),
            Some(("deal".into(), vec![1, 2]))
        );
        let all: &[(u64, &[&str])] = &[
            (1, &["deal"]),
            (2, &["prepare", "deal", "receive"]),
            (3, &["receive"]),
        ];
        assert_eq!(present(all), None);
    }

    #[test]
    fn what_was_lost_on_its_way_is_proven_by_what_came_later() {
        assert_eq!(
            present(&[(1, &["deal"])]),
            Some(("deal".into(), vec![2])),
            "who deals holds every preparation"
        );
        assert_eq!(
            present(&[(2, &["prepare", "deal", "receive"]), (3, &["prepare"])]),
            Some(("receive".into(), vec![3])),
            "who receives holds what was dealt"
        );
    }

    /// One operator withheld its message, sent the next one, and everybody who waited for it was named.
    #[test]
    fn whoever_goes_on_alone_vouches_for_others_and_not_for_itself() {
        assert_eq!(
            present(&[(2, &["deal"]), (3, &["prepare"])]),
            Some(("prepare".into(), vec![2]))
        );
        assert_eq!(
            present(&[(2, &["prepare", "receive"]), (3, &["prepare"]), (1, &["deal"])]),
            Some(("deal".into(), vec![2]))
        );
        // another one that goes on, too, held it
        assert_eq!(
            present(&[(2, &["receive"]), (3, &["prepare"]), (1, &["deal"])]),
            Some(("deal".into(), vec![2])),
            "1 held its preparation, and nobody what it dealt"
        );
    }

    #[test]
    fn titles_fit_their_columns() {
        let step = step("preparation", [], Follows::All);
        assert_eq!(step.title_within(11), "preparation");
        assert_eq!(step.title_within(10), "three");
        assert_eq!(step.title_within(4), "2");
        assert_eq!(step.title_within(0), "2");
    }
}
