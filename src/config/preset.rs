//! Network presets: `config/networks.toml`, compiled in. They lie beneath the file: what a public network is cannot
//! be changed by accident, a devnet may be anything.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::error::{ConfigError, nearest};
use super::raw::{Origin, Raw, Sourced};
use crate::types::{ForkVersion, Root, quoted};

const TEXT: &str = include_str!("../../config/networks.toml");

/// The networks that have a preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkName {
    /// Ethereum.
    Mainnet,
    /// The testnet for staking since 2025.
    Hoodi,
    /// The testnet for staking before.
    Holesky,
    /// The testnet for applications.
    Sepolia,
    /// A chain of one's own.
    Devnet,
}

impl NetworkName {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Mainnet,
        Self::Hoodi,
        Self::Holesky,
        Self::Sepolia,
        Self::Devnet,
    ];

    /// Others' money is on it, or others' time: everything but a chain of one's own.
    #[must_use]
    pub const fn is_public(self) -> bool {
        !matches!(self, Self::Devnet)
    }

    /// As in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Hoodi => "hoodi",
            Self::Holesky => "holesky",
            Self::Sepolia => "sepolia",
            Self::Devnet => "devnet",
        }
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is known about a network. Absent means: not known, or not one value for all such networks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPreset {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Part of the deposit domain.
    pub genesis_fork_version: ForkVersion,
    /// Part of the voluntary exit domain (EIP-7044).
    pub capella_fork_version: ForkVersion,
    /// Part of the voluntary exit domain.
    pub genesis_validators_root: Option<Root>,
    /// When the beacon chain began, in seconds since the Unix epoch.
    pub genesis_time: Option<u64>,
    /// Hash of the execution chain's block 0.
    pub genesis_block: Option<Root>,
    /// The beacon deposit contract.
    pub deposit_contract: Address,
    /// SSVNetwork.
    pub ssv_network: Option<Address>,
}

/// What is built in of each network, from `config/networks.toml`.
#[must_use]
pub fn presets() -> &'static BTreeMap<NetworkName, NetworkPreset> {
    static PRESETS: OnceLock<BTreeMap<NetworkName, NetworkPreset>> = OnceLock::new();
    PRESETS.get_or_init(|| toml::from_str(TEXT).expect("config/networks.toml is parsed by a test"))
}

/// Lays the preset of the chosen network over the defaults, and reports what contradicts it.
pub(super) fn apply(
    values: &mut BTreeMap<String, Sourced>,
    upper: &BTreeMap<String, Sourced>,
    errors: &mut Vec<ConfigError>,
) {
    let Some(chosen) = upper.get("network.name").or_else(|| values.get("network.name")) else {
        return;
    };
    let (Raw::Text(text) | Raw::Loose(text)) = &chosen.raw else {
        return;
    };
    let Some(name) = NetworkName::ALL.into_iter().find(|name| name.as_str() == text) else {
        let names = NetworkName::ALL.map(NetworkName::as_str);
        errors.push(ConfigError {
            place: chosen.origin.place(),
            key: "network.name".to_owned(),
            message: format!(
                "{} is no known network, expected one of {}",
                quoted(text),
                names.join(", ")
            ),
            suggestion: nearest(text, names),
        });
        return;
    };
    for (key, value) in rows(&presets()[&name]) {
        let Some(value) = value else { continue };
        if let Some(other) = upper.get(key)
            && name != NetworkName::Devnet
            && !says(&other.raw, &value)
        {
            errors.push(ConfigError {
                place: other.origin.place(),
                key: key.to_owned(),
                message: format!(
                    "is {value} on {name} and cannot be changed (a network of your own is \"devnet\")"
                ),
                suggestion: None,
            });
        }
        let origin = Origin::Preset(name.to_string());
        let raw = Raw::Loose(value);
        values.insert(key.to_owned(), Sourced { raw, origin });
    }
}

/// What a network's preset says, by key.
fn rows(preset: &NetworkPreset) -> [(&'static str, Option<String>); 7] {
    [
        ("network.chain_id", Some(preset.chain_id.to_string())),
        (
            "network.genesis_fork_version",
            Some(preset.genesis_fork_version.to_string()),
        ),
        (
            "network.capella_fork_version",
            Some(preset.capella_fork_version.to_string()),
        ),
        (
            "network.genesis_validators_root",
            preset.genesis_validators_root.map(|root| root.to_string()),
        ),
        (
            "network.genesis_block",
            preset.genesis_block.map(|hash| hash.to_string()),
        ),
        (
            "network.deposit_contract",
            Some(preset.deposit_contract.to_string()),
        ),
        (
            "network.ssv_network",
            preset.ssv_network.map(|address| address.to_string()),
        ),
    ]
}

/// Saying what the preset says is allowed.
fn says(raw: &Raw, value: &str) -> bool {
    match raw {
        Raw::Text(text) | Raw::Loose(text) | Raw::Number(text) => text.eq_ignore_ascii_case(value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_has_a_preset() {
        let all = presets();
        for name in NetworkName::ALL {
            assert!(all.contains_key(&name), "{name}");
        }
        let ids: std::collections::BTreeSet<u64> = all.values().map(|p| p.chain_id).collect();
        assert_eq!(ids.len(), all.len(), "chain ids are distinct");
    }
}
