//! The committee editor: who will hold the key. Its result is a new proposal, which is approved like any other.

use casimir_dkg::engine::Request;
use casimir_dkg::oracle::ActionState;
use casimir_dkg::types::threshold_for;

use super::*;
use crate::console::app::Editor;
use crate::console::app::editable_committee;

/// `e`
pub(super) fn open(app: &mut App) {
    let Some(action) = app.subject_action().filter(|a| a.state == ActionState::Proposed) else {
        app.say(Token::Info, "no key generation or reshare waits here");
        return;
    };
    let Some((chosen, old)) = editable_committee(action) else {
        app.say(
            Token::Info,
            "only a key generation or a reshare has a committee to choose",
        );
        return;
    };
    // the plan names only the operators that deal; who leaves is seen against everyone who holds a share now
    let pool = action.id.case.pool;
    let holders = app.snapshot.validators.iter().find(|v| v.pool == pool);
    let old = match holders {
        Some(validator) if !old.is_empty() && !validator.operators.is_empty() => validator.operators.clone(),
        _ => old,
    };
    app.overlay = Some(Overlay::Committee(Editor {
        action: action.id,
        proposed: chosen.clone(),
        old,
        chosen,
        selected: 0,
        offset: 0,
    }));
}

/// Puts the operator under the cursor in or out.
pub(super) fn toggle(app: &mut App) {
    let Some(Overlay::Committee(editor)) = &mut app.overlay else {
        return;
    };
    let Some(operator) = app.snapshot.operators.get(editor.selected) else {
        return;
    };
    match editor.chosen.binary_search(&operator.id) {
        Ok(at) => {
            editor.chosen.remove(at);
        }
        Err(at) => editor.chosen.insert(at, operator.id),
    }
}

/// Enter: proposes the committee.
pub(super) fn propose(app: &mut App) -> Vec<Effect> {
    let Some(Overlay::Committee(editor)) = &app.overlay else {
        return vec![];
    };
    if threshold_for(editor.chosen.len()).is_none() {
        let text = format!(
            "a committee has 4, 7, 10 or 13 operators, not {}",
            editor.chosen.len()
        );
        app.say(Token::Warn, text);
        return vec![];
    }
    if editor.chosen == editor.proposed {
        app.overlay = None;
        app.say(Token::Info, "the committee is as it was");
        return vec![];
    }
    let request = Request::SetCommittee {
        action: editor.action,
        committee: editor.chosen.clone(),
        by: app.settings.user.clone(),
    };
    app.overlay = None;
    send::request(app, request)
}
