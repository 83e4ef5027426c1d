//! What this node agrees to do. The protocol itself asks nobody: whoever reaches a node may start a ceremony and have
//! any bytes signed with an existing validator key. Every list that is configured here is enforced; a list that is
//! `None` accepts everything, as RockX's nodes do, and is announced in the log when the node starts.

mod indices;
mod refused;
mod signing;

use std::fmt;

pub use indices::{ChainPlace, ValidatorIndices};
pub use signing::{ExitRule, Meaning, OwnerRule, SigningRules, TooManyCandidates};

use crate::ports::Answer;
use crate::types::{BlsPublicKey, ForkVersion, Root, RsaPublicKeyText, SafeText};

/// The allow-lists of a node. `Policy::default()` allows everything.
#[derive(Debug, Clone, Default)]
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
#[derive(Debug, Clone)]
pub struct Initiator {
    /// A name for the log.
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
    #[error("refused by policy: signing root 0x{} {why}", hex::encode(.root))]
    SigningRoot {
        /// What was to be signed; the beginning, where it is longer than any root.
        root: Vec<u8>,
        /// What it is, of which validator, and which rule does not cover it.
        why: SafeText,
    },
}

/// What an initiator wants signed.
#[derive(Debug, Clone)]
pub struct SigningRequest {
    /// The key whose share is to sign.
    pub validator: BlsPublicKey,
    pub root: Vec<u8>,
    /// Where the beacon chain has the validator.
    pub place: Answer<ChainPlace>,
}

impl Policy {
    /// Whether a deposit with these credentials on this fork may be signed.
    ///
    /// # Errors
    /// Which of the two is not listed.
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

    /// Whether the root may be signed, and what it means where a rule explains it. `look`: whether a root that may not is
    /// worth the time to find out what it is, for the refusal. May hash up to [`SigningRules::MAX_CANDIDATES`] candidates,
    /// and some more for a refusal: call it on a thread that may block.
    ///
    /// # Errors
    /// [`Refusal::SigningRoot`].
    pub fn check_signing(&self, request: &SigningRequest, look: bool) -> Result<Meaning, Refusal> {
        let Some(rules) = &self.signing else {
            return Ok(Meaning::Unchecked);
        };
        let place = request.place.as_ref().yes().copied();
        rules
            .owner_message(&request.root)
            .or_else(|| rules.exit(&request.root, place))
            .ok_or_else(|| Refusal::SigningRoot {
                root: request.root.iter().copied().take(64).collect(),
                why: refused::why(rules, request, look),
            })
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
