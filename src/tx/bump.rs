//! Raising the fees of a transaction that is stuck: same nonce, same payload, within the approved ceiling.

use alloy::primitives::U256;

use super::SignedTransaction;
use super::fees::{FeeQuote, Fees, OverCeiling, cap, total};
use crate::types::TRANSFER_GAS;

pub use crate::ports::StuckOptions;

/// Nodes take a replacement only when both fees rise by at least a tenth.
fn tenth_more(fee: u128) -> u128 {
    fee.saturating_add(fee.div_ceil(10))
}

/// An eighth more is safe with every client's rounding.
fn eighth_more(fee: u128) -> u128 {
    fee.saturating_add(fee.div_ceil(8))
}

/// Higher fees for the same transaction: an eighth more, or what the market asks if that is more. Near the ceiling a
/// tenth is enough.
///
/// # Errors
/// The ceiling leaves no room for a replacement that nodes take.
pub fn bump(previous: Fees, quote: FeeQuote, gas_limit: u64, ceiling_wei: U256) -> Result<Fees, OverCeiling> {
    let cap = cap(gas_limit, ceiling_wei);
    let (least_max, least_priority) = (tenth_more(previous.max_fee), tenth_more(previous.priority));
    let needed = least_max
        .max(least_priority)
        .max(quote.base_fee.saturating_add(least_priority));
    if cap < needed {
        return Err(OverCeiling {
            needed_wei: total(gas_limit, needed),
            ceiling_wei,
        });
    }
    let priority = eighth_more(previous.priority).max(quote.priority);
    let market = quote.base_fee.saturating_mul(2).saturating_add(priority);
    let max_fee = eighth_more(previous.max_fee).max(market).min(cap);
    let room = max_fee.saturating_sub(quote.base_fee).max(least_priority);
    Ok(Fees {
        max_fee,
        priority: priority.min(room),
    })
}

/// Prices of the three ways on from a stuck transaction; one that replaces it would have this gas limit.
#[must_use]
pub fn options(stuck: &SignedTransaction, gas_limit: u64, quote: FeeQuote) -> StuckOptions {
    let previous = Fees::from(stuck);
    let priority = eighth_more(previous.priority).max(quote.priority);
    let replacing =
        eighth_more(previous.max_fee).max(quote.base_fee.saturating_mul(2).saturating_add(priority));
    StuckOptions {
        nonce: stuck.nonce,
        wait_wei: total(stuck.gas_limit, previous.max_fee),
        raise_wei: total(gas_limit, replacing),
        cancel_wei: total(TRANSFER_GAS, replacing),
    }
}
