//! The cluster's snapshot that a registration carries. No contract keeps it, so each endpoint's is rebuilt from SSV's logs, and
//! one that once left a log out would keep its own wrong for ever: from then on every deposit of the committee reverts.
//! What several tell alike is taken; where they differ, or one alone tells any, each is tried out, and one that SSV does not call
//! stale is right.

use crate::ports::{
    Accord, Agreement, Answer, Call, Execution, InitiateDeposit, PoolCall, PoolManager, Simulated, Ssv,
    SsvState, agreed,
};
use crate::types::{BlockRef, OperatorId};

/// SSV's state with the snapshot to register with: `told` is one endpoint's, and `call` the registration with another one.
/// What one alone tells is tried out, too. Not known where several are configured and SSV takes nobody's.
pub(super) async fn settle(
    (agreement, execution, ssv): (&dyn Agreement, &dyn Execution, &dyn Ssv),
    block: BlockRef,
    operators: &[OperatorId],
    told: Answer<SsvState>,
    call: impl Fn(&SsvState) -> Option<Call> + Send + Sync,
) -> Answer<SsvState> {
    let Some(mut candidates) = agreed::on_cluster(agreement, block, operators).await else {
        return told;
    };
    if candidates.is_empty() {
        match told {
            // nobody tells it any more who told it a moment ago
            Answer::Yes(state) => candidates.push((state, 1)),
            unknown => return unknown,
        }
    }
    if let [(state, 2..)] = &*candidates {
        return Answer::Yes(state.clone());
    }
    let (mut taken, mut stale, mut untried) = (None, Vec::new(), None);
    for (state, _) in &candidates {
        // what cannot be written cannot be sent either
        let Some(call) = call(state) else {
            return Answer::Yes(state.clone());
        };
        match execution.simulate(&call).await {
            Answer::Yes(tried) if is_stale(ssv, &tried) => {
                let is_sure = matches!(
                    tried,
                    Simulated::Reverts {
                        agreed_at: Some(_),
                        ..
                    }
                );
                stale.extend(is_sure.then(|| state.cluster.clone()));
            }
            Answer::Yes(_) if taken.is_none() => taken = Some(state.clone()),
            Answer::NotKnown(why) => untried = Some(why),
            Answer::Yes(_) | Answer::No(_) => {}
        }
    }
    // they were tried out on the newest block: whoever was right until then tells another one by now
    if let (false, Answer::Yes(head)) = (stale.is_empty(), execution.head().await) {
        agreed::read_clusters_anew(agreement, head.block, operators, &stale).await;
    }
    match (taken, untried) {
        (Some(state), _) => Answer::Yes(state),
        // SSV has said nothing of that one: it may be the right one
        (None, Some(why)) => Answer::not_known(format!(
            "a snapshot of the cluster of these operators could not be tried out: {why}"
        )),
        (None, None) => Answer::not_known(NONE_TAKEN),
    }
}

const NONE_TAKEN: &str =
    "SSV takes none of the snapshots that endpoints tell of the cluster of these operators";

/// SSV calls the snapshot of a registration stale, by anybody's word.
fn is_stale(ssv: &dyn Ssv, tried: &Simulated) -> bool {
    match tried {
        Simulated::Reverts { revert, .. } | Simulated::Unconfirmed { revert, .. } => {
            ssv.snapshot_was_stale(revert)
        }
        Simulated::Succeeds { .. } | Simulated::Disputed { .. } => false,
    }
}

/// A registration was tried out. Where its snapshot is stale by two endpoints, or by the only one, and the logs up to the newest
/// block tell no other, one of them was left out when they were read: whoever tells that snapshot reads them anew.
pub(super) async fn doubt(
    (agreement, manager, execution, ssv): (&dyn Agreement, &dyn PoolManager, &dyn Execution, &dyn Ssv),
    data: &[u8],
    tried: &Answer<Simulated>,
) {
    let Answer::Yes(Simulated::Reverts { revert, agreed_at }) = tried else {
        return;
    };
    if !ssv.snapshot_was_stale(revert) {
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
    let stale = agreed_at.map(|_| registering.cluster.clone());
    let accord = agreed::read_clusters_anew(agreement, head.block, operator_ids, stale.as_slice()).await;
    if accord != Accord::Alone {
        return;
    }
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
            simulated: Answer::Yes(stale_by_two()),
            ..FakeExecution::default()
        }
    }

    fn stale_by_two() -> Simulated {
        Simulated::Reverts {
            revert: Revert::of(&[1]),
            agreed_at: Some(BLOCK),
        }
    }

    /// The balance of the snapshot that is taken, and how often each reader read its logs anew.
    async fn settled(told: u64, balances: &[u64], right: u64) -> (Option<u64>, Vec<u64>) {
        let (readers, voices) = voices(balances);
        let settled = settle_with(told, &voices, &takes(right)).await;
        let anew = readers.iter().map(|reader| reader.anew.load(Ordering::Relaxed));
        (settled, anew.collect())
    }

    async fn settle_with(told: u64, voices: &Voices, execution: &FakeExecution) -> Option<u64> {
        let first = FakeSsv {
            stale: true,
            ..ssv(told)
        };
        let ask = (
            voices as &dyn Agreement,
            execution as &dyn Execution,
            &first as &dyn Ssv,
        );
        let state = settle(ask, BLOCK, &[OperatorId(1)], first.state.clone(), call).await;
        state.yes().map(|state| state.cluster.balance.to())
    }

    #[tokio::test]
    async fn the_snapshot_that_ssv_takes_is_found_wherever_it_is_told() {
        // one left a log out, of two and of three: it alone reads its logs anew
        assert_eq!(settled(5, &[5, 8], 8).await, (Some(8), vec![1, 0]));
        assert_eq!(settled(5, &[8, 5], 8).await, (Some(8), vec![0, 1]));
        assert_eq!(settled(5, &[5, 8, 8], 8).await, (Some(8), vec![1, 0, 0]));
        // all tell the same: nothing is tried out, and nothing read again
        assert_eq!(settled(8, &[8, 8], 8).await, (Some(8), vec![0, 0]));
        // SSV takes nobody's
        assert_eq!(settled(5, &[5, 8, 8], 9).await, (None, vec![1, 1, 1]));
        // one endpoint
        assert_eq!(settled(5, &[5], 8).await, (Some(5), vec![0]));
    }

    #[tokio::test]
    async fn a_snapshot_that_one_endpoint_alone_tells_is_tried_out() {
        let (readers, voices) = voices(&[5, 8]);
        // the other one still reads
        readers[1].read_anew().await;
        assert_eq!(settle_with(5, &voices, &takes(8)).await, None);
        assert_eq!(readers[0].anew.load(Ordering::Relaxed), 1);
        // nobody tells it any more: so is what was told a moment ago
        assert_eq!(settle_with(5, &voices, &takes(8)).await, None);
        assert_eq!(settle_with(8, &voices, &takes(8)).await, Some(8));
        let (readers, voices) = self::voices(&[5, 8]);
        readers[0].read_anew().await;
        assert_eq!(settle_with(8, &voices, &takes(8)).await, Some(8));
        assert_eq!(readers[1].anew.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_snapshot_that_could_not_be_tried_out_is_refused_by_nobody() {
        let (_, voices) = voices(&[5, 8]);
        let execution = FakeExecution {
            simulated: Answer::not_known("no endpoint answers"),
            ..FakeExecution::default()
        };
        let first = ssv(5);
        let ask = (
            &voices as &dyn Agreement,
            &execution as &dyn Execution,
            &first as &dyn Ssv,
        );
        let settled = settle(ask, BLOCK, &[OperatorId(1)], first.state.clone(), call).await;
        let Answer::NotKnown(why) = settled else {
            panic!("{settled:?}");
        };
        let words = "could not be tried out: no endpoint answers";
        assert!(why.to_string().ends_with(words), "{why}");
    }

    /// Whoever forgets what is right for another's lie is the one that is missing at the last checks.
    #[tokio::test]
    async fn one_endpoints_word_that_a_snapshot_is_stale_has_nobody_read_anew() {
        for (tried, anew) in [
            (
                Simulated::Unconfirmed {
                    revert: Revert::of(&[1]),
                    words: "a says so".into(),
                },
                [0, 0],
            ),
            (Simulated::reverts(Revert::of(&[1])), [0, 0]),
            (stale_by_two(), [1, 1]),
        ] {
            let (readers, voices) = voices(&[5, 8]);
            let execution = FakeExecution {
                simulated: Answer::Yes(tried.clone()),
                ..FakeExecution::default()
            };
            settle_with(5, &voices, &execution).await;
            let read = readers.iter().map(|reader| reader.anew.load(Ordering::Relaxed));
            assert_eq!(read.collect::<Vec<_>>(), anew, "{tried:?}");
        }
    }

    #[tokio::test]
    async fn of_several_endpoints_those_read_anew_that_tell_the_stale_snapshot() {
        let brought = ssv(5).state.yes().unwrap().cluster;
        let (manager, execution) = (FakeManager::default(), FakeExecution::default());
        let data = manager.encode(&registration(&brought)).unwrap();
        for (tried, anew) in [
            (stale_by_two(), [1, 0]),
            (Simulated::reverts(Revert::of(&[1])), [0, 0]),
        ] {
            let (readers, voices) = voices(&[5, 8]);
            let first = FakeSsv {
                stale: true,
                ..ssv(5)
            };
            let ask = (
                &voices as &dyn Agreement,
                &manager as &dyn PoolManager,
                &execution as &dyn Execution,
                &first as &dyn Ssv,
            );
            doubt(ask, &data, &Answer::Yes(tried)).await;
            let read = readers.iter().map(|reader| reader.anew.load(Ordering::Relaxed));
            assert_eq!(read.collect::<Vec<_>>(), anew);
            assert_eq!(first.anew.load(Ordering::Relaxed), 0);
        }
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
                &voices(&[5]).1 as &dyn Agreement,
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
        let fine = Simulated::Succeeds {
            gas: 1,
            doubt: None,
            less: None,
        };
        assert_eq!(doubted(5, stale(5), fine).await, 0);
    }
}
