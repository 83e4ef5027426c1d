//! The decision core: a pure function from state and input to records and effects.
//!
//! Nothing here does I/O, reads a clock or draws a random number: time and entropy come in with each input. The words
//! are those of the whole program: a [`Case`] is the life of one request, an [`Action`] is one effect that leaves this
//! machine and matters, a [`Decision`] moves an action on.

/// Whether a test has planted this defect, to see that the simulated world finds it; never so in any other build.
macro_rules! planted {
    ($bug:ident) => {{
        #[cfg(test)]
        let planted = crate::oracle::sim::is_planted(crate::oracle::sim::Bug::$bug);
        #[cfg(not(test))]
        let planted = false;
        planted
    }};
}

mod account;
mod action;
mod actions;
mod advance;
mod case;
mod cases;
mod checks;
mod decision;
#[cfg(test)]
mod doubt;
mod effect;
mod exit;
#[cfg(test)]
mod fixture;
mod input;
mod milestone;
mod payload;
mod policy;
mod record;
#[cfg(test)]
mod sim;
mod state;
mod status;
mod step;
mod turn;
mod wish;

pub use account::AccountFacts;
pub use action::{Action, ActionState, Fact, FactKind, Proposal};
pub use actions::{
    ActionKind, BroadcastExitDraft, Draft, Family, KeygenDraft, ReshareDraft, Risk, SendDepositDraft,
    SendReshareDraft, SignExitDraft,
};
pub use advance::{REFUSALS, current_ceremony, doubtful_ceremony};
pub use case::{CaseStatus, Cause, HistoryEntry, ValidatorPhase};
pub use checks::{CHECKS, CheckName, NEW_SIGNING_ROOT, check_named};
pub use decision::{Decider, Decision, Mode, Verdict};
pub use effect::{Effect, KnownKey, Published, Registration, Wanted};
pub use exit::{BadExit, Deferral, ExitAnswer, ExitOffers, ExitStanding, ExitVerdict};
pub use input::{CeremonySuccess, ChainFacts, Fulfilment, Input, Prepared, Purpose, Stamped, Wish};
pub use milestone::{Actual, Basis, Forecast, Milestone, Moment, Sighting, Stage, milestones};
pub use payload::{CallArgument, CallView, CeremonyPayload, ExitPayload, Payload, TransactionPayload};
pub use policy::{Policy, Rule, RuleUse};
pub use record::{CeremonyRole, Record};
pub use state::{Case, Ceremony, Doubt, Durable, Resume, Sending, Served, Settings, State, Step, Track};
pub use status::{action_state, case_status, place_in_line, unknown_outcome};
pub use step::{WishReply, step};
pub use turn::Output;
pub use wish::Refusal;
