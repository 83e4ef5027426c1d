//! A task of an effect died: a defect of this program. Nothing is taken for done or not done that was not found out, the
//! case goes on where that is safe, and it is said in its file.

use super::{answers, desk};
use crate::oracle::state::EffectKey;
use crate::oracle::turn::Turn;
use crate::oracle::{Effect, Prepared, Record};
use crate::types::{CaseId, CeremonyFailure, FailureKind, SafeText};

/// A preparation or publication that died is tried again after this time, ms.
const AFTER_DEATH_MS: u64 = 10_000;

impl Effect {
    /// The case that it is done for.
    #[must_use]
    pub fn case(&self) -> CaseId {
        match self {
            Self::Prepare { case, .. }
            | Self::RunCeremony { case, .. }
            | Self::LookUpValidator { case, .. } => *case,
            Self::Sign { action, .. }
            | Self::Send { action, .. }
            | Self::Inspect { action, .. }
            | Self::PublishExit { action, .. } => action.case,
        }
    }

    /// What it is called, in one word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Prepare { .. } => "preparation",
            Self::RunCeremony { .. } => "ceremony",
            Self::Sign { .. } => "signature",
            Self::Send { .. } => "sending",
            Self::Inspect { .. } => "inspection",
            Self::PublishExit { .. } => "publication",
            Self::LookUpValidator { .. } => "look-up",
        }
    }
}

pub(super) fn died(turn: &mut Turn<'_>, effect: Effect, words: &SafeText) {
    if planted!(DeathUnnoticed) {
        return;
    }
    let (case, name) = (effect.case(), effect.name());
    let reason = SafeText::new(&format!(
        "a part of this program died at the {name} for {case}: {words}"
    ));
    // once a process: what dies each time would fill the journal
    if turn.state.volatile.died.insert((case, name)) {
        turn.record(Record::Note {
            case: Some(case),
            text: reason.clone(),
        });
    }
    match effect {
        Effect::Prepare { case, purpose, .. } => {
            let at = turn.at.plus(std::time::Duration::from_millis(AFTER_DEATH_MS));
            desk::prepared(turn, case, purpose, Prepared::Later { reason, at });
        }
        // the operators may have gone on without us
        Effect::RunCeremony { request, .. } => {
            let failure = CeremonyFailure {
                kind: FailureKind::Unknown,
                round: None,
                culprits: Vec::new(),
                reason,
                blames: Vec::new(),
            };
            answers::ceremony_ended(turn, request, Err(failure), None);
        }
        // it had not left
        Effect::Sign { action, .. } => answers::signed(turn, action, Err(reason.into())),
        // it may have left: the inspection finds out
        Effect::Send { action, .. } => answers::sent(turn, action, Err(reason)),
        Effect::Inspect { action, .. } => answers::inspected(turn, action, None),
        // it may have left: the same exit goes out again until the validator is seen to leave
        Effect::PublishExit { action, .. } => {
            turn.answered(EffectKey::Publish(action));
            turn.not_before(EffectKey::Publish(action), AFTER_DEATH_MS);
            turn.not_before(EffectKey::Prepare(action.case), AFTER_DEATH_MS);
            turn.hears(action.case, reason);
        }
        Effect::LookUpValidator { case, .. } => answers::validator_seen(turn, case, None),
    }
}
