//! What became of an intent, read from the chain: by every hash ever sent, and by the account's nonce.

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::chain::rpc::{At, LogEntry, Receipt, Rpc, RpcError};
use crate::chain::{Finality, Reach};
use crate::ports::{PoolEvent, PoolManager, Unknown, told_of_pools};
use crate::types::{BlockRef, Root};

/// One intent: one nonce, any number of signed versions.
#[derive(Debug, Clone)]
pub struct Intent<'a> {
    /// Whose nonce it is.
    pub sender: Address,
    /// An intent keeps its nonce; only its fees change.
    pub nonce: u64,
    /// Every hash that was ever signed for it.
    pub hashes: &'a [Root],
    /// The manager, to decode its events in the receipt.
    pub manager: &'a dyn PoolManager,
    /// When a block counts as final.
    pub finality: Finality,
}

/// What the included transaction did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// The version that was included, of [`Intent::hashes`].
    pub hash: Root,
    pub block: BlockRef,
    /// Blocks from it to the head, itself included.
    pub confirmations: u64,
    /// Status 1 in the receipt (EIP-658).
    pub success: bool,
    /// Gas units, from the receipt.
    pub gas_used: u64,
    /// Gas used × effective gas price, wei.
    pub fee_wei: U256,
    /// The manager's events: `DepositInitiated` names the pool that was really served.
    pub events: Vec<PoolEvent>,
}

/// Where an intent stands on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum IntentStatus {
    /// It cannot be told yet: look again.
    Unknown {
        /// What is missing.
        why: Unknown,
    },
    /// A node has it waiting.
    Pending {
        /// The version that waits.
        hash: Root,
        /// The account's next nonce, when it is lower than ours: that one has to come first.
        waits_for_nonce: Option<u64>,
    },
    /// In a block that may still be dropped.
    Included(Inclusion),
    /// In a final block.
    Final(Inclusion),
    /// No endpoint that answers has it, and by them its nonce is free: the same bytes have to be sent again.
    Dropped {
        /// Something else with this nonce waits in the pool of every node that has the nonce used.
        contested: bool,
    },
    /// The nonce was used by a transaction that is not ours.
    ReplacedByForeign {
        /// Its hash, where it could be found.
        hash: Option<Root>,
        /// In a final block: it will not change any more.
        is_final: bool,
    },
}

/// Reads an intent's status.
///
/// # Errors
/// No endpoint answers a question that it takes.
pub async fn inspect(rpc: &Rpc, intent: &Intent<'_>) -> Result<IntentStatus, RpcError> {
    if let Some(found) = included(rpc, intent).await? {
        return Ok(found);
    }
    let latest = rpc.nonce(intent.sender, At::Latest).await?;
    if latest > intent.nonce {
        // it may have been mined between the two questions
        return match included(rpc, intent).await? {
            Some(found) => Ok(found),
            None => foreign(rpc, intent).await,
        };
    }
    if let Some(found) = waiting(rpc, intent, latest).await? {
        return Ok(found);
    }
    let pending = rpc.nonce(intent.sender, At::Pending).await?;
    if pending <= intent.nonce {
        return Ok(IntentStatus::Dropped { contested: false });
    }
    // ours may have come to the node between the two questions, and may be mined by now
    if let Some(found) = waiting(rpc, intent, latest).await? {
        return Ok(found);
    }
    if let Some(mined) = included(rpc, intent).await? {
        return Ok(mined);
    }
    Ok(match contested(rpc, intent).await {
        Ok(contested) => IntentStatus::Dropped { contested },
        Err(why) => IntentStatus::Unknown { why },
    })
}

/// Whether something that is not ours waits with the nonce, by the word of whoever has it used: each of them says of every
/// version that it does not know it. One that is silent may have ours, and that is no stranger.
///
/// # Errors
/// One that has the nonce used knows ours by now, or does not tell; or nobody has it used any more, and somebody is silent.
async fn contested(rpc: &Rpc, intent: &Intent<'_>) -> Result<bool, Unknown> {
    let mut denied = false;
    let mut silent = Vec::new();
    for (name, voice) in rpc.each() {
        // in this order: what comes between the two questions is ours then, and not nobody's
        match voice.nonce(intent.sender, At::Pending).await {
            Ok(next) if next <= intent.nonce => continue,
            Ok(_) => {}
            Err(error) => {
                silent.push(format!("{name} does not answer ({error})"));
                continue;
            }
        }
        for hash in intent.hashes {
            match voice.transaction(B256::from(hash.0)).await {
                Ok(None) => {}
                Ok(Some(_)) => return Err(Unknown::because(format!("{name} has {hash} only now"))),
                Err(error) => {
                    return Err(Unknown::because(format!(
                        "{name} has the nonce used and does not say whether by ours ({error})"
                    )));
                }
            }
        }
        denied = true;
    }
    if denied || silent.is_empty() {
        Ok(denied)
    } else {
        Err(Unknown::because(silent.join("; ")))
    }
}

/// A version that waits in a node's pool, the newest first. None says little: who does not answer may have one. `latest`
/// is the account's next nonce in the chain.
async fn waiting(rpc: &Rpc, intent: &Intent<'_>, latest: u64) -> Result<Option<IntentStatus>, RpcError> {
    for hash in intent.hashes.iter().rev() {
        if rpc.transaction(B256::from(hash.0)).await?.is_some() {
            return Ok(Some(IntentStatus::Pending {
                hash: *hash,
                waits_for_nonce: (latest < intent.nonce).then_some(latest),
            }));
        }
    }
    Ok(None)
}

async fn included(rpc: &Rpc, intent: &Intent<'_>) -> Result<Option<IntentStatus>, RpcError> {
    for hash in intent.hashes.iter().rev() {
        let told = rpc.receipt_in_chain(B256::from(hash.0)).await?;
        let Some(receipt) = told.or_silent()? else {
            continue;
        };
        let block = receipt.block();
        let head = rpc.head().await?;
        let confirmations = (head.number() + 1).saturating_sub(block.number);
        let is_final = match intent.finality.reach(head.number()) {
            Reach::Block(last) => last >= block.number,
            Reach::Short(_) => false,
            Reach::Asked => {
                // what is not known to be final may still be dropped
                let last = intent.finality.newest(rpc, head.block()).await.yes();
                last.is_some_and(|last| last.number >= block.number)
            }
        };
        return Ok(Some(
            match describe(intent, *hash, &receipt, confirmations).await {
                Ok(inclusion) if is_final => IntentStatus::Final(inclusion),
                Ok(inclusion) => IntentStatus::Included(inclusion),
                Err(why) => IntentStatus::Unknown { why },
            },
        ));
    }
    Ok(None)
}

/// Not without an event: the one that cannot be read may say that another pool was served.
async fn describe(
    intent: &Intent<'_>,
    hash: Root,
    receipt: &Receipt,
    confirmations: u64,
) -> Result<Inclusion, Unknown> {
    let logs: Vec<_> = receipt.logs.iter().map(LogEntry::log).collect();
    let events = told_of_pools(intent.manager, &logs).await?;
    Ok(Inclusion {
        hash,
        block: receipt.block(),
        confirmations,
        success: receipt.succeeded(),
        gas_used: receipt.gas_used(),
        fee_wei: U256::from(receipt.gas_used()).saturating_mul(receipt.effective_gas_price),
        events,
    })
}

/// How far back a foreign transaction is looked for: what a pruned node has the state of.
const LOOK_BACK: u64 = 96;

async fn foreign(rpc: &Rpc, intent: &Intent<'_>) -> Result<IntentStatus, RpcError> {
    let head = rpc.head().await?.block();
    let last = match intent.finality.reach(head.number) {
        Reach::Asked => intent
            .finality
            .newest(rpc, head)
            .await
            .yes()
            .map(|last| last.number),
        // a chain that is shorter than that begins with block 0
        Reach::Short(_) => Some(0),
        Reach::Block(last) => Some(last),
    };
    let final_nonce = match last {
        Some(number) => rpc.nonce(intent.sender, At::Number(number)).await.ok(),
        None => None,
    };
    let is_final = final_nonce.is_some_and(|nonce| nonce > intent.nonce);
    let unknown = |why: String| {
        let words = format!("the nonce is used, and whether by ours is not known yet: {why}");
        Ok(IntentStatus::Unknown {
            why: Unknown::because(words),
        })
    };
    match find_foreign(rpc, intent).await {
        Ok(Some(hash)) if intent.hashes.contains(&hash) => unknown(format!(
            "{hash} is ours and in a block, and no endpoint tells its receipt"
        )),
        Ok(Some(hash)) => Ok(IntentStatus::ReplacedByForeign {
            hash: Some(hash),
            is_final,
        }),
        // one of ours may be in a block of which nobody keeps the receipt
        _ if is_final => match may_have_ours(rpc, intent).await {
            Some(who) => unknown(who),
            None => Ok(IntentStatus::ReplacedByForeign { hash: None, is_final }),
        },
        // without having seen it, only finality makes it sure: the node may lag behind itself
        Ok(None) => unknown(format!(
            "what used it is in none of the newest {LOOK_BACK} blocks as far as they are told, and by no final block"
        )),
        Err(error) => unknown(error.to_string()),
    }
}

/// Who has one of ours in a block, or does not say, in words. Asks each: one may have it waiting that another has in a block,
/// and who does not answer may have it, too.
async fn may_have_ours(rpc: &Rpc, intent: &Intent<'_>) -> Option<String> {
    for (name, voice) in rpc.each() {
        for hash in intent.hashes {
            match voice.transaction(B256::from(hash.0)).await {
                Ok(found) if found.as_ref().is_none_or(|found| found.block_hash.is_none()) => {}
                Ok(_) => {
                    return Some(format!(
                        "{name} has {hash}, which is ours, in a block, and tells no receipt"
                    ));
                }
                Err(error) => {
                    return Some(format!(
                        "{name} does not say whether it has {hash}, which is ours ({error})"
                    ));
                }
            }
        }
    }
    None
}

/// The transaction that used the nonce: bisects the account's count over the newest blocks, then looks into the block.
async fn find_foreign(rpc: &Rpc, intent: &Intent<'_>) -> Result<Option<Root>, RpcError> {
    let mut high = rpc.head().await?.number();
    let mut low = high.saturating_sub(LOOK_BACK);
    if rpc.nonce(intent.sender, At::Number(low)).await? > intent.nonce {
        return Ok(None);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if rpc.nonce(intent.sender, At::Number(middle)).await? > intent.nonce {
            high = middle;
        } else {
            low = middle;
        }
    }
    let transactions = rpc.block_transactions(high).await?;
    let used = transactions
        .into_iter()
        .find(|tx| tx.from == intent.sender && tx.nonce() == intent.nonce);
    Ok(used.map(|tx| Root(tx.hash.0)))
}
