//! Who moves a case that stands still. Wherever nothing moves by itself, a person has a wish that is accepted and leads
//! on; lives are stopped at each of these places and the wish is tried. The table is compared with what lives find.
//!
//! | case | stands at | a person can |
//! | --- | --- | --- |
//! | deposit | everything paused | resume |
//! | deposit | paused | resume |
//! | deposit | halted | retry |
//! | deposit | decide-ceremony | approve or reject |
//! | deposit | decide-effect | approve or reject |
//! | deposit | ceremony unknown | declare lost |
//! | reshare | everything paused | resume |
//! | reshare | paused | resume |
//! | reshare | halted | retry |
//! | reshare | decide-ceremony | approve or reject |
//! | reshare | decide-effect | approve or reject |
//! | reshare | ceremony unknown | declare lost |
//! | exit | everything paused | resume |
//! | exit | paused | resume |
//! | exit | halted | retry |
//! | exit | decide-ceremony | approve or reject |
//! | exit | decide-effect | approve or reject |
//! | exit | ceremony unknown | declare lost |
//!
//! What moves by itself is not in it: a ceremony that runs, a transaction or exit that is followed, a case that waits for
//! the contract's queue or for another case, and one whose request left the chain, which returns or is over. In mode
//! observe the way out is a start in another mode.
//!
//! Known dead ends, until a person can give a case up: a reshare whose pool has left (the desk refuses it each time it is
//! retried), and one that waits for the new shares of another reshare whose request left the chain for good. Lives count
//! them (`dead_end` in `lives.rs`) and accept no others.

use std::collections::BTreeSet;

use super::world::World;
use crate::oracle::*;
use crate::types::*;

const WAY_OUT: [(&str, &str); 6] = [
    ("everything paused", "resume"),
    ("paused", "resume"),
    ("halted", "retry"),
    ("decide-ceremony", "approve or reject"),
    ("decide-effect", "approve or reject"),
    ("ceremony unknown", "declare lost"),
];

/// Where a case stands still until a person comes.
fn stands_at(state: &State, case: &Case) -> Option<&'static str> {
    let proposed = |action| {
        state
            .actions
            .get(action)
            .is_some_and(|a| a.state == ActionState::Proposed)
    };
    if case.is_closed() || case.orphaned {
        return None;
    }
    if state.paused.is_some() {
        return Some("everything paused");
    }
    if case.paused.is_some() {
        return Some("paused");
    }
    match &case.step {
        Step::Halted { .. } => Some("halted"),
        Step::DecideCeremony(action) if proposed(action) => Some("decide-ceremony"),
        Step::DecideEffect(action) if proposed(action) => Some("decide-effect"),
        _ => doubtful_ceremony(state, case).map(|_| "ceremony unknown"),
    }
}

/// The wish that leads on from there.
fn way_out(state: &State, case: &Case, stands: &str) -> Option<Wish> {
    let decide = |id: &ActionId| {
        let action = &state.actions[id];
        let (action, digest, phrase) = match action.approvable() {
            Ok(()) => (*id, action.digest, action.phrase()),
            Err(_) => {
                return Wish::Reject {
                    action: *id,
                    digest: action.digest,
                    reason: SafeText::new("it cannot be"),
                };
            }
        };
        Wish::Approve {
            action,
            digest,
            phrase,
        }
    };
    match (stands, &case.step) {
        ("everything paused", _) => Some(Wish::Resume(None)),
        ("paused", _) => Some(Wish::Resume(Some(case.id))),
        ("halted", _) => Some(Wish::Retry(case.id)),
        (_, Step::DecideCeremony(action) | Step::DecideEffect(action)) => Some(decide(action)),
        _ => doubtful_ceremony(state, case).map(|(request, _)| Wish::DeclareLost(request)),
    }
}

impl World {
    /// Whether a person could move each case that stands still, tried on a copy whenever one has come there.
    pub(super) fn check_ways(&mut self) {
        if self.mode == Mode::Observe {
            return;
        }
        let cases = self.state.cases.values();
        let still: Vec<_> = cases
            .filter_map(|c| Some((c.id, c.moved_by, stands_at(&self.state, c)?)))
            .collect();
        for (id, moved_by, stands) in still {
            if self.stood.insert(id, (moved_by, stands)) == Some((moved_by, stands)) {
                continue;
            }
            let case = &self.state.cases[&id];
            let wish =
                way_out(&self.state, case, stands).unwrap_or_else(|| panic!("{id} {stands}: no way out"));
            let mut state = self.state.clone();
            let input = Input::Wish {
                by: SafeText::new("ann"),
                wish,
            };
            let at = UnixMillis(self.now);
            let entropy = [0xff; 24];
            let (output, reply) = step(&mut state, Stamped { at, entropy, input });
            let accepted = matches!(reply, Some(Ok(_)));
            assert!(accepted, "{id} {stands}: the way out is refused: {reply:?}");
            assert!(
                !output.records.is_empty(),
                "{id} {stands}: the way out leads nowhere"
            );
            self.seen.ways.insert((id.kind.to_string(), stands));
        }
    }
}

/// The rows of the table above.
pub(super) fn table() -> BTreeSet<(String, &'static str)> {
    let mut rows = BTreeSet::new();
    for line in include_str!("ways.rs").lines() {
        let Some(row) = line.strip_prefix("//! | ") else {
            continue;
        };
        let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
        let way = WAY_OUT
            .iter()
            .find(|(stands, wish)| cells[1..] == [*stands, *wish]);
        if let Some((stands, _)) = way {
            rows.insert((cells[0].to_owned(), *stands));
        }
    }
    rows
}
