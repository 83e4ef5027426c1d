//! SSV's view of an owner, rebuilt from its events: cluster snapshots and the registration nonce. SSV stores only
//! hashes of the first and nothing of the second, so every caller has to bring them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::events::{decode, of_owner, topics};
use super::{errors, funding, registered, shares_data, version};
use crate::chain::history_cache::HistoryCache;
use crate::chain::replay::{Reading, Replay, ReplayError, Replayed};
use crate::chain::rpc::{LogEntry, LogFilter, Rpc};
use crate::ports::{
    Answer, At, Funding, Log, NotShares, Revert, SharesData, Ssv, SsvCapabilities, SsvEvent, SsvEventKind,
    SsvState,
};
use crate::types::{BlockRef, ClusterLayout, ClusterSnapshot, LogRef, OperatorId, SafeText, in_words};

/// Operators of a cluster: from 4 to 13, one more than a multiple of three (`ValidatorLib.validateOperatorsLength`; from
/// its error `InvalidOperatorIdsLength`).
const CLUSTER_SIZES: [usize; 4] = [4, 7, 10, 13];

/// Whoever asks for a state waits this long for logs that are still being read; the reading goes on.
const TIMEOUT: Duration = Duration::from_secs(8);

/// An owner's state at a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OwnerState {
    registrations: u64,
    /// The newest registration.
    registered_at: Option<LogRef>,
    /// By operators, ascending.
    #[serde(with = "as_pairs")]
    clusters: BTreeMap<Vec<OperatorId>, ClusterSnapshot>,
}

/// A map whose keys are lists, which JSON has not.
mod as_pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::types::{ClusterSnapshot, OperatorId};

    type Clusters = BTreeMap<Vec<OperatorId>, ClusterSnapshot>;

    pub(super) fn serialize<S: Serializer>(map: &Clusters, to: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Clusters, D::Error> {
        let pairs = Vec::<(Vec<OperatorId>, ClusterSnapshot)>::deserialize(from)?;
        Ok(pairs.into_iter().collect())
    }
}

/// Reads one owner's state.
#[derive(Debug)]
pub struct SsvReader {
    rpc: Rpc,
    network: Address,
    owner: Address,
    layout: ClusterLayout,
    /// The owner's first possible block.
    from_block: u64,
    replay: Mutex<Replay<OwnerState>>,
    reading: Reading,
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
        let replay = Replay::new(filter, from_block, fold);
        Self {
            rpc,
            network,
            owner,
            layout,
            from_block,
            reading: replay.reading(),
            replay: Mutex::new(replay),
        }
    }

    /// The same, going on from what was kept of these endpoints.
    #[must_use]
    pub fn kept(mut self, kept: Arc<HistoryCache>) -> Self {
        let name = format!("ssv {}", self.rpc.fingerprint());
        self.replay = Mutex::new(self.replay.into_inner().kept(kept, name));
        self
    }

    /// The owner's nonce, and the snapshot of its cluster with these operators (in any order), at a block.
    ///
    /// # Errors
    /// Logs or headers cannot be read, or the block was dropped meanwhile.
    pub async fn at(&self, block: BlockRef, operators: &[OperatorId]) -> Result<SsvState, ReplayError> {
        let mut operators = operators.to_vec();
        operators.sort_unstable();
        let mut replay = self.replay.lock().await;
        let Replayed { settled, recent } = replay.at(&self.rpc, block).await?;
        let cluster = recent
            .clusters
            .get(&operators)
            .or_else(|| settled.clusters.get(&operators));
        Ok(SsvState {
            block,
            owner_nonce: settled.registrations + recent.registrations,
            registered_at: recent.registered_at.or(settled.registered_at),
            known_cluster: cluster.is_some(),
            cluster: cluster.cloned().unwrap_or_else(ClusterSnapshot::fresh),
        })
    }
}

#[async_trait]
impl Ssv for SsvReader {
    fn capabilities(&self) -> SsvCapabilities {
        SsvCapabilities {
            cluster_sizes: &CLUSTER_SIZES,
        }
    }

    fn network(&self) -> Address {
        self.network
    }

    fn topics(&self) -> Vec<B256> {
        topics(self.layout).map(|(_, topic)| topic).to_vec()
    }

    fn event(&self, log: &Log) -> Answer<SsvEvent> {
        if log.address != self.network {
            return Answer::no("another contract's");
        }
        of_owner(self.owner, log, self.layout)
    }

    async fn state(&self, block: BlockRef, operators: &[OperatorId]) -> Answer<SsvState> {
        match tokio::time::timeout(TIMEOUT, self.at(block, operators)).await {
            Ok(answer) => answer.into(),
            Err(_) => Answer::not_known(
                self.reading
                    .words()
                    .unwrap_or_else(|| format!("its logs were not told within {}", in_words(TIMEOUT))),
            ),
        }
    }

    async fn keep_up(&self, block: BlockRef) -> Answer<()> {
        let mut replay = self.replay.lock().await;
        replay.at(&self.rpc, block).await.map(drop).into()
    }

    async fn read_anew(&self) {
        // what is being read now need not be read anew, and nobody waits for it
        if let Ok(mut replay) = self.replay.try_lock() {
            replay.read_anew("the registrations at SSV");
        }
    }

    fn reading(&self) -> Option<(u64, u64)> {
        self.reading.progress().map(|(at, to, _)| (at, to))
    }

    async fn takes_tokens(&self, at: At) -> Answer<SafeText> {
        version::takes_tokens(&self.rpc, self.network, self.layout, at).await
    }

    fn refuses_operators(&self, revert: &Revert) -> Option<SafeText> {
        errors::refused_operators(revert)
    }

    fn refuses_committee(&self, revert: &Revert) -> Option<SafeText> {
        errors::refused_committee(revert)
    }

    async fn removed(&self, operators: &[OperatorId]) -> Answer<BTreeMap<OperatorId, u64>> {
        let operators = operators.iter().copied().collect();
        let told = registered::registered(&self.rpc, self.network, &operators, self.from_block);
        match tokio::time::timeout(TIMEOUT, told).await {
            Ok(Ok(told)) => {
                let removed = told
                    .into_iter()
                    .filter_map(|(id, told)| Some((id, told.removed?)));
                Answer::Yes(removed.collect())
            }
            Ok(Err(error)) => Answer::not_known(error),
            Err(_) => Answer::not_known(format!("its logs were not told within {}", in_words(TIMEOUT))),
        }
    }

    fn snapshot_was_stale(&self, revert: &Revert) -> bool {
        errors::stale_snapshot(revert)
    }

    async fn funding(&self, logs: &[Log], before: &ClusterSnapshot, at: At) -> Answer<Funding> {
        let mut events = Vec::new();
        for log in logs {
            match self.event(log) {
                Answer::Yes(event) => events.push(event),
                Answer::No(_) => {}
                Answer::NotKnown(why) => return Answer::NotKnown(why),
            }
        }
        funding::of(&self.rpc, self.network, logs, &events, before, at).await
    }

    fn encode_shares(&self, shares: &SharesData) -> Result<Vec<u8>, NotShares> {
        shares.encode().map_err(|e| shares_data::refused(&e))
    }

    fn decode_shares(&self, bytes: &[u8], committee: &[OperatorId]) -> Result<SharesData, NotShares> {
        SharesData::decode(bytes, committee).map_err(|e| shares_data::refused(&e))
    }
}

fn fold(state: &mut OwnerState, log: &LogEntry, layout: ClusterLayout) -> Result<(), SafeText> {
    let event = decode(&log.topics, &log.data, layout)?;
    if event.kind == SsvEventKind::ValidatorAdded {
        state.registrations += 1;
        state.registered_at = Some(log.at());
    }
    if let Some(cluster) = event.cluster {
        let mut operators = event.operator_ids;
        operators.sort_unstable();
        state.clusters.insert(operators, cluster);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::rpc::RpcConfig;
    use crate::types::RedactedUrl;

    /// Whoever holds the history may read it for minutes.
    #[tokio::test]
    async fn nobody_waits_for_a_reading_to_have_it_thrown_away() {
        let url = RedactedUrl::new("http://127.0.0.1:1".to_owned());
        let rpc = Rpc::new(RpcConfig::new(vec![url], 1)).unwrap();
        let layout = ClusterLayout::ActiveThenBalance;
        let reader = SsvReader::new(rpc, Address::ZERO, Address::ZERO, layout, 0);
        let reading = reader.replay.lock().await;
        let anew = tokio::time::timeout(crate::TIMEOUT, reader.read_anew());
        assert!(anew.await.is_ok());
        drop(reading);
    }
}
