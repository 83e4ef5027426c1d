//! Who moves a case that stands still: a way on from everywhere, for every kind of case. Lives try each way that is shown, on
//! a copy, wherever a case comes to; it must be accepted where it is shown as open, and be refused where it is not. What
//! they find is compared with this table; what is in brackets they find seldom. The page `ways` of the handbook has the same
//! rows.
//!
//! | case | stands at | a person can |
//! | --- | --- | --- |
//! | deposit | await turn | retry, redo key, give up |
//! | deposit | ceremony approved | give up |
//! | deposit | ceremony runs | it moves by itself |
//! | deposit | ceremony unknown | declare lost |
//! | deposit | decide ceremony | decide, (redo key), give up |
//! | deposit | decide effect | decide, retry, redo key, give up |
//! | deposit | effect approved | retry, redo key, give up |
//! | deposit | everything paused | decide, resume, retry, declare lost, redo key, give up |
//! | deposit | execute | it moves by itself |
//! | deposit | follow | it moves by itself |
//! | deposit | given up | retry |
//! | deposit | halted | retry, redo key, give up |
//! | deposit | paused | decide, resume, retry, declare lost, redo key, give up |
//! | deposit | plan ceremony | retry, give up |
//! | deposit | plan effect | retry, redo key, give up |
//! | deposit | register | retry, redo key, give up |
//! | deposit | registration runs | it moves by itself |
//! | deposit | request gone | it moves by itself, (decide), retry, redo key, give up |
//! | exit | ceremony approved | give up |
//! | exit | ceremony runs | it moves by itself |
//! | exit | ceremony unknown | declare lost |
//! | exit | decide ceremony | decide, give up |
//! | exit | decide effect | decide, retry, give up |
//! | exit | effect approved | retry, give up |
//! | exit | everything paused | decide, resume, retry, declare lost, give up |
//! | exit | execute | it moves by itself, (give up) |
//! | exit | follow | it moves by itself |
//! | exit | given up | retry |
//! | exit | halted | retry, give up |
//! | exit | paused | decide, resume, retry, declare lost, give up |
//! | exit | plan ceremony | retry, give up |
//! | exit | plan effect | retry, give up |
//! | exit | request gone | it moves by itself, (decide), retry, give up |
//! | reshare | ceremony approved | give up |
//! | reshare | ceremony runs | it moves by itself |
//! | reshare | ceremony unknown | declare lost |
//! | reshare | decide ceremony | decide, give up |
//! | reshare | decide effect | decide, retry, give up |
//! | reshare | effect approved | retry, give up |
//! | reshare | everything paused | decide, resume, retry, declare lost, give up |
//! | reshare | execute | it moves by itself |
//! | reshare | given up | retry |
//! | reshare | halted | retry, give up |
//! | reshare | paused | decide, resume, retry, declare lost, give up |
//! | reshare | plan ceremony | retry, give up |
//! | reshare | plan effect | retry, give up |
//! | reshare | register | retry, give up |
//! | reshare | registration runs | it moves by itself |
//! | reshare | request gone | it moves by itself, (decide), retry, give up |
//!
//! What has left this machine, or is about to, is found out before it is given up. In mode observe the way out is a start
//! in another mode.

use std::collections::BTreeSet;

use super::world::World;
use crate::oracle::*;
use crate::types::*;

/// A row: kind of case, where it stands, and a way on from there; none where it is in flight and moves by itself.
pub(super) type Row = (String, &'static str, Option<Way>);

/// Where a case stands; `None` where it is over.
fn stands_at(state: &State, case: &Case) -> Option<&'static str> {
    let proposed = |action| {
        state
            .actions
            .get(action)
            .is_some_and(|a| a.state == ActionState::Proposed)
    };
    if case.is_closed() {
        return (case.given_up && can_retry(state, case).is_ok()).then_some("given up");
    }
    if state.paused.is_some() {
        return Some("everything paused");
    }
    if case.paused.is_some() {
        return Some("paused");
    }
    if doubtful_ceremony(state, case).is_some() {
        return Some("ceremony unknown");
    }
    if case.orphaned {
        return Some("request gone");
    }
    Some(match &case.step {
        Step::PlanCeremony => "plan ceremony",
        Step::DecideCeremony(action) if proposed(action) => "decide ceremony",
        Step::DecideCeremony(_) => "ceremony approved",
        Step::RunCeremony(_) => "ceremony runs",
        Step::AwaitTurn => "await turn",
        Step::Register(None) => "register",
        Step::Register(Some(_)) => "registration runs",
        Step::PlanEffect => "plan effect",
        Step::DecideEffect(action) if proposed(action) => "decide effect",
        Step::DecideEffect(_) => "effect approved",
        Step::Execute(_) => "execute",
        Step::Follow => "follow",
        Step::Halted { .. } => "halted",
        Step::Closed { .. } => return None,
    })
}

/// The command by which a person goes this way.
fn command(state: &State, case: &Case, way: Way) -> Option<Command> {
    let id = case.id;
    Some(match way {
        Way::Decide => {
            let (Step::DecideCeremony(action) | Step::DecideEffect(action)) = case.step else {
                return None;
            };
            let (digest, phrase) = (state.actions[&action].digest, state.actions[&action].phrase());
            let waiting = &state.actions[&action];
            let demand = state.settings.policy.demand(&waiting.proposal);
            if demand.personal_keys && waiting.approvable().is_ok() {
                // whoever approves it signs elsewhere; from a seat it can be rejected
                let reason = SafeText::new("it cannot be");
                return Some(Command::Reject {
                    action,
                    digest,
                    reason,
                });
            }
            Command::Approve {
                action,
                digest,
                phrase,
            }
        }
        Way::Resume => Command::Resume(case.paused.is_some().then_some(id)),
        Way::Retry => Command::Retry(id),
        Way::DeclareLost => Command::DeclareLost(doubtful_ceremony(state, case)?.0),
        Way::RedoKey => Command::RedoKey(id),
        Way::GiveUp => Command::GiveUp {
            case: id,
            reason: SafeText::new("it cannot be"),
        },
    })
}

/// What cannot be approved can be rejected.
fn rejection(state: &State, command: &Command) -> Option<Command> {
    let Command::Approve { action, digest, .. } = *command else {
        return None;
    };
    state.actions[&action].approvable().err()?;
    let reason = SafeText::new("it cannot be");
    Some(Command::Reject {
        action,
        digest,
        reason,
    })
}

/// So often in a life are the ways of one kind of case tried that stands at one thing, where not all are.
const FIRST_TRIED: u32 = 6;

impl World {
    /// Whether a person can move each case, tried on a copy whenever one has come somewhere.
    pub(super) fn check_ways(&mut self) {
        if self.state.mode() == Mode::Observe {
            return;
        }
        let cases = self.state.cases.values();
        let stand: Vec<_> = cases
            .filter_map(|c| Some((c.id, c.moved_by, stands_at(&self.state, c)?)))
            .collect();
        for (id, moved_by, stands) in stand {
            if self.stood.insert(id, (moved_by, stands)) != Some((moved_by, stands)) {
                let tried = self.tried.entry((id.kind, stands)).or_insert(0);
                *tried += 1;
                if self.tries_all_ways || *tried <= FIRST_TRIED {
                    self.check_ways_of(id, stands);
                }
            }
        }
    }

    fn check_ways_of(&mut self, id: CaseId, stands: &'static str) {
        let Ways { on, awaits } = ways(&self.state, &self.state.cases[&id]);
        let kind = id.kind.to_string();
        let mut found = Vec::new();
        for WayOn { way, can, .. } in on {
            let command = command(&self.state, &self.state.cases[&id], way)
                .unwrap_or_else(|| panic!("{id} {stands}: {way:?} is shown and is no command"));
            let rejection = rejection(&self.state, &command);
            let goes = self.goes(command);
            assert_eq!(
                goes.is_ok(),
                can.is_ok(),
                "{id} {stands}: {way:?}: {goes:?}, {can:?}"
            );
            let instead = rejection.map(|command| self.goes(command));
            let leads_on = goes.unwrap_or_default() || instead.is_some_and(|goes| goes.unwrap_or_default());
            assert!(
                can.is_err() || leads_on || way == Way::Retry,
                "{id} {stands}: {way:?} leads nowhere"
            );
            found.extend(leads_on.then_some(way).or(can.is_ok().then_some(way)));
        }
        assert!(
            !found.is_empty() || awaits.is_some(),
            "{id} {stands}: no way on, and nothing that it waits for"
        );
        if found.is_empty() {
            assert!(IN_FLIGHT.contains(&stands), "{id} {stands}: no way out");
            self.seen.ways.insert((kind.clone(), stands, None));
        }
        let found = found.into_iter().map(|way| (kind.clone(), stands, Some(way)));
        self.seen.ways.extend(found);
    }

    /// Whether a command is accepted now, and whether it changes anything that lasts, or will once stale checks are made
    /// again.
    fn goes(&self, command: Command) -> Result<bool, Refusal> {
        let mut state = self.state.clone();
        // somebody who has not approved it yet
        let by = SafeText::new("dora").into();
        let approved = match &command {
            Command::Approve { action, .. } => Some(*action),
            _ => None,
        };
        let input = Input::Command { by, command };
        let at = UnixMillis(self.now);
        let entropy = [0xff; 24];
        let (output, reply) = step(
            &mut state,
            Stamped {
                at,
                up_ms: at.0 - self.pushed,
                entropy,
                input,
            },
        );
        reply.expect("a command has an answer")?;
        let refreshes = approved.is_some_and(|action| state.approving(action).is_some());
        Ok(!output.records.is_empty() || refreshes)
    }
}

/// Where nothing but the end is waited for: what has left, or is about to, may take effect at any time.
const IN_FLIGHT: [&str; 5] = [
    "ceremony runs",
    "registration runs",
    "execute",
    "follow",
    "request gone",
];

fn words(way: Option<Way>) -> &'static str {
    match way {
        None => "it moves by itself",
        Some(Way::Decide) => "decide",
        Some(Way::Resume) => "resume",
        Some(Way::Retry) => "retry",
        Some(Way::DeclareLost) => "declare lost",
        Some(Way::RedoKey) => "redo key",
        Some(Way::GiveUp) => "give up",
    }
}

/// What the table says and lives did not find, and the other way round, in words.
pub(super) fn differences(found: &BTreeSet<Row>) -> Vec<String> {
    let row = |(kind, stands, way): &Row| format!("{kind} at {stands}: {}", words(*way));
    let found: BTreeSet<_> = found.iter().map(row).collect();
    let (always, seldom) = table();
    let missed = always.difference(&found);
    let missed = missed.map(|row| format!("no life found what the table says: {row}"));
    let news = found
        .iter()
        .filter(|row| !always.contains(*row) && !seldom.contains(*row));
    let news = news.map(|row| format!("the table does not say: {row}"));
    missed.chain(news).collect()
}

/// The table above: what lives must find, and what they find seldom.
fn table() -> (BTreeSet<String>, BTreeSet<String>) {
    let lines = include_str!("ways.rs").lines();
    let rows = lines.filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"));
    let (mut always, mut seldom) = (BTreeSet::new(), BTreeSet::new());
    for row in rows.skip(2) {
        let cells: Vec<_> = row.split(" | ").collect();
        let [kind, stands, ways] = cells[..] else {
            panic!("not a row of the table: {row}")
        };
        for way in ways.split(", ") {
            let (rows, way) = match way.strip_prefix('(').and_then(|way| way.strip_suffix(')')) {
                Some(way) => (&mut seldom, way),
                None => (&mut always, way),
            };
            rows.insert(format!("{kind} at {stands}: {way}"));
        }
    }
    (always, seldom)
}
