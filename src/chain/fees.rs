//! What a transaction pays now.

use super::rpc::{Rpc, RpcError};
use crate::ports::FeeQuote;

/// Priority fees below this are not waited for by anyone: 0.1 gwei.
const MIN_PRIORITY: u128 = 100_000_000;

/// Asks for the next base fee and the median priority fee of the newest blocks.
///
/// # Errors
/// No endpoint answers, or nobody's answer makes sense.
pub async fn quote(rpc: &Rpc) -> Result<FeeQuote, RpcError> {
    let history = rpc.fee_history(10, &[50.0]).await?;
    let mut rewards: Vec<u128> = history
        .reward
        .iter()
        .filter_map(|block| u128::try_from(*block.first()?).ok())
        .filter(|reward| *reward > 0)
        .collect();
    rewards.sort_unstable();
    let median = rewards.get(rewards.len() / 2).copied().unwrap_or(0);
    Ok(FeeQuote {
        base_fee: history.next_base_fee,
        priority: median.max(MIN_PRIORITY),
    })
}
