//! What a node leaves out of `eth_getLogs`. Every header carries a bloom filter over the logs of its block: where it
//! promises something that the answer lacks, the block is read again by its receipts. What those hold is heard, whoever
//! told them; who left it out is flagged only where that is proven. One log that was told says nothing of a second
//! one.

use super::proof::{Receipts, by_receipts, shares};
use super::rpc::{BlockHeader, EndpointIndex, LogEntry, LogFilter, Rpc, RpcError};
use crate::chain::logs::asked_for;
use crate::types::SafeText;

/// What an answer lacks of one block.
#[derive(Debug, Clone)]
pub(crate) enum Hidden {
    /// Nothing, as far as the header tells.
    Nothing,
    /// These. The endpoint that provably left them out is flagged.
    Logs(Vec<LogEntry>),
    /// It cannot be told, and why.
    Untold(SafeText),
}

/// A block could not be compared.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CompareError {
    /// No endpoint has its logs, or its header.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The logs are of another block of this height.
    #[error("the chain changed while it was read, at block {0}")]
    Moved(u64),
}

/// Compares what was `found` in the block of `header`, as `endpoint` told it, with what the header promises.
pub(crate) async fn hidden(
    rpc: &Rpc,
    filter: &LogFilter,
    header: &BlockHeader,
    found: &[LogEntry],
    endpoint: EndpointIndex,
) -> Result<Hidden, CompareError> {
    let number = header.number();
    let mut told = Vec::new();
    for log in found.iter().filter(|log| log.at().block.number == number) {
        if log.at().block != header.block() {
            return Err(CompareError::Moved(number));
        }
        told.push(log.at());
    }
    let Some(bloom) = &header.logs_bloom else {
        return Ok(Hidden::Untold(SafeText::new(&format!(
            "the header of block {number} carries no bloom filter"
        ))));
    };
    if !filter.may_match(bloom) {
        return Ok(Hidden::Nothing);
    }
    let untold = |why: &str| {
        let words = format!("block {number} may hold logs that were left out: {why}");
        Ok(Hidden::Untold(SafeText::new(&words)))
    };
    let receipts = match by_receipts(rpc, header).await {
        Ok(Receipts::Told(receipts)) => receipts,
        // what was told explains the filter; whether there is more beside it, nobody says now, and that holds nothing up
        Ok(Receipts::Nowhere(_)) | Err(_) if !told.is_empty() => return Ok(Hidden::Nothing),
        Ok(Receipts::Nowhere(why)) => return untold(&format!("no endpoint has its receipts: {why}")),
        Err(error) => return Err(error.into()),
    };
    let mut logs = asked_for(receipts.logs, filter, number, number);
    if logs.iter().any(|log| log.at().block != header.block()) {
        return Err(CompareError::Moved(number));
    }
    logs.retain(|log| !told.contains(&log.at()));
    if logs.is_empty() {
        return Ok(Hidden::Nothing);
    }
    // it contradicts its own receipts, or those of a block that it has, too
    if receipts.teller == endpoint
        || receipts.proven && shares(rpc, endpoint, header).await.unwrap_or_default()
    {
        rpc.blame_for_omission(endpoint);
    }
    Ok(Hidden::Logs(logs))
}
