//! Which kinds of everything lives have reached.

use std::collections::BTreeSet;

use super::replay;
use crate::oracle::*;

#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) records: BTreeSet<&'static str>,
    pub(super) effects: BTreeSet<String>,
    pub(super) inputs: BTreeSet<String>,
    /// Kinds of case and what they stood still at.
    pub(super) ways: BTreeSet<(String, &'static str)>,
}

impl Coverage {
    pub(super) fn record(&mut self, record: &Record) {
        self.records.insert(record.kind());
    }

    pub(super) fn effect(&mut self, effect: &Effect) {
        let kind = match effect {
            Effect::Prepare { draft, .. } => format!("preparation of {}", draft.kind()),
            Effect::RunCeremony { start, plan, .. } => {
                format!("{} of {}", if *start { "start" } else { "look" }, plan.kind())
            }
            Effect::Sign { replaces: Some(_), .. } => "replacement".to_owned(),
            other => other.name().to_owned(),
        };
        self.effects.insert(kind);
    }

    pub(super) fn input(&mut self, input: &Input) {
        self.inputs.insert(replay::kind(input));
    }

    pub(super) fn with(mut self, other: Self) -> Self {
        self.records.extend(other.records);
        self.effects.extend(other.effects);
        self.inputs.extend(other.inputs);
        self.ways.extend(other.ways);
        self
    }
}
