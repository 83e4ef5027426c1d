//! The SSV stand-in and what we read of SSV, compared with the ABI that SSV publishes with its scanner. The package is
//! fetched for the test only, and only its ABI files are unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use alloy::json_abi::{Event, JsonAbi};
use alloy::primitives::Address;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use casimir_dkg::ports::SsvEventKind;
use casimir_dkg::ssv::topics as ssv_topics;
use casimir_dkg::types::ClusterLayout;
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use super::install;

const PACKAGE: &str = "ssv-scanner@1.1.1";
/// What the registry says of it; npm compares too, but with what the registry says on that day.
const INTEGRITY: &str =
    "sha512-eobp0zXcIxxP0rnpZ3+oTb2d7oLJ08QMPSGS3qkGMB0qhVo1/MDC8xoyMcTcIM0dfqdkCB06vh5X4N6fbzghAA==";
const FILES: &str = "package/src/shared/abi";
const NETWORKS: [&str; 2] = ["prod.v4.mainnet", "prod.v4.hoodi"];
const ARTIFACTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/devnet/contracts/artifacts");

/// The folder with SSV's ABI files.
fn published() -> PathBuf {
    let folder = install::once("independent-ssv", &format!("{PACKAGE} {INTEGRITY}"), |folder| {
        let told = install::run(
            Command::new("npm")
                .args(["pack", "--silent", "--ignore-scripts", PACKAGE])
                .current_dir(folder),
            "",
        )
        .map_err(|reason| format!("npm (of Node) is needed: {reason}"))?;
        let name = String::from_utf8_lossy(&told).trim().to_owned();
        let archive = std::fs::read(folder.join(&name)).map_err(|error| format!("{name}: {error}"))?;
        let digest = format!("sha512-{}", STANDARD.encode(Sha512::digest(&archive)));
        if digest != INTEGRITY {
            return Err(format!("{PACKAGE} has {digest}, expected {INTEGRITY}"));
        }
        let mut unpack = Command::new("tar");
        unpack.args(["-xzf", &name]).current_dir(folder);
        for network in NETWORKS {
            unpack.arg(format!("{FILES}/{network}.abi.json"));
        }
        install::run(&mut unpack, "")?;
        std::fs::remove_file(folder.join(&name)).map_err(|error| format!("{name}: {error}"))
    });
    folder.join(FILES)
}

fn json_in(path: PathBuf) -> Value {
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn abi_in(path: PathBuf) -> JsonAbi {
    serde_json::from_value(json_in(path)["abi"].clone()).unwrap()
}

fn real(network: &str) -> JsonAbi {
    abi_in(published().join(format!("{network}.abi.json")))
}

/// Where SSV says that its contract is.
pub(crate) fn address(network: &str) -> Address {
    let json = json_in(published().join(format!("{network}.abi.json")));
    json["contractAddress"].as_str().unwrap().parse().unwrap()
}

fn stand_in(layout: &str) -> JsonAbi {
    abi_in(PathBuf::from(ARTIFACTS).join(format!("SsvStandIn.{layout}.json")))
}

/// Selectors of the functions, by signature.
fn functions(abi: &JsonAbi) -> BTreeMap<String, [u8; 4]> {
    abi.functions().map(|f| (f.signature(), f.selector().0)).collect()
}

fn errors(abi: &JsonAbi) -> BTreeMap<String, [u8; 4]> {
    abi.errors().map(|e| (e.signature(), e.selector().0)).collect()
}

/// What a log of the event looks like: its topic, and which parameters are topics too. Names do not matter on the wire.
fn shape(event: &Event) -> ([u8; 32], Vec<bool>) {
    let indexed = event.inputs.iter().map(|input| input.indexed).collect();
    (event.selector().0, indexed)
}

fn events(abi: &JsonAbi) -> BTreeMap<String, ([u8; 32], Vec<bool>)> {
    abi.events()
        .map(|event| (event.signature(), shape(event)))
        .collect()
}

/// The names of `ours` that `theirs` has not, or has differently.
fn strangers<T: PartialEq>(ours: &BTreeMap<String, T>, theirs: &BTreeMap<String, T>) -> BTreeSet<String> {
    ours.iter()
        .filter(|(name, value)| theirs.get(*name) != Some(value))
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn the_stand_in_has_ssvs_selectors_topics_and_errors() {
    let ours = stand_in("active-then-balance");
    assert_eq!(
        (functions(&ours).len(), events(&ours).len(), errors(&ours).len()),
        (22, 12, 16)
    );
    for network in NETWORKS {
        let theirs = real(network);
        assert!(theirs.functions().count() > 40 && theirs.events().count() > 30);
        assert_eq!(
            strangers(&events(&ours), &events(&theirs)),
            BTreeSet::new(),
            "{network}"
        );
        assert_eq!(
            strangers(&errors(&ours), &errors(&theirs)),
            BTreeSet::new(),
            "{network}"
        );
        assert_eq!(
            strangers(&functions(&ours), &functions(&theirs)),
            BTreeSet::from(
                [
                    // of those who test
                    "setClosed(bool)",
                    "setValidatorsPerOperatorLimit(uint32)",
                    // the form of before operators could be private; today's contract has it no more
                    "registerOperator(bytes,uint256)",
                    // of the views, to which SSV's contract hands on what it does not know
                    "getLiquidationThresholdPeriod()",
                    "getMinimumLiquidationCollateral()",
                    "getNetworkFee()",
                    "getOperatorFee(uint64)",
                    "getValidatorsPerOperatorLimit()",
                ]
                .map(str::to_owned)
            ),
            "{network}"
        );
    }
}

/// The other layout is SSV of 2023: it differs from today's in the field order of the cluster and in nothing else.
#[test]
fn the_older_layout_differs_in_the_cluster_only() {
    let (old, new) = (stand_in("balance-then-active"), stand_in("active-then-balance"));
    let today = |names: BTreeSet<String>| -> BTreeSet<String> {
        names
            .into_iter()
            .map(|name| {
                name.replace(
                    "(uint32,uint64,uint64,uint256,bool)",
                    "(uint32,uint64,uint64,bool,uint256)",
                )
            })
            .collect()
    };
    assert_eq!(
        today(functions(&old).into_keys().collect()),
        functions(&new).into_keys().collect()
    );
    assert_eq!(
        today(events(&old).into_keys().collect()),
        events(&new).into_keys().collect()
    );
    assert_eq!(errors(&old), errors(&new));
    let theirs = real(NETWORKS[0]);
    let foreign = strangers(&events(&old), &events(&theirs));
    assert_eq!(
        foreign.len(),
        6,
        "every event that carries a cluster: {foreign:?}"
    );
}

/// What the engine looks for in the chain's logs.
#[test]
fn the_topics_that_we_follow_are_ssvs() {
    for network in NETWORKS {
        let theirs = real(network);
        // the scanner's ABI is of v1
        let of_v2 = [
            SsvEventKind::ClusterMigratedToEth,
            SsvEventKind::ClusterBalanceUpdated,
        ];
        let topics = ssv_topics(ClusterLayout::ActiveThenBalance).into_iter();
        for (kind, topic) in topics.filter(|(kind, _)| !of_v2.contains(kind)) {
            let name = format!("{kind:?}");
            let known = theirs.events().find(|event| event.selector() == topic);
            assert_eq!(
                known.map(|event| event.name.as_str()),
                Some(name.as_str()),
                "{network}"
            );
        }
    }
}
