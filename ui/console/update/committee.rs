//! The committee editor: who will hold the key. Its result is a new proposal, which is approved like any other.

use casimir_dkg::view::Request;

use super::*;
use crate::console::app::Editor;

/// `e`
pub(super) fn open(app: &mut App) {
    let Some(action) = app.subject_action().filter(|a| a.is_proposed()) else {
        app.say(Token::Info, "no key generation or reshare waits here");
        return;
    };
    let Some(committee) = action.committee.clone() else {
        app.say(
            Token::Info,
            "only a key generation or a reshare has a committee to choose",
        );
        return;
    };
    let id = action.id;
    let given = action.undo.map(|_| action.its_approvals());
    // where a member is down, the editor begins with what the engine offers instead: enter proposes that
    let offered = committee.worse.as_ref().and_then(|worse| worse.instead.clone());
    let chosen = offered.unwrap_or_else(|| committee.proposed.clone());
    app.overlay = Some(Overlay::Committee(Editor {
        action: id,
        chosen,
        committee,
        selected: 0,
        offset: 0,
    }));
    if let Some(given) = given {
        let words =
            format!("{given} of {id} given so far would not be for another committee: it is approved anew");
        app.say(Token::Warn, words);
    }
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
    if editor.committee.threshold(editor.chosen.len()).is_none() {
        let text = format!(
            "a committee has {} operators, not {}",
            editor.committee.sizes_in_words(),
            editor.chosen.len()
        );
        app.say(Token::Warn, text);
        return vec![];
    }
    if editor.chosen == editor.committee.proposed {
        app.overlay = None;
        app.say(Token::Info, "the committee is as it was");
        return vec![];
    }
    let request = Request::SetCommittee {
        action: editor.action,
        committee: editor.chosen.clone(),
    };
    app.overlay = None;
    send::request(app, request)
}
