//! The status page: alarms, network, account, endpoints, operators, journal.

use casimir_dkg::types::{BlockRef, CheckStatus, Round, Severity, rounded_ether, rounded_gwei};
use casimir_dkg::view::Samples;

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::sign::Sign;
use crate::console::widgets::{format, spark, status};

/// In the past nothing of the chain, the account or who answered is known: that is no news of then.
pub(super) const NOT_TOLD: &str = "unknown: the journal does not tell";

pub(super) fn build(page: &mut Page<'_>, app: &App) {
    let s = &app.snapshot;
    alarms(page, app);
    waits(page, app);
    network(page, app);
    account(page, app);
    page.heading("Endpoints");
    not_kept(page, app);
    for endpoint in &s.endpoints {
        let latency = endpoint
            .latency_ms
            .map(|ms| format!(", {ms} ms"))
            .unwrap_or_default();
        let trend = s
            .trends
            .endpoints
            .iter()
            .find(|t| t.kind == endpoint.kind && t.name == endpoint.name);
        let blocks = trend.map_or_else(String::new, |trend| blocks(app, &trend.latency_ms));
        let more = format!(" {}{latency}{blocks}: {}", endpoint.name, endpoint.detail);
        page.status(endpoint.kind.word(), status::health(endpoint.health), &more);
    }
    page.heading("Operators");
    not_kept(page, app);
    for operator in &s.operators {
        let label = format!("{} {}", operator.id, operator.name);
        let latency = operator
            .latency_ms
            .map(|ms| format!(", {ms} ms"))
            .unwrap_or_default();
        let more = format!(
            " {} {}{latency}{}; {} done, {} failed because of it. {}",
            operator.endpoint,
            operator.version,
            s.trends
                .operators
                .get(&operator.id)
                .map_or_else(String::new, |trend| blocks(app, trend)),
            operator.ceremonies_done,
            operator.ceremonies_failed,
            operator.note
        );
        page.status(&label, status::health(operator.health), &more);
    }
    page.heading("Journal");
    page.field("file", Token::Text, &s.journal.path);
    page.field("records", Token::Text, format::number(s.journal.records));
    page.field("head", Token::Value, s.journal.head);
    page.heading("Program");
    page.field("version", Token::Text, &s.version);
    page.field(
        "state as of",
        Token::Text,
        format!("{} (revision {})", format::date(s.at), s.revision),
    );
}

/// In the past an empty list is no news of then.
fn not_kept(page: &mut Page<'_>, app: &App) {
    if app.past.is_some() {
        page.text(Token::Muted, "Not kept: who answered then is not in the journal.");
    }
}

fn alarms(page: &mut Page<'_>, app: &App) {
    let (s, ascii) = (&app.snapshot, app.settings.ascii);
    page.heading("Alarms");
    if app.past.is_some() {
        if let Some(pause) = &s.paused {
            let words = format!(
                "everything is paused by {} since {}",
                pause.by,
                format::date(pause.since)
            );
            page.item(Sign::Paused.glyph(ascii), Token::Warn, &words);
        }
        let words = "What else was up then: the journal does not tell.";
        page.text(Token::Muted, words);
    } else if s.alarms.is_empty() && s.journal.unwritable.is_none() {
        match s.waits.is_empty() {
            true => page.item(Sign::Ok.glyph(ascii), Token::Ok, "none"),
            false => page.item(
                Sign::Idle.glyph(ascii),
                Token::Muted,
                "none beside what holds something up",
            ),
        }
    }
    for alarm in s.journal.unwritable.iter().chain(&s.alarms) {
        page.item(Sign::Warn.glyph(ascii), Token::Danger, alarm.as_str());
    }
}

/// The newest times to answer.
fn blocks(app: &App, samples: &Samples) -> String {
    match spark::line(samples.values(), 12, app.settings.ascii) {
        blocks if blocks.is_empty() => blocks,
        blocks => format!(" {blocks}"),
    }
}

/// Everything that holds something up, the worst first.
fn waits(page: &mut Page<'_>, app: &App) {
    let mut waits: Vec<_> = app.snapshot.waits.iter().collect();
    if waits.is_empty() {
        return;
    }
    waits.sort_by_key(|wait| std::cmp::Reverse(wait.urgency()));
    page.heading("Held up");
    for wait in waits {
        let (sign, token) = match wait.reason.severity() {
            Severity::Critical => (Sign::Fail, Token::Danger),
            Severity::Warning => (Sign::Warn, Token::Warn),
            Severity::Info => (Sign::Waiting, Token::Muted),
        };
        let about = match wait.subject().as_str() {
            "-" => String::new(),
            subject => format!(" {subject}"),
        };
        let stops = wait.reason.stops().word();
        let text = format!(
            "{}{about} (stops {stops}, {}): {}",
            wait.reason,
            format::age(app.clock().since(wait.since)),
            wait.sentence
        );
        page.item(sign.glyph(app.settings.ascii), token, &text);
        for detail in &wait.details {
            page.text(token, &format!("    {detail}"));
        }
    }
}

fn network(page: &mut Page<'_>, app: &App) {
    let s = &app.snapshot;
    page.heading("Network");
    let token = if s.network.mainnet {
        Token::NetworkMain
    } else {
        Token::Text
    };
    page.field(
        "network",
        token,
        format!("{} (chain {})", s.network.name, s.network.chain_id),
    );
    for part in &s.network.simulated {
        page.field("simulated", Token::Warn, part);
    }
    page.field("manager contract", Token::Value, s.network.manager);
    page.field("mode", Token::Text, s.mode);
    if let Some(switched) = &s.switched {
        page.field("switched", Token::Warn, switched.words(s.mode));
    }
    if let Some(pause) = &s.paused {
        page.field(
            "paused",
            Token::Warn,
            format!("by {} since {}", pause.by, format::date(pause.since)),
        );
    }
    match app.past {
        Some(_) => chain_then(page, app),
        None => chain(page, app),
    }
}

fn block(at: BlockRef) -> String {
    format!("{}  {}", format::number(at.number), at.hash)
}

fn chain(page: &mut Page<'_>, app: &App) {
    let chain = &app.snapshot.chain;
    let block = |at: Option<BlockRef>| at.map_or_else(|| "none yet".to_owned(), block);
    page.status("chain", status::link(chain.link), "");
    page.field("head", Token::Text, block(chain.head));
    if let Some(came) = chain.head_at {
        let ago = |at| format!("{} ago", format::age(app.clock().since(at)));
        let words = match chain.head_time {
            Some(time) if time > app.clock() => format!("{}; its own time is ahead of this clock", ago(came)),
            Some(time) => format!("{}; its own time is {}", ago(came), ago(time)),
            None => ago(came),
        };
        page.field("head came", Token::Text, words);
    }
    page.field("final", Token::Text, block(chain.finalized));
    page.field("events read up to", Token::Text, block(chain.cursor));
    if let Some(fee) = chain.base_fee_wei {
        page.field("base fee", Token::Text, rounded_gwei(fee, Round::Up));
    }
    let queue: Vec<_> = chain.ready_queue.iter().map(ToString::to_string).collect();
    page.field(
        "ready queue",
        Token::Text,
        if queue.is_empty() {
            "empty".to_owned()
        } else {
            format!("pools {}", queue.join(", "))
        },
    );
    for pool in &chain.ready_pools {
        let eth = rounded_ether(pool.deposits_wei, Round::Down);
        let words = format!(
            "{eth} put in (the contract, read at block {})",
            format::number(pool.block)
        );
        page.field(&format!("pool {}", pool.id), Token::Text, words);
    }
    for history in &chain.histories {
        page.field(history.what.as_str(), Token::Text, history.words());
    }
    if let Some(nonce) = chain.owner_nonce {
        page.field("SSV owner nonce", Token::Text, nonce);
    }
}

/// Of the chain the journal holds one thing: a block up to which every event had been read, noted down now and then.
fn chain_then(page: &mut Page<'_>, app: &App) {
    for label in ["chain", "head", "final", "base fee", "ready queue"] {
        page.field(label, Token::Stale, NOT_TOLD);
    }
    let (token, read) = match app.snapshot.chain.cursor {
        Some(at) => (Token::Text, format!("at least {}", block(at))),
        None => (Token::Stale, NOT_TOLD.to_owned()),
    };
    page.field("events read up to", token, read);
}

fn account(page: &mut Page<'_>, app: &App) {
    let signer = &app.snapshot.signer;
    page.heading("Oracle account");
    if app.past.is_some() {
        for label in ["address", "balance", "authorised"] {
            page.field(label, Token::Stale, NOT_TOLD);
        }
        return;
    }
    match signer.address {
        Some(address) => page.field("address", Token::Value, address),
        None => page.field("address", Token::Muted, "no key: nothing can be sent"),
    }
    match signer.balance_wei {
        Some(wei) => page.field("balance", Token::Text, rounded_ether(wei, Round::Down)),
        None => page.field("balance", Token::Stale, "unknown"),
    }
    let words = match signer.authorised {
        CheckStatus::Pass => " the manager contract accepts it",
        CheckStatus::Fail => " the manager contract has another oracle",
        CheckStatus::Unknown => " not asked yet",
    };
    page.status("authorised", status::check(signer.authorised.into()), words);
}

#[cfg(test)]
mod tests {
    use casimir_dkg::view::{Snapshot, Wait, WaitReason};

    use super::Page;
    use crate::console::tests::fixture::app;
    use crate::fixture::unread;

    #[test]
    fn every_reason_to_wait_is_on_the_page() {
        let of = |reason: &WaitReason| Wait::new(*reason, "it is so");
        let waits = WaitReason::ALL.iter().map(of).collect();
        let app = app(Snapshot { waits, ..unread() });
        let mut page = Page::new(&app, 200);
        super::waits(&mut page, &app);
        let lines: Vec<_> = page.into_lines().iter().map(ToString::to_string).collect();
        for reason in WaitReason::ALL {
            let words = format!("{reason} (stops {}", reason.stops().word());
            assert!(lines.iter().any(|line| line.contains(&words)), "{reason}");
        }
    }
}
