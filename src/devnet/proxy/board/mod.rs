//! The board: which scenarios there are, which rules are on, what was asked and what was done.

mod fired;
mod memory;
mod record;
mod running;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

pub(super) use fired::Fired;
pub(super) use memory::Memory;
use record::Record;
pub use record::{CallCount, Entry};
use running::{Loaded, Running};

use super::error::ProxyError;
use super::handle::{RuleView, ScenarioView, Switch};
use super::scenario::{At, Call, Scenario};
use super::target::{Kind, Target};

/// More scenarios at once are a leak of whoever loads them.
const MAX_SCENARIOS: usize = 256;

/// Everything that the listeners share.
#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
    places: Vec<Place>,
    /// Something was switched or pulled: standing connections look again.
    changed: watch::Sender<()>,
}

/// Where a target stands.
#[derive(Debug)]
pub(super) struct Place {
    kind: Kind,
    /// Among those of its kind, from 0.
    nth: usize,
    name: String,
}

#[derive(Debug)]
struct State {
    scenarios: Vec<Loaded>,
    /// When each lever was pulled last, in the order of all switches and pulls.
    levers: BTreeMap<String, u64>,
    order: u64,
    next_rule: u64,
    record: Record,
}

impl Place {
    pub(super) fn is(&self, at: &At) -> bool {
        match at {
            At::Kind(kind) => self.kind == *kind,
            At::Nth(kind, nth) => self.kind == *kind && self.nth == *nth,
            At::Name(name) => self.name == *name,
        }
    }
}

impl State {
    fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    fn rule(&mut self, id: u64) -> Option<&mut Running> {
        self.scenarios
            .iter_mut()
            .flat_map(|scenario| &mut scenario.rules)
            .find(|rule| rule.id == id)
    }

    fn scenario(&mut self, name: &str) -> Result<&mut Loaded, ProxyError> {
        match self.scenarios.iter().position(|scenario| *scenario.name == *name) {
            Some(at) => Ok(&mut self.scenarios[at]),
            None => {
                let known = self.scenarios.iter().map(|scenario| &*scenario.name);
                Err(ProxyError::unknown("scenario", name, known))
            }
        }
    }
}

impl Board {
    pub(super) fn new(targets: &[Target]) -> Self {
        let place = |(index, target): (usize, &Target)| Place {
            kind: target.kind,
            nth: targets[..index]
                .iter()
                .filter(|other| other.kind == target.kind)
                .count(),
            name: target.name.clone(),
        };
        Self {
            state: Mutex::new(State {
                scenarios: Vec::new(),
                levers: BTreeMap::new(),
                order: 0,
                next_rule: 0,
                record: Record::new(),
            }),
            places: targets.iter().enumerate().map(place).collect(),
            changed: watch::Sender::new(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Puts a scenario on the board, all of it off; one of the same name is replaced.
    pub(super) fn load(&self, scenario: Scenario) -> Result<(), ProxyError> {
        for rule in &scenario.rules {
            for at in &rule.at {
                if !self.places.iter().any(|place| place.is(at)) {
                    let names: Vec<&str> = self.places.iter().map(|place| place.name.as_str()).collect();
                    return Err(ProxyError::NoSuchTarget {
                        scenario: scenario.name.as_str().into(),
                        rule: rule.name.as_str().into(),
                        target: at.to_string().into(),
                        targets: names.join(", ").into(),
                    });
                }
            }
        }
        let mut state = self.state();
        state.scenarios.retain(|loaded| *loaded.name != *scenario.name);
        if state.scenarios.len() >= MAX_SCENARIOS {
            return Err(ProxyError::Start(
                format!("more than {MAX_SCENARIOS} scenarios are loaded").into(),
            ));
        }
        let first = state.next_rule;
        state.next_rule += scenario.rules.len() as u64;
        state.scenarios.push(Loaded::new(scenario, first));
        drop(state);
        self.changed.send_replace(());
        Ok(())
    }

    /// Switches a scenario, or one rule of it. What was counted for the rules begins anew when they are switched on.
    pub(super) fn switch(&self, scenario: &str, rule: Option<&str>, to: Switch) -> Result<(), ProxyError> {
        let mut state = self.state();
        let order = state.next_order();
        let loaded = state.scenario(scenario)?;
        let known = || loaded.rules.iter().map(|rule| rule.rule.name.as_str());
        if let Some(wanted) = rule
            && !known().any(|name| name == wanted)
        {
            return Err(ProxyError::unknown("rule", wanted, known()));
        }
        for running in &mut loaded.rules {
            if rule.is_none_or(|name| name == running.rule.name) {
                running.switch(to, order);
            }
        }
        drop(state);
        tracing::info!(target: "devnet::proxy", scenario, rule, to = %to, "switched");
        self.changed.send_replace(());
        Ok(())
    }

    /// Pulls a lever that some loaded rule waits for.
    pub(super) fn pull(&self, lever: &str) -> Result<(), ProxyError> {
        let mut state = self.state();
        let mut known: Vec<String> = Vec::new();
        for running in state.scenarios.iter().flat_map(|scenario| &scenario.rules) {
            known.extend(running.rule.when.from_lever.clone());
            known.extend(running.rule.when.to_lever.clone());
        }
        known.sort_unstable();
        known.dedup();
        if !known.iter().any(|name| name == lever) {
            return Err(ProxyError::unknown(
                "lever",
                lever,
                known.iter().map(String::as_str),
            ));
        }
        let order = state.next_order();
        state.levers.insert(lever.to_owned(), order);
        drop(state);
        tracing::info!(target: "devnet::proxy", lever, "pulled");
        self.changed.send_replace(());
        Ok(())
    }

    /// The rules that strike this call, in the order of the scenarios and of the file.
    pub(super) fn decide(self: &Arc<Self>, target: usize, call: &Call) -> Vec<Fired> {
        let place = &self.places[target];
        let now = Instant::now();
        let mut state = self.state();
        let State {
            scenarios, levers, ..
        } = &mut *state;
        let mut fired = Vec::new();
        for scenario in scenarios.iter_mut() {
            for running in &mut scenario.rules {
                if running.concerns(place, call, now, levers) && running.take() {
                    fired.push(Fired::new(self, target, call, &scenario.name, running));
                }
            }
        }
        fired
    }

    /// The rule that cuts or silences what stands because of this call. Rules that count calls do not.
    pub(super) fn standing(self: &Arc<Self>, target: usize, opening: &Call) -> Option<Fired> {
        let place = &self.places[target];
        let now = Instant::now();
        let mut state = self.state();
        let State {
            scenarios, levers, ..
        } = &mut *state;
        for scenario in scenarios.iter_mut() {
            for running in &mut scenario.rules {
                if running.ends_streams() && running.concerns(place, opening, now, levers) && running.take() {
                    return Some(Fired::new(self, target, opening, &scenario.name, running));
                }
            }
        }
        None
    }

    pub(super) fn count(&self, target: usize, call: &Call) {
        self.state().record.count(target, call.label());
    }

    /// Every target and method with its calls.
    pub(super) fn counts(&self) -> Vec<CallCount> {
        let names: Vec<&str> = self.places.iter().map(|place| place.name.as_str()).collect();
        self.state().record.counts(&names)
    }

    pub(super) fn log(&self) -> (Vec<Entry>, u64) {
        self.state().record.log()
    }

    pub(super) fn views(&self) -> Vec<ScenarioView> {
        let state = self.state();
        let rule = |running: &Running| RuleView {
            name: running.rule.name.clone(),
            on: running.on,
            strikes: running.total,
        };
        let scenario = |loaded: &Loaded| ScenarioView {
            name: loaded.name.to_string(),
            about: loaded.about.clone(),
            rules: loaded.rules.iter().map(rule).collect(),
        };
        state.scenarios.iter().map(scenario).collect()
    }
}
