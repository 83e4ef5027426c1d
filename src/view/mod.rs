//! What crosses to front ends, and what they ask: owned types that can be written and read back, so that a front end may
//! sit in another process. The engine publishes a new [`Snapshot`] when something changed; a front end sees the newest
//! and may skip any number, or follow by [`Change`]s. Open things are there whole, what is over by [`Page`].
//!
//! Words for people, and what can be done and why not, come with the views: no front end repeats a rule of the engine.
//! Times are points in time; ages are the reader's work. Nothing here knows the decision core: the engine translates.

mod action;
mod can;
mod case;
mod ceremony;
mod change;
mod checks;
#[cfg(test)]
pub(crate) mod fixture;
mod message;
mod page;
mod people;
mod request;
mod snapshot;
#[cfg(test)]
mod tests;
mod times;
mod transaction;
mod trends;
mod validator;
mod wait;
mod way;
mod world;

pub use action::{
    ActionState, ActionView, AnewView, ApprovalWarning, ByRules, CallArgument, CallView, CeremonyPayload,
    CommitteeSize, CommitteeView, Decider, Decision, ExitPayload, Fact, FactKind, Family, Payload,
    RefreshingView, Risk, TransactionPayload, UndoView, Verdict, WorseView,
};
pub use can::Can;
pub use case::{CaseStatus, CaseView, Cause, HistoryEntry};
pub use ceremony::{CeremonyEnd, CeremonyView};
pub use change::{Change, RowChange};
pub use checks::{CheckMark, FadedView};
pub use message::{FromSeat, Hello, OtherVersion, Seated, ToSeat};
pub use page::{ListKind, Listed, Listing, NEWEST_CLOSED, Older, Page, PastMoment, Query, RowId, Rows};
pub use people::PeopleView;
pub use request::{Accepted, Particulars, Refused, Reply, Request, Scope, Transition};
pub use snapshot::Snapshot;
pub use times::{Actual, Milestone, Moment, Stage};
pub use transaction::{TransactionState, TransactionView};
pub use trends::{EndpointTrend, Samples, Trends};
pub use validator::{ExitView, NodeVerdict, ValidatorView};
pub use wait::{Stops, Wait, WaitReason};
pub use way::{Way, WayOn};
pub use world::{
    ChainView, EndpointKind, EndpointView, Health, HistoryView, JournalView, LinkState, Mode, NetworkView,
    OperatorView, PauseView, ReadyPoolView, SignerView, SwitchView,
};

/// The version of these views; the first message of either side says it. It grows with every change that a reader of the
/// version before would not understand. Version 2 says what waits and why, and what transitions are about; version 3 what is held
/// for want of an endpoint, what is refreshed before an approval counts, modes that are switched, and decisions of two people;
/// version 4 what is measured again and again, and what was at a past moment; version 5 what rests on one voice, and since
/// when an action stands as it does; version 6 whose approval waits for stale checks; version 7 what holds such an approval up;
/// version 8 whose approvals ended, each person's; version 9 which of several people's approvals wait, and what each lets pass.
pub const VERSION: u32 = 9;
