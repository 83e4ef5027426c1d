//! A key generation: which operators, for which credentials, on which fork.

use std::sync::Arc;

use alloy::primitives::Address;

use super::committee::{self, Committees};
use super::pools::authorised;
use super::proposal::{self, list};
use super::{another, later};
use crate::oracle::{ActionKind, Fact, FactKind, Prepared, Wanted};
use crate::ports::{At, Execution, PoolManager, RegistrationSigning, Ssv};
use crate::types::{CeremonyPlan, Check, ForkVersion, OperatorId, OwnerNonce, PoolId};

/// Prepares key generations.
#[derive(Debug)]
pub(super) struct Keygen {
    pub(super) committees: Committees,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
    pub(super) oracle: Option<Address>,
    /// Genesis fork version: deposits are signed in its domain.
    pub(super) fork_version: ForkVersion,
}

impl Keygen {
    pub(super) async fn prepare(&self, pool: PoolId, wanted: Wanted) -> Prepared {
        let (committee, ranked, asked) = committee::select(&self.committees, &wanted).await;
        let can = self.committees.ceremonies.capabilities();
        let Some(threshold) = can.threshold_of(committee.len()) else {
            return super::refused(format!(
                "the configuration gives a committee of {}",
                committee.len()
            ));
        };
        let (ready, credentials) = tokio::join!(
            self.manager.ready(At::Latest),
            self.manager.withdrawal_credentials(pool, At::Latest)
        );
        let (ready, withdrawal_credentials) = match (ready.value(), credentials.value()) {
            (Ok(ready), Ok(credentials)) => (ready, credentials),
            (Err(why), _) | (_, Err(why)) => return later(why),
        };
        let position = ready.iter().position(|p| *p == pool);
        let registration = match self.registration(&committee, position.unwrap_or_default()).await {
            Ok(registration) => registration,
            Err(answer) => return answer,
        };
        let fork_version = self.fork_version;
        let plan = CeremonyPlan::Keygen {
            committee: committee.clone(),
            threshold,
            withdrawal_credentials,
            fork_version,
            registration: registration.clone(),
        };
        let mut checks = committee::checks(&self.committees, &asked, &plan, committee::Quorum::All);
        checks.push(match position {
            Some(n) => Check::pass(
                "pool-ready",
                format!("pool {pool} is number {} in the ready queue", n + 1),
            ),
            None => Check::fail(
                "pool-ready",
                format!("pool {pool} is not in the contract's ready queue"),
            ),
        });
        checks.extend(another::check(&committee, &wanted.spent));
        checks.push(authorised(&*self.manager, self.oracle).await);
        let mut facts = committee::fact(&self.committees, "operators", &committee);
        facts.extend([
            Fact::new(
                "threshold",
                FactKind::Text,
                format!("{threshold} of {}", committee.len()),
            ),
            Fact::new("withdrawal credentials", FactKind::Hex, withdrawal_credentials),
            Fact::new("genesis fork version", FactKind::Hex, fork_version),
        ]);
        facts.extend(registration.map(|r| {
            Fact::new(
                "SSV registration",
                FactKind::Text,
                format!("{}:{}", r.owner, r.nonce),
            )
        }));
        facts.extend(committee::standings(&ranked, None, &committee));
        let title = format!(
            "Have operators {} create the validator key of pool {pool} and sign its deposit and its SSV registration.",
            list(&committee)
        );
        proposal::ceremony(
            &self.committees,
            ActionKind::Keygen,
            &title,
            facts,
            checks,
            plan,
            (wanted.attempt, wanted.last_failure),
        )
    }

    /// A backend that signs the SSV registration within the key generation is told it beforehand. Deposits are served in the
    /// order of the queue, and each takes one nonce of the owner.
    async fn registration(
        &self,
        committee: &[OperatorId],
        before: usize,
    ) -> Result<Option<OwnerNonce>, Prepared> {
        if self.committees.ceremonies.capabilities().registration == RegistrationSigning::OwnCeremony {
            return Ok(None);
        }
        let head = self.execution.head().await.value().map_err(later)?;
        let ssv = self
            .ssv
            .state(head.block, committee)
            .await
            .value()
            .map_err(later)?;
        Ok(Some(OwnerNonce {
            owner: self.manager.address().to_checksum(None),
            nonce: ssv.owner_nonce + before as u64,
        }))
    }
}
