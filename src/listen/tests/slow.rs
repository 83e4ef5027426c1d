//! Clients behind a proxy that begin a body and fall silent. Tests of the listener and of the programs behind it share this.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The head of a request for a client, and the first byte of its body.
pub(crate) fn beginning(path: &str, client: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\ncontent-length: 2000\r\n\r\n{{")
}

/// So many of the proxy's connections for each client, on each of which it begins a body.
pub(crate) async fn bodies(at: SocketAddr, path: &str, clients: &[String], each: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for client in clients {
        for _ in 0..each {
            let mut stream = TcpStream::connect(at).await.unwrap();
            // it may be refused meanwhile
            let _ = stream.write_all(beginning(path, client).as_bytes()).await;
            held.push(stream);
        }
    }
    held
}

/// Asks as `client` until it is answered. A busy machine reads heads late; what is refused for good never is.
pub(crate) async fn gets_in(at: SocketAddr, path: &str, client: &str, within: Duration) -> bool {
    let asked = async {
        loop {
            let mut stream = TcpStream::connect(at).await.unwrap();
            let head = format!(
                "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: {client}\r\n\r\n"
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
    tokio::time::timeout(within, asked).await.is_ok()
}
