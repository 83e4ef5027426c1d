//! Whether the network contract still takes registrations that are paid in SSV, and which version it says it is.
//!
//! SSV v2.0.0 has no `registerValidator` with an amount of tokens any more. An unknown selector is handed on to the views
//! there, so it reverts without words or with the views' own; a function that exists looks at its arguments first.

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolCall as _;

use super::abi::{Views, active_then_balance, balance_then_active};
use super::errors::ERRORS;
use crate::chain::revert::{decode, revert_of};
use crate::chain::rpc::{At, CallRequest, Rpc, RpcError};
use crate::chain::view::{ViewError, view};
use crate::ports::{Answer, Evidence, Revert};
use crate::types::{ClusterLayout, SafeText};

/// What a registration of nothing is refused with by every version that has the call: it looks at key and operators
/// first.
const OF_ARGUMENTS: &[&str] = &[
    "InvalidOperatorIdsLength",
    "InvalidPublicKeyLength",
    "OperatorDoesNotExist",
];

/// The first version that has ETH accounting, and no registration with tokens.
const ETH_SINCE: u64 = 2;

/// The version where a registration with tokens exists; empty where the contract does not tell it (before v1.0).
pub(super) async fn takes_tokens(
    rpc: &Rpc,
    network: Address,
    layout: ClusterLayout,
    at: At,
) -> Answer<SafeText> {
    let (registers, version) = tokio::join!(registers(rpc, network, layout, at), version(rpc, network, at));
    let version = match version {
        Ok(version) => version,
        Err(error) => return Answer::not_known(error),
    };
    let told = version.as_ref().map_or("", SafeText::as_str);
    match registers {
        Err(error) => Answer::not_known(error),
        Ok(true) => Answer::Yes(SafeText::new(told)),
        Ok(false) if major(told).is_some_and(|major| major >= ETH_SINCE) => {
            Answer::No(Evidence::new(format!(
                "SSV at {network} is {told}, which has no registration with a token amount: no known version of the \
                 manager can register a validator there"
            )))
        }
        Ok(false) => Answer::not_known(format!(
            "the contract at {network} does not show that it takes registrations with a token amount{}",
            if told.is_empty() {
                String::new()
            } else {
                format!("; it says that it is {told}")
            }
        )),
    }
}

/// Whether `registerValidator` with an amount exists.
async fn registers(rpc: &Rpc, network: Address, layout: ClusterLayout, at: At) -> Result<bool, RpcError> {
    let call = CallRequest {
        from: Some(Address::ZERO),
        to: network,
        input: register_nothing(layout).into(),
        value: U256::ZERO,
    };
    match rpc.call(&call, at).await {
        // nobody registers a key without bytes
        Ok(_) => Ok(false),
        Err(error) => match error.server().and_then(revert_of) {
            Some(revert) => Ok(refuses_arguments(&revert)),
            None => Err(error),
        },
    }
}

fn register_nothing(layout: ClusterLayout) -> Vec<u8> {
    macro_rules! call {
        ($module:ident) => {
            $module::Ssv::registerValidatorCall {
                publicKey: Default::default(),
                operatorIds: Vec::new(),
                sharesData: Default::default(),
                amount: U256::ZERO,
                cluster: crate::types::ClusterSnapshot::fresh().into(),
            }
            .abi_encode()
        };
    }
    match layout {
        ClusterLayout::BalanceThenActive => call!(balance_then_active),
        ClusterLayout::ActiveThenBalance => call!(active_then_balance),
    }
}

fn refuses_arguments(revert: &Revert) -> bool {
    let decoded = decode(revert, &[ERRORS]);
    let name = decoded.reason.as_str().split('(').next().unwrap_or_default();
    OF_ARGUMENTS.contains(&name)
}

/// `getVersion()`. None where the contract has no such view.
async fn version(rpc: &Rpc, network: Address, at: At) -> Result<Option<SafeText>, RpcError> {
    match view(rpc, network, Views::getVersionCall {}, at).await {
        Ok(text) => Ok(Some(SafeText::new(&text))),
        Err(ViewError::Rpc { source, .. }) => Err(source),
        Err(ViewError::Reverted { .. } | ViewError::Unexpected { .. }) => Ok(None),
    }
}

/// Of `v2.0.0`: 2.
fn major(version: &str) -> Option<u64> {
    let text = version.trim().trim_start_matches(['v', 'V']);
    text.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_by_their_first_number() {
        assert_eq!(major("v2.0.0"), Some(2));
        assert_eq!(major("1.2.0"), Some(1));
        assert_eq!(major(" V10.0.1-rc"), Some(10));
        for other in ["", "two", "v", ".2"] {
            assert_eq!(major(other), None, "{other}");
        }
    }
}
