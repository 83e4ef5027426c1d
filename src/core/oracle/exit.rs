//! What became of a signed exit that was offered to the beacon nodes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ValidatorPhase;
use crate::types::{Root, SafeText, UnixMillis};

/// What one beacon node answered to an exit. Words are a hint: what is done about them, the validator's state decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitAnswer {
    /// It took the exit.
    Accepted,
    /// It has the exit already, or one like it.
    AlreadyKnown,
    /// It took the exit and is not in sync, which does not count.
    OutOfSync,
    /// It finds the signature bad.
    BadSignature,
    /// It finds the validator active for too short a time.
    TooYoung,
    /// It finds the exit's epoch still to come.
    FutureEpoch,
    /// It finds the validator not active.
    NotActive,
    /// Too young, too early or not active: it does not say which.
    NotNow,
    /// It finds the validator exiting already.
    AlreadyExiting,
    /// It knows no validator with this index.
    UnknownIndex,
    /// It refuses for another reason.
    Other,
    /// It serves another chain; nothing was sent.
    WrongChain,
    /// It gave no answer that counts: silence, or it is not in sync.
    NoAnswer,
}

impl ExitAnswer {
    /// A node that is in sync has the exit.
    #[must_use]
    pub fn delivered(self) -> bool {
        matches!(self, Self::Accepted | Self::AlreadyKnown)
    }

    /// A node that is in sync said no, whatever its reason.
    #[must_use]
    pub fn refused(self) -> bool {
        !matches!(
            self,
            Self::Accepted | Self::AlreadyKnown | Self::OutOfSync | Self::WrongChain | Self::NoAnswer
        )
    }
}

impl fmt::Display for ExitAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Accepted => "accepted",
            Self::AlreadyKnown => "has it already",
            Self::OutOfSync => "accepted, but not in sync",
            Self::BadSignature => "refused: bad signature",
            Self::TooYoung => "refused: not active for long enough",
            Self::FutureEpoch => "refused: its epoch is still to come",
            Self::NotActive => "refused: not active",
            Self::NotNow => "refused: not now",
            Self::AlreadyExiting => "refused: exiting already",
            Self::UnknownIndex => "refused: unknown validator",
            Self::Other => "refused",
            Self::WrongChain => "on another chain",
            Self::NoAnswer => "no answer that counts",
        })
    }
}

/// One node's answer, with its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "VerdictForm")]
pub struct ExitVerdict {
    /// The node, its secrets hidden.
    pub node: SafeText,
    /// What its words mean.
    pub answer: ExitAnswer,
    /// The words; empty where it had none.
    pub words: SafeText,
}

/// Verdicts of older journals are (node, delivered, words).
#[derive(Deserialize)]
#[serde(untagged)]
enum VerdictForm {
    Named {
        node: SafeText,
        answer: ExitAnswer,
        words: SafeText,
    },
    Bare(SafeText, bool, SafeText),
}

impl From<VerdictForm> for ExitVerdict {
    fn from(form: VerdictForm) -> Self {
        let (node, answer, words) = match form {
            VerdictForm::Named { node, answer, words } => (node, answer, words),
            VerdictForm::Bare(node, true, words) => (node, ExitAnswer::Accepted, words),
            VerdictForm::Bare(node, false, words) => (node, ExitAnswer::NoAnswer, words),
        };
        Self { node, answer, words }
    }
}

impl fmt::Display for ExitVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.answer)?;
        if self.words.as_str().is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.words)
        }
    }
}

/// Where an exit stands after it was offered: the answers of all nodes, judged by the validator's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "standing")]
pub enum ExitStanding {
    /// A node in sync has it: it waits for a block.
    Delivered,
    /// No node in sync gave an answer, or the validator's state could not be read.
    #[default]
    Unheard,
    /// The state has the exit: done, whoever sent it.
    Exiting {
        /// How far the validator is.
        phase: ValidatorPhase,
    },
    /// Too early by the validator's state: it can be sent from this epoch on.
    TooEarly {
        /// First epoch that will do.
        epoch: u64,
        /// When that epoch begins.
        at: UnixMillis,
    },
    /// The validator is not active, and when it will be is not known.
    NotActive,
    /// Every node that answered finds the signature bad, and the state allows the exit.
    BadSignature {
        /// What was signed.
        signing_root: Root,
    },
    /// Every state that could be read lacks the validator, or has another one at its index.
    UnknownIndex,
    /// The state allows the exit; every node that answered refuses it all the same.
    Refused,
}

impl ExitStanding {
    /// Refusals in a row once this follows so many. Silence in between is no consent.
    pub(in crate::oracle) fn refusals_after(&self, before: u32) -> u32 {
        match self {
            Self::Refused => before.saturating_add(1),
            Self::Unheard => before,
            _ => 0,
        }
    }

    /// One sentence for people, without its subject.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Delivered => "it waits for a block".to_owned(),
            Self::Unheard => {
                "no answer from a node in sync, or nodes differ about the validator; it is offered again"
                    .to_owned()
            }
            Self::Exiting { phase } => format!("the validator is {phase}"),
            Self::TooEarly { epoch, at } => format!(
                "too early: it is sent by itself in epoch {epoch}, not before {}",
                at.to_utc()
            ),
            Self::NotActive => "not active, and its activation is not set; it is looked at again".to_owned(),
            Self::BadSignature { .. } => "bad signature, by every node that answered".to_owned(),
            Self::UnknownIndex => {
                "unknown validator: the beacon chain does not have it at this index".to_owned()
            }
            Self::Refused => {
                "refused by every node that answered, although the validator may exit".to_owned()
            }
        }
    }
}

/// Everything that is known of the offers of a case's exit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExitOffers {
    /// Each node's answer to the newest offer.
    pub verdicts: Vec<ExitVerdict>,
    /// What came of the newest offer.
    pub standing: Option<ExitStanding>,
    /// When it was last offered.
    pub at: Option<UnixMillis>,
    /// Offers in a row that every node refused, since the last retry.
    pub refusals: u32,
    /// It is not sent before a time, by the validator's state.
    pub deferred: Option<Deferral>,
    /// The signature that was found bad.
    pub bad: Option<BadExit>,
}

/// An approved exit whose time has not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferral {
    /// It is looked at again, and sent if all still holds, from then on.
    pub until: UnixMillis,
    pub reason: SafeText,
    /// When that was recorded.
    #[serde(default)]
    pub at: UnixMillis,
}

/// An exit whose signature was found bad by every node that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadExit {
    /// What was signed. BLS signatures are deterministic: signing it again gives the same bytes.
    pub signing_root: Root,
    /// Who found it bad.
    pub nodes: Vec<SafeText>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Record;

    #[test]
    fn records_of_older_journals_are_read() {
        let old = r#"{"record":"exit-published","action":"exit/3#2","verdicts":[["http://a",true,"Accepted"],["http://b",false,"syncing"]]}"#;
        let Record::ExitPublished {
            verdicts, standing, ..
        } = serde_json::from_str(old).unwrap()
        else {
            panic!("another record");
        };
        let answers: Vec<_> = verdicts.iter().map(|v| v.answer).collect();
        assert_eq!(answers, [ExitAnswer::Accepted, ExitAnswer::NoAnswer]);
        assert_eq!(verdicts[1].words.as_str(), "syncing");
        assert_eq!(standing, None);
    }

    #[test]
    fn every_standing_keeps_its_shape_in_the_journal() {
        let verdicts = vec![ExitVerdict {
            node: SafeText::new("http://a"),
            answer: ExitAnswer::TooYoung,
            words: SafeText::new("TooYoungToExit"),
        }];
        let all = [
            ExitStanding::Delivered,
            ExitStanding::Unheard,
            ExitStanding::Exiting {
                phase: ValidatorPhase::Exiting,
            },
            ExitStanding::TooEarly {
                epoch: 9,
                at: UnixMillis(7),
            },
            ExitStanding::NotActive,
            ExitStanding::BadSignature {
                signing_root: Root([4; 32]),
            },
            ExitStanding::UnknownIndex,
            ExitStanding::Refused,
        ];
        for standing in all {
            let record = Record::ExitPublished {
                action: "exit/3#2".parse().unwrap(),
                verdicts: verdicts.clone(),
                standing: Some(standing),
            };
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
        }
    }
}
