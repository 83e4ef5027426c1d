//! `[contract]`: the pool manager.

use std::time::Duration;

use alloy::primitives::{Address, U256};

use crate::config::preset::NetworkName;
use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::section::NetworkConfig;
use crate::config::value::{Bad, Ether, Tokens, Value, choice};
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
    .within("0", "10000000000")
    .default("0"),
    Key::new(
        "contract.fee_amount",
        "an amount",
        "feeAmount of initiatePoolDeposit: what is taken from the reserved fees for SSV.",
    )
    .within("0 ETH", "32 ETH")
    .default("0.1 ETH"),
    Key::new(
        "contract.min_ssv",
        "an amount of SSV",
        "The least that SSV must get of a deposit, as far as a node can foresee it; \"0\" asks for nothing. Without it 0.1 SSV on a public network, nothing on a devnet.",
    )
    .within("0 SSV", "10000 SSV"),
    Key::new(
        "contract.min_runway",
        "a time",
        "How long the SSV cluster must last after a deposit, at the fees of that moment; \"0s\" asks for nothing. Without it 30d on a public network, nothing on a devnet.",
    )
    .within("0s", "3650d"),
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
    /// The least that SSV must get of a deposit, in 10^-18 SSV. `None`: as is usual on the network.
    pub min_ssv: Option<U256>,
    /// How long the SSV cluster must last after a deposit. `None`: as is usual on the network.
    pub min_runway: Option<Duration>,
}

/// What SSV must have of a deposit, or a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Floors {
    /// Tokens that it gets, in 10^-18 SSV.
    pub min_ssv: Option<U256>,
    /// Time until the cluster could be liquidated, at the fees of that moment.
    pub min_runway: Option<Duration>,
}

/// On public networks: a tenth of an SSV, which no swap of the usual fee falls below that went as it should.
const PUBLIC_MIN_SSV: U256 = U256::from_limbs([100_000_000_000_000_000, 0, 0, 0]);
/// On public networks: time for people to see it and to pay in more.
const PUBLIC_MIN_RUNWAY: Duration = Duration::from_secs(30 * 86_400);

impl ContractConfig {
    /// The floors that are in force on this network; one of zero is none.
    #[must_use]
    pub fn floors(&self, network: NetworkName) -> Floors {
        let public = network.is_public();
        let min_ssv = self.min_ssv.or(public.then_some(PUBLIC_MIN_SSV));
        let min_runway = self.min_runway.or(public.then_some(PUBLIC_MIN_RUNWAY));
        Floors {
            min_ssv: min_ssv.filter(|least| !least.is_zero()),
            min_runway: min_runway.filter(|least| !least.is_zero()),
        }
    }
}

/// More than this of one deposit is rather a slip of the comma.
const MUCH: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// `network`: the contracts that are not the manager.
pub(in crate::config) fn read(r: &mut Reader<'_>, network: Option<&NetworkConfig>) -> Option<ContractConfig> {
    let address = r.required::<Address>("contract.address");
    let adapter = r.required("contract.adapter");
    let cluster_layout = r.optional("contract.cluster_layout");
    let from_block = r.required("contract.from_block");
    let fee_amount = r.required::<Ether>("contract.fee_amount");
    let min_ssv = r.optional::<Tokens>("contract.min_ssv");
    let min_runway = r.optional("contract.min_runway");
    if address.is_some_and(|address| address.is_zero()) {
        r.error("contract.address", "is the zero address".to_owned());
    }
    if let (Some(network), Some(address)) = (network, address) {
        let others = [
            ("the beacon deposit contract", Some(network.deposit_contract)),
            ("SSV's network contract", network.ssv_network),
        ];
        for (what, _) in others.iter().filter(|(_, other)| *other == Some(address)) {
            let message = format!("{address} is {what}, and no pool manager");
            r.error("contract.address", message);
        }
    }
    let said = r.said("contract.fee_amount");
    match fee_amount {
        Some(Ether(wei)) if wei.is_zero() => r.worry(
            "contract.fee_amount",
            "0 gives SSV nothing of a deposit: its cluster will not last",
        ),
        Some(Ether(wei)) if wei > MUCH => r.worry(
            "contract.fee_amount",
            &format!("{said} is taken from the reserved fees with every deposit, where 0.1 ETH is usual"),
        ),
        _ => {}
    }
    Some(ContractConfig {
        address: address?,
        adapter: adapter?,
        cluster_layout: cluster_layout?,
        from_block: from_block?,
        fee_amount_wei: fee_amount?.0,
        min_ssv: min_ssv?.map(|least| least.0),
        min_runway: min_runway?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_stand_where_money_does_unless_they_are_set_to_nothing() {
        let contract = |min_ssv, min_runway| ContractConfig {
            address: Address::repeat_byte(7),
            adapter: AdapterName::all().next().unwrap(),
            cluster_layout: None,
            from_block: 0,
            fee_amount_wei: U256::ZERO,
            min_ssv,
            min_runway,
        };
        let none = Floors::default();
        let usual = contract(None, None);
        assert_eq!(usual.floors(NetworkName::Devnet), none);
        for network in NetworkName::ALL.into_iter().filter(|network| network.is_public()) {
            let floors = usual.floors(network);
            assert!(
                floors.min_ssv.is_some() && floors.min_runway.is_some(),
                "{network}"
            );
        }
        let off = contract(Some(U256::ZERO), Some(Duration::ZERO));
        assert_eq!(off.floors(NetworkName::Mainnet), none);
        let set = contract(Some(U256::from(5)), None);
        assert_eq!(set.floors(NetworkName::Devnet).min_ssv, Some(U256::from(5)));
    }

    #[test]
    fn the_key_names_every_version() {
        let key = KEYS.iter().find(|key| key.name == "contract.adapter").unwrap();
        let names: Vec<_> = AdapterName::all().map(AdapterName::as_str).collect();
        assert_eq!(key.takes, names.join(" or "));
    }

    #[test]
    fn what_can_be_configured_is_what_there_is() {
        let key = KEYS.iter().find(|key| key.name == "contract.adapter").unwrap();
        let names: Vec<String> = AdapterName::all().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(key.takes.split(" or ").collect::<Vec<_>>(), names);
        assert!(names.iter().any(|name| Some(name.as_str()) == key.default));
    }
}
