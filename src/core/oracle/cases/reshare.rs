//! Reshares: a key goes to another committee, and the contract is told.

use super::CaseRules;
use crate::oracle::state::Shares;
use crate::oracle::{ActionKind, Settings, Stage, ValidatorPhase};

pub(super) struct Reshare;

impl CaseRules for Reshare {
    fn ceremony(&self) -> ActionKind {
        ActionKind::Reshare
    }

    fn effect(&self) -> ActionKind {
        ActionKind::SendReshare
    }

    fn shares(&self) -> Shares {
        Shares::Replaces
    }

    fn outcome(&self, _: &Settings, _: Option<ValidatorPhase>) -> Option<&'static str> {
        Some("the contract has the new committee")
    }

    fn stages(&self) -> &'static [Stage] {
        &[]
    }

    fn repeats(&self) -> bool {
        true
    }

    /// What became of its shares must be known before others are made.
    fn leaves_its_ceremony(&self) -> bool {
        false
    }
}
