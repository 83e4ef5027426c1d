//! Views of contracts, each at a block of the caller's choice.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;

use super::revert::{decode, revert_of};
use super::rpc::{At, CallRequest, Rpc, RpcError};
use crate::ports::DecodedRevert;
use crate::types::SafeText;

/// A view did not answer as expected.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ViewError {
    /// No endpoint answered.
    #[error("{view}: {source}")]
    Rpc {
        /// The view's signature.
        view: &'static str,
        #[source]
        source: RpcError,
    },
    /// The contract reverted.
    #[error("{view} reverted: {reason}")]
    Reverted {
        /// The view's signature.
        view: &'static str,
        reason: DecodedRevert,
    },
    /// By every endpoint that answers, the contract answered something else.
    #[error("{view} does not answer as expected: {reason}")]
    Unexpected {
        /// The view's signature.
        view: &'static str,
        /// What was wrong with it, by each endpoint where several are configured.
        reason: SafeText,
    },
}

/// Calls a view of `contract` and decodes its answer: the first that can be decoded, of whatever endpoint.
///
/// # Errors
/// See [`ViewError`].
pub async fn view<C: SolCall>(rpc: &Rpc, contract: Address, call: C, at: At) -> Result<C::Return, ViewError> {
    let view = C::SIGNATURE;
    let request = CallRequest {
        from: None,
        to: contract,
        input: call.abi_encode().into(),
        value: U256::ZERO,
    };
    let read = |answer: &Bytes| match answer.is_empty() {
        true => Err("nothing (no code there, or no such function)".into()),
        false => C::abi_decode_returns(answer).map_err(|error| SafeText::new(&error.to_string())),
    };
    let error = match rpc.call_for(view, &request, at, read).await {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    Err(match (error.server().and_then(revert_of), error) {
        (Some(revert), _) => ViewError::Reverted {
            view,
            reason: decode(&revert, &[]),
        },
        (None, RpcError::Nowhere { reason, .. }) => ViewError::Unexpected { view, reason },
        (None, source) => ViewError::Rpc { view, source },
    })
}
