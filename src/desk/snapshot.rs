//! The cluster's snapshot that a registration carries. No contract keeps it, so each endpoint's is rebuilt from SSV's logs, and
//! one that once left a log out would keep its own wrong for ever: from then on every deposit of the committee reverts.
//! What several tell alike is taken; where they differ each is tried out, and one that SSV does not call stale is right.

use crate::ports::{
    Agreement, Answer, Call, Execution, InitiateDeposit, PoolCall, PoolManager, Simulated, Ssv, SsvState,
    agreed,
};
use crate::types::{BlockRef, OperatorId};

/// SSV's state with the snapshot to register with: `told` is one endpoint's, and `call` the registration with another one.
pub(super) async fn settle(
    (agreement, execution, ssv): (&dyn Agreement, &dyn Execution, &dyn Ssv),
    block: BlockRef,
    operators: &[OperatorId],
    told: Answer<SsvState>,
    call: impl Fn(&SsvState) -> Option<Call> + Send + Sync,
) -> Answer<SsvState> {
    let candidates = agreed::on_cluster(agreement, block, operators).await;
    if candidates.len() > 1 {
        for state in &candidates {
            let Some(call) = call(state) else { break };
            match execution.simulate(&call).await {
                Answer::Yes(tried) if !is_stale(ssv, &tried) => return Answer::Yes(state.clone()),
                _ => {}
            }
        }
    }
    match candidates.into_iter().next() {
        Some(most) => Answer::Yes(most),
        None => told,
    }
}

/// SSV calls the snapshot of a registration stale, by anybody's word.
fn is_stale(ssv: &dyn Ssv, tried: &Simulated) -> bool {
    match tried {
        Simulated::Reverts { revert, .. } | Simulated::Unconfirmed { revert, .. } => {
            ssv.snapshot_was_stale(revert)
        }
        Simulated::Succeeds { .. } | Simulated::Disputed { .. } => false,
    }
}

/// A registration was tried out. Where its snapshot is stale, and the logs up to the newest block tell no other, one of them
/// was left out when they were read: they are read anew.
pub(super) async fn doubt(
    (manager, execution, ssv): (&dyn PoolManager, &dyn Execution, &dyn Ssv),
    data: &[u8],
    tried: &Answer<Simulated>,
) {
    let Answer::Yes(tried) = tried else { return };
    if !is_stale(ssv, tried) {
        return;
    }
    let Some(PoolCall::InitiateDeposit(call)) = manager.decode(data) else {
        return;
    };
    let InitiateDeposit {
        operator_ids,
        registering: Some(registering),
        ..
    } = &*call
    else {
        return;
    };
    let Answer::Yes(head) = execution.head().await else {
        return;
    };
    let newest = ssv.state(head.block, operator_ids).await;
    if newest
        .yes()
        .is_some_and(|newest| newest.cluster == registering.cluster)
    {
        ssv.read_anew().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use alloy::primitives::{Address, Bytes, U256};

    use super::*;
    use crate::chain::agreement::Voices;
    use crate::ports::fakes::{FakeExecution, FakeManager, FakeSsv};
    use crate::ports::{Registering, Revert, Voice};
    use crate::types::{BlsPublicKey, BlsSignature, ClusterSnapshot, Root};

    const BLOCK: BlockRef = BlockRef {
        number: 9,
        hash: Root([9; 32]),
    };

    fn ssv(balance: u64) -> FakeSsv {
        let mut ssv = FakeSsv::default();
        let Answer::Yes(state) = &mut ssv.state else {
            panic!()
        };
        state.known_cluster = true;
        state.cluster.balance = U256::from(balance);
        ssv
    }

    fn voices(balances: &[u64]) -> (Vec<Arc<FakeSsv>>, Voices) {
        let readers: Vec<_> = balances.iter().map(|balance| Arc::new(ssv(*balance))).collect();
        let voice = |(n, reader): (usize, &Arc<FakeSsv>)| Voice {
            name: format!("endpoint {n}").as_str().into(),
            execution: Arc::new(FakeExecution::default()),
            manager: Arc::new(FakeManager::default()),
            ssv: Arc::clone(reader) as Arc<dyn Ssv>,
        };
        let voices = Voices::new(readers.iter().enumerate().map(voice).collect());
        (readers, voices)
    }

    fn registration(cluster: &ClusterSnapshot) -> PoolCall {
        PoolCall::InitiateDeposit(Box::new(InitiateDeposit {
            pool: None,
            deposit_data_root: Root::default(),
            public_key: BlsPublicKey([1; 48]),
            operator_ids: vec![OperatorId(1)],
            shares: Bytes::new(),
            signature: BlsSignature::default(),
            withdrawal_credentials: Root::default(),
            registering: Some(Registering::by_swap(cluster.clone(), U256::from(1))),
        }))
    }

    fn call(state: &SsvState) -> Option<Call> {
        let data = FakeManager::default()
            .encode(&registration(&state.cluster))
            .unwrap();
        Some(Call {
            from: Address::ZERO,
            to: Address::ZERO,
            data,
            value_wei: U256::ZERO,
        })
    }

    /// SSV takes the snapshot with this balance alone.
    fn takes(balance: u64) -> FakeExecution {
        FakeExecution {
            takes: Some(Box::new(move |tried: &Call| {
                let manager = FakeManager::default();
                let Some(PoolCall::InitiateDeposit(call)) = manager.decode(&tried.data) else {
                    return false;
                };
                call.registering
                    .is_some_and(|r| r.cluster.balance == U256::from(balance))
            })),
            simulated: Answer::Yes(Simulated::reverts(Revert::of(&[1]))),
            ..FakeExecution::default()
        }
    }

    async fn settled(told: u64, balances: &[u64], right: u64) -> (u64, Vec<u64>) {
        let first = FakeSsv {
            stale: true,
            ..ssv(told)
        };
        let (readers, voices) = voices(balances);
        let execution = takes(right);
        let ask = (
            &voices as &dyn Agreement,
            &execution as &dyn Execution,
            &first as &dyn Ssv,
        );
        let state = settle(ask, BLOCK, &[OperatorId(1)], first.state.clone(), call).await;
        let anew = readers.iter().map(|reader| reader.anew.load(Ordering::Relaxed));
        (state.yes().unwrap().cluster.balance.to(), anew.collect())
    }

    #[tokio::test]
    async fn the_snapshot_that_ssv_takes_is_found_wherever_it_is_told() {
        // the first one left a log out, of two and of three
        assert_eq!(settled(5, &[5, 8], 8).await, (8, vec![1, 1]));
        assert_eq!(settled(5, &[8, 5], 8).await, (8, vec![1, 1]));
        assert_eq!(settled(5, &[5, 8, 8], 8).await, (8, vec![1, 1, 1]));
        // all tell the same: nothing is tried out, and nothing read again
        assert_eq!(settled(8, &[8, 8], 8).await, (8, vec![0, 0]));
        // SSV takes nobody's: what most tell
        assert_eq!(settled(5, &[5, 8, 8], 9).await, (8, vec![1, 1, 1]));
        // one endpoint
        assert_eq!(settled(5, &[5], 8).await, (5, vec![0]));
    }

    #[tokio::test]
    async fn logs_that_tell_no_newer_snapshot_than_the_stale_one_are_read_anew() {
        let doubted = async |brought: u64, ssv: FakeSsv, tried: Simulated| {
            let brought = ClusterSnapshot {
                balance: U256::from(brought),
                ..ClusterSnapshot::fresh()
            };
            let (manager, execution) = (FakeManager::default(), FakeExecution::default());
            let data = manager.encode(&registration(&brought)).unwrap();
            let ask = (
                &manager as &dyn PoolManager,
                &execution as &dyn Execution,
                &ssv as &dyn Ssv,
            );
            doubt(ask, &data, &Answer::Yes(tried)).await;
            ssv.anew.load(Ordering::Relaxed)
        };
        let reverts = || Simulated::reverts(Revert::of(&[1]));
        let stale = |balance| FakeSsv {
            stale: true,
            ..ssv(balance)
        };
        assert_eq!(doubted(5, stale(5), reverts()).await, 1);
        // somebody paid in meanwhile
        assert_eq!(doubted(5, stale(8), reverts()).await, 0);
        assert_eq!(doubted(5, ssv(5), reverts()).await, 0, "another revert");
        let fine = Simulated::Succeeds { gas: 1, doubt: None };
        assert_eq!(doubted(5, stale(5), fine).await, 0);
    }
}
