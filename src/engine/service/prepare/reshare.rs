//! Reshares: the ceremony that hands a key to another committee, and `resharePool`.

use alloy::primitives::Bytes;

use super::{committee, key_checks, keygen, later, proposal, ranking, refused, send};
use crate::config::SelectionRule;
use crate::engine::service::outside::Shared;
use crate::oracle::{ActionKind, Fact, FactKind, KnownKey, Prepared, Registration, Wanted};
use crate::ports::{At, PoolCall, PresentCommittee, ReshareConsent, ResharePool, ReshareSize};
use crate::types::{
    BlockRef, BlsPublicKey, CeremonyPlan, Check, OperatorId, PoolId, ReshareOutput, threshold_for,
};

/// What the contract says of a staked pool: its key and who holds it.
pub(super) struct Present {
    pub(super) block: BlockRef,
    pub(super) validator: BlsPublicKey,
    pub(super) committee: PresentCommittee,
    pub(super) staked: bool,
}

impl Present {
    /// Only a staked pool can be reshared or exited.
    pub(super) fn staked_check(&self, pool: PoolId) -> Check {
        let not = if self.staked { "" } else { "not " };
        Check::of("pool-staked", self.staked, format!("pool {pool} is {not}staked"))
    }
}

/// The contract takes few reshares of a pool.
fn reshares_left(committee: &PresentCommittee, limit: u64) -> Check {
    let used = committee.reshare_count;
    let check = Check::of("reshares-left", used < limit, format!("{used} of {limit} used"));
    key_checks::unless_unproven(check, committee.unproven.as_ref())
}

/// The key and the present committee of a pool; `Err` is the answer of the desk.
pub(super) async fn present(outside: &Shared, pool: PoolId) -> Result<Present, Prepared> {
    let block = outside.execution.head().await.value().map_err(later)?.block;
    let at = At::block(block);
    let (view, staked) = tokio::join!(outside.manager.pool(pool, at), outside.manager.staked(at));
    let view = view.value().map_err(later)?;
    let staked = staked.value().map_err(later)?.contains(&pool);
    let Some(validator) = view.public_key else {
        return Err(refused(format!("the contract has no validator for pool {pool}")));
    };
    let committee = outside.manager.committee(pool, block).await;
    let committee = committee.value().map_err(later)?;
    Ok(Present {
        block,
        validator,
        committee,
        staked,
    })
}

pub(super) async fn prepare(
    outside: &Shared,
    pool: PoolId,
    wanted: Wanted,
    known: Option<KnownKey>,
) -> Prepared {
    let can = outside.ceremonies.capabilities();
    if can.reshare == ReshareConsent::OwnerSignature {
        return refused(format!(
            "{} reshares with the owner's signature only, and the owner is the manager contract",
            can.title
        ));
    }
    let present = match present(outside, pool).await {
        Ok(present) => present,
        Err(answer) => return answer,
    };
    let limit = outside.manager.capabilities().reshare_limit();
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
    let candidates = candidates(outside, &holders, wanted.chosen.as_deref().unwrap_or_default());
    let asked = committee::ask(outside, &candidates).await;
    let ranked = committee::rank(outside, &candidates, &asked, &wanted);
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

    let mut checks = committee::checks(outside, &asked, &plan, committee::Quorum::All);
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
    checks.push(keygen::authorised(outside).await);

    let leaving: Vec<_> = holders.iter().filter(|id| !new.contains(id)).copied().collect();
    let joining: Vec<_> = new.iter().filter(|id| !holders.contains(id)).copied().collect();
    let mut facts = vec![
        Fact::new("pool", FactKind::Text, pool),
        Fact::new("validator key, unchanged", FactKind::Hex, present.validator),
        Fact::new("present committee", FactKind::Text, keygen::list(&holders)),
        Fact::new("old operators that deal", FactKind::Text, keygen::list(&old)),
    ];
    facts.extend(committee::fact(outside, "new committee", &new));
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
        keygen::list(&new),
        or_nobody(&leaving),
        or_nobody(&joining)
    );
    proposal::ceremony(
        outside,
        ActionKind::Reshare,
        &title,
        facts,
        checks,
        plan,
        (wanted.attempt, wanted.last_failure),
    )
}

/// Everybody who may hold the key: the present holders, the configured candidates, and whom a person chose.
fn candidates(outside: &Shared, holders: &[OperatorId], chosen: &[OperatorId]) -> Vec<OperatorId> {
    let configured = match &outside.config.selection.rule {
        SelectionRule::Choose { from, .. } => from.clone(),
        SelectionRule::Fixed(_) => outside.config.operators.by_id.keys().copied().collect(),
    };
    let mut all: Vec<_> = holders.iter().chain(&configured).chain(chosen).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What the old shares can still do: resharing revokes nothing.
fn old_power(holders: &[OperatorId], new: &[OperatorId]) -> String {
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
        keygen::list(ids)
    }
}

pub(super) async fn prepare_send(
    outside: &Shared,
    pool: PoolId,
    reshare: &ReshareOutput,
    old_committee: &[OperatorId],
    ceremony_checks: Vec<Check>,
    registration: Registration,
) -> Prepared {
    let present = match present(outside, pool).await {
        Ok(present) => present,
        Err(answer) => return answer,
    };
    let Some(oracle) = outside.oracle else {
        return refused("no oracle address is configured: a reshare cannot be submitted");
    };
    let operators: Vec<OperatorId> = reshare.share_public_keys.keys().copied().collect();
    let (shares, shares_check) = key_checks::shares_data(
        &*outside.ssv,
        registration,
        &reshare.share_public_keys,
        &reshare.encrypted_shares,
    );
    let call = PoolCall::Reshare(ResharePool {
        pool,
        operator_ids: operators.clone(),
        shares: Bytes::from(shares),
    });
    let payload = match send::payload(outside, oracle, &call) {
        Ok(payload) => payload,
        Err(why) => return refused(why),
    };
    let limit = outside.manager.capabilities().reshare_limit();
    let used = present.committee.reshare_count;
    let (ssv, balance) = tokio::join!(
        outside.ssv.state(present.block, &operators),
        outside.execution.balance(oracle, At::block(present.block))
    );

    let mut checks = ceremony_checks;
    checks.extend(key_checks::key(&reshare.validator, &reshare.share_public_keys));
    checks.push(Check::of(
        "validator-key-unchanged",
        reshare.validator == present.validator,
        format!(
            "the contract has {}, the reshare gave {}",
            present.validator, reshare.validator
        ),
    ));
    checks.extend(key_checks::registration(
        outside.manager.address(),
        &reshare.validator,
        registration,
        &ssv,
    ));
    checks.push(shares_check);
    checks.push(present.staked_check(pool));
    checks.push(reshares_left(&present.committee, limit));
    checks.push(keygen::authorised(outside).await);
    checks.push(send::endpoints_agree(outside, pool, oracle, present.block).await);

    let mut facts = vec![
        Fact::new("pool", FactKind::Text, pool),
        Fact::new("validator key, unchanged", FactKind::Hex, reshare.validator),
        Fact::new(
            "present committee",
            FactKind::Text,
            keygen::list(&present.committee.operator_ids),
        ),
        Fact::new(
            "old operators that dealt",
            FactKind::Text,
            keygen::list(old_committee),
        ),
    ];
    facts.extend(committee::fact(outside, "new committee", &operators));
    facts.extend([
        Fact::new("SSV registration nonce", FactKind::Text, registration.nonce),
        Fact::new(
            "reshares",
            FactKind::Text,
            format!("{used} of {limit} used, this is {}", used + 1),
        ),
        Fact::new(
            "old shares",
            FactKind::Warning,
            old_power(&present.committee.operator_ids, &operators),
        ),
        Fact::new(
            "SSV",
            FactKind::Warning,
            "resharePool does not tell SSV anything: the cluster there stays as it is",
        ),
    ]);
    let title = format!(
        "Tell the manager that operators {} hold the key of pool {pool}.",
        keygen::list(&operators)
    );
    send::proposal(
        outside,
        ActionKind::SendReshare,
        &title,
        facts,
        checks,
        payload,
        &balance,
    )
    .await
}
