//! What stakers, upkeep and owner do with the manager, one call each.

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, Log, TransactionReceipt};
use alloy::sol_types::{SolCall, SolEvent, SolEventInterface};

use super::contracts::{Manager, ManagerActors};
use super::error::{DevnetError, failed};
use super::network::Devnet;
use super::options::POOL_ETHER;
use super::rpc::ether_to_wei;
use crate::types::PoolId;

impl Devnet {
    /// Stakes enough to fill `pools` pools, in one transaction, and says which ones were requested by it.
    ///
    /// # Errors
    /// As [`Devnet::send`].
    pub async fn deposit_pool(&self, pools: u64) -> Result<Vec<PoolId>, DevnetError> {
        let value = ether_to_wei(POOL_ETHER * pools);
        let receipt = self
            .manager_call(
                "deposit",
                self.accounts().staker,
                value,
                &ManagerActors::depositCall {},
            )
            .await?;
        Ok(receipt
            .logs()
            .iter()
            .filter_map(|log| Manager::PoolDepositRequested::decode_log(&log.inner).ok())
            .map(|event| PoolId(event.poolId))
            .collect())
    }

    /// The upkeep reports that a pending pool has its deposit: it is staked from now on.
    ///
    /// # Errors
    /// As [`Devnet::send`].
    pub async fn report_staked(&self, pool: PoolId) -> Result<(), DevnetError> {
        let call = ManagerActors::reportDepositedCall { poolId: pool.0 };
        self.upkeep_call("reportDeposited", &call).await
    }

    /// The upkeep requests a reshare of a staked pool.
    ///
    /// # Errors
    /// As [`Devnet::send`].
    pub async fn request_reshare(&self, pool: PoolId) -> Result<(), DevnetError> {
        let call = ManagerActors::requestReshareCall { poolId: pool.0 };
        self.upkeep_call("requestReshare", &call).await
    }

    /// The upkeep requests the exit of a staked pool.
    ///
    /// # Errors
    /// As [`Devnet::send`].
    pub async fn request_exit(&self, pool: PoolId) -> Result<(), DevnetError> {
        let call = ManagerActors::requestExitCall { poolId: pool.0 };
        self.upkeep_call("requestExit", &call).await
    }

    /// The upkeep reports that an exiting pool's validator is gone: the pool is deleted.
    ///
    /// # Errors
    /// As [`Devnet::send`].
    pub async fn report_exited(&self, pool: PoolId) -> Result<(), DevnetError> {
        let call = ManagerActors::reportExitedCall { poolId: pool.0 };
        self.upkeep_call("reportExited", &call).await
    }

    /// The owner names another oracle.
    ///
    /// # Errors
    /// As [`Devnet::send`].
    pub async fn set_oracle(&self, oracle: Address) -> Result<(), DevnetError> {
        let call = ManagerActors::setOracleCall { oracle };
        self.manager_call("setOracle", self.accounts().owner, U256::ZERO, &call)
            .await
            .map(drop)
    }

    /// Somebody else uses the oracle's account: a transaction of 1 wei to the staker, in its name.
    ///
    /// # Errors
    /// As [`Devnet::send`].
    pub async fn use_oracle_account(&self) -> Result<(), DevnetError> {
        let oracle = self.addresses().oracle;
        self.rpc::<serde_json::Value>("anvil_impersonateAccount", (oracle,))
            .await?;
        let sent = self
            .send(
                "a stranger's transaction",
                oracle,
                self.accounts().staker,
                U256::ONE,
                Bytes::new(),
            )
            .await;
        self.rpc::<serde_json::Value>("anvil_stopImpersonatingAccount", (oracle,))
            .await?;
        sent.map(drop)
    }

    /// The base fee of the next block, in wei. From then on it moves as blocks are filled: an eighth down for an empty one.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn set_base_fee(&self, wei: U256) -> Result<(), DevnetError> {
        self.rpc::<serde_json::Value>("anvil_setNextBlockBaseFeePerGas", (wei,))
            .await
            .map(drop)
    }

    /// Puts the chain's clock forward, and mines a block by it.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn forward(&self, seconds: u64) -> Result<(), DevnetError> {
        self.rpc::<serde_json::Value>("evm_increaseTime", (U256::from(seconds),))
            .await?;
        self.mine(1).await
    }

    /// The manager, for its views.
    #[must_use]
    pub fn manager(&self) -> Manager::ManagerInstance<DynProvider> {
        Manager::new(self.addresses().manager, self.provider().clone())
    }

    /// Every event of the manager from `from_block` on, with its log.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn events(&self, from_block: u64) -> Result<Vec<(Manager::ManagerEvents, Log)>, DevnetError> {
        let filter = Filter::new()
            .address(self.addresses().manager)
            .from_block(from_block);
        let logs = self.provider().get_logs(&filter).await;
        Ok(logs
            .map_err(|error| failed("eth_getLogs", &error))?
            .into_iter()
            .filter_map(|log| {
                let event = Manager::ManagerEvents::decode_log(&log.inner).ok()?;
                Some((event.data, log))
            })
            .collect())
    }

    async fn upkeep_call(&self, what: &'static str, call: &impl SolCall) -> Result<(), DevnetError> {
        self.manager_call(what, self.accounts().upkeep, U256::ZERO, call)
            .await
            .map(drop)
    }

    async fn manager_call(
        &self,
        what: &'static str,
        from: Address,
        value: U256,
        call: &impl SolCall,
    ) -> Result<TransactionReceipt, DevnetError> {
        self.send(what, from, self.addresses().manager, value, call.abi_encode())
            .await
    }
}
