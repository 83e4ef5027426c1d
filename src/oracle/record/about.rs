//! Which case a record is about.

use super::Record;
use crate::oracle::State;
use crate::types::CaseId;

impl Record {
    /// The case that it is about; none for what concerns everything.
    pub(in crate::oracle) fn case(&self, state: &State) -> Option<CaseId> {
        match self {
            Self::CaseOpened { case, .. }
            | Self::CauseLost { case }
            | Self::CauseFound { case, .. }
            | Self::CommitteeChosen { case, .. }
            | Self::ValidatorPhaseSeen { case, .. }
            | Self::ValidatorForecast { case, .. }
            | Self::CaseHalted { case, .. }
            | Self::CaseRetried { case, .. }
            | Self::CaseClosed { case, .. }
            | Self::PoolServed { case, .. }
            | Self::PoolNotServed { case, .. }
            | Self::CeremonyStarted { case, .. } => Some(*case),
            Self::ActionProposed { action, .. }
            | Self::ActionChanged { action, .. }
            | Self::Decided { action, .. }
            | Self::ActionVoided { action, .. }
            | Self::TransactionSigned { action, .. }
            | Self::TransactionAccepted { action, .. }
            | Self::TransactionStatus { action, .. }
            | Self::ExitPublished { action, .. }
            | Self::ExitDeferred { action, .. } => Some(action.case),
            Self::CeremonyVerified { request, .. }
            | Self::CeremonyFailed { request, .. }
            | Self::CeremonyUnknown { request, .. }
            | Self::CeremonyDeclaredLost { request, .. } => state.ceremonies.get(request).map(|c| c.case),
            Self::Paused { case, .. } | Self::Resumed { case, .. } | Self::Note { case, .. } => *case,
            Self::EngineStarted { .. }
            | Self::KeyCondemned { .. }
            | Self::AccountSeen { .. }
            | Self::AccountStrange { .. }
            | Self::AccountAccepted { .. } => None,
        }
    }
}
