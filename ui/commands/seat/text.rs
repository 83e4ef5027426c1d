//! An engine's state, for people who read lines.

use casimir_dkg::config::format_ether;
use casimir_dkg::view::{ActionView, CheckMark, Mode, Payload, Seated, Snapshot};

use crate::output::line;
use crate::summary;

fn field(name: &str, value: impl std::fmt::Display) {
    line(&format!("{name:<11} {value}"));
}

/// The engine, what it does, what holds it up.
pub(super) fn status(snapshot: &Snapshot, seated: &Seated) {
    let (process, by) = (seated.process, &seated.run_by);
    field(
        "engine",
        format!(
            "casimir-dkg {}, process {process}, run by {by}, since {}",
            snapshot.version,
            seated.since.to_rfc3339()
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
    let mode = match snapshot.mode {
        Mode::Observe => "observe: decides nothing",
        Mode::Supervised => "supervised: a person decides",
        Mode::Auto => "auto: the rules decide, what none covers waits",
    };
    field("mode", mode);
    if let Some(switched) = &snapshot.switched {
        field("switched", switched.words(snapshot.mode));
    }
    if let Some(pause) = &snapshot.paused {
        field(
            "paused",
            format!("by {}, since {}", pause.by, pause.since.to_rfc3339()),
        );
    }
    if let Some(head) = snapshot.chain.head {
        field("head", head.number);
    }
    match (snapshot.signer.address, snapshot.signer.balance_wei) {
        (Some(address), Some(wei)) => field("account", format!("{address}, {}", format_ether(wei))),
        (Some(address), None) => field("account", format!("{address}, balance unknown")),
        (None, _) => field("account", "no key"),
    }
    for alarm in &snapshot.alarms {
        field("alarm", alarm);
    }
    for work in snapshot.work_in_flight() {
        field("in flight", work);
    }
    let mut any = false;
    for action in snapshot.waiting() {
        any = true;
        field(
            "waits",
            format!("{}  {}{}", action.id, count(action), action.title),
        );
    }
    if !any {
        field("waits", "nothing");
    }
}

/// What has faded of an action's checks, where something has.
fn stale(action: &ActionView) {
    let Some(faded) = &action.faded else { return };
    let more = match &faded.approved_by {
        Some(by) => format!("{by} approved it: refreshing them first"),
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

/// What waits for a decision.
pub(super) fn waiting(snapshot: &Snapshot) {
    let mut any = false;
    for action in snapshot.waiting() {
        any = true;
        let risk = action.risk.word();
        line(&format!(
            "{}  {}  {risk}  {}{}",
            action.id,
            action.digest,
            count(action),
            action.title
        ));
        line(&format!("    code: {}", action.digest.code()));
        if action.faded.is_some() {
            line(&format!("    checks: {}", action.checks_in_words(" · ")));
            stale(action);
        }
        if let Some(people) = &action.people {
            line(&format!("    {}", people.words()));
        }
        if let Err(why) = action.can_approve.check() {
            line(&format!("    cannot be approved now: {why}"));
        }
    }
    if !any {
        line("nothing waits");
    }
}

/// One action: everything that an approval binds.
pub(in crate::commands) fn action(action: &ActionView) {
    field("action", action.id);
    field("kind", format!("{}, {}", action.kind, action.risk.word()));
    field("state", action.state.word());
    for row in summary::rows(action, None) {
        field(row.label, row.text);
    }
    line("");
    field("in full", &action.title);
    if let Some(decision) = &action.decision {
        field(
            "decided",
            format!("by {} at {}", decision.decider, decision.at.to_rfc3339()),
        );
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
    stale(action);
    for check in &action.checks {
        let status = match action.mark(check) {
            CheckMark::Fail => "FAIL",
            mark => mark.word(),
        };
        line(&format!("  {status:<7}  {}: {}", check.name, check.reason));
    }
    match &action.payload {
        Payload::Ceremony(ceremony) => line(&format!("ceremony    {}", ceremony.plan.kind())),
        Payload::Transaction(transaction) => {
            field("to", transaction.to);
            field("value", format_ether(transaction.value_wei));
            field("fee, most", format_ether(transaction.fee_ceiling_wei));
            if let Some(call) = &transaction.call {
                field("call", &call.function);
                for argument in &call.arguments {
                    line(&format!(
                        "  {} ({}): {}",
                        argument.name, argument.solidity_type, argument.value
                    ));
                }
            }
            field("data", &transaction.data);
        }
        Payload::Exit(exit) => {
            field(
                "validator",
                format!("{} (index {})", exit.validator, exit.validator_index),
            );
            field("epoch", exit.epoch);
            field("root", exit.signing_root);
        }
    }
    if let Some(phrase) = &action.phrase {
        field("phrase", format!("type \"{phrase}\" with --phrase"));
    }
    if let Err(why) = action.can_approve.check() {
        field("not now", why);
    }
    field("digest", action.digest);
}
