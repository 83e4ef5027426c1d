//! What is printed: whole sentences and labelled values, a line each, without tables to be looked at.

use casimir_dkg::config::format_ether;
use casimir_dkg::types::{CaseId, SafeText, Severity, counted};
use casimir_dkg::view::{
    ActionView, CeremonyEnd, CeremonyView, CheckMark, Health, Payload, Snapshot, Transition,
};

use crate::output::line;
use crate::summary;

/// What waits, by number.
pub(super) fn waiting(snapshot: &Snapshot) {
    let mut any = false;
    for (nth, action) in (1..).zip(snapshot.waiting()) {
        any = true;
        let people = action
            .people
            .as_ref()
            .map_or_else(String::new, |people| format!(", {}", people.words()));
        line(&format!(
            "waits {nth}: {}, {}, {}{people}. {}. Checks: {}.",
            action.id,
            action.kind,
            action.risk.word(),
            action.title.as_str().trim_end_matches('.'),
            action.checks_in_words(", ")
        ));
        if let Err(why) = action.can_approve.check() {
            line(&format!("  cannot be approved now: {why}"));
        }
    }
    line(match any {
        true => "To look at one: open NUMBER.",
        false => "Nothing waits for a decision.",
    });
}

/// What happened, with how bad it is in a word.
pub(super) fn transition(transition: &Transition) {
    let severity = match transition.severity {
        Severity::Info => String::new(),
        worse => format!("{}: ", worse.word()),
    };
    line(&format!("{severity}{}", transition.text));
}

pub(super) fn status(snapshot: &Snapshot) {
    line(&format!("mode: {}", snapshot.mode));
    if let Some(pause) = &snapshot.paused {
        line(&format!(
            "paused by {} since {}",
            pause.by,
            pause.since.to_rfc3339()
        ));
    }
    if let Some(head) = snapshot.chain.head {
        line(&format!("head: block {}", head.number));
    }
    if let Some(address) = snapshot.signer.address {
        let balance = snapshot.signer.balance_wei;
        let balance = balance.map_or_else(|| "balance unknown".to_owned(), format_ether);
        line(&format!("account: {address}, {balance}"));
    }
    for endpoint in &snapshot.endpoints {
        line(&format!(
            "{} endpoint {}: {}{}",
            endpoint.kind.word(),
            endpoint.name,
            health(endpoint.health),
            behind(&endpoint.detail)
        ));
    }
    for operator in &snapshot.operators {
        line(&format!(
            "operator {}: {}{}",
            operator.id,
            health(operator.health),
            behind(&operator.note)
        ));
    }
    for alarm in &snapshot.alarms {
        line(&format!("alarm: {alarm}"));
    }
    for work in snapshot.work_in_flight() {
        line(&format!("in flight: {work}"));
    }
    for wait in &snapshot.waits {
        line(&format!("{}: {}", wait.reason.code(), wait.sentence));
    }
    waiting(snapshot);
}

fn health(health: Health) -> &'static str {
    match health {
        Health::Up => "up",
        Health::Unknown => "unknown",
        Health::Degraded => "degraded",
        Health::Down => "down",
    }
}

/// A remark behind a word, where there is one.
fn behind(remark: &SafeText) -> String {
    match remark.as_str() {
        "" => String::new(),
        remark => format!(", {remark}"),
    }
}

/// Ceremonies that run, and the newest that ended.
pub(super) fn ceremonies(snapshot: &Snapshot) {
    let running = snapshot.ceremonies.iter().filter(|c| !c.is_over());
    let ended = snapshot.ceremonies.iter().filter(|c| c.is_over()).take(3);
    for ceremony in running.chain(ended) {
        line(&format!(
            "{} for {}, attempt {}, ceremony {}: {}",
            ceremony.kind,
            ceremony.case,
            ceremony.attempt,
            ceremony.id,
            ceremony.word()
        ));
        members(ceremony);
        if let Some((_, CeremonyEnd::Failed(failure))) = &ceremony.ended {
            line(&format!("  it failed: {}", failure.reason));
        }
    }
    if snapshot.ceremonies.is_empty() {
        line("No ceremonies yet.");
    }
}

/// How far each operator has come, and what is missing of it.
fn members(ceremony: &CeremonyView) {
    for (id, progress) in &ceremony.operators {
        let asked = ceremony.steps.iter().filter(|step| step.senders.contains(id));
        let missing: Vec<_> = asked
            .clone()
            .filter(|step| !progress.seen.contains_key(&step.id))
            .map(|step| step.title.as_str())
            .collect();
        let seen = asked.count() - missing.len();
        let next = match missing.first() {
            Some(next) => format!(", {next} is missing"),
            None => ", everything is here".to_owned(),
        };
        line(&format!(
            "  operator {id}: {}{next}{}",
            counted(seen, "message"),
            behind(&progress.note)
        ));
    }
}

pub(super) fn cases(snapshot: &Snapshot) {
    for case in &snapshot.cases {
        line(&format!("{}: {}", case.id, case.sentence));
    }
    let older: u64 = snapshot.older.cases.values().sum();
    if older > 0 {
        line(&format!("and {older} before them"));
    }
    if snapshot.cases.is_empty() {
        line("No pool has asked for anything yet.");
    }
}

pub(super) fn case(snapshot: &Snapshot, id: CaseId) {
    let Some(case) = snapshot.case(id) else {
        return line(&format!("there is no case {id}"));
    };
    line(&format!("{}: {}", case.id, case.sentence));
    if let Some(key) = case.validator {
        line(&format!("validator: {key}"));
    }
    for entry in &case.history {
        line(&format!("{}: {}", entry.at.to_rfc3339(), entry.text));
    }
    for way in &case.ways {
        match way.can.check() {
            Ok(()) => line(&format!(
                "way on: {}. {} It costs: {}",
                way.way, way.why, way.costs
            )),
            Err(why) => line(&format!("not now: {}, because {why}", way.way)),
        }
    }
}

pub(super) fn transactions(snapshot: &Snapshot) {
    for tx in &snapshot.transactions {
        let hash = tx
            .hashes
            .last()
            .map_or_else(|| "not sent".to_owned(), ToString::to_string);
        line(&format!("{}: {} is {}, {hash}", tx.action, tx.function, tx.state));
    }
    if snapshot.transactions.is_empty() {
        line("No transactions yet.");
    }
}

pub(super) fn validators(snapshot: &Snapshot) {
    for validator in snapshot.validators.iter() {
        line(&format!(
            "pool {}: validator {}, {}",
            validator.pool, validator.public_key, validator.status
        ));
    }
    if snapshot.validators.is_empty() {
        line("No validators yet.");
    }
}

/// One action: what has to be known of it, then everything that an approval binds.
pub(super) fn action(action: &ActionView) {
    line(&format!("action: {}", action.id));
    line(&format!(
        "kind: {}, {}; state: {}",
        action.kind,
        action.risk.word(),
        action.state.word()
    ));
    if let Some(decision) = &action.decision {
        line(&format!(
            "decided by {} at {}",
            decision.decider,
            decision.at.to_rfc3339()
        ));
    }
    for row in summary::rows(action, None) {
        line(&format!("{}: {}", row.label, row.text));
    }
    line("In full:");
    // what does not hold comes first
    for mark in CheckMark::ALL {
        for check in action.checks_with(mark) {
            line(&format!(
                "check {}, {}: {}",
                mark.word(),
                check.name,
                check.reason
            ));
        }
    }
    for fact in &action.facts {
        let label = if fact.label.is_empty() { "and" } else { &fact.label };
        line(&format!("{label}: {}", fact.value));
    }
    payload(&action.payload);
    line(&format!("digest: {}", action.digest));
    if let Err(why) = action.can_approve.check() {
        line(&format!("cannot be approved now: {why}"));
    }
}

fn payload(payload: &Payload) {
    match payload {
        Payload::Ceremony(ceremony) => line(&format!("ceremony: {}", ceremony.plan.kind())),
        Payload::Transaction(tx) => {
            line(&format!(
                "transaction to {}, value {}, fees at most {}",
                tx.to,
                format_ether(tx.value_wei),
                format_ether(tx.fee_ceiling_wei)
            ));
            for call in tx.call.iter() {
                line(&format!("call: {}", call.function));
                for argument in &call.arguments {
                    line(&format!(
                        "argument {}, {}: {}",
                        argument.name, argument.solidity_type, argument.value
                    ));
                }
            }
            line(&format!("data: {}", tx.data));
        }
        Payload::Exit(exit) => line(&format!(
            "exit of validator {}, index {}, from epoch {}, signing root {}",
            exit.validator, exit.validator_index, exit.epoch, exit.signing_root
        )),
    }
}
