//! SSV as whoever answers first tells it. Each endpoint keeps what it read for itself, so the logs of one are read once,
//! whether one voice is asked or all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use async_trait::async_trait;
use futures_util::future::join_all;

use crate::ports::{
    Answer, At, Funding, Log, NotShares, Revert, SharesData, Ssv, SsvCapabilities, SsvEvent, SsvState,
    Unknown,
};
use crate::types::{BlockRef, ClusterSnapshot, OperatorId, SafeText};

/// One reader for each endpoint, in the configured order.
#[derive(Debug)]
pub struct SsvVoices {
    first: Arc<dyn Ssv>,
    others: Vec<Arc<dyn Ssv>>,
}

impl SsvVoices {
    /// Of at least one.
    #[must_use]
    pub fn new(first: Arc<dyn Ssv>, others: Vec<Arc<dyn Ssv>>) -> Self {
        Self { first, others }
    }

    /// What the first says who says anything.
    async fn first_known<'a, T, F>(&'a self, ask: impl Fn(&'a dyn Ssv) -> F) -> Answer<T>
    where
        F: Future<Output = Answer<T>>,
    {
        let mut whys = Vec::new();
        for voice in self.all() {
            match ask(&**voice).await {
                Answer::NotKnown(why) => whys.push(why.to_string()),
                known => return known,
            }
        }
        Answer::NotKnown(Unknown::because(whys.join("; ")))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn Ssv>> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

#[async_trait]
impl Ssv for SsvVoices {
    fn capabilities(&self) -> SsvCapabilities {
        self.first.capabilities()
    }

    fn network(&self) -> Address {
        self.first.network()
    }

    fn topics(&self) -> Vec<B256> {
        self.first.topics()
    }

    fn event(&self, log: &Log) -> Answer<SsvEvent> {
        self.first.event(log)
    }

    async fn state(&self, block: BlockRef, operators: &[OperatorId]) -> Answer<SsvState> {
        self.first_known(|voice| voice.state(block, operators)).await
    }

    async fn takes_tokens(&self, at: At) -> Answer<SafeText> {
        self.first_known(|voice| voice.takes_tokens(at)).await
    }

    async fn funding(&self, logs: &[Log], before: &ClusterSnapshot, at: At) -> Answer<Funding> {
        self.first_known(|voice| voice.funding(logs, before, at)).await
    }

    async fn removed(&self, operators: &[OperatorId]) -> Answer<BTreeMap<OperatorId, u64>> {
        self.first_known(|voice| voice.removed(operators)).await
    }

    fn snapshot_was_stale(&self, revert: &Revert) -> bool {
        self.first.snapshot_was_stale(revert)
    }

    async fn keep_up(&self, block: BlockRef) -> Answer<()> {
        let kept_up = join_all(self.all().map(|voice| voice.keep_up(block))).await;
        let failed = kept_up
            .into_iter()
            .find(|answer| !matches!(answer, Answer::Yes(())));
        failed.unwrap_or(Answer::Yes(()))
    }

    async fn read_anew(&self) {
        join_all(self.all().map(|voice| voice.read_anew())).await;
    }

    /// Of the one that is the furthest behind: two must have read them.
    fn reading(&self) -> Option<(u64, u64)> {
        self.all().filter_map(|voice| voice.reading()).min()
    }

    fn refuses_operators(&self, revert: &Revert) -> Option<SafeText> {
        self.first.refuses_operators(revert)
    }

    fn refuses_committee(&self, revert: &Revert) -> Option<SafeText> {
        self.first.refuses_committee(revert)
    }

    fn encode_shares(&self, shares: &SharesData) -> Result<Vec<u8>, NotShares> {
        self.first.encode_shares(shares)
    }

    fn decode_shares(&self, bytes: &[u8], committee: &[OperatorId]) -> Result<SharesData, NotShares> {
        self.first.decode_shares(bytes, committee)
    }
}
