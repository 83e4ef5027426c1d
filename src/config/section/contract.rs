//! `[contract]`: the pool manager.

use alloy::primitives::{Address, U256};

use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::value::{Bad, Ether, Value, choice};
use crate::pool::AdapterName;
use crate::types::ClusterLayout;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new("contract.address", "an address", "The pool manager contract.").flag("--contract"),
    Key::new(
        "contract.adapter",
        "casimir-2023-05 or casimir-2023-05-26",
        "Which version of the contract: names, events and behaviour.",
    )
    .default("casimir-2023-05"),
    Key::new(
        "contract.cluster_layout",
        "active-then-balance or balance-then-active",
        "Field order of SSV's Cluster tuple, which changes the selector of initiatePoolDeposit; without it the contract is asked which one it takes.",
    ),
    Key::new(
        "contract.from_block",
        "a number",
        "Block at which the contract was deployed: events are read from here.",
    )
    .default("0"),
    Key::new(
        "contract.fee_amount",
        "an amount",
        "feeAmount of initiatePoolDeposit: what is taken from the reserved fees for SSV.",
    )
    .default("0.1 ETH"),
];

impl Value for AdapterName {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        let names: Vec<_> = Self::all().map(|name| (name.as_str(), name)).collect();
        choice(raw, &names)
    }
}

impl Value for ClusterLayout {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        choice(
            raw,
            &[
                ("active-then-balance", Self::ActiveThenBalance),
                ("balance-then-active", Self::BalanceThenActive),
            ],
        )
    }
}

/// The contract whose requests are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractConfig {
    /// Never zero.
    pub address: Address,
    /// Which ABI and rules the contract has.
    pub adapter: AdapterName,
    /// Field order of SSV's `Cluster`. `None`: ask the manager contract ([`crate::pool::layout_of`]).
    pub cluster_layout: Option<ClusterLayout>,
    /// Events are read from this block.
    pub from_block: u64,
    /// `feeAmount` of `initiatePoolDeposit`, in wei.
    pub fee_amount_wei: U256,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<ContractConfig> {
    let address = r.required::<Address>("contract.address");
    let adapter = r.required("contract.adapter");
    let cluster_layout = r.optional("contract.cluster_layout");
    let from_block = r.required("contract.from_block");
    let fee_amount = r.required::<Ether>("contract.fee_amount");
    if address.is_some_and(|address| address.is_zero()) {
        r.error("contract.address", "is the zero address".to_owned());
    }
    Some(ContractConfig {
        address: address?,
        adapter: adapter?,
        cluster_layout: cluster_layout?,
        from_block: from_block?,
        fee_amount_wei: fee_amount?.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_names_every_version() {
        let key = KEYS.iter().find(|key| key.name == "contract.adapter").unwrap();
        let names: Vec<_> = AdapterName::all().map(AdapterName::as_str).collect();
        assert_eq!(key.takes, names.join(" or "));
    }
}
