//! A rule that is about to strike a call.

use std::sync::Arc;

use super::record::Entry;
use super::running::Running;
use super::{Board, Memory};
use crate::devnet::proxy::scenario::{Call, Fault, Rule};

/// A strike in the making. Dropped without [`Fired::strike`] it did not happen: a rule that was to change what was not
/// there has not struck.
#[derive(Debug)]
pub(in crate::devnet::proxy) struct Fired {
    board: Arc<Board>,
    target: usize,
    call: String,
    scenario: Arc<str>,
    id: u64,
    rule: Arc<Rule>,
    struck: bool,
}

impl Fired {
    pub(super) fn new(
        board: &Arc<Board>,
        target: usize,
        call: &Call,
        scenario: &Arc<str>,
        running: &Running,
    ) -> Self {
        Self {
            board: Arc::clone(board),
            target,
            call: call.to_string(),
            scenario: Arc::clone(scenario),
            id: running.id,
            rule: Arc::clone(&running.rule),
            struck: false,
        }
    }

    pub(in crate::devnet::proxy) fn fault(&self) -> &Fault {
        &self.rule.fault
    }

    /// The rule by itself, so that it can be read while its strike is told.
    pub(in crate::devnet::proxy) fn rule(&self) -> Arc<Rule> {
        Arc::clone(&self.rule)
    }

    /// It happened: `said` tells what was said or done instead.
    pub(in crate::devnet::proxy) fn strike(&mut self, said: &str) {
        let entry = |at| Entry {
            at,
            target: self.board.places[self.target].name.clone(),
            call: self.call.clone(),
            scenario: self.scenario.to_string(),
            rule: self.rule.name.clone(),
            said: said.into(),
        };
        let mut state = self.board.state();
        let entry = entry(state.record.now());
        tracing::debug!(target: "devnet::proxy", %entry, "struck");
        state.record.note(entry);
        // the first entry of a strike counts it; a rule may have more to tell about one call
        if !self.struck
            && let Some(running) = state.rule(self.id)
        {
            running.total += 1;
        }
        drop(state);
        self.struck = true;
    }

    /// Looks into what the rule remembers from call to call.
    pub(in crate::devnet::proxy) fn memory<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> T {
        let mut state = self.board.state();
        match state.rule(self.id) {
            Some(running) => look(&mut running.memory),
            // the scenario was loaded anew meanwhile
            None => look(&mut Memory::default()),
        }
    }
}

impl Drop for Fired {
    fn drop(&mut self) {
        if !self.struck
            && let Some(running) = self.board.state().rule(self.id)
        {
            running.struck = running.struck.saturating_sub(1);
        }
    }
}
