//! What a transaction changes, before and after, as far as both are known. The contract's queue and the account are the
//! engine's state, so they are told only until it is sent; what goes to SSV is the simulation's, and stays as it was
//! proposed. What nobody told is unknown, and said to be.

use casimir_dkg::view::{ActionState, ActionView, Payload};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::format;
use crate::console::widgets::page::Page;
use crate::summary::SIMULATED;

const UNKNOWN: &str = "unknown";
pub(super) fn build(page: &mut Page<'_>, app: &App, action: &ActionView) {
    if !matches!(action.payload, Payload::Transaction(_)) {
        return;
    }
    let arrow = if app.settings.ascii { "->" } else { "→" };
    if action.kind != "send-deposit" {
        return;
    }
    page.heading(match lies_ahead(app, action) {
        true => "What changes at SSV",
        false => "What it was to change at SSV, as it was proposed",
    });
    let told = |label| {
        let fact = action.facts.iter().find(|f| f.label == label);
        fact.map(|f| f.value.as_str())
    };
    for (label, before, after) in SIMULATED {
        let text = match (before, told(after)) {
            (_, None) => UNKNOWN.to_owned(),
            (None, Some(after)) => after.to_owned(),
            (Some(before), Some(after)) => format!("{} {arrow} {after}", told(before).unwrap_or(UNKNOWN)),
        };
        row(page, label, &text);
    }
}

/// The account and the contract's queue, where it was not sent yet: those of today are not those from before it. They
/// belong to what has to be read first.
pub(super) fn ahead(app: &App, action: &ActionView) -> Vec<(&'static str, Token, String)> {
    let Payload::Transaction(tx) = &action.payload else {
        return Vec::new();
    };
    if !lies_ahead(app, action) {
        return Vec::new();
    }
    let arrow = if app.settings.ascii { "->" } else { "→" };
    let most = tx.fee_ceiling_wei + tx.value_wei;
    let mut out = vec![("account", account(app, most, arrow))];
    if action.kind == "send-deposit" {
        out.push(("queue", queue(app, action, arrow)));
    }
    let said = |(label, text): (&'static str, String)| (label, token(&text), text);
    out.into_iter().map(said).collect()
}

/// It was not sent, and may be: what the chain says now is what it finds.
fn lies_ahead(app: &App, action: &ActionView) -> bool {
    let sent = app
        .known()
        .transactions()
        .everything()
        .any(|t| t.action == action.id);
    !sent && matches!(action.state, ActionState::Proposed | ActionState::Approved)
}

fn row(page: &mut Page<'_>, label: &str, text: &str) {
    page.field(label, token(text), text);
}

fn token(text: &str) -> Token {
    match text {
        UNKNOWN => Token::Stale,
        _ => Token::Text,
    }
}

/// The least that is left: the fee may be as high as its ceiling.
fn account(app: &App, most: alloy::primitives::U256, arrow: &str) -> String {
    match app.snapshot.signer.balance_wei {
        Some(before) => format!(
            "{} ETH {arrow} at least {} ETH",
            format::eth_short(before),
            format::eth_short(before.saturating_sub(most))
        ),
        None => UNKNOWN.to_owned(),
    }
}

fn queue(app: &App, action: &ActionView, arrow: &str) -> String {
    let chain = &app.snapshot.chain;
    if chain.head.is_none() {
        return UNKNOWN.to_owned();
    }
    let count = |n: usize| format::count(n, "pool", "pools");
    let all = chain.ready_queue.len();
    match chain
        .ready_queue
        .iter()
        .position(|pool| *pool == action.id.case.pool)
    {
        Some(at) => format!(
            "{}, this one number {} {arrow} {}",
            count(all),
            at + 1,
            count(all - 1)
        ),
        None => format!("{}, and this one is not among them", count(all)),
    }
}
