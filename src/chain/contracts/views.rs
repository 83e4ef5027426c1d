//! The manager's views, each at a block of the caller's choice.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;

use super::abi;
use super::revert::{DecodedRevert, revert_of};
use crate::chain::rpc::{At, CallRequest, Rpc, RpcError};
use crate::types::{BlsPublicKey, OperatorId, PoolId, PoolView, Root, SafeText};

/// A view did not answer as expected.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ViewError {
    /// No endpoint answered.
    #[error("{view}: {source}")]
    Rpc {
        /// The view's signature.
        view: &'static str,
        /// Why.
        #[source]
        source: RpcError,
    },
    /// The contract reverted.
    #[error("{view} reverted: {reason}")]
    Reverted {
        /// The view's signature.
        view: &'static str,
        /// Why.
        reason: DecodedRevert,
    },
    /// The contract answered something else.
    #[error("{view} does not answer as expected: {reason}")]
    Unexpected {
        /// The view's signature.
        view: &'static str,
        /// What was wrong with it.
        reason: SafeText,
    },
}

/// Calls a view of `contract` and decodes its answer.
pub(crate) async fn view<C: SolCall>(
    rpc: &Rpc,
    contract: Address,
    call: C,
    at: At,
) -> Result<C::Return, ViewError> {
    let view = C::SIGNATURE;
    let request = CallRequest {
        from: None,
        to: contract,
        input: call.abi_encode().into(),
        value: U256::ZERO,
    };
    let answer = match rpc.call(&request, at).await {
        Ok(answer) => answer,
        Err(source) => {
            return Err(match source.server().and_then(revert_of) {
                Some(reason) => ViewError::Reverted { view, reason },
                None => ViewError::Rpc { view, source },
            });
        }
    };
    if answer.is_empty() {
        return Err(ViewError::Unexpected {
            view,
            reason: "nothing (no code there, or no such function)".into(),
        });
    }
    C::abi_decode_returns(&answer).map_err(|e| ViewError::Unexpected {
        view,
        reason: SafeText::new(&e.to_string()),
    })
}

impl super::Manager {
    async fn view<C: SolCall>(&self, call: C, at: At) -> Result<C::Return, ViewError> {
        view(&self.rpc, self.address, call, at).await
    }

    /// `getPool`: all zero for a pool that never was or has exited.
    pub async fn pool(&self, id: PoolId, at: At) -> Result<PoolView, ViewError> {
        Ok(self.pool_with_shares(id, at).await?.0)
    }

    /// `getPool`, with the shares data it stores.
    pub async fn pool_with_shares(&self, id: PoolId, at: At) -> Result<(PoolView, Bytes), ViewError> {
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
    pub async fn ready_pools(&self, at: At) -> Result<Vec<PoolId>, ViewError> {
        self.view(abi::Manager::getReadyPoolIdsCall {}, at)
            .await
            .map(pool_ids)
    }

    /// `getPendingPoolIds`: deposited by the oracle, not yet reported.
    pub async fn pending_pools(&self, at: At) -> Result<Vec<PoolId>, ViewError> {
        self.view(abi::Manager::getPendingPoolIdsCall {}, at)
            .await
            .map(pool_ids)
    }

    /// `getStakedPoolIds`: with a validator, exiting ones included.
    pub async fn staked_pools(&self, at: At) -> Result<Vec<PoolId>, ViewError> {
        self.view(abi::Manager::getStakedPoolIdsCall {}, at)
            .await
            .map(pool_ids)
    }

    /// `getSSVNetworkAddress`.
    pub async fn ssv_network(&self, at: At) -> Result<Address, ViewError> {
        self.view(abi::Manager::getSSVNetworkAddressCall {}, at).await
    }

    /// `getUpkeepAddress`.
    pub async fn upkeep(&self, at: At) -> Result<Address, ViewError> {
        self.view(abi::Manager::getUpkeepAddressCall {}, at).await
    }

    /// `getReservedFees`, in wei.
    pub async fn reserved_fees(&self, at: At) -> Result<U256, ViewError> {
        self.view(abi::Manager::getReservedFeesCall {}, at).await
    }

    /// `getValidatorPublicKeys`; entries that are not 48 bytes are left out.
    pub async fn validator_public_keys(&self, at: At) -> Result<Vec<BlsPublicKey>, ViewError> {
        let keys = self.view(abi::Manager::getValidatorPublicKeysCall {}, at).await?;
        Ok(keys
            .iter()
            .filter_map(|key| BlsPublicKey::try_from(key.as_ref()).ok())
            .collect())
    }

    /// `getExitingValidatorCount`.
    pub async fn exiting_validators(&self, at: At) -> Result<U256, ViewError> {
        self.view(abi::Manager::getExitingValidatorCountCall {}, at).await
    }
}

fn pool_ids(raw: Vec<u32>) -> Vec<PoolId> {
    raw.into_iter().map(PoolId).collect()
}
