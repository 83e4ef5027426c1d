//! The kinds of case: what differs between a deposit, a reshare and an exit, each in a file of its own.

mod deposit;
mod exit;
mod reshare;

use super::state::{Seen, Shares};
use super::{ActionKind, Case, ChainFacts, Settings, Stage, ValidatorPhase};
use crate::types::{CaseId, PoolId, RequestKind, Root};

/// What a kind of case is.
pub(in crate::oracle) trait CaseRules: Sync {
    /// What it begins with: its ceremony.
    fn ceremony(&self) -> ActionKind;

    /// What it does with the ceremony's result.
    fn effect(&self) -> ActionKind;

    /// What its ceremony does with the shares of the pool's key.
    fn shares(&self) -> Shares;

    /// Why its ceremony is not prepared at present, by the contract's state.
    fn holds_ceremony(&self, _seen: Seen<'_>, _pool: PoolId) -> Option<String> {
        None
    }

    /// Why its effect is not prepared at present, by the contract's state.
    fn holds_effect(&self, _settings: &Settings, _seen: Seen<'_>, _pool: PoolId) -> Option<String> {
        None
    }

    /// Whether the contract serves those of its list strictly one behind the other.
    fn is_in_line(&self, _settings: &Settings) -> bool {
        false
    }

    /// How it ends, once its effect is final and the validator is in this phase; `None` while the validator has to be
    /// followed.
    fn outcome(&self, settings: &Settings, phase: Option<ValidatorPhase>) -> Option<&'static str>;

    /// The stages of its validator that it waits for, in order.
    fn stages(&self) -> &'static [Stage];

    /// Whether the beacon chain has what was asked for, whoever brought it there; `None` where that is not for the
    /// beacon chain to say.
    fn is_on_beacon(&self, _phase: ValidatorPhase) -> Option<bool> {
        None
    }

    /// Whether another request for the same pool is a case of its own, once the one before has begun.
    fn repeats(&self) -> bool {
        false
    }

    /// Whether it ends, when its pool was served without it, while a ceremony of its own runs.
    fn leaves_its_ceremony(&self) -> bool;

    /// The pools for which a case must be open by the contract's state, whether its event was seen or not.
    fn wanted_by_state<'a>(&self, _facts: &'a ChainFacts) -> &'a [PoolId] {
        &[]
    }

    /// What waits in the contract's queue behind a pool that is not served; `None` where there is no queue.
    fn stands_behind(&self, _settings: &Settings, _seen: Seen<'_>, _pool: PoolId) -> Option<String> {
        None
    }

    /// Whether the contract's state says that nothing like it is asked for. Where the contract keeps none of it, the
    /// log's receipt is all there is.
    fn denies_request(&self, _seen: Seen<'_>, _pool: PoolId) -> bool {
        false
    }

    /// Whether the contract's state says that what was asked for is not done.
    fn denies_end(&self, _seen: Seen<'_>, _pool: PoolId) -> bool {
        false
    }

    /// Its place among what waits for a person: what must be served in order, in that order, and behind the rest.
    fn place(&self, _settings: &Settings, _seen: Seen<'_>, _pool: PoolId) -> usize {
        0
    }

    /// What it means that the contract reports its end without a transaction of its own.
    fn served(&self) -> &'static str {
        "its pool was served by another transaction"
    }

    /// The same as an entry of its file; `by` is the case whose transaction it was.
    fn served_by(&self, pool: PoolId, transaction: Root, by: Option<CaseId>) -> String {
        match by {
            Some(by) => format!("pool {pool} was served by transaction {transaction} of {by}"),
            None => {
                format!("pool {pool} was served by transaction {transaction}, which is not in this journal")
            }
        }
    }

    /// The report does not stand, as an entry of its file.
    fn not_served_by(&self, pool: PoolId, transaction: Root) -> String {
        format!(
            "transaction {transaction} did not serve pool {pool}: it left the chain, or the contract's state says \
             otherwise"
        )
    }
}

/// What a kind of request makes a case.
pub(in crate::oracle) fn kind(of: RequestKind) -> &'static dyn CaseRules {
    match of {
        RequestKind::Deposit => &deposit::Deposit,
        RequestKind::Reshare => &reshare::Reshare,
        RequestKind::Exit => &exit::Exit,
    }
}

/// Every kind of request.
pub(in crate::oracle) const ALL: [RequestKind; 3] = RequestKind::ALL;

impl Case {
    /// What its kind of request makes it.
    pub(in crate::oracle) fn kind(&self) -> &'static dyn CaseRules {
        kind(self.id.kind)
    }
}
