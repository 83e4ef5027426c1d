//! What the manager says of a pool, and of the oracle.

use alloy::primitives::Address;

use super::{later, refused};
use crate::oracle::{ENDPOINTS_AGREE, Prepared};
use crate::ports::{Accord, Agreement, At, Execution, PoolManager, PresentCommittee, agreed};
use crate::types::{BlockRef, BlsPublicKey, Check, PoolId};

/// What the contract says of a staked pool: its key and who holds it.
pub(super) struct StakedPool {
    pub(super) block: BlockRef,
    pub(super) validator: BlsPublicKey,
    pub(super) committee: PresentCommittee,
    pub(super) staked: bool,
}

impl StakedPool {
    /// Only a staked pool can be reshared or exited.
    pub(super) fn staked_check(&self, pool: PoolId) -> Check {
        let not = if self.staked { "" } else { "not " };
        Check::of("pool-staked", self.staked, format!("pool {pool} is {not}staked"))
    }
}

/// The contract takes few reshares of a pool. Where it stores none of them, their number rests on logs, and takes two
/// voices.
pub(super) async fn reshares_left(
    manager: &dyn PoolManager,
    agreement: &dyn Agreement,
    pool: PoolId,
    present: &StakedPool,
) -> Check {
    const NAME: &str = "reshares-left";
    let (used, can) = (present.committee.reshare_count, manager.capabilities());
    let limit = can.reshare_limit();
    let words = format!("{used} of {limit} used");
    if used >= limit || can.reshares.is_none_or(|rules| rules.stored) {
        return Check::of(NAME, used < limit, words);
    }
    match agreed::on_committee(agreement, pool, present.block).await {
        accord @ Accord::Agree { .. } => Check::pass(NAME, format!("{words}: {}", accord.words())),
        accord => {
            let why = accord.words();
            Check::unknown(
                NAME,
                format!("{words} by the logs of one voice, and the contract stores none: {why}"),
            )
        }
    }
}

/// Whether the endpoints tell the same of a pool whose key a ceremony takes. Nothing where one alone is configured: such a
/// ceremony moves no money, and what it is asked for by has checks of its own.
pub(super) async fn endpoints_agree(
    agreement: &dyn Agreement,
    pool: PoolId,
    block: BlockRef,
) -> Option<Check> {
    match agreed::on_pool(agreement, pool, block).await {
        Accord::Alone => None,
        accord => Some(accord.check(ENDPOINTS_AGREE)),
    }
}

/// The answer of the desk where what one endpoint tells speaks against the action altogether: that ends it only where the
/// others say the same, because a case that is refused stands until a person looks.
pub(super) fn refused_unless_doubted(accord: &Accord, words: &str) -> Prepared {
    match accord {
        Accord::Alone | Accord::Agree { .. } => refused(words),
        Accord::Disagree(_) | Accord::Outvoted { .. } | Accord::TooFew { .. } => later(format!(
            "one endpoint says that {words}, which is not believed: {}",
            accord.words()
        )),
    }
}

/// The key and the present committee of a pool; `Err` is the answer of the desk.
pub(super) async fn present(
    manager: &dyn PoolManager,
    execution: &dyn Execution,
    agreement: &dyn Agreement,
    pool: PoolId,
) -> Result<StakedPool, Prepared> {
    let block = execution.head().await.value().map_err(later)?.block;
    let at = At::block(block);
    let (view, staked) = tokio::join!(manager.pool(pool, at), manager.staked(at));
    let view = view.value().map_err(later)?;
    let staked = staked.value().map_err(later)?.contains(&pool);
    let Some(validator) = view.public_key else {
        let words = format!("the contract has no validator for pool {pool}");
        return Err(refused_unless_doubted(
            &agreed::on_pool(agreement, pool, block).await,
            &words,
        ));
    };
    let committee = manager.committee(pool, block).await;
    let committee = committee.value().map_err(later)?;
    Ok(StakedPool {
        block,
        validator,
        committee,
        staked,
    })
}

/// Whether the manager takes calls from the oracle.
pub(super) async fn authorised(manager: &dyn PoolManager, oracle: Option<Address>) -> Check {
    const NAME: &str = "oracle-authorised";
    let Some(oracle) = oracle else {
        return Check::unknown(NAME, "no oracle address is configured");
    };
    let authorised = manager.authorises(oracle, At::Latest).await;
    authorised.check(NAME, |()| {
        (true, format!("the manager takes calls from {oracle}"))
    })
}
