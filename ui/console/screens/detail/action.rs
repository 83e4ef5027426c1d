//! An action: everything a person needs to decide on it, top to bottom in the order in which one should read it.
//!
//! ```text
//! what      Send initiatePoolDeposit for pool 3
//! on        devnet (chain 31337), supervised: ● waiting for 25 s, money
//! to · amount · changes · fee · nonce · checks · code
//!
//! State · Operators · Facts · Checks · Cause · Call · Raw bytes · Digest
//! ```

use casimir_dkg::view::{ActionState, ActionView, ApprovalWarning, CheckMark, FactKind, Verdict, WorseView};

use super::{before_after, case, operators, payload, summary};
use crate::console::app::{App, Subject, changes};
use crate::console::keys::{Command, Group};
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::sign::Sign;
use crate::console::widgets::{format, status};

pub(in crate::console::screens) fn build(page: &mut Page<'_>, app: &App, action: &ActionView) {
    say_why_over(page, app, action);
    warn_of_changes(page, app, action);
    warn_of_refreshing(page, app, action);
    warn(page, app, action);
    let cut = summary::build(page, app, action);
    before_after::build(page, app, action);
    page.heading("State");
    if cut.facts {
        page.field("title", Token::Text, &action.title);
    }
    state(page, app, action);
    request(page, app, action);
    facts(page, app, action);
    if cut.facts {
        page.end_front();
    }

    page.heading(&checks_heading(app, action));
    if let Some(words) = action.checked_in_words(app.clock()) {
        page.text(Token::Muted, &format!("Looked at {words}."));
    }
    if let Some(faded) = &action.faded {
        let more = match &action.refreshing {
            Some(refreshing) => refreshing.to_string(),
            None => "approving refreshes them first".to_owned(),
        };
        let sign = Sign::Stale.glyph(app.settings.ascii);
        page.item(sign, Token::Stale, &format!("stale: {}; {more}", faded.why));
    }
    let worst = page.checks(&action.checks, |check| action.mark(check));
    if cut.checks {
        page.end_front_at(worst);
    }

    page.heading("Cause");
    match app.known().case(action.id.case) {
        Some(case) => case::cause(page, &case.cause),
        None => page.text(Token::Stale, "The case is not in the newest state."),
    }
    let unfolded = is_unfolded(app);
    payload::build(page, &action.payload, unfolded);
    if !unfolded {
        let key = app.settings.keys.label(Group::Detail, Command::Unfold);
        page.text(
            Token::Muted,
            &format!("{key} opens all bytes and what is said of each operator."),
        );
    }

    page.heading("Digest of what would leave");
    page.text(Token::Value, &action.digest.to_string());
    page.text(
        Token::Muted,
        &format!(
            "{}: its first 44 bits in words, for two people who compare; `casimir-dkg explain` computes them elsewhere.",
            action.digest.code()
        ),
    );
    page.text(
        Token::Muted,
        "An approval holds for this digest alone: kind, risk and payload. Checks are outside and are made again before it \
         leaves: one that fails then stops it, and one that is unknown only then holds it back.",
    );
}

/// Whether bytes and long prose are open.
fn is_unfolded(app: &App) -> bool {
    app.details.last().is_some_and(|detail| detail.unfolded)
}

/// Operators as a table, the rest as labels and values.
fn facts(page: &mut Page<'_>, app: &App, action: &ActionView) {
    let ids = operators::ids(app, action);
    operators::build(page, app, action, &ids);
    let in_table = |label: &str| !is_unfolded(app) && ids.iter().any(|id| operators::label(*id) == label);
    page.heading("Facts");
    let facts = action.facts.iter().filter(|fact| !in_table(&fact.label));
    let room = page.room_for(page.label(), facts.clone().map(|fact| fact.label.as_str()));
    for fact in facts {
        let token = match fact.kind {
            FactKind::Text => Token::Text,
            FactKind::Address | FactKind::Hex => Token::Value,
            FactKind::Amount => Token::Emphasis,
            FactKind::Warning => Token::Warn,
        };
        let mark = if fact.kind == FactKind::Warning { "! " } else { "" };
        page.labelled(room, &fact.label, token, &format!("{mark}{}", fact.value));
    }
}

/// Who opens what was rejected, is void or has failed asks for the reason first.
fn say_why_over(page: &mut Page<'_>, app: &App, action: &ActionView) {
    let has_reason = matches!(
        action.state,
        ActionState::Rejected
            | ActionState::Void { .. }
            | ActionState::Failed { .. }
            | ActionState::Unknown { .. }
    );
    if has_reason {
        let words = action.standing_in_full();
        let sign = Sign::Warn.glyph(app.settings.ascii);
        page.item(sign, Token::Warn, &format!("It is {words}"));
    }
}

fn warn_of_changes(page: &mut Page<'_>, app: &App, action: &ActionView) {
    let seen = app.details.last().and_then(|d| d.seen.as_deref());
    let Some(seen) = seen.filter(|seen| seen.id == action.id && !seen.is_shown_as(action)) else {
        return;
    };
    page.text(Token::Warn, "Changed since you opened it");
    for line in changes(seen, action) {
        page.item(Sign::Warn.glyph(app.settings.ascii), Token::Warn, &line);
    }
    let key = app.settings.keys.label(Group::Work, Command::Approve);
    if !key.is_empty() {
        page.text(Token::Muted, &format!("Read it again; {key} says that you have."));
    }
    page.gap();
}

/// All that speaks against approving it as it is.
fn warn(page: &mut Page<'_>, app: &App, action: &ActionView) {
    for warning in action.warnings() {
        let text = match &warning {
            ApprovalWarning::Committee(worse) => committee(app, worse),
            // whoever opens it now may have compared the code of what was proposed at first
            ApprovalWarning::Anew(anew) => {
                let ago = format::age(app.clock().since(anew.at));
                format!("Proposed anew {ago} ago: {anew}.")
            }
            ApprovalWarning::Ended(_) | ApprovalWarning::Held(_) => format!("{warning}."),
            ApprovalWarning::Beside(_) => {
                page.text(Token::Muted, &format!("{warning}."));
                continue;
            }
        };
        page.item(Sign::Warn.glyph(app.settings.ascii), Token::Warn, &text);
    }
}

/// A member is down, or was proven to break the protocol: the key that opens the other committee is named.
fn committee(app: &App, worse: &WorseView) -> String {
    let list = |ids: &[casimir_dkg::types::OperatorId]| {
        let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let key = app.settings.keys.label(Group::Work, Command::Committee);
    let offer = match &worse.instead {
        Some(instead) if !key.is_empty() => format!("{key} proposes {} instead", list(instead)),
        Some(instead) => format!("{} could take its place", list(instead)),
        None => "too few others are up to take its place".to_owned(),
    };
    let what = worse.to_string();
    format!("O{}; {offer}.", &what[1..])
}

/// It acts by itself: whoever opens it to decide has to know.
fn warn_of_refreshing(page: &mut Page<'_>, app: &App, action: &ActionView) {
    let Some(refreshing) = &action.refreshing else {
        return;
    };
    let undo = action.undo.and_then(|_| app.takes_back(action.id));
    let undo = undo.map_or_else(String::new, |words| format!("; {words}"));
    let words = refreshing.with_why();
    let text = format!("A{}{undo}.", &words[1..]);
    page.item(Sign::Warn.glyph(app.settings.ascii), Token::Warn, &text);
}

fn state(page: &mut Page<'_>, app: &App, action: &ActionView) {
    let waited = format::age(app.clock().since(action.proposed_at));
    let more = match &action.state {
        ActionState::Failed { reason } | ActionState::Void { reason } | ActionState::Unknown { reason } => {
            format!(": {reason}")
        }
        // since it was approved, where it waits for that to count
        ActionState::Proposed => match action.refreshing.as_ref().filter(|_| action.is_refreshing()) {
            Some(refreshing) => format!(" for {}", format::age(app.clock().since(refreshing.at))),
            None => format!(" for {waited}"),
        },
        _ => String::new(),
    };
    page.field("kind", Token::Text, &action.kind);
    page.status("state", status::of_action(action), &more);
    page.field(
        "proposed",
        Token::Text,
        format!("{}, {waited} ago", format::date(action.proposed_at)),
    );
    if let Some(anew) = &action.anew {
        page.field("anew", Token::Warn, format!("{}: {anew}", format::date(anew.at)));
    }
    if let Some(at) = action.refreshed_at {
        let of = match &action.anew {
            Some(_) => "the digest is that of the new proposal",
            None => "the digest is the same",
        };
        page.field(
            "refreshed",
            Token::Info,
            format!("{}: facts and reasons; {of}", format::date(at)),
        );
    }
    approvals(page, app, action);
    if let Some(decision) = &action.decision {
        let (token, verdict) = match &decision.verdict {
            Verdict::Approve => (Token::Ok, "approved".to_owned()),
            Verdict::Reject { reason } => (Token::Warn, format!("rejected: {reason}")),
        };
        page.field("decision", token, verdict);
    }
}

/// What an approval of it is worth and until when, who gave one, and how it is taken back.
fn approvals(page: &mut Page<'_>, app: &App, action: &ActionView) {
    if let Some(words) = action.approval_counts_for() {
        page.field("approval", Token::Text, words);
    }
    if let Some(refreshing) = &action.refreshing {
        page.field("lapses", Token::Warn, refreshing.lapses(app.clock()));
    }
    if let Some(words) = action.refreshing_lasts_for() {
        page.field("refreshing", Token::Text, words);
    }
    if let Some(people) = &action.people {
        // what one person approved leaves with the approval of another one alone, and the key stands with it
        let is_half = action.undo.is_some() && action.is_proposed() && action.refreshing.is_none();
        let undo = app.takes_back(action.id).filter(|_| is_half);
        let undo = undo.map_or_else(String::new, |words| format!("; {words}"));
        let you = match app.is_approved_by_me(action) {
            true => "; you approved it",
            false => "",
        };
        page.field("people", Token::Warn, format!("{}{you}{undo}", people.words()));
    }
    // what waits for stale checks leaves at a time that nobody knows, and its row says so
    if let Some(undo) = action.undo.filter(|_| !action.is_proposed()) {
        let when = match (undo.seconds_left(app.clock()), action.held_until_known()) {
            (Some(seconds), Some(held)) => format!("in {seconds} s, or is held {held}"),
            (Some(seconds), None) => format!("in {seconds} s"),
            (None, Some(held)) => format!("held {held}"),
            (None, None) => "held".to_owned(),
        };
        let words = match app.takes_back(action.id) {
            Some(takes_back) => format!("{when}; {takes_back}"),
            None => when,
        };
        page.field("leaves", Token::Warn, words);
    }
}

/// What the user asked of the engine about this action, and its answer.
fn request(page: &mut Page<'_>, app: &App, action: &ActionView) {
    let newest = app
        .pending
        .iter()
        .rfind(|p| p.subject == Subject::Action(action.id));
    let Some(pending) = newest else { return };
    match &pending.reply {
        None => page.field("your request", Token::Pending, format!("{}: sent", pending.what)),
        Some(Ok(accepted)) => page.field(
            "your request",
            Token::Ok,
            format!("{}: accepted. {}", pending.what, accepted.message),
        ),
        Some(Err(refused)) => page.field(
            "your request",
            Token::Danger,
            format!("{}: {}", pending.what, refused.in_full()),
        ),
    }
}

fn checks_heading(app: &App, action: &ActionView) -> String {
    let count = |mark| action.checks_with(mark).count();
    let (fail, unknown, pass) = (
        count(CheckMark::Fail),
        count(CheckMark::Unknown),
        count(CheckMark::Pass),
    );
    if action.faded.is_some() {
        let between = format!(" {} ", Sign::Dot.glyph(app.settings.ascii));
        return format!("Checks: {}", action.checks_in_words(&between));
    }
    // what was rejected or is void is checked no more: they may have been stale by then
    if action.is_over() && !action.was_approved() {
        let between = format!(" {} ", Sign::Dot.glyph(app.settings.ascii));
        return format!(
            "Checks, as they were last made: {}",
            action.checks_in_words(&between)
        );
    }
    match (fail, unknown) {
        (0, 0) => format!("Checks: all {pass} pass"),
        (0, u) => format!("Checks: {pass} pass, {u} unknown"),
        (f, u) => format!("Checks: {f} fail, {u} unknown, {pass} pass. It cannot be approved"),
    }
}
