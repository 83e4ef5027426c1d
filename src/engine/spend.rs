//! What an approved payload becomes before it is signed.

use crate::oracle::TransactionPayload;
use crate::ports::Fees;
use crate::ports::tx_signer::UnsignedTransaction;

/// The transaction of a payload at `nonce` of its account, for at most `gas_limit` units at `fees`.
pub(super) fn unsigned(
    payload: &TransactionPayload,
    nonce: u64,
    gas_limit: u64,
    fees: Fees,
) -> UnsignedTransaction {
    UnsignedTransaction {
        chain_id: payload.chain_id,
        from: payload.from,
        to: payload.to,
        value_wei: payload.value_wei,
        data: payload.data.clone(),
        nonce,
        gas_limit,
        max_fee_wei: fees.max_fee,
        priority_fee_wei: fees.priority,
    }
}
