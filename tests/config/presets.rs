//! What the presets must say, checked against values written here by hand and against arithmetic.

use casimir_dkg::config::{self, Flag, LoadOptions, NetworkName, presets};
use sha2::{Digest, Sha256};

use super::support;

#[test]
fn chain_ids_and_fork_versions() {
    let expected = [
        (NetworkName::Mainnet, 1, "0x00000000", "0x03000000"),
        (NetworkName::Hoodi, 560_048, "0x10000910", "0x40000910"),
        (NetworkName::Holesky, 17_000, "0x01017000", "0x04017000"),
        (NetworkName::Sepolia, 11_155_111, "0x90000069", "0x90000072"),
        (NetworkName::Devnet, 31_337, "0x00000001", "0x03000001"),
    ];
    for (name, chain_id, genesis, capella) in expected {
        let preset = &presets()[&name];
        assert_eq!(preset.chain_id, chain_id, "{name}");
        assert_eq!(preset.genesis_fork_version.to_string(), genesis, "{name}");
        assert_eq!(preset.capella_fork_version.to_string(), capella, "{name}");
        let public = name != NetworkName::Devnet;
        assert_eq!(preset.genesis_validators_root.is_some(), public, "{name}");
        assert_eq!(preset.genesis_block.is_some(), public, "{name}");
        assert!(!preset.deposit_contract.is_zero(), "{name}");
    }
}

/// Mainnet's voluntary exit domain begins with `04000000bba4da96`: it covers the Capella version and the root.
#[test]
fn mainnet_exit_domain() {
    let preset = &presets()[&NetworkName::Mainnet];
    let mut version = [0; 32];
    version[..4].copy_from_slice(&preset.capella_fork_version.0);
    let mut hash = Sha256::new();
    hash.update(version);
    hash.update(preset.genesis_validators_root.unwrap().0);
    assert_eq!(hex::encode(&hash.finalize()[..4]), "bba4da96");
}

#[test]
fn a_public_network_can_not_be_changed_by_configuration() {
    let scratch = tempfile::tempdir().unwrap();
    let with = |name: &str, key: &'static str, value: &str| {
        let flag = |key, value: &str| Flag {
            key,
            flag: "--x",
            value: value.to_owned(),
        };
        config::gather(&LoadOptions {
            environment: support::directories(scratch.path()),
            flags: vec![flag("network.name", name), flag(key, value)],
            ..LoadOptions::default()
        })
    };
    let error = with("hoodi", "network.chain_id", "1").unwrap_err().to_string();
    assert!(error.contains("is 560048 on hoodi"), "{error}");
    assert!(
        with("hoodi", "network.chain_id", "560048").is_ok(),
        "saying the same is no contradiction"
    );
    assert!(with("devnet", "network.chain_id", "1").is_ok());
    let other = "0x0000000000000000000000000000000000000001";
    assert!(with("mainnet", "network.deposit_contract", other).is_err());
    assert!(
        with("sepolia", "network.ssv_network", other).is_ok(),
        "unknown to the preset"
    );
}
