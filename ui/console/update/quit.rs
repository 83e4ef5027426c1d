//! Leaving. The engine is asked to stop and finishes what must not be interrupted; a second Ctrl-C does not wait.

use std::time::Duration;

use super::*;
use crate::console::ExitReason;
use crate::console::app::{Leaving, Tab};

/// How long the engine may take to finish.
const TIMEOUT: Duration = Duration::from_secs(15);

/// `q`: one step back, and at the top the way out.
pub(super) fn back(app: &mut App) -> Vec<Effect> {
    if app.details.pop().is_some() {
        app.forget_found();
        return vec![];
    }
    if app.past.is_some() {
        past::leave(app);
        return vec![];
    }
    if app.tab != Tab::Overview {
        app.tab = Tab::Overview;
        return vec![];
    }
    ask(app)
}

/// Leaving ends the oracle: it is asked for, always. What would be cut off is named.
pub(super) fn ask(app: &mut App) -> Vec<Effect> {
    if app.engine_gone {
        return leave(app, ExitReason::Quit);
    }
    // what would be cut off is what is under way now
    past::leave(app);
    let work = app.snapshot.work_in_flight();
    app.overlay = Some(Overlay::Quit { work });
    vec![]
}

/// Ctrl-C: like `q` at the top; a second one at once.
pub(super) fn interrupt(app: &mut App) -> Vec<Effect> {
    if app.interrupted || app.leaving.is_some() {
        return vec![Effect::Exit(ExitReason::Forced)];
    }
    app.interrupted = true;
    app.overlay = None;
    let effects = ask(app);
    if effects.is_empty() {
        app.say(Token::Warn, "ctrl-c again leaves at once");
    }
    effects
}

/// Yes to the question whether to quit.
pub(super) fn confirmed(app: &mut App) -> Vec<Effect> {
    match app.overlay.take() {
        Some(Overlay::Quit { .. }) => leave(app, ExitReason::Quit),
        other => {
            app.overlay = other;
            vec![]
        }
    }
}

/// SIGTERM or SIGINT from outside: no question.
pub(super) fn terminate(app: &mut App) -> Vec<Effect> {
    if app.leaving.is_some() {
        return vec![Effect::Exit(ExitReason::Forced)];
    }
    app.overlay = None;
    leave(app, ExitReason::Terminated)
}

fn leave(app: &mut App, reason: ExitReason) -> Vec<Effect> {
    if app.engine_gone {
        return vec![Effect::Exit(reason)];
    }
    if app.leaving.is_some() {
        return vec![];
    }
    let ticket = app.ticket();
    app.leaving = Some(Leaving {
        reason,
        ticket,
        deadline: app.now.mono + TIMEOUT,
    });
    vec![Effect::Stop { ticket }]
}

/// The engine did not stop in time.
pub(super) fn overdue(app: &App) -> Vec<Effect> {
    match &app.leaving {
        Some(leaving) if leaving.deadline <= app.now.mono => vec![Effect::Exit(leaving.reason)],
        _ => vec![],
    }
}

/// The engine stopped: as asked, or by itself, which the caller explains.
pub(super) fn engine_gone(app: &mut App) -> Vec<Effect> {
    app.engine_gone = true;
    let reason = app.leaving.as_ref().map_or(ExitReason::EngineGone, |l| l.reason);
    vec![Effect::Exit(reason)]
}

/// Ctrl-Z. A stopped process is a stopped oracle: deadlines of ceremonies would pass.
pub(super) fn suspend(app: &mut App) -> Vec<Effect> {
    if app.settings.attached.is_some() {
        return vec![Effect::Suspend];
    }
    if !app.settings.allow_suspend {
        app.say(
            Token::Info,
            "not suspended: the oracle would stop too. Detach with tmux or screen, or run headless",
        );
        return vec![];
    }
    if !app.snapshot.work_in_flight().is_empty() {
        app.say(Token::Warn, "not suspended: work is in flight");
        return vec![];
    }
    vec![Effect::Suspend]
}
