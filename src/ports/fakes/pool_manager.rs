//! A manager that says what it is told to say. Its calldata is JSON, so that every call survives it.

use alloy::primitives::{Address, Bytes, U256};
use async_trait::async_trait;

use crate::ports::{
    Answer, At, Clusters, CommitteeSource, Credentials, DecodedArgument, DecodedCall, DecodedRevert,
    DepositOrder, Log, ManagerEvent, NoSuchCall, PoolCall, PoolCapabilities, PoolEvent, PoolManager,
    PresentCommittee, Probe, RegistrationTime, RequestTarget, ReshareRules, Revert, RevertForm, WatchedEvent,
};
use crate::types::{BlockRef, PoolId, PoolView, Root, SafeText};

/// Every answer, changed by the test before it is asked.
#[derive(Debug)]
pub(crate) struct FakeManager {
    pub(crate) address: Address,
    pub(crate) capabilities: PoolCapabilities,
    pub(crate) probe: Answer<Probe>,
    pub(crate) ready: Answer<Vec<PoolId>>,
    pub(crate) pending: Answer<Vec<PoolId>>,
    pub(crate) staked: Answer<Vec<PoolId>>,
    pub(crate) pool: Answer<PoolView>,
    pub(crate) committee: Answer<PresentCommittee>,
    pub(crate) reserved_fees: Answer<U256>,
    pub(crate) ssv_network: Answer<Address>,
    pub(crate) authorises: Answer<()>,
    pub(crate) credentials: Answer<Root>,
    pub(crate) implied_nonce: Option<Answer<u64>>,
    /// The advice that goes with every revert.
    pub(crate) advice: Option<&'static str>,
}

impl Default for FakeManager {
    /// Pool 1 waits for its deposit, and everything is ready for it.
    fn default() -> Self {
        Self {
            address: Address::repeat_byte(7),
            capabilities: PoolCapabilities {
                deposit_order: DepositOrder::HeadOfQueue,
                registration: RegistrationTime::WithDeposit,
                credentials: Credentials::OfManager,
                reshares: Some(ReshareRules {
                    stored: true,
                    limit: 3,
                    clusters: Clusters::None,
                }),
                registration_clusters: Clusters::One,
            },
            probe: Answer::not_known("a fake is nowhere"),
            ready: Answer::Yes(vec![PoolId(1)]),
            pending: Answer::Yes(Vec::new()),
            staked: Answer::Yes(Vec::new()),
            pool: Answer::Yes(PoolView {
                id: PoolId(1),
                deposits_wei: U256::from(32),
                exiting: false,
                reshare_count: 0,
                deposit_data_root: Root::default(),
                public_key: None,
                operator_ids: Vec::new(),
            }),
            committee: Answer::Yes(PresentCommittee {
                operator_ids: Vec::new(),
                shares: Bytes::new(),
                source: CommitteeSource::State,
                reshare_count: 0,
            }),
            reserved_fees: Answer::Yes(U256::MAX),
            ssv_network: Answer::Yes(Address::repeat_byte(5)),
            authorises: Answer::Yes(()),
            credentials: Answer::Yes(Root([1; 32])),
            implied_nonce: Some(Answer::Yes(0)),
            advice: None,
        }
    }
}

#[async_trait]
impl PoolManager for FakeManager {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn address(&self) -> Address {
        self.address
    }

    fn capabilities(&self) -> PoolCapabilities {
        self.capabilities
    }

    async fn watched(&self) -> Answer<Vec<WatchedEvent>> {
        Answer::Yes(Vec::new())
    }

    async fn event(&self, log: &Log) -> Answer<ManagerEvent> {
        match serde_json::from_slice::<PoolEvent>(&log.data) {
            Ok(event) => Answer::Yes(event.into()),
            Err(_) => Answer::no("a fake's events are JSON"),
        }
    }

    async fn meant(&self, event: ManagerEvent, _block: BlockRef) -> Answer<Vec<PoolId>> {
        match event.names {
            RequestTarget::Pool(pool) => Answer::Yes(vec![pool]),
            RequestTarget::Operator(_) | RequestTarget::Count(_) => self.staked.clone(),
        }
    }

    async fn probe(&self) -> Answer<Probe> {
        self.probe.clone()
    }

    async fn ready(&self, _at: At) -> Answer<Vec<PoolId>> {
        self.ready.clone()
    }

    async fn pending(&self, _at: At) -> Answer<Vec<PoolId>> {
        self.pending.clone()
    }

    async fn staked(&self, _at: At) -> Answer<Vec<PoolId>> {
        self.staked.clone()
    }

    async fn pool(&self, _id: PoolId, _at: At) -> Answer<PoolView> {
        self.pool.clone()
    }

    async fn committee(&self, _pool: PoolId, _block: BlockRef) -> Answer<PresentCommittee> {
        self.committee.clone()
    }

    async fn keep_up(&self, _block: BlockRef) -> Answer<()> {
        Answer::Yes(())
    }

    async fn reserved_fees(&self, _at: At) -> Answer<U256> {
        self.reserved_fees.clone()
    }

    async fn ssv_network(&self, _at: At) -> Answer<Address> {
        self.ssv_network.clone()
    }

    async fn authorises(&self, _oracle: Address, _at: At) -> Answer<()> {
        self.authorises.clone()
    }

    async fn withdrawal_credentials(&self, _pool: PoolId, _at: At) -> Answer<Root> {
        self.credentials.clone()
    }

    async fn implied_owner_nonce(&self, _at: At) -> Option<Answer<u64>> {
        self.implied_nonce.clone()
    }

    fn encode(&self, call: &PoolCall) -> Result<Bytes, NoSuchCall> {
        Ok(serde_json::to_vec(call).expect("plain data serialises").into())
    }

    fn decode(&self, data: &[u8]) -> Option<PoolCall> {
        serde_json::from_slice(data).ok()
    }

    fn describe(&self, data: &[u8]) -> Option<DecodedCall> {
        self.decode(data)?;
        Some(DecodedCall {
            function: "fake".into(),
            arguments: vec![DecodedArgument {
                name: "call".into(),
                solidity_type: "bytes".into(),
                value: SafeText::from_bytes(data),
            }],
        })
    }

    fn explain(&self, revert: &Revert) -> DecodedRevert {
        DecodedRevert {
            form: RevertForm::Message,
            reason: revert.words.clone(),
            data: revert.data.clone().unwrap_or_default(),
            advice: self.advice.map(SafeText::from),
        }
    }
}
