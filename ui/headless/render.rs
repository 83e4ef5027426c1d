//! How lines look.

use casimir_dkg::types::{SafeText, UnixMillis};
use casimir_dkg::view::{Mode, Snapshot, Transition};
use serde_json::json;

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
                format!(
                    "{}  {case:<14} {:<22} {}",
                    transition.at.to_rfc3339(),
                    transition.kind,
                    transition.text
                )
            }
            Self::Json => json!({
                "type": "transition",
                "at": transition.at.to_rfc3339(),
                "record": transition.record,
                "case": transition.case,
                "kind": transition.kind,
                "text": transition.text,
            })
            .to_string(),
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
                if !simulated.is_empty() {
                    self.note(&format!("simulated here: {}", simulated.join(", ")));
                }
            }
            Self::Json => output::json(&json!({
                "type": "started",
                "at": UnixMillis::now().to_rfc3339(),
                "version": snapshot.version,
                "network": snapshot.network.name,
                "chain_id": snapshot.network.chain_id,
                "manager": snapshot.network.manager,
                "account": snapshot.signer.address,
                "mode": snapshot.mode,
                "simulated": simulated,
            })),
        }
    }

    /// Something about this program itself.
    pub(crate) fn note(self, text: &str) {
        let text = SafeText::new(text);
        let at = UnixMillis::now().to_rfc3339();
        match self {
            Self::Text => output::line(&format!("{at}  {text}")),
            Self::Json => output::json(&json!({ "type": "note", "at": at, "text": text })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transition(text: &str) -> Transition {
        Transition {
            at: UnixMillis(1_700_000_000_000),
            record: 7,
            case: Some("deposit/3".parse().unwrap()),
            kind: "decided".to_owned(),
            text: SafeText::new(text),
        }
    }

    #[test]
    fn one_line_each_whatever_the_text() {
        let hostile = transition("rejected: \x1b[2Jno\nway \u{202e}x");
        let text = Form::Text.transition_line(&hostile);
        assert_eq!(
            text,
            "2023-11-14T22:13:20.000Z  deposit/3      decided                rejected: \\u{1b}[2Jno way \\u{202e}x"
        );
        let json = Form::Json.transition_line(&hostile);
        assert_eq!(json.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["type"], "transition");
        assert_eq!(value["case"], "deposit/3");
        assert_eq!(value["record"], 7);
    }
}
