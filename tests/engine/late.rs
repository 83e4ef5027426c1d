//! An execution node that comes up after the oracle, at the first start and at a later one.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::binary::Binary;
use super::support::{Ground, with_beacon};

const TIMEOUT: Duration = crate::TIMEOUT;

/// The node of `ground`, at this address.
async fn comes_up(at: SocketAddr, ground: &Ground) -> JoinHandle<()> {
    let listener = TcpListener::bind(at).await.unwrap();
    let url = ground.devnet().http_url();
    let node = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let node = node.clone();
            tokio::spawn(async move {
                let mut behind = TcpStream::connect(node).await.unwrap();
                // one of both hung up
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_up_late_is_followed_from_then_on() {
    let ground = Ground::start(with_beacon()).await;
    for pool in 1..=2 {
        ground.devnet().deposit_pool(1).await.unwrap();
        let address = crate::nobody();
        let url = format!("http://{address}");
        let mut oracle = Binary::start(&ground, &[("CASIMIR_DKG_RPC_URLS", &url)]);
        let waits = oracle.says("waiting for the contract: ", 0, TIMEOUT).await;
        let case = format!("deposit/{pool}");
        assert!(
            !oracle.said().iter().any(|line| line.contains(&case)),
            "nobody told of it yet"
        );
        let node = comes_up(address, &ground).await;
        let opened = oracle.says(&case, waits, TIMEOUT).await;
        oracle.says("transaction-signed", opened, TIMEOUT).await;
        assert!(oracle.end().await.success());
        node.abort();
    }
    ground.end().await;
}
