//! The JSON-RPC methods in use, typed.

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::At;
use super::ask::{Lacking, Reading, Round, decoded};
use super::types::{BlockHeader, CallRequest, LogEntry, Quantity, Receipt, TransactionInfo};
use super::{Rpc, RpcError};
use crate::types::SafeText;

impl Rpc {
    /// A block's header; none when no endpoint that answers has such a block: one that lags says that there is none. For
    /// [`At::Finalized`] see [`Rpc::finalized`].
    ///
    /// # Errors
    /// No endpoint answers. See [`RpcError`].
    pub async fn header(&self, at: At) -> Result<Option<BlockHeader>, RpcError> {
        match at {
            At::Finalized => self.finalized().await,
            at => self.any_header(at).await,
        }
    }

    /// The header that the first endpoint has that has one.
    pub(super) async fn any_header(&self, at: At) -> Result<Option<BlockHeader>, RpcError> {
        let (method, params) = match at {
            At::Hash(hash) => ("eth_getBlockByHash", json!([hash, false])),
            at => ("eth_getBlockByNumber", json!([at.to_json(), false])),
        };
        let found: Round<BlockHeader> = self.anybodys(method, params).await?;
        if let Round::Found { found, teller, .. } = &found {
            self.note_block(*teller, at, found.number());
        }
        Ok(found.found())
    }

    /// The header of the newest block that more than one endpoint has, or of the only one that answers.
    ///
    /// # Errors
    /// No endpoint tells a newest block. See [`RpcError`].
    pub async fn head(&self) -> Result<BlockHeader, RpcError> {
        self.common_head().await.map(|common| common.header)
    }

    /// The newest block's header, as the first endpoint has it that answers.
    pub(super) async fn latest(&self) -> Result<BlockHeader, RpcError> {
        let (params, asked) = (json!([At::Latest.to_json(), false]), Instant::now());
        // there always is one, so `null` is no answer
        let (header, teller): (BlockHeader, _) = self.request_from("eth_getBlockByNumber", params).await?;
        self.inner.endpoints[teller.position()].told_newest(&header, asked);
        Ok(header)
    }

    /// Every receipt of a block; none where no endpoint that answers has them.
    pub(crate) async fn block_receipts(&self, hash: B256) -> Result<Option<Vec<Receipt>>, RpcError> {
        let told = self.anybodys("eth_getBlockReceipts", json!([hash])).await?;
        Ok(told.found())
    }

    /// Executes a call without a transaction and returns what it returns.
    ///
    /// # Errors
    /// `Server` where the call reverts: the error object carries what the contract said. Else see [`RpcError`].
    pub async fn call(&self, call: &CallRequest, at: At) -> Result<Bytes, RpcError> {
        self.request("eth_call", json!([call, at.to_json()])).await
    }

    /// Executes a call for what `read` makes of the bytes that it returns. An endpoint whose bytes cannot be read is passed
    /// over; it is shown as that, under the name of `view`, where another's can.
    ///
    /// # Errors
    /// As [`Rpc::call`]; `Nowhere` where nobody's bytes can be read, with what is wrong with each.
    pub(crate) async fn call_for<R>(
        &self,
        view: &'static str,
        call: &CallRequest,
        at: At,
        read: impl Fn(&Bytes) -> Result<R, SafeText>,
    ) -> Result<R, RpcError> {
        const METHOD: &str = "eth_call";
        let reading = |raw: &RawValue| {
            let bytes: Bytes = decoded(raw)?;
            Ok(read(&bytes).map_or_else(Reading::Nothing, Reading::Found))
        };
        let params = json!([call, at.to_json()]);
        match self.ask_in_turn(METHOD, &params, reading).await? {
            Round::Found {
                found,
                teller,
                lacking,
            } => {
                self.inner.endpoints[teller.position()].answered_well(view);
                for Lacking { endpoint, why } in lacking {
                    self.inner.endpoints[endpoint.position()].answered_oddly(view, &why);
                }
                Ok(found)
            }
            Round::Nowhere { lacking, .. } => Err(RpcError::Nowhere {
                method: METHOD,
                reason: self.in_words(&lacking),
            }),
        }
    }

    /// Why they have nothing, each with its name where there is more than one to ask.
    fn in_words(&self, lacking: &[Lacking]) -> SafeText {
        let words = lacking.iter().map(|Lacking { endpoint, why }| {
            let name = &self.inner.endpoints[endpoint.position()].name;
            match self.indices().count() {
                1 => why.to_string(),
                _ => format!("{name}: {why}"),
            }
        });
        SafeText::new(&words.collect::<Vec<_>>().join("; "))
    }

    /// Gas that a transaction would use. An estimate below what its bytes alone take is no answer: a transaction with so
    /// little is in no block, ever.
    ///
    /// # Errors
    /// As [`Rpc::call`]: what reverts has no estimate. `Nowhere` where no estimate can be used.
    pub async fn estimate_gas(&self, call: &CallRequest) -> Result<u64, RpcError> {
        const METHOD: &str = "eth_estimateGas";
        let least = call.intrinsic_gas();
        let read = |raw: &RawValue| {
            let gas: Quantity = decoded(raw)?;
            match gas.get() {
                gas if gas < least => Err(SafeText::new(&format!(
                    "{gas} gas, and {least} is what the call's bytes alone take"
                ))),
                gas => Ok(Reading::Found(gas)),
            }
        };
        match self.ask_in_turn(METHOD, &json!([call]), read).await? {
            Round::Found { found, .. } => Ok(found),
            Round::Nowhere { lacking, .. } => Err(RpcError::Nowhere {
                method: METHOD,
                reason: self.in_words(&lacking),
            }),
        }
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
        let nonce: Quantity = self
            .request("eth_getTransactionCount", json!([of, at.to_json()]))
            .await?;
        Ok(nonce.get())
    }

    /// Code at an address; empty where every endpoint that answers says that there is none: one that lags says so of what is
    /// new. Who says so of a block that is named by its hash, and where another one has code, is named: whoever lacks that
    /// block's state says that it does (EIP-1898), and not that nothing is there.
    ///
    /// # Errors
    /// No endpoint answers, or none that does has the state of that block. See [`RpcError`].
    pub async fn code(&self, of: Address, at: At) -> Result<Bytes, RpcError> {
        let read = |raw: &RawValue| {
            let code: Bytes = decoded(raw)?;
            Ok(Reading::of((!code.is_empty()).then_some(code)))
        };
        let params = json!([of, at.to_json()]);
        let told = self.ask_in_turn("eth_getCode", &params, read).await?;
        if let (Round::Found { lacking, .. }, At::Hash(_)) = (&told, at) {
            let words = SafeText::new(&format!(
                "says that there is no contract at {of}, which others deny"
            ));
            for denies in lacking {
                self.blame_for_contradiction(denies.endpoint, &words);
            }
        }
        Ok(told.found().unwrap_or_default())
    }

    /// A receipt; none while no endpoint has the transaction in a block of the canonical chain: one that lags, or keeps no
    /// receipts, says that there is none.
    ///
    /// # Errors
    /// See [`RpcError`].
    pub async fn receipt(&self, hash: B256) -> Result<Option<Receipt>, RpcError> {
        let told = self.anybodys("eth_getTransactionReceipt", json!([hash])).await?;
        Ok(told.found())
    }

    /// Whether the block with this hash holds a transaction; none when there is no such block.
    pub(crate) async fn block_holds(&self, block: B256, transaction: B256) -> Result<Option<bool>, RpcError> {
        #[derive(serde::Deserialize)]
        struct Block {
            transactions: Vec<B256>,
        }
        let told: Round<Block> = self.anybodys("eth_getBlockByHash", json!([block, false])).await?;
        Ok(told
            .found()
            .map(|found| found.transactions.contains(&transaction)))
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
        let told = self.anybodys("eth_getTransactionByHash", json!([hash])).await?;
        Ok(told.found())
    }

    /// The transactions of the block at this height. A node without the block has told nothing of them, and no empty list.
    pub(crate) async fn block_transactions(&self, number: u64) -> Result<Vec<TransactionInfo>, RpcError> {
        #[derive(serde::Deserialize)]
        struct Block {
            transactions: Vec<TransactionInfo>,
        }
        let method = "eth_getBlockByNumber";
        let told: Round<Block> = self.anybodys(method, json!([U64::from(number), true])).await?;
        let block = told.found().ok_or_else(|| RpcError::Nowhere {
            method,
            reason: SafeText::new(&format!("no endpoint has block {number}")),
        })?;
        Ok(block.transactions)
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
