//! What a registration would leave at SSV, from the logs that it would emit and the fees of this moment.
//!
//! A cluster can be liquidated as soon as its balance is below the larger of the minimum collateral and what it burns within
//! the threshold period. It burns, per block and validator, the fees of its operators and that of the network (docs.ssv.network,
//! "Liquidations" and "Cluster balance").

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolEvent as _;
use futures_util::future::try_join_all;

use super::abi::Views;
use crate::chain::rpc::{At, Rpc};
use crate::chain::view::{ViewError, view};
use crate::ports::{Answer, Funding, FundingBefore, Log, SsvEvent, SsvEventKind};
use crate::types::{ClusterSnapshot, OperatorId};

alloy::sol! {
    /// Of every ERC-20 token.
    event Transfer(address indexed from, address indexed to, uint256 value);
}

/// The tokens that `network` gets by these logs. They name no price, so only one contract may say that it moves some.
fn received(logs: &[Log], network: Address) -> Result<U256, String> {
    let to = network.into_word();
    let mut token = None;
    let mut sum = U256::ZERO;
    for log in logs {
        let topics: &[B256] = &log.topics;
        if topics.len() != 3 || topics[0] != Transfer::SIGNATURE_HASH || topics[2] != to {
            continue;
        }
        if token.is_some_and(|known| known != log.address) {
            return Err(format!("more than one token is moved to SSV at {network}"));
        }
        token = Some(log.address);
        let value = Transfer::decode_raw_log(topics, &log.data).map_err(|error| error.to_string())?;
        sum = sum.saturating_add(value.value);
    }
    Ok(sum)
}

/// See [`crate::ports::Ssv::funding`]. `events`: those of the owner among the logs.
pub(super) async fn of(
    rpc: &Rpc,
    network: Address,
    logs: &[Log],
    events: &[SsvEvent],
    before: &ClusterSnapshot,
    at: At,
) -> Answer<Funding> {
    let added = events
        .iter()
        .find(|event| event.kind == SsvEventKind::ValidatorAdded);
    let Some((added, cluster)) = added.and_then(|event| Some((event, event.cluster.as_ref()?))) else {
        return Answer::not_known("what was tried out registers no validator");
    };
    match received(logs, network) {
        Ok(received) => {
            let fees = match fees(rpc, network, &added.operator_ids, at).await {
                Ok(fees) => Answer::Yes(fees),
                Err(error) => Answer::not_known(format!("SSV's fees: {error}")),
            };
            let runway = |cluster: &ClusterSnapshot| fees.as_ref().map(|fees| fees.runway(cluster));
            let before = Some(before).filter(|cluster| cluster.validator_count > 0);
            Answer::Yes(Funding {
                received,
                balance: cluster.balance,
                runway_blocks: runway(cluster),
                before: before.map(|cluster| FundingBefore {
                    balance: cluster.balance,
                    runway_blocks: runway(cluster),
                }),
            })
        }
        Err(why) => Answer::not_known(why),
    }
}

/// In 10^-18 SSV.
struct Fees {
    /// Of all operators and the network, a block and validator.
    rate: U256,
    /// The threshold period, blocks.
    period: u64,
    /// The minimum collateral.
    collateral: U256,
}

async fn fees(rpc: &Rpc, network: Address, operators: &[OperatorId], at: At) -> Result<Fees, ViewError> {
    let of_operators = operators
        .iter()
        .map(|id| view(rpc, network, Views::getOperatorFeeCall { operatorId: id.0 }, at));
    let (of_operators, of_network, period, collateral) = tokio::try_join!(
        try_join_all(of_operators),
        view(rpc, network, Views::getNetworkFeeCall {}, at),
        view(rpc, network, Views::getLiquidationThresholdPeriodCall {}, at),
        view(rpc, network, Views::getMinimumLiquidationCollateralCall {}, at),
    )?;
    Ok(Fees {
        rate: of_operators.into_iter().fold(of_network, U256::saturating_add),
        period,
        collateral,
    })
}

impl Fees {
    /// Blocks until anybody may liquidate the cluster.
    fn runway(&self, cluster: &ClusterSnapshot) -> u64 {
        let burns = self.rate.saturating_mul(U256::from(cluster.validator_count));
        if burns.is_zero() {
            return u64::MAX;
        }
        let floor = burns.saturating_mul(U256::from(self.period)).max(self.collateral);
        let blocks = cluster.balance.saturating_sub(floor) / burns;
        u64::try_from(blocks).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BlockRef, LogRef, Root};

    fn moved(token: u8, to: Address, value: u64) -> Log {
        let event = Transfer {
            from: Address::repeat_byte(7),
            to,
            value: U256::from(value),
        };
        let data = event.encode_log_data();
        Log {
            address: Address::repeat_byte(token),
            topics: data.topics().to_vec(),
            data: data.data,
            at: LogRef {
                block: BlockRef {
                    number: 1,
                    hash: Root::default(),
                },
                transaction: Root::default(),
                index: 0,
            },
        }
    }

    #[test]
    fn only_what_one_token_moves_to_the_network_counts() {
        let (network, other) = (Address::repeat_byte(5), Address::repeat_byte(6));
        assert_eq!(received(&[], network), Ok(U256::ZERO));
        let logs = [moved(1, network, 3), moved(2, other, 9), moved(1, network, 4)];
        assert_eq!(received(&logs, network), Ok(U256::from(7)));
        assert!(received(&[moved(1, network, 3), moved(2, network, 4)], network).is_err());
    }

    #[test]
    fn a_cluster_lasts_until_it_is_below_what_liquidation_takes() {
        let fees = |collateral: u64| Fees {
            rate: U256::from(10),
            period: 100,
            collateral: U256::from(collateral),
        };
        let cluster = |validator_count, balance: u64| ClusterSnapshot {
            validator_count,
            balance: U256::from(balance),
            ..ClusterSnapshot::fresh()
        };
        // 2 validators burn 20 a block; 2,000 must be left
        assert_eq!(fees(0).runway(&cluster(2, 5_000)), 150);
        assert_eq!(fees(4_000).runway(&cluster(2, 5_000)), 50);
        assert_eq!(fees(0).runway(&cluster(2, 1_999)), 0);
        let free = Fees {
            rate: U256::ZERO,
            ..fees(0)
        };
        assert_eq!(free.runway(&cluster(2, 0)), u64::MAX);
    }
}
