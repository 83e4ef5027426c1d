//! What is printed: whole sentences and labelled values, a line each, without tables to be looked at.

use casimir_dkg::types::{
    OperatorId, Round, SafeText, Severity, UnixMillis, format_ether, listed, rounded_ether,
};
use casimir_dkg::view::{
    ActionView, CheckMark, EndpointView, Health, Mode, OperatorView, Payload, RefreshingView, Snapshot,
    TransactionView, Transition, WorseView,
};
use tracing::Level;

use crate::log::Entry;
use crate::output::line;
use crate::summary;

/// What waits for a person, by number, and what acts by itself.
pub(super) fn waiting(snapshot: &Snapshot, you: &str) {
    waiting_lines(snapshot, you).iter().for_each(|text| line(text));
}

fn waiting_lines(snapshot: &Snapshot, you: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (nth, action) in (1..).zip(snapshot.for_a_person()) {
        let people =
            action
                .people
                .as_ref()
                .map_or_else(String::new, |people| match people.is_approved_by(you) {
                    true => format!(", {}; you approved it", people.words()),
                    false => format!(", {}", people.words()),
                });
        out.push(format!(
            "waits {nth}: {}, {}, {}{people}. {}. Checks: {}.",
            action.id,
            action.kind,
            action.risk.word(),
            action.title.as_str().trim_end_matches('.'),
            action.checks_in_words(", ")
        ));
        let warnings = action.warnings().into_iter();
        out.extend(warnings.map(|warning| format!("  warning: {warning}")));
        if let Err(why) = action.can_approve.check() {
            out.push(format!("  cannot be approved now: {why}"));
        }
    }
    let any = !out.is_empty();
    let refreshing = summary::refreshing(snapshot);
    out.extend(refreshing.map(|(action, it)| {
        let acts = acts_by_itself(action, it);
        match action.approved_anew() {
            Some(anew) => format!("{acts}; {anew}: open {}", action.id),
            None => acts,
        }
    }));
    out.push(match any {
        true => "To look at one: open NUMBER.".to_owned(),
        false => "Nothing waits for a decision.".to_owned(),
    });
    out
}

/// What was approved while its checks were stale.
fn acts_by_itself(action: &ActionView, refreshing: &RefreshingView) -> String {
    format!(
        "{id}, {}, {}, is {}; to take the approval back: undo {id}",
        action.kind,
        action.risk.word(),
        refreshing.words(),
        id = action.id
    )
}

/// What happened, with how bad it is in a word.
pub(super) fn transition(transition: &Transition) {
    let severity = match transition.severity {
        Severity::Info => String::new(),
        worse => format!("{}: ", worse.word()),
    };
    line(&format!("{severity}{}", transition.text));
}

pub(super) fn status(snapshot: &Snapshot, you: &str, now: UnixMillis) {
    line(&format!("mode: {}", snapshot.mode));
    if let Some(since) = snapshot.stopping {
        line(&format!(
            "stopping since {}: nothing is begun any more",
            since.to_utc()
        ));
    }
    if let Some(pause) = &snapshot.paused {
        line(&format!("paused by {} since {}", pause.by, pause.since.to_utc()));
    }
    if let Some(head) = snapshot.chain.head {
        line(&format!("head: block {}", head.number));
    }
    if let Some(address) = snapshot.signer.address {
        let balance = snapshot.signer.balance_wei;
        let balance = balance.map_or_else(
            || "balance unknown".to_owned(),
            |wei| rounded_ether(wei, Round::Down),
        );
        line(&format!("account: {address}, {balance}"));
    }
    for endpoint in &snapshot.endpoints {
        line(&self::endpoint(endpoint));
    }
    for operator in &snapshot.operators {
        line(&self::operator(operator));
    }
    for alarm in &snapshot.alarms {
        line(&format!("alarm: {alarm}"));
    }
    for work in snapshot.work_in_flight() {
        line(&format!("in flight: {work}"));
    }
    for action in &snapshot.actions {
        // what waits for stale checks is told with what waits
        let undoable = summary::undoable(action, now).filter(|_| action.refreshing.is_none());
        let Some(when) = undoable else { continue };
        line(&format!(
            "{id} {when}; to take the approval back: undo {id}",
            id = action.id
        ));
    }
    for wait in &snapshot.waits {
        line(&format!("{}: {}", wait.reason.code(), wait.sentence));
        for detail in &wait.details {
            line(&format!("    {detail}"));
        }
    }
    waiting(snapshot, you);
}

fn endpoint(endpoint: &EndpointView) -> String {
    format!(
        "{} endpoint {}: {}{}{}",
        endpoint.kind.word(),
        endpoint.name,
        health(endpoint.health),
        answers(endpoint.latency_ms),
        behind(&endpoint.detail)
    )
}

fn operator(operator: &OperatorView) -> String {
    format!(
        "operator {}{}: {}{}{}, {} done, {} failed because of it{}",
        operator.id,
        behind(&operator.name),
        health(operator.health),
        answers(operator.latency_ms),
        behind(&operator.version),
        operator.ceremonies_done,
        operator.ceremonies_failed,
        behind(&operator.note)
    )
}

fn answers(latency_ms: Option<u64>) -> String {
    latency_ms.map_or_else(String::new, |ms| format!(", answers in {ms} ms"))
}

/// The mode, and what the rules would do at once with what waits.
pub(super) fn mode(snapshot: &Snapshot) {
    line(&format!("mode: {}", snapshot.mode));
    if let Some(switched) = &snapshot.switched {
        line(&switched.words(snapshot.mode));
    }
    if snapshot.mode == Mode::Auto {
        return;
    }
    for action in snapshot.waiting() {
        if let Some(rules) = &action.by_rules {
            line(&format!("in mode auto, {}: {rules}", action.id));
        }
    }
}

/// The newest lines that are no less important than the level, oldest first.
pub(super) fn logs(entries: &[Entry], level: Level, most: usize) {
    let lines = newest(entries, level, most);
    lines.iter().for_each(|text| line(text));
    if lines.is_empty() {
        line("Nothing so important was logged by this process.");
    }
}

fn newest(entries: &[Entry], level: Level, most: usize) -> Vec<String> {
    let shown = entries.iter().filter(|entry| entry.level <= level);
    let mut lines: Vec<_> = shown
        .rev()
        .take(most)
        .map(|entry| {
            let level = entry.level.to_string().to_lowercase();
            format!("{} {level}: {}: {}", entry.at.to_utc(), entry.target, entry.text)
        })
        .collect();
    lines.reverse();
    lines
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
pub(super) fn behind(remark: &SafeText) -> String {
    match remark.as_str() {
        "" => String::new(),
        remark => format!(", {remark}"),
    }
}

/// One action: what has to be known of it, then everything that an approval binds.
pub(super) fn action(action: &ActionView, sent: Option<&TransactionView>, now: UnixMillis) {
    line(&format!("action: {}", action.id));
    line(&format!(
        "kind: {}, {}; state: {}",
        action.kind,
        action.risk.word(),
        action.standing_in_full()
    ));
    if let Some(refreshing) = &action.refreshing {
        line(&acts_by_itself(action, refreshing));
    }
    if let Some(anew) = &action.anew {
        line(&format!("proposed anew at {}: {anew}", anew.at.to_utc()));
    }
    if let Some(decision) = &action.decision {
        line(&format!(
            "decided by {} at {}",
            listed(action.deciders(), "and"),
            decision.at.to_utc()
        ));
    }
    for row in summary::rows(action, sent) {
        line(&format!("{}: {}", row.label, row.text));
    }
    if let Some(words) = action.approval_counts_for() {
        line(&format!("an approval {words}"));
    }
    line("In full:");
    if let Some(words) = action.checked_in_words(now) {
        line(&format!("checks looked at {words}"));
    }
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
    payload(action);
    line(&format!("digest: {}", action.digest));
    if let Some(worse) = action.worse() {
        line(&self::worse(worse));
    }
    if let Err(why) = action.can_approve.check() {
        line(&format!("cannot be approved now: {why}"));
    }
}

/// A member is down, and what could be typed.
fn worse(worse: &WorseView) -> String {
    let list = |ids: &[OperatorId]| {
        let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let offer = match &worse.instead {
        Some(instead) => format!("to propose others instead: committee {}", list(instead)),
        None => "too few others are up to take its place".to_owned(),
    };
    format!("{worse}; {offer}")
}

/// What would leave. Bytes that nobody reads are named by their number and hash; the digest is over all of them.
fn payload(action: &ActionView) {
    let how = format!("to see them: raw {}", action.id);
    match &action.payload {
        Payload::Ceremony(ceremony) => {
            line(&format!("ceremony: {}", ceremony.plan.kind()));
            let Some(parties) = &ceremony.parties else { return };
            line(&format!(
                "contract: {} on chain {}",
                parties.manager, parties.chain_id
            ));
            for (operator, key) in &parties.keys {
                line(&format!("key of operator {operator}, SHA-256: {key}"));
            }
        }
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
                        argument.name,
                        argument.solidity_type,
                        summary::folded(argument.value.as_str(), &how)
                    ));
                }
            }
            line(&format!("data: {}", summary::folded(&tx.data.to_string(), &how)));
        }
        Payload::Exit(exit) => line(&format!(
            "exit of validator {}, index {}, from epoch {}, signing root {}",
            exit.validator, exit.validator_index, exit.epoch, exit.signing_root
        )),
    }
}

/// The bytes that [`payload`] folds.
pub(super) fn raw(action: &ActionView) {
    let Payload::Transaction(tx) = &action.payload else {
        return line(&format!("{} sends no transaction", action.id));
    };
    for argument in tx.call.iter().flat_map(|call| &call.arguments) {
        line(&format!(
            "argument {}, {}: {}",
            argument.name, argument.solidity_type, argument.value
        ));
    }
    line(&format!("data: {}", tx.data));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_down_is_told_with_what_can_be_typed() {
        let ids = |ids: &[u64]| ids.iter().copied().map(OperatorId).collect::<Vec<_>>();
        let mut down = WorseView {
            down: ids(&[2]),
            proven: ids(&[]),
            instead: Some(ids(&[1, 3, 5, 6])),
        };
        let words = "of this committee is down: 2; to propose others instead: committee 1, 3, 5, 6";
        assert_eq!(worse(&down), words);
        let (_, typed) = words.split_once("instead: ").unwrap();
        assert!(typed.parse::<super::super::command::Command>().is_ok());
        down.instead = None;
        assert!(worse(&down).ends_with("too few others are up to take its place"));
    }

    #[test]
    fn what_acts_by_itself_does_not_wait_and_says_what_takes_it_back() {
        let mut snapshot = crate::fixture::unread();
        let mut action = crate::fixture::action("deposit/3#2".parse().unwrap());
        snapshot.actions = vec![action.clone()];
        assert!(waiting_lines(&snapshot, "carol")[0].starts_with("waits 1: deposit/3#2"));
        action.refreshing = Some(crate::fixture::refreshing());
        snapshot.actions = vec![action.clone()];
        let said = waiting_lines(&snapshot, "carol");
        assert!(
            said[0].ends_with(
                "an approval of what is shown now takes the place of that by ada: open deposit/3#2"
            ),
            "{said:?}"
        );
        action.can_approve = casimir_dkg::view::Can::no("its checks are stale");
        snapshot.actions = vec![action];
        let said = waiting_lines(&snapshot, "carol");
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].contains(
                "is approved by ada, refreshing its checks (no endpoint answers): it counts by itself"
            ),
            "{said:?}"
        );
        assert!(
            said[0].ends_with("to take the approval back: undo deposit/3#2"),
            "{said:?}"
        );
        assert_eq!(said[1], "Nothing waits for a decision.");
        let in_flight = snapshot.work_in_flight();
        assert!(
            in_flight[0].as_str().ends_with(
                "is approved by ada, refreshing its checks; a stop of the engine forgets this approval"
            ),
            "{in_flight:?}"
        );
        assert!(snapshot.work_of_a_stop().is_empty(), "no stop waits for it");
    }

    #[test]
    fn what_speaks_against_an_action_stands_under_its_row() {
        let mut snapshot = crate::fixture::unread();
        let mut action = crate::fixture::action("deposit/3#1".parse().unwrap());
        let ids = |ids: &[u64]| ids.iter().copied().map(OperatorId).collect::<Vec<_>>();
        action.committee = Some(casimir_dkg::view::CommitteeView {
            proposed: ids(&[1, 2, 3, 4]),
            holders: vec![],
            sizes: vec![],
            worse: Some(WorseView {
                down: vec![],
                proven: ids(&[3]),
                instead: Some(ids(&[1, 2, 4, 5])),
            }),
        });
        snapshot.actions = vec![action];
        let said = waiting_lines(&snapshot, "carol");
        assert_eq!(
            said[1],
            "  warning: Of this committee was proven to break the protocol since it was proposed: 3; 1, 2, 4 and 5 could take its \
             place"
        );
    }

    #[test]
    fn the_newest_lines_of_a_level_come_oldest_first() {
        let entry = |n: u64, level| Entry {
            at: UnixMillis(n * 1_000),
            level,
            target: "engine".to_owned(),
            text: format!("line {n}"),
        };
        let levels = [Level::WARN, Level::INFO, Level::DEBUG, Level::ERROR];
        let entries: Vec<_> = (0..).zip(levels).map(|(n, level)| entry(n, level)).collect();
        let warnings = newest(&entries, Level::WARN, 20);
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].ends_with("warn: engine: line 0"), "{warnings:?}");
        let two = newest(&entries, Level::INFO, 2);
        assert!(two[0].contains("line 1") && two[1].contains("line 3"), "{two:?}");
    }
}
