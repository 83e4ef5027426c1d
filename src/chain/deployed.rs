//! In which block a contract came into being, by bisection over `eth_getCode`.

use alloy::primitives::Address;

use super::rpc::{At, Rpc, RpcError};
use crate::ports::{Answer, Evidence};

/// The first block whose state has code at the address.
///
/// | yes | no | not known |
/// |---|---|---|
/// | the block before has none, and the node has the states that it was asked for | by every endpoint that answers the newest block has none | an endpoint lacks an old state (only an archive node has them all), or none answers |
///
/// Some twenty-five questions on a chain of the length of mainnet. A contract that was destroyed and made again is found
/// at one of its beginnings.
pub async fn deployed_at(rpc: &Rpc, address: Address) -> Answer<u64> {
    match search(rpc, address).await {
        Ok(Some(block)) => Answer::Yes(block),
        Ok(None) => Answer::No(Evidence::new(format!("there is no contract at {address}"))),
        Err(error) => Answer::not_known(error),
    }
}

async fn search(rpc: &Rpc, address: Address) -> Result<Option<u64>, RpcError> {
    let there = async |number| Ok(!rpc.code(address, At::Number(number)).await?.is_empty());
    let mut with = rpc.head().await?.number();
    if !there(with).await? {
        return Ok(None);
    }
    if there(0).await? {
        return Ok(Some(0));
    }
    let mut without = 0;
    while with - without > 1 {
        let middle = without + (with - without) / 2;
        if there(middle).await? {
            with = middle;
        } else {
            without = middle;
        }
    }
    Ok(Some(with))
}
