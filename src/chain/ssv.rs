//! SSV's view of an owner, rebuilt from its events: cluster snapshots and the registration nonce. SSV stores only
//! hashes of both, so every caller has to bring them.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use tokio::sync::Mutex;

use super::contracts::{SsvEventKind, decode_ssv_event, ssv_topics};
use super::replay::{Replay, ReplayError, Replayed};
use super::rpc::{LogEntry, LogFilter, Rpc};
use crate::types::{BlockRef, ClusterLayout, ClusterSnapshot, OperatorId, SafeText};

/// An owner's state at a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OwnerState {
    registrations: u64,
    clusters: BTreeMap<Vec<OperatorId>, ClusterSnapshot>,
}

/// What SSV's registration needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsvState {
    /// At this block.
    pub block: BlockRef,
    /// The owner's nonce: validators that it ever registered. It is part of what the validator key signs.
    pub owner_nonce: u64,
    /// The cluster's snapshot, as its newest event left it.
    pub cluster: ClusterSnapshot,
    /// SSV knows this cluster; otherwise the snapshot is the fresh one.
    pub known_cluster: bool,
    /// Why it is not certain that no event was left out; none when it is.
    pub unproven: Option<SafeText>,
}

/// Reads one owner's state.
#[derive(Debug)]
pub struct SsvReader {
    rpc: Rpc,
    network: Address,
    replay: Mutex<Replay<OwnerState>>,
}

impl SsvReader {
    /// For `owner` (the manager contract), from the owner's first possible block on.
    #[must_use]
    pub fn new(rpc: Rpc, network: Address, owner: Address, layout: ClusterLayout, from_block: u64) -> Self {
        let filter = LogFilter {
            addresses: vec![network],
            topics: vec![
                ssv_topics(layout).map(|(_, topic)| topic).to_vec(),
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
            replay: Mutex::new(Replay::new(filter, from_block, fold)),
        }
    }

    /// SSV's network contract.
    #[must_use]
    pub fn network(&self) -> Address {
        self.network
    }

    /// The owner's nonce, and the snapshot of its cluster with these operators (in any order), at a block.
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

fn fold(state: &mut OwnerState, log: &LogEntry, layout: ClusterLayout) {
    let Some(event) = decode_ssv_event(log, layout) else {
        // the nonce counts registrations whether or not the rest of the event can be read
        let added = ssv_topics(layout)
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
