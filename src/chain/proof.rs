//! What a block proves about its logs. Its header names the root of the tree of its receipts, so receipts that come to that
//! root are the block's, whoever told them: an endpoint whose own header names the root and whose logs are others lies, and
//! that is evidence against it alone. Everything less is a disagreement, in which either may be right.
//!
//! | the receipts of a block | |
//! |---|---|
//! | proven | they come to the root that the header names |
//! | not proven | they come to another root, or the header names none, or one is of a kind that is not known here |

use alloy::consensus::proofs::calculate_receipt_root;
use alloy::consensus::{Eip658Value, Receipt as Consensus, ReceiptEnvelope, ReceiptWithBloom, TxType};
use alloy::primitives::{B256, Log, LogData};
use futures_util::future::join_all;

use super::rpc::{At, BlockHeader, EndpointIndex, LogEntry, Receipt, Rpc, RpcError};
use crate::types::{BlockRef, SafeText};

/// The logs of a block by its receipts.
#[derive(Debug)]
pub(crate) struct ByReceipts {
    /// Who told the receipts.
    pub(crate) teller: EndpointIndex,
    /// Every log of the block.
    pub(crate) logs: Vec<LogEntry>,
    /// The header that was given names exactly these.
    pub(crate) proven: bool,
    /// Endpoints that were asked.
    pub(crate) asked: u32,
}

/// The receipts of a block, as far as they can be had.
#[derive(Debug)]
pub(crate) enum Receipts {
    Told(ByReceipts),
    /// No endpoint has them; each says why, in words.
    Nowhere(SafeText),
}

/// Asks one endpoint after the other until one tells receipts that the header confirms. Where none does, they are the first
/// ones that were told.
///
/// # Errors
/// Nobody has told any, and one did not answer.
pub(crate) async fn by_receipts(rpc: &Rpc, header: &BlockHeader) -> Result<Receipts, RpcError> {
    let (mut unproven, mut failure, mut asked) = (None, None, 0);
    let mut lacking = Vec::new();
    for (teller, name, voice) in rpc.voices() {
        asked += 1;
        let receipts = match voice.block_receipts(header.hash).await {
            Ok(Some(receipts)) => receipts,
            Ok(None) => {
                lacking.push(format!("{name} does not have the block"));
                continue;
            }
            // it does not have the method, or not so old a block
            Err(error) => {
                match error.server() {
                    Some(said) => {
                        rpc.note_without_receipts(teller, said.says_no_such_method());
                        lacking.push(format!("{name} has none ({})", said.message));
                    }
                    None => failure = Some(error),
                }
                continue;
            }
        };
        rpc.note_without_receipts(teller, false);
        let (named, root) = (header.receipts_root, root(&receipts));
        let told = ByReceipts {
            teller,
            logs: receipts.into_iter().flat_map(|receipt| receipt.logs).collect(),
            proven: named.is_some() && named == root,
            asked,
        };
        // where no root can be compared, the next one's would prove nothing either
        if told.proven || named.is_none() || root.is_none() {
            return Ok(Receipts::Told(told));
        }
        unproven.get_or_insert(told);
    }
    match (unproven, failure) {
        (Some(told), _) => Ok(Receipts::Told(ByReceipts { asked, ..told })),
        (None, Some(error)) => Err(error),
        (None, None) => Ok(Receipts::Nowhere(SafeText::new(&lacking.join("; ")))),
    }
}

/// Whether an endpoint itself names this header's block and root at its height: then what the receipts prove holds against it.
///
/// # Errors
/// It does not answer.
pub(crate) async fn shares(
    rpc: &Rpc,
    endpoint: EndpointIndex,
    header: &BlockHeader,
) -> Result<bool, RpcError> {
    let own = rpc.voice(endpoint).header(At::Number(header.number())).await?;
    Ok(own.is_some_and(|own| own.hash == header.hash && own.receipts_root == header.receipts_root))
}

/// For each endpoint, in the configured order, whether the receipts of a block, proven by the header that this endpoint
/// itself tells of it, hold a log: nothing where that cannot be told.
pub(crate) async fn of_log(rpc: &Rpc, block: BlockRef, log: &LogEntry) -> Vec<Option<bool>> {
    let hash = B256::from(block.hash.0);
    let voices = rpc.voices();
    let told = join_all(voices.iter().map(|(_, _, voice)| async move {
        let (header, receipts) = tokio::join!(voice.header(At::Hash(hash)), voice.block_receipts(hash));
        let named = header.ok().flatten().filter(|header| header.hash == hash);
        (
            named.and_then(|header| header.receipts_root),
            receipts.ok().flatten(),
        )
    }))
    .await;
    let mut proofs = Vec::new();
    for receipts in told.iter().filter_map(|(_, receipts)| receipts.as_ref()) {
        if let Some(root) = root(receipts) {
            let mut logs = receipts.iter().flat_map(|receipt| &receipt.logs);
            proofs.push((root, logs.any(|found| found.is_same(log))));
        }
    }
    let proven = |named: &Option<B256>| {
        let found = proofs.iter().find(|(root, _)| Some(root) == named.as_ref());
        found.map(|(_, holds)| *holds)
    };
    told.iter().map(|(named, _)| proven(named)).collect()
}

/// The root of the tree of a block's receipts, in the block's order; none where one lacks what the root covers, or is of a
/// kind that is not known here. The bloom filters are made anew from the logs.
fn root(receipts: &[Receipt]) -> Option<B256> {
    let envelopes: Option<Vec<ReceiptEnvelope>> = receipts.iter().map(envelope).collect();
    Some(calculate_receipt_root(&envelopes?))
}

/// As EIP-2718 and EIP-658 have it: kind, status, gas of the block so far, and logs.
fn envelope(receipt: &Receipt) -> Option<ReceiptEnvelope> {
    let (kind, cumulative_gas_used) = receipt.in_block()?;
    let log = |entry: &LogEntry| {
        let data = LogData::new(entry.topics.clone(), entry.data.clone())?;
        Some(Log {
            address: entry.address,
            data,
        })
    };
    let logs: Option<Vec<Log>> = receipt.logs.iter().map(log).collect();
    let inner = Consensus {
        status: Eip658Value::Eip658(receipt.succeeded()),
        cumulative_gas_used,
        logs: logs?,
    };
    let kind = TxType::try_from(kind).ok()?;
    Some(ReceiptEnvelope::from_typed(kind, ReceiptWithBloom::from(inner)))
}
