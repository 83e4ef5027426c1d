//! What was asked, and what was said instead.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::types::SafeText;

/// Entries that are kept; older ones are forgotten and counted.
const MAX_ENTRIES: usize = 4_096;
/// Methods that are told apart; what comes later is counted as [`OTHERS`].
const MAX_LABELS: usize = 1_024;
/// Longest name of a method or path that is kept.
const MAX_LABEL: usize = 160;
const OTHERS: &str = "others";

/// One thing that the proxy did wrong on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Time since the proxy started.
    pub at: Duration,
    pub target: String,
    /// The call it was done to: method and parameters, cut.
    pub call: String,
    pub scenario: String,
    pub rule: String,
    /// What was said or done instead.
    pub said: SafeText,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            target,
            call,
            scenario,
            rule,
            said,
            ..
        } = self;
        write!(
            f,
            "{:.3} s {target}: {call}: {said} ({scenario}/{rule})",
            self.at.as_secs_f64()
        )
    }
}

/// How often something was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCount {
    pub target: String,
    /// JSON-RPC method, `GET /path`, or `event name of /path`.
    pub method: String,
    /// Calls since the proxy started.
    pub calls: u64,
}

#[derive(Debug)]
pub(super) struct Record {
    started: Instant,
    counts: BTreeMap<(usize, String), u64>,
    entries: VecDeque<Entry>,
    forgotten: u64,
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            counts: BTreeMap::new(),
            entries: VecDeque::new(),
            forgotten: 0,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn count(&mut self, target: usize, label: String) {
        let label: String = label.chars().take(MAX_LABEL).collect();
        let mut key = (target, label);
        if self.counts.len() >= MAX_LABELS && !self.counts.contains_key(&key) {
            key.1 = OTHERS.to_owned();
        }
        *self.counts.entry(key).or_default() += 1;
    }

    pub(super) fn counts(&self, names: &[&str]) -> Vec<CallCount> {
        let count = |((target, method), calls): (&(usize, String), &u64)| CallCount {
            target: names[*target].to_owned(),
            method: method.clone(),
            calls: *calls,
        };
        self.counts.iter().map(count).collect()
    }

    pub(super) fn note(&mut self, entry: Entry) {
        if self.entries.len() == MAX_ENTRIES {
            self.entries.pop_front();
            self.forgotten += 1;
        }
        self.entries.push_back(entry);
    }

    /// The entries that are kept, the oldest first, and how many were forgotten.
    pub(super) fn log(&self) -> (Vec<Entry>, u64) {
        (self.entries.iter().cloned().collect(), self.forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_grows_without_end() {
        let mut record = Record::new();
        let entry = Entry {
            at: Duration::ZERO,
            target: "node".into(),
            call: "eth_call".into(),
            scenario: "s".into(),
            rule: "r".into(),
            said: "nothing".into(),
        };
        for n in 0..MAX_ENTRIES + 7 {
            record.note(entry.clone());
            record.count(0, format!("GET /{n}"));
        }
        assert_eq!(record.log().0.len(), MAX_ENTRIES);
        assert_eq!(record.log().1, 7);
        let counts = record.counts(&["node"]);
        assert_eq!(counts.len(), MAX_LABELS + 1);
        assert_eq!(
            counts.iter().map(|count| count.calls).sum::<u64>(),
            MAX_ENTRIES as u64 + 7
        );
    }
}
