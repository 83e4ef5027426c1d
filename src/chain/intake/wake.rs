//! A WebSocket that hears of new heads and does nothing but wake the poller. It may drop, stall or talk nonsense:
//! nothing is missed by that, only later.

use std::sync::Arc;
use std::time::Duration;

use alloy::providers::{Provider, ProviderBuilder, WsConnect};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::{IntakeEvent, SocketState};
use crate::types::{RedactedUrl, SafeText, in_words};

/// A socket that says nothing for this long is taken for dead.
const SILENCE: Duration = Duration::from_secs(120);
/// First pause before connecting again; doubles up to a minute.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const CONNECT: Duration = Duration::from_secs(10);

/// The socket's task; dropped, it ends.
pub(super) struct Socket(JoinHandle<()>);

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Socket {
    pub(super) fn spawn(
        url: RedactedUrl,
        chain_id: u64,
        woken: Arc<Notify>,
        out: mpsc::Sender<IntakeEvent>,
    ) -> Self {
        Self(tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            let mut said_down = false;
            loop {
                let mut connected = false;
                let reason = listen(&url, chain_id, &woken, &out, &mut connected).await;
                if connected {
                    pause = FIRST_PAUSE;
                    said_down = false;
                }
                if !said_down {
                    tracing::warn!(target: "chain", socket = %url, %reason, "wake-up socket is down, polling goes on");
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

/// Connects and listens until something ends it; says what.
async fn listen(
    url: &RedactedUrl,
    chain_id: u64,
    woken: &Notify,
    out: &mpsc::Sender<IntakeEvent>,
    connected: &mut bool,
) -> SafeText {
    let connect = WsConnect::new(url.expose()).with_max_retries(0);
    // errors of the transport may hold the URL, and with it a key
    let hidden = |text: String| SafeText::new(&text.replace(url.expose(), &url.to_string()));
    let subscribe = async {
        let provider = ProviderBuilder::new().connect_ws(connect).await?;
        let id = provider.get_chain_id().await?;
        let heads = provider.subscribe_blocks().await?;
        Ok::<_, alloy::transports::TransportError>((provider, id, heads))
    };
    let (_provider, id, mut heads) = match tokio::time::timeout(CONNECT, subscribe).await {
        Ok(Ok(parts)) => parts,
        Ok(Err(error)) => return hidden(error.to_string()),
        Err(_) => return SafeText::new(&format!("no connection within {}", in_words(CONNECT))),
    };
    if id != chain_id {
        return SafeText::new(&format!("serves chain {id}, expected {chain_id}"));
    }
    *connected = true;
    tracing::info!(target: "chain", socket = %url, "wake-up socket connected");
    if out
        .send(IntakeEvent::Socket(SocketState::Connected))
        .await
        .is_err()
    {
        return "the receiver is gone".into();
    }
    // whatever happened while it was down
    woken.notify_one();
    loop {
        match tokio::time::timeout(SILENCE, heads.recv_any()).await {
            Ok(Ok(_)) => woken.notify_one(),
            Ok(Err(tokio::sync::broadcast::error::RecvError::Lagged(_))) => woken.notify_one(),
            Ok(Err(error)) => return hidden(error.to_string()),
            Err(_) => return SafeText::new(&format!("silent for {}", in_words(SILENCE))),
        }
    }
}
