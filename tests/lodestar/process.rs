//! Lodestar ends with us, however we end.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use casimir_dkg::devnet::beacon::BeaconSpec;
use casimir_dkg::devnet::lodestar::{self, Lodestar, LodestarOptions};
use casimir_dkg::types::ForkVersion;

use crate::{alone, say};

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

pub(crate) fn gone(port: u16) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        if TcpStream::connect(("127.0.0.1", port)).is_err() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
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
    writeln!(std::io::stderr(), "port {}", node.port()).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_its_parent_is_killed() {
    lodestar::ensure(&say).await.unwrap();
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::child_that_is_killed", "--nocapture"])
        .env(CHILD, folder.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let port = BufReader::new(parent.stderr.take().unwrap())
        .lines()
        .find_map(|line| {
            line.unwrap()
                .strip_prefix("port ")
                .map(|port| port.parse().unwrap())
        })
        .expect("the child starts a Lodestar");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    // SIGKILL: it can do nothing about it
    parent.kill().unwrap();
    parent.wait().unwrap();
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
