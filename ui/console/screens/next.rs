//! The line above the overview: what to press now, and why. The first minute explains itself.

use casimir_dkg::types::CeremonyKind;
use casimir_dkg::view::{ActionView, CaseStatus, CeremonyEnd, Family, LinkState, Mode, Payload, Risk};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::app::App;
use crate::console::keys::{Command, Group};
use crate::console::theme::Token;
use crate::console::widgets::text::{clean, fit, width};

const LEAD: &str = " next: ";

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let room = room(area.width.into());
    let text = fit(&clean(&words(app)), room, app.settings.ascii).into_owned();
    let line = Line::from(vec![
        Span::styled(LEAD, app.style(Token::Muted)),
        Span::styled(text, app.style(Token::Text)),
    ]);
    frame.render_widget(line, area);
}

fn room(columns: usize) -> usize {
    columns.saturating_sub(LEAD.len())
}

/// Whether the line ends before its text.
pub(super) fn is_cut(app: &App, columns: usize) -> bool {
    width(&clean(&words(app))) > room(columns)
}

/// What to press, and why.
pub(in crate::console) fn words(app: &App) -> String {
    let key = |group, command| app.settings.keys.label(group, command);
    let s = &app.snapshot;
    if app.past.is_some() {
        let back = key(Group::Global, Command::Back);
        return format!(
            "{back} goes back to now; this is the past, without the chain and who answered, and decides nothing"
        );
    }
    if app.settings.read_only {
        return "nothing to press: this seat looks and decides nothing; enter opens a row".to_owned();
    }
    if s.mode == Mode::Observe {
        let mode = key(Group::Global, Command::Mode);
        return format!("{mode} lets a person decide (supervised); mode observe decides and sends nothing");
    }
    if s.paused.is_some() {
        let resume = key(Group::Global, Command::PauseAll);
        return format!("{resume} ends the pause; until then nothing leaves this machine");
    }
    if let Some(nonce) = s.signer.unadopted {
        let adopt = key(Group::Global, Command::Adopt);
        if nonce == 0 {
            return format!(
                "{adopt} adopts the account, which is another one than this journal was written for"
            );
        }
        return format!("{adopt} adopts the account, which has a past that this journal does not know");
    }
    if !app.marked.is_empty() {
        let all = key(Group::Work, Command::Batch);
        let more = key(Group::Work, Command::Mark);
        let count = app.marked.len();
        return format!(
            "{all} shows all {count} that are marked on one page, to approve them together; {more} marks more"
        );
    }
    if let Some(words) = approved_anew(app) {
        return words;
    }
    if let Some(action) = in_front(app) {
        return decide(app, action);
    }
    if let Some(case) = s.cases.iter().find(|c| c.status == CaseStatus::Attention) {
        return format!(
            "open {} among the pool events: it cannot go on by itself, its page says how",
            case.id
        );
    }
    match s.chain.link {
        LinkState::Connecting => return "wait: the chain is being asked".to_owned(),
        LinkState::Down => {
            // what was approved waits for just that, and the key that takes it back is wanted then
            let lost = || "nothing to press: no execution node answers; i shows them".to_owned();
            return refreshing(app).unwrap_or_else(lost);
        }
        _ => {}
    }
    refreshing(app).unwrap_or_else(|| under_way(app))
}

/// What runs by itself, where nobody is asked.
fn under_way(app: &App) -> String {
    let s = &app.snapshot;
    if let Some(running) = s.ceremonies.iter().find(|c| c.ended.is_none()) {
        let after = match running.kind {
            CeremonyKind::Keygen => "then its deposit waits for you, a second decision",
            CeremonyKind::Reshare => "then telling the contract waits for you",
            CeremonyKind::Sign => "then what it signs waits for you",
        };
        return format!(
            "nothing to press: the {} for {} runs; {after}",
            running.kind, running.case
        );
    }
    let failed = s
        .ceremonies
        .first()
        .is_some_and(|c| matches!(c.ended, Some((_, CeremonyEnd::Failed(_)))));
    if failed && s.cases.iter().any(|c| c.status == CaseStatus::Preparing) {
        return "nothing to press: another attempt is prepared, and waits for you".to_owned();
    }
    "nothing to press: what the contract asks for appears by itself; ? lists the keys, : finds a command"
        .to_owned()
}

/// What is in front was approved and waits, and can be approved as it is now.
fn approved_anew(app: &App) -> Option<String> {
    let action = app.subject_action()?;
    let anew = action.approved_anew()?;
    let waits = action.refreshing.as_ref()?.with_why();
    let key = app.settings.keys.label(Group::Work, Command::Approve);
    Some(format!("{key} opens {}, {waits}; {anew}", action.id))
}

/// What was approved and acts by itself, where nothing else waits: what is in front first.
fn refreshing(app: &App) -> Option<String> {
    let all = || crate::summary::refreshing(&app.snapshot).filter(|(action, _)| action.is_refreshing());
    let selected = app.subject_action().map(|action| action.id);
    let mut in_front = all().filter(|(action, _)| Some(action.id) == selected);
    let (action, it) = in_front.next().or_else(|| all().next())?;
    let undo = app.takes_back(action.id);
    let undo = undo.map_or_else(String::new, |words| format!("; {words}"));
    let words = it.with_why();
    Some(format!("nothing to press: {} is {words}{undo}", action.id))
}

/// What the approve key would open: what can be approved rather than what cannot.
fn in_front(app: &App) -> Option<&ActionView> {
    let selected = app.subject_action().filter(|a| a.waits());
    let can = |action: &&ActionView| action.can_approve.is_yes() && app.my_approval(action).is_none();
    selected
        .filter(can)
        .or_else(|| app.snapshot.for_a_person().find(can))
        .or(selected)
        .or_else(|| app.snapshot.for_a_person().next())
}

fn decide(app: &App, action: &ActionView) -> String {
    let key = app.settings.keys.label(Group::Work, Command::Approve);
    if let Some(words) = app.my_approval(action) {
        let undo = app.takes_back(action.id).filter(|_| action.undo.is_some());
        let undo = undo.map_or_else(String::new, |words| format!("; {words}"));
        return format!("nothing to press: {words}{undo}");
    }
    if let Err(why) = action.can_approve.check() {
        let open = app.settings.keys.label(Group::List, Command::Open);
        return format!("{open} opens {}, which cannot be approved now: {why}", action.id);
    }
    let why = match (action.family, action.risk, &action.payload) {
        (_, Risk::Irreversible, _) => "nobody can undo it, so you type its phrase",
        (Family::Transaction, ..) => "the second decision, a transaction that moves money",
        (_, _, Payload::Ceremony(ceremony)) => match ceremony.plan.kind() {
            CeremonyKind::Keygen => "operators make a key; its deposit is decided next",
            CeremonyKind::Reshare => "operators hand on a key; telling the contract is the second decision",
            CeremonyKind::Sign => "operators sign; publishing it is the second decision",
        },
        _ => "it waits for your decision",
    };
    let ended = action.approvals_ended.last();
    let ended = ended.map_or_else(String::new, |words| format!("; {words}"));
    format!("{key} opens {}: {why}{ended}", action.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::tests::fixture::{self, app};

    #[test]
    fn the_first_minute_says_what_a_key_generation_is_for_and_that_its_deposit_is_decided_next() {
        let mut snapshot = fixture::busy();
        let keygen = fixture::keygen("deposit/9#1", casimir_dkg::view::ActionState::Proposed, false);
        let deposit = snapshot.actions[0].clone();
        snapshot.actions = vec![keygen];
        snapshot.ceremonies.clear();
        assert_eq!(
            words(&app(snapshot.clone())),
            "a opens deposit/9#1: operators make a key; its deposit is decided next"
        );
        snapshot.actions = vec![deposit];
        assert!(words(&app(snapshot.clone())).contains("moves money"));
        snapshot.actions.clear();
        snapshot.cases.retain(|c| c.status != CaseStatus::Attention);
        snapshot.ceremonies = vec![fixture::running()];
        assert!(words(&app(snapshot.clone())).contains("runs; then its deposit waits for you"));
        snapshot.mode = Mode::Observe;
        assert!(words(&app(snapshot)).starts_with("M lets a person decide"));
        assert!(words(&app(fixture::loading())).starts_with("wait:"));
    }
}
