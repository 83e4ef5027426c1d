//! The committed artifacts are what the committed sources compile to, and the selectors and topics are the real ones.

use std::path::Path;
use std::process::Command;

use alloy::primitives::{hex, keccak256};
use alloy::sol_types::{SolCall, SolEvent};
use casimir_dkg::devnet::{ManagerVersion, contracts};
use casimir_dkg::types::ClusterLayout;

use super::support::{active_then_balance, balance_then_active};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/devnet/contracts");

#[test]
fn sources_compile_to_the_committed_artifacts() {
    let work = tempfile::tempdir().unwrap();
    // a copy, so that the test neither needs nor leaves anything in the tree
    for file in [
        "package.json",
        "package-lock.json",
        "compile.mjs",
        "PoolManager.sol",
        "PoolManager26May.sol",
        "PoolManagerBase.sol",
        "SsvStandIn.sol",
    ] {
        std::fs::copy(Path::new(FOLDER).join(file), work.path().join(file)).unwrap();
    }
    for layout in ["balance-then-active", "active-then-balance"] {
        let folder = work.path().join("layouts").join(layout);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(
            Path::new(FOLDER).join("layouts").join(layout).join("Cluster.sol"),
            folder.join("Cluster.sol"),
        )
        .unwrap();
    }
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(work.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    run("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    run("node", &["compile.mjs"]);
    let committed = Path::new(FOLDER).join("artifacts");
    let mut names = 0;
    for entry in std::fs::read_dir(&committed).unwrap() {
        let name = entry.unwrap().file_name();
        let fresh = std::fs::read(work.path().join("artifacts").join(&name)).unwrap();
        assert_eq!(
            std::fs::read(committed.join(&name)).unwrap(),
            fresh,
            "{} is not what the sources compile to: run compile.mjs",
            name.display()
        );
        names += 1;
    }
    assert_eq!(names, 6);
}

/// Every function, event and error of an artifact by its canonical signature.
fn signatures(artifact: &str, kind: &str) -> Vec<String> {
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(Path::new(FOLDER).join("artifacts").join(artifact)).unwrap())
            .unwrap();
    let abi: alloy::json_abi::JsonAbi = serde_json::from_value(json["abi"].clone()).unwrap();
    let mut all: Vec<String> = match kind {
        "function" => abi.functions().map(|f| f.signature()).collect(),
        "event" => abi.events().map(|e| e.signature()).collect(),
        _ => abi.errors().map(|e| e.signature()).collect(),
    };
    all.sort();
    all
}

#[test]
fn the_managers_have_the_described_interface() {
    for (layout, tuple) in [
        ("balance-then-active", "(uint32,uint64,uint64,uint256,bool)"),
        ("active-then-balance", "(uint32,uint64,uint64,bool,uint256)"),
    ] {
        let may20 = format!("initiatePoolDeposit(bytes32,bytes,uint64[],bytes,{tuple},bytes,bytes,uint256)");
        let may26 = format!("initiatePoolDeposit(bytes32,bytes,bytes,bytes,uint64[],bytes,{tuple},uint256)");
        for (contract, initiate, others) in [
            ("PoolManager", &may20, &may26),
            ("PoolManager26May", &may26, &may20),
        ] {
            let artifact = format!("{contract}.{layout}.json");
            let functions = signatures(&artifact, "function");
            for expected in [
                initiate.as_str(),
                "resharePool(uint32,uint64[],bytes)",
                "getPool(uint32)",
                "getReadyPoolIds()",
                "getPendingPoolIds()",
                "getStakedPoolIds()",
                "getSSVNetworkAddress()",
                "getUpkeepAddress()",
                "getReservedFees()",
                "getValidatorPublicKeys()",
                "getExitingValidatorCount()",
            ] {
                assert!(
                    functions.iter().any(|f| f == expected),
                    "{expected} in {functions:?}"
                );
            }
            assert!(!functions.contains(others), "{artifact} has one order only");
            assert_eq!(
                signatures(&artifact, "event"),
                [
                    "PoolDepositInitiated(uint32)",
                    "PoolDepositRequested(uint32)",
                    "PoolDeposited(uint32)",
                    "PoolExitRequested(uint32)",
                    "PoolExited(uint32)",
                    "PoolReshareRequested(uint32)",
                    "PoolReshared(uint32)",
                ]
            );
        }
    }
}

#[test]
fn the_ssv_stand_in_speaks_ssv() {
    for (layout, tuple) in [
        ("balance-then-active", "(uint32,uint64,uint64,uint256,bool)"),
        ("active-then-balance", "(uint32,uint64,uint64,bool,uint256)"),
    ] {
        let artifact = format!("SsvStandIn.{layout}.json");
        assert_eq!(
            signatures(&artifact, "event"),
            [
                format!("ClusterDeposited(address,uint64[],uint256,{tuple})"),
                format!("ClusterLiquidated(address,uint64[],{tuple})"),
                format!("ClusterReactivated(address,uint64[],{tuple})"),
                format!("ClusterWithdrawn(address,uint64[],uint256,{tuple})"),
                "OperatorAdded(uint64,address,bytes,uint256)".to_owned(),
                "OperatorMultipleWhitelistRemoved(uint64[],address[])".to_owned(),
                "OperatorMultipleWhitelistUpdated(uint64[],address[])".to_owned(),
                "OperatorPrivacyStatusUpdated(uint64[],bool)".to_owned(),
                "OperatorRemoved(uint64)".to_owned(),
                format!("ValidatorAdded(address,uint64[],bytes,bytes,{tuple})"),
                "ValidatorExited(address,uint64[],bytes)".to_owned(),
                format!("ValidatorRemoved(address,uint64[],bytes,{tuple})"),
            ]
        );
        let functions = signatures(&artifact, "function");
        let register = format!("registerValidator(bytes,uint64[],bytes,uint256,{tuple})");
        for expected in [
            register.as_str(),
            "registerOperator(bytes,uint256)",
            "registerOperator(bytes,uint256,bool)",
            "removeOperator(uint64)",
            "setOperatorsPrivateUnchecked(uint64[])",
            "setOperatorsPublicUnchecked(uint64[])",
            "setOperatorsWhitelists(uint64[],address[])",
            "removeOperatorsWhitelists(uint64[],address[])",
            "getVersion()",
            "getOperatorFee(uint64)",
            "getNetworkFee()",
            "getLiquidationThresholdPeriod()",
            "getMinimumLiquidationCollateral()",
            "getValidatorsPerOperatorLimit()",
        ] {
            assert!(
                functions.iter().any(|f| f == expected),
                "{expected} in {functions:?}"
            );
        }
    }
    // as seen on SSV's mainnet contract
    assert_eq!(
        active_then_balance::Calls::ValidatorAdded::SIGNATURE_HASH,
        hex!("48a3ea0796746043948f6341d17ff8200937b99262a0b48c2663b951ed7114e5")
    );
    assert_eq!(
        active_then_balance::Calls::registerValidatorCall::SELECTOR,
        hex!("06e8fb9c")
    );
    assert_ne!(
        active_then_balance::Calls::initiatePoolDepositCall::SELECTOR,
        balance_then_active::Calls::initiatePoolDepositCall::SELECTOR
    );
}

#[test]
fn the_deposit_contract_is_the_official_one() {
    // 6,358 bytes, as in the genesis of every public test network
    let code = contracts::deposit_contract_runtime();
    assert_eq!(code.len(), 6358);
    let storage = contracts::deposit_contract_storage();
    assert_eq!(storage.len(), 31);
    // zero_hashes[1] and zero_hashes[31] as they stand in Hoodi's genesis
    assert_eq!(
        storage[0].1,
        hex!("f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b")
    );
    assert_eq!(
        storage[30].1,
        hex!("985e929f70af28d0bdd1a90a808f977f597c7c778c489e98d3bd8910d31ac0f7")
    );
    assert_eq!(
        keccak256("DepositEvent(bytes,bytes,bytes,bytes,bytes)"),
        contracts::DepositContract::DepositEvent::SIGNATURE_HASH
    );
}

#[test]
fn the_two_layouts_are_different_programs() {
    let (old, new) = (ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance);
    for version in [ManagerVersion::May20, ManagerVersion::May26] {
        assert_ne!(
            contracts::pool_manager_code(version, old),
            contracts::pool_manager_code(version, new)
        );
    }
    assert_ne!(
        contracts::pool_manager_code(ManagerVersion::May20, new),
        contracts::pool_manager_code(ManagerVersion::May26, new)
    );
    assert_ne!(
        contracts::ssv_stand_in_code(old),
        contracts::ssv_stand_in_code(new)
    );
}
