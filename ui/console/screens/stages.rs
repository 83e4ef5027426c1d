//! How far a case is: its stages in a line, and what it waits for.
//!
//! ```text
//! ✓ key ▸ ✓ registration ▸ ● deposit ▸ · finality ▸ · activation
//! waits for a decision on deposit/3#2
//! ```
//!
//! | sign | means |
//! |---|---|
//! | `✓` | behind it |
//! | the case's own sign | where it is |
//! | `·` | ahead |
//!
//! Where it is and what lies ahead is named as what has to happen: only what is behind it may be read as done.

use casimir_dkg::types::{CeremonyKind, CeremonyPlan, RequestKind};
use casimir_dkg::view::{
    ActionState, ActionView, CaseStatus, CaseView, Family, Payload, Stage, TransactionState,
};
use ratatui::text::{Line, Span};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::sign::Sign;
use crate::console::widgets::status;
use crate::console::widgets::text::{clean, fit, width};

/// Lines that it takes beneath a list.
pub(super) const HEIGHT: u16 = 2;

/// A stage in two words.
struct Name {
    /// What has to happen.
    ahead: &'static str,
    /// What has happened.
    behind: &'static str,
}

const fn name(ahead: &'static str, behind: &'static str) -> Name {
    Name { ahead, behind }
}

/// The request is behind every case that there is.
fn names(kind: RequestKind) -> &'static [Name] {
    match kind {
        RequestKind::Deposit => {
            const {
                &[
                    name("key", "key"),
                    name("registration", "registration"),
                    name("deposit", "deposit"),
                    name("finality", "final"),
                    name("activation", "active"),
                ]
            }
        }
        RequestKind::Reshare => {
            const {
                &[
                    name("request", "requested"),
                    name("committee", "committee"),
                    name("to reshare", "reshared"),
                    name("contract", "in the contract"),
                ]
            }
        }
        RequestKind::Exit => {
            const {
                &[
                    name("request", "asked"),
                    name("to sign", "signed"),
                    name("to publish", "published"),
                    name("into a block", "in a block"),
                    name("to exit", "exited"),
                    name("to withdraw", "withdrawn"),
                ]
            }
        }
    }
}

/// So many stages are behind the case.
fn behind(app: &App, case: &CaseView) -> usize {
    let all = names(case.kind).len();
    if case.status == CaseStatus::Done {
        return all;
    }
    let newest = newest(app, case);
    match case.kind {
        RequestKind::Deposit => deposit(app, case, newest),
        RequestKind::Reshare => reshare(newest),
        RequestKind::Exit => exit(app, case, newest),
    }
}

/// The newest action of the case that still means something.
fn newest<'a>(app: &'a App, case: &CaseView) -> Option<&'a ActionView> {
    let of_case = app.known().actions().everything();
    let of_case = of_case.filter(|a| a.id.case == case.id && !matches!(a.state, ActionState::Void { .. }));
    of_case.max_by_key(|a| a.id.number)
}

fn plan(action: &ActionView) -> Option<&CeremonyPlan> {
    match &action.payload {
        Payload::Ceremony(ceremony) => Some(&ceremony.plan),
        Payload::Transaction(_) | Payload::Exit(_) => None,
    }
}

fn is_done(action: &ActionView) -> bool {
    action.state == ActionState::Done
}

fn deposit(app: &App, case: &CaseView, newest: Option<&ActionView>) -> usize {
    if reached(case, Stage::Active) {
        return 5;
    }
    let Some(action) = newest else {
        return usize::from(case.validator.is_some());
    };
    if action.family == Family::Transaction {
        let sent = app
            .known()
            .transactions()
            .everything()
            .find(|t| t.action == action.id);
        return match sent.map(|t| &t.state) {
            Some(TransactionState::Final { .. }) => 4,
            Some(TransactionState::Included { .. }) => 3,
            _ if is_done(action) => 4,
            _ => 2,
        };
    }
    match plan(action) {
        // some backends have the registration signed with the key
        Some(CeremonyPlan::Keygen { registration, .. }) if is_done(action) => {
            1 + usize::from(registration.is_some())
        }
        Some(CeremonyPlan::Sign { .. }) => 1 + usize::from(is_done(action)),
        _ => 0,
    }
}

fn reshare(newest: Option<&ActionView>) -> usize {
    match newest {
        Some(action) if action.family == Family::Transaction => 3,
        Some(action) if plan(action).is_some_and(|p| p.kind() == CeremonyKind::Sign) => 2,
        Some(action) if action.was_approved() => 2 + usize::from(is_done(action)),
        _ => 1,
    }
}

fn exit(app: &App, case: &CaseView, newest: Option<&ActionView>) -> usize {
    for (stage, behind) in [(Stage::Withdrawn, 6), (Stage::Exited, 5), (Stage::Exiting, 4)] {
        if reached(case, stage) {
            return behind;
        }
    }
    match newest {
        Some(action) if action.family == Family::Broadcast => 2 + usize::from(is_out(app, case, action)),
        Some(action) => 1 + usize::from(is_done(action)),
        None => 1,
    }
}

/// Whether a node took the exit: who only offered it has not published it.
fn is_out(app: &App, case: &CaseView, action: &ActionView) -> bool {
    let exits = app.known().exits();
    match exits.everything().find(|exit| exit.case == case.id) {
        Some(exit) if !is_done(action) => {
            action.state == ActionState::Executing && exit.verdicts.iter().any(|verdict| verdict.delivered)
        }
        _ => is_done(action),
    }
}

fn reached(case: &CaseView, stage: Stage) -> bool {
    case.times.iter().any(|m| m.stage >= stage && m.actual.is_some())
}

/// The stage it is at, for a table's cell: `deposit 3/5`, `to publish 3/6`.
pub(super) fn cell(app: &App, case: &CaseView) -> String {
    let names = names(case.kind);
    match names.get(behind(app, case)) {
        Some(name) => format!("{} {}/{}", name.ahead, behind(app, case) + 1, names.len()),
        None => format!("all {}", names.len()),
    }
}

/// The bar, and what the case waits for.
pub(super) fn lines(app: &App, case: &CaseView, columns: usize) -> Vec<Line<'static>> {
    vec![bar(app, case, columns), Line::from(waits(app, case, columns))]
}

fn bar(app: &App, case: &CaseView, columns: usize) -> Line<'static> {
    let ascii = app.settings.ascii;
    let between = if ascii { " > " } else { " ▸ " };
    let here = behind(app, case);
    let state = status::case(case.shown());
    let parts: Vec<(Token, String)> = names(case.kind)
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let (token, sign) = match n.cmp(&here) {
                std::cmp::Ordering::Less => (Token::Ok, Sign::Done),
                std::cmp::Ordering::Equal => (state.token, state.sign),
                std::cmp::Ordering::Greater => (Token::Muted, Sign::Idle),
            };
            let word = if n < here { name.behind } else { name.ahead };
            (token, format!("{} {word}", sign.glyph(ascii)))
        })
        .collect();
    // on a narrow screen the stages far behind go first
    let total = |parts: &[(Token, String)]| parts.iter().map(|(_, p)| width(p) + 3).sum::<usize>();
    let mut first = 0;
    while first < here.min(parts.len() - 1) && total(&parts[first..]) > columns {
        first += 1;
    }
    let mut spans = Vec::new();
    let mut left = columns;
    for (token, text) in &parts[first..] {
        if !spans.is_empty() {
            spans.push(Span::styled(between, app.style(Token::Border)));
            left = left.saturating_sub(3);
        }
        let text = fit(text, left, ascii).into_owned();
        left = left.saturating_sub(width(&text));
        spans.push(Span::styled(text, app.style(*token)));
    }
    Line::from(spans)
}

fn waits(app: &App, case: &CaseView, columns: usize) -> Span<'static> {
    let text = match &case.awaits {
        Some(awaits) => format!("waits for {awaits}"),
        None => case.sentence.to_string(),
    };
    let text = fit(&clean(&text), columns, app.settings.ascii).into_owned();
    Span::styled(text, app.style(Token::Text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::tests::fixture::{self, app, busy};

    fn drawn(change: impl FnOnce(&mut casimir_dkg::view::Snapshot), id: &str, columns: usize) -> String {
        let mut snapshot = busy();
        change(&mut snapshot);
        let app = app(snapshot);
        let case = app.known().case(id.parse().unwrap()).unwrap();
        bar(&app, case, columns).to_string()
    }

    #[test]
    fn a_case_stands_at_the_stage_that_its_newest_action_is_for() {
        let nothing = |_: &mut casimir_dkg::view::Snapshot| {};
        assert_eq!(
            drawn(nothing, "deposit/4", 80),
            "◐ key ▸ · registration ▸ · deposit ▸ · finality ▸ · activation"
        );
        assert_eq!(
            drawn(nothing, "deposit/3", 80),
            "✓ key ▸ ✓ registration ▸ ● deposit ▸ · finality ▸ · activation"
        );
        assert_eq!(
            drawn(nothing, "reshare/2", 80),
            "✓ requested ▸ ● committee ▸ · to reshare ▸ · contract"
        );
        assert_eq!(
            drawn(
                |s| s.cases.iter_mut().for_each(|c| c.times.clear()),
                "exit/1",
                100
            ),
            "✓ asked ▸ ✓ signed ▸ ● to publish ▸ · into a block ▸ · to exit ▸ · to withdraw"
        );
        assert_eq!(
            drawn(nothing, "deposit/2", 80),
            "✓ key ▸ ✓ registration ▸ ✓ deposit ▸ ✓ final ▸ ✓ active"
        );
    }

    #[test]
    fn what_is_behind_goes_first_where_it_is_narrow() {
        let narrow = drawn(|_| {}, "deposit/3", 40);
        assert!(narrow.starts_with("● deposit ▸ · finality"), "{narrow}");
        for columns in 0..60 {
            assert!(
                width(&drawn(|_| {}, "exit/1", columns)) <= columns + 9,
                "{columns}"
            );
        }
    }

    #[test]
    fn a_transaction_in_a_block_waits_to_be_final() {
        let text = drawn(
            |s| {
                let mut action = fixture::send_deposit("deposit/3#2", 3);
                fixture::stands(&mut action, ActionState::Executing);
                s.actions[0] = action;
                let mut sent = fixture::transaction("deposit/3#2", 20, s.transactions[0].state.clone());
                sent.state = TransactionState::Included {
                    block: fixture::block(7),
                    confirmations: 2,
                };
                s.transactions.insert(0, sent);
            },
            "deposit/3",
            80,
        );
        assert!(text.contains("✓ deposit ▸ ● finality"), "{text}");
    }

    /// Whatever it is at, only what is behind it is said in a word that means that it is done.
    #[test]
    fn nothing_is_said_to_be_done_before_it_is() {
        for kind in [RequestKind::Deposit, RequestKind::Reshare, RequestKind::Exit] {
            for name in names(kind) {
                let is_a_participle = [
                    "signed",
                    "published",
                    "exited",
                    "withdrawn",
                    "requested",
                    "asked",
                    "in a block",
                ];
                assert!(!is_a_participle.contains(&name.ahead), "{}", name.ahead);
            }
        }
        let exit = |state: ActionState, delivered: bool| {
            drawn(
                |s| {
                    let of_exit = s.actions.iter_mut().find(|a| a.family == Family::Broadcast);
                    fixture::stands(of_exit.unwrap(), state);
                    s.cases.iter_mut().for_each(|case| case.times.clear());
                    for verdict in s.exits.iter_mut().flat_map(|exit| &mut exit.verdicts) {
                        verdict.delivered = delivered;
                    }
                },
                "exit/1",
                120,
            )
        };
        for (state, delivered, says) in [
            (ActionState::Approved, true, "to publish"),
            (ActionState::Executing, false, "to publish"),
            (ActionState::Executing, true, "into a block"),
        ] {
            let text = exit(state.clone(), delivered);
            let at = text.split(" ▸ ").find(|part| !part.starts_with('✓')).unwrap();
            assert!(at.ends_with(says), "{state:?} {delivered}: {text}");
        }
    }
}
