//! What a transaction pays now.

use super::rpc::{Rpc, RpcError};
use crate::ports::FeeQuote;

/// Priority fees below this are not waited for by anyone: 0.1 gwei.
const MIN_PRIORITY: u128 = 100_000_000;

/// Asks for the next base fee and the median priority fee of the newest blocks.
///
/// # Errors
/// No endpoint answers, or the answer makes no sense.
pub async fn quote(rpc: &Rpc) -> Result<FeeQuote, RpcError> {
    let history = rpc.fee_history(10, &[50.0]).await?;
    let unexpected = |reason: &str| RpcError::Unexpected {
        method: "eth_feeHistory",
        reason: reason.into(),
    };
    let base_fee = history
        .base_fee_per_gas
        .last()
        .ok_or_else(|| unexpected("no base fee"))?;
    let base_fee = u128::try_from(*base_fee).map_err(|_| unexpected("absurd base fee"))?;
    let mut rewards: Vec<u128> = history
        .reward
        .iter()
        .flatten()
        .filter_map(|block| u128::try_from(*block.first()?).ok())
        .filter(|reward| *reward > 0)
        .collect();
    rewards.sort_unstable();
    let median = rewards.get(rewards.len() / 2).copied().unwrap_or(0);
    Ok(FeeQuote {
        base_fee,
        priority: median.max(MIN_PRIORITY),
    })
}
