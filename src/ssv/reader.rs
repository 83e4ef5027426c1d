//! SSV's view of an owner, rebuilt from its events: cluster snapshots and the registration nonce. SSV stores only
//! hashes of the first and nothing of the second, so every caller has to bring them.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use async_trait::async_trait;
use tokio::sync::Mutex;

use super::events::{decode, topics};
use super::{errors, funding, shares_data, version};
use crate::chain::replay::{Replay, ReplayError, Replayed};
use crate::chain::rpc::{LogEntry, LogFilter, Rpc};
use crate::ports::{
    Answer, At, Funding, KeyScope, Log, NotShares, Revert, SharesData, Ssv, SsvCapabilities, SsvEvent,
    SsvEventKind, SsvState,
};
use crate::types::{BlockRef, ClusterLayout, ClusterSnapshot, OperatorId, SafeText};

/// Operators of a cluster: from 4 to 13, one more than a multiple of three (`ValidatorLib.validateOperatorsLength`; from
/// its error `InvalidOperatorIdsLength`).
const CLUSTER_SIZES: [usize; 4] = [4, 7, 10, 13];

/// An owner's state at a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OwnerState {
    registrations: u64,
    clusters: BTreeMap<Vec<OperatorId>, ClusterSnapshot>,
}

/// Reads one owner's state.
#[derive(Debug)]
pub struct SsvReader {
    rpc: Rpc,
    network: Address,
    owner: Address,
    layout: ClusterLayout,
    replay: Mutex<Replay<OwnerState>>,
}

impl SsvReader {
    /// For `owner` (the manager contract), from the owner's first possible block on.
    #[must_use]
    pub fn new(rpc: Rpc, network: Address, owner: Address, layout: ClusterLayout, from_block: u64) -> Self {
        let filter = LogFilter {
            addresses: vec![network],
            topics: vec![
                topics(layout).map(|(_, topic)| topic).to_vec(),
                vec![owner.into_word()],
            ],
        };
        let fold = match layout {
            ClusterLayout::BalanceThenActive => {
                |state: &mut OwnerState, log: &LogEntry| fold(state, log, ClusterLayout::BalanceThenActive)
            }
            ClusterLayout::ActiveThenBalance => {
                |state: &mut OwnerState, log: &LogEntry| fold(state, log, ClusterLayout::ActiveThenBalance)
            }
        };
        Self {
            rpc,
            network,
            owner,
            layout,
            replay: Mutex::new(Replay::new(filter, from_block, fold)),
        }
    }

    /// The owner's nonce, and the snapshot of its cluster with these operators (in any order), at a block.
    ///
    /// # Errors
    /// Logs or headers cannot be read, or the block was dropped meanwhile.
    pub async fn at(&self, block: BlockRef, operators: &[OperatorId]) -> Result<SsvState, ReplayError> {
        let mut operators = operators.to_vec();
        operators.sort_unstable();
        let mut replay = self.replay.lock().await;
        let Replayed {
            settled,
            recent,
            unproven,
        } = replay.at(&self.rpc, block).await?;
        let cluster = recent
            .clusters
            .get(&operators)
            .or_else(|| settled.clusters.get(&operators));
        Ok(SsvState {
            block,
            owner_nonce: settled.registrations + recent.registrations,
            known_cluster: cluster.is_some(),
            cluster: cluster.cloned().unwrap_or_else(ClusterSnapshot::fresh),
            unproven,
        })
    }
}

#[async_trait]
impl Ssv for SsvReader {
    fn capabilities(&self) -> SsvCapabilities {
        let since_v1 = self.layout == ClusterLayout::ActiveThenBalance;
        SsvCapabilities {
            cluster_layout: self.layout,
            keys_unique: if since_v1 {
                KeyScope::Owner
            } else {
                KeyScope::Everybody
            },
            cluster_sizes: &CLUSTER_SIZES,
            exits_by_call: since_v1,
        }
    }

    fn network(&self) -> Address {
        self.network
    }

    fn topics(&self) -> Vec<B256> {
        topics(self.layout).map(|(_, topic)| topic).to_vec()
    }

    fn event(&self, log: &Log) -> Option<SsvEvent> {
        if log.address != self.network {
            return None;
        }
        decode(&log.topics, &log.data, self.layout).filter(|event| event.owner == self.owner)
    }

    async fn state(&self, block: BlockRef, operators: &[OperatorId]) -> Answer<SsvState> {
        self.at(block, operators).await.into()
    }

    async fn takes_tokens(&self, at: At) -> Answer<SafeText> {
        version::takes_tokens(&self.rpc, self.network, self.layout, at).await
    }

    fn refuses_operators(&self, revert: &Revert) -> Option<SafeText> {
        errors::refused_operators(revert)
    }

    fn snapshot_was_stale(&self, revert: &Revert) -> bool {
        errors::stale_snapshot(revert)
    }

    async fn funding(&self, logs: &[Log], at: At) -> Answer<Funding> {
        let events: Vec<_> = logs.iter().filter_map(|log| self.event(log)).collect();
        funding::of(&self.rpc, self.network, logs, &events, at).await
    }

    fn encode_shares(&self, shares: &SharesData) -> Result<Vec<u8>, NotShares> {
        shares.encode().map_err(|e| shares_data::refused(&e))
    }

    fn decode_shares(&self, bytes: &[u8], committee: &[OperatorId]) -> Result<SharesData, NotShares> {
        SharesData::decode(bytes, committee).map_err(|e| shares_data::refused(&e))
    }
}

fn fold(state: &mut OwnerState, log: &LogEntry, layout: ClusterLayout) {
    let Some(event) = decode(&log.topics, &log.data, layout) else {
        // the nonce counts registrations whether or not the rest of the event can be read
        let added = topics(layout)
            .into_iter()
            .find(|(_, topic)| log.topics.first() == Some(topic));
        if added.is_some_and(|(kind, _)| kind == SsvEventKind::ValidatorAdded) {
            state.registrations += 1;
        }
        return;
    };
    if event.kind == SsvEventKind::ValidatorAdded {
        state.registrations += 1;
    }
    if let Some(cluster) = event.cluster {
        let mut operators = event.operator_ids;
        operators.sort_unstable();
        state.clusters.insert(operators, cluster);
    }
}
