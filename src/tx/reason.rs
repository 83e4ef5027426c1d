//! Why a transaction reverted in its block. What stood before it in the block may be the reason, and does not show in the
//! state of the block before: a stranger can change the cluster's snapshot for almost nothing.
//!
//! Asked in this order, until one tells: a trace of the transaction; the block up to it tried out again; the same call on
//! the block before; and events of our cluster earlier in the block.

use alloy::primitives::{B256, Bytes};

use crate::chain::revert::revert_of;
use crate::chain::rpc::{At, BlockContext, BlockHeader, CallRequest, Receipt, Rpc, RpcError, as_call};
use crate::ports::{
    Answer, DecodedRevert, PoolCall, PoolManager, Revert, RevertForm, RevertReason, Ssv, Unknown,
};
use crate::types::{BlockRef, OperatorId, Root, SafeText};

/// Transactions before ours that are tried out again with it. More than in most blocks; a request has a size.
const MOST_BEFORE: usize = 400;

/// Who reads what a node tells of a revert.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readers<'a> {
    /// Knows the contract's errors and its calls.
    pub(super) manager: &'a dyn PoolManager,
    /// Tells whether what the call rested on had changed before it.
    pub(super) ssv: &'a dyn Ssv,
}

/// Why a transaction in this block reverted. A node that lacks the state or the method, or is not done in time, gives no
/// reason, and then it is not known.
///
/// # Errors
/// No endpoint tells of the transaction or its block.
pub(super) async fn of(
    rpc: &Rpc,
    readers: Readers<'_>,
    transaction: Root,
    block: BlockRef,
) -> Result<Answer<RevertReason>, RpcError> {
    let Some(receipt) = rpc.receipt_in_chain(B256::from(transaction.0)).await?.found else {
        return Ok(Answer::not_known("has no receipt"));
    };
    if receipt.block() != block || receipt.succeeded() {
        return Ok(Answer::not_known("did not revert in this block, by its receipt"));
    }
    let Some(header) = rpc.header(At::block(block)).await? else {
        return Ok(Answer::not_known(format!("does not know block {}", block.number)));
    };
    let told = match traced(rpc, receipt.transaction_hash).await {
        Some(revert) => Some(revert),
        None => replayed(rpc, &receipt, &header).await,
    };
    let changed = match &told {
        Some(revert) if !readers.ssv.snapshot_was_stale(revert) => Ok(None),
        _ => changed_before(rpc, readers, &receipt).await,
    };
    // the revert itself tells that the snapshot was stale; what made it so is only missing in its words
    let (changed, unread) = match changed {
        Ok(changed) => (changed, String::new()),
        Err(why) => (None, format!("; {why}")),
    };
    Ok(match in_words(readers, told, changed) {
        Some(reason) => Answer::Yes(reason),
        None => Answer::not_known(format!("no endpoint executes it again{unread}")),
    })
}

fn in_words(readers: Readers<'_>, told: Option<Revert>, changed: Option<String>) -> Option<RevertReason> {
    let mut revert = match &told {
        Some(revert) => readers.manager.explain(revert),
        None => DecodedRevert {
            form: RevertForm::Empty,
            reason: SafeText::default(),
            data: Bytes::default(),
            advice: None,
        },
    };
    if let Some(words) = changed.as_ref() {
        revert.reason = match revert.reason.as_str() {
            "" => SafeText::new(words),
            reason => SafeText::new(&format!("{reason}: {words}")),
        };
        let advice = "nothing is lost but the fee: the same key with a fresh snapshot can be sent again";
        revert.advice = Some(SafeText::new(advice));
    }
    let overtaken = changed.is_some()
        || told
            .as_ref()
            .is_some_and(|told| readers.ssv.snapshot_was_stale(told));
    (told.is_some() || overtaken).then_some(RevertReason { revert, overtaken })
}

/// By the node's own execution of the transaction.
async fn traced(rpc: &Rpc, hash: B256) -> Option<Revert> {
    let frame = rpc.trace_transaction(hash).await.ok()?;
    let error = frame.error?;
    Some(match frame.output {
        Some(output) => Revert::of(&output),
        None if error.as_str().contains("revert") => Revert::of(&[]),
        None => Revert {
            data: None,
            words: error,
        },
    })
}

/// By executing it again: after the transactions before it where the node can, else on the state of the block before.
async fn replayed(rpc: &Rpc, receipt: &Receipt, header: &BlockHeader) -> Option<Revert> {
    if let Some(revert) = in_block(rpc, receipt, header).await {
        return Some(revert);
    }
    let transaction = rpc.transaction(receipt.transaction_hash).await.ok()??;
    let call = CallRequest {
        from: Some(transaction.from),
        to: transaction.to?,
        input: transaction.input,
        value: transaction.value,
    };
    let error = rpc.call(&call, At::Hash(header.parent_hash)).await.err()?;
    error.server().and_then(revert_of)
}

async fn in_block(rpc: &Rpc, receipt: &Receipt, header: &BlockHeader) -> Option<Revert> {
    let transactions = rpc.block_transactions(header.number()).await.ok()?;
    let ours = transactions
        .iter()
        .position(|tx| tx.hash == receipt.transaction_hash)?;
    if ours > MOST_BEFORE {
        return None;
    }
    let calls = transactions[..=ours].iter().map(as_call).collect();
    let within = BlockContext {
        number: header.number(),
        timestamp: header.timestamp(),
    };
    let tried = rpc
        .simulate(calls, At::Hash(header.parent_hash), Some(within))
        .await;
    let last = tried.ok()?.pop().filter(|tried| !tried.succeeded())?;
    let error = last.error.unwrap_or_default();
    let data = error
        .data
        .filter(|data| !data.is_empty())
        .unwrap_or(last.return_data);
    Some(Revert {
        data: Some(data),
        words: error.message,
    })
}

/// What changed the cluster of this call last before it in its block; none where nothing did.
///
/// # Errors
/// No endpoint tells of the block, or a log before it cannot be read, which may be of this cluster.
async fn changed_before(
    rpc: &Rpc,
    readers: Readers<'_>,
    receipt: &Receipt,
) -> Result<Option<String>, Unknown> {
    let Some(transaction) = rpc
        .transaction(receipt.transaction_hash)
        .await
        .map_err(Unknown::because)?
    else {
        return Err(Unknown::because("no endpoint has the transaction any more"));
    };
    let Some(PoolCall::InitiateDeposit(call)) = readers.manager.decode(&transaction.input) else {
        return Ok(None);
    };
    let block = receipt.block();
    let transactions = rpc
        .block_transactions(block.number)
        .await
        .map_err(Unknown::because)?;
    let place = |hash: Root| {
        let place = transactions.iter().position(|tx| tx.hash.0 == hash.0);
        place.ok_or_else(|| Unknown::because(format!("block {} is told in two ways", block.number)))
    };
    let ours = place(Root(receipt.transaction_hash.0))?;
    let logs = rpc
        .logs_in(B256::from(block.hash.0), readers.ssv.network())
        .await
        .map_err(Unknown::because)?;
    for log in logs.iter().rev() {
        if place(log.at().transaction)? >= ours {
            continue;
        }
        let Some(event) = readers.ssv.event(&log.log()).known()? else {
            continue;
        };
        let same = sorted(&event.operator_ids) == sorted(&call.operator_ids);
        if same && event.cluster.is_some() {
            let (what, by) = (event.kind.words(), log.at().transaction);
            return Ok(Some(format!(
                "{what} earlier in the same block, in transaction {by}"
            )));
        }
    }
    Ok(None)
}

fn sorted(ids: &[OperatorId]) -> Vec<OperatorId> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}
