//! Views of contracts, each at a block of the caller's choice.

use alloy::primitives::{Address, U256};
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
    /// The contract answered something else.
    #[error("{view} does not answer as expected: {reason}")]
    Unexpected {
        /// The view's signature.
        view: &'static str,
        /// What was wrong with it.
        reason: SafeText,
    },
}

/// Calls a view of `contract` and decodes its answer.
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
    let answer = match rpc.call(&request, at).await {
        Ok(answer) => answer,
        Err(source) => {
            return Err(match source.server().and_then(revert_of) {
                Some(revert) => ViewError::Reverted {
                    view,
                    reason: decode(&revert, &[]),
                },
                None => ViewError::Rpc { view, source },
            });
        }
    };
    if answer.is_empty() {
        return Err(ViewError::Unexpected {
            view,
            reason: "nothing (no code there, or no such function)".into(),
        });
    }
    C::abi_decode_returns(&answer).map_err(|e| ViewError::Unexpected {
        view,
        reason: SafeText::new(&e.to_string()),
    })
}
