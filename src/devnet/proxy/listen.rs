//! One listener on this machine, and its connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::desk::Desk;
use super::error::ProxyError;
use super::exchange::{self, End};
use super::http::{Conn, Gone};
use super::socket;
use super::target::Kind;
use crate::log_limit::LogLimit;

/// Connections of one listener; the ones beyond are closed at once.
const MAX_CONNECTIONS: usize = 512;

/// Whoever connects causes these lines.
static TOO_MANY: LogLimit = LogLimit::usual();
static NOT_TAKEN: LogLimit = LogLimit::usual();

/// Listens on any free port of the loopback address.
pub(super) async fn bind() -> Result<(TcpListener, SocketAddr), ProxyError> {
    let failed = |error: std::io::Error| ProxyError::Start(error.to_string().into());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves until it is aborted; its connections end with it.
pub(super) async fn run(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                    connections.spawn(serve(Arc::clone(&desk), stream));
                }
                Ok(_) => {
                    if let Some(left_out) = TOO_MANY.line() {
                        let target = &desk.target.name;
                        tracing::warn!(target: "devnet::proxy", %target, left_out, "too many connections");
                    }
                }
                Err(error) => {
                    if let Some(left_out) = NOT_TAKEN.line() {
                        tracing::warn!(target: "devnet::proxy", %error, left_out, "no connection could be taken");
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!(target: "devnet::proxy", %error, "a connection of the fault proxy broke");
                }
            }
        }
    }
}

async fn serve(desk: Arc<Desk>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut conn = Conn::new(stream);
    loop {
        let request = match conn.request().await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(Gone::Nonsense) => {
                let refusal = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = conn.write(refusal).await;
                return conn.close().await;
            }
            Err(Gone::Client | Gone::Cut) => return,
        };
        if desk.target.kind == Kind::Execution && request.wants_socket() {
            return socket::serve(&desk, conn, request).await;
        }
        match exchange::serve(&desk, &mut conn, request).await {
            Ok(End::Next) => {}
            Ok(End::Close) => return conn.close().await,
            Ok(End::Reset) => return conn.reset(),
            Err(Gone::Client | Gone::Nonsense) => return,
            Err(Gone::Cut) => return conn.close().await,
        }
    }
}
