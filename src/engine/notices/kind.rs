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
        | Reason::ClockDiffers | Reason::ReceiptDoubted | Reason::EndpointDown | Reason::ExecutionAway
        | Reason::ExecutionSyncing | Reason::RelayAway | Reason::NoEndpoint | Reason::SignerAway
        | Reason::BeaconAway => Kind::EndpointDown,
        Reason::OperatorDown | Reason::OperatorNotKnown | Reason::OperatorsShort => Kind::OperatorDown,
        Reason::BalanceLow | Reason::BalanceOut => Kind::BalanceLow,
    }
}
