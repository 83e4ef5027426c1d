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
    let (subject, what) = describe(&request);
    let ticket = app.ticket();
    app.pending.push(Pending {
        ticket,
        subject,
        what,
        approves: matches!(request, Request::Approve { .. }),
        sent: app.now.mono,
        reply: None,
    });
    app.toast = None;
    vec![Effect::Send { ticket, request }]
}

fn describe(request: &Request) -> (Subject, String) {
    let scope = |scope: &Scope| match scope {
        Scope::All => (Subject::Everything, "everything".to_owned()),
        Scope::Case(case) => (Subject::Case(*case), case.to_string()),
    };
    match request {
        Request::Approve { action, .. } => (Subject::Action(*action), format!("approve {action}")),
        Request::ApproveSigned { signed } => {
            let action = signed.statement.action;
            (Subject::Action(action), format!("approve {action}"))
        }
        Request::Reject { action, .. } => (Subject::Action(*action), format!("reject {action}")),
        Request::TakeBack { action } => (Subject::Action(*action), format!("take back {action}")),
        Request::SetCommittee { action, .. } => (Subject::Action(*action), format!("committee of {action}")),
        Request::DeclareLost { request } => (Subject::Everything, format!("declare {request} lost")),
        Request::GiveUp { case, .. } => (Subject::Case(*case), format!("give up {case}")),
        Request::RedoKey { case } => (Subject::Case(*case), format!("another key for {case}")),
        Request::RequestExit { pool } => (Subject::Everything, format!("exit of pool {pool}")),
        Request::SwitchMode { mode, .. } => (Subject::Everything, format!("mode {mode}")),
        Request::Adopt { account } => (Subject::Everything, format!("adopt {account}")),
        Request::Retry { case } => (Subject::Case(*case), format!("retry {case}")),
        Request::RequestReshare { pool } => (Subject::Everything, format!("reshare of pool {pool}")),
        Request::Pause { scope: s } => {
            let (subject, text) = scope(s);
            (subject, format!("pause {text}"))
        }
        Request::Resume { scope: s } => {
            let (subject, text) = scope(s);
            (subject, format!("resume {text}"))
        }
    }
}

/// Drops answered requests that have been shown long enough.
pub(super) fn forget_old(app: &mut App) {
    let mono = app.now.mono;
    app.pending
        .retain(|p| p.reply.is_none() || mono.saturating_sub(p.sent) < SHOWN);
}
