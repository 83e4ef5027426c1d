//! The ways on from where a case stands: the key of each, why, and what it costs.

use casimir_dkg::view::{CaseView, Way, WayOn};

use crate::console::app::App;
use crate::console::keys::{Command, Group};
use crate::console::theme::Token;
use crate::console::widgets::page::Page;

pub(super) fn build(page: &mut Page<'_>, app: &App, case: &CaseView) {
    if case.ways.is_empty() && case.awaits.is_none() {
        return;
    }
    page.heading("Ways on");
    if let Some(awaits) = &case.awaits {
        page.field("waits for", Token::Text, awaits);
    }
    for on in &case.ways {
        way(page, app, on);
    }
}

fn way(page: &mut Page<'_>, app: &App, on: &WayOn) {
    let key = match key_of(app, on.way) {
        key if key.is_empty() => on.way.to_string(),
        key => format!("{} ({key})", on.way),
    };
    match on.can.check() {
        Ok(()) => {
            page.field(&key, Token::Text, &on.why);
            page.field("", Token::Muted, format!("costs: {}", on.costs));
        }
        Err(why) => page.field(&key, Token::Muted, format!("not now: {why}")),
    }
}

/// The key that goes this way; none where the session has none.
fn key_of(app: &App, way: Way) -> String {
    let label = |command| app.settings.keys.label(Group::Work, command);
    match way {
        Way::Decide => label(Command::Approve),
        Way::Resume if app.snapshot.paused.is_some() => {
            app.settings.keys.label(Group::Global, Command::PauseAll)
        }
        Way::Resume => label(Command::Pause),
        Way::Retry | Way::DeclareLost => label(Command::Retry),
        Way::RedoKey => label(Command::RedoKey),
        Way::GiveUp => label(Command::GiveUp),
    }
}
