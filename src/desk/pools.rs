//! What the manager says of a pool, and of the oracle.

use alloy::primitives::Address;

use super::{later, refused};
use crate::oracle::{ENDPOINTS_AGREE, Prepared};
use crate::ports::agreed::{self, words};
use crate::ports::{
    Accord, Agreement, Answer, At, CeremonyCapabilities, Execution, PoolManager, PresentCommittee, Words,
};
use crate::types::{BlockRef, BlsPublicKey, Check, PoolId, counted};

/// What the contract says of a staked pool: its key and who holds it.
pub(super) struct StakedPool {
    pub(super) block: BlockRef,
    pub(super) validator: BlsPublicKey,
    pub(super) committee: PresentCommittee,
    pub(super) staked: bool,
    pub(super) exiting: bool,
}

impl StakedPool {
    /// Only a staked pool can be reshared or exited.
    pub(super) fn staked_check(&self, pool: PoolId) -> Check {
        let not = if self.staked { "" } else { "not " };
        Check::of("pool-staked", self.staked, format!("pool {pool} is {not}staked"))
    }

    /// What the contract's state said of it.
    fn words(&self) -> Words {
        vec![
            words::key(Some(&self.validator)),
            words::staked(self.staked),
            words::exiting(self.exiting),
        ]
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
    match on_committee(manager, agreement, pool, present).await {
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

/// Whether the endpoints tell what was read of a pool whose key something takes, and of who holds it.
pub(super) async fn on_present(
    manager: &dyn PoolManager,
    agreement: &dyn Agreement,
    pool: PoolId,
    present: &StakedPool,
) -> Accord {
    let used = present.words();
    let (state, committee) = tokio::join!(
        agreed::on_pool(agreement, pool, present.block, &used),
        on_committee(manager, agreement, pool, present),
    );
    state.and(committee)
}

/// The same as a check of a ceremony. Nothing where one alone is configured: it moves no money, and what it is asked for by has
/// checks of its own.
pub(super) fn of_ceremony(accord: &Accord) -> Option<Check> {
    (*accord != Accord::Alone).then(|| accord.check(ENDPOINTS_AGREE))
}

/// Whether the endpoints tell who holds a pool's key as it was read.
pub(super) async fn on_committee(
    manager: &dyn PoolManager,
    agreement: &dyn Agreement,
    pool: PoolId,
    present: &StakedPool,
) -> Accord {
    agreed::on_committee(agreement, manager, pool, present.block, &present.committee).await
}

/// How many of the present holders sign.
///
/// # Errors
/// The backend has no such committee: the answer of the desk.
pub(super) async fn threshold_of_holders(
    can: &CeremonyCapabilities,
    manager: &dyn PoolManager,
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
    let accord = on_committee(manager, agreement, pool, present).await;
    Err(refused_unless_doubted(&accord, &words))
}

/// The answer of the desk where what was read speaks against the action altogether: that ends it only where the endpoints bear
/// it out, because a case that is refused stands until a person looks.
pub(super) fn refused_unless_doubted(accord: &Accord, words: &str) -> Prepared {
    match accord {
        accord if accord.bears_out() => refused(words),
        accord => later(format!(
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
        let used = vec![words::key(None)];
        let accord = agreed::on_pool(agreement, pool, block, &used).await;
        let words = format!("the contract has no validator for pool {pool}");
        return Err(refused_unless_doubted(&accord, &words));
    };
    let committee = manager.committee(pool, block).await;
    let committee = committee.value().map_err(later)?;
    Ok(StakedPool {
        block,
        validator,
        committee,
        staked,
        exiting: view.exiting,
    })
}

/// Whether the manager takes calls from the oracle at a block, and what was told of it.
pub(super) async fn authorised(
    manager: &dyn PoolManager,
    oracle: Option<Address>,
    block: BlockRef,
) -> (Check, Answer<()>) {
    const NAME: &str = "oracle-authorised";
    let Some(oracle) = oracle else {
        let words = "no oracle address is configured";
        return (Check::unknown(NAME, words), Answer::not_known(words));
    };
    let authorised = manager.authorises(oracle, At::block(block)).await;
    let check = authorised.check(NAME, |()| {
        (true, format!("the manager takes calls from {oracle}"))
    });
    (check, authorised)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chain::agreement::Voices;
    use crate::ports::fakes::{FakeCeremonies, FakeExecution, FakeManager, FakeSsv};
    use crate::ports::{Answer, Ceremonies as _, CommitteeSource, Voice};
    use crate::types::{CheckStatus, OperatorId, PoolView, Root};

    const POOL: PoolId = PoolId(1);
    const KEY: BlsPublicKey = BlsPublicKey([1; 48]);

    fn with_key() -> PoolView {
        let told = FakeManager::default().pool.yes().unwrap();
        PoolView {
            public_key: Some(KEY),
            ..told
        }
    }

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
        told_after(operators[0], operators)
    }

    /// The same, where another number was read before.
    fn told_after(before: u64, operators: &[u64]) -> (Voices, StakedPool) {
        let voice = |(n, operators): (usize, &u64)| Voice {
            name: format!("endpoint {n}").as_str().into(),
            execution: Arc::new(FakeExecution::default()),
            manager: Arc::new(FakeManager {
                committee: Answer::Yes(held_by(*operators)),
                pool: Answer::Yes(with_key()),
                ..FakeManager::default()
            }),
            ssv: Arc::new(FakeSsv::default()),
        };
        let present = StakedPool {
            block: BlockRef {
                number: 9,
                hash: Root([9; 32]),
            },
            validator: KEY,
            committee: held_by(before),
            staked: false,
            exiting: false,
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
            let manager = FakeManager::default();
            let answer = threshold_of_holders(can, &manager, &voices, POOL, &present).await;
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
        let manager = FakeManager::default();
        let threshold = threshold_of_holders(can, &manager, &voices, POOL, &present).await;
        assert_eq!(threshold.unwrap(), 2);
        // whoever said 5 says 3 by now, as all do
        let (voices, present) = told_after(5, &[3, 3]);
        let answer = threshold_of_holders(can, &manager, &voices, POOL, &present).await;
        assert!(matches!(answer, Err(Prepared::Later { .. })), "{answer:?}");
    }

    #[tokio::test]
    async fn who_holds_a_key_is_compared_before_its_holders_sign() {
        for (operators, status) in [
            (&[3][..], None),
            (&[3, 3], Some(CheckStatus::Pass)),
            (&[3, 4], Some(CheckStatus::Fail)),
        ] {
            let (voices, present) = told(operators);
            let check = of_ceremony(&on_present(&FakeManager::default(), &voices, POOL, &present).await);
            assert_eq!(check.as_ref().map(|check| check.status), status, "{check:?}");
        }
        let (voices, mut present) = told_after(4, &[3, 3]);
        let accord = on_present(&FakeManager::default(), &voices, POOL, &present).await;
        assert!(accord.contradiction().is_some(), "{accord:?}");
        present.committee = held_by(3);
        present.validator = BlsPublicKey([2; 48]);
        let accord = on_present(&FakeManager::default(), &voices, POOL, &present).await;
        assert!(accord.words().contains("the pool's key"), "{accord:?}");
    }

    /// It would halt the case.
    #[tokio::test]
    async fn a_pool_without_a_validator_by_one_answer_ends_no_case() {
        let (execution, denies) = (FakeExecution::default(), FakeManager::default());
        for (voices, is_refused) in [(&[3, 3][..], false), (&[], true)] {
            let (voices, _) = told_after(3, voices);
            let answer = present(&denies, &execution, &voices, POOL).await;
            let Err(answer) = answer else {
                panic!("the contract has no validator")
            };
            assert_eq!(matches!(answer, Prepared::Refused(_)), is_refused, "{answer:?}");
        }
    }
}
