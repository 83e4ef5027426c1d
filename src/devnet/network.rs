//! The local network itself: anvil with the contracts deployed, and every lever that the demo and the tests pull.

use std::time::{Duration, Instant};

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, TxHash, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::anvil::{self, Anvil, AnvilOptions, Progress};
use super::deploy;
use super::error::{DevnetError, MINED_DEADLINE, failed, named};
use super::options::{Accounts, Addresses, DevnetOptions, Mining};
use super::rpc::{connect, ether_to_wei, rpc};
use crate::types::SafeText;

const MINED_POLL: Duration = Duration::from_millis(20);
const ENDED_POLL: Duration = Duration::from_millis(500);

/// A running local network. Anvil ends with it.
#[derive(Debug)]
pub struct Devnet {
    anvil: Anvil,
    provider: DynProvider,
    options: DevnetOptions,
    accounts: Accounts,
    addresses: Addresses,
    oracle: PrivateKeySigner,
}

impl Devnet {
    /// Finds or installs anvil, starts it and deploys everything in blocks 1 and 2.
    ///
    /// # Errors
    /// No anvil, an option that makes no sense, or a deployment that fails.
    pub async fn start(options: DevnetOptions, progress: Progress<'_>) -> Result<Self, DevnetError> {
        options.check()?;
        let oracle = match options.oracle_key {
            Some(key) => PrivateKeySigner::from_bytes(&key)
                .map_err(|error| DevnetError::Option(error.to_string().into()))?,
            None => PrivateKeySigner::random(),
        };
        let binary = anvil::ensure(progress).await?;
        progress("starting anvil");
        let anvil = Anvil::start(
            &binary,
            &AnvilOptions {
                chain_id: options.chain_id,
                slots_in_an_epoch: options.slots_in_an_epoch,
                port: options.port,
                no_mining: true,
                states: options.states,
                ..AnvilOptions::default()
            },
        )
        .await?;
        let provider = connect(&anvil.http_url())?;
        progress("deploying the contracts");
        let (accounts, addresses) = deploy::deploy(&provider, &options, oracle.address()).await?;
        let devnet = Self {
            anvil,
            provider,
            options,
            accounts,
            addresses,
            oracle,
        };
        devnet.set_mining(devnet.options.mining).await?;
        Ok(devnet)
    }

    /// JSON-RPC over HTTP.
    #[must_use]
    pub fn http_url(&self) -> String {
        self.anvil.http_url()
    }

    /// JSON-RPC over a web socket.
    #[must_use]
    pub fn ws_url(&self) -> String {
        self.anvil.ws_url()
    }

    /// A provider without fillers, for anvil's own accounts and for reading.
    #[must_use]
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// What stands where.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The accounts that act.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        self.accounts
    }

    /// How it was started.
    #[must_use]
    pub fn options(&self) -> &DevnetOptions {
        &self.options
    }

    /// The oracle's key: of this network only.
    #[must_use]
    pub fn oracle_signer(&self) -> &PrivateKeySigner {
        &self.oracle
    }

    /// Why anvil is gone, if it is.
    #[must_use]
    pub fn exited(&self) -> Option<SafeText> {
        self.anvil.exited()
    }

    /// Returns when anvil is gone by itself, and says why.
    pub async fn ended(&self) -> SafeText {
        loop {
            if let Some(reason) = self.exited() {
                return reason;
            }
            tokio::time::sleep(ENDED_POLL).await;
        }
    }

    /// Any JSON-RPC call, anvil's own methods included.
    ///
    /// # Errors
    /// The node refuses, or does not answer in time.
    pub async fn rpc<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, DevnetError> {
        rpc(&self.provider, method, params).await
    }

    /// Sends a call from an account that anvil signs for, and waits until it is mined.
    ///
    /// # Errors
    /// It would revert (the reason is in the error), or does revert, or is not mined in time.
    pub async fn send(
        &self,
        what: &'static str,
        from: Address,
        to: Address,
        value: U256,
        data: impl Into<Bytes>,
    ) -> Result<TransactionReceipt, DevnetError> {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_to(to)
            .with_value(value)
            .with_input(data.into());
        // anvil would mine a call that reverts without a word: asked first, it says why
        let gas: U256 = rpc(&self.provider, "eth_estimateGas", (&request, "pending"))
            .await
            .map_err(|error| named(error, what))?;
        let request = request.with_gas_limit(gas.to::<u64>() * 3 / 2);
        let hash: TxHash = rpc(&self.provider, "eth_sendTransaction", (request,))
            .await
            .map_err(|error| named(error, what))?;
        if self.options.mining == Mining::Manual {
            self.mine(1).await?;
        }
        let started = Instant::now();
        loop {
            let receipt = self.provider.get_transaction_receipt(hash).await;
            match receipt.map_err(|error| failed(what, &error))? {
                Some(receipt) if receipt.status() => return Ok(receipt),
                Some(_) => {
                    return Err(DevnetError::Reverted {
                        what,
                        transaction: hash,
                    });
                }
                None if started.elapsed() > MINED_DEADLINE => return Err(DevnetError::NotMined { what }),
                None => tokio::time::sleep(MINED_POLL).await,
            }
        }
    }

    /// Sends a call from any address at all, funded for it.
    ///
    /// # Errors
    /// As [`Devnet::send`].
    pub async fn send_as(
        &self,
        from: Address,
        to: Address,
        value: U256,
        data: impl Into<Bytes>,
    ) -> Result<TransactionReceipt, DevnetError> {
        self.fund(from, 1_000).await?;
        self.rpc::<serde_json::Value>("anvil_impersonateAccount", (from,))
            .await?;
        let receipt = self.send("impersonated call", from, to, value, data).await;
        self.rpc::<serde_json::Value>("anvil_stopImpersonatingAccount", (from,))
            .await?;
        receipt
    }

    /// Sets an account's balance.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn fund(&self, account: Address, ether: u64) -> Result<(), DevnetError> {
        self.rpc::<serde_json::Value>("anvil_setBalance", (account, ether_to_wei(ether)))
            .await
            .map(drop)
    }

    /// Changes when blocks are mined. [`Mining::Manual`] given to a network that was not started with it leaves its own
    /// actors waiting for [`Devnet::mine`] too.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn set_mining(&self, mining: Mining) -> Result<(), DevnetError> {
        let seconds = match mining {
            Mining::EverySeconds(seconds) => seconds,
            Mining::Instant | Mining::Manual => 0,
        };
        self.rpc::<serde_json::Value>("evm_setIntervalMining", (seconds,))
            .await?;
        if seconds == 0 {
            self.rpc::<serde_json::Value>("evm_setAutomine", (mining == Mining::Instant,))
                .await?;
        }
        Ok(())
    }

    /// Mines `blocks` blocks at once; very many in parts, because each call has a deadline that a busy machine would pass.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn mine(&self, blocks: u64) -> Result<(), DevnetError> {
        const AT_ONCE: u64 = 250;
        let mut left = blocks;
        while left > 0 {
            let part = left.min(AT_ONCE);
            self.rpc::<serde_json::Value>("anvil_mine", (U256::from(part),))
                .await?;
            left -= part;
        }
        Ok(())
    }

    /// Mines until the present head is final.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn finalize(&self) -> Result<(), DevnetError> {
        self.mine(2 * self.options.slots_in_an_epoch + 1).await
    }

    /// Replaces the newest `depth` blocks by empty ones: their transactions are gone for good.
    ///
    /// # Errors
    /// The node refuses, as when the chain is not that long.
    pub async fn reorg(&self, depth: u64) -> Result<(), DevnetError> {
        self.reorg_with(depth, &[]).await
    }

    /// Replaces the newest `depth` blocks by others that hold these signed transactions, each in the new block of the
    /// given number, counted from 0.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn reorg_with(&self, depth: u64, transactions: &[(Bytes, u64)]) -> Result<(), DevnetError> {
        self.rpc::<serde_json::Value>("anvil_reorg", (depth, transactions))
            .await
            .map(drop)
    }

    /// The height of the chain.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn block_number(&self) -> Result<u64, DevnetError> {
        self.provider
            .get_block_number()
            .await
            .map_err(|error| failed("eth_blockNumber", &error))
    }
}
