//! The manager's views, each at a block of the caller's choice.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;

use super::{Manager, abi};
use crate::chain::rpc::At;
use crate::chain::view::{ViewError, view};
use crate::types::{BlsPublicKey, OperatorId, PoolId, PoolView, Root};

impl Manager {
    async fn view<C: SolCall>(&self, call: C, at: At) -> Result<C::Return, ViewError> {
        view(&self.rpc, self.address, call, at).await
    }

    /// `getPool`, with the shares data it stores: all zero for a pool that never was or has exited.
    pub(super) async fn pool_with_shares(&self, id: PoolId, at: At) -> Result<(PoolView, Bytes), ViewError> {
        let pool = self.view(abi::Manager::getPoolCall { poolId: id.0 }, at).await?;
        let view = PoolView {
            id,
            deposits_wei: pool.deposits,
            exiting: pool.exiting,
            reshare_count: u64::try_from(pool.reshareCount).unwrap_or(u64::MAX),
            deposit_data_root: Root(pool.depositDataRoot.0),
            public_key: BlsPublicKey::try_from(pool.publicKey.as_ref()).ok(),
            operator_ids: pool.operatorIds.into_iter().map(OperatorId).collect(),
        };
        Ok((view, pool.shares))
    }

    /// `getReadyPoolIds`: the deposit queue; the next deposit serves its head.
    pub(super) async fn ready_pools(&self, at: At) -> Result<Vec<PoolId>, ViewError> {
        self.view(abi::Manager::getReadyPoolIdsCall {}, at)
            .await
            .map(pool_ids)
    }

    /// `getPendingPoolIds`: deposited by the oracle, not yet reported.
    pub(super) async fn pending_pools(&self, at: At) -> Result<Vec<PoolId>, ViewError> {
        self.view(abi::Manager::getPendingPoolIdsCall {}, at)
            .await
            .map(pool_ids)
    }

    /// `getStakedPoolIds`: with a validator, exiting ones included.
    pub(super) async fn staked_pools(&self, at: At) -> Result<Vec<PoolId>, ViewError> {
        self.view(abi::Manager::getStakedPoolIdsCall {}, at)
            .await
            .map(pool_ids)
    }

    /// `getSSVNetworkAddress`.
    pub(super) async fn view_ssv_network(&self, at: At) -> Result<Address, ViewError> {
        self.view(abi::Manager::getSSVNetworkAddressCall {}, at).await
    }

    /// `getUpkeepAddress`.
    pub(super) async fn upkeep(&self, at: At) -> Result<Address, ViewError> {
        self.view(abi::Manager::getUpkeepAddressCall {}, at).await
    }

    /// `getReservedFees`, in wei.
    pub(super) async fn view_reserved_fees(&self, at: At) -> Result<U256, ViewError> {
        self.view(abi::Manager::getReservedFeesCall {}, at).await
    }

    /// `getValidatorPublicKeys`; entries that are not 48 bytes are left out.
    pub(super) async fn validator_public_keys(&self, at: At) -> Result<Vec<BlsPublicKey>, ViewError> {
        let keys = self.view(abi::Manager::getValidatorPublicKeysCall {}, at).await?;
        Ok(keys
            .iter()
            .filter_map(|key| BlsPublicKey::try_from(key.as_ref()).ok())
            .collect())
    }

    /// `getExitingValidatorCount`.
    pub(super) async fn exiting_validators(&self, at: At) -> Result<U256, ViewError> {
        self.view(abi::Manager::getExitingValidatorCountCall {}, at).await
    }
}

fn pool_ids(raw: Vec<u32>) -> Vec<PoolId> {
    raw.into_iter().map(PoolId).collect()
}
