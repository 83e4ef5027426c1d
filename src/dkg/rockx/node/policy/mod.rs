//! What this node agrees to do. The protocol itself asks nobody: whoever reaches a node may start a ceremony and have
//! any bytes signed with an existing validator key. Every list that is configured here is enforced; a list that is
//! `None` accepts everything, as RockX's nodes do, and is announced in the log when the node starts.

mod signing;

use std::fmt;

use serde::Deserialize;

pub use signing::{ExitRule, Meaning, OwnerRule, SigningRules, TooManyCandidates};

use crate::types::{ForkVersion, Root, RsaPublicKeyText, SafeText};

/// The allow-lists of a node. `Policy::default()` allows everything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Who may start a ceremony: a start message must carry a valid signature of one of these RSA keys.
    pub initiators: Option<Vec<Initiator>>,
    /// Withdrawal credentials that a new key's deposit may have.
    pub withdrawal_credentials: Option<Vec<Root>>,
    /// Genesis fork versions that a new key's deposit may be signed for.
    pub fork_versions: Option<Vec<ForkVersion>>,
    /// What existing keys may sign.
    pub signing: Option<SigningRules>,
}

/// Somebody who may start ceremonies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Initiator {
    /// A name for the log.
    #[serde(default)]
    pub name: SafeText,
    /// The RSA key that signs the start messages, in any of the text forms in use.
    pub public_key: RsaPublicKeyText,
}

/// A start message was understood and declined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No key of the initiator list made the signature.
    #[error("refused by policy: the start message is not signed by an allowed initiator")]
    Initiator,
    /// The credentials are not listed.
    #[error("refused by policy: withdrawal credentials {0} are not allowed")]
    WithdrawalCredentials(Root),
    /// The fork version is not listed.
    #[error("refused by policy: fork version {0} is not allowed")]
    ForkVersion(ForkVersion),
    /// The signing root is none that this node computed from its rules.
    #[error("refused by policy: signing root 0x{} is neither an allowed owner message nor an allowed exit", hex::encode(.0))]
    SigningRoot(Vec<u8>),
}

impl Policy {
    /// Whether a deposit with these credentials on this fork may be signed.
    ///
    /// # Errors
    /// What is not allowed.
    pub fn check_keygen(&self, credentials: Root, fork: ForkVersion) -> Result<(), Refusal> {
        if self
            .withdrawal_credentials
            .as_ref()
            .is_some_and(|allowed| !allowed.contains(&credentials))
        {
            return Err(Refusal::WithdrawalCredentials(credentials));
        }
        if self
            .fork_versions
            .as_ref()
            .is_some_and(|allowed| !allowed.contains(&fork))
        {
            return Err(Refusal::ForkVersion(fork));
        }
        Ok(())
    }

    /// Whether `root` may be signed, and what it means where a rule explains it. May hash up to
    /// [`SigningRules::MAX_CANDIDATES`] candidates: call it on a thread that may block.
    ///
    /// # Errors
    /// No rule explains the root.
    pub fn check_signing(&self, root: &[u8]) -> Result<Meaning, Refusal> {
        match &self.signing {
            None => Ok(Meaning::Unchecked),
            Some(rules) => rules
                .explain(root)
                .ok_or_else(|| Refusal::SigningRoot(root.iter().copied().take(64).collect())),
        }
    }

    /// What nobody guards, for the warning at start-up; `None` when every list is configured.
    #[must_use]
    pub fn open_doors(&self) -> Option<OpenDoors> {
        let mut open = Vec::new();
        if self.initiators.is_none() {
            open.push("anybody may start ceremonies");
        }
        if self.withdrawal_credentials.is_none() {
            open.push("any withdrawal credentials are signed");
        }
        if self.fork_versions.is_none() {
            open.push("deposits are signed for any network");
        }
        if self.signing.is_none() {
            open.push("ANY BYTES are signed with existing validator keys, blocks and attestations included");
        }
        (!open.is_empty()).then_some(OpenDoors(open))
    }
}

/// The consequences of lists that are not configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDoors(Vec<&'static str>);

impl fmt::Display for OpenDoors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlisted_credentials_and_forks_are_refused_by_name() {
        let policy = Policy {
            withdrawal_credentials: Some(vec![Root([1; 32])]),
            fork_versions: Some(vec![ForkVersion([0, 0, 0, 0])]),
            ..Policy::default()
        };
        assert_eq!(policy.check_keygen(Root([1; 32]), ForkVersion([0; 4])), Ok(()));
        assert_eq!(
            policy.check_keygen(Root([2; 32]), ForkVersion([0; 4])),
            Err(Refusal::WithdrawalCredentials(Root([2; 32])))
        );
        assert_eq!(
            policy.check_keygen(Root([1; 32]), ForkVersion([9; 4])),
            Err(Refusal::ForkVersion(ForkVersion([9; 4])))
        );
    }

    #[test]
    fn each_missing_list_is_named_in_the_warning() {
        let doors = Policy::default().open_doors().unwrap().to_string();
        assert_eq!(doors.matches(';').count(), 3, "{doors}");
        let policy = Policy {
            initiators: Some(vec![]),
            withdrawal_credentials: Some(vec![]),
            fork_versions: Some(vec![]),
            signing: Some(SigningRules::default()),
        };
        assert_eq!(policy.open_doors(), None);
    }
}
