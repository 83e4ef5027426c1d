//! What decides about money, asked of every endpoint. One endpoint's answer is enough for a picture on the screen; before
//! a transaction leaves, and before its receipt counts as final, those that are configured have to say the same.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Execution, PoolManager, Ssv, Unknown};
use crate::types::{BlockRef, Check, SafeText};

/// One endpoint, and everything that can be asked through it alone.
#[derive(Debug, Clone)]
pub struct Voice {
    /// The endpoint, its secrets hidden.
    pub name: SafeText,
    /// The chain as it tells it.
    pub execution: Arc<dyn Execution>,
    /// The manager as it tells it.
    pub manager: Arc<dyn PoolManager>,
    /// SSV as it tells it.
    pub ssv: Arc<dyn Ssv>,
}

/// What one voice says: a subject and a value each, in the order of the question.
pub type Words = Vec<(&'static str, String)>;

/// The value of a subject on which a voice can say nothing now. It differs from no other, and nobody is silent for it: whoever
/// needs it asks by itself.
pub const UNTOLD: &str = "cannot be told";

/// What every voice is asked.
#[async_trait]
pub trait Question: Send + Sync {
    /// Puts it to one of them.
    ///
    /// # Errors
    /// This voice cannot tell all of it, and why.
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown>;

    /// Others contradict this voice on it, at a block that all of them know: what it rebuilt from logs is read anew, because a
    /// log that was left out once would be missing for ever.
    async fn contradicted(&self, _voice: &Voice) {}
}

/// Asks every endpoint the same, each alone, and judges what they say.
#[async_trait]
pub trait Agreement: Send + Sync + fmt::Debug {
    /// What they say of something; `about` names it for people ("on transaction 0x…").
    async fn ask(&self, about: &str, question: &dyn Question) -> Accord;

    /// What they say of the state of a block. Each must know this very block, and their final blocks are compared too.
    async fn ask_at(&self, block: BlockRef, question: &dyn Question) -> Accord;
}

/// How far the endpoints agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accord {
    /// Only one is configured.
    Alone,
    /// All that answered say the same, and at least two answered.
    Agree {
        /// How many answered.
        agreeing: usize,
        /// What they say.
        said: Words,
        /// Who did not, and why.
        silent: Vec<SafeText>,
    },
    /// They do not say the same, and none of it is what most say.
    Disagree(SafeText),
    /// At least two say the same, and fewer something else.
    Outvoted {
        /// What most say.
        most: Words,
        /// Who says something else, and what.
        words: SafeText,
    },
    /// Several are configured, fewer than two answered.
    TooFew {
        /// How many are configured.
        configured: usize,
        /// What the one says that answered.
        said: Option<Words>,
        /// Who did not answer, and why.
        silent: Vec<SafeText>,
    },
}

impl Accord {
    /// The same, held against what was used: that they agree with each other bears nothing out, because whatever was read
    /// before came from one of them, which may say something else by now. What they say otherwise of it contradicts, and what
    /// fewer than two of them can tell nobody bears out.
    #[must_use]
    pub fn held_against(self, used: &Words) -> Self {
        let (who, said) = match &self {
            Self::Agree { agreeing, said, .. } => {
                (format!("{agreeing} endpoints that are asked now say"), said)
            }
            Self::Outvoted { most, .. } => ("most endpoints say now".to_owned(), most),
            Self::TooFew { said: Some(said), .. } => {
                ("the one endpoint that answers now says".to_owned(), said)
            }
            Self::Alone | Self::Disagree(_) | Self::TooFew { said: None, .. } => return self,
        };
        let mut untold = None;
        for (subject, here) in used.iter().filter(|(_, here)| here != UNTOLD) {
            let words = match said.iter().find(|(other, _)| other == subject) {
                Some((_, there)) if there == here => continue,
                Some((_, there)) if there == UNTOLD => {
                    untold.get_or_insert(*subject);
                    continue;
                }
                Some((_, there)) => format!("{who} {there}"),
                // they have another block at that height, and so nothing to say of this one
                None => "the endpoints that are asked now do not know that block".to_owned(),
            };
            // who of them is outvoted is said as before
            let outvoted = self
                .contradiction()
                .map_or_else(String::new, |words| format!("{words}; "));
            let words = format!("{outvoted}an endpoint said of {subject} {here}, and {words}");
            return Self::Disagree(SafeText::new(&words));
        }
        match (self, untold) {
            (
                Self::Agree {
                    agreeing,
                    said,
                    silent,
                },
                Some(subject),
            ) => {
                let configured = agreeing + silent.len();
                let untold = SafeText::new(&format!("fewer than two can tell {subject}"));
                let silent = silent.into_iter().chain([untold]).collect();
                Self::TooFew {
                    configured,
                    said: Some(said),
                    silent,
                }
            }
            (accord, _) => accord,
        }
    }

    /// What it was [held against](Self::held_against) is what they say: all that answered, or most, or nobody else could. That
    /// is enough to believe what has happened already. What is about to happen takes [`Accord::check`].
    #[must_use]
    pub fn bears_out(&self) -> bool {
        matches!(self, Self::Alone | Self::Agree { .. } | Self::Outvoted { .. })
    }

    /// Of two things that an action rests on, both: how it stands with the one that is worse off.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Disagree(_), _) => self,
            (_, Self::Disagree(_)) | (Self::Agree { .. }, _) => other,
            _ => self,
        }
    }

    /// How those who answered differ, where they do.
    #[must_use]
    pub fn contradiction(&self) -> Option<&SafeText> {
        match self {
            Self::Disagree(words) | Self::Outvoted { words, .. } => Some(words),
            Self::Alone | Self::Agree { .. } | Self::TooFew { .. } => None,
        }
    }

    /// Why nobody else confirms it, in words, and what a person can do.
    #[must_use]
    pub fn words(&self) -> String {
        let list = |silent: &[SafeText]| {
            let words: Vec<_> = silent.iter().map(SafeText::as_str).collect();
            words.join("; ")
        };
        match self {
            Self::Alone => {
                "only one endpoint is configured, and one voice cannot be contradicted: add one of another provider \
                 to rpc.urls, or let a rule allow this check to be unknown (unknown_ok)"
                    .to_owned()
            }
            Self::Agree { agreeing, silent, .. } if silent.is_empty() => {
                format!("all {agreeing} endpoints say the same")
            }
            Self::Agree { agreeing, silent, .. } => {
                let all = agreeing + silent.len();
                format!(
                    "{agreeing} of {all} endpoints say the same; no answer: {}",
                    list(silent)
                )
            }
            Self::Disagree(words) | Self::Outvoted { words, .. } => words.to_string(),
            Self::TooFew { configured, silent, .. } => {
                let answered = configured - silent.len();
                format!(
                    "{answered} of {configured} endpoints answered; no answer: {}",
                    list(silent)
                )
            }
        }
    }

    /// As a check of this name. One voice is not known to be right, whether it is the only one that is configured or the
    /// only one that answers. One that several outvote does not make them wrong, else it could stop everything: a person
    /// or a rule judges that, and where nobody has most voices nothing goes on.
    #[must_use]
    pub fn check(&self, name: &str) -> Check {
        match self {
            Self::Agree { .. } => Check::pass(name, self.words()),
            Self::Disagree(_) => Check::fail(name, self.words()),
            Self::Alone | Self::Outvoted { .. } | Self::TooFew { .. } => Check::unknown(name, self.words()),
        }
    }
}
