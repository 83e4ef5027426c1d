//! What a record is about.

use super::Record;
use crate::oracle::state::Durable;
use crate::types::{ActionId, CaseId, RequestId};

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::oracle) enum Subject {
    Case(CaseId),
    Action(ActionId),
    Ceremony(RequestId),
    Everything,
}

impl Record {
    /// What it is about. Every kind of record says so here, and is taken into account where its subject is.
    pub(in crate::oracle) fn subject(&self) -> Subject {
        match self {
            Self::CaseOpened { case, .. }
            | Self::CauseLost { case }
            | Self::CauseFound { case, .. }
            | Self::CommitteeChosen { case, .. }
            | Self::ValidatorPhaseSeen { case, .. }
            | Self::ValidatorForecast { case, .. }
            | Self::CaseHalted { case, .. }
            | Self::CaseRetried { case, .. }
            | Self::CaseGivenUp { case, .. }
            | Self::KeyRedone { case, .. }
            | Self::CaseClosed { case, .. }
            | Self::PoolServed { case, .. }
            | Self::PoolNotServed { case, .. } => Subject::Case(*case),
            Self::ActionProposed { action, .. }
            | Self::ActionChanged { action, .. }
            | Self::Decided { action, .. }
            | Self::Endorsed { action, .. }
            | Self::EndorsementsLost { action, .. }
            | Self::ActionVoided { action, .. }
            | Self::TransactionSigned { action, .. }
            | Self::TransactionAccepted { action, .. }
            | Self::TransactionStatus { action, .. }
            | Self::ExitPublished { action, .. }
            | Self::ExitDeferred { action, .. } => Subject::Action(*action),
            Self::CeremonyStarted { request, .. }
            | Self::CeremonyVerified { request, .. }
            | Self::CeremonyFailed { request, .. }
            | Self::CeremonyUnknown { request, .. }
            | Self::CeremonyDeclaredLost { request, .. } => Subject::Ceremony(*request),
            Self::Paused { case, .. } | Self::Resumed { case, .. } | Self::Note { case, .. } => {
                case.map_or(Subject::Everything, Subject::Case)
            }
            Self::EngineStarted { .. }
            | Self::JournalKeyed { .. }
            | Self::JournalUpgraded { .. }
            | Self::EventsRead { .. }
            | Self::ClockMoved { .. }
            | Self::ModeSwitched { .. }
            | Self::PeopleDemanded(_)
            | Self::KeyCondemned { .. }
            | Self::AccountSeen { .. }
            | Self::AccountStrange { .. }
            | Self::AccountAccepted { .. }
            | Self::AccountAdopted { .. } => Subject::Everything,
        }
    }

    /// Whether no case of another pool can rest on what it changes.
    pub(in crate::oracle) fn concerns_its_pool_alone(&self) -> bool {
        match self {
            Self::ActionProposed { .. }
            | Self::ActionChanged { .. }
            | Self::Endorsed { .. }
            | Self::EndorsementsLost { .. }
            | Self::CeremonyStarted { .. }
            | Self::CeremonyUnknown { .. }
            | Self::TransactionAccepted { .. }
            | Self::ExitPublished { .. }
            | Self::ExitDeferred { .. }
            | Self::ValidatorForecast { .. } => true,
            Self::Note { case, .. } => case.is_some(),
            _ => false,
        }
    }

    /// The case that it is about; none for what concerns everything.
    pub(in crate::oracle) fn case(&self, known: &Durable) -> Option<CaseId> {
        match self.subject() {
            Subject::Case(case) => Some(case),
            Subject::Action(action) => Some(action.case),
            Subject::Ceremony(request) => match self {
                Self::CeremonyStarted { case, .. } => Some(*case),
                _ => known.ceremonies.get(&request).map(|c| c.case),
            },
            Subject::Everything => None,
        }
    }
}
