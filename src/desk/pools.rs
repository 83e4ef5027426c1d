//! What the manager says of a pool, and of the oracle.

use alloy::primitives::Address;

use super::{later, refused};
use crate::oracle::{ENDPOINTS_AGREE, Prepared};
use crate::ports::{
    Accord, Agreement, At, CeremonyCapabilities, Execution, PoolManager, PresentCommittee, agreed,
};
use crate::types::{BlockRef, BlsPublicKey, Check, PoolId, counted};

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

/// Whether the endpoints tell the same of a pool whose key a ceremony takes, and of who holds it. Nothing where one alone is configured: such a
/// ceremony moves no money, and what it is asked for by has checks of its own.
pub(super) async fn endpoints_agree(
    agreement: &dyn Agreement,
    pool: PoolId,
    block: BlockRef,
) -> Option<Check> {
    let mut accord = agreed::on_pool(agreement, pool, block).await;
    if matches!(accord, Accord::Agree { .. }) {
        let on_committee = agreed::on_committee(agreement, pool, block).await;
        if !matches!(on_committee, Accord::Agree { .. }) {
            accord = on_committee;
        }
    }
    match accord {
        Accord::Alone => None,
        accord => Some(accord.check(ENDPOINTS_AGREE)),
    }
}

/// How many of the present holders sign.
///
/// # Errors
/// The backend has no such committee: the answer of the desk.
pub(super) async fn threshold_of_holders(
    can: &CeremonyCapabilities,
    agreement: &dyn Agreement,
    pool: PoolId,
    present: &StakedPool,
) -> Result<u8, Prepared> {
    let holders = present.committee.operator_ids.len();
    if let Some(threshold) = can.threshold_of(holders) {
        return Ok(threshold);
    }
    let held_by = counted(holders, "operator");
    let words = format!("pool {pool} is held by {held_by}, which is no committee");
    let accord = agreed::on_committee(agreement, pool, present.block).await;
    Err(refused_unless_doubted(&accord, &words))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chain::agreement::Voices;
    use crate::ports::fakes::{FakeCeremonies, FakeExecution, FakeManager, FakeSsv};
    use crate::ports::{Answer, Ceremonies as _, CommitteeSource, Voice};
    use crate::types::{CheckStatus, OperatorId, Root};

    const POOL: PoolId = PoolId(1);

    fn held_by(operators: u64) -> PresentCommittee {
        PresentCommittee {
            operator_ids: (1..=operators).map(OperatorId).collect(),
            shares: Default::default(),
            source: CommitteeSource::State,
            reshare_count: 0,
        }
    }

    /// Endpoints that tell of so many operators each; the first is believed before they are compared.
    fn told(operators: &[u64]) -> (Voices, StakedPool) {
        let voice = |(n, operators): (usize, &u64)| Voice {
            name: format!("endpoint {n}").as_str().into(),
            execution: Arc::new(FakeExecution::default()),
            manager: Arc::new(FakeManager {
                committee: Answer::Yes(held_by(*operators)),
                ..FakeManager::default()
            }),
            ssv: Arc::new(FakeSsv::default()),
        };
        let present = StakedPool {
            block: BlockRef {
                number: 9,
                hash: Root([9; 32]),
            },
            validator: BlsPublicKey([1; 48]),
            committee: held_by(operators[0]),
            staked: true,
        };
        (
            Voices::new(operators.iter().enumerate().map(voice).collect()),
            present,
        )
    }

    #[tokio::test]
    async fn a_committee_that_one_endpoint_alone_tells_ends_no_case() {
        let fake = FakeCeremonies::default();
        let can = fake.capabilities();
        for (operators, is_refused) in [
            (&[5][..], true),
            (&[5, 5], true),
            (&[5, 3], false),
            (&[5, 3, 3], false),
        ] {
            let (voices, present) = told(operators);
            let answer = threshold_of_holders(can, &voices, POOL, &present).await;
            match answer.unwrap_err() {
                Prepared::Refused(why) => assert!(is_refused, "{operators:?}: {why}"),
                Prepared::Later { reason, .. } => {
                    assert!(!is_refused, "{operators:?}: {reason}");
                    let words = "pool 1 is held by 5 operators, which is no committee, which is not believed";
                    assert!(reason.as_str().contains(words), "{reason}");
                }
                other => panic!("{operators:?}: {other:?}"),
            }
        }
        let (voices, present) = told(&[3, 5]);
        let threshold = threshold_of_holders(can, &voices, POOL, &present).await;
        assert_eq!(threshold.unwrap(), 2);
    }

    #[tokio::test]
    async fn who_holds_a_key_is_compared_before_its_holders_sign() {
        for (operators, status) in [
            (&[3][..], None),
            (&[3, 3], Some(CheckStatus::Pass)),
            (&[3, 4], Some(CheckStatus::Fail)),
        ] {
            let (voices, present) = told(operators);
            let check = endpoints_agree(&voices, POOL, present.block).await;
            assert_eq!(check.as_ref().map(|check| check.status), status, "{check:?}");
        }
    }
}
