//! The managers of May 2023: events, views, reshares and the life of a pool are the same in every edition. Editions
//! differ in the order of the arguments of `initiatePoolDeposit` and in what they say to strangers.
//!
//! A pool lives by lists: ready → pending → staked → (exiting) → deleted. `initiatePoolDeposit` serves the head of the
//! ready queue, deposits and registers in one. `resharePool` works on a memory copy: nothing of it is stored.

pub(crate) mod abi;
mod calls;
mod committee;
mod errors;
mod events;
pub(in crate::pool) mod initiate;
mod probe;
mod views;

use std::sync::Arc;

use alloy::primitives::{Address, Bytes, U256};
use async_trait::async_trait;

use super::{Connection, Version};
use crate::chain::revert::decode;
use crate::chain::rpc::Rpc;
use crate::ports::{
    Answer, At, Clusters, Credentials, DecodedCall, DecodedRevert, DepositOrder, Evidence, Log, ManagerEvent,
    NoSuchCall, PoolCall, PoolCapabilities, PoolManager, PresentCommittee, Probe, RegistrationTime,
    RequestTarget, ReshareRules, Revert, WatchedEvent,
};
use crate::types::{BlockRef, ClusterLayout, PoolId, PoolView, Root};
use committee::Reshares;
use initiate::InitiateCall;

/// In what one of these contracts differs from the others.
#[derive(Debug)]
pub(in crate::pool) struct Edition {
    /// As `contract.adapter` names it.
    pub(in crate::pool) name: &'static str,
    /// Its `initiatePoolDeposit`.
    pub(in crate::pool) initiate: InitiateCall,
    /// What it says to everyone but its oracle, on both calls.
    pub(in crate::pool) not_the_oracle: &'static str,
}

impl Version for Edition {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fingerprint(&self, layout: ClusterLayout) -> Bytes {
        let (deposit, registering) = calls::empty();
        (self.initiate.encode)(&deposit, &registering, layout)
    }

    fn describe(&self, data: &[u8]) -> Option<DecodedCall> {
        calls::describe(self, &calls::decode(self, data)?)
    }

    fn open(&'static self, at: Connection) -> Arc<dyn PoolManager> {
        Arc::new(Manager {
            edition: self,
            reshares: Reshares::new(
                at.address,
                at.from_block,
                at.kept.map(|kept| (kept, at.rpc.fingerprint())),
            ),
            rpc: at.rpc,
            address: at.address,
            layout: at.layout,
            from_block: at.from_block,
        })
    }
}

/// The contract at an address.
#[derive(Debug)]
struct Manager {
    edition: &'static Edition,
    rpc: Rpc,
    address: Address,
    layout: ClusterLayout,
    /// The block at which it was deployed, or an earlier one.
    from_block: u64,
    reshares: Reshares,
}

/// `require(reshareCount < 3, "Pool has been reshared twice")`: whatever the words say, it takes three.
const RESHARE_LIMIT: u64 = 3;

#[async_trait]
impl PoolManager for Manager {
    fn name(&self) -> &'static str {
        self.edition.name
    }

    fn address(&self) -> Address {
        self.address
    }

    fn capabilities(&self) -> PoolCapabilities {
        PoolCapabilities {
            deposit_order: DepositOrder::HeadOfQueue,
            registration: RegistrationTime::WithDeposit,
            credentials: Credentials::OfManager,
            reshares: Some(ReshareRules {
                stored: false,
                limit: RESHARE_LIMIT,
                clusters: Clusters::None,
            }),
            registration_clusters: Clusters::One,
        }
    }

    async fn watched(&self) -> Answer<Vec<WatchedEvent>> {
        Answer::Yes(events::watched(self.address).collect())
    }

    async fn event(&self, log: &Log) -> Answer<ManagerEvent> {
        if log.address != self.address {
            return Answer::no("another contract's");
        }
        events::decode(&log.topics, &log.data).map(ManagerEvent::from)
    }

    /// Every event names its pool.
    async fn meant(&self, event: ManagerEvent, _block: BlockRef) -> Answer<Vec<PoolId>> {
        match event.names {
            RequestTarget::Pool(pool) => Answer::Yes(vec![pool]),
            RequestTarget::Operator(_) | RequestTarget::Count(_) => {
                Answer::not_known(format!("{} has no such event", self.edition.name))
            }
        }
    }

    async fn probe(&self) -> Answer<Probe> {
        self.examine().await
    }

    async fn ready(&self, at: At) -> Answer<Vec<PoolId>> {
        self.ready_pools(at).await.into()
    }

    async fn pending(&self, at: At) -> Answer<Vec<PoolId>> {
        self.pending_pools(at).await.into()
    }

    async fn staked(&self, at: At) -> Answer<Vec<PoolId>> {
        self.staked_pools(at).await.into()
    }

    async fn pool(&self, id: PoolId, at: At) -> Answer<PoolView> {
        self.pool_with_shares(id, at).await.map(|(view, _)| view).into()
    }

    async fn committee(&self, pool: PoolId, block: BlockRef) -> Answer<PresentCommittee> {
        self.present_committee(pool, block).await.into()
    }

    async fn keep_up(&self, block: BlockRef) -> Answer<()> {
        self.reshares.keep_up(&self.rpc, block).await.into()
    }

    async fn read_anew(&self) {
        self.reshares.read_anew();
    }

    async fn reserved_fees(&self, at: At) -> Answer<U256> {
        self.view_reserved_fees(at).await.into()
    }

    async fn ssv_network(&self, at: At) -> Answer<Address> {
        self.view_ssv_network(at).await.into()
    }

    async fn authorises(&self, oracle: Address, at: At) -> Answer<()> {
        self.try_as(oracle, at).await
    }

    /// `0x01`, eleven zero bytes, the manager's address.
    async fn withdrawal_credentials(&self, _pool: PoolId, _at: At) -> Answer<Root> {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes[12..].copy_from_slice(self.address.as_slice());
        Answer::Yes(Root(bytes))
    }

    /// Pools are numbered from 1 without gaps, the queue keeps its order, each `initiatePoolDeposit` registers one
    /// validator or reverts as a whole, and nothing else registers for this owner. So while pool *p* is at the head,
    /// *p* − 1 registrations were made, and SSV counts from 0.
    async fn implied_owner_nonce(&self, at: At) -> Option<Answer<u64>> {
        let ready = self.ready(at).await;
        Some(ready.and_then(|ready| match ready.first() {
            Some(PoolId(0)) => Answer::not_known("the contract has a pool 0, so it does not count from 1"),
            Some(head) => Answer::Yes(u64::from(head.0) - 1),
            None => Answer::No(Evidence::new("the contract's ready queue is empty")),
        }))
    }

    fn encode(&self, call: &PoolCall) -> Result<Bytes, NoSuchCall> {
        calls::encode(self.edition, call, self.layout)
    }

    fn decode(&self, data: &[u8]) -> Option<PoolCall> {
        calls::decode(self.edition, data)
    }

    fn describe(&self, data: &[u8]) -> Option<DecodedCall> {
        calls::describe(self.edition, &self.decode(data)?)
    }

    fn explain(&self, revert: &Revert) -> DecodedRevert {
        decode(revert, &[errors::ERRORS, crate::ssv::ERRORS])
    }
}
