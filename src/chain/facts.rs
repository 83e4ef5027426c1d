//! Everything the checks of a deposit need from the execution layer, read at one block. Each fact stands for itself:
//! one that could not be read is unknown with its reason, and does not hide the others.

use std::fmt::Display;

use alloy::primitives::{Address, Bytes, U256};

use super::contracts::{DecodedRevert, Manager, revert_of};
use super::deposits::{DepositLogs, KnownDeposit};
use super::replay::ReplayError;
use super::rpc::{At, CallRequest, Rpc, RpcError};
use super::ssv::{SsvReader, SsvState};
use crate::types::{BlockRef, BlsPublicKey, OperatorId, PoolId, PoolView, SafeText};

/// A fact, or why it is unknown.
pub type Known<T> = Result<T, SafeText>;

/// Which facts.
#[derive(Debug, Clone)]
pub struct DepositQuery {
    /// The pool that the deposit is meant for.
    pub pool: PoolId,
    /// The oracle's address.
    pub oracle: Address,
    /// The committee.
    pub operators: Vec<OperatorId>,
    /// The validator key, once there is one.
    pub public_key: Option<BlsPublicKey>,
}

/// What the execution layer says at one block.
#[derive(Debug, Clone)]
pub struct DepositFacts {
    /// The block.
    pub block: BlockRef,
    /// Its time, seconds since the Unix epoch.
    pub timestamp: u64,
    /// Its base fee, wei for each gas.
    pub base_fee_wei: Option<U256>,
    /// The deposit queue; its first is served next.
    pub ready: Known<Vec<PoolId>>,
    /// The pool.
    pub pool: Known<PoolView>,
    /// Reserved fees, wei.
    pub reserved_fees_wei: Known<U256>,
    /// The manager takes the oracle's calls.
    pub oracle_authorised: Known<bool>,
    /// The oracle's balance, wei.
    pub balance_wei: Known<U256>,
    /// SSV's network contract as the manager has it.
    pub ssv_network: Known<Address>,
    /// Cluster snapshot and owner nonce.
    pub ssv: Known<SsvState>,
    /// There is code at the deposit contract's address.
    pub deposit_contract_has_code: Known<bool>,
    /// Deposits that were made for the key already; empty when there is no key yet.
    pub deposits_of_key: Known<Vec<KnownDeposit>>,
}

/// Gathers facts.
#[derive(Debug)]
pub struct Facts {
    manager: Manager,
    ssv: SsvReader,
    deposits: DepositLogs,
}

impl Facts {
    /// From the three contracts.
    #[must_use]
    pub fn new(manager: Manager, ssv: SsvReader, deposits: DepositLogs) -> Self {
        Self {
            manager,
            ssv,
            deposits,
        }
    }

    /// The SSV part alone.
    #[must_use]
    pub fn ssv(&self) -> &SsvReader {
        &self.ssv
    }

    /// Reads the deposit contract's logs on up to a block, so that a later question finds little to do.
    pub async fn keep_up(&self, block: BlockRef) -> Result<(), ReplayError> {
        self.deposits.keep_up(block).await
    }

    /// Reads everything at the newest block.
    pub async fn gather(&self, query: &DepositQuery) -> Result<DepositFacts, RpcError> {
        let rpc = self.manager.rpc();
        let head = rpc.head().await?;
        let at = At::Hash(head.hash);
        let block = head.block();
        let deposits_of_key = async {
            match &query.public_key {
                Some(key) => self.deposits.of(key, block).await,
                None => Ok(Vec::new()),
            }
        };
        let (ready, pool, fees, authorised, balance, network, ssv, code, deposits) = tokio::join!(
            self.manager.ready_pools(at),
            self.manager.pool(query.pool, at),
            self.manager.reserved_fees(at),
            self.manager.authorises(query.oracle, at),
            rpc.balance(query.oracle, at),
            self.manager.ssv_network(at),
            self.ssv.at(block, &query.operators),
            rpc.code(self.deposits.contract(), at),
            deposits_of_key,
        );
        let oracle_authorised = match authorised {
            Ok(Some(verdict)) => Ok(verdict),
            Ok(None) => Err("the manager refuses without a word".into()),
            Err(error) => Err(said(error)),
        };
        Ok(DepositFacts {
            block,
            timestamp: head.timestamp(),
            base_fee_wei: head.base_fee_per_gas,
            ready: ready.map_err(said),
            pool: pool.map_err(said),
            reserved_fees_wei: fees.map_err(said),
            oracle_authorised,
            balance_wei: balance.map_err(said),
            ssv_network: network.map_err(said),
            ssv: ssv.map_err(said),
            deposit_contract_has_code: code.map(|code| !code.is_empty()).map_err(said),
            deposits_of_key: deposits.map_err(said),
        })
    }
}

fn said(error: impl Display) -> SafeText {
    SafeText::new(&error.to_string())
}

/// A call that would not go through, or could not be tried.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SimulateError {
    /// It would revert.
    #[error("would revert: {0}")]
    Reverted(DecodedRevert),
    /// It could not be tried.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

/// Executes a call on the newest state as if `from` sent it, and says how much gas it uses.
pub async fn simulate(rpc: &Rpc, from: Address, to: Address, data: &Bytes) -> Result<u64, SimulateError> {
    let call = CallRequest {
        from: Some(from),
        to,
        input: data.clone(),
        value: U256::ZERO,
    };
    let revert = |error: RpcError| match error.server().and_then(revert_of) {
        Some(revert) => SimulateError::Reverted(revert),
        None => SimulateError::Rpc(error),
    };
    // the plain call first: its errors carry the revert's bytes, those of the estimate not with every client
    rpc.call(&call, At::Latest).await.map_err(revert)?;
    rpc.estimate_gas(&call).await.map_err(revert)
}
