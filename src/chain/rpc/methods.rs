//! The JSON-RPC methods in use, typed.

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::At;
use super::types::{BlockHeader, CallRequest, FeeHistory, LogEntry, Receipt, TransactionInfo};
use super::{Rpc, RpcError};
use crate::types::SafeText;

impl Rpc {
    /// A block's header; none when there is no such block. For [`At::Finalized`] none means that nothing is final yet,
    /// in one of the ways in which clients say that; every other refusal is an error.
    ///
    /// # Errors
    /// No endpoint answers, or a node refuses. See [`RpcError`].
    pub async fn header(&self, at: At) -> Result<Option<BlockHeader>, RpcError> {
        if let At::Hash(hash) = at {
            return self.request("eth_getBlockByHash", json!([hash, false])).await;
        }
        let params = json!([at.to_json(), false]);
        let found = self.request_from::<Option<BlockHeader>>("eth_getBlockByNumber", params);
        match found.await {
            Ok((found, endpoint)) => {
                if let Some(header) = &found {
                    self.note_block(endpoint, at, header.number());
                }
                Ok(found)
            }
            Err(error) if at == At::Finalized && error.says_nothing_is_final() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The header of the newest block that more than one endpoint has, or of the only one that answers.
    ///
    /// # Errors
    /// As [`Rpc::header`]; a node without any block is `Unexpected`.
    pub async fn head(&self) -> Result<BlockHeader, RpcError> {
        self.common_head().await.map(|common| common.header)
    }

    /// The newest block's header, as the first endpoint has it that answers.
    pub(super) async fn latest(&self) -> Result<BlockHeader, RpcError> {
        self.header(At::Latest).await?.ok_or(RpcError::Unexpected {
            method: "eth_getBlockByNumber",
            reason: "there is no newest block".into(),
        })
    }

    /// Every receipt of a block.
    pub(crate) async fn block_receipts(&self, hash: B256) -> Result<Option<Vec<Receipt>>, RpcError> {
        self.request("eth_getBlockReceipts", json!([hash])).await
    }

    /// Executes a call without a transaction and returns what it returns.
    ///
    /// # Errors
    /// `Server` where the call reverts: the error object carries what the contract said. Else see [`RpcError`].
    pub async fn call(&self, call: &CallRequest, at: At) -> Result<Bytes, RpcError> {
        self.request("eth_call", json!([call, at.to_json()])).await
    }

    /// Gas that a transaction would use.
    ///
    /// # Errors
    /// As [`Rpc::call`]: what reverts has no estimate.
    pub async fn estimate_gas(&self, call: &CallRequest) -> Result<u64, RpcError> {
        let gas: U64 = self.request("eth_estimateGas", json!([call])).await?;
        Ok(gas.to())
    }

    /// Balance in wei.
    ///
    /// # Errors
    /// No endpoint answers, or the one that does has not the state of that block. See [`RpcError`].
    pub async fn balance(&self, of: Address, at: At) -> Result<U256, RpcError> {
        self.request("eth_getBalance", json!([of, at.to_json()])).await
    }

    /// Transactions sent by an account: its next nonce.
    ///
    /// # Errors
    /// No endpoint answers, or the one that does has not the state of that block. See [`RpcError`].
    pub async fn nonce(&self, of: Address, at: At) -> Result<u64, RpcError> {
        let nonce: U64 = self
            .request("eth_getTransactionCount", json!([of, at.to_json()]))
            .await?;
        Ok(nonce.to())
    }

    /// Code at an address; empty where there is none.
    ///
    /// # Errors
    /// No endpoint answers, or the one that does has not the state of that block. See [`RpcError`].
    pub async fn code(&self, of: Address, at: At) -> Result<Bytes, RpcError> {
        self.request("eth_getCode", json!([of, at.to_json()])).await
    }

    /// A receipt; none while no endpoint has the transaction in a block of the canonical chain: one that lags, or keeps no
    /// receipts, says that there is none.
    ///
    /// # Errors
    /// See [`RpcError`].
    pub async fn receipt(&self, hash: B256) -> Result<Option<Receipt>, RpcError> {
        let (found, _) = self.anybodys("eth_getTransactionReceipt", hash).await?;
        Ok(found)
    }

    /// As [`Rpc::receipt`], and none only where every endpoint says so: for whoever takes that for an answer.
    pub(crate) async fn receipt_or_nowhere(&self, hash: B256) -> Result<Option<Receipt>, RpcError> {
        match self.anybodys("eth_getTransactionReceipt", hash).await? {
            (None, Some(silent)) => Err(silent),
            (found, _) => Ok(found),
        }
    }

    /// What anybody has of a transaction; where nobody has it, also why one of the endpoints did not answer.
    async fn anybodys<T: DeserializeOwned>(
        &self,
        method: &'static str,
        hash: B256,
    ) -> Result<(Option<T>, Option<RpcError>), RpcError> {
        let (found, told_by): (Option<T>, _) = self.request_from(method, json!([hash])).await?;
        if found.is_some() || self.only.is_some() {
            return Ok((found, None));
        }
        let mut silent = None;
        for (index, _, other) in self.voices() {
            if index == told_by {
                continue;
            }
            match other.request(method, json!([hash])).await {
                Ok(Some(found)) => return Ok((Some(found), None)),
                Ok(None) => {}
                Err(error) => silent = Some(error),
            }
        }
        Ok((None, silent))
    }

    /// Whether the block with this hash holds a transaction; none when there is no such block.
    pub(crate) async fn block_holds(&self, block: B256, transaction: B256) -> Result<Option<bool>, RpcError> {
        #[derive(serde::Deserialize)]
        struct Block {
            transactions: Vec<B256>,
        }
        let found: Option<Block> = self.request("eth_getBlockByHash", json!([block, false])).await?;
        Ok(found.map(|found| found.transactions.contains(&transaction)))
    }

    /// What a contract logged in the block with this hash.
    pub(crate) async fn logs_in(&self, block: B256, contract: Address) -> Result<Vec<LogEntry>, RpcError> {
        let filter = json!([{"blockHash": block, "address": contract}]);
        self.request("eth_getLogs", filter).await
    }

    /// A transaction by its hash, mined or waiting; none while no endpoint has it: one that forgot what it took, or lags,
    /// says that there is none.
    ///
    /// # Errors
    /// See [`RpcError`].
    pub async fn transaction(&self, hash: B256) -> Result<Option<TransactionInfo>, RpcError> {
        let (found, _) = self.anybodys("eth_getTransactionByHash", hash).await?;
        Ok(found)
    }

    /// The transactions of the block at this height. A node without the block has told nothing of them, and no empty list.
    pub(crate) async fn block_transactions(&self, number: u64) -> Result<Vec<TransactionInfo>, RpcError> {
        #[derive(serde::Deserialize)]
        struct Block {
            transactions: Vec<TransactionInfo>,
        }
        let method = "eth_getBlockByNumber";
        let block: Option<Block> = self.request(method, json!([U64::from(number), true])).await?;
        let block = block.ok_or_else(|| RpcError::Unexpected {
            method,
            reason: SafeText::new(&format!("there is no block {number}")),
        })?;
        Ok(block.transactions)
    }

    /// Base fees and priority fees (at the given percentiles) of the newest `blocks` blocks.
    ///
    /// # Errors
    /// See [`RpcError`].
    pub async fn fee_history(&self, blocks: u64, percentiles: &[f64]) -> Result<FeeHistory, RpcError> {
        self.request(
            "eth_feeHistory",
            json!([U64::from(blocks), "latest", percentiles]),
        )
        .await
    }

    /// Hands a signed transaction to a node. Asked again with the same bytes it does no harm, so a node that does not
    /// answer is followed by the next; what came of it is found out from the chain, never from this answer alone.
    ///
    /// Which chain a node serves is asked once more right before: behind its address there may be another one by now.
    ///
    /// # Errors
    /// `Server` is one node's refusal, which proves nothing: another may have the transaction. Else see [`RpcError`].
    pub async fn send_raw_transaction(&self, raw: &Bytes) -> Result<B256, RpcError> {
        self.distrust();
        self.request("eth_sendRawTransaction", json!([raw])).await
    }
}
