//! Voluntary exits: what is signed, and what a validator's state makes of a refusal.
//!
//! Nodes word their refusals as they like, so the words are a hint, and [`judge`] lets the validator's state decide.

use std::fmt;

use super::roots::{voluntary_exit_domain, voluntary_exit_signing_root};
use crate::ports::consensus::{ExitMessage, ExitRefusal, ExitRules, Validator};
use crate::types::{ForkVersion, Root, SafeText};

/// Where an exit stands, by the state of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitOutcome {
    /// The state has it: done, whoever sent it.
    Exiting {
        /// First epoch not at work any more.
        exit_epoch: u64,
        /// From when on the balance can be withdrawn.
        withdrawable_epoch: Option<u64>,
    },
    /// Nothing speaks against it: it can be sent, or waits for a block.
    Ready,
    /// It can be sent from this epoch on.
    TooEarly {
        /// The first epoch that will do.
        ready_epoch: u64,
    },
    /// The validator is not active; from when on it will be is known when it is in the queue with an epoch.
    NotActive {
        /// The first epoch that will do.
        ready_epoch: Option<u64>,
    },
    /// A node refuses the signature although the state allows the exit: it has to be signed again.
    BadSignature,
    /// The state has no such validator: set aside, something is wrong with the message.
    UnknownIndex,
    /// The node refuses for another reason.
    Refused(SafeText),
}

impl fmt::Display for ExitOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exiting { exit_epoch, .. } => write!(f, "the validator exits in epoch {exit_epoch}"),
            Self::Ready => f.write_str("the validator may exit"),
            Self::TooEarly { ready_epoch } => write!(f, "the validator may exit from epoch {ready_epoch}"),
            Self::NotActive {
                ready_epoch: Some(epoch),
            } => write!(f, "the validator is not active and may exit from epoch {epoch}"),
            Self::NotActive { ready_epoch: None } => {
                f.write_str("the validator is not active and its activation is not set yet")
            }
            Self::BadSignature => {
                f.write_str("a node refuses the signature although the state allows the exit")
            }
            Self::UnknownIndex => f.write_str("the state has no such validator"),
            Self::Refused(words) => write!(f, "a node refuses it: {words}"),
        }
    }
}

/// Judges an exit by the validator's state; `refusal` matters only where the state allows the exit.
#[must_use]
pub fn judge(
    message: &ExitMessage,
    validator: Option<&Validator>,
    refusal: Option<&ExitRefusal>,
    epoch_now: u64,
    rules: &ExitRules,
) -> ExitOutcome {
    let Some(validator) = validator.filter(|v| v.index == message.validator_index) else {
        return ExitOutcome::UnknownIndex;
    };
    if let Some(exit_epoch) = validator.exit_epoch {
        return ExitOutcome::Exiting {
            exit_epoch,
            withdrawable_epoch: validator.withdrawable_epoch,
        };
    }
    let ready_epoch = rules.ready_epoch(validator).map(|epoch| epoch.max(message.epoch));
    if validator.activation_epoch.is_none_or(|epoch| epoch > epoch_now) {
        return ExitOutcome::NotActive { ready_epoch };
    }
    match ready_epoch {
        Some(ready_epoch) if ready_epoch > epoch_now => return ExitOutcome::TooEarly { ready_epoch },
        _ => {}
    }
    match refusal {
        Some(ExitRefusal::BadSignature) => ExitOutcome::BadSignature,
        Some(ExitRefusal::Other(words)) => ExitOutcome::Refused(words.clone()),
        // the node's picture is older than ours, or it has the exit: either way it waits for a block
        _ => ExitOutcome::Ready,
    }
}

impl ExitRules {
    /// The domain of voluntary exits on this chain.
    #[must_use]
    pub fn domain(&self) -> Root {
        voluntary_exit_domain(self.capella_fork_version, &self.genesis.genesis_validators_root)
    }

    /// What is signed for an exit on this chain.
    #[must_use]
    pub fn signing_root(&self, message: &ExitMessage) -> Root {
        voluntary_exit_signing_root(
            message.epoch,
            message.validator_index,
            self.capella_fork_version,
            &self.genesis.genesis_validators_root,
        )
    }
}

/// The arithmetic of domains does not give the known value: nothing may be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("self-test of the exit domain failed: computed {computed}, expected {expected}")]
pub struct SelfTestFailed {
    /// What was computed.
    pub computed: Root,
    /// Mainnet's well-known domain.
    pub expected: Root,
}

/// Computes mainnet's exit domain and compares it with the well-known value, whatever the network: exits that are
/// signed under a wrong domain are worthless, and that would be noticed only after a ceremony.
///
/// # Errors
/// The values differ.
pub fn self_test() -> Result<(), SelfTestFailed> {
    let root = |text: &str| text.parse::<Root>().expect("a constant of 32 bytes");
    // mainnet: CAPELLA_FORK_VERSION 0x03000000, fork digest 0xbba4da96
    let genesis_validators_root = root("0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95");
    let expected = root("0x04000000bba4da96354c9f25476cf1bc69bf583a7f9e0af049305b62de676640");
    let computed = voluntary_exit_domain(ForkVersion([3, 0, 0, 0]), &genesis_validators_root);
    if computed == expected {
        Ok(())
    } else {
        Err(SelfTestFailed { computed, expected })
    }
}
