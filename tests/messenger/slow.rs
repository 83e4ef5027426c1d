//! Clients behind a proxy that begin a body and fall silent.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// So many connections of each client, each with the first byte of a body.
pub(crate) async fn bodies(at: SocketAddr, path: &str, clients: &[String], each: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for client in clients {
        for _ in 0..each {
            let mut stream = TcpStream::connect(at).await.unwrap();
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\ncontent-length: 2000\r\n\r\n{{"
            );
            // it may be refused meanwhile
            let _ = stream.write_all(head.as_bytes()).await;
            held.push(stream);
        }
    }
    held
}

/// Waits until a client's ping is answered, before any deadline of the bodies is over.
pub(crate) async fn answered(at: SocketAddr, client: &str) {
    let asked = async {
        loop {
            let mut stream = TcpStream::connect(at).await.unwrap();
            let head = format!(
                "GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: {client}\r\n\r\n"
            );
            let mut answer = String::new();
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.read_to_string(&mut answer).await;
            if answer.starts_with("HTTP/1.1 200") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(5), asked).await;
    assert!(within.is_ok(), "{client} is not answered");
}
