//! Which kinds of everything lives have reached.

use std::collections::{BTreeMap, BTreeSet};

use super::{replay, ways};
use crate::oracle::*;

#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// How many there were of each kind.
    records: BTreeMap<&'static str, u32>,
    effects: BTreeSet<&'static str>,
    inputs: BTreeSet<String>,
    /// Kinds of action that were prepared.
    actions: BTreeSet<ActionKind>,
    /// Kinds of ceremony, and whether they were begun or looked for.
    ceremonies: BTreeSet<(String, bool)>,
    /// Kinds of case and what they stood still at.
    pub(super) ways: BTreeSet<ways::Row>,
}

impl Coverage {
    pub(super) fn record(&mut self, record: &Record) {
        *self.records.entry(record.kind()).or_default() += 1;
    }

    /// How many records there were of a kind.
    pub(super) fn count(&self, kind: &str) -> u32 {
        self.records.get(kind).copied().unwrap_or_default()
    }

    pub(super) fn effect(&mut self, effect: &Effect) {
        self.effects.insert(effect.name());
        match effect {
            Effect::Prepare { draft, .. } => drop(self.actions.insert(draft.kind())),
            Effect::RunCeremony { start, plan, .. } => {
                self.ceremonies.insert((plan.kind().to_string(), *start));
            }
            _ => {}
        }
    }

    pub(super) fn input(&mut self, input: &Input) {
        self.inputs.insert(replay::kind(input));
    }

    pub(super) fn with(mut self, other: Self) -> Self {
        for (kind, n) in other.records {
            *self.records.entry(kind).or_default() += n;
        }
        self.effects.extend(other.effects);
        self.inputs.extend(other.inputs);
        self.actions.extend(other.actions);
        self.ceremonies.extend(other.ceremonies);
        self.ways.extend(other.ways);
        self
    }

    /// Every kind of record, effect and input was met, and cases stood still wherever the table of ways says. Kinds are
    /// read off the sources, so that one that is added later must be met, too.
    pub(super) fn must_be_whole(&self) {
        let records = named_in(include_str!("../record/mod.rs"), "fn kind(");
        let missed: Vec<_> = records
            .iter()
            .filter(|kind| !self.records.contains_key(*kind))
            .collect();
        assert_eq!(missed, [&""; 0], "records that no life had");
        let effects = named_in(include_str!("../step/died.rs"), "fn name(");
        assert_eq!(self.effects, effects, "effects");
        let mut inputs = named_in(include_str!("replay.rs"), "fn kind(");
        inputs.extend(named_in(include_str!("replay.rs"), "fn asked("));
        let whole = |kind: &&&str| !kind.contains('{');
        let missed: Vec<_> = inputs
            .iter()
            .filter(whole)
            .filter(|kind| !self.inputs.contains(**kind))
            .collect();
        assert_eq!(missed, [&""; 0], "inputs that no life had");
        for (prefix, kinds) in [("requested: ", 3), ("died: ", effects.len())] {
            let met = self.inputs.iter().filter(|kind| kind.starts_with(prefix)).count();
            assert_eq!(met, kinds, "inputs that begin with {prefix}");
        }
        assert_eq!(
            self.actions.len(),
            ActionKind::ALL.len(),
            "kinds of action: {:?}",
            self.actions
        );
        assert_eq!(
            self.ceremonies.len(),
            6,
            "kinds of ceremony: {:?}",
            self.ceremonies
        );
        let differences = ways::differences(&self.ways);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

/// The texts of a function that gives names.
fn named_in(source: &'static str, function: &str) -> BTreeSet<&'static str> {
    let start = source.find(function).expect("the function is there");
    let end = start + source[start..].find("\n}").expect("its block ends");
    let end = source[start..]
        .find("\n    }\n")
        .map_or(end, |n| end.min(start + n));
    source[start..end].split('"').skip(1).step_by(2).collect()
}
