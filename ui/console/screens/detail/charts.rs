//! The page of charts: everything that is measured again and again, a line each, the newest value to the right.
//!
//! ```text
//! Operators: time to answer, and how often ceremonies went wrong because of them
//! 1 alpha        ▁▂▁▃▁▁▂█  4 ms now, 3 to 12 ms   12 of 12 ceremonies
//! Base fee
//! gwei           ▃▃▄▅▅▆▇█  12.3 now, 9.1 to 12.3
//! ceiling                  0.05 ETH a transaction, reached at 32.1 gwei with 1,556,440 gas
//! ```

use alloy::primitives::U256;
use casimir_dkg::types::CeremonyKind;
use casimir_dkg::view::{CeremonyEnd, EndpointKind, EndpointTrend, OperatorView, Samples};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::text::{clean, width, wrap};
use crate::console::widgets::{format, spark};

/// Columns of a label with its gap, at least.
const LABEL: usize = 20;

/// As wide as the longest name that is charted, where the page has room for that.
fn label(page: &Page<'_>, app: &App) -> usize {
    let endpoints = app.snapshot.trends.endpoints.iter().map(endpoint);
    let operators = app.snapshot.operators.iter().map(operator);
    let all: Vec<String> = endpoints.chain(operators).collect();
    page.room_for(LABEL - 1, all.iter().map(String::as_str)) + 1
}

fn operator(operator: &OperatorView) -> String {
    format!("{} {}", operator.id, operator.name)
}

fn endpoint(trend: &EndpointTrend) -> String {
    let kind = match trend.kind {
        EndpointKind::Execution => "rpc",
        EndpointKind::Relay => "relay",
        EndpointKind::Beacon => "beacon",
    };
    let name = trend.name.as_str();
    let host = name.split_once("://").map_or(name, |(_, host)| host);
    format!("{kind} {host}")
}
/// Narrower pages have the words beneath the blocks.
const WIDE: usize = 90;

pub(super) fn build(page: &mut Page<'_>, app: &App) {
    if app.past.is_some() {
        page.text(
            Token::Muted,
            "Times to answer, base fees and ready queues of the past: the journal does not tell.",
        );
        return ceremonies(page, app);
    }
    let newest = Samples::MOST;
    let none = spark::line(&[None], 1, app.settings.ascii);
    page.text(
        Token::Muted,
        &format!(
            "The newest to the right, {newest} at most, since this engine was started; {none}: no answer."
        ),
    );
    operators(page, app);
    ceremonies(page, app);
    base_fee(page, app);
    queue(page, app);
    endpoints(page, app);
}

/// One line of blocks, and what they mean.
fn chart(page: &mut Page<'_>, app: &App, label: &str, values: &[Option<u64>], words: &str) {
    let ascii = app.settings.ascii;
    let room_for_label = self::label(page, app);
    let label = match width(&clean(label)) < room_for_label {
        true => label.to_owned(),
        // beside the blocks it would be cut
        false => {
            page.text(Token::Text, label);
            String::new()
        }
    };
    let wide = page.width() >= WIDE;
    let room = page.width().saturating_sub(room_for_label);
    let columns = if wide { room.saturating_sub(56) } else { room };
    let columns = columns.min(Samples::MOST);
    let blocks = match spark::line(values, columns, ascii) {
        blocks if blocks.is_empty() => "nothing yet".to_owned(),
        blocks => blocks,
    };
    // what is said is never cut off at the edge
    if wide && room_for_label + columns + 2 + width(words) <= page.width() {
        page.cells(&[
            ((Token::Text, label), room_for_label),
            ((Token::Info, blocks), columns + 2),
            ((Token::Text, words.to_owned()), 0),
        ]);
        return;
    }
    page.cells(&[((Token::Text, label), room_for_label), ((Token::Info, blocks), 0)]);
    beside(page, room_for_label, "", Token::Muted, words);
}

/// Words beside a label, over as many lines as they take.
fn beside(page: &mut Page<'_>, room: usize, label: &str, token: Token, words: &str) {
    let lines = wrap(&clean(words), page.width().saturating_sub(room));
    for (nth, line) in lines.into_iter().enumerate() {
        let label = if nth == 0 { label } else { "" };
        page.cells(&[((Token::Text, label.to_owned()), room), ((token, line), 0)]);
    }
}

/// `4 ms now, 3 to 12 ms`
fn spread(values: &[Option<u64>], unit: impl Fn(u64) -> String) -> String {
    let Some((least, middle, most)) = spark::spread(values) else {
        return "no answer".to_owned();
    };
    let now = match values.last().copied().flatten() {
        Some(now) => unit(now),
        None => "no answer".to_owned(),
    };
    format!(
        "{now} now, mostly {}, {} to {}",
        unit(middle),
        unit(least),
        unit(most)
    )
}

fn millis(ms: u64) -> String {
    format::short(std::time::Duration::from_millis(ms))
}

fn operators(page: &mut Page<'_>, app: &App) {
    page.heading("Operators: time to answer, and ceremonies that did not fail because of them");
    for operator in &app.snapshot.operators {
        let none = Samples::default();
        let trend = app.snapshot.trends.operators.get(&operator.id).unwrap_or(&none);
        let (done, failed) = (operator.ceremonies_done, operator.ceremonies_failed);
        let held = match done + failed {
            0 => "no ceremony yet".to_owned(),
            all => format!("{done} of {all}"),
        };
        let words = format!("{}; {held}", spread(trend.values(), millis));
        chart(page, app, &self::operator(operator), trend.values(), &words);
    }
}

/// How long ceremonies of a kind that are known and gave a result took, oldest first, and how many failed.
pub(in crate::console::screens) fn durations(app: &App, kind: CeremonyKind) -> (Vec<Option<u64>>, usize) {
    let known: Vec<_> = app
        .known()
        .ceremonies()
        .iter()
        .filter(|c| c.kind == kind)
        .collect();
    let ended = known.iter().rev().filter_map(|c| Some((c, c.ended.as_ref()?)));
    let verified = ended.clone().filter_map(|(c, (at, end))| match end {
        CeremonyEnd::Verified { .. } => {
            let took = at.since(c.started_at).as_millis();
            Some(u64::try_from(took).unwrap_or(u64::MAX))
        }
        CeremonyEnd::Failed(_) => None,
    });
    let verified: Vec<_> = verified.map(Some).collect();
    let failed = ended.count() - verified.len();
    (verified, failed)
}

fn ceremonies(page: &mut Page<'_>, app: &App) {
    page.heading("Ceremonies: how long those took that gave a result");
    for kind in [CeremonyKind::Keygen, CeremonyKind::Reshare, CeremonyKind::Sign] {
        let (took, failed) = durations(app, kind);
        let words = match took.is_empty() {
            true => format!("{failed} failed"),
            false => format!("{}; {failed} failed", spread(&took, millis)),
        };
        chart(page, app, &kind.to_string(), &took, &words);
    }
}

fn gwei(wei: u64) -> String {
    format!("{} gwei", format::gwei_short(U256::from(wei)))
}

fn base_fee(page: &mut Page<'_>, app: &App) {
    page.heading("Base fee, at each head that was seen");
    let values = app.snapshot.trends.base_fee_wei.values();
    chart(page, app, "base fee", values, &spread(values, gwei));
    let label = label(page, app);
    beside(page, label, "ceiling", Token::Text, &ceiling(app));
}

/// The ceiling of a transaction, and the base fee at which the newest one would reach it.
fn ceiling(app: &App) -> String {
    let Some(wei) = app.snapshot.trends.fee_ceiling_wei else {
        return "not told".to_owned();
    };
    let most = format!("{} ETH a transaction", format::eth(wei));
    let gas = app.snapshot.transactions.first().map(|tx| tx.gas_limit);
    match gas.filter(|gas| *gas > 0) {
        Some(gas) => format!(
            "{most}: reached at {} gwei with {} gas",
            format::gwei_short(wei / U256::from(gas)),
            format::number(gas)
        ),
        None => format!("{most}; at which base fee that is reached is known with the first transaction"),
    }
}

fn queue(page: &mut Page<'_>, app: &App) {
    page.heading("The contract's ready queue, at each head that was seen");
    let values = app.snapshot.trends.queue.values();
    chart(page, app, "pools", values, &spread(values, |n| n.to_string()));
}

fn endpoints(page: &mut Page<'_>, app: &App) {
    page.heading("Endpoints: time to answer");
    for trend in &app.snapshot.trends.endpoints {
        let values = trend.latency_ms.values();
        let words = spread(values, millis);
        chart(page, app, &endpoint(trend), values, &words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::tests::fixture;

    #[test]
    fn nothing_that_is_said_is_cut_off() {
        let mut app = fixture::app(fixture::measured());
        for (ascii, columns) in [false, true]
            .into_iter()
            .flat_map(|ascii| (36..=180).map(move |c| (ascii, c)))
        {
            app.settings.ascii = ascii;
            let mut page = Page::new(&app, columns);
            build(&mut page, &app);
            for line in page.into_lines() {
                assert!(line.width() <= usize::from(columns), "{columns}: {line}");
            }
            let words = |page: Page<'_>| -> String {
                let lines = page
                    .into_lines()
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>();
                lines.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
            };
            let mut page = Page::new(&app, columns);
            build(&mut page, &app);
            let told = words(page);
            for whole in ["ceremonies that did not fail because of them", &ceiling(&app)] {
                assert!(told.contains(whole), "{columns}: {whole}: {told}");
            }
        }
    }
}
