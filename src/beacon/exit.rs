//! Voluntary exits: what a refusal means, what the chain's rules say, and when things will happen.
//!
//! Nodes word their refusals as they like, and one client has a single text for three reasons. So the words are a hint,
//! and [`judge`] lets the validator's state decide.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client::{ExitMessage, Genesis, MissingConstant, Spec, Validator, ValidatorStatus};
use super::roots::{voluntary_exit_domain, voluntary_exit_signing_root};
use crate::types::{ForkVersion, Root, SafeText, UnixMillis};

/// What a node's refusal seems to mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "refusal", content = "words")]
pub enum ExitRefusal {
    /// The signature is not the validator's.
    BadSignature,
    /// The validator has not been active for long enough.
    TooYoung,
    /// The epoch in the message is still to come.
    FutureEpoch,
    /// The validator is not active.
    NotActive,
    /// The validator is exiting already.
    AlreadyExiting,
    /// The node has this exit already, or one like it.
    AlreadyKnown,
    /// There is no validator with this index.
    UnknownIndex,
    /// Too young, too early or not active: it does not say which.
    NotNow,
    /// Something else.
    Other(SafeText),
}

/// Wordings of lighthouse, prysm, teku, nimbus and lodestar. Order matters where one contains another.
const WORDINGS: &[(ExitRefusal, &[&str])] = &[
    (
        ExitRefusal::BadSignature,
        &[
            "badsignature",
            "invalid_signature",
            "invalid signature",
            "signature did not verify",
            "could not verify signature",
            "signature is invalid",
            "invalid validator signature",
            "zero_signature",
            "bls signature",
        ],
    ),
    (
        ExitRefusal::TooYoung,
        &[
            "tooyoungtoexit",
            "not been active long enough",
            "validator set long enough",
            "short_time_active",
        ],
    ),
    (
        ExitRefusal::FutureEpoch,
        &[
            "futureepoch",
            "expected current epoch >= exit epoch",
            "still in the future",
            "exit epoch not passed",
            "early_epoch",
        ],
    ),
    (
        ExitRefusal::AlreadyKnown,
        &[
            "already_exists",
            "already seen exit",
            "priorvoluntaryexitknown",
            "already known",
        ],
    ),
    (
        ExitRefusal::AlreadyExiting,
        &[
            "alreadyexited",
            "alreadyinitiatedexit",
            "already submitted an exit",
            "already initiated exit",
            "has already exited",
            "validator has exited",
            "already_exited",
        ],
    ),
    (
        ExitRefusal::NotActive,
        &[
            "notactive",
            "non-active validator",
            "is not active",
            "validator not active",
            "exit_error_inactive",
        ],
    ),
    (
        ExitRefusal::UnknownIndex,
        &[
            "validatorunknown",
            "unknown validator",
            "invalid validator index",
            "index too high",
            "out of range",
            "out of bounds",
            "reading 'activationepoch'",
            "invalid_index",
        ],
    ),
    (ExitRefusal::NotNow, &["voluntary_exit_error_invalid"]),
];

/// What a node's words seem to mean. The status says nothing: one client answers 500 to everything.
#[must_use]
pub fn classify(_status: u16, words: &SafeText) -> ExitRefusal {
    let text = words.as_str().to_lowercase();
    WORDINGS
        .iter()
        .find(|(_, needles)| needles.iter().any(|needle| text.contains(needle)))
        .map_or_else(
            || ExitRefusal::Other(words.clone()),
            |(refusal, _)| refusal.clone(),
        )
}

/// Where an exit stands, by the state of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
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

/// The chain's rules and clock, as its own spec has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitRules {
    /// `SECONDS_PER_SLOT` (or `SLOT_DURATION_MS`), in milliseconds.
    pub slot: Duration,
    /// `SLOTS_PER_EPOCH`.
    pub slots_per_epoch: u64,
    /// `SHARD_COMMITTEE_PERIOD`: epochs that a validator must have been active.
    pub shard_committee_period: u64,
    /// `MAX_SEED_LOOKAHEAD`: epochs between inclusion and exit, at least.
    pub max_seed_lookahead: u64,
    /// `MIN_VALIDATOR_WITHDRAWABILITY_DELAY`: epochs between exit and withdrawability.
    pub withdrawability_delay: u64,
    /// `GENESIS_FORK_VERSION`: part of the deposit domain.
    pub genesis_fork_version: ForkVersion,
    /// `CAPELLA_FORK_VERSION`: part of the exit domain for ever (EIP-7044).
    pub capella_fork_version: ForkVersion,
    /// Genesis.
    pub genesis: Genesis,
}

impl ExitRules {
    /// From a node's answers.
    pub fn new(spec: &Spec, genesis: Genesis) -> Result<Self, MissingConstant> {
        let slot = match spec.number("SECONDS_PER_SLOT") {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(missing) => Duration::from_millis(spec.number("SLOT_DURATION_MS").map_err(|_| missing)?),
        };
        let slots_per_epoch = spec.number("SLOTS_PER_EPOCH")?;
        if slot.is_zero() || slots_per_epoch == 0 {
            return Err(MissingConstant("SLOTS_PER_EPOCH"));
        }
        Ok(Self {
            slot,
            slots_per_epoch,
            shard_committee_period: spec.number("SHARD_COMMITTEE_PERIOD")?,
            max_seed_lookahead: spec.number("MAX_SEED_LOOKAHEAD")?,
            withdrawability_delay: spec.number("MIN_VALIDATOR_WITHDRAWABILITY_DELAY")?,
            genesis_fork_version: spec.version("GENESIS_FORK_VERSION")?,
            capella_fork_version: spec.version("CAPELLA_FORK_VERSION")?,
            genesis,
        })
    }

    /// The epoch at a time; 0 before genesis.
    #[must_use]
    pub fn epoch_at(&self, time: UnixMillis) -> u64 {
        let since = time.since(UnixMillis(self.genesis.genesis_time.saturating_mul(1000)));
        let slots = since.as_millis() / self.slot.as_millis().max(1);
        u64::try_from(slots).unwrap_or(u64::MAX) / self.slots_per_epoch
    }

    /// When an epoch begins.
    #[must_use]
    pub fn start_of(&self, epoch: u64) -> UnixMillis {
        let slots = epoch.saturating_mul(self.slots_per_epoch);
        let slot = u64::try_from(self.slot.as_millis()).unwrap_or(u64::MAX);
        let genesis = self.genesis.genesis_time.saturating_mul(1000);
        UnixMillis(genesis.saturating_add(slots.saturating_mul(slot)))
    }

    /// When the next slot after a time begins; genesis before that.
    #[must_use]
    pub fn next_slot(&self, time: UnixMillis) -> UnixMillis {
        let genesis = UnixMillis(self.genesis.genesis_time.saturating_mul(1000));
        if time < genesis {
            return genesis;
        }
        let slot = u64::try_from(self.slot.as_millis()).unwrap_or(u64::MAX).max(1);
        let slots = (time.0 - genesis.0) / slot + 1;
        UnixMillis(genesis.0.saturating_add(slots.saturating_mul(slot)))
    }

    /// First epoch at which the validator may exit, once its activation is known.
    #[must_use]
    pub fn ready_epoch(&self, validator: &Validator) -> Option<u64> {
        Some(
            validator
                .activation_epoch?
                .saturating_add(self.shard_committee_period),
        )
    }

    /// The earliest epochs of exit and withdrawability when the exit is in a block of `epoch`; the exit queue may put
    /// them later.
    #[must_use]
    pub fn earliest_exit(&self, epoch: u64) -> (u64, u64) {
        let exit = epoch.saturating_add(1).saturating_add(self.max_seed_lookahead);
        (exit, exit.saturating_add(self.withdrawability_delay))
    }

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

impl ValidatorStatus {
    /// It has an exit epoch, or is past it.
    #[must_use]
    pub fn is_exiting(self) -> bool {
        !matches!(
            self,
            Self::PendingInitialized | Self::PendingQueued | Self::ActiveOngoing
        )
    }
}
