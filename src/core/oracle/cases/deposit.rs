//! Deposits: a new key, and 32 ETH for it, in the order of the contract's queue where the contract keeps to one.

use super::CaseRules;
use crate::oracle::state::{Seen, Shares};
use crate::oracle::{ActionKind, ChainFacts, Settings, Stage, ValidatorPhase};
use crate::types::{DepositOrder, PoolId, counted};

pub(super) struct Deposit;

impl CaseRules for Deposit {
    fn ceremony(&self) -> ActionKind {
        ActionKind::Keygen
    }

    fn effect(&self) -> ActionKind {
        ActionKind::SendDeposit
    }

    fn shares(&self) -> Shares {
        Shares::Makes
    }

    fn holds_ceremony(&self, seen: Seen<'_>, pool: PoolId) -> Option<String> {
        seen.place(pool).is_none().then(|| not_ready(seen.facts, pool))
    }

    /// Where the call takes no pool id, deposits are served strictly in the order of the contract's queue.
    fn holds_effect(&self, settings: &Settings, seen: Seen<'_>, pool: PoolId) -> Option<String> {
        match seen.place(pool) {
            Some(0) => None,
            Some(_) if !self.is_in_line(settings) => None,
            Some(n) => Some(format!(
                "{n} before it in the queue, pool {} is at its head",
                seen.facts.ready[0]
            )),
            None => Some(not_ready(seen.facts, pool)),
        }
    }

    fn is_in_line(&self, settings: &Settings) -> bool {
        settings.deposit_order == DepositOrder::HeadOfQueue
    }

    fn outcome(&self, settings: &Settings, phase: Option<ValidatorPhase>) -> Option<&'static str> {
        if !settings.follows_beacon {
            return Some("the deposit is final");
        }
        phase
            .is_some_and(|p| p >= ValidatorPhase::Active)
            .then_some("the validator became active")
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Active]
    }

    /// Its key is condemned, and stays so when it turns up later.
    fn leaves_its_ceremony(&self) -> bool {
        true
    }

    fn wanted_by_state<'a>(&self, facts: &'a ChainFacts) -> &'a [PoolId] {
        &facts.ready
    }

    /// Where the call takes no pool id, what is at the head is served, or nothing is.
    fn stands_behind(&self, settings: &Settings, seen: Seen<'_>, pool: PoolId) -> Option<String> {
        if !self.is_in_line(settings) {
            return None;
        }
        let place = seen.place(pool)?;
        let behind = match seen.facts.ready.len() - place - 1 {
            0 => "every later deposit waits".to_owned(),
            n => format!("{} behind it, and every later one, wait", counted(n, "deposit")),
        };
        Some(format!(
            "the contract serves its queue in order and cannot skip pool {pool}: {behind}"
        ))
    }

    fn denies_request(&self, seen: Seen<'_>, pool: PoolId) -> bool {
        seen.place(pool).is_none()
    }

    /// The call takes its pool out of the list.
    fn denies_end(&self, seen: Seen<'_>, pool: PoolId) -> bool {
        seen.place(pool).is_some()
    }

    fn place(&self, settings: &Settings, seen: Seen<'_>, pool: PoolId) -> usize {
        if !self.is_in_line(settings) {
            return 0;
        }
        1 + seen.place(pool).unwrap_or(usize::MAX - 1)
    }
}

fn not_ready(facts: &ChainFacts, pool: PoolId) -> String {
    let served = [("pending", &facts.pending), ("staked", &facts.staked)]
        .into_iter()
        .find(|(_, list)| list.contains(&pool));
    match served {
        Some((list, _)) => format!(
            "its pool is not in the contract's ready queue: the contract lists it as {list}, and no log of who served \
             it is believed"
        ),
        None => "its pool is not in the contract's ready queue".to_owned(),
    }
}
