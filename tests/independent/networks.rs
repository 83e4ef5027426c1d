//! The constants of the public networks, beside what other programs have of them. A wrong one makes a deposit that the
//! chain does not credit, or an exit that it does not take.

use casimir_dkg::config::{NetworkName, presets};
use serde_json::{Value, json};

use super::{python, ssv_abi};

#[test]
fn presets_are_as_others_have_them() {
    let others = python::ask("tell_networks.py", &Value::Null);
    for name in [NetworkName::Mainnet, NetworkName::Hoodi, NetworkName::Sepolia] {
        let (preset, other) = (&presets()[&name], &others[name.as_str()]);
        assert_eq!(
            json!(preset.genesis_fork_version),
            other["genesis_fork_version"],
            "{name}"
        );
        assert_eq!(
            json!(preset.capella_fork_version),
            other["capella_fork_version"],
            "{name}"
        );
        assert_eq!(
            json!(preset.genesis_validators_root.unwrap()),
            other["genesis_validators_root"],
            "{name}"
        );
    }
    let (preset, other) = (&presets()[&NetworkName::Mainnet], &others["mainnet"]);
    assert_eq!(json!(preset.chain_id), other["chain_id"]);
    assert_eq!(json!(preset.deposit_contract), other["deposit_contract"]);
}

#[test]
fn ssv_is_where_ssv_says() {
    for (name, file) in [
        (NetworkName::Mainnet, "prod.v4.mainnet"),
        (NetworkName::Hoodi, "prod.v4.hoodi"),
    ] {
        let ours = presets()[&name].ssv_network.unwrap();
        assert_eq!(ours, ssv_abi::address(file), "{name}");
    }
}
