//! What a transaction changes, before and after, as far as both are known. The contract's queue and the account are the
//! engine's state; what goes to SSV is the simulation's. What nobody told is unknown, and said to be.

use casimir_dkg::view::{ActionView, Payload};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::format;
use crate::console::widgets::page::Page;

const UNKNOWN: &str = "unknown";
/// What the desk calls it, and what it is called here.
const SIMULATED: [(&str, &str); 4] = [
    ("fees swapped for SSV", "reserved fees"),
    ("SSV receives", "SSV receives"),
    ("SSV cluster afterwards", "SSV cluster"),
    ("until its liquidation, at present fees", "SSV runway"),
];

pub(super) fn build(page: &mut Page<'_>, app: &App, action: &ActionView) {
    let Payload::Transaction(tx) = &action.payload else {
        return;
    };
    let arrow = if app.settings.ascii { "->" } else { "→" };
    page.heading("What changes");
    row(
        page,
        "account",
        &account(app, tx.fee_ceiling_wei + tx.value_wei, arrow),
    );
    if action.kind != "send-deposit" {
        return;
    }
    row(page, "ready queue", &queue(app, action, arrow));
    for (fact, label) in SIMULATED {
        let told = action
            .facts
            .iter()
            .find(|f| f.label == fact)
            .map(|f| f.value.as_str());
        let text = match (label, told) {
            (_, None) => UNKNOWN.to_owned(),
            ("reserved fees", Some(swapped)) => format!("{UNKNOWN} {arrow} {swapped} less"),
            ("SSV receives", Some(received)) => received.to_owned(),
            (_, Some(after)) => format!("{UNKNOWN} {arrow} {after}"),
        };
        row(page, label, &text);
    }
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
