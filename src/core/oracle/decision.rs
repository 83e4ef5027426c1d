//! Decisions: who let an action pass or stopped it, on which payload.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::types::{Nth, ParseIdError, PersonKey, Root, SafeText, SignedStatement, UnixMillis};

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nobody: everything is watched and nothing is done. Needs no key.
    Observe,
    /// A person decides every action.
    Supervised,
    /// The policy decides; what no rule covers waits for a person.
    Auto,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Observe => "observe",
            Self::Supervised => "supervised",
            Self::Auto => "auto",
        })
    }
}

impl FromStr for Mode {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "observe" => Ok(Self::Observe),
            "supervised" => Ok(Self::Supervised),
            "auto" => Ok(Self::Auto),
            _ => Err(ParseIdError {
                text: s.into(),
                expected: "observe, supervised or auto",
            }),
        }
    }
}

/// Who made a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "by")]
pub enum Decider {
    /// A person at a console.
    Person {
        /// As the system, or the configuration, names the person.
        name: SafeText,
        /// The user of this machine, where the person sat here, or the configuration says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
        /// The user who logged in on this machine and became that one, where the system knows: behind `sudo` and `su`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<u32>,
        /// What the person signed elsewhere, where nobody sat here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Box<SignedStatement>>,
    },
    /// A rule of the policy.
    Rule {
        /// The rule's name.
        name: SafeText,
    },
}

impl Decider {
    /// Somebody of whom nothing but a name is known.
    pub fn person(name: impl Into<SafeText>) -> Self {
        Self::Person {
            name: name.into(),
            uid: None,
            login: None,
            signed: None,
        }
    }

    /// The user that they are, and the one that they logged in as.
    fn users(&self) -> impl Iterator<Item = u32> + use<> {
        let users = match self {
            Self::Person { uid, login, .. } => [*uid, *login],
            Self::Rule { .. } => [None, None],
        };
        users.into_iter().flatten()
    }

    /// The key with which it was signed elsewhere.
    #[must_use]
    pub fn key(&self) -> Option<PersonKey> {
        match self {
            Self::Person { signed, .. } => Some(signed.as_ref()?.key),
            Self::Rule { .. } => None,
        }
    }

    /// When what was signed elsewhere expires: the approval counts for nothing from then on.
    #[must_use]
    pub fn expires(&self) -> Option<UnixMillis> {
        match self {
            Self::Person { signed, .. } => Some(signed.as_ref()?.statement.expires),
            Self::Rule { .. } => None,
        }
    }

    /// Whether both are one person, by the user, by the user who logged in, by the key, or by the name where nothing else is
    /// known. Whoever logged in once and becomes two users is one person. A rule is nobody.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let (Self::Person { name, uid, .. }, Self::Person { name: n, uid: u, .. }) = (self, other) else {
            return false;
        };
        let known = |id: Option<u32>, key: Option<PersonKey>| id.is_some() || key.is_some();
        let by_user = self.users().any(|user| other.users().any(|other| other == user));
        let by_key = self.key().is_some() && self.key() == other.key();
        let by_name = !known(*uid, self.key()) && !known(*u, other.key()) && name == n;
        by_user || by_key || by_name
    }
}

impl From<&Asker> for Decider {
    /// A person at a seat.
    fn from(asker: &Asker) -> Self {
        Self::Person {
            name: asker.name.clone(),
            uid: asker.uid,
            login: asker.login,
            signed: None,
        }
    }
}

impl fmt::Display for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { name, .. } => write!(f, "{name}"),
            Self::Rule { name } => write!(f, "rule {name}"),
        }
    }
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "verdict")]
pub enum Verdict {
    /// Let it pass.
    Approve,
    /// Stop it.
    Reject {
        /// Why, in the decider's words.
        reason: SafeText,
    },
}

/// A decision on an action. It names the digest that was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Approve or reject.
    pub verdict: Verdict,
    /// By whom.
    pub decider: Decider,
    pub at: UnixMillis,
    /// The digest of what was decided on.
    pub digest: Root,
    /// Which of how many it is, where it takes more than one person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<Nth>,
    /// Names of unknown checks that it lets pass; without it those that the action had by the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Vec<String>>,
}

impl Decision {
    /// Of one who decides alone.
    #[must_use]
    pub fn alone(verdict: Verdict, decider: Decider, at: UnixMillis, digest: Root) -> Self {
        Self {
            verdict,
            decider,
            at,
            digest,
            nth: None,
            unknown: None,
        }
    }
}

/// Who asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    pub name: SafeText,
    /// The user of this machine, as the system says.
    pub uid: Option<u32>,
    /// The user who logged in and became that one, where the system knows.
    pub login: Option<u32>,
}

impl<T: Into<SafeText>> From<T> for Asker {
    /// Somebody of whom nothing but a name is known.
    fn from(name: T) -> Self {
        Self {
            name: name.into(),
            uid: None,
            login: None,
        }
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}
