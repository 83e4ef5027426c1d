//! Which kind of notice tells a reason to wait. Every reason has one: what goes on by itself is told when it takes longer
//! than is usual.

use crate::ports::notifier::NoticeKind as Kind;
use crate::view::WaitReason as Reason;

#[rustfmt::skip]
pub(super) fn of(reason: Reason) -> Kind {
    match reason {
        Reason::Decision | Reason::SecondPerson | Reason::Policy | Reason::CheckFailed => Kind::ApprovalWaiting,
        Reason::ExitDecision | Reason::Epoch => Kind::ExitDue,
        Reason::Paused
        | Reason::CasePaused
        | Reason::HeldByPause
        | Reason::Observing
        | Reason::Observed
        | Reason::ModeSwitched => Kind::Paused,
        Reason::Attention
        | Reason::GivenUp
        | Reason::ListedAgain
        | Reason::AttemptFailed
        | Reason::CeremonyUnknown
        | Reason::TransactionUnknown
        | Reason::Reverted
        | Reason::ExitRefused
        | Reason::PartDied
        | Reason::Fatal => Kind::ActionFailed,
        Reason::Orphaned
        | Reason::Gathering
        | Reason::Held
        | Reason::Turn
        | Reason::ServedElsewhere
        | Reason::LastChecks
        | Reason::UndoWindow
        | Reason::Refreshing
        | Reason::Ceremony
        | Reason::Registration
        | Reason::TransactionUnsent
        | Reason::TransactionPending
        | Reason::Finality
        | Reason::ExitUnseen
        | Reason::ExitUndelivered
        | Reason::Following
        | Reason::CatchingUp
        | Reason::ForeignCeremony
        | Reason::SsvUnsuited
        | Reason::VersionLacks
        | Reason::NameTaken
        | Reason::FromBlockUnset | Reason::RulesSuspended
        | Reason::Alarm => Kind::Stuck,
        Reason::ForeignTransaction | Reason::NonceUsed => Kind::ForeignTransaction,
        Reason::NotAuthorised | Reason::AccountUnadopted => Kind::ForeignTransaction,
        Reason::JournalUnwritable
        | Reason::JournalVerifying
        | Reason::JournalAhead
        | Reason::TranscriptUnwritten => Kind::JournalTrouble,
        Reason::ContractUnread | Reason::OperatorsUnread | Reason::ChainStale | Reason::ChainDown
        | Reason::EventsUntold | Reason::FactsUnread | Reason::LogsDoubted | Reason::HeadDoubted
        | Reason::ClockDiffers | Reason::StateDoubted | Reason::OneVoice | Reason::ReceiptDoubted | Reason::EndpointDown | Reason::ExecutionAway
        | Reason::ExecutionSyncing | Reason::RelayAway | Reason::NoEndpoint | Reason::SignerAway
        | Reason::BeaconAway => Kind::EndpointDown,
        Reason::OperatorDown | Reason::OperatorNotKnown | Reason::OperatorsShort => Kind::OperatorDown,
        Reason::BalanceLow | Reason::BalanceOut => Kind::BalanceLow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Severity;

    /// By it the configuration says whom nothing would ever reach.
    #[test]
    fn a_kind_is_as_bad_at_worst_as_the_worst_of_its_reasons() {
        for kind in Kind::ALL {
            let of_it = Reason::ALL.iter().filter(|reason| of(**reason) == kind);
            let worst = of_it.map(|reason| reason.severity()).max();
            match kind {
                // of no reason: a person asks for it
                Kind::Test => assert_eq!(worst, None),
                // of whatever has a time by which it must be over, and at least a warning
                Kind::DeadlineNear => assert_eq!(kind.worst(), Severity::Critical),
                _ => assert_eq!(worst, Some(kind.worst()), "{kind}"),
            }
        }
    }
}
