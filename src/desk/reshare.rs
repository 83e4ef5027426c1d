//! Reshares: the ceremony that hands a key to another committee.

use std::sync::Arc;

use alloy::primitives::Address;

use super::committee::{self, Committees};
use super::pools::{authorised, present, reshares_left};
use super::proposal::{self, list};
use super::{key_checks, ranking, refused};
use crate::config::SelectionRule;
use crate::oracle::{ActionKind, Fact, FactKind, KnownKey, Prepared, Wanted};
use crate::ports::{Execution, PoolManager, ReshareConsent, ReshareSize};
use crate::types::{CeremonyPlan, Check, OperatorId, PoolId, threshold_for};

/// Prepares reshares.
#[derive(Debug)]
pub(super) struct Reshare {
    pub(super) committees: Committees,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) execution: Arc<dyn Execution>,
    pub(super) oracle: Option<Address>,
}

impl Reshare {
    pub(super) async fn prepare(&self, pool: PoolId, wanted: Wanted, known: Option<KnownKey>) -> Prepared {
        let can = self.committees.ceremonies.capabilities();
        if can.reshare == ReshareConsent::OwnerSignature {
            return refused(format!(
                "{} reshares with the owner's signature only, and the owner is the manager contract",
                can.title
            ));
        }
        let present = match present(&*self.manager, &*self.execution, pool).await {
            Ok(present) => present,
            Err(answer) => return answer,
        };
        let limit = self.manager.capabilities().reshare_limit();
        let used = present.committee.reshare_count;
        if used >= limit {
            return refused(format!(
                "{used} of {limit} reshares of pool {pool} are used up: the contract takes no more"
            ));
        }
        let mut holders = present.committee.operator_ids.clone();
        holders.sort_unstable();
        let Some(old_threshold) = can.threshold_of(holders.len()) else {
            return refused(format!(
                "pool {pool} is held by {} operators, which is no committee",
                holders.len()
            ));
        };
        let candidates = candidates(
            &self.committees,
            &holders,
            wanted.chosen.as_deref().unwrap_or_default(),
        );
        let asked = committee::ask(&self.committees, &candidates).await;
        let ranked = committee::rank(&self.committees, &candidates, &asked, &wanted);
        let (mut new, why) = match &wanted.chosen {
            Some(chosen) => (chosen.clone(), "chosen by a person".to_owned()),
            None => ranking::replace(&ranked, &holders, wanted.standing.as_deref()),
        };
        new.sort_unstable();
        let Some(threshold) = can.threshold_of(new.len()) else {
            return refused(format!("{} operators make no committee", new.len()));
        };
        let old = ranking::dealers(&ranked, &holders, &new, usize::from(old_threshold));
        let plan = CeremonyPlan::Reshare {
            validator: present.validator,
            old: old.clone(),
            new: new.clone(),
            threshold,
        };

        let mut checks = committee::checks(&self.committees, &asked, &plan, committee::Quorum::All);
        if can.reshare_size == ReshareSize::Same {
            checks.push(Check::of(
                "committee-size-unchanged",
                new.len() == holders.len(),
                format!(
                    "{} operators hold the key, {} would: {} reshares between committees of one size",
                    holders.len(),
                    new.len(),
                    can.title
                ),
            ));
        }
        checks.push(present.staked_check(pool));
        checks.push(reshares_left(&present.committee, limit));
        checks.push(key_checks::in_journal(
            known.as_ref(),
            &present.validator,
            &holders,
        ));
        checks.push(authorised(&*self.manager, self.oracle).await);

        let leaving: Vec<_> = holders.iter().filter(|id| !new.contains(id)).copied().collect();
        let joining: Vec<_> = new.iter().filter(|id| !holders.contains(id)).copied().collect();
        let mut facts = vec![
            Fact::new("pool", FactKind::Text, pool),
            Fact::new("validator key, unchanged", FactKind::Hex, present.validator),
            Fact::new("present committee", FactKind::Text, list(&holders)),
            Fact::new("old operators that deal", FactKind::Text, list(&old)),
        ];
        facts.extend(committee::fact(&self.committees, "new committee", &new));
        facts.extend([
            Fact::new("leaving", FactKind::Text, or_nobody(&leaving)),
            Fact::new("joining", FactKind::Text, or_nobody(&joining)),
            Fact::new("why this committee", FactKind::Text, why),
        ]);
        facts.extend(committee::standings(&ranked, Some(&holders), &new));
        facts.extend([
            Fact::new(
                "reshares",
                FactKind::Text,
                format!("this would be {} of {limit}", used + 1),
            ),
            Fact::new("old shares", FactKind::Warning, old_power(&holders, &new)),
        ]);
        let title = format!(
            "Hand the key of pool {pool} to operators {} (leaving: {}; joining: {}).",
            list(&new),
            or_nobody(&leaving),
            or_nobody(&joining)
        );
        proposal::ceremony(
            &self.committees,
            ActionKind::Reshare,
            &title,
            facts,
            checks,
            plan,
            (wanted.attempt, wanted.last_failure),
        )
    }
}

/// Everybody who may hold the key: the present holders, the configured candidates, and whom a person chose.
fn candidates(from: &Committees, holders: &[OperatorId], chosen: &[OperatorId]) -> Vec<OperatorId> {
    let configured = match &from.selection {
        SelectionRule::Choose { from, .. } => from.clone(),
        SelectionRule::Fixed(_) => from.directory.keys().copied().collect(),
    };
    let mut all: Vec<_> = holders.iter().chain(&configured).chain(chosen).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What the old shares can still do: resharing revokes nothing.
pub(super) fn old_power(holders: &[OperatorId], new: &[OperatorId]) -> String {
    let staying = holders.iter().filter(|id| new.contains(id)).count();
    if staying == 0 {
        "the old committee keeps its shares and can still sign with this key".to_owned()
    } else {
        let t = threshold_for(holders.len()).map_or(holders.len(), usize::from);
        let leaving = holders.len() - staying;
        let verb = if leaving == 1 { "leaves" } else { "leave" };
        format!(
            "{staying} stay and replace their share, {leaving} {verb} with an old one; {t} old shares would sign, so \
             whoever kept a copy of enough old shares still can"
        )
    }
}

fn or_nobody(ids: &[OperatorId]) -> String {
    if ids.is_empty() {
        "nobody".to_owned()
    } else {
        list(ids)
    }
}
