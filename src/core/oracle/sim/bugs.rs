//! Defects that a test plants, to see that the simulated world finds each. `planted!` in the core asks here in tests and
//! is `false` in every other build.

use std::cell::Cell;

use crate::types::DepositOrder;

/// A defect, where the core or the simulated shell has it when it is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::oracle) enum Bug {
    /// The chain's word on a transaction changes the state, and is not journaled.
    SkippedRecord,
    /// The next nonce does not pass over those of other intents.
    NonceTwice,
    /// What no node has is signed anew instead of being sent again as it was journaled.
    SignedAnew,
    /// A reorganisation takes the request away, and its approval stays.
    ApprovalSurvives,
    /// After a restart a ceremony is started again instead of being looked for.
    StartedAgain,
    /// A log alone closes a case, before it is final.
    ClosedByLog,
    /// A check that is unknown counts as passed.
    UnknownPasses,
    /// A deposit is prepared with a key that was condemned.
    CondemnedKey,
    /// The shell performs effects before their records are durable.
    EffectFirst,
    /// An approval is good for ever.
    NeverExpires,
    /// What a person signed until a time counts after it.
    SignatureNeverExpires,
    /// A pause does not hold what waits to be sent again.
    PausedSends,
    /// Ceremonies of one key run side by side.
    SharesAtOnce,
    /// A rule's largest fee does not count.
    FeeIgnored,
    /// A ceremony whose outcome is unknown counts as failed.
    OutcomeGuessed,
    /// What leaves is not compared with what was approved.
    DigestIgnored,
    /// What one endpoint says at the last checks, and others deny, ends an approval.
    OneVoiceVoids,
    /// Nobody notices who else uses the account.
    StrangerUnnoticed,
    /// What one endpoint says of the account, and others deny, accuses a stranger.
    OneVoiceAccuses,
    /// A second decision on the same action is taken.
    DecidedTwice,
    /// The key of a ceremony that was given up is not condemned when it turns up.
    LateKeyAccepted,
    /// Whose task died is waited for all the same.
    DeathUnnoticed,
    /// A case that is halted cannot be taken up again.
    NoWayOut,
    /// A beacon node's hint is not followed.
    HintIgnored,
    /// A log is believed against the contract's state.
    StateIgnored,
    /// A case that was closed on a lie stays closed when the contract lists its pool again.
    StaysClosed,
    /// A case is given up over what may still take effect.
    GivenUpInFlight,
    /// The key of a case that was given up, or that another committee makes anew, is not condemned.
    OldKeyGood,
    /// The position in the chain is journaled before the events up to it.
    PositionFirst,
    /// More ceremonies run side by side than there are places.
    PlacesIgnored,
    /// An account with a past is used before a person has adopted it.
    PastIgnored,
    /// Deposits that name their pools do not wait for each other's registration nonce.
    RegistrationTwice,
    /// What has faded is as good as new to a rule.
    StalePasses,
    /// A clock that is set forward frees the limits of a day.
    ClockFrees,
    /// One person counts as two.
    OneIsTwo,
    /// A reshare is prepared anew while its transaction may still be in a block.
    PreparedAnew,
    /// A closed case leaves memory while something of it is under way.
    RetiredInFlight,
    /// An approval takes effect before its undo window is over.
    UndoIgnored,
    /// A pause does not begin an undo window anew.
    WindowGoesOn,
    /// What left memory is not held against the chain: its case counts as the end of everything.
    RetiredForgotten,
    /// A rule chooses another committee as often as it likes.
    CommitteesUnbounded,
    /// An approval that was enough when it was given is enough for ever.
    OldPolicyGood,
    /// An attempt that left memory is not counted any more.
    SumForgotten,
    /// What a case rests on leaves memory with everything else that is over.
    PastForgotten,
    /// A case whose time has come is not looked at.
    DueForgotten,
    /// A case whose effect has answered is not looked at.
    AnswerForgotten,
    /// A case is not looked at when another one of its pool goes on.
    PoolForgotten,
    /// A new head, and what people ask for, have only those cases looked at of which it is recorded.
    WorldForgotten,
    /// What is recorded has no case of another pool looked at, as where deposits wait for a nonce.
    OthersForgotten,
    /// A ceremony that waits for a place is forgotten when its case is not looked at.
    PlaceForgotten,
    /// An approval that waited for stale checks counts although one of them is worse than it was shown.
    WorseCounts,
    /// A dearer version is signed though the account cannot pay for it.
    PoorReplaces,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a defect in whatever this thread does from here on, or takes it out again.
pub(super) fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

pub(in crate::oracle) fn is_planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Each defect, and how many seeds it may take until one finds it. One that lives at random seldom come to has a life of
/// its own in `found`.
const WITHIN: [(Bug, u64); 49] = [
    (Bug::PoorReplaces, 150),
    (Bug::WorseCounts, 1_000),
    (Bug::DueForgotten, 10),
    (Bug::AnswerForgotten, 10),
    (Bug::PoolForgotten, 150),
    (Bug::WorldForgotten, 10),
    (Bug::OthersForgotten, 50),
    (Bug::PlaceForgotten, 50),
    (Bug::OldPolicyGood, 150),
    (Bug::SumForgotten, 50),
    (Bug::PastForgotten, 150),
    (Bug::SkippedRecord, 10),
    (Bug::NonceTwice, 10),
    (Bug::SignedAnew, 10),
    (Bug::ApprovalSurvives, 50),
    (Bug::StartedAgain, 10),
    (Bug::ClosedByLog, 10),
    (Bug::UnknownPasses, 50),
    (Bug::CondemnedKey, 50),
    (Bug::EffectFirst, 150),
    (Bug::NeverExpires, 10),
    (Bug::SignatureNeverExpires, 1_000),
    (Bug::PausedSends, 1_000),
    (Bug::SharesAtOnce, 50),
    (Bug::FeeIgnored, 150),
    (Bug::OutcomeGuessed, 10),
    (Bug::DigestIgnored, 50),
    (Bug::OneVoiceVoids, 50),
    (Bug::StrangerUnnoticed, 10),
    (Bug::OneVoiceAccuses, 10),
    (Bug::DecidedTwice, 50),
    (Bug::LateKeyAccepted, 150),
    (Bug::DeathUnnoticed, 10),
    (Bug::NoWayOut, 10),
    (Bug::HintIgnored, 50),
    (Bug::StateIgnored, 1_000),
    (Bug::GivenUpInFlight, 50),
    (Bug::OldKeyGood, 50),
    (Bug::PositionFirst, 50),
    (Bug::PlacesIgnored, 50),
    (Bug::PastIgnored, 50),
    (Bug::RegistrationTwice, 50),
    (Bug::StalePasses, 50),
    (Bug::ClockFrees, 150),
    (Bug::OneIsTwo, 150),
    (Bug::PreparedAnew, 50),
    (Bug::RetiredForgotten, 50),
    (Bug::UndoIgnored, 10),
    (Bug::CommitteesUnbounded, 1_000),
];

#[allow(clippy::disallowed_macros, reason = "tells which seed finds what")]
#[test]
fn every_planted_defect_is_found() {
    let missed = WITHIN.into_iter().filter(|&(bug, within)| {
        let order = match bug {
            Bug::RegistrationTwice | Bug::OthersForgotten => DepositOrder::ById,
            _ => DepositOrder::HeadOfQueue,
        };
        let found = super::lives::first_failure(bug, order, within);
        println!("{bug:?}: found by seed {found:?}, within {within}");
        found.is_none()
    });
    let missed: Vec<_> = missed.collect();
    assert!(missed.is_empty(), "not found within so many seeds: {missed:?}");
}
