//! The line above the footer: a message, else the newest request and its answer, else the newest event.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::sign::{Sign, spinner};
use super::text::{clean, fit};
use super::{format, status};
use crate::console::app::{App, Pending};
use crate::console::theme::Token;
use casimir_dkg::view::ActionState;

pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let (token, text) = content(app);
    let text = format!(" {}", clean(&text));
    let fitted = fit(&text, usize::from(area.width), app.settings.ascii).into_owned();
    frame.render_widget(Line::from(Span::styled(fitted, app.style(token))), area);
}

fn content(app: &App) -> (Token, String) {
    let ascii = app.settings.ascii;
    if let Some(leaving) = &app.leaving {
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
        return (Token::Warn, text);
    }
    if let Some(toast) = &app.toast {
        return (toast.token, toast.text.clone());
    }
    if let Some(pending) = app.pending.last() {
        return pending_line(app, pending);
    }
    if app.missed > 0 {
        let text = format!(
            "{} events came too fast to be shown; the journal has them all",
            app.missed
        );
        return (Token::Stale, text);
    }
    match &app.news {
        Some((_, news)) => {
            let case = news.case.map(|c| format!("{c}: ")).unwrap_or_default();
            let dot = Sign::Dot.glyph(ascii);
            (
                Token::Muted,
                format!("{} {dot} {case}{}", format::clock(news.at), news.text),
            )
        }
        None => (Token::Muted, String::new()),
    }
}

fn pending_line(app: &App, pending: &Pending) -> (Token, String) {
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
