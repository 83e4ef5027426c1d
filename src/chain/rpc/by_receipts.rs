//! The logs of one block by its receipts, for an endpoint that does not tell them by `eth_getLogs`: where the number of logs
//! is limited, a single block may be too much, and a smaller question there is not.

use alloy::primitives::{B256, U64};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::ask::Failed;
use super::error::EndpointError;
use super::types::{LogEntry, LogFilter, Receipt};
use super::{EndpointIndex, Rpc};
use crate::chain::logs::asked_for;
use crate::types::SafeText;

/// Receipts asked for at the same time, where a block's are not told together.
const AT_ONCE: usize = 8;

impl Rpc {
    /// What the filter asks for in the block at this height, by `eth_getBlockReceipts`, else by the receipt of each of its
    /// transactions.
    pub(super) async fn logs_by_receipts(
        &self,
        index: EndpointIndex,
        filter: &LogFilter,
        number: u64,
    ) -> Result<Vec<LogEntry>, Failed> {
        let params = json!([U64::from(number)]);
        let together = self.ask_and_read::<Option<Vec<Receipt>>>(index, "eth_getBlockReceipts", &params);
        let receipts = match together.await {
            Ok(Some(receipts)) => receipts,
            Ok(None) | Err(_) => self.each_receipt(index, number).await?,
        };
        let first = receipts.first().map(Receipt::block);
        if receipts.iter().any(|receipt| Some(receipt.block()) != first)
            || first.is_some_and(|block| block.number != number)
        {
            return Err(contradiction(
                "its receipts are not all of the block that was asked for",
            ));
        }
        let logs = receipts.into_iter().flat_map(|receipt| receipt.logs).collect();
        Ok(asked_for(logs, filter, number, number))
    }

    async fn each_receipt(&self, index: EndpointIndex, number: u64) -> Result<Vec<Receipt>, Failed> {
        #[derive(serde::Deserialize)]
        struct Block {
            transactions: Vec<B256>,
        }
        let params = json!([U64::from(number), false]);
        let block: Option<Block> = self.ask_and_read(index, "eth_getBlockByNumber", &params).await?;
        let Some(Block { transactions }) = block else {
            return Err(contradiction("it does not have the block that was asked for"));
        };
        let receipt = |hash: B256| async move {
            let params = json!([hash]);
            let found = self.ask_and_read(index, "eth_getTransactionReceipt", &params);
            let found: Option<Receipt> = found.await?;
            found.ok_or_else(|| contradiction("it has no receipt of a transaction of its own block"))
        };
        let asked: Vec<_> = transactions.into_iter().map(receipt).collect();
        futures_util::stream::iter(asked)
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }
}

fn contradiction(words: &str) -> Failed {
    Failed {
        error: EndpointError::Malformed(SafeText::new(words)),
        again: None,
    }
}
