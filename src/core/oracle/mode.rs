//! Who decides, and how a person changes that while the engine runs.
//!
//! Taking the decision from the rules works at once and stays so over restarts: a person who took the oracle off auto does
//! not find it on again after a reboot. Giving it to the rules takes a typed word, and ends with the process unless the
//! process is started in mode auto: no journal alone takes the decision from anybody.

use serde::{Deserialize, Serialize};

use super::command::{Answer, not_now};
use super::turn::Turn;
use super::{ActionState, Case, Decider, Mode, Record, Refusal, State, Step, people};
use crate::types::{ActionId, SafeText, UnixMillis, counted};

/// A person switched the mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switched {
    pub to: Mode,
    pub by: SafeText,
    pub at: UnixMillis,
}

impl State {
    /// Who decides now: what a person switched to in this run; else the more careful one of what the process was started
    /// with and what a person switched to before.
    #[must_use]
    pub fn mode(&self) -> Mode {
        let configured = self.settings.mode;
        let before = || {
            self.switched
                .as_ref()
                .map_or(configured, |s| s.to.min(configured))
        };
        self.volatile.mode.unwrap_or_else(before)
    }

    /// By whom it was switched, where it is not the mode that the process was started with.
    #[must_use]
    pub fn switched_away(&self) -> Option<&Switched> {
        self.switched
            .as_ref()
            .filter(|_| self.mode() != self.settings.mode)
    }
}

/// What switches to mode auto, typed by a person.
const WORD: &str = "auto";

pub(super) fn switch(turn: &mut Turn<'_>, by: &SafeText, to: Mode, word: Option<&str>) -> Answer {
    let from = turn.state.mode();
    if to == from {
        return Err(not_now(format!("it is in mode {to} already")));
    }
    if turn.state.settings.mode == Mode::Observe {
        return Err(Refusal::Mode(SafeText::new(
            "this process was started in mode observe, without the oracle's key: start it in mode supervised or auto",
        )));
    }
    if to == Mode::Auto {
        if let Some(why) = &turn.state.settings.policy.suspended {
            return Err(not_now(format!("no rule would decide: {why}")));
        }
        if turn.state.settings.policy.rules.is_empty() {
            return Err(not_now(
                "mode auto without a rule would approve nothing: write a [[policy.rule]] first",
            ));
        }
        if word != Some(WORD) {
            return Err(not_now(format!(
                "in mode auto the rules decide, and nobody is asked where one matches: type the word «{WORD}»"
            )));
        }
    }
    turn.record(Record::ModeSwitched {
        from,
        to,
        by: by.clone(),
    });
    let taken_back = if to < Mode::Auto {
        take_back(turn, by, to)
    } else {
        0
    };
    if to == Mode::Observe {
        people::drop_all_approving(turn, &format!("{by} switched to mode {to}"));
    }
    forget_words(turn);
    let words = match to {
        Mode::Observe => "nothing is decided, and nothing leaves this machine",
        Mode::Supervised => "a person decides every action",
        Mode::Auto => "the rules decide from now on, and what none covers waits for a person",
    };
    let asked = match taken_back {
        0 => String::new(),
        n => format!("; {} of rules are asked again", counted(n, "approval")),
    };
    Ok(SafeText::new(&format!("mode {to}: {words}{asked}")))
}

/// Nothing leaves on a rule's word any more, but for what is being handed over at this moment. What people approved stands.
fn take_back(turn: &mut Turn<'_>, by: &SafeText, to: Mode) -> usize {
    let here = |id: ActionId| {
        let action = turn.state.actions.get(&id)?;
        let rule = match action.decision.as_ref().map(|d| &d.decider) {
            Some(Decider::Rule { name }) if action.state == ActionState::Approved => name.clone(),
            _ => return None,
        };
        (!turn.state.is_handed_over(id)).then_some((id, rule))
    };
    let open = turn.state.open.iter().filter_map(|id| turn.state.cases.get(id));
    let held: Vec<_> = open
        .filter_map(|case| match case.step {
            Step::DecideCeremony(id) | Step::DecideEffect(id) => here(id),
            _ => None,
        })
        .collect();
    for (action, rule) in &held {
        let reason =
            format!("rule {rule} had approved it, and it had not left when {by} switched to mode {to}");
        turn.record(Record::ActionVoided {
            action: *action,
            reason: SafeText::new(&reason),
        });
    }
    held.len()
}

/// Why rules let something wait, or that nobody decides, is said anew.
fn forget_words(turn: &mut Turn<'_>) {
    let decides = |case: &Case| matches!(case.step, Step::DecideCeremony(_) | Step::DecideEffect(_));
    let mut waiting = std::mem::take(&mut turn.state.volatile.waiting);
    waiting.retain(|id, _| !turn.state.cases.get(id).is_some_and(decides));
    turn.state.volatile.waiting = waiting;
}

#[cfg(test)]
mod tests;
