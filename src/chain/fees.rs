//! What a transaction pays now. Every endpoint is asked: a base fee that is too high keeps everything back, and one that is
//! too low makes a transaction that no pool takes.
//!
//! The base fee of the next block follows from the header of the newest one (EIP-1559), so where quotes are far apart each
//! endpoint's header of the head that they share is asked for. Who quotes far from what those come to is passed over and
//! named; where the headers are far apart, too, or fewer than two endpoints have one, nothing is known.

use super::rpc::{Rpc, RpcError, Told};
use crate::ports::FeeQuote;
use crate::types::SafeText;

/// Priority fees below this are not waited for by anyone: 0.1 gwei.
const MIN_PRIORITY: u128 = 100_000_000;
/// Nobody needs more than this, or than the base fee where that is higher: 10 gwei.
const MAX_PRIORITY: u128 = 10_000_000_000;
/// Base fees that differ by more than this factor are not of one chain: endpoints are a few blocks apart, and it moves by an
/// eighth a block.
const APART: u128 = 2;
/// Blocks whose priority fees are looked at.
const BLOCKS: u64 = 10;

/// Asks for the next base fee and the median priority fee of the newest blocks.
///
/// # Errors
/// No endpoint answers, or nobody's answer makes sense, or they contradict each other.
pub async fn quote(rpc: &Rpc) -> Result<FeeQuote, RpcError> {
    let told = rpc.fee_histories(BLOCKS).await?;
    let told: Vec<_> = told
        .into_iter()
        .map(|(index, name, history)| {
            let rewards = history.reward.iter().filter_map(|block| block.first());
            let rewards = rewards.filter_map(|reward| u128::try_from(*reward).ok());
            let priority = middle(rewards.filter(|reward| *reward > 0).collect());
            (index, name, (history.next_base_fee, priority))
        })
        .collect();
    let quoted: Vec<_> = told
        .iter()
        .map(|(index, name, (base_fee, _))| (*index, name.clone(), *base_fee))
        .collect();
    let several = rpc.asks_several();
    let Said {
        base_fee,
        least,
        alone,
    } = match agreed(&quoted) {
        // two that are a block apart differ by an eighth: further apart, headers tell which of them is right
        Some(base_fee)
            if !several || quoted.len() > 1 && base_fee <= a_block_on(least_of(&quoted, base_fee)) =>
        {
            Said {
                base_fee,
                least: least_of(&quoted, base_fee),
                alone: false,
            }
        }
        quote => by_headers(rpc, quote, &quoted).await?,
    };
    let mut priorities = Vec::new();
    for (index, _, (quote, priority)) in told {
        if are_near(quote, base_fee) {
            priorities.extend(priority);
        } else if !alone {
            let words = format!("quotes a base fee of {quote} wei where the next block has about {base_fee}");
            rpc.blame_for_contradiction(index, &SafeText::new(&words));
        }
    }
    let priority = middle(priorities).unwrap_or(0);
    Ok(FeeQuote {
        base_fee,
        priority: priority.clamp(MIN_PRIORITY, MAX_PRIORITY.max(base_fee)),
        alone,
        least_base_fee: least,
    })
}

/// The base fee of the next block, as endpoints tell it.
struct Said {
    base_fee: u128,
    /// By the lower one of two.
    least: u128,
    /// It is one endpoint's word.
    alone: bool,
}

/// The lower one of two. Of more the one in the middle is what they come to, and no single one moves it.
fn least_of(told: &[Told<u128>], base_fee: u128) -> u128 {
    match told {
        [(_, _, one), (_, _, other)] => *one.min(other),
        _ => base_fee,
    }
}

/// The most that it is a block later.
fn a_block_on(base_fee: u128) -> u128 {
    base_fee.saturating_add(base_fee / 8).max(MIN_PRIORITY)
}

/// The base fee that headers determine; `quote` where none tells what that takes. One
/// header decides nothing between quotes that contradict each other: whoever lies may have made up the block, too.
async fn by_headers(rpc: &Rpc, quote: Option<u128>, quoted: &[Told<u128>]) -> Result<Said, RpcError> {
    let determined = rpc.next_base_fees().await?;
    let decide = !determined.is_empty() && (quoted.len() < 2 || determined.len() > 1);
    let (told, base_fee) = match decide {
        true => (&*determined, agreed(&determined)),
        false => (quoted, quote),
    };
    let Some(base_fee) = base_fee else {
        let said = told.iter().map(|(_, name, fee)| format!("{name} says {fee} wei"));
        let reason = format!(
            "the endpoints contradict each other on the base fee of the next block: {}",
            said.collect::<Vec<_>>().join(", ")
        );
        return Err(RpcError::Contradicted {
            method: "eth_feeHistory",
            reason: SafeText::new(&reason),
        });
    };
    let near = told.iter().filter(|(_, _, fee)| are_near(*fee, base_fee));
    Ok(Said {
        base_fee,
        least: least_of(told, base_fee),
        alone: near.count() < 2,
    })
}

/// What they come to: the higher of two that are near each other, as more than is needed is not paid; of more the middle one,
/// where another is near it. None where they are far apart.
fn agreed(told: &[Told<u128>]) -> Option<u128> {
    let mut fees: Vec<_> = told.iter().map(|(_, _, fee)| *fee).collect();
    fees.sort_unstable();
    match fees.as_slice() {
        [] => None,
        [fee] => Some(*fee),
        [lower, higher] => are_near(*lower, *higher).then_some(*higher),
        several => {
            let fee = several[several.len() / 2];
            let near = several.iter().filter(|other| are_near(**other, fee)).count();
            (2 * near > several.len()).then_some(fee)
        }
    }
}

fn are_near(one: u128, other: u128) -> bool {
    one.max(other) <= one.min(other).saturating_mul(APART).max(MIN_PRIORITY)
}

/// The lower of two in the middle.
fn middle(mut fees: Vec<u128>) -> Option<u128> {
    fees.sort_unstable();
    fees.get(fees.len().checked_sub(1)? / 2).copied()
}
