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
mod command;
mod decision;
#[cfg(test)]
mod doubt;
mod effect;
mod exit;
mod fading;
#[cfg(test)]
mod fixture;
mod input;
mod invariants;
mod milestone;
mod mode;
mod payload;
mod people;
mod policy;
mod record;
#[cfg(test)]
mod sim;
mod state;
mod status;
mod step;
mod turn;
mod undo;
mod ways;

pub use account::{AccountFacts, Unadopted, Unexplained};
pub use action::{Action, ActionState, Anew, Fact, FactKind, Proposal};
pub use actions::wanted;
pub use actions::{
    ActionKind, BroadcastExitDraft, Draft, Family, KeygenDraft, ReshareDraft, Risk, SendDepositDraft,
    SendReshareDraft, SignExitDraft,
};
pub use advance::{FOR_A_PERSON, LOOKED_AT_AGAIN, REFUSALS, current_ceremony, doubtful_ceremony, rule_for};
pub use case::{CaseStatus, Cause, HistoryEntry, ValidatorPhase};
pub use checks::{
    BEACON_AGREE, CHECKS, CheckName, ENDPOINTS_AGREE, NEW_SIGNING_ROOT, RULES_AGREE, Rests, SSV_OPERATORS,
};
pub use checks::{check_named, unknown_to_one_voice};
pub use command::Refusal;
pub use command::{OBSERVES, may_reshare};
pub use decision::{Asker, Decider, Decision, Mode, Verdict};
pub use effect::{CommitteeRequirements, Effect, KnownKey, Published, Registration};
pub use exit::{BadExit, Deferral, ExitAnswer, ExitOffers, ExitStanding, ExitVerdict};
pub use fading::{Faded, HELD, REFRESHING_FOR_MS, Reach, Refreshing, STALE_AFTER};
pub use input::{
    CeremonySuccess, ChainFacts, Command, Fulfilment, Input, Listed, NotSigned, Prepared, Purpose, Stamped,
};
pub use invariants::violated;
pub use milestone::milestones;
pub use milestone::{Actual, Basis, Forecast, Milestone, Moment, Sighting, Stage};
pub use mode::Switched;
pub use payload::{CallArgument, CallView, CeremonyPayload, ExitPayload, Payload, TransactionPayload};
pub use people::{Demand, PeopleRules, Person, TwoPersons};
pub use policy::{Policy, Rule, RuleUse};
pub use record::KINDS;
pub use record::{CeremonyRole, Record, Serves, Speaks};
pub use state::OVER_KEPT;
pub use state::{
    Backend, CLOSED_KEPT, Case, Ceremony, Doubt, Durable, FailedFor, HISTORY_FIRST, OVERTAKEN_AT_MOST,
    Overtaken, Resume, Retired, Sending, Served, Settings, State, Step, Track,
};
pub use status::unknown_outcome;
pub use status::{action_state, case_status, place_in_line};
pub use step::{CommandReply, step};
pub use turn::Output;
pub use undo::UndoWindows;
pub use undo::{can_take_back, undo_until};
pub use ways::held_out_of_memory;
pub use ways::{
    REFUSED_AT_MOST, REFUSED_FOR, Way, WayOn, Ways, can_give_up, can_redo_key, can_request_exit, can_retry,
    is_held, is_listed_again, queue_behind, ways,
};
