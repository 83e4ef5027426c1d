//! How lines look.

use std::collections::BTreeSet;

use casimir_dkg::engine::Reminder;
use casimir_dkg::ports::NoticePhase;
use casimir_dkg::types::{CheckStatus, SafeText, Severity, UnixMillis, in_words};
use casimir_dkg::view::{Mode, Particulars, Snapshot, Transition, WaitReason};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::output;

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For programs: one object on a line, told apart by `type`.
    Json,
}

impl Form {
    pub(crate) fn transition(self, transition: &Transition) {
        output::line(&self.transition_line(transition));
    }

    fn transition_line(self, transition: &Transition) -> String {
        match self {
            Self::Text => {
                let case = transition
                    .case
                    .map_or_else(|| "-".to_owned(), |case| case.to_string());
                let text = graded(transition.severity, transition.text.as_str());
                row(transition.at, &case, &transition.kind, &text)
            }
            Self::Json => {
                let mut line = object("transition", transition.at);
                add(
                    &mut line,
                    &json!({
                        "severity": transition.severity,
                        "record": transition.record,
                        "case": transition.case,
                        "kind": transition.kind,
                        "text": transition.text,
                    }),
                );
                add(&mut line, &transition.about);
                Value::Object(line).to_string()
            }
        }
    }

    /// Without the ends that a beginning says as well: what waits for another reason now does not wait for the one before. A
    /// program gets every end.
    pub(crate) fn worth_a_line(self, told: Vec<Reminder>) -> Vec<Reminder> {
        if self == Self::Json {
            return told;
        }
        let subject = |reminder: &Reminder, of: NoticePhase| match reminder {
            Reminder::Waits(phase, wait) if *phase == of => wait.action,
            _ => None,
        };
        let begun = told.iter().filter_map(|told| subject(told, NoticePhase::Begun));
        let begun: BTreeSet<_> = begun.collect();
        let replaced = |told: &Reminder| {
            let over = subject(told, NoticePhase::Over);
            over.is_some_and(|action| begun.contains(&action))
        };
        told.into_iter().filter(|told| !replaced(told)).collect()
    }

    /// What waits, waits still, or waits no longer, and why.
    pub(crate) fn reminder(self, reminder: &Reminder, snapshot: &Snapshot) {
        output::line(&self.reminder_line(reminder, snapshot, UnixMillis::now()));
    }

    fn reminder_line(self, reminder: &Reminder, snapshot: &Snapshot, now: UnixMillis) -> String {
        let (Reminder::Waits(phase, wait) | Reminder::Deadline(phase, wait)) = reminder;
        let kind = match reminder {
            Reminder::Waits(..) => "waits",
            Reminder::Deadline(..) => "deadline",
        };
        // what is over needs nobody
        let severity = match (phase, kind) {
            (NoticePhase::Over, _) => Severity::Info,
            (_, "deadline") => wait.reason.severity().max(Severity::Warning),
            _ => wait.reason.severity(),
        };
        match self {
            Self::Text => {
                let text = graded(severity, &words(reminder, now));
                row(now, &wait.subject(), kind, &text)
            }
            Self::Json => {
                let mut line = object(kind, now);
                let action = wait.action.and_then(|id| snapshot.action(id));
                let checks = action.map(|a| a.checks.iter().filter(|c| c.status != CheckStatus::Pass));
                add(
                    &mut line,
                    &json!({
                        "severity": severity,
                        "phase": phase,
                        "waits_for": wait.reason,
                        "stops": wait.reason.stops().word(),
                        "case": wait.case,
                        "reason": wait.sentence,
                        "can_do": Some(wait.reason.can_do()).filter(|words| !words.is_empty()).as_slice(),
                        "since": wait.since.to_rfc3339(),
                        "due": wait.due.map(UnixMillis::to_rfc3339),
                        "text": words(reminder, now),
                    }),
                );
                let about = Particulars {
                    pool: wait.case.map(|case| case.pool),
                    action: wait.action,
                    action_kind: action.map(|action| action.kind.clone()),
                    digest: action.map(|action| action.digest),
                    checks: checks.into_iter().flatten().cloned().collect(),
                    ..Particulars::default()
                };
                add(&mut line, &about);
                if let Some(faded) = action.and_then(|action| action.faded.as_ref()) {
                    add(&mut line, &json!({"stale": faded.checks}));
                }
                add(
                    &mut line,
                    &json!({"operator": wait.operator, "endpoint": wait.endpoint}),
                );
                line.retain(|_, value| !value.is_null());
                Value::Object(line).to_string()
            }
        }
    }

    /// The first line. Auto mode is loud.
    pub(crate) fn started(self, snapshot: &Snapshot) {
        let simulated: Vec<&str> = snapshot.network.simulated.iter().map(SafeText::as_str).collect();
        match self {
            Self::Text => {
                let mode = match snapshot.mode {
                    Mode::Auto => {
                        "AUTO: the policy's rules decide, nobody is asked where one matches".to_owned()
                    }
                    mode => mode.to_string(),
                };
                let account = snapshot
                    .signer
                    .address
                    .map_or_else(|| "none".to_owned(), |a| a.to_string());
                self.note(&format!(
                    "casimir-dkg {} on {} (chain {}), manager {}, account {account}, mode {mode}",
                    snapshot.version,
                    snapshot.network.name,
                    snapshot.network.chain_id,
                    snapshot.network.manager,
                ));
                if let Some(switched) = &snapshot.switched {
                    self.note(&switched.words(snapshot.mode));
                }
                if !simulated.is_empty() {
                    self.note(&format!("simulated here: {}", simulated.join(", ")));
                }
            }
            Self::Json => output::json(&json!({
                "v": STREAM,
                "type": "started",
                "at": UnixMillis::now().to_rfc3339(),
                "version": snapshot.version,
                "network": snapshot.network.name,
                "chain_id": snapshot.network.chain_id,
                "manager": snapshot.network.manager,
                "account": snapshot.signer.address,
                "mode": snapshot.mode,
                "switched": snapshot.switched,
                "simulated": simulated,
            })),
        }
    }

    /// Something about this program itself.
    pub(crate) fn note(self, text: &str) {
        let text = SafeText::new(text);
        let at = UnixMillis::now();
        match self {
            Self::Text => output::line(&format!("{}  {text}", at.to_utc())),
            Self::Json => {
                output::json(&json!({ "v": STREAM, "type": "note", "at": at.to_rfc3339(), "text": text }))
            }
        }
    }
}

/// Version of the lines: it grows when a field changes its meaning or goes. New fields and types may come without.
/// `config/monitoring/README.md` describes every one.
const STREAM: u32 = 1;

/// The beginning of every line for programs.
fn object(kind: &str, at: UnixMillis) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("v".to_owned(), STREAM.into());
    line.insert("type".to_owned(), kind.into());
    line.insert("at".to_owned(), at.to_rfc3339().into());
    line
}

/// Adds the fields of something that is an object.
fn add(line: &mut Map<String, Value>, more: &impl Serialize) {
    if let Ok(Value::Object(more)) = serde_json::to_value(more) {
        line.extend(more);
    }
}

fn row(at: UnixMillis, subject: &str, kind: &str, text: &str) -> String {
    format!("{}  {subject:<14} {kind:<22} {text}", at.to_utc())
}

/// What a person should look at is marked, so that it can be searched for.
fn graded(severity: Severity, text: &str) -> String {
    match severity {
        Severity::Info => text.to_owned(),
        graded => format!("{graded}: {text}"),
    }
}

/// A reminder in one sentence: why, since when, and what can be done.
fn words(reminder: &Reminder, now: UnixMillis) -> String {
    let (Reminder::Waits(phase, wait) | Reminder::Deadline(phase, wait)) = reminder;
    let can_do = match wait.reason.can_do() {
        "" => String::new(),
        words => format!(" [{words}]"),
    };
    let lasts = in_words(now.since(wait.since));
    match (reminder, phase) {
        (Reminder::Waits(..), NoticePhase::Begun) => format!("{}: {}{can_do}", wait.reason, wait.sentence),
        (Reminder::Waits(..), NoticePhase::GoesOn) => {
            format!("{}, for {lasts} now: {}{can_do}", wait.reason, wait.sentence)
        }
        (Reminder::Waits(..), NoticePhase::Over) if wait.reason == WaitReason::JournalUnwritable => {
            "the journal is written again".to_owned()
        }
        (Reminder::Waits(..), NoticePhase::Over) => {
            format!("{} is over after {lasts}: {}", wait.reason, wait.sentence)
        }
        (Reminder::Deadline(..), NoticePhase::Over) => {
            format!("{}: its deadline is not near any more", wait.reason)
        }
        (Reminder::Deadline(..), _) => {
            let due = wait.due.unwrap_or_default();
            let left = in_words(due.since(now));
            format!(
                "{}: its time is over in {left}, at {}: {}{can_do}",
                wait.reason,
                due.to_utc(),
                wait.sentence
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use casimir_dkg::view::Wait;

    use super::*;
    use crate::fixture::unread;

    fn transition(text: &str) -> Transition {
        Transition {
            at: UnixMillis(1_700_000_000_000),
            record: 7,
            case: Some("deposit/3".parse().unwrap()),
            kind: "decided".to_owned(),
            text: SafeText::new(text),
            ..Transition::default()
        }
    }

    #[test]
    fn one_line_each_whatever_the_text() {
        let hostile = transition("rejected: \x1b[2Jno\nway \u{202e}x");
        let text = Form::Text.transition_line(&hostile);
        assert_eq!(
            text,
            "2023-11-14 22:13:20 UTC  deposit/3      decided                rejected: \\u{1b}[2Jno way \\u{202e}x"
        );
        let json = Form::Json.transition_line(&hostile);
        assert_eq!(json.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["type"], "transition");
        assert_eq!(value["case"], "deposit/3");
        assert_eq!(value["record"], 7);
        assert_eq!((&value["v"], &value["severity"]), (&1.into(), &"info".into()));
    }

    #[test]
    fn every_reason_to_wait_is_told_as_text_and_as_json() {
        for reason in WaitReason::ALL {
            let wait = Wait {
                case: Some("deposit/3".parse().unwrap()),
                since: UnixMillis(1_700_000_000_000),
                ..Wait::new(*reason, "rule all: attempt 4 is over its 3")
            };
            let now = UnixMillis(1_700_000_600_000);
            for phase in [NoticePhase::Begun, NoticePhase::GoesOn] {
                let reminder = Reminder::Waits(phase, wait.clone());
                let text = Form::Text.reminder_line(&reminder, &unread(), now);
                let (code, why) = (reason.code(), "rule all: attempt 4 is over its 3");
                assert!(text.contains(code) && text.contains(why), "{text}");
                let json = Form::Json.reminder_line(&reminder, &unread(), now);
                let value: Value = serde_json::from_str(&json).unwrap();
                assert_eq!(value["type"], "waits");
                assert_eq!(value["waits_for"], reason.code());
                assert_eq!(value["reason"], why);
                assert_eq!(value["pool"], 3);
                assert_eq!(value["severity"], reason.severity().word());
                assert_eq!(value["can_do"][0].as_str().unwrap_or_default(), reason.can_do());
                assert!(value.get("endpoint").is_none() && value.get("due").is_none());
            }
        }
    }

    #[test]
    fn what_still_waits_says_how_long_and_what_is_over_says_so() {
        let wait = Wait {
            since: UnixMillis(1_700_000_000_000),
            ..Wait::new(WaitReason::RelayAway, "no messenger endpoint answers")
        };
        let now = UnixMillis(1_700_000_300_000);
        let said = |phase| Form::Text.reminder_line(&Reminder::Waits(phase, wait.clone()), &unread(), now);
        let goes_on = said(NoticePhase::GoesOn);
        assert!(
            goes_on.contains("critical: messenger-away, for 5 min now: no messenger"),
            "{goes_on}"
        );
        let over = said(NoticePhase::Over);
        assert!(
            over.contains("waits                  messenger-away is over after 5 min"),
            "{over}"
        );
    }

    #[test]
    fn for_people_another_reason_of_the_same_action_ends_the_one_before_without_a_line() {
        let told = |phase, reason, action: &str| {
            let action = Some(action.parse().unwrap());
            let wait = Wait {
                action,
                ..Wait::new(reason, "it waits")
            };
            Reminder::Waits(phase, wait)
        };
        let all = vec![
            told(NoticePhase::Begun, WaitReason::CheckFailed, "deposit/3#1"),
            told(NoticePhase::Over, WaitReason::Decision, "deposit/3#1"),
            told(NoticePhase::Over, WaitReason::Decision, "deposit/4#1"),
        ];
        let expected = [all[0].clone(), all[2].clone()];
        assert_eq!(Form::Text.worth_a_line(all.clone()), expected);
        assert_eq!(Form::Json.worth_a_line(all.clone()), all);
    }
}
