//! What a transaction changes, before and after, as far as both are known. The contract's queue and the account are the
//! engine's state, so they are told only until it is sent; what goes to SSV is the simulation's, and stays as it was
//! proposed. What nobody told is unknown, and said to be.

use casimir_dkg::view::{ActionState, ActionView, Payload};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::format;
use crate::console::widgets::page::Page;

const UNKNOWN: &str = "unknown";
/// What it is called here, and what the desk calls it before, where there is a before, and after.
const SIMULATED: [(&str, Option<&str>, &str); 4] = [
    (
        "reserved fees",
        Some("reserved fees before"),
        "reserved fees afterwards",
    ),
    ("SSV receives", None, "SSV receives"),
    (
        "SSV cluster",
        Some("SSV cluster before"),
        "SSV cluster afterwards",
    ),
    (
        "SSV runway",
        Some("until its liquidation before, at present fees"),
        "until its liquidation, at present fees",
    ),
];

pub(super) fn build(page: &mut Page<'_>, app: &App, action: &ActionView) {
    let Payload::Transaction(tx) = &action.payload else {
        return;
    };
    let arrow = if app.settings.ascii { "->" } else { "→" };
    let lies_ahead = lies_ahead(app, action);
    let is_deposit = action.kind == "send-deposit";
    if lies_ahead {
        page.heading("What changes");
        let most = tx.fee_ceiling_wei + tx.value_wei;
        row(page, "account", &account(app, most, arrow));
    } else if is_deposit {
        // the account and the queue of today are not those from before it
        page.heading("What it was to change, as it was proposed");
    }
    if !is_deposit {
        return;
    }
    if lies_ahead {
        row(page, "ready queue", &queue(app, action, arrow));
    }
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
    let token = match text {
        UNKNOWN => Token::Stale,
        _ => Token::Text,
    };
    page.field(label, token, text);
}

/// The least that is left: the fee may be as high as its ceiling.
fn account(app: &App, most: alloy::primitives::U256, arrow: &str) -> String {
    match app.snapshot.signer.balance_wei {
        Some(before) => format!(
            "{} ETH {arrow} at least {} ETH",
            format::eth(before),
            format::eth(before.saturating_sub(most))
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
