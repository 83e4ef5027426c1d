//! Which version the code at an address is, by the calls that it has.

use alloy::primitives::{Address, Bytes, U256};

use super::{AdapterName, VERSIONS};
use crate::chain::revert::{decode, revert_of};
use crate::chain::rpc::{At, CallRequest, Rpc, RpcError};
use crate::ports::RevertForm;
use crate::types::ClusterLayout;

/// A version and a layout to which the code answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) name: AdapterName,
    pub(super) layout: ClusterLayout,
}

/// Every known version in every layout whose call exists at the address.
pub(super) async fn recognise(rpc: &Rpc, address: Address, at: At) -> Result<Vec<Recognised>, RpcError> {
    let mut found = Vec::new();
    for version in VERSIONS {
        for layout in [ClusterLayout::ActiveThenBalance, ClusterLayout::BalanceThenActive] {
            if has(rpc, address, version.fingerprint(layout), at).await? {
                let name = AdapterName(*version);
                found.push(Recognised { name, layout });
            }
        }
    }
    Ok(found)
}

/// Whether a function exists. A stranger's call is refused with words by one that does, and without by one that does
/// not.
pub(super) async fn has(rpc: &Rpc, address: Address, input: Bytes, at: At) -> Result<bool, RpcError> {
    let call = CallRequest {
        from: Some(Address::ZERO),
        to: address,
        input,
        value: U256::ZERO,
    };
    match rpc.call(&call, at).await {
        Ok(_) => Ok(true),
        Err(error) => match error.server().and_then(revert_of) {
            Some(revert) => Ok(decode(&revert, &[]).form != RevertForm::Empty),
            None => Err(error),
        },
    }
}
