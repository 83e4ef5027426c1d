//! Approving: first the whole action on the screen, then the question about exactly that, for irreversible actions with
//! a typed phrase in between. What is sent names the digest that was shown.

use casimir_dkg::types::{ActionId, Check, Root};
use casimir_dkg::view::{ActionView, CheckMark, Request, Risk, RowId};
use tui_input::Input;

use super::*;
use crate::console::app::{Ask, Field, FieldKind, Target};

/// The approve key.
pub(super) fn start(app: &mut App) -> Vec<Effect> {
    let action = match app.subject_action().cloned() {
        Some(action) if app.takes_mine(&action) => action,
        other => return instead(app, other.as_ref()),
    };
    let target = Target::Row(RowId::Action(action.id));
    if app.details.last().is_none_or(|d| d.target != target) {
        // nobody approves what he has not read
        return navigate::push(app, target);
    }
    if let Err(why) = may_be_asked(app, &action) {
        app.say(Token::Warn, why);
        return vec![];
    }
    match action.phrase.clone() {
        Some(expected) => {
            app.overlay = Some(Overlay::Input(Field {
                kind: FieldKind::Phrase {
                    action: action.id,
                    digest: action.digest,
                    expected,
                },
                input: Input::default(),
                problem: None,
            }));
        }
        None => question(app, &action, None),
    }
    vec![]
}

/// What is in front is decided, or nothing to decide: what follows from it is opened, else the next that waits, and the
/// line below says where it went.
fn instead(app: &mut App, decided: Option<&ActionView>) -> Vec<Effect> {
    let (here, follows, relation) = match decided {
        Some(action) => {
            let follows = app.snapshot.successor(action.id).map(|a| a.id);
            let stands = app.my_approval(action);
            (
                stands.unwrap_or_else(|| format!("{} is {}", action.id, action.standing())),
                follows,
                "follows from it",
            )
        }
        None => {
            let case = app.subject_case();
            let of_case = app.waits_for_me().find(|a| Some(a.id.case) == case);
            (
                "here is nothing to decide".to_owned(),
                of_case.map(|a| a.id),
                "waits in its case",
            )
        }
    };
    let next = app.waits_for_me().next().map(|a| a.id);
    let (next, relation) = match (follows, next) {
        (Some(follows), _) => (follows, relation),
        (None, Some(next)) => (next, "waits next"),
        (None, None) => {
            let what = match app.snapshot.waiting().next() {
                Some(_) => "nothing else waits for you",
                None => "nothing waits for a decision",
            };
            app.say(Token::Info, format!("{here}, and {what}"));
            return vec![];
        }
    };
    app.say(Token::Info, format!("{here}; {next} {relation}"));
    select::action(app, next);
    if let Some(decided) = decided {
        let of_decided = Target::Row(RowId::Action(decided.id));
        if app.details.last().is_some_and(|d| d.target == of_decided) {
            app.details.pop();
        }
    }
    navigate::push(app, Target::Row(RowId::Action(next)))
}

/// Whether the approval of the action in view may be asked for now.
fn may_be_asked(app: &mut App, action: &ActionView) -> Result<(), String> {
    app.can_be_sent(action)?;
    let Some(detail) = app.details.last_mut().filter(|d| d.drawn) else {
        return Err("not on the screen yet".to_owned());
    };
    if detail.seen.as_ref().is_none_or(|seen| !seen.is_shown_as(action)) {
        detail.seen = Some(Box::new(action.clone()));
        detail.restart();
        return Err("it changed while you looked: read it again, then approve".to_owned());
    }
    if action.risk > Risk::Routine && !detail.is_front_read() {
        // a line of what was read stays, so that the reader finds the place
        detail.scroll = detail.read.saturating_sub(1).min(detail.max_scroll);
        return Err(format!(
            "this is {}, and not all of it was on the screen yet: {}. Here it goes on; then approve",
            action.risk.word(),
            detail.unseen().join(", ")
        ));
    }
    Ok(())
}

/// The phrase was typed: now the question.
pub(super) fn phrase_typed(app: &mut App, id: ActionId, digest: Root, phrase: String) {
    match app.known().action(id).cloned() {
        Some(action) if action.digest == digest => question(app, &action, Some(phrase)),
        _ => closed::instead_of_a_question(app, format!("{id} changed while you typed: read it again")),
    }
}

fn question(app: &mut App, action: &ActionView, phrase: Option<String>) {
    let network = &app.snapshot.network;
    let money = if network.mainnet { ": real money" } else { "" };
    let mut lines = facts(action);
    if let Some(words) = app.pause_of(action) {
        lines.insert(1.min(lines.len()), words);
    }
    let question = format!(
        "Approve {} on {} (chain {}){money}?",
        action.id, network.name, network.chain_id
    );
    let request = Request::Approve {
        action: action.id,
        digest: action.digest,
        phrase,
    };
    ask::open(
        app,
        Ask {
            question,
            lines,
            verb: "approve",
            request,
            quiet_since: None,
            window: Default::default(),
        },
    );
}

/// What matters most first: on a small screen the end is scrolled to.
fn facts(action: &ActionView) -> Vec<String> {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for row in crate::summary::effects(action, None) {
        let line = format!("{}: {}", row.label, row.text);
        match row.label {
            "what" => first.push(row.text),
            "amount" | "fee" => first.push(line),
            "changes" | "nonce" => {}
            _ => rest.push(line),
        }
    }
    let warnings = action.warnings().into_iter();
    first.splice(0..0, warnings.map(|warning| format!("! {warning}")));
    first.push(format!("code: {}", action.digest.code()));
    first.push(checks(action));
    first.extend(
        action
            .refreshing_lasts_for()
            .map(|words| format!("The approval {words}")),
    );
    if let Some(people) = &action.people {
        first.push(format!(
            "It takes {} people; {}; {}",
            people.needed,
            people.words(),
            people.one_more()
        ));
    }
    if action.risk == Risk::Irreversible {
        first.push("This cannot be undone by anybody.".to_owned());
    }
    first.extend(rest);
    first.push(format!("digest: {}", action.digest));
    first
}

fn checks(action: &ActionView) -> String {
    // what is better again and does not count yet is worth a wait
    let name = |c: &Check| match c.is_held() {
        Some(held) => format!("{} ({held})", c.name),
        None => c.name.clone(),
    };
    let named = |mark| -> Vec<String> { action.checks_with(mark).map(name).collect() };
    let mut words = format::count(named(CheckMark::Pass).len(), "check passes", "checks pass");
    for mark in [CheckMark::Stale, CheckMark::Unknown] {
        let names = named(mark);
        if !names.is_empty() {
            words = format!("{words}; {}: {}", mark.word(), names.join(", "));
        }
    }
    match &action.faded {
        Some(faded) => format!("{words} ({}; they are refreshed first)", faded.why),
        None => words,
    }
}
