//! The oracle's metrics, from a snapshot. `config/monitoring/README.md` has a table of them, which a test compares.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::U256;

use crate::engine::notices::Delivered;
use crate::monitor::Family;
use crate::types::{RequestKind, UnixMillis};
use crate::view::{Health, LinkState, Snapshot, WaitReason};

pub(super) fn families(
    snapshot: &Snapshot,
    delivered: &[Arc<Delivered>],
    ready: bool,
    pulse: Duration,
    now: UnixMillis,
) -> Vec<Family> {
    let mut families = vec![
        Family::gauge("casimir_oracle_info", "Always 1; the labels say what runs.").with(
            [
                ("version", &snapshot.version),
                ("network", snapshot.network.name.as_str()),
                ("mode", &snapshot.mode.to_string()),
            ],
            1.0,
        ),
        Family::gauge(
            "casimir_oracle_ready",
            "1 when it could act right now, as /readyz says.",
        )
        .is(truth(ready)),
        Family::gauge(
            "casimir_oracle_pulse_age_seconds",
            "Since the engine's task last went around.",
        )
        .is(pulse.as_secs_f64()),
    ];
    families.extend(waits(snapshot, now));
    families.extend(work(snapshot));
    families.extend(chain(snapshot, now));
    families.extend(account(snapshot));
    families.extend(neighbours(snapshot));
    families.push(notices(delivered));
    families
}

/// Every reason to wait that there is, also those for which nothing waits: so that a rule can be written for each.
fn waits(snapshot: &Snapshot, now: UnixMillis) -> [Family; 2] {
    let mut count = Family::gauge(
        "casimir_oracle_waits",
        "Things that wait, by the reason for which they do.",
    );
    let mut oldest = Family::gauge(
        "casimir_oracle_wait_oldest_seconds",
        "For how long the oldest of them has waited; 0 where nothing waits.",
    );
    for reason in WaitReason::ALL {
        let of = || snapshot.waits.iter().filter(|wait| wait.reason == *reason);
        let (code, severity) = (reason.code(), reason.severity().word());
        let labels = [
            ("reason", code),
            ("severity", severity),
            ("stops", reason.stops().word()),
        ];
        count = count.with(labels, number(of().count()));
        let since = of().map(|wait| wait.since).min();
        let seconds = since.map_or(0.0, |since| now.since(since).as_secs_f64());
        oldest = oldest.with([("reason", code)], seconds);
    }
    [count, oldest]
}

fn work(snapshot: &Snapshot) -> Vec<Family> {
    let mut open: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for case in snapshot.cases.iter().filter(|case| !case.is_over()) {
        *open
            .entry((case.kind.to_string(), case.status.word()))
            .or_default() += 1;
    }
    let cases = Family::gauge(
        "casimir_oracle_cases",
        "Open cases, by kind of request and status.",
    );
    let cases = open.iter().fold(cases, |family, ((kind, status), count)| {
        family.with([("kind", kind), ("status", status)], number(*count))
    });
    let over = Family::gauge(
        "casimir_oracle_cases_over",
        "Cases that came to their end, by kind of request.",
    );
    let over = RequestKind::ALL.iter().fold(over, |family, kind| {
        family.with([("kind", &kind.to_string())], whole(snapshot.cases_over(*kind)))
    });
    let running = snapshot.ceremonies.iter().filter(|ceremony| !ceremony.is_over());
    let followed = snapshot
        .transactions
        .iter()
        .filter(|transaction| !transaction.is_over());
    vec![
        cases,
        over,
        Family::gauge(
            "casimir_oracle_actions_waiting",
            "Actions that wait for a person's decision.",
        )
        .is(number(snapshot.for_a_person().count())),
        Family::gauge(
            "casimir_oracle_ceremonies_running",
            "Ceremonies that have not ended.",
        )
        .is(number(running.count())),
        Family::gauge(
            "casimir_oracle_transactions_open",
            "Transactions that are followed.",
        )
        .is(number(followed.count())),
        Family::gauge("casimir_oracle_validators", "Validators of all pools.")
            .is(number(snapshot.validators.len())),
        Family::gauge("casimir_oracle_journal_records", "Records of the journal.")
            .is(whole(snapshot.journal.records)),
        Family::gauge(
            "casimir_oracle_journal_writable",
            "1 while the journal can be written.",
        )
        .is(truth(snapshot.journal.unwritable.is_none())),
        Family::gauge("casimir_oracle_paused", "1 while everything is paused.")
            .is(truth(snapshot.paused.is_some())),
    ]
}

fn chain(snapshot: &Snapshot, now: UnixMillis) -> Vec<Family> {
    let chain = &snapshot.chain;
    let block = |block: Option<crate::types::BlockRef>| block.map(|block| whole(block.number));
    vec![
        Family::gauge(
            "casimir_oracle_chain_live",
            "1 while every block up to the head was read.",
        )
        .is(truth(chain.link == LinkState::Live)),
        Family::gauge("casimir_oracle_head_block", "Newest block.").is(block(chain.head)),
        Family::gauge("casimir_oracle_finalized_block", "Newest final block.").is(block(chain.finalized)),
        Family::gauge(
            "casimir_oracle_cursor_block",
            "Newest block whose events were read.",
        )
        .is(block(chain.cursor)),
        Family::gauge(
            "casimir_oracle_head_age_seconds",
            "Since the newest block was noticed.",
        )
        .is(chain.head_at.map(|at| now.since(at).as_secs_f64())),
        Family::gauge(
            "casimir_oracle_base_fee_wei",
            "Base fee of the newest block, wei per gas.",
        )
        .is(chain.base_fee_wei.map(f64::from)),
        Family::gauge(
            "casimir_oracle_ready_queue",
            "Pools in the contract's ready queue.",
        )
        .is(number(chain.ready_queue.len())),
    ]
}

fn account(snapshot: &Snapshot) -> Vec<Family> {
    let signer = &snapshot.signer;
    vec![
        Family::gauge("casimir_oracle_balance_ether", "Balance of the oracle account.")
            .is(signer.balance_wei.map(ether)),
        Family::gauge(
            "casimir_oracle_deposits_left",
            "For so many more deposits the balance is enough.",
        )
        .is(signer.deposits_left.map(whole)),
    ]
}

fn neighbours(snapshot: &Snapshot) -> Vec<Family> {
    let mut endpoint_up = Family::gauge(
        "casimir_oracle_endpoint_up",
        "1 for an endpoint that answers well, 0.5 for one that is slow, behind or limited or was not asked, 0 for one that is down.",
    );
    let mut endpoint_latency = Family::gauge(
        "casimir_oracle_endpoint_latency_seconds",
        "Round trip of an endpoint's last answer.",
    );
    for endpoint in &snapshot.endpoints {
        let labels = [
            ("kind", endpoint.kind.word()),
            ("endpoint", endpoint.name.as_str()),
        ];
        endpoint_up = endpoint_up.with(labels, health(endpoint.health));
        if let Some(millis) = endpoint.latency_ms {
            endpoint_latency = endpoint_latency.with(labels, whole(millis) / 1_000.0);
        }
    }
    let mut operator_up = Family::gauge(
        "casimir_oracle_operator_up",
        "1 for an operator's node that answers, 0.5 for one that gives no usable answer or was not asked, 0 where nobody listens.",
    );
    let mut operator_latency = Family::gauge(
        "casimir_oracle_operator_latency_seconds",
        "Round trip of an operator's last answer.",
    );
    let mut ceremonies = Family::gauge(
        "casimir_oracle_operator_ceremonies",
        "Ceremonies of an operator that gave a result, or failed because of it.",
    );
    for operator in &snapshot.operators {
        let id = operator.id.to_string();
        operator_up = operator_up.with([("operator", &id)], answers(operator.health));
        if let Some(millis) = operator.latency_ms {
            operator_latency = operator_latency.with([("operator", &id)], whole(millis) / 1_000.0);
        }
        for (outcome, count) in [
            ("done", operator.ceremonies_done),
            ("failed", operator.ceremonies_failed),
        ] {
            ceremonies = ceremonies.with([("operator", &id), ("outcome", outcome)], f64::from(count));
        }
    }
    vec![
        endpoint_up,
        endpoint_latency,
        operator_up,
        operator_latency,
        ceremonies,
    ]
}

fn notices(delivered: &[Arc<Delivered>]) -> Family {
    let family = Family::counter(
        "casimir_oracle_notices",
        "Notices to a receiver, by what came of them: delivered, failed, or left out.",
    );
    delivered.iter().fold(family, |family, to| {
        to.counts().into_iter().fold(family, |family, (outcome, count)| {
            family.with([("to", to.name()), ("outcome", outcome)], whole(count))
        })
    })
}

fn truth(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "blocks, records and counts stay far below 2^53"
)]
fn whole(number: u64) -> f64 {
    number as f64
}

fn number(count: usize) -> f64 {
    whole(count as u64)
}

fn ether(wei: U256) -> f64 {
    f64::from(wei) / 1e18
}

fn health(health: Health) -> f64 {
    match health {
        Health::Up => 1.0,
        Health::Unknown | Health::Degraded => 0.5,
        Health::Down => 0.0,
    }
}

/// Whether an operator can be worked with: one that is slow can, and its round trip says how slow.
fn answers(health: Health) -> f64 {
    match health {
        Health::Up | Health::Degraded => 1.0,
        Health::Unknown => 0.5,
        Health::Down => 0.0,
    }
}
