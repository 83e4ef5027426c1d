//! Exits: a validator is told to leave, and followed until its balance is withdrawn.

use super::CaseRules;
use crate::oracle::state::{Seen, Shares};
use crate::oracle::{ActionKind, Settings, Stage, ValidatorPhase};
use crate::types::{CaseId, PoolId, Root};

pub(super) struct Exit;

impl CaseRules for Exit {
    fn ceremony(&self) -> ActionKind {
        ActionKind::SignExit
    }

    fn effect(&self) -> ActionKind {
        ActionKind::BroadcastExit
    }

    fn shares(&self) -> Shares {
        Shares::Uses
    }

    fn outcome(&self, _: &Settings, phase: Option<ValidatorPhase>) -> Option<&'static str> {
        (phase == Some(ValidatorPhase::Withdrawn))
            .then_some("the validator has left and its balance is withdrawn")
    }

    fn stages(&self) -> &'static [Stage] {
        use Stage::{Exited, Exiting, Withdrawable, Withdrawn};
        &[Exiting, Exited, Withdrawable, Withdrawn]
    }

    /// An exit that is in a block is done, whoever delivered it.
    fn is_on_beacon(&self, phase: ValidatorPhase) -> Option<bool> {
        Some(phase >= ValidatorPhase::Exiting)
    }

    /// Whether an exit was signed belongs into its file.
    fn leaves_its_ceremony(&self) -> bool {
        false
    }

    /// A pool whose exit is reported leaves the list.
    fn denies_end(&self, seen: Seen<'_>, pool: PoolId) -> bool {
        seen.facts.staked.contains(&pool)
    }

    fn served(&self) -> &'static str {
        "the contract reported that its validator has left"
    }

    fn served_by(&self, pool: PoolId, transaction: Root, _: Option<CaseId>) -> String {
        format!(
            "the contract reports that the validator of pool {pool} has left, in transaction {transaction}"
        )
    }

    fn not_served_by(&self, pool: PoolId, transaction: Root) -> String {
        format!(
            "transaction {transaction} did not report the exit of pool {pool}: it left the chain, or the contract's \
             state says otherwise"
        )
    }
}
