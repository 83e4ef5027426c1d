//! The engine's answer to a request. It is shown as what it is; what really happened comes with the next snapshot.

use casimir_dkg::view::{Refused, Reply};

use super::*;

pub(super) fn arrived(app: &mut App, ticket: u64, reply: Reply) -> Vec<Effect> {
    if let Some(leaving) = app.leaving.as_ref().filter(|l| l.ticket == ticket) {
        // accepted: the engine closes its side when it has finished
        return match reply {
            Ok(_) => vec![],
            Err(_) => vec![Effect::Exit(leaving.reason)],
        };
    }
    let mono = app.now.mono;
    let Some(pending) = app.pending.iter_mut().find(|p| p.ticket == ticket) else {
        return vec![];
    };
    // from here on it is an answer that gets old
    pending.sent = mono;
    if let Err(Refused::Stale(_)) = &reply {
        // the detail view is still open and shows what changed, from the snapshot
        let text = format!(
            "{}: {}",
            pending.what, "it changed since it was shown; read it again"
        );
        pending.reply = Some(reply);
        app.say(Token::Warn, text);
        return vec![];
    }
    // the line below has room for the newest alone; of several, a refusal is said whichever it is
    let refused = reply
        .as_ref()
        .err()
        .map(|why| format!("{}: {}", pending.what, why.in_full()));
    pending.reply = Some(reply);
    let answered = pending.clone();
    let is_newest = app.pending.last().is_some_and(|newest| newest.ticket == ticket);
    if let Some(text) = refused.filter(|_| !is_newest) {
        app.say(Token::Danger, text);
    } else {
        let (token, text) = statusline::pending_line(app, &answered);
        app.tell(app.now.wall, token, text);
    }
    if let Some(words) = answered.together.and_then(|first| batch::came_to(app, first)) {
        app.say(Token::Info, words);
    }
    vec![]
}
