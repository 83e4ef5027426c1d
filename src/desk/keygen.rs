//! A key generation: which operators, for which credentials, on which fork.

use std::sync::Arc;

use alloy::primitives::Address;

use super::committee::{self, Committees, OperatorReplies, Quorum};
use super::pools::{authorised, of_ceremony};
use super::proposal::{self, list};
use super::ranking::Candidate;
use super::rehearsal::Rehearsal;
use super::{another, carried, later, refused, removed, served};
use crate::oracle::{ActionKind, CommitteeRequirements, Fact, FactKind, Prepared};
use crate::ports::agreed::{self, words};
use crate::ports::{Agreement, At, Execution, PoolManager, Ssv};
use crate::types::{BlockRef, CeremonyPlan, Check, ForkVersion, OperatorId, OwnerNonce, PoolId, Root};

/// Prepares key generations.
#[derive(Debug)]
pub(super) struct Keygen {
    pub(super) committees: Committees,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
    /// One endpoint's queue opens a case; that nobody denies it is asked before operators make a key.
    pub(super) agreement: Arc<dyn Agreement>,
    pub(super) oracle: Option<Address>,
    /// Genesis fork version: deposits are signed in its domain.
    pub(super) fork_version: ForkVersion,
    /// Tries the deposit out before its key exists.
    pub(super) rehearsal: Rehearsal,
}

/// What a key generation is judged by.
struct Gathered {
    committee: Vec<OperatorId>,
    ranked: Vec<Candidate>,
    asked: OperatorReplies,
    /// The block whose queue this is.
    block: BlockRef,
    /// The contract's queue, and where the pool stands in it.
    ready: Vec<PoolId>,
    position: Option<usize>,
    /// To whom the validator will pay out.
    credentials: Root,
    plan: CeremonyPlan,
}

impl Keygen {
    /// `Err` is the answer of the desk where there is nothing to propose.
    pub(super) async fn prepare(
        &self,
        pool: PoolId,
        wanted: CommitteeRequirements,
    ) -> Result<Prepared, Prepared> {
        served::deposits(&*self.manager)?;
        let gathered = self.gather(pool, &wanted).await?;
        let checks = self.checks(pool, &wanted, &gathered).await;
        let facts = self.facts(&gathered);
        let title = format!(
            "Have operators {} create the validator key of pool {pool} and sign its deposit and its SSV registration.",
            list(&gathered.committee)
        );
        Ok(proposal::ceremony(
            &self.committees,
            ActionKind::Keygen,
            &title,
            facts,
            checks,
            gathered.plan,
            (wanted.attempt, wanted.last_failure),
        ))
    }

    async fn gather(&self, pool: PoolId, wanted: &CommitteeRequirements) -> Result<Gathered, Prepared> {
        let (committee, ranked, asked) = committee::select(&self.committees, wanted).await;
        let can = self.committees.ceremonies.capabilities();
        let Some(threshold) = can.threshold_of(committee.len()) else {
            return Err(refused(format!(
                "the configuration gives a committee of {}; {} knows {}",
                committee.len(),
                can.title,
                can.sizes()
            )));
        };
        let block = self.execution.head().await.value().map_err(later)?.block;
        let (ready, credentials) = tokio::join!(
            self.manager.ready(At::block(block)),
            self.manager.withdrawal_credentials(pool, At::block(block))
        );
        let ready = ready.value().map_err(later)?;
        let credentials = credentials.value().map_err(later)?;
        let position = ready.iter().position(|p| *p == pool);
        let before = served::before(&*self.manager, position);
        served::credentials(&*self.manager, pool, before)?;
        let plan = CeremonyPlan::Keygen {
            committee: committee.clone(),
            threshold,
            withdrawal_credentials: credentials,
            fork_version: self.fork_version,
            registration: self.registration(&committee, before).await?,
        };
        Ok(Gathered {
            committee,
            ranked,
            asked,
            block,
            ready,
            position,
            credentials,
            plan,
        })
    }

    async fn checks(&self, pool: PoolId, wanted: &CommitteeRequirements, gathered: &Gathered) -> Vec<Check> {
        let Gathered { asked, plan, .. } = gathered;
        let mut checks = committee::checks(&self.committees, asked, plan, Quorum::All);
        checks.push(match gathered.position {
            Some(n) => Check::pass(
                "pool-ready",
                format!("pool {pool} is number {} in the ready queue", n + 1),
            ),
            None => Check::fail(
                "pool-ready",
                format!("pool {pool} is not in the contract's ready queue"),
            ),
        });
        let (authorised, told) = authorised(&*self.manager, self.oracle, gathered.block).await;
        let used = vec![words::place(pool, &gathered.ready), words::caller(&told)];
        let accord = agreed::on_queue(&*self.agreement, pool, self.oracle, gathered.block, &used).await;
        // one voice cannot move any money with a key: the deposit has this check all the same
        checks.extend(of_ceremony(&accord));
        checks.extend(another::check(&gathered.committee, &wanted.spent));
        checks.push(authorised);
        let rehearsed = self
            .rehearsal
            .checks(pool, &gathered.committee, gathered.credentials);
        checks.extend(rehearsed.await);
        removed::name(&*self.ssv, &gathered.committee, &mut checks).await;
        checks
    }

    fn facts(&self, gathered: &Gathered) -> Vec<Fact> {
        let committee = &gathered.committee;
        let mut facts = committee::fact(&self.committees, "operators", committee);
        if let CeremonyPlan::Keygen {
            threshold,
            withdrawal_credentials,
            fork_version,
            registration,
            ..
        } = &gathered.plan
        {
            let of = format!("{threshold} of {}", committee.len());
            facts.extend([
                Fact::new("threshold", FactKind::Text, of),
                Fact::new("withdrawal credentials", FactKind::Hex, withdrawal_credentials),
                Fact::new("genesis fork version", FactKind::Hex, fork_version),
            ]);
            facts.extend(
                registration
                    .as_ref()
                    .map(|r| Fact::new("SSV registration", FactKind::Text, r)),
            );
        }
        let renews = self.committees.ceremonies.capabilities().renews_registrations();
        facts.extend(renews.err().map(|why| {
            let words = format!(
                "{why}: if SSV's nonce moves on before the deposit, only another key can be deposited"
            );
            Fact::new("good for one nonce", FactKind::Warning, words)
        }));
        facts.extend(committee::standings(&gathered.ranked, None, committee));
        facts
    }

    /// A backend that signs the SSV registration within the key generation is told it beforehand. Each deposit that is served
    /// before takes one nonce of the owner.
    async fn registration(
        &self,
        committee: &[OperatorId],
        before: usize,
    ) -> Result<Option<OwnerNonce>, Prepared> {
        let can = self.committees.ceremonies.capabilities();
        let owner = self.manager.address();
        carried::registration(can, &*self.execution, &*self.ssv, owner, committee, before).await
    }
}
