//! Which kind of notice tells a reason to wait. Every reason has one: what goes on by itself is told when it takes longer
//! than is usual.

use crate::ports::notifier::NoticeKind;
use crate::view::WaitReason as Reason;

pub(super) fn of(reason: Reason) -> NoticeKind {
    match reason {
        Reason::Decision | Reason::SecondPerson | Reason::Policy | Reason::CheckFailed => {
            NoticeKind::ApprovalWaiting
        }
        Reason::ExitDecision | Reason::Epoch => NoticeKind::ExitDue,
        Reason::Paused
        | Reason::CasePaused
        | Reason::HeldByPause
        | Reason::Observing
        | Reason::Observed
        | Reason::ModeSwitched => NoticeKind::Paused,
        Reason::Attention
        | Reason::GivenUp
        | Reason::AttemptFailed
        | Reason::CeremonyUnknown
        | Reason::TransactionUnknown
        | Reason::Reverted
        | Reason::ExitRefused
        | Reason::PartDied
        | Reason::Fatal => NoticeKind::ActionFailed,
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
        | Reason::RulesSuspended
        | Reason::FromBlockUnset
        | Reason::Alarm => NoticeKind::Stuck,
        Reason::ForeignTransaction | Reason::NonceUsed => NoticeKind::ForeignTransaction,
        Reason::NotAuthorised | Reason::AccountUnadopted => NoticeKind::ForeignTransaction,
        Reason::JournalUnwritable
        | Reason::JournalVerifying
        | Reason::JournalAhead
        | Reason::TranscriptUnwritten => NoticeKind::JournalTrouble,
        Reason::ContractUnread
        | Reason::OperatorsUnread
        | Reason::ChainStale
        | Reason::ChainDown
        | Reason::EventsUntold
        | Reason::FactsUnread
        | Reason::LogsDoubted
        | Reason::HeadDoubted
        | Reason::ClockDiffers
        | Reason::ReceiptDoubted
        | Reason::EndpointDown
        | Reason::ExecutionAway
        | Reason::ExecutionSyncing
        | Reason::RelayAway
        | Reason::NoEndpoint
        | Reason::SignerAway
        | Reason::BeaconAway => NoticeKind::EndpointDown,
        Reason::OperatorDown | Reason::OperatorNotKnown | Reason::OperatorsShort => NoticeKind::OperatorDown,
        Reason::BalanceLow | Reason::BalanceOut => NoticeKind::BalanceLow,
    }
}
