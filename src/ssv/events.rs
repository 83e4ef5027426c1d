//! SSV's events, decoded from logs.

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::{SolEvent, SolEventInterface};

use super::abi::{active_then_balance, balance_then_active};
use crate::ports::{Answer, Log, SsvEvent, SsvEventKind};
use crate::types::{BlsPublicKey, ClusterLayout, ClusterSnapshot, OperatorId, SafeText};

/// Topics 0 of SSV's events in this layout. Those of v2 are listened for in both: what never comes costs nothing.
#[must_use]
pub fn topics(layout: ClusterLayout) -> [(SsvEventKind, B256); 9] {
    macro_rules! topics {
        ($module:ident) => {{
            use SsvEventKind as Kind;
            use $module::Ssv::*;
            [
                (Kind::ValidatorAdded, ValidatorAdded::SIGNATURE_HASH),
                (Kind::ValidatorRemoved, ValidatorRemoved::SIGNATURE_HASH),
                (Kind::ClusterDeposited, ClusterDeposited::SIGNATURE_HASH),
                (Kind::ClusterWithdrawn, ClusterWithdrawn::SIGNATURE_HASH),
                (Kind::ClusterLiquidated, ClusterLiquidated::SIGNATURE_HASH),
                (Kind::ClusterReactivated, ClusterReactivated::SIGNATURE_HASH),
                (Kind::ValidatorExited, ValidatorExited::SIGNATURE_HASH),
                (Kind::ClusterMigratedToEth, ClusterMigratedToETH::SIGNATURE_HASH),
                (Kind::ClusterBalanceUpdated, ClusterBalanceUpdated::SIGNATURE_HASH),
            ]
        }};
    }
    match layout {
        ClusterLayout::BalanceThenActive => topics!(balance_then_active),
        ClusterLayout::ActiveThenBalance => topics!(active_then_balance),
    }
}

/// A log of the network contract, for one owner. What it says decides about clusters, so one that cannot be read is not
/// taken for somebody else's.
pub(super) fn of_owner(owner: Address, log: &Log, layout: ClusterLayout) -> Answer<SsvEvent> {
    let listened = topics(layout).map(|(_, topic)| topic);
    if !log.topics.first().is_some_and(|topic| listened.contains(topic)) {
        return Answer::no("another event");
    }
    if log
        .topics
        .get(1)
        .is_some_and(|topic| Address::from_word(*topic) != owner)
    {
        return Answer::no("another owner's");
    }
    match decode(&log.topics, &log.data, layout) {
        Ok(event) => Answer::Yes(event),
        Err(why) => Answer::not_known(format!("a log of SSV at {} cannot be read: {why}", log.address)),
    }
}

/// Decodes a log of one of the events of [`topics`].
///
/// # Errors
/// It is another event, or malformed.
pub(super) fn decode(topics: &[B256], data: &Bytes, layout: ClusterLayout) -> Result<SsvEvent, SafeText> {
    macro_rules! decode {
        ($module:ident) => {{
            use SsvEventKind as Kind;
            use $module::Ssv::SsvEvents as Event;
            match Event::decode_raw_log(topics, data).map_err(unreadable)? {
                Event::ValidatorAdded(e) => event(Kind::ValidatorAdded, e.owner, e.operatorIds)
                    .of(&e.publicKey)
                    .leaving(e.cluster),
                Event::ValidatorRemoved(e) => event(Kind::ValidatorRemoved, e.owner, e.operatorIds)
                    .of(&e.publicKey)
                    .leaving(e.cluster),
                Event::ClusterDeposited(e) => {
                    event(Kind::ClusterDeposited, e.owner, e.operatorIds).leaving(e.cluster)
                }
                Event::ClusterWithdrawn(e) => {
                    event(Kind::ClusterWithdrawn, e.owner, e.operatorIds).leaving(e.cluster)
                }
                Event::ClusterLiquidated(e) => {
                    event(Kind::ClusterLiquidated, e.owner, e.operatorIds).leaving(e.cluster)
                }
                Event::ClusterReactivated(e) => {
                    event(Kind::ClusterReactivated, e.owner, e.operatorIds).leaving(e.cluster)
                }
                Event::ValidatorExited(e) => {
                    event(Kind::ValidatorExited, e.owner, e.operatorIds).of(&e.publicKey)
                }
                Event::ClusterMigratedToETH(e) => {
                    event(Kind::ClusterMigratedToEth, e.owner, e.operatorIds).leaving(e.cluster)
                }
                Event::ClusterBalanceUpdated(e) => {
                    event(Kind::ClusterBalanceUpdated, e.owner, e.operatorIds).leaving(e.cluster)
                }
            }
        }};
    }
    Ok(match layout {
        ClusterLayout::BalanceThenActive => decode!(balance_then_active),
        ClusterLayout::ActiveThenBalance => decode!(active_then_balance),
    })
}

fn unreadable(_: alloy::sol_types::Error) -> SafeText {
    SafeText::new("it is not as SSV writes it")
}

fn event(kind: SsvEventKind, owner: Address, operators: Vec<u64>) -> SsvEvent {
    SsvEvent {
        kind,
        owner,
        operator_ids: operators.into_iter().map(OperatorId).collect(),
        public_key: None,
        cluster: None,
    }
}

impl SsvEvent {
    fn of(mut self, key: &[u8]) -> Self {
        self.public_key = BlsPublicKey::try_from(key).ok();
        self
    }

    fn leaving(mut self, cluster: impl Into<ClusterSnapshot>) -> Self {
        self.cluster = Some(cluster.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;

    use super::active_then_balance::Cluster;
    use super::active_then_balance::Ssv::{ClusterBalanceUpdated, ClusterMigratedToETH};
    use super::*;
    use crate::types::{BlockRef, LogRef, Root};

    /// Whoever dropped such a log would go on with the snapshot before it.
    #[test]
    fn a_log_of_the_owner_that_cannot_be_read_is_not_somebody_elses() {
        let owner = Address::repeat_byte(7);
        let log = ClusterMigratedToETH {
            owner,
            operatorIds: vec![1, 2, 3, 4],
            ethDeposited: U256::from(8),
            ssvRefunded: U256::from(9),
            effectiveBalance: 96,
            cluster: Cluster {
                validatorCount: 3,
                networkFeeIndex: 5,
                index: 6,
                active: true,
                balance: U256::from(10),
            },
        }
        .encode_log_data();
        let told = |topics: &[B256], data: &[u8]| {
            let log = Log {
                address: Address::repeat_byte(5),
                topics: topics.to_vec(),
                data: data.to_vec().into(),
                at: LogRef {
                    block: BlockRef {
                        number: 9,
                        hash: Root([9; 32]),
                    },
                    transaction: Root([8; 32]),
                    index: 0,
                },
            };
            of_owner(owner, &log, ClusterLayout::ActiveThenBalance)
        };
        let (topics, data) = (log.topics(), &log.data[..]);
        let cut = &data[..data.len() - 32];
        assert!(matches!(told(topics, data), Answer::Yes(_)));
        assert!(matches!(told(topics, cut), Answer::NotKnown(_)));
        assert!(matches!(told(&topics[..1], data), Answer::NotKnown(_)));
        let other = Address::repeat_byte(8).into_word();
        assert!(matches!(told(&[topics[0], other], cut), Answer::No(_)));
        assert!(matches!(
            told(&[B256::repeat_byte(1), topics[1]], cut),
            Answer::No(_)
        ));
        assert!(matches!(told(&[], data), Answer::No(_)));
    }

    /// A replay that did not know them would bring a stale snapshot, and the deposit would revert with
    /// `IncorrectClusterState`.
    #[test]
    fn the_snapshots_of_v2_are_read() {
        let owner = Address::repeat_byte(7);
        let cluster = |balance| Cluster {
            validatorCount: 3,
            networkFeeIndex: 5,
            index: 6,
            active: true,
            balance: U256::from(balance),
        };
        let ids = vec![1, 2, 3, 4];
        let migrated = ClusterMigratedToETH {
            owner,
            operatorIds: ids.clone(),
            ethDeposited: U256::from(8),
            ssvRefunded: U256::from(9),
            effectiveBalance: 96,
            cluster: cluster(10),
        };
        let updated = ClusterBalanceUpdated {
            owner,
            operatorIds: ids,
            blockNum: 77,
            effectiveBalance: 96,
            cluster: cluster(11),
        };
        let logs = [migrated.encode_log_data(), updated.encode_log_data()];
        let kinds = [
            SsvEventKind::ClusterMigratedToEth,
            SsvEventKind::ClusterBalanceUpdated,
        ];
        for ((log, kind), balance) in logs.into_iter().zip(kinds).zip([10, 11]) {
            let read = decode(log.topics(), &log.data, ClusterLayout::ActiveThenBalance).unwrap();
            assert_eq!((read.kind, read.owner), (kind, owner));
            assert_eq!(read.cluster, Some(cluster(balance).into()));
            assert_eq!(read.operator_ids, [1, 2, 3, 4].map(OperatorId));
        }
    }
}
