//! Lodestar ends with us, however we end.

use casimir_dkg::devnet::beacon::BeaconSpec;
use casimir_dkg::devnet::lodestar::{self, Lodestar, LodestarOptions};
use casimir_dkg::types::ForkVersion;

use super::{alone, say};
use crate::devnet::killed::{gone, port_of_a_killed_parent, serves};

/// Set in the process that is going to be killed: the folder to work in.
const CHILD: &str = "CASIMIR_TEST_LODESTAR_CHILD";

fn options(folder: &std::path::Path) -> LodestarOptions {
    LodestarOptions {
        // nobody there: its chain begins all the same
        execution: "http://127.0.0.1:1".to_owned(),
        block_time: 1,
        spec: BeaconSpec::default(),
        folder: folder.to_owned(),
    }
}

/// Not a test of its own: the body of the process that the next one starts and kills.
#[tokio::test]
async fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let package = lodestar::ensure(&say).await.unwrap();
    let node = Lodestar::start(&package, &options(folder.as_ref()), &say)
        .await
        .unwrap();
    serves(node.port()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_its_parent_is_killed() {
    lodestar::ensure(&say).await.unwrap();
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let port = port_of_a_killed_parent(module_path!(), CHILD, folder.path());
    assert!(gone(port), "Lodestar outlived its parent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_with_other_fork_versions_is_refused() {
    let package = lodestar::ensure(&say).await.unwrap();
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    // deposits signed under this version would be worth nothing on its chain
    options.spec.genesis_fork_version = ForkVersion([0; 4]);
    let error = Lodestar::start(&package, &options, &say).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("GENESIS_FORK_VERSION is 0x00000001, not 0x00000000"),
        "{text}"
    );
}
