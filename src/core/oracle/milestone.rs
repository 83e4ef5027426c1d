//! When a validator gets where: what was predicted, and what became a fact.
//!
//! Before an exit is in a block only the chain's rules say when things can happen at the earliest. Once it is, the
//! beacon state has the epochs, and they are as good as facts. Two moments are in no state at all: when the exit was
//! taken into a block, and when the balance was paid out. Those are facts from when they were seen here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Case, ValidatorPhase, cases};
use crate::types::{RequestKind, UnixMillis};

/// A time of the beacon chain and the epoch that it falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub epoch: u64,
    pub at: UnixMillis,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (epoch {})", self.at.to_utc(), self.epoch)
    }
}

/// Where a prediction comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The chain's rules, when the exit was published: nothing can happen earlier, and a queue can make it later.
    Rules,
    /// The validator's record in the beacon state.
    State,
}

/// When a validator will get where. What is not set, or has no fixed time, is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Forecast {
    /// `activation_epoch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Moment>,
    /// The first block that can hold the exit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exiting: Option<Moment>,
    /// `exit_epoch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exited: Option<Moment>,
    /// `withdrawable_epoch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawable: Option<Moment>,
}

impl Forecast {
    /// When the validator gets to `stage`. The sweep that pays balances out comes by at no fixed time.
    #[must_use]
    pub fn of(&self, stage: Stage) -> Option<Moment> {
        match stage {
            Stage::Active => self.active,
            Stage::Exiting => self.exiting,
            Stage::Exited => self.exited,
            Stage::Withdrawable => self.withdrawable,
            Stage::Withdrawn => None,
        }
    }

    /// What a case of this kind waits for; the rest is left out.
    #[must_use]
    pub fn waited_for(self, kind: RequestKind) -> Self {
        let waited = |stage, moment: Option<Moment>| moment.filter(|_| Stage::of(kind).contains(&stage));
        Self {
            active: waited(Stage::Active, self.active),
            exiting: waited(Stage::Exiting, self.exiting),
            exited: waited(Stage::Exited, self.exited),
            withdrawable: waited(Stage::Withdrawable, self.withdrawable),
        }
    }

    /// In words, for the journal.
    pub(super) fn words(&self) -> String {
        let stages = [
            (self.active, "active from"),
            (self.exiting, "in a block from"),
            (self.exited, "exited from"),
            (self.withdrawable, "withdrawable from"),
        ];
        let mut parts: Vec<String> = stages
            .into_iter()
            .filter_map(|(moment, words)| moment.map(|m| format!("{words} {m}")))
            .collect();
        if parts.is_empty() {
            return "nothing is set".to_owned();
        }
        if self.withdrawable.is_some() {
            parts.push("withdrawn when the sweep comes by, at no fixed time".to_owned());
        }
        parts.join(", ")
    }
}

/// What the beacon chain says of a followed validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// How far it is.
    pub phase: ValidatorPhase,
    /// Since when, where the state says so.
    pub since: Option<Moment>,
    /// Its index, once the state has it.
    pub index: Option<u64>,
    /// The epochs of its record that matter to the case.
    pub by_state: Forecast,
    /// The chain's rules, when they were asked for.
    pub by_rules: Option<Forecast>,
}

/// A place on a validator's way that a case waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// At work.
    Active,
    /// `active_exiting`: its exit is in a block.
    Exiting,
    /// Not at work any more.
    Exited,
    /// Its balance can be withdrawn.
    Withdrawable,
    /// Its balance is withdrawn.
    Withdrawn,
}

impl Stage {
    /// The phase that a validator is in from then on.
    #[must_use]
    pub fn phase(self) -> ValidatorPhase {
        match self {
            Self::Active => ValidatorPhase::Active,
            Self::Exiting => ValidatorPhase::Exiting,
            Self::Exited => ValidatorPhase::Exited,
            Self::Withdrawable => ValidatorPhase::Withdrawable,
            Self::Withdrawn => ValidatorPhase::Withdrawn,
        }
    }

    /// The stages that a case of this kind waits for, in order.
    #[must_use]
    pub fn of(kind: RequestKind) -> &'static [Self] {
        cases::kind(kind).stages()
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.phase().fmt(f)
    }
}

/// When something that is a fact happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Actual {
    /// The beacon state has the epoch with which it began.
    Since(Moment),
    /// First seen at this time.
    Seen { at: UnixMillis },
    /// Passed while nobody looked; a later stage was first seen at this time.
    Before { at: UnixMillis },
}

impl Actual {
    /// The time that is known.
    #[must_use]
    pub fn at(&self) -> UnixMillis {
        match self {
            Self::Since(moment) => moment.at,
            Self::Seen { at } | Self::Before { at } => *at,
        }
    }
}

/// A stage with its predicted and actual times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Milestone {
    pub stage: Stage,
    /// By the chain's rules, when the exit was published.
    pub by_rules: Option<Moment>,
    /// By the beacon state.
    pub by_state: Option<Moment>,
    /// Once it is a fact.
    pub actual: Option<Actual>,
}

impl Milestone {
    /// The best prediction: the state's, else that of the rules.
    #[must_use]
    pub fn predicted(&self) -> Option<Moment> {
        self.by_state.or(self.by_rules)
    }
}

/// The stages of a case, in order, with all that its journal knows of their times.
#[must_use]
pub fn milestones(case: &Case) -> Vec<Milestone> {
    let stages = Stage::of(case.id.kind).iter();
    stages
        .map(|stage| Milestone {
            stage: *stage,
            by_rules: case.by_rules.and_then(|f| f.of(*stage)),
            by_state: case.by_state.of(*stage),
            actual: actual(case, *stage),
        })
        .collect()
}

fn actual(case: &Case, stage: Stage) -> Option<Actual> {
    case.phase.filter(|phase| *phase >= stage.phase())?;
    if let Some(since) = case.by_state.of(stage) {
        return Some(Actual::Since(since));
    }
    let (phase, at) = case.seen.range(stage.phase()..).next()?;
    Some(if *phase == stage.phase() {
        Actual::Seen { at: *at }
    } else {
        Actual::Before { at: *at }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{Cause, Record, State, fixture};
    use crate::types::{BlockRef, CaseId, Root};

    fn moment(epoch: u64) -> Option<Moment> {
        let at = UnixMillis(epoch * 1_000);
        Some(Moment { epoch, at })
    }

    /// A case of this kind after these records, of which each comes a second after the one before.
    fn after(id: &str, records: &[Record]) -> Vec<Milestone> {
        let id: CaseId = id.parse().unwrap();
        let mut state = State::new(fixture::settings());
        let block = BlockRef {
            number: 1,
            hash: Root::default(),
        };
        let opened = Record::CaseOpened {
            case: id,
            cause: Cause::State { block },
        };
        for (seq, record) in (0..).zip([&opened].into_iter().chain(records)) {
            state.apply(seq, UnixMillis(seq * 1_000), record);
        }
        milestones(&state.cases[&id])
    }

    fn seen(case: &str, phase: ValidatorPhase) -> Record {
        Record::ValidatorPhaseSeen {
            case: case.parse().unwrap(),
            phase,
            since: None,
            validator: None,
        }
    }

    fn expected(case: &str, basis: Basis, forecast: Forecast) -> Record {
        Record::ValidatorForecast {
            case: case.parse().unwrap(),
            index: Some(7),
            basis,
            forecast,
        }
    }

    #[test]
    fn what_passed_unseen_is_told_as_well_as_it_is_known() {
        let by_state = Forecast {
            exited: moment(9),
            withdrawable: moment(11),
            ..Forecast::default()
        };
        let table = after(
            "exit/1",
            &[
                expected("exit/1", Basis::State, by_state),
                seen("exit/1", ValidatorPhase::Withdrawn),
            ],
        );
        let actual: Vec<_> = table.iter().map(|m| m.actual.unwrap()).collect();
        let at = UnixMillis(2_000);
        let wanted = [
            Actual::Before { at },
            Actual::Since(moment(9).unwrap()),
            Actual::Since(moment(11).unwrap()),
            Actual::Seen { at },
        ];
        assert_eq!(actual, wanted);
    }

    #[test]
    fn a_fact_that_a_reorganisation_took_back_is_none() {
        let steps = [
            seen("exit/1", ValidatorPhase::Exiting),
            expected("exit/1", Basis::State, Forecast::default()),
            seen("exit/1", ValidatorPhase::Active),
        ];
        let facts = |records| after("exit/1", records).into_iter().filter_map(|m| m.actual);
        assert_eq!(facts(&steps[..1]).count(), 1);
        assert_eq!(facts(&steps).count(), 0);
        let again = [steps.to_vec(), vec![seen("exit/1", ValidatorPhase::Exiting)]].concat();
        let at = UnixMillis(4_000);
        assert_eq!(facts(&again).collect::<Vec<_>>(), [Actual::Seen { at }]);
    }

    #[test]
    fn a_deposit_waits_for_its_activation_and_a_reshare_for_nothing() {
        let by_state = Forecast {
            active: moment(5),
            ..Forecast::default()
        };
        let records = [
            seen("deposit/1", ValidatorPhase::Pending),
            expected("deposit/1", Basis::State, by_state),
            seen("deposit/1", ValidatorPhase::Active),
        ];
        let waiting = after("deposit/1", &records[..2]);
        assert_eq!((waiting[0].predicted(), waiting[0].actual), (moment(5), None));
        let active = after("deposit/1", &records);
        assert_eq!(active[0].actual, moment(5).map(Actual::Since));
        assert!(after("reshare/1", &[seen("reshare/1", ValidatorPhase::Active)]).is_empty());
    }

    #[test]
    fn journals_from_before_predictions_are_read() {
        let old = r#"{"record":"validator-phase-seen","case":"exit/1","phase":"exited"}"#;
        let record: Record = serde_json::from_str(old).unwrap();
        assert_eq!(record, seen("exit/1", ValidatorPhase::Exited));
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            old,
            "and written as they were"
        );
        let table = after("exit/1", &[record]);
        let at = UnixMillis(1_000);
        assert_eq!(table[1].actual, Some(Actual::Seen { at }));
        assert!(table.iter().all(|m| m.predicted().is_none()));
    }

    #[test]
    fn sentences_name_epochs_times_and_what_has_no_fixed_time() {
        let by_rules = Forecast {
            exiting: moment(3),
            exited: moment(5),
            withdrawable: moment(7),
            ..Forecast::default()
        };
        assert_eq!(
            expected("exit/1", Basis::Rules, by_rules).sentence().as_str(),
            "expected of exit/1 by the chain's rules, at the earliest: \
             in a block from 1970-01-01 00:00:03 UTC (epoch 3), exited from 1970-01-01 00:00:05 UTC (epoch 5), \
             withdrawable from 1970-01-01 00:00:07 UTC (epoch 7), \
             withdrawn when the sweep comes by, at no fixed time"
        );
        assert_eq!(
            expected("exit/1", Basis::State, Forecast::default())
                .sentence()
                .as_str(),
            "expected of exit/1 by the beacon state: nothing is set"
        );
        let since = Record::ValidatorPhaseSeen {
            case: "exit/1".parse().unwrap(),
            phase: ValidatorPhase::Exited,
            since: moment(5),
            validator: None,
        };
        assert_eq!(
            since.sentence().as_str(),
            "the validator of exit/1 is exited since 1970-01-01 00:00:05 UTC (epoch 5)"
        );
    }
}
