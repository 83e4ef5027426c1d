//! The WebSocket of an execution node: calls and their answers, and what a subscriber is told, each looked at by
//! itself.

mod bridge;
mod frames;

use super::desk::{Desk, head_of};
use super::exchange::{End, clear};
use super::http::{Body, Conn, Gone, Pace, Request};
use super::scenario::Call;

/// Opens the node's socket for a client's and stays between the two until one of them ends.
pub(super) async fn serve(desk: &Desk, mut conn: Conn, request: Request) {
    let opening = Call::Http {
        method: request.method.clone(),
        path: request.path().to_owned(),
    };
    desk.count(&opening);
    match open(desk, &mut conn, &request, &opening).await {
        Ok(Some(node)) => {
            let (client, early) = conn.into_parts();
            bridge::run(desk, &opening, (client, early), node).await;
        }
        Ok(None) => conn.close().await,
        Err(Gone::Cut) => conn.reset(),
        Err(Gone::Client | Gone::Nonsense) => {}
    }
}

/// The node's side of an accepted handshake; none when something else was answered.
async fn open(
    desk: &Desk,
    conn: &mut Conn,
    request: &Request,
    opening: &Call,
) -> Result<Option<reqwest::Upgraded>, Gone> {
    match clear(desk, conn, request, opening).await? {
        Some(End::Reset) => return Err(Gone::Cut),
        Some(End::Next | End::Close) => return Ok(None),
        None => {}
    }
    let Ok(response) = desk.open_socket(request).await else {
        return Err(Gone::Cut);
    };
    let mut reply = head_of(&response);
    if reply.status != 101 {
        reply.body = Body::Bytes(Vec::new());
        reply.send(conn, Pace::Whole, false, false).await?;
        return Ok(None);
    }
    let upgraded = response.upgrade().await.map_err(|_| Gone::Cut)?;
    let mut head =
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n".to_owned();
    for (name, value) in &reply.headers {
        if name.starts_with("sec-websocket-") {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str("\r\n");
    conn.write(head.as_bytes()).await?;
    Ok(Some(upgraded))
}
