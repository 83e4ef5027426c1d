//! Lists, a line a row, and single cases.

use casimir_dkg::types::counted;
use casimir_dkg::view::{
    CaseView, CeremonyEnd, CeremonyView, ExitView, ListKind, RowId, Rows, Snapshot, TransactionView,
};

use super::show::behind;
use crate::output::line;

/// Ceremonies that run, and the newest that ended.
pub(super) fn ceremonies(snapshot: &Snapshot) {
    let running = snapshot.ceremonies.iter().filter(|c| !c.is_over());
    let ended = snapshot.ceremonies.iter().filter(|c| c.is_over()).take(3);
    for ceremony in running.chain(ended) {
        self::ceremony(ceremony);
        members(ceremony);
    }
    if snapshot.ceremonies.is_empty() {
        line("No ceremonies yet.");
    }
}

fn ceremony(ceremony: &CeremonyView) {
    let failed = match &ceremony.ended {
        Some((_, CeremonyEnd::Failed(failure))) => format!("; it failed: {}", failure.reason),
        _ => String::new(),
    };
    line(&format!(
        "{} for {}, attempt {}, ceremony {}: {}{failed}",
        ceremony.kind,
        ceremony.case,
        ceremony.attempt,
        ceremony.id,
        ceremony.word()
    ));
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
        line(&format!("and {older} before them: older cases"));
    }
    if snapshot.cases.is_empty() {
        line("No pool has asked for anything yet.");
    }
}

/// A case with its history and its ways on.
pub(super) fn case(case: &CaseView) {
    line(&format!("{}: {}", case.id, case.sentence));
    if let Some(key) = case.validator {
        line(&format!("validator: {key}"));
    }
    for entry in &case.history {
        line(&format!("{}: {}", entry.at.to_utc(), entry.text));
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
    snapshot.transactions.iter().for_each(transaction);
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
        line("No pool has a validator now.");
    }
}

fn transaction(tx: &TransactionView) {
    let hash = tx
        .hashes
        .last()
        .map_or_else(|| "not sent".to_owned(), ToString::to_string);
    line(&format!("{}: {} is {}, {hash}", tx.action, tx.function, tx.state));
}

pub(super) fn exits(snapshot: &Snapshot) {
    snapshot.exits.iter().for_each(exit);
    if snapshot.exits.is_empty() {
        line("No exits yet.");
    }
}

fn exit(exit: &ExitView) {
    let index = exit
        .validator_index
        .map_or_else(String::new, |index| format!(", index {index}"));
    line(&format!(
        "{}: validator {}{index} is {}{}",
        exit.case,
        exit.validator,
        exit.state,
        behind(&exit.outcome)
    ));
    for verdict in &exit.verdicts {
        let word = if verdict.delivered {
            "took it"
        } else {
            "did not take it"
        };
        line(&format!("  {} {word}{}", verdict.node, behind(&verdict.detail)));
    }
    for milestone in &exit.times {
        if let (None, Some(predicted)) = (milestone.actual, milestone.predicted()) {
            line(&format!(
                "  {} is expected at {}, epoch {}",
                milestone.stage,
                predicted.at.to_utc(),
                predicted.epoch
            ));
        }
    }
}

/// The last row of a list: what is older follows it.
pub(super) fn last(snapshot: &Snapshot, kind: ListKind) -> Option<RowId> {
    match kind {
        ListKind::Actions => snapshot.actions.last().map(|a| RowId::Action(a.id)),
        ListKind::Cases => snapshot.cases.last().map(|c| RowId::Case(c.id)),
        ListKind::Ceremonies => snapshot.ceremonies.last().map(|c| RowId::Ceremony(c.id)),
        ListKind::Transactions => snapshot.transactions.last().map(|t| RowId::Transaction(t.action)),
        ListKind::Exits => snapshot.exits.last().map(|e| RowId::Exit(e.case)),
    }
}

/// Prints rows that were read; the last of them, if there is any.
pub(super) fn rows(rows: &Rows) -> Option<RowId> {
    match rows {
        Rows::Past(_) => None,
        Rows::Actions(actions) => {
            for action in actions {
                let (state, title) = (action.word(), &action.title);
                line(&format!("{}, {}, {state}: {title}", action.id, action.kind));
            }
            actions.last().map(|a| RowId::Action(a.id))
        }
        Rows::Cases(cases) => {
            for case in cases {
                line(&format!("{}: {}", case.id, case.sentence));
            }
            cases.last().map(|c| RowId::Case(c.id))
        }
        Rows::Ceremonies(ceremonies) => {
            ceremonies.iter().for_each(ceremony);
            ceremonies.last().map(|c| RowId::Ceremony(c.id))
        }
        Rows::Transactions(transactions) => {
            transactions.iter().for_each(transaction);
            transactions.last().map(|t| RowId::Transaction(t.action))
        }
        Rows::Exits(exits) => {
            exits.iter().for_each(exit);
            exits.last().map(|e| RowId::Exit(e.case))
        }
    }
}
