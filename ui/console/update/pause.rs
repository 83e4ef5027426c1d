//! Pause and resume. Pausing is the safe direction and happens at once; resuming lets things leave this machine again
//! and asks.

use std::time::Duration;

use casimir_dkg::types::{ActionId, counted};
use casimir_dkg::view::{ActionState, Request, Scope};

use super::*;
use crate::console::app::Ask;

/// Where the selection moved by itself so shortly before the key, the key may have been meant for another row.
const SEEN_AFTER: Duration = Duration::from_secs(2);

/// The selected case.
pub(super) fn case(app: &mut App) -> Vec<Effect> {
    let Some(case) = app.subject_case() else {
        app.say(Token::Info, "select a case to pause; P pauses everything");
        return vec![];
    };
    let paused = app.known().case(case).is_some_and(|c| c.paused);
    let moved = app.moved.filter(|moved| app.now.mono < *moved + SEEN_AFTER);
    if moved.is_some() && !paused {
        ask::open(
            app,
            Ask {
                question: format!("Pause {case}?"),
                lines: vec!["The selection has just moved here by itself.".to_owned()],
                verb: "pause",
                request: Request::Pause {
                    scope: Scope::Case(case),
                },
                quiet_since: None,
                window: Default::default(),
            },
        );
        return vec![];
    }
    toggle(app, Scope::Case(case), paused, &case.to_string())
}

pub(super) fn everything(app: &mut App) -> Vec<Effect> {
    let paused = app.snapshot.paused.is_some();
    toggle(app, Scope::All, paused, "everything")
}

fn toggle(app: &mut App, scope: Scope, paused: bool, what: &str) -> Vec<Effect> {
    if !paused {
        return send::request(app, Request::Pause { scope });
    }
    let mut lines = held(app, scope);
    if scope == Scope::All {
        // why it is paused, before what follows from ending it
        lines.splice(0..0, app.snapshot.why_paused());
    }
    ask::open(
        app,
        Ask {
            question: format!("Resume {what}?"),
            lines,
            verb: "resume",
            request: Request::Resume { scope },
            quiet_since: None,
            window: Default::default(),
        },
    );
    vec![]
}

/// So many actions are named.
const NAMED: usize = 6;

/// What leaves when the pause ends.
fn held(app: &App, scope: Scope) -> Vec<String> {
    let of_scope = |id: ActionId| match scope {
        Scope::All => true,
        Scope::Case(case) => id.case == case,
    };
    let actions = app.snapshot.actions.iter();
    let held: Vec<_> = actions
        .filter(|action| action.state == ActionState::Approved && of_scope(action.id))
        .collect();
    let refreshing = crate::summary::refreshing(&app.snapshot).filter(|(action, _)| of_scope(action.id));
    let refreshing: Vec<_> = refreshing
        .map(|(action, it)| format!("{} ({}) is {}", action.id, action.risk.word(), it.words()))
        .collect();
    if held.is_empty() && !refreshing.is_empty() {
        return refreshing;
    }
    if held.is_empty() {
        return vec!["Nothing that was approved is held back.".to_owned()];
    }
    let mut lines = vec![format!(
        "{} held back and will leave:",
        counted(held.len(), "approved action")
    )];
    let named = held.iter().take(NAMED);
    lines.extend(named.map(|action| format!("{} ({}): {}", action.id, action.risk.word(), action.title)));
    if let Some(more) = held.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.extend(refreshing);
    lines
}
