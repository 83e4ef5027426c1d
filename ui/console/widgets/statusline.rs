//! The line above the footer: a message, else the newest request and its answer, else the newest event.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::sign::{Sign, spinner};
use super::text::{clean, fit, width};
use super::{format, status};
use crate::console::app::{App, Pending};
use crate::console::theme::Token;
use casimir_dkg::view::{ActionState, Transition};

pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let (token, text) = content(app);
    let text = line(&text);
    let fitted = fit(&text, usize::from(area.width), app.settings.ascii).into_owned();
    frame.render_widget(Line::from(Span::styled(fitted, app.style(token))), area);
}

fn line(text: &str) -> String {
    format!(" {}", clean(text))
}

/// Whether the line ends before its text.
pub(crate) fn is_cut(app: &App, columns: usize) -> bool {
    width(&line(&content(app).1)) > columns
}

fn content(app: &App) -> (Token, String) {
    if let Some(leaving) = leaving(app) {
        return leaving;
    }
    if let Some(toast) = &app.toast {
        return (toast.token, toast.text.clone());
    }
    if let Some(pending) = app.pending.last() {
        return pending_line(app, pending);
    }
    if app.missed > 0 {
        return missed(app);
    }
    match &app.news {
        Some((_, news)) => {
            let dot = Sign::Dot.glyph(app.settings.ascii);
            (
                Token::Muted,
                format!("{} {dot} {}", format::clock(news.at), happened(news)),
            )
        }
        None => (Token::Muted, String::new()),
    }
}

/// What stands on the line until something else happens, and so is no message that is over.
pub(crate) fn standing(app: &App) -> Option<(Token, String)> {
    let unanswered = app.pending.iter().rfind(|pending| pending.reply.is_none());
    leaving(app)
        .or_else(|| unanswered.map(|pending| pending_line(app, pending)))
        .or_else(|| (app.missed > 0).then(|| missed(app)))
}

/// What happened, and to what.
pub(crate) fn happened(news: &Transition) -> String {
    let case = news.case.map(|c| format!("{c}: ")).unwrap_or_default();
    format!("{case}{}", news.text)
}

fn missed(app: &App) -> (Token, String) {
    let text = format!(
        "{} events came too fast to be shown; the journal has them all",
        app.missed
    );
    (Token::Stale, text)
}

fn leaving(app: &App) -> Option<(Token, String)> {
    let ascii = app.settings.ascii;
    let leaving = app.leaving.as_ref()?;
    let left = leaving.deadline.saturating_sub(app.now.mono);
    let work = app.snapshot.work_in_flight();
    let for_what = match work.len() {
        0 => "the engine".to_owned(),
        1 => work[0].to_string(),
        n => format!("{} and {} more", work[0], n - 1),
    };
    let turn = spinner(app.now.mono, app.settings.animations, ascii);
    let text = format!(
        "{turn} stopping: waiting for {for_what}, at most {}; ctrl-c leaves at once",
        format::age(left)
    );
    Some((Token::Warn, text))
}

/// A request, and what was answered.
pub(crate) fn pending_line(app: &App, pending: &Pending) -> (Token, String) {
    let ascii = app.settings.ascii;
    match &pending.reply {
        None => {
            let turn = spinner(app.now.mono, app.settings.animations, ascii);
            (
                Token::Pending,
                format!("{turn} {}: sent, waiting for the engine", pending.what),
            )
        }
        Some(Ok(accepted)) => {
            let ok = status::action(&ActionState::Done).sign.glyph(ascii);
            (
                Token::Ok,
                format!("{ok} {}: accepted. {}", pending.what, accepted.message),
            )
        }
        Some(Err(refused)) => {
            let sign = Sign::Fail.glyph(ascii);
            let text = format!("{sign} {}: {}", pending.what, refused.in_full());
            (Token::Danger, text)
        }
    }
}
