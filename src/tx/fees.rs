//! What a transaction may cost. The approver gives one number, the ceiling of the whole fee in wei; nothing here ever
//! goes above it: gas limit × max fee per gas ≤ ceiling.

use alloy::primitives::U256;

use crate::ports::Answer;
pub use crate::ports::{FeeQuote, Fees, OverCeiling};
use crate::types::MOST_GAS;

/// Gas limit for an estimate: a quarter more, because state moves between estimate and inclusion, and never more than any node
/// takes (EIP-7825): a nonce that is signed for with more would be stuck.
#[must_use]
pub fn gas_limit(estimate: u64) -> u64 {
    estimate.saturating_add(estimate / 4).min(MOST_GAS)
}

/// What comes of a quote. A ceiling that one endpoint of several calls too low may be enough.
pub fn quoted<T>(
    quote: FeeQuote,
    judge: impl Fn(FeeQuote) -> Result<T, OverCeiling>,
) -> Answer<Result<T, OverCeiling>> {
    let (base_fee, least) = (quote.base_fee, quote.least_base_fee);
    let by_least = || {
        judge(FeeQuote {
            base_fee: least,
            ..quote
        })
    };
    match judge(quote) {
        Err(over) if quote.alone => Answer::not_known(format!("{over}, by the fees of one endpoint alone")),
        Err(over) if least < base_fee && by_least().is_ok() => Answer::not_known(format!(
            "{over}, by the higher of two base fees, {base_fee} and {least} wei"
        )),
        fees => Answer::Yes(fees),
    }
}

/// The most per gas that a ceiling allows.
pub(super) fn cap(gas_limit: u64, ceiling_wei: U256) -> u128 {
    match gas_limit {
        0 => 0,
        gas => u128::try_from(ceiling_wei / U256::from(gas)).unwrap_or(u128::MAX),
    }
}

/// The whole fee at most.
#[must_use]
pub fn total(gas_limit: u64, max_fee: u128) -> U256 {
    U256::from(gas_limit) * U256::from(max_fee)
}

/// Fees for now: twice the base fee, but never above the ceiling. The base fee rises by an eighth a block at most (EIP-1559,
/// `BASE_FEE_MAX_CHANGE_DENOMINATOR`), so that five full blocks in a row do not price it out.
///
/// # Errors
/// The ceiling does not even pay the next block.
pub fn choose(quote: FeeQuote, gas_limit: u64, ceiling_wei: U256) -> Result<Fees, OverCeiling> {
    let cap = cap(gas_limit, ceiling_wei);
    let needed = quote.base_fee.saturating_add(quote.priority);
    if cap < needed {
        return Err(OverCeiling {
            needed_wei: total(gas_limit, needed),
            ceiling_wei,
        });
    }
    let wanted = quote.base_fee.saturating_mul(2).saturating_add(quote.priority);
    let max_fee = wanted.min(cap);
    Ok(Fees {
        max_fee,
        priority: quote.priority.min(max_fee),
    })
}
