//! A WebSocket that hears of new heads and does nothing but wake the poller. It may drop, stall or talk nonsense:
//! nothing is missed by that, only later.
//!
//! It goes out as every call does ([`crate::http`]): by the configured proxy, and by the same trust. Where a proxy lets no
//! WebSocket through, that is said, and the poller goes on alone.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::U64;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{IntakeEvent, SocketState};
use crate::chain::rpc::ServerError;
use crate::http::{self, Http, HttpError, Limits};
use crate::log_limit::LogLimit;
use crate::types::{RedactedUrl, SafeText, in_words};

/// Lines about the socket: it may take us in and throw us out as often as it likes.
static SOCKETS: LogLimit = LogLimit::slow();

/// A socket that tells of no head for this long is taken for dead.
const SILENCE: Duration = Duration::from_secs(120);
/// First pause before connecting again; doubles up to a minute.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A header has less than 2 KiB; nothing longer is of use here.
const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(10),
    size: 64 << 10,
};

/// The socket's task; dropped, it ends.
pub(super) struct Socket(JoinHandle<()>);

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where the socket is, and how it is reached.
pub(super) struct Source {
    pub(super) url: RedactedUrl,
    pub(super) http: Http,
    /// EIP-155 chain id.
    pub(super) chain_id: u64,
}

impl Socket {
    pub(super) fn spawn(source: Source, woken: Arc<Notify>, out: mpsc::Sender<IntakeEvent>) -> Self {
        Self(tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            let mut said_down = false;
            loop {
                let mut connected = false;
                let reason = listen(&source, &woken, &out, &mut connected).await;
                if connected {
                    pause = FIRST_PAUSE;
                    said_down = false;
                }
                if !said_down {
                    let url = &source.url;
                    if let Some(left_out) = SOCKETS.line() {
                        tracing::warn!(target: "chain", socket = %url, %reason, left_out, "wake-up socket is down, polling goes on");
                    }
                    let down = IntakeEvent::Socket(SocketState::Down(reason));
                    if out.send(down).await.is_err() {
                        return;
                    }
                    said_down = true;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(60));
            }
        }))
    }
}

/// What a node says: the answer to a call, or news of a subscription.
#[derive(Deserialize)]
struct SocketMessage {
    id: Option<u64>,
    result: Option<Value>,
    error: Option<ServerError>,
    params: Option<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    subscription: String,
}

/// Connects and listens until something ends it; says what.
async fn listen(
    source: &Source,
    woken: &Notify,
    out: &mpsc::Sender<IntakeEvent>,
    connected: &mut bool,
) -> SafeText {
    let words = |error: HttpError| SafeText::new(&error.to_string());
    let (mut socket, heads) = match tokio::time::timeout(LIMITS.deadline, subscribed(source)).await {
        Ok(Ok(subscribed)) => subscribed,
        Ok(Err(reason)) => return reason,
        Err(_) => return SafeText::new(&format!("no connection within {}", in_words(LIMITS.deadline))),
    };
    *connected = true;
    if let Some(left_out) = SOCKETS.line() {
        tracing::info!(target: "chain", socket = %source.url, left_out, "wake-up socket connected");
    }
    if out
        .send(IntakeEvent::Socket(SocketState::Connected))
        .await
        .is_err()
    {
        return "the receiver is gone".into();
    }
    // whatever happened while it was down
    woken.notify_one();
    let mut silent_from = Instant::now() + SILENCE;
    loop {
        let rest = silent_from.saturating_duration_since(Instant::now());
        match socket.next(rest).await {
            Ok(message) if is_news_of(&message, &heads) => {
                silent_from = Instant::now() + SILENCE;
                woken.notify_one();
            }
            Ok(_) => {}
            Err(HttpError::NoAnswer(_)) => {
                return SafeText::new(&format!("silent for {}", in_words(SILENCE)));
            }
            Err(error) => return words(error),
        }
    }
}

fn is_news_of(message: &[u8], subscription: &str) -> bool {
    let said = serde_json::from_slice::<SocketMessage>(message);
    said.is_ok_and(|said| said.params.is_some_and(|news| news.subscription == subscription))
}

/// A socket to a node of our chain that tells of new heads, and the subscription's name.
async fn subscribed(source: &Source) -> Result<(http::Socket, String), SafeText> {
    let socket = source.http.socket(&source.url, LIMITS).await;
    let mut socket = socket.map_err(|error| match error {
        // whoever answered it in other words is no WebSocket, or stands before one
        HttpError::Status { .. } => SafeText::new(&format!(
            "the server, or a proxy before it, does not open a WebSocket ({error})"
        )),
        other => SafeText::new(&other.to_string()),
    })?;
    let id = ask(&mut socket, 1, "eth_chainId", json!([])).await?;
    match serde_json::from_value::<U64>(id) {
        Ok(id) if id.to::<u64>() == source.chain_id => {}
        Ok(id) => {
            let words = format!("serves chain {id}, expected {}", source.chain_id);
            return Err(SafeText::new(&words));
        }
        Err(error) => return Err(SafeText::new(&format!("eth_chainId: {error}"))),
    }
    match ask(&mut socket, 2, "eth_subscribe", json!(["newHeads"])).await? {
        Value::String(name) => Ok((socket, name)),
        _ => Err("eth_subscribe: expected the name of a subscription".into()),
    }
}

/// One call and its answer. What else comes meanwhile is nothing that was asked for.
async fn ask(socket: &mut http::Socket, id: u64, method: &str, params: Value) -> Result<Value, SafeText> {
    let failed = |why: &dyn std::fmt::Display| SafeText::new(&format!("{method}: {why}"));
    let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    socket.send(&call.to_string()).await.map_err(|e| failed(&e))?;
    loop {
        let message = socket.next(LIMITS.deadline).await.map_err(|e| failed(&e))?;
        let said: SocketMessage = serde_json::from_slice(&message).map_err(|e| failed(&e))?;
        match (said.result, said.error) {
            _ if said.id != Some(id) => {}
            (_, Some(error)) => return Err(failed(&error.message)),
            (result, None) => return Ok(result.unwrap_or_default()),
        }
    }
}
