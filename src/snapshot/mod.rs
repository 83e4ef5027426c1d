//! What crosses to the front ends: owned, sorted, ids everywhere. The engine publishes a new [`Snapshot`] when something
//! changed; a front end sees the newest and may skip any number. Times are points in time: ages are the reader's work.

mod view;
mod world;

pub use view::{
    CaseView, CeremonyEnd, CeremonyView, ExitView, JournalView, NodeVerdict, OperatorView, PauseView,
    TransactionState, TransactionView, ValidatorView,
};
pub use world::{ChainView, EndpointKind, EndpointView, Health, LinkState, NetworkView, SignerView};

use crate::oracle::{Action, Mode};
use crate::types::{SafeText, UnixMillis};

/// The engine's state at one moment.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Snapshot {
    /// Grows with every change.
    pub revision: u64,
    /// When it was taken.
    pub at: UnixMillis,
    /// Program version.
    pub version: &'static str,
    /// The network.
    pub network: NetworkView,
    /// Who decides.
    pub mode: Mode,
    /// Everything is paused.
    pub paused: Option<PauseView>,
    /// The execution chain.
    pub chain: ChainView,
    /// The oracle account.
    pub signer: SignerView,
    /// RPC nodes, messenger, beacon nodes.
    pub endpoints: Vec<EndpointView>,
    /// Operators by id.
    pub operators: Vec<OperatorView>,
    /// Requests of the contract, newest first: the pane of pool events.
    pub cases: Vec<CaseView>,
    /// Ceremonies, running ones first, then newest first.
    pub ceremonies: Vec<CeremonyView>,
    /// Every action: those that wait for a decision first (deposits in the contract's queue order), then newest first.
    pub actions: Vec<Action>,
    /// Transactions, newest first.
    pub transactions: Vec<TransactionView>,
    /// Exits, newest first.
    pub exits: Vec<ExitView>,
    /// Validators of all pools, by pool.
    pub validators: Vec<ValidatorView>,
    /// The journal.
    pub journal: JournalView,
    /// Conditions that a person should know of, worst first. Empty when all is well.
    pub alarms: Vec<SafeText>,
}

impl Snapshot {
    /// Actions that wait for a decision.
    pub fn waiting(&self) -> impl Iterator<Item = &Action> {
        self.actions
            .iter()
            .filter(|a| a.state == crate::oracle::ActionState::Proposed)
    }

    /// Whether leaving now would interrupt something: ceremonies that run, effects under way, and what was approved and
    /// has not left.
    #[must_use]
    pub fn work_in_flight(&self) -> Vec<SafeText> {
        use crate::oracle::{ActionState, Payload};
        let ceremonies = self.ceremonies.iter().filter(|c| c.ended.is_none()).map(|c| {
            let unknown = if c.doubt.is_some() {
                ": its outcome is looked for"
            } else {
                ""
            };
            SafeText::new(&format!(
                "{} for {} with {} operators{unknown}",
                c.kind,
                c.case,
                c.operators.len()
            ))
        });
        let approved = self
            .actions
            .iter()
            .filter(|a| a.state == ActionState::Approved)
            .map(|a| {
                let kind = a.proposal.kind;
                SafeText::new(&format!("{kind} of {} is approved and waits to leave", a.id.case))
            });
        let exits = self.actions.iter().filter_map(|a| match &a.proposal.payload {
            // offered again until it is in a block
            Payload::Exit(exit)
                if !a.state.is_over() && a.was_approved() && a.state != ActionState::Approved =>
            {
                Some(SafeText::new(&format!(
                    "the exit of validator {} ({}) is published and not seen in a block",
                    exit.validator_index, a.id.case
                )))
            }
            _ => None,
        });
        let transactions = self
            .transactions
            .iter()
            .filter(|t| !t.state.is_over())
            .map(|t| SafeText::new(&format!("{} of {} is {}", t.function, t.action.case, t.state)));
        ceremonies
            .chain(approved)
            .chain(transactions)
            .chain(exits)
            .collect()
    }
}
