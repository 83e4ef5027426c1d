//! Like actions, approved together: each is marked, one page shows all of them, and their number is typed. Each approval
//! names its own digest and is journaled as its own; what would be refused alone is refused here, and named.

use casimir_dkg::view::Request;
use crossterm::event::KeyCode;
use tui_input::{Input, InputRequest};

use super::*;
use crate::console::app::{Pending, Subject};
use crate::console::keys::Key;
use crate::console::screens::panes::APPROVALS;

/// The mark key: on the selected action, or on the page in view. In a list the selection goes on to the next row.
pub(super) fn mark(app: &mut App) {
    let Some(action) = app.subject_action().cloned() else {
        return app.say(Token::Info, "nothing here waits for a decision");
    };
    if app.is_marked(&action) {
        app.marked.retain(|(id, _)| *id != action.id);
        return app.say(Token::Info, format!("{} is not marked any more", action.id));
    }
    if let Err(why) = app.can_be_batched(&action) {
        return app.say(Token::Info, format!("{} is not marked: {why}", action.id));
    }
    let mut others = app.marked.iter().filter_map(|(id, _)| app.snapshot.action(*id));
    if let Some(other) = others.rfind(|other| other.kind != action.kind) {
        let text = format!(
            "{} is not marked: it is a {}, and marked are those of kind {}",
            action.id, action.kind, other.kind
        );
        return app.say(Token::Info, text);
    }
    app.marked.retain(|(id, _)| *id != action.id);
    app.marked.push((action.id, action.digest));
    let count = format::count(app.marked.len(), "action is marked", "actions are marked");
    app.say(Token::Ok, count);
    if app.details.is_empty() && app.pane() == APPROVALS {
        navigate::step(app, navigate::Step::Lines(1));
    }
}

/// Takes every mark away; whether there was one.
pub(super) fn unmark(app: &mut App) -> bool {
    let any = !app.marked.is_empty();
    if any {
        app.marked.clear();
        app.say(Token::Info, "nothing is marked any more");
    }
    any
}

/// The page of what is marked.
pub(super) fn open(app: &mut App) {
    if app.marked.is_empty() {
        return app.say(Token::Info, "nothing is marked");
    }
    app.overlay = Some(Overlay::Batch(Box::new(app.batch())));
}

/// Digits are typed once the page was on the screen for a moment; any other key says so.
pub(super) fn key(app: &mut App, key: Key) {
    let (mono, grace) = (app.now.mono, app.settings.grace);
    let Some(Overlay::Batch(batch)) = &mut app.overlay else {
        return;
    };
    let request = match (key.code, key.character()) {
        (KeyCode::Backspace, _) => InputRequest::DeletePrevChar,
        (_, Some(c)) if c.is_ascii_digit() => match batch.ready(mono, grace) {
            // the count stands at the end: what is typed before it would be kept unseen
            true if !batch.is_read() => {
                batch.seek_unread();
                batch.problem = Some(format!("{c} came before the end: here is the rest"));
                return;
            }
            true => InputRequest::InsertChar(c),
            false => return app.say(Token::Info, format!("{c} came too early: look at the page first")),
        },
        _ => {
            let text = format!("{key} is no key here: what is typed is how many they are");
            return app.say(Token::Info, text);
        }
    };
    if batch.input.value().len() < 4 || request == InputRequest::DeletePrevChar {
        batch.input.handle(request);
    }
    batch.problem = None;
}

/// Enter: the typed number must be theirs, and every line must have been on the screen.
pub(super) fn submit(app: &mut App) -> Vec<Effect> {
    let Some(Overlay::Batch(batch)) = &mut app.overlay else {
        return vec![];
    };
    let count = batch.actions.len();
    if count == 0 {
        batch.problem = Some("none of these can be approved now".to_owned());
        return vec![];
    }
    if !batch.is_read() {
        batch.seek_unread();
        batch.problem = Some("not all of it was on the screen: here is the rest".to_owned());
        return vec![];
    }
    if batch.input.value().parse() != Ok(count) {
        let typed = std::mem::take(&mut batch.input);
        batch.problem = Some(match typed.value() {
            "" => format!("type how many they are: {count}"),
            typed => format!("{typed} is not how many they are: {count}"),
        });
        return vec![];
    }
    let Some(Overlay::Batch(batch)) = app.overlay.take() else {
        return vec![];
    };
    let mut effects = Vec::new();
    let first = app.next_ticket;
    for action in &batch.actions {
        app.marked.retain(|(id, _)| *id != action.id);
        effects.extend(send::request(
            app,
            Request::Approve {
                action: action.id,
                digest: action.digest,
                phrase: None,
            },
        ));
    }
    let sent = app.pending.iter_mut().filter(|pending| pending.ticket >= first);
    sent.for_each(|pending| pending.together = Some(first));
    if !effects.is_empty() {
        // marking has led down to what is over: the next that waits is in front again
        app.with_list(APPROVALS, |list, _| list.picked = false);
        let text = format::count(
            count,
            "approval is sent",
            "approvals are sent, each for its own digest",
        );
        app.say(Token::Pending, text);
    }
    effects
}

/// What each of those came to that were sent together with this one, where all of them are answered: what the engine says of
/// several alike is said once.
pub(super) fn came_to(app: &App, ticket: u64) -> Option<String> {
    let of = |pending: &&Pending| pending.together == Some(ticket);
    let mut said: Vec<(String, Vec<String>)> = Vec::new();
    for pending in app.pending.iter().filter(of) {
        let Subject::Action(id) = pending.subject else {
            continue;
        };
        let id = id.to_string();
        let words = match pending.reply.as_ref()? {
            Ok(accepted) => accepted.message.as_str().replacen(&id, "", 1).trim().to_owned(),
            Err(why) => why.in_full(),
        };
        match said.iter_mut().find(|(other, _)| *other == words) {
            Some((_, ids)) => ids.push(id),
            None => said.push((words, vec![id])),
        }
    }
    let said = said
        .into_iter()
        .map(|(words, ids)| format!("{}: {words}", ids.join(", ")));
    let said: Vec<_> = said.collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// A new state came: marks of what changed or was decided go, and a page that shows such a thing is made anew.
pub(super) fn renew(app: &mut App) {
    let snapshot = app.snapshot.clone();
    app.read.retain(|read| {
        snapshot
            .action(read.id)
            .is_some_and(|now| read.is_shown_as(now) && now.takes_approval())
    });
    let stands = |(id, digest): &crate::console::app::Mark| {
        let now = snapshot.action(*id);
        now.is_some_and(|now| now.takes_approval() && now.digest == *digest)
    };
    let gone: Vec<_> = app
        .marked
        .iter()
        .filter(|mark| !stands(mark))
        .map(|(id, _)| *id)
        .collect();
    let Some(Overlay::Batch(batch)) = &app.overlay else {
        app.marked.retain(stands);
        if let Some(id) = gone.first() {
            app.say(
                Token::Warn,
                format!("{id} changed or was decided: its mark is gone"),
            );
        }
        return;
    };
    let shown = |action: &casimir_dkg::view::ActionView| {
        let now = snapshot.action(action.id);
        now.is_some_and(|now| action.is_shown_as(now)) && app.can_be_batched(action).is_ok()
    };
    let changed: Vec<_> = batch
        .actions
        .iter()
        .filter(|action| !shown(action))
        .map(|a| a.id)
        .collect();
    let Some(id) = changed.first() else { return };
    let text = format!("{id} changed or was decided meanwhile: read the page again");
    let mut again = app.batch();
    app.marked.retain(stands);
    again.input = Input::default();
    again.problem = Some(text);
    app.overlay = Some(Overlay::Batch(Box::new(again)));
}
