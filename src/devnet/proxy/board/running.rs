//! A rule as it runs: whether it is on, what it has seen and done.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::{Memory, Place};
use crate::devnet::proxy::handle::Switch;
use crate::devnet::proxy::scenario::{Call, Fault, Rule, Scenario};
use crate::devnet::proxy::wire::Wire;

/// A scenario on the board.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) name: Arc<str>,
    pub(super) about: String,
    pub(super) rules: Vec<Running>,
}

impl Loaded {
    /// All rules off; their ids begin with `first`.
    pub(super) fn new(scenario: Scenario, first: u64) -> Self {
        Self {
            name: scenario.name.into(),
            about: scenario.about,
            rules: (first..)
                .zip(scenario.rules)
                .map(|(id, rule)| Running::new(id, rule))
                .collect(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) id: u64,
    pub(super) rule: Arc<Rule>,
    pub(super) on: bool,
    since: Instant,
    /// Place of the switch in the order of switches and pulls.
    order: u64,
    /// Calls since it was switched on.
    seen: u64,
    /// Strikes since it was switched on, those in the making included.
    pub(super) struck: u64,
    /// Strikes in all.
    pub(super) total: u64,
    dice: ChaCha8Rng,
    pub(super) memory: Memory,
}

impl Running {
    fn new(id: u64, rule: Rule) -> Self {
        Self {
            id,
            on: false,
            since: Instant::now(),
            order: 0,
            seen: 0,
            struck: 0,
            total: 0,
            dice: rule.when.dice(),
            memory: Memory::default(),
            rule: Arc::new(rule),
        }
    }

    /// Switching on what is on already begins anew, too.
    pub(super) fn switch(&mut self, to: Switch, order: u64) {
        self.on = to == Switch::On;
        if self.on {
            self.since = Instant::now();
            self.order = order;
            self.seen = 0;
            self.struck = 0;
            self.dice = self.rule.when.dice();
            self.memory = Memory::default();
        }
    }

    /// It is on, its time and levers hold, and it is about this call.
    pub(super) fn concerns(
        &self,
        place: &Place,
        call: &Call,
        now: Instant,
        levers: &BTreeMap<String, u64>,
    ) -> bool {
        let since = now.saturating_duration_since(self.since);
        self.on
            && self.rule.at.iter().any(|at| place.is(at))
            && self.rule.concerns(place.kind, call)
            && self.rule.when.open(since, self.order, levers)
    }

    /// Counts a call, and takes one strike if it is to be struck.
    pub(super) fn take(&mut self) -> bool {
        self.seen += 1;
        let strikes = self.rule.when.strikes(self.seen, self.struck, &mut self.dice);
        self.struck += u64::from(strikes);
        strikes
    }

    /// It cuts or silences standing connections, not only calls.
    pub(super) fn ends_streams(&self) -> bool {
        matches!(
            self.rule.fault,
            Fault::Wire(Wire::Hang { .. } | Wire::Reset { .. })
        ) && !self.rule.when.counts_calls()
    }
}
