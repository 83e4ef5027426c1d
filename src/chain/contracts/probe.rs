//! Before anything else: does the code at the address answer as the adapter expects?

use alloy::primitives::{Address, U256};

use super::abi;
use super::calls::initiate_selector;
use super::revert::{RevertForm, revert_of};
use super::views::ViewError;
use crate::chain::rpc::{At, CallRequest, RpcError};
use crate::types::{BlockRef, BlsPublicKey, ClusterLayout, PoolId, SafeText};

/// What a contract that passed the probe said.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The block it was asked at.
    pub block: BlockRef,
    /// SSV's network contract.
    pub ssv_network: Address,
    /// Who reports to it.
    pub upkeep: Address,
    /// The deposit queue.
    pub ready: Vec<PoolId>,
    /// Deposited, not reported.
    pub pending: Vec<PoolId>,
    /// With a validator.
    pub staked: Vec<PoolId>,
    /// Fees in wei.
    pub reserved_fees: U256,
    /// Validators.
    pub public_keys: Vec<BlsPublicKey>,
}

/// The contract is not what the adapter serves.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProbeError {
    /// Nothing could be asked.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// There is no code.
    #[error("there is no contract at {0}")]
    NoCode(Address),
    /// A view is missing or answers something else.
    #[error("the contract at {address} is not {adapter}: {source}")]
    View {
        /// The contract's address.
        address: Address,
        /// The adapter's name.
        adapter: SafeText,
        /// Which view, and how it failed.
        #[source]
        source: Box<ViewError>,
    },
    /// `initiatePoolDeposit` takes the cluster with its fields in another order.
    #[error("the contract at {address} has no initiatePoolDeposit with the {configured:?} cluster layout{}", hint(.other))]
    Layout {
        /// The contract's address.
        address: Address,
        /// What was configured.
        configured: ClusterLayout,
        /// The layout that it does answer to, if any.
        other: Option<ClusterLayout>,
    },
}

fn hint(other: &Option<ClusterLayout>) -> String {
    match other {
        Some(layout) => format!("; it answers to {layout:?}"),
        None => " nor with the other one".into(),
    }
}

impl super::Manager {
    /// Asks every view once, at one block, and whether `initiatePoolDeposit` exists in the configured layout.
    pub async fn probe(&self) -> Result<Probe, ProbeError> {
        let head = self.rpc.head().await?;
        let at = At::Hash(head.hash);
        if self.rpc.code(self.address, at).await?.is_empty() {
            return Err(ProbeError::NoCode(self.address));
        }
        let wrong = |source| ProbeError::View {
            address: self.address,
            adapter: SafeText::new(&self.adapter.to_string()),
            source: Box::new(source),
        };
        let probe = Probe {
            block: head.block(),
            ssv_network: self.ssv_network(at).await.map_err(wrong)?,
            upkeep: self.upkeep(at).await.map_err(wrong)?,
            ready: self.ready_pools(at).await.map_err(wrong)?,
            pending: self.pending_pools(at).await.map_err(wrong)?,
            staked: self.staked_pools(at).await.map_err(wrong)?,
            reserved_fees: self.reserved_fees(at).await.map_err(wrong)?,
            public_keys: self.validator_public_keys(at).await.map_err(wrong)?,
        };
        self.exiting_validators(at).await.map_err(wrong)?;
        self.pool(PoolId(0), at).await.map_err(wrong)?;
        self.probe_layout(at).await?;
        Ok(probe)
    }

    /// A stranger's call is refused with words by a function that exists, and without by one that does not.
    async fn probe_layout(&self, at: At) -> Result<(), ProbeError> {
        if self.answers_to(self.layout, at).await? {
            return Ok(());
        }
        let other = match self.layout {
            ClusterLayout::BalanceThenActive => ClusterLayout::ActiveThenBalance,
            ClusterLayout::ActiveThenBalance => ClusterLayout::BalanceThenActive,
        };
        Err(ProbeError::Layout {
            address: self.address,
            configured: self.layout,
            other: self.answers_to(other, at).await?.then_some(other),
        })
    }

    async fn answers_to(&self, layout: ClusterLayout, at: At) -> Result<bool, RpcError> {
        let args = super::InitiatePoolDeposit {
            deposit_data_root: Default::default(),
            public_key: Default::default(),
            operator_ids: Vec::new(),
            shares: Default::default(),
            cluster: crate::types::ClusterSnapshot::fresh(),
            signature: Default::default(),
            withdrawal_credentials: Default::default(),
            fee_amount: U256::ZERO,
        };
        let input = super::encode_initiate_pool_deposit(&args, layout);
        debug_assert_eq!(input[..4], initiate_selector(layout));
        let call = CallRequest {
            from: Some(Address::ZERO),
            to: self.address,
            input,
            value: U256::ZERO,
        };
        match self.rpc.call(&call, at).await {
            Ok(_) => Ok(true),
            Err(error) => match error.server().and_then(revert_of) {
                Some(revert) => Ok(revert.form != RevertForm::Empty),
                None => Err(error),
            },
        }
    }

    /// Whether the manager takes calls from `oracle`, at a block. It has no view for that, so a reshare of a pool that
    /// can not exist is simulated from that address: a stranger is refused with the contract's well-known words. None
    /// when the contract refuses without a word, which says neither.
    pub async fn authorises(&self, oracle: Address, at: At) -> Result<Option<bool>, RpcError> {
        use alloy::sol_types::SolCall;
        let call = CallRequest {
            from: Some(oracle),
            to: self.address,
            input: abi::Manager::resharePoolCall {
                poolId: u32::MAX,
                operatorIds: Vec::new(),
                shares: Default::default(),
            }
            .abi_encode()
            .into(),
            value: U256::ZERO,
        };
        match self.rpc.call(&call, at).await {
            Ok(_) => Ok(Some(true)),
            Err(error) => match error.server().and_then(revert_of) {
                Some(revert) if revert.form == RevertForm::Empty => Ok(None),
                Some(revert) => Ok(Some(!revert.reason.as_str().contains(NOT_THE_ORACLE))),
                None => Err(error),
            },
        }
    }
}

/// What the manager says to everyone but its oracle, on both calls.
pub(crate) const NOT_THE_ORACLE: &str = "Only DKG oracle can initiate pools";
