//! Reshares: the ceremony that hands a key to another committee.

use std::sync::Arc;

use alloy::primitives::Address;

use super::carried::{self, RegisteredKey};
use super::committee::{self, Committees, OperatorReplies, Quorum};
use super::pools::{
    StakedPool, authorised, of_ceremony, on_committee, on_present, present, refused_unless_doubted,
    reshares_left, threshold_of_holders,
};
use super::proposal::{self, list};
use super::ranking::Candidate;
use super::{key_checks, later, ranking, served};
use crate::config::SelectionRule;
use crate::oracle::{ActionKind, CommitteeRequirements, Fact, FactKind, KnownKey, Prepared};
use crate::ports::{
    Accord, Agreement, Answer, At, Execution, PoolManager, ReshareSize, SharesKept, Ssv, agreed,
};
use crate::types::{BroughtAlong, CeremonyPlan, Check, ForkVersion, OperatorId, OwnerNonce, PoolId};

/// Prepares the ceremony. [`SendReshare`](super::send_reshare::SendReshare) prepares the transaction that follows.
#[derive(Debug)]
pub(super) struct Reshare {
    pub(super) committees: Committees,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
    pub(super) agreement: Arc<dyn Agreement>,
    pub(super) oracle: Option<Address>,
    /// Genesis fork version: deposits are signed in its domain.
    pub(super) fork_version: ForkVersion,
}

/// What a reshare is judged by.
struct Gathered {
    present: StakedPool,
    /// The present holders, ascending.
    holders: Vec<OperatorId>,
    /// Those who hand their shares on, ascending.
    dealers: Vec<OperatorId>,
    /// The new committee, ascending, and why it is this one.
    new: Vec<OperatorId>,
    why: String,
    /// Whom the contract wants out, where it names one.
    leaver: Option<OperatorId>,
    old_threshold: u8,
    ranked: Vec<Candidate>,
    asked: OperatorReplies,
    plan: CeremonyPlan,
}

impl Gathered {
    fn leaving(&self) -> Vec<OperatorId> {
        let mut leaving = self.holders.clone();
        leaving.retain(|id| !self.new.contains(id));
        leaving
    }

    fn joining(&self) -> Vec<OperatorId> {
        let mut joining = self.new.clone();
        joining.retain(|id| !self.holders.contains(id));
        joining
    }
}

impl Reshare {
    /// `Err` is the answer of the desk where there is nothing to propose.
    pub(super) async fn prepare(
        &self,
        pool: PoolId,
        wanted: CommitteeRequirements,
        known: Option<KnownKey>,
    ) -> Result<Prepared, Prepared> {
        served::handing_on(self.committees.ceremonies.capabilities())?;
        served::reshares(&*self.manager)?;
        let gathered = self.gather(pool, &wanted, known.as_ref()).await?;
        let checks = self.checks(pool, &gathered, known.as_ref()).await;
        let facts = self.facts(pool, &gathered);
        let title = format!(
            "Hand the key of pool {pool} to operators {} (leaving: {}; joining: {}).",
            list(&gathered.new),
            or_nobody(&gathered.leaving()),
            or_nobody(&gathered.joining())
        );
        Ok(proposal::ceremony(
            &self.committees,
            ActionKind::Reshare,
            &title,
            facts,
            checks,
            gathered.plan,
            (wanted.attempt, wanted.last_failure),
        ))
    }

    async fn gather(
        &self,
        pool: PoolId,
        wanted: &CommitteeRequirements,
        known: Option<&KnownKey>,
    ) -> Result<Gathered, Prepared> {
        let can = self.committees.ceremonies.capabilities();
        let present = present(&*self.manager, &*self.execution, &*self.agreement, pool).await?;
        let limit = self.limit();
        let used = present.committee.reshare_count;
        if used >= limit {
            let words =
                format!("{used} of {limit} reshares of pool {pool} are used up: the contract takes no more");
            return Err(self.refused_unless_doubted(pool, &present, &words).await);
        }
        let mut holders = present.committee.operator_ids.clone();
        holders.sort_unstable();
        let old_threshold =
            threshold_of_holders(can, &*self.manager, &*self.agreement, pool, &present).await?;
        let brought = self.brought(pool, &present, &holders, known).await?;
        let chosen = wanted.chosen.as_deref();
        if let Some(words) = holds_no_share(pool, wanted.leaving, &holders) {
            return Err(self.refused_unless_doubted(pool, &present, &words).await);
        }
        let candidates = candidates(&self.committees, &holders, chosen.unwrap_or_default());
        let asked = committee::ask(&self.committees, &candidates).await;
        let ranked = committee::rank(&self.committees, &candidates, &asked, wanted, &holders);
        let (mut new, why) = match chosen {
            Some(chosen) => (chosen.to_vec(), "chosen by a person".to_owned()),
            None => ranking::replace(&ranked, &holders, wanted.standing.as_deref(), wanted.leaving),
        };
        new.sort_unstable();
        let alone = wanted
            .leaving
            .filter(|_| chosen.is_none() && new.len() < holders.len());
        if let Some(operator) = alone {
            let words = format!(
                "the contract asks for operator {operator} to leave pool {pool}, and no operator is configured that could \
                 take its place: configure one"
            );
            return Err(self.refused_unless_doubted(pool, &present, &words).await);
        }
        let Some(threshold) = can.threshold_of(new.len()) else {
            let words = format!("{} operators make no committee", new.len());
            return Err(self.refused_unless_doubted(pool, &present, &words).await);
        };
        let (needed, before) = (usize::from(old_threshold), wanted.dealers.as_deref());
        let dealers = ranking::dealers(&ranked, &holders, &new, needed, before);
        let plan = CeremonyPlan::Reshare {
            validator: present.validator,
            old: dealers.clone(),
            new: new.clone(),
            threshold,
            registration: self.registration(&new).await?,
            brought,
        };
        Ok(Gathered {
            present,
            holders,
            dealers,
            new,
            why,
            leaver: wanted.leaving,
            old_threshold,
            ranked,
            asked,
            plan,
        })
    }

    /// A backend that signs the SSV registration within the reshare is told it beforehand.
    async fn registration(&self, new: &[OperatorId]) -> Result<Option<OwnerNonce>, Prepared> {
        let can = self.committees.ceremonies.capabilities();
        let owner = self.manager.address();
        carried::registration(can, &*self.execution, &*self.ssv, owner, new, 0).await
    }

    /// What the present holders are given again, where they keep nothing.
    async fn brought(
        &self,
        pool: PoolId,
        present: &StakedPool,
        holders: &[OperatorId],
        known: Option<&KnownKey>,
    ) -> Result<Option<Box<BroughtAlong>>, Prepared> {
        let can = self.committees.ceremonies.capabilities();
        if can.shares == SharesKept::AtOperators {
            return Ok(None);
        }
        let credentials = self.manager.withdrawal_credentials(pool, At::Latest).await;
        let key = RegisteredKey {
            pool,
            validator: present.validator,
            holders,
            withdrawal_credentials: credentials.value().map_err(later)?,
            fork_version: self.fork_version,
        };
        match carried::brought(can, &key, known) {
            Ok(brought) => Ok(brought),
            Err(words) => Err(self.refused_unless_doubted(pool, present, &words).await),
        }
    }

    async fn checks(&self, pool: PoolId, gathered: &Gathered, known: Option<&KnownKey>) -> Vec<Check> {
        let Gathered {
            present,
            holders,
            asked,
            plan,
            ..
        } = gathered;
        let can = self.committees.ceremonies.capabilities();
        let mut checks = committee::checks(&self.committees, asked, plan, Quorum::All);
        if can.reshare_size == ReshareSize::Same {
            let (held, would) = (holders.len(), gathered.new.len());
            checks.push(Check::of(
                "committee-size-unchanged",
                held == would,
                format!(
                    "{held} operators hold the key, {would} would: {} reshares between committees of one size",
                    can.title
                ),
            ));
        }
        checks.extend(gathered.leaver.map(|operator| {
            let leaves = !gathered.new.contains(&operator);
            let would = if leaves { "leaves" } else { "would stay" };
            let words = format!("the contract asks for operator {operator} to leave, and it {would}");
            Check::of("operator-leaves", leaves, words)
        }));
        checks.push(present.staked_check(pool));
        checks.push(reshares_left(&*self.manager, &*self.agreement, pool, present).await);
        let (authorised, told) = authorised(&*self.manager, self.oracle, present.block).await;
        checks.extend(of_ceremony(&self.compared(pool, present, &told).await));
        checks.push(key_checks::in_journal(known, &present.validator, holders));
        checks.push(authorised);
        checks
    }

    fn facts(&self, pool: PoolId, gathered: &Gathered) -> Vec<Fact> {
        let Gathered { holders, new, .. } = gathered;
        let key = gathered.present.validator;
        let count = gathered.present.committee.reshare_count + 1;
        let reshares = format!("this would be {count} of {}", self.limit());
        let power = old_power(holders, new, Some(gathered.old_threshold));
        let mut facts = vec![
            Fact::new("pool", FactKind::Text, pool),
            Fact::new("validator key, unchanged", FactKind::Hex, key),
            Fact::new("present committee", FactKind::Text, list(holders)),
            Fact::new("old operators that deal", FactKind::Text, list(&gathered.dealers)),
        ];
        facts.extend(gathered.leaver.map(|operator| {
            let words = format!("the contract asks for operator {operator} to leave");
            Fact::new("asked for", FactKind::Text, words)
        }));
        facts.extend(committee::fact(&self.committees, "new committee", new));
        facts.extend([
            Fact::new("leaving", FactKind::Text, or_nobody(&gathered.leaving())),
            Fact::new("joining", FactKind::Text, or_nobody(&gathered.joining())),
            Fact::new("why this committee", FactKind::Text, &gathered.why),
        ]);
        let registration = gathered.plan.registration();
        facts.extend(registration.map(|r| Fact::new("SSV registration", FactKind::Text, r)));
        facts.extend(committee::standings(&gathered.ranked, Some(holders), new));
        facts.extend([
            Fact::new("reshares", FactKind::Text, reshares),
            Fact::new("old shares", FactKind::Warning, power),
        ]);
        facts
    }

    /// The answer where what one endpoint tells of the committee speaks against a reshare altogether.
    async fn refused_unless_doubted(&self, pool: PoolId, present: &StakedPool, words: &str) -> Prepared {
        let accord = on_committee(&*self.manager, &*self.agreement, pool, present).await;
        refused_unless_doubted(&accord, words)
    }

    /// How far the endpoints bear out what was read of the pool, and whether the manager takes the oracle's calls.
    async fn compared(&self, pool: PoolId, present: &StakedPool, told: &Answer<()>) -> Accord {
        let accord = on_present(&*self.manager, &*self.agreement, pool, present).await;
        match self.oracle {
            Some(oracle) => {
                accord.and(agreed::on_caller(&*self.agreement, oracle, present.block, told).await)
            }
            None => accord,
        }
    }

    fn limit(&self) -> u64 {
        self.manager.capabilities().reshare_limit()
    }
}

/// Why there is nothing to do where whom the contract wants out holds no share.
fn holds_no_share(pool: PoolId, leaving: Option<OperatorId>, holders: &[OperatorId]) -> Option<String> {
    let operator = leaving.filter(|operator| !holders.contains(operator))?;
    Some(format!(
        "the contract asks for operator {operator} to leave pool {pool}, and operators {} hold its key: with nothing left to \
         do, give the case up",
        list(holders)
    ))
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

/// What the old shares can still do: resharing revokes nothing. `needed` of them sign; without it, as far as is known, all.
pub(super) fn old_power(holders: &[OperatorId], new: &[OperatorId], needed: Option<u8>) -> String {
    let staying = holders.iter().filter(|id| new.contains(id)).count();
    if staying == 0 {
        return "the old committee keeps its shares and can still sign with this key".to_owned();
    }
    let needed = needed.map_or(holders.len(), usize::from);
    let leaving = holders.len() - staying;
    let verb = if leaving == 1 { "leaves" } else { "leave" };
    format!(
        "{staying} stay and replace their share, {leaving} {verb} with an old one; {needed} old shares would sign, so \
         whoever kept a copy of enough old shares still can"
    )
}

fn or_nobody(ids: &[OperatorId]) -> String {
    if ids.is_empty() {
        "nobody".to_owned()
    } else {
        list(ids)
    }
}
