//! An engine's state, for people who read lines.

use casimir_dkg::types::{CheckStatus, Round, listed, rounded_ether};
use casimir_dkg::view::{
    ActionView, ApprovalWarning, CheckMark, JournalView, Mode, Seated, Snapshot, Stops, TransactionView,
    Wait, WaitReason,
};

use super::payload::{self, Bytes};
use crate::output::line;
use crate::summary;

fn field(name: &str, value: impl std::fmt::Display) {
    line(&format!("{name:<11} {value}"));
}

/// Whoever writes this down elsewhere holds the journal up to here.
fn journal(journal: &JournalView) {
    field(
        "journal",
        format!("record {}, hash {}", journal.records, journal.head),
    );
}

fn are_suspended(snapshot: &Snapshot) -> bool {
    let mut waits = snapshot.waits.iter();
    waits.any(|wait| wait.reason == WaitReason::RulesSuspended)
}

/// Who decides, and what keeps it from doing anything.
fn decides(snapshot: &Snapshot) {
    let mode = match snapshot.mode {
        Mode::Observe => "observe: decides nothing",
        Mode::Supervised => "supervised: a person decides",
        Mode::Auto if are_suspended(snapshot) => "auto, but the rules are suspended: a person decides",
        Mode::Auto => "auto: the rules decide, what none covers waits",
    };
    field("mode", mode);
    if let Some(switched) = &snapshot.switched {
        field("switched", switched.words(snapshot.mode));
    }
    if let Some(since) = snapshot.stopping {
        field(
            "stopping",
            format!("since {}: nothing is begun any more", since.to_utc()),
        );
    }
    if let Some(pause) = &snapshot.paused {
        field(
            "paused",
            format!("by {}, since {}", pause.by, pause.since.to_utc()),
        );
    }
}

/// The engine, what it does, what holds it up.
pub(super) fn status(snapshot: &Snapshot, seated: &Seated) {
    let (process, by) = (seated.process, &seated.run_by);
    field(
        "engine",
        format!(
            "casimir-dkg {}, process {process}, run by {by}, since {}",
            snapshot.version,
            seated.since.to_utc()
        ),
    );
    let may = if seated.may_decide {
        "may decide"
    } else {
        "may look"
    };
    field("you", format!("{}, {may}", seated.you));
    let network = &snapshot.network;
    field("network", format!("{}, chain {}", network.name, network.chain_id));
    decides(snapshot);
    if let Some(head) = snapshot.chain.head {
        field("head", head.number);
    }
    match (snapshot.signer.address, snapshot.signer.balance_wei) {
        (Some(address), Some(wei)) => {
            field(
                "account",
                format!("{address}, {}", rounded_ether(wei, Round::Down)),
            );
        }
        (Some(address), None) => field("account", format!("{address}, balance unknown")),
        (None, _) => field("account", "no key"),
    }
    journal(&snapshot.journal);
    for work in snapshot.work_in_flight() {
        field("in flight", work);
    }
    for action in &snapshot.actions {
        let Some(when) = summary::undoable(action, snapshot.at) else {
            continue;
        };
        let id = action.id;
        field("can be undone", format!("{id} {when}: casimir-dkg undo {id}"));
    }
    for wait in &snapshot.waits {
        // what stops nothing holds nothing up
        let label = match wait.reason.stops() {
            Stops::Nothing => "to know",
            _ => "held up by",
        };
        field(label, held_up(wait));
        for detail in &wait.details {
            field("", detail);
        }
    }
    let mut any = !snapshot.waits.is_empty();
    for action in snapshot.for_a_person() {
        any = true;
        let (count, you) = (count(action), approved(action, seated.you.as_str()));
        field("waits", format!("{}  {count}{you}{}", action.id, action.title));
    }
    if !any {
        field("waits", "nothing");
    }
}

/// What has faded of an action's checks, where something has.
fn stale(action: &ActionView) {
    let Some(faded) = &action.faded else { return };
    let more = match &action.refreshing {
        Some(refreshing) => refreshing.to_string(),
        None => "approving refreshes them first".to_owned(),
    };
    line(&format!("    stale: {}; {more}", faded.why));
}

/// `1 of 2  `, where it takes two people.
fn count(action: &ActionView) -> String {
    action
        .people
        .as_ref()
        .map_or_else(String::new, |people| format!("{people}  "))
}

/// Who has approved it need not look at it again.
fn approved(action: &ActionView, you: &str) -> &'static str {
    let people = action.people.as_ref();
    match people.is_some_and(|people| people.is_approved_by(you)) {
        true => "you approved it: another person must  ",
        false => "",
    }
}

/// What has to be known of an action before it is approved.
fn block(action: &ActionView, you: &str) {
    let risk = action.risk.word();
    line(&format!(
        "{}  {}  {risk}  {}{}",
        action.id,
        action.digest,
        count(action),
        action.title
    ));
    line(&format!("    code: {}", action.digest.code()));
    if action.faded.is_some()
        || action
            .checks
            .iter()
            .any(|check| check.status != CheckStatus::Pass)
    {
        line(&format!("    checks: {}", action.checks_in_words(" · ")));
        stale(action);
        for mark in [CheckMark::Fail, CheckMark::Unknown] {
            for check in action.checks_with(mark) {
                line(&format!("    {}: {}: {}", mark.word(), check.name, check.reason));
            }
        }
    }
    if let Some(people) = &action.people {
        line(&format!("    {}", people.words()));
        if people.is_approved_by(you) {
            line("    you approved it");
        }
    }
    let warnings = action.warnings().into_iter();
    // said below with the command that does it
    for warning in warnings.filter(|warning| !matches!(warning, ApprovalWarning::Beside(_))) {
        line(&format!("    warning: {warning}"));
    }
    if let Err(why) = action.can_approve.check() {
        line(&format!("    cannot be approved now: {why}"));
    }
}

/// What waits for a person's decision.
pub(super) fn waiting(snapshot: &Snapshot, you: &str) {
    let mut any = false;
    for action in snapshot.for_a_person() {
        any = true;
        block(action, you);
    }
    for (action, refreshing) in summary::refreshing(snapshot) {
        any = true;
        let id = action.id;
        match action.is_refreshing() && action.takes_approval() {
            // who approves what is shown now, is shown it
            true => block(action, you),
            false => line(&format!("{id}  {}  {}", action.risk.word(), action.title)),
        }
        line(&format!("    {}", refreshing.words()));
        line(&format!("    to take the approval back: casimir-dkg undo {id}"));
        if let Some(anew) = action.approved_anew() {
            let digest = action.digest;
            let phrase = action
                .phrase
                .as_ref()
                .map(|phrase| format!(" --phrase '{phrase}'"));
            let phrase = phrase.unwrap_or_default();
            line(&format!(
                "    {anew}: casimir-dkg approve {id} --digest {digest}{phrase}"
            ));
        }
    }
    if !any {
        line("nothing waits");
    }
}

/// Above what the digest does not cover: an engine, or whoever changed an export, can say anything there.
const UNSIGNED: &str = "said by the engine, and not covered by the digest:";

/// One action: what an approval binds, and then what is said of it.
pub(in crate::commands) fn action(action: &ActionView, sent: Option<&TransactionView>, bytes: Bytes) {
    payload::lines(action, bytes).iter().for_each(|text| line(text));
    field("code", action.digest.code());
    line("");
    line(UNSIGNED);
    if let Some(phrase) = &action.phrase {
        field("phrase", format!("type \"{phrase}\" with --phrase"));
    }
    field("state", action.standing_in_full());
    if let Some(refreshing) = &action.refreshing {
        field("acts", refreshing.words());
    }
    if let Some(anew) = &action.anew {
        field("anew", format!("at {}: {anew}", anew.at.to_utc()));
    }
    let said = summary::rows(action, sent);
    for row in said.into_iter().filter(|row| row.tone != summary::Tone::Code) {
        field(row.label, row.text);
    }
    if let Some(words) = action.approval_counts_for() {
        field("approval", words);
    }
    line("");
    field("in full", &action.title);
    if let Some(decision) = &action.decision {
        let by = listed(action.deciders(), "and");
        field("decided", format!("by {by} at {}", decision.at.to_utc()));
    }
    for fact in &action.facts {
        if fact.label.is_empty() {
            // goes on with the one before
            line(&format!("    {}", fact.value));
        } else {
            line(&format!("  {}: {}", fact.label, fact.value));
        }
    }
    field("checks", action.checks_in_words(" · "));
    if let Some(at) = action.checked_at.filter(|_| action.is_proposed()) {
        field("looked at", format!("{}{}", at.to_utc(), action.at_block()));
    }
    stale(action);
    for check in &action.checks {
        let status = match action.mark(check) {
            CheckMark::Fail => "FAIL",
            mark => mark.word(),
        };
        line(&format!("  {status:<7}  {}: {}", check.name, check.reason));
    }
    if let Err(why) = action.can_approve.check() {
        field("not now", why);
    }
}

/// One line for each thing that holds something up: the same table as everywhere.
pub(super) fn held_up(wait: &Wait) -> String {
    let (reason, subject) = (wait.reason, wait.subject());
    let about = if subject == "-" {
        String::new()
    } else {
        format!(" {subject}")
    };
    format!(
        "{reason}{about} ({}, stops {}, since {}): {}",
        reason.severity(),
        reason.stops().word(),
        wait.since.to_utc(),
        wait.sentence
    )
}

#[cfg(test)]
mod tests {
    use casimir_dkg::view::WaitReason;

    use super::*;

    #[test]
    fn every_reason_to_wait_has_its_line() {
        for reason in WaitReason::ALL {
            let wait = Wait::new(*reason, "it is so");
            let words = held_up(&wait);
            assert!(
                words.starts_with(reason.code()) && words.ends_with(": it is so"),
                "{words}"
            );
            let json = crate::commands::seat::wait_json(&wait);
            assert_eq!(
                (&json["waits_for"], &json["reason"]),
                (&reason.code().into(), &"it is so".into())
            );
            assert_eq!(json["stops"], reason.stops().word());
        }
    }
}
