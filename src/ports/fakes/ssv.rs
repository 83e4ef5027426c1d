//! An SSV network that says what it is told to say.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy::primitives::{Address, B256};
use async_trait::async_trait;

use crate::ports::{
    Answer, At, Funding, Log, NotShares, Revert, SharesData, Ssv, SsvCapabilities, SsvEvent, SsvState,
};
use crate::types::{BlockRef, ClusterSnapshot, OperatorId, SafeText};

/// Every answer, changed by the test before it is asked.
#[derive(Debug)]
pub(crate) struct FakeSsv {
    pub(crate) network: Address,
    /// What every log says.
    pub(crate) event: Answer<SsvEvent>,
    pub(crate) state: Answer<SsvState>,
    /// What every revert says of the operators.
    pub(crate) refuses: Option<SafeText>,
    /// Who was removed, and in which block.
    pub(crate) removed: BTreeMap<OperatorId, u64>,
    pub(crate) takes_tokens: Answer<SafeText>,
    pub(crate) funding: Answer<Funding>,
    /// Every revert says that the snapshot was stale.
    pub(crate) stale: bool,
    /// How often its logs were read anew.
    pub(crate) anew: AtomicU64,
}

impl Default for FakeSsv {
    /// An owner without validators.
    fn default() -> Self {
        Self {
            network: Address::repeat_byte(5),
            state: Answer::Yes(SsvState {
                block: BlockRef {
                    number: 9,
                    hash: crate::types::Root([9; 32]),
                },
                owner_nonce: 0,
                cluster: ClusterSnapshot::fresh(),
                known_cluster: false,
                registered_at: None,
            }),
            event: Answer::no("a fake has no logs"),
            refuses: None,
            removed: BTreeMap::new(),
            takes_tokens: Answer::Yes("v1.2.0".into()),
            funding: Answer::not_known("a fake has no fees"),
            stale: false,
            anew: AtomicU64::new(0),
        }
    }
}

#[async_trait]
impl Ssv for FakeSsv {
    fn capabilities(&self) -> SsvCapabilities {
        SsvCapabilities {
            cluster_sizes: &[3, 4],
        }
    }

    fn network(&self) -> Address {
        self.network
    }

    fn topics(&self) -> Vec<B256> {
        Vec::new()
    }

    fn event(&self, _log: &Log) -> Answer<SsvEvent> {
        self.event.clone()
    }

    async fn state(&self, _block: BlockRef, _operators: &[OperatorId]) -> Answer<SsvState> {
        // as the real one: what was read is forgotten, and reading all of it takes longer than anybody waits
        if self.anew.load(Ordering::Relaxed) > 0 {
            return Answer::not_known("the logs are being read");
        }
        self.state.clone()
    }

    async fn takes_tokens(&self, _at: At) -> Answer<SafeText> {
        self.takes_tokens.clone()
    }

    async fn removed(&self, operators: &[OperatorId]) -> Answer<BTreeMap<OperatorId, u64>> {
        let removed = operators
            .iter()
            .filter_map(|id| Some((*id, *self.removed.get(id)?)));
        Answer::Yes(removed.collect())
    }

    async fn keep_up(&self, _block: BlockRef) -> Answer<()> {
        Answer::Yes(())
    }

    fn reading(&self) -> Option<(u64, u64)> {
        None
    }

    fn refuses_operators(&self, _revert: &Revert) -> Option<SafeText> {
        self.refuses.clone()
    }

    fn refuses_committee(&self, _revert: &Revert) -> Option<SafeText> {
        self.refuses.clone()
    }

    fn snapshot_was_stale(&self, _revert: &Revert) -> bool {
        self.stale
    }

    async fn read_anew(&self) {
        self.anew.fetch_add(1, Ordering::Relaxed);
    }

    async fn funding(&self, _logs: &[Log], _before: &ClusterSnapshot, _at: At) -> Answer<Funding> {
        self.funding.clone()
    }

    /// The signature alone stands for it all.
    fn encode_shares(&self, shares: &SharesData) -> Result<Vec<u8>, NotShares> {
        Ok(shares.signature.0.to_vec())
    }

    fn decode_shares(&self, _bytes: &[u8], _committee: &[OperatorId]) -> Result<SharesData, NotShares> {
        Err(NotShares("a fake keeps no shares".into()))
    }
}
