//! Sending requests and remembering them until their answer is old.

use std::time::Duration;

use casimir_dkg::view::{Request, Scope};

use super::*;
use crate::console::app::{Pending, Subject};

/// An answer is shown for so long.
const SHOWN: Duration = Duration::from_secs(10);

/// Sends a request: the status line says so until the answer comes.
pub(super) fn request(app: &mut App, request: Request) -> Vec<Effect> {
    if app.engine_gone {
        app.say(
            Token::Danger,
            "the engine has stopped: nothing can be asked of it",
        );
        return vec![];
    }
    if let Some(silent) = app.silent {
        let words = format!(
            "not sent: the engine has not answered for {}, so nobody knows what stands now",
            format::age(silent)
        );
        app.say(Token::Danger, words);
        return vec![];
    }
    let ticket = app.ticket();
    app.pending.push(Pending {
        ticket,
        subject: subject(&request),
        what: request.to_string(),
        approves: matches!(request, Request::Approve { .. }),
        together: None,
        sent: app.now.mono,
        reply: None,
    });
    app.toast = None;
    vec![Effect::Send { ticket, request }]
}

/// What it is about, for whom the answer is shown.
fn subject(request: &Request) -> Subject {
    match request {
        Request::Approve { action, .. }
        | Request::Reject { action, .. }
        | Request::TakeBack { action }
        | Request::SetCommittee { action, .. } => Subject::Action(*action),
        Request::ApproveSigned { signed } => Subject::Action(signed.statement.action),
        Request::GiveUp { case, .. }
        | Request::RedoKey { case }
        | Request::Retry { case }
        | Request::Pause {
            scope: Scope::Case(case),
        }
        | Request::Resume {
            scope: Scope::Case(case),
        } => Subject::Case(*case),
        Request::DeclareLost { .. }
        | Request::RequestExit { .. }
        | Request::SwitchMode { .. }
        | Request::Adopt { .. }
        | Request::RequestReshare { .. }
        | Request::Pause { scope: Scope::All }
        | Request::Resume { scope: Scope::All } => Subject::Everything,
    }
}

/// Drops answered requests that have been shown long enough.
pub(super) fn forget_old(app: &mut App) {
    let mono = app.now.mono;
    app.pending
        .retain(|p| p.reply.is_none() || mono.saturating_sub(p.sent) < SHOWN);
}
