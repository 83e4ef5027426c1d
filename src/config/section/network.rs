//! `[network]`: which chain.

use alloy::primitives::Address;

use crate::chain::Finality;
use crate::config::preset::{NetworkName, presets};
use crate::config::raw::Raw;
use crate::config::reader::{Reader, text_of, words};
use crate::config::schema::Key;
use crate::config::value::{Bad, Value};
use crate::types::{ForkVersion, Root, counted, quoted};

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "network.name",
        "mainnet, hoodi, holesky, sepolia or devnet",
        "Preset of chain id, fork versions and contract addresses.",
    )
    .default("mainnet")
    .flag("--network"),
    Key::new(
        "network.chain_id",
        "a number",
        "EIP-155 chain id; fixed by the preset except on devnet.",
    )
    .within("1", "9007199254740991"),
    Key::new(
        "network.genesis_fork_version",
        "4 bytes of hex",
        "Part of the deposit domain; fixed by the preset except on devnet.",
    ),
    Key::new(
        "network.capella_fork_version",
        "4 bytes of hex",
        "Part of the exit domain (EIP-7044); fixed by the preset except on devnet.",
    ),
    Key::new(
        "network.genesis_validators_root",
        "32 bytes of hex",
        "Part of the exit domain; fixed by the preset, on devnet as the beacon nodes tell it alike when absent.",
    ),
    Key::new(
        "network.genesis_block",
        "32 bytes of hex",
        "Hash of the execution chain's block 0; fixed by the preset, on devnet as the endpoints tell it alike when absent.",
    ),
    Key::new(
        "network.deposit_contract",
        "an address",
        "The beacon deposit contract; fixed by the preset except on devnet.",
    ),
    Key::new(
        "network.ssv_network",
        "an address",
        "SSVNetwork; by the preset where known, else asked from the manager contract.",
    ),
    Key::new(
        "network.finality",
        "\"finalized\" or a number of blocks",
        "When a transaction or event counts as final.",
    )
    .default("finalized"),
];

impl Value for Finality {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        if let Ok(depth) = u64::read(raw) {
            return match depth {
                0 => Err("0 blocks would make every block final at once".to_owned().into()),
                depth => Ok(Self::Depth(depth)),
            };
        }
        match text_of("\"finalized\" or a number of blocks", raw)? {
            "finalized" => Ok(Self::Tag),
            other => Err(format!(
                "expected \"finalized\" or a number of blocks, got {}",
                quoted(other)
            )
            .into()),
        }
    }
}

words!(NetworkName {
    "mainnet" => NetworkName::Mainnet,
    "hoodi" => NetworkName::Hoodi,
    "holesky" => NetworkName::Holesky,
    "sepolia" => NetworkName::Sepolia,
    "devnet" => NetworkName::Devnet,
} no_display);

/// Which chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkConfig {
    /// Chooses the preset that everything below defaults to.
    pub name: NetworkName,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Part of the deposit domain.
    pub genesis_fork_version: ForkVersion,
    /// Part of the voluntary exit domain (EIP-7044).
    pub capella_fork_version: ForkVersion,
    /// Part of the voluntary exit domain. `None` on a devnet that did not say: ask its beacon node.
    pub genesis_validators_root: Option<Root>,
    /// Hash of the execution chain's block 0. `None` on a devnet that did not say: as its endpoints tell it alike.
    pub genesis_block: Option<Root>,
    /// The beacon deposit contract.
    pub deposit_contract: Address,
    /// SSVNetwork. `None`: ask the manager contract (`getSSVNetworkAddress`).
    pub ssv_network: Option<Address>,
    /// When a block counts as final.
    pub finality: Finality,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<NetworkConfig> {
    let name = r.required("network.name");
    let chain_id = r.required("network.chain_id");
    let genesis_fork_version = r.required("network.genesis_fork_version");
    let capella_fork_version = r.required("network.capella_fork_version");
    let genesis_validators_root = r.optional::<Root>("network.genesis_validators_root");
    let genesis_block = r.optional::<Root>("network.genesis_block");
    let deposit_contract = r.required::<Address>("network.deposit_contract");
    let ssv_network = r.optional::<Address>("network.ssv_network");
    let finality = r.required("network.finality");
    judge(r, name, chain_id, finality);
    for (key, root) in [
        ("network.genesis_validators_root", &genesis_validators_root),
        ("network.genesis_block", &genesis_block),
    ] {
        if matches!(root, Some(Some(root)) if *root == Root::default()) {
            let message = "is zero, as of no chain: leave it out to have the nodes tell it";
            r.error(key, message.to_owned());
        }
    }
    let zero = |address: Option<Address>| address.is_some_and(|address| address.is_zero());
    for (key, is_zero) in [
        ("network.deposit_contract", zero(deposit_contract)),
        ("network.ssv_network", zero(ssv_network.flatten())),
    ] {
        if is_zero {
            r.error(key, "is the zero address".to_owned());
        }
    }
    Some(NetworkConfig {
        name: name?,
        chain_id: chain_id?,
        genesis_fork_version: genesis_fork_version?,
        capella_fork_version: capella_fork_version?,
        genesis_validators_root: genesis_validators_root?,
        genesis_block: genesis_block?,
        deposit_contract: deposit_contract?,
        ssv_network: ssv_network?,
        finality: finality?,
    })
}

/// Blocks behind which nothing is ever final, and before which much still moves.
const FAR: u64 = 100_000;
const NEAR: u64 = 32;

/// A devnet has no preset to contradict: what is a public network by its number would lose what protects one.
fn judge(r: &mut Reader<'_>, name: Option<NetworkName>, chain_id: Option<u64>, finality: Option<Finality>) {
    let public = presets()
        .iter()
        .find(|(known, preset)| known.is_public() && Some(preset.chain_id) == chain_id);
    if let (Some(NetworkName::Devnet), Some((public, preset))) = (name, public) {
        let message = format!(
            "{} is {public}: write network.name = \"{public}\", a devnet lacks what protects a public network",
            preset.chain_id
        );
        r.error("network.chain_id", message);
    }
    if let Some(Finality::Depth(depth)) = finality {
        if depth > FAR {
            let message = format!(
                "expected \"finalized\" or at most {FAR} blocks, got {depth}: nothing would ever be final"
            );
            r.error("network.finality", message);
        } else if depth < NEAR && name.is_some_and(NetworkName::is_public) {
            let message = format!(
                "{} of a public network are replaced now and then: what counts as final after them may be undone; \
                 \"finalized\" is safe",
                counted(usize::try_from(depth).unwrap_or(usize::MAX), "block")
            );
            r.worry("network.finality", &message);
        }
    }
}
