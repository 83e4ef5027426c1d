//! The engine's state at one moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ActionState, ActionView, CaseView, CeremonyView, ChainView, EndpointView, ExitView, Family, JournalView,
    Mode, NetworkView, Older, OperatorView, PauseView, Payload, SignerView, SwitchView, TransactionView,
    Trends, ValidatorView, Wait, WaitReason,
};
use crate::types::{ActionId, CaseId, RequestId, RequestKind, SafeText, UnixMillis};

/// The engine's state at one moment. Of what is over, each list has the newest only, at its end; [`Snapshot::older`] says
/// how many there are beyond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Grows with every change.
    pub revision: u64,
    /// When it was taken.
    pub at: UnixMillis,
    pub version: String,
    pub network: NetworkView,
    pub mode: Mode,
    /// Present while it is not the mode that the program was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched: Option<SwitchView>,
    /// Present while everything is paused.
    pub paused: Option<PauseView>,
    /// Since when the engine is stopping, where it is: nothing is begun or taken up any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<UnixMillis>,
    pub chain: ChainView,
    pub signer: SignerView,
    /// RPC nodes, whatever relays between operators, beacon nodes.
    pub endpoints: Vec<EndpointView>,
    /// Operators by id.
    pub operators: Vec<OperatorView>,
    /// Requests of the contract: open ones by the time at which they were opened, then those that are over by the time
    /// at which they ended, newest first. The pane of pool events.
    pub cases: Vec<CaseView>,
    /// Ceremonies: running ones, then those that ended, newest first.
    pub ceremonies: Vec<CeremonyView>,
    /// Actions: those that wait for a decision (deposits in the contract's queue order), then those under way, then those
    /// that are over, newest first.
    pub actions: Vec<ActionView>,
    /// Transactions: those that are followed, then those that are over, newest first.
    pub transactions: Vec<TransactionView>,
    /// Exits: open ones, then those that are over, newest first.
    pub exits: Vec<ExitView>,
    /// Validators of all pools, by pool.
    /// Shared with the snapshot before as long as no row changes: there are as many as the contract has pools.
    pub validators: Arc<Vec<ValidatorView>>,
    /// How many are over and not here.
    pub older: Older,
    pub journal: JournalView,
    /// Conditions that a person should know of, worst first. Empty when all is well.
    pub alarms: Vec<SafeText>,
    /// Everything that waits, and why: what concerns everything first, then cases as they are listed.
    #[serde(default)]
    pub waits: Vec<Wait>,
    /// What is measured again and again, for charts.
    #[serde(default, skip_serializing_if = "Trends::is_empty")]
    pub trends: Trends,
}

impl Snapshot {
    /// Actions that wait for a decision.
    pub fn waiting(&self) -> impl Iterator<Item = &ActionView> {
        self.actions.iter().filter(|a| a.waits())
    }

    /// Those of them that wait for a person: in mode auto a rule may be about to decide, and `waits` says of which none is.
    pub fn for_a_person(&self) -> impl Iterator<Item = &ActionView> {
        let for_people = self.waits.iter().filter(|wait| wait.reason.is_for_a_person());
        let for_people: BTreeSet<ActionId> = for_people.filter_map(|wait| wait.action).collect();
        let rules_decide = self.mode == Mode::Auto;
        self.waiting()
            .filter(move |action| !rules_decide || for_people.contains(&action.id))
    }

    /// Why the engine itself paused everything, and what a person looks at before resuming; empty where a person paused.
    #[must_use]
    pub fn why_paused(&self) -> Vec<String> {
        let Some(pause) = &self.paused else {
            return Vec::new();
        };
        let foreign = |wait: &&Wait| wait.reason == WaitReason::ForeignTransaction;
        let Some((who, why)) = pause.by.as_str().split_once(": ") else {
            return Vec::new();
        };
        let (more, first) = match who {
            "the engine" => {
                let details = self.waits.iter().find(foreign).map(|wait| &wait.details);
                let details = details.into_iter().flatten().map(ToString::to_string);
                (details.collect(), WaitReason::ForeignTransaction.can_do())
            }
            "the start" => (
                Vec::new(),
                "look at the journal: `casimir-dkg journal verify`, then resume",
            ),
            _ => return Vec::new(),
        };
        let head = format!("{who} paused it: {why}");
        let last = format!("First: {first}.");
        [head].into_iter().chain(more).chain([last]).collect()
    }

    /// An action, where it is here.
    #[must_use]
    pub fn action(&self, id: ActionId) -> Option<&ActionView> {
        self.actions.iter().find(|a| a.id == id)
    }

    /// The transaction of an action, where it is here.
    #[must_use]
    pub fn transaction(&self, action: ActionId) -> Option<&TransactionView> {
        self.transactions.iter().find(|t| t.action == action)
    }

    /// A case, where it is here.
    #[must_use]
    pub fn case(&self, id: CaseId) -> Option<&CaseView> {
        self.cases.iter().find(|c| c.id == id)
    }

    /// A ceremony, where it is here.
    #[must_use]
    pub fn ceremony(&self, id: RequestId) -> Option<&CeremonyView> {
        self.ceremonies.iter().find(|c| c.id == id)
    }

    /// What follows from an action and waits: the newest later action of its case.
    #[must_use]
    pub fn successor(&self, id: ActionId) -> Option<&ActionView> {
        let later = |a: &&ActionView| a.id.case == id.case && a.id.number > id.number;
        self.waiting().filter(later).max_by_key(|a| a.id.number)
    }

    /// Cases of a kind of request that came to their end, here and beyond.
    #[must_use]
    pub fn cases_over(&self, kind: RequestKind) -> u64 {
        let here = self.cases.iter().filter(|c| c.kind == kind && c.is_over());
        here.count() as u64 + self.older.cases.get(&kind).copied().unwrap_or_default()
    }

    /// Whether leaving now would interrupt something: ceremonies that run, effects under way, and what was approved and
    /// has not left or does not count yet.
    #[must_use]
    pub fn work_in_flight(&self) -> Vec<SafeText> {
        let forgotten = self.forgotten_by_a_stop();
        self.work_of_a_stop().into_iter().chain(forgotten).collect()
    }

    /// What a stop finishes or picks up again at the next start.
    #[must_use]
    pub fn work_of_a_stop(&self) -> Vec<SafeText> {
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
                SafeText::new(&format!(
                    "{} of {} is approved and waits to leave",
                    a.kind, a.id.case
                ))
            });
        // offered again until it is in a block
        let broadcasts = self.actions.iter().filter(|a| {
            a.family == Family::Broadcast
                && !a.is_over()
                && a.was_approved()
                && a.state != ActionState::Approved
        });
        let broadcasts = broadcasts.map(|a| {
            let validator = match &a.payload {
                Payload::Exit(exit) => format!("validator {}", exit.validator_index),
                _ => format!("the validator of pool {}", a.id.case.pool),
            };
            SafeText::new(&format!(
                "the exit of {validator} ({}) was offered to the beacon nodes and is not seen in a block",
                a.id.case
            ))
        });
        let transactions = self
            .transactions
            .iter()
            .filter(|t| !t.is_over())
            .map(|t| SafeText::new(&format!("{} of {} is {}", t.function, t.action.case, t.state)));
        ceremonies
            .chain(approved)
            .chain(transactions)
            .chain(broadcasts)
            .collect()
    }

    /// Approvals that wait for stale checks: no stop waits for them, and the journal does not bring them back.
    fn forgotten_by_a_stop(&self) -> impl Iterator<Item = SafeText> {
        let proposed = self.actions.iter().filter(|a| a.is_proposed());
        proposed.filter_map(|a| {
            let words = a.refreshing.as_ref()?;
            Some(SafeText::new(&format!(
                "{} of {} is {words}; a stop of the engine forgets this approval",
                a.kind, a.id.case
            )))
        })
    }
}
