//! A key generation: which operators, for which credentials, on which fork.

use super::{committee, later, proposal};
use crate::engine::service::outside::Shared;
use crate::oracle::{ActionKind, Fact, FactKind, Prepared, Wanted};
use crate::ports::{At, RegistrationSigning};
use crate::types::{CeremonyPlan, Check, OperatorId, OwnerNonce, PoolId};

pub(super) async fn prepare(outside: &Shared, pool: PoolId, wanted: Wanted) -> Prepared {
    let (committee, ranked, asked) = committee::select(outside, &wanted).await;
    let can = outside.ceremonies.capabilities();
    let Some(threshold) = can.threshold_of(committee.len()) else {
        return super::refused(format!(
            "the configuration gives a committee of {}",
            committee.len()
        ));
    };
    let (ready, credentials) = tokio::join!(
        outside.manager.ready(At::Latest),
        outside.manager.withdrawal_credentials(pool, At::Latest)
    );
    let (ready, withdrawal_credentials) = match (ready.value(), credentials.value()) {
        (Ok(ready), Ok(credentials)) => (ready, credentials),
        (Err(why), _) | (_, Err(why)) => return later(why),
    };
    let position = ready.iter().position(|p| *p == pool);
    let registration = match registration(outside, &committee, position.unwrap_or_default()).await {
        Ok(registration) => registration,
        Err(answer) => return answer,
    };
    let fork_version = outside.config.network.genesis_fork_version;
    let plan = CeremonyPlan::Keygen {
        committee: committee.clone(),
        threshold,
        withdrawal_credentials,
        fork_version,
        registration: registration.clone(),
    };
    let mut checks = committee::checks(outside, &asked, &plan, committee::Quorum::All);
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
    checks.push(authorised(outside).await);
    let mut facts = committee::fact(outside, "operators", &committee);
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
        outside,
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
    outside: &Shared,
    committee: &[OperatorId],
    before: usize,
) -> Result<Option<OwnerNonce>, Prepared> {
    if outside.ceremonies.capabilities().registration == RegistrationSigning::OwnCeremony {
        return Ok(None);
    }
    let head = outside.execution.head().await.value().map_err(later)?;
    let ssv = outside
        .ssv
        .state(head.block, committee)
        .await
        .value()
        .map_err(later)?;
    Ok(Some(OwnerNonce {
        owner: outside.manager.address().to_checksum(None),
        nonce: ssv.owner_nonce + before as u64,
    }))
}

pub(super) fn list(ids: &[OperatorId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether the manager takes calls from the oracle.
pub(super) async fn authorised(outside: &Shared) -> Check {
    const NAME: &str = "oracle-authorised";
    let Some(oracle) = outside.oracle else {
        return Check::unknown(NAME, "no oracle address is configured");
    };
    let authorised = outside.manager.authorises(oracle, At::Latest).await;
    authorised.check(NAME, |()| {
        (true, format!("the manager takes calls from {oracle}"))
    })
}
