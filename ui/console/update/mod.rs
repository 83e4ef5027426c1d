//! `update`: the only place where the model changes. Pure: no clock, no terminal, no engine; what it wants done it
//! returns. One verb to a file.

mod adopt;
mod approve;
mod ask;
mod audit;
mod batch;
mod closed;
mod committee;
mod copy;
mod director;
mod exit;
mod field;
mod find;
mod give_up;
mod key;
mod look;
mod mode;
mod mouse;
mod navigate;
mod palette;
mod past;
mod pause;
mod quit;
mod read;
mod redo_key;
mod reject;
mod reply;
mod reshare;
mod retry;
mod select;
mod send;
mod snapshot;
mod sort;
mod take_back;
#[cfg(test)]
mod tests;
mod unheard;

use casimir_dkg::types::Severity;
use casimir_dkg::view::Transition;
use ratatui::layout::Size;
use tracing::Level;

use super::app::{App, Overlay};
use super::effect::Effect;
use super::msg::{Event, Msg};
use super::screens::LEAST;
use super::theme::Token;
use super::widgets::{format, statusline};
use crate::log::Entry;

/// Takes one message into the model.
pub(crate) fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    app.now = msg.at;
    // time passes with every event: where the chain is fast, none is a tick of its own
    let overdue = passed(app);
    let mut effects = happened(app, msg.event);
    effects.extend(overdue);
    select::case(app);
    effects
}

fn happened(app: &mut App, event: Event) -> Vec<Effect> {
    match event {
        Event::Key { key, repeat } => key::pressed(app, key, repeat),
        Event::Paste(text) => pasted(app, &text),
        Event::Mouse(mouse) => mouse::happened(app, mouse),
        Event::Resize(size) => {
            resized(app, size);
            vec![]
        }
        Event::Snapshot(snapshot) => snapshot::arrived(app, snapshot),
        Event::Logged(lines) => {
            app.logs.take(lines);
            vec![]
        }
        Event::Transition(transition) => {
            transpired(app, transition);
            vec![]
        }
        Event::Missed(lines) => {
            app.missed += lines;
            vec![]
        }
        Event::Reply { ticket, reply } => reply::arrived(app, ticket, reply),
        Event::Saved(files) => {
            look::saved(app, files);
            vec![]
        }
        Event::Audited(file) => {
            audit::written(app, file);
            vec![]
        }
        Event::Rows { ticket, answer } => read::arrived(app, ticket, answer),
        Event::Told { words, stays } => {
            director::told(app, words, stays);
            vec![]
        }
        Event::EngineGone => quit::engine_gone(app),
        Event::Tick => vec![],
        Event::Silent(silent) => {
            app.silent = silent;
            vec![]
        }
        Event::Drawn => {
            drawn(app);
            vec![]
        }
        Event::Focus => {
            // the key that switched windows may still be on its way
            if let Some(Overlay::Ask(question)) = &mut app.overlay {
                ask::disturbed(question, app.now.mono);
            }
            vec![]
        }
        Event::Terminate => quit::terminate(app),
        Event::Hangup => vec![Effect::Exit(super::ExitReason::Hangup)],
        Event::Resumed(stopped) => {
            app.say(
                Token::Warn,
                format!(
                    "the process was stopped for {}; catching up",
                    format::age(stopped)
                ),
            );
            vec![Effect::Repaint]
        }
    }
}

/// The engine tells what happened: it is the news, and stays among the messages.
fn transpired(app: &mut App, transition: Transition) {
    if app.settings.attached.is_some() {
        app.logs.take(vec![told(&transition)]);
    }
    let text = statusline::happened(&transition);
    app.tell(transition.at, Token::Text, text);
    app.news = Some((app.now.mono, transition));
}

/// At another process's engine the log has what that engine tells, since its own lines stay in its files.
fn told(transition: &Transition) -> Entry {
    let case = transition.case.map(|case| format!("{case}: "));
    Entry {
        at: transition.at,
        level: match transition.severity {
            Severity::Critical => Level::ERROR,
            Severity::Warning => Level::WARN,
            Severity::Info => Level::INFO,
        },
        target: "engine".to_owned(),
        text: format!("{}{}", case.unwrap_or_default(), transition.text),
    }
}

/// Pasted text goes into text fields only, and there it is only text. It decides nothing and it types no phrase.
fn pasted(app: &mut App, text: &str) -> Vec<Effect> {
    match &mut app.overlay {
        Some(Overlay::Input(field)) => {
            if let Err(why) = field::paste(field, text) {
                app.say(Token::Warn, why);
            } else {
                field::changed(app);
            }
        }
        Some(Overlay::Ask(question)) => {
            ask::disturbed(question, app.now.mono);
            app.say(Token::Warn, "pasted text answers nothing");
        }
        Some(Overlay::Batch(_)) => app.say(Token::Warn, "this must be typed, not pasted"),
        _ => {}
    }
    vec![]
}

/// What was there for long enough goes.
fn passed(app: &mut App) -> Vec<Effect> {
    let mono = app.now.mono;
    if app.toast.as_ref().is_some_and(|t| t.until <= mono) {
        app.toast = None;
    }
    director::ticked(app);
    send::forget_old(app);
    quit::overdue(app)
}

/// Another picture: what may be decided must be on it once more, for as long as at first.
fn resized(app: &mut App, size: Size) {
    app.size = size;
    match &mut app.overlay {
        Some(Overlay::Ask(question)) => question.quiet_since = None,
        Some(Overlay::Batch(batch)) => batch.quiet_since = None,
        _ => {}
    }
}

/// What the user can see now may be decided from now on; where the terminal is too small for it, nothing is seen.
fn drawn(app: &mut App) {
    let (columns, rows) = LEAST;
    if app.size.width < columns || app.size.height < rows {
        return;
    }
    app.undo_shown = app.undoable().map(|action| action.id);
    if let Some(Overlay::Ask(question)) = &mut app.overlay {
        question.quiet_since.get_or_insert(app.now.mono);
        question.window.looked_at();
    } else if let Some(Overlay::Batch(batch)) = &mut app.overlay {
        batch.looked_at(app.now.mono);
    } else if app.overlay.as_ref().is_some_and(Overlay::floats) {
        // what lies under it is hidden
    } else if let Some(detail) = app.details.last_mut() {
        detail.looked_at();
        app.remember_read();
    }
}
