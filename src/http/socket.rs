//! A WebSocket (RFC 6455) over the same client as every call: the same proxy, the same trust, the same deadlines.
//!
//! Its handshake is a call like any other, so a proxy that does not let it through answers it, and the failure names that
//! answer. Whoever needs it must do without it.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::{
    ACCEPT_ENCODING, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::client::Purpose;
use super::response::Patience;
use super::url::parse_socket;
use super::{Http, HttpError, Limits, Response, retry_after};
use crate::types::{RedactedUrl, SafeText};

/// Shown of the body of a refusal.
const WORDS: usize = 512;
/// A connection's buffers; what is read over a socket is short.
const BUFFER: usize = 8 << 10;

/// An open WebSocket.
pub struct Socket {
    stream: WebSocketStream<reqwest::Upgraded>,
    limits: Limits,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Socket")
    }
}

impl Http {
    /// Opens a WebSocket to a URL that begins with `ws://` or `wss://`. The deadline holds for its handshake and for each
    /// message that is sent, the size for each message that comes.
    ///
    /// # Errors
    /// See [`HttpError`]: the URL is none, nobody is there, or whoever is there, a proxy perhaps, opens no WebSocket.
    pub async fn socket(&self, url: &RedactedUrl, limits: Limits) -> Result<Socket, HttpError> {
        let url = parse_socket(url).map_err(|bad| {
            HttpError::Unsendable(SafeText::new(
                &bad.to_string()
                    .replace("http://", "ws://")
                    .replace("https://", "wss://"),
            ))
        })?;
        let built = self.client(&url, Purpose::Socket)?;
        let key = BASE64.encode(rand::random::<[u8; 16]>());
        let until = Instant::now() + limits.deadline;
        let late = |_| HttpError::NoAnswer(limits.deadline);
        let request = built.client.get(url).headers(handshake(&key));
        let answer = tokio::time::timeout_at(until, request.send()).await;
        let answer = answer.map_err(late)?.map_err(|error| built.failure(&error))?;
        let patience = Patience::Whole {
            until,
            of: limits.deadline,
        };
        let answer = opened(Response::new(answer, patience)?, &key).await?;
        let upgraded = tokio::time::timeout_at(until, answer.upgrade()).await;
        let upgraded = upgraded.map_err(late)??;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(limits.size)
            .max_message_size(Some(limits.size))
            .max_frame_size(Some(limits.size));
        Ok(Socket {
            stream: WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await,
            limits,
        })
    }
}

fn handshake(key: &str) -> HeaderMap {
    let key = HeaderValue::from_str(key).expect("base64 is a header's value");
    HeaderMap::from_iter([
        (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        (SEC_WEBSOCKET_KEY, key),
    ])
}

/// The answer, if it opens a WebSocket: whoever repeats a status from a cache does not know the key.
async fn opened(answer: Response, key: &str) -> Result<Response, HttpError> {
    let status = answer.status();
    if status == 429 {
        let wait = retry_after::of(answer.headers(), SystemTime::now());
        return Err(HttpError::RateLimited(wait.unwrap_or_default()));
    }
    if status != 101 {
        let (words, _) = answer.read_head(WORDS).await;
        return Err(HttpError::Status {
            status,
            words: SafeText::from_bytes(&words),
        });
    }
    let accepted = answer.headers().get(SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|accepted| accepted.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(HttpError::Broken("the handshake is not a WebSocket's".into()));
    }
    Ok(answer)
}

impl Socket {
    /// Sends a message of text.
    ///
    /// # Errors
    /// The connection broke, or does not take it within the deadline.
    pub async fn send(&mut self, text: &str) -> Result<(), HttpError> {
        let sent = self.stream.send(Message::text(text));
        let sent = tokio::time::timeout(self.limits.deadline, sent).await;
        sent.map_err(|_| HttpError::NoAnswer(self.limits.deadline))?
            .map_err(|error| failure(&error, self.limits))
    }

    /// The next message, waited for as long as `silence`. Pings are answered and do not count: a server that only keeps the
    /// connection open says nothing.
    ///
    /// # Errors
    /// Nothing came, the message is longer than the limit, or the connection ended.
    pub async fn next(&mut self, silence: Duration) -> Result<Bytes, HttpError> {
        let message = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(Bytes::from(text)),
                    Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                    Some(Ok(Message::Close(_))) | None => {
                        return Err(HttpError::Broken("it was closed by the other side".into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(failure(&error, self.limits)),
                }
            }
        };
        tokio::time::timeout(silence, message)
            .await
            .unwrap_or(Err(HttpError::NoAnswer(silence)))
    }
}

fn failure(error: &Error, limits: Limits) -> HttpError {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => HttpError::TooLarge(limits.size),
        other => HttpError::Broken(SafeText::new(&other.to_string())),
    }
}
