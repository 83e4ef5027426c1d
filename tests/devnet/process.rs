//! Anvil ends with us, however we end.

use std::net::TcpStream;

use casimir_dkg::devnet::anvil::{self, Anvil, AnvilBinary, AnvilOptions};

use super::killed::{gone, port_of_a_killed_parent, serves};
use super::support::quiet;

/// Set in the process that is going to be killed.
const CHILD: &str = "CASIMIR_TEST_ANVIL_CHILD";

#[tokio::test]
async fn anvil_ends_when_it_is_dropped() {
    let binary = anvil::ensure(&quiet).await.unwrap();
    let anvil = Anvil::start(&binary, &AnvilOptions::default()).await.unwrap();
    let port = anvil.port();
    assert_eq!(anvil.exited(), None);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    drop(anvil);
    assert!(gone(port), "anvil still listens");
}

/// Not a test of its own: the body of the process that `anvil_ends_when_its_parent_is_killed` starts and kills.
#[tokio::test]
async fn child_that_is_killed() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let binary = anvil::ensure(&quiet).await.unwrap();
    let anvil = Anvil::start(&binary, &AnvilOptions::default()).await.unwrap();
    serves(anvil.port()).await;
}

#[tokio::test]
async fn anvil_ends_when_its_parent_is_killed() {
    anvil::ensure(&quiet).await.unwrap();
    let port = port_of_a_killed_parent(module_path!(), CHILD, "1");
    assert!(gone(port), "anvil outlived its parent");
}

#[tokio::test]
async fn an_anvil_that_does_not_start_says_why() {
    let binary = anvil::ensure(&quiet).await.unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let options = AnvilOptions {
        port: taken.local_addr().unwrap().port(),
        ..AnvilOptions::default()
    };
    let error = Anvil::start(&binary, &options).await.unwrap_err().to_string();
    assert!(error.contains("in use"), "{error}");

    let missing = AnvilBinary {
        path: "/no/such/anvil".into(),
    };
    let error = Anvil::start(&missing, &AnvilOptions::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("not found"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_network_says_when_anvil_is_gone() {
    let net = super::support::devnet(casimir_dkg::devnet::DevnetOptions::default()).await;
    assert_eq!(net.exited(), None);
    let port = net.http_url().rsplit_once(':').unwrap().1.to_owned();
    kill_listener(port.parse().unwrap());
    let reason = tokio::time::timeout(crate::TIMEOUT, net.ended()).await.unwrap();
    assert!(reason.as_str().contains("exit status"), "{reason}");
}

/// Kills the anvil that listens on this port, found by its socket: nobody but the supervisor knows its process id.
#[cfg(target_os = "linux")]
fn kill_listener(port: u16) {
    // at other addresses of this machine others listen, this program too
    let wanted = format!("{:08X}:{port:04X}", u32::from_ne_bytes([127, 0, 0, 1]));
    let inode = std::fs::read_to_string("/proc/net/tcp")
        .unwrap()
        .lines()
        .find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            (fields[1] == wanted && fields[3] == "0A").then(|| fields[9].to_owned())
        })
        .expect("somebody listens");
    let socket = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let name = process.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let holds = |file: &std::fs::DirEntry| {
            std::fs::read_link(file.path()).is_ok_and(|link| link.to_str() == Some(&socket))
        };
        if files.flatten().any(|file| holds(&file)) {
            let pid = rustix::process::Pid::from_raw(id).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            return;
        }
    }
    panic!("nobody holds {socket}");
}
