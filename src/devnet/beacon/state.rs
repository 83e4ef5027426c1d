//! The state of the simulated chain, and how a slot changes it. Pure: no clock, no I/O.
//!
//! The rules are the specification's (phase 0, with EIP-7044 and without what validators earn or lose): deposits are
//! checked, validators wait, are activated within the churn limit, exit within the churn limit, and are withdrawn.
//! Finality is perfect: the epoch before the last one.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use super::exit::{ExitProblem, SignedExit};
use super::interop::interop_validator;
use super::spec::{BeaconSpec, FAR_FUTURE_EPOCH, MAX_EFFECTIVE_BALANCE, MAX_VOLUNTARY_EXITS, effective};
use super::validator::{Validator, validators_root};
use crate::beacon::roots::{deposit_signing_root, voluntary_exit_signing_root};
use crate::dkg::threshold::verify;
use crate::types::{BlsPublicKey, BlsSignature, Root};

/// Blocks whose exits are remembered.
const REMEMBERED_BLOCKS: u64 = 256;

/// A deposit, as the deposit contract logged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    pub public_key: BlsPublicKey,
    pub withdrawal_credentials: Root,
    /// Gwei.
    pub amount: u64,
    /// The key's signature, which the contract did not look at.
    pub signature: BlsSignature,
}

/// A full withdrawal to the execution layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// To whom.
    pub address: [u8; 20],
    /// Gwei.
    pub amount: u64,
}

/// What others are told about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// There is a new head.
    Head {
        slot: u64,
        /// It is the first of its epoch.
        epoch_transition: bool,
    },
    /// An epoch is final.
    FinalizedCheckpoint { epoch: u64 },
    /// An exit is in a block, or, from most clients, has been accepted.
    VoluntaryExit(SignedExit),
    /// Blocks were replaced. This chain has one node, so it happens only where it is [told](super::DevBeacon::tell).
    ChainReorg {
        /// Slot of the new head.
        slot: u64,
        /// Slots that were replaced.
        depth: u64,
    },
}

/// What a slot brought.
#[derive(Debug, Default)]
pub(super) struct SlotOutcome {
    pub(super) events: Vec<Event>,
    pub(super) withdrawals: Vec<Withdrawal>,
}

/// The chain.
#[derive(Debug)]
pub(super) struct State {
    pub(super) spec: BeaconSpec,
    pub(super) genesis_time: u64,
    pub(super) genesis_validators_root: Root,
    pub(super) slot: u64,
    pub(super) validators: Vec<Validator>,
    index_of: HashMap<BlsPublicKey, usize>,
    /// Exits that wait for a block, by validator.
    pub(super) pool: BTreeMap<u64, SignedExit>,
    /// Exits in blocks, by slot.
    pub(super) included: BTreeMap<u64, Vec<SignedExit>>,
    /// Exits are not put into blocks while this is set.
    pub(super) hold_exits: bool,
}

impl State {
    /// Genesis, with so many of the publicly known development validators.
    pub(super) fn genesis(spec: BeaconSpec, genesis_time: u64, validators: u64) -> Self {
        let validators: Vec<Validator> = (0..validators).map(interop_validator).collect();
        Self {
            spec,
            genesis_time,
            genesis_validators_root: validators_root(&validators),
            slot: 0,
            index_of: validators
                .iter()
                .enumerate()
                .map(|(index, validator)| (validator.public_key, index))
                .collect(),
            validators,
            pool: BTreeMap::new(),
            included: BTreeMap::new(),
            hold_exits: false,
        }
    }

    /// The epoch of the head.
    pub(super) fn epoch(&self) -> u64 {
        self.spec.epoch_of(self.slot)
    }

    /// The newest final epoch.
    pub(super) fn finalized_epoch(&self) -> u64 {
        self.epoch().saturating_sub(2)
    }

    /// A root that stands for the block of a slot: there are no real blocks.
    pub(super) fn block_root(&self, slot: u64) -> Root {
        self.derived(b"block", slot)
    }

    /// The same for a state.
    pub(super) fn state_root(&self, slot: u64) -> Root {
        self.derived(b"state", slot)
    }

    fn derived(&self, what: &[u8], slot: u64) -> Root {
        let digest = Sha256::new()
            .chain_update(self.genesis_validators_root.0)
            .chain_update(self.genesis_time.to_le_bytes())
            .chain_update(what)
            .chain_update(slot.to_le_bytes());
        Root(digest.finalize().into())
    }

    pub(super) fn index_of(&self, key: &BlsPublicKey) -> Option<usize> {
        self.index_of.get(key).copied()
    }

    /// Applies a deposit. A new validator must have signed it, else the money is gone and nobody appears; whatever comes
    /// later for the same key is added to its balance, signed or not.
    pub(super) fn deposit(&mut self, deposit: &Deposit) {
        if let Some(index) = self.index_of(&deposit.public_key) {
            self.validators[index].balance += deposit.amount;
            return;
        }
        let root = deposit_signing_root(
            &deposit.public_key,
            &deposit.withdrawal_credentials,
            deposit.amount,
            self.spec.genesis_fork_version,
        );
        if !verify(&deposit.public_key, &root.0, &deposit.signature) {
            tracing::warn!(
                target: "devnet::beacon", key = %deposit.public_key,
                "a deposit with a wrong signature: its ether is lost"
            );
            return;
        }
        self.index_of.insert(deposit.public_key, self.validators.len());
        self.validators.push(Validator::new(
            deposit.public_key,
            deposit.withdrawal_credentials,
            deposit.amount,
        ));
    }

    /// Whether an exit could be in the next block.
    pub(super) fn check_exit(&self, exit: &SignedExit) -> Result<(), ExitProblem> {
        let message = &exit.message;
        let epoch = self.epoch();
        let index = message.validator_index;
        let validator = usize::try_from(index)
            .ok()
            .and_then(|index| self.validators.get(index))
            .ok_or(ExitProblem::UnknownValidator { index })?;
        if validator.exit_epoch != FAR_FUTURE_EPOCH {
            return Err(ExitProblem::AlreadyExiting {
                index,
                exit_epoch: validator.exit_epoch,
            });
        }
        if !validator.is_active(epoch) {
            return Err(ExitProblem::NotActive { index });
        }
        if epoch < message.epoch {
            return Err(ExitProblem::FutureEpoch {
                epoch,
                exit_epoch: message.epoch,
            });
        }
        let earliest = validator.activation_epoch + self.spec.shard_committee_period;
        if epoch < earliest {
            return Err(ExitProblem::TooYoung {
                index,
                epoch,
                activation: validator.activation_epoch,
                earliest,
            });
        }
        let root = voluntary_exit_signing_root(
            message.epoch,
            index,
            self.spec.capella_fork_version,
            &self.genesis_validators_root,
        );
        if !verify(&validator.public_key, &root.0, &exit.signature) {
            return Err(ExitProblem::BadSignature { index });
        }
        Ok(())
    }

    /// `initiate_validator_exit`, with phase 0's queue by number of validators.
    pub(super) fn initiate_exit(&mut self, index: usize) {
        let earliest = self.epoch() + 1 + self.spec.max_seed_lookahead;
        let queued = self
            .validators
            .iter()
            .map(|validator| validator.exit_epoch)
            .filter(|epoch| *epoch != FAR_FUTURE_EPOCH);
        let mut exit_epoch = queued.clone().max().map_or(earliest, |last| last.max(earliest));
        let leaving = queued.filter(|epoch| *epoch == exit_epoch).count();
        if u64::try_from(leaving).unwrap_or(u64::MAX) >= self.spec.churn_limit {
            exit_epoch += 1;
        }
        let delay = self.spec.min_validator_withdrawability_delay;
        let validator = &mut self.validators[index];
        if validator.exit_epoch == FAR_FUTURE_EPOCH {
            validator.exit_epoch = exit_epoch;
            validator.withdrawable_epoch = exit_epoch + delay;
        }
    }

    /// Slashes a validator: it leaves, with the mark.
    pub(super) fn slash(&mut self, index: usize) {
        self.initiate_exit(index);
        self.validators[index].slashed = true;
    }

    /// Goes on to the next slot: the end of an epoch, then a block.
    pub(super) fn next_slot(&mut self) -> SlotOutcome {
        let mut outcome = SlotOutcome::default();
        let last_of_epoch = (self.slot + 1).is_multiple_of(self.spec.slots_per_epoch);
        if last_of_epoch {
            self.end_epoch();
        }
        let finalized = self.finalized_epoch();
        self.slot += 1;
        outcome.events.push(Event::Head {
            slot: self.slot,
            epoch_transition: last_of_epoch,
        });
        if self.finalized_epoch() != finalized {
            outcome.events.push(Event::FinalizedCheckpoint {
                epoch: self.finalized_epoch(),
            });
        }
        self.include_exits(&mut outcome);
        // once an epoch, at its end, so that "withdrawable" can be seen before "withdrawn"
        if (self.slot + 1).is_multiple_of(self.spec.slots_per_epoch) {
            self.withdraw(&mut outcome);
        }
        outcome
    }

    /// `process_registry_updates` at the end of the present epoch.
    fn end_epoch(&mut self) {
        let epoch = self.epoch();
        let finalized = self.finalized_epoch();
        for validator in &mut self.validators {
            validator.effective_balance = effective(validator.balance);
            if validator.activation_eligibility_epoch == FAR_FUTURE_EPOCH
                && validator.effective_balance == MAX_EFFECTIVE_BALANCE
            {
                validator.activation_eligibility_epoch = epoch + 1;
            }
        }
        let mut queue: Vec<(u64, usize)> = self
            .validators
            .iter()
            .enumerate()
            .filter(|(_, validator)| {
                validator.activation_epoch == FAR_FUTURE_EPOCH
                    && validator.activation_eligibility_epoch <= finalized
            })
            .map(|(index, validator)| (validator.activation_eligibility_epoch, index))
            .collect();
        queue.sort_unstable();
        let churn = usize::try_from(self.spec.churn_limit).unwrap_or(usize::MAX);
        for (_, index) in queue.into_iter().take(churn) {
            self.validators[index].activation_epoch = epoch + 1 + self.spec.max_seed_lookahead;
        }
    }

    /// Takes exits from the pool into a block; those that are void by now are dropped.
    fn include_exits(&mut self, outcome: &mut SlotOutcome) {
        if self.hold_exits {
            return;
        }
        let waiting: Vec<SignedExit> = self.pool.values().copied().collect();
        let mut included = Vec::new();
        for exit in waiting {
            if included.len() == MAX_VOLUNTARY_EXITS {
                break;
            }
            self.pool.remove(&exit.message.validator_index);
            if self.check_exit(&exit).is_ok()
                && let Ok(index) = usize::try_from(exit.message.validator_index)
            {
                self.initiate_exit(index);
                included.push(exit);
            }
        }
        outcome
            .events
            .extend(included.iter().copied().map(Event::VoluntaryExit));
        if !included.is_empty() {
            self.included.insert(self.slot, included);
        }
        self.included = self
            .included
            .split_off(&self.slot.saturating_sub(REMEMBERED_BLOCKS));
    }

    fn withdraw(&mut self, outcome: &mut SlotOutcome) {
        let epoch = self.epoch();
        for validator in &mut self.validators {
            if epoch >= validator.withdrawable_epoch
                && validator.balance > 0
                && let Some(address) = validator.withdrawal_address()
            {
                outcome.withdrawals.push(Withdrawal {
                    address,
                    amount: std::mem::take(&mut validator.balance),
                });
            }
        }
    }
}
