//! How the start message is brought to each participant exactly once.

use std::time::Duration;

use bytes::Bytes;

use super::http::{CallError, endpoint};
use crate::dkg::rockx::transcript::StartOutcome;
use crate::http::Http;
use crate::types::SafeText;

/// A reply is one sentence in JSON.
const MAX_REPLY: usize = 16 * 1024;
/// Refused connections are tried again this often, with growing pauses: the node may be coming up.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What became of one operator's start message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) status: Option<u16>,
    pub(crate) outcome: StartOutcome,
    pub(crate) text: SafeText,
}

impl Delivered {
    fn new(status: Option<u16>, outcome: StartOutcome, text: impl Into<SafeText>) -> Self {
        Self {
            status,
            outcome,
            text: text.into(),
        }
    }
}

/// Brings the start message to one node. Sent again only when no connection was made: a message that may have arrived is
/// never repeated, since a node that has finished would start a second session under the old request id.
pub(crate) async fn deliver(http: &Http, url: &str, body: &[u8], deadline: Duration) -> Delivered {
    let node = match endpoint(http, url, deadline, MAX_REPLY) {
        Ok(node) => node,
        Err(error) => return Delivered::new(None, StartOutcome::Unreachable, error.to_string()),
    };
    let body = Bytes::copy_from_slice(body);
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        let call = node.post("consume").body("application/json", body.clone());
        match call.send().await.map_err(CallError::from) {
            Ok(answer) if answer.status == 200 => {
                return Delivered::new(Some(200), StartOutcome::Started, "started");
            }
            Ok(answer) => {
                let text = SafeText::from_bytes(&answer.body);
                // "dkg started already", "signature protocol started already"
                let outcome = if text.as_str().contains("started already") {
                    StartOutcome::Started
                } else {
                    StartOutcome::Refused
                };
                let text = reason_of(&answer.body).unwrap_or(text);
                return Delivered::new(Some(answer.status), outcome, text);
            }
            Err(CallError::Unreachable(_) | CallError::Refused) if attempt < ATTEMPTS => {
                tokio::time::sleep(pause).await;
                pause *= 2;
                attempt += 1;
            }
            Err(error @ (CallError::Unreachable(_) | CallError::Refused)) => {
                return Delivered::new(None, StartOutcome::Unreachable, error.to_string());
            }
            Err(error) => return Delivered::new(None, StartOutcome::Unanswered, error.to_string()),
        }
    }
}

/// The `error` text of a node's JSON answer.
fn reason_of(body: &[u8]) -> Option<SafeText> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = value.get("error")?.as_str()?;
    (!text.is_empty()).then(|| SafeText::new(text))
}
