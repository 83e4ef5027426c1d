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

/// Brings the start message to one node. A node says no in its own words, which every failure of it has (status 400 or 500
/// and a JSON object with `error`); a 5xx without them is of a proxy before it, which may have passed the message on and lost
/// the answer, so it is none. A 4xx is a no of either: whoever says so passed nothing on. Sent again only when no connection was made: a message that may have arrived is
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
                let own = reason_of(&answer.body);
                // "dkg started already", "signature protocol started already"
                let outcome = if text.as_str().contains("started already") {
                    StartOutcome::Started
                } else if own.is_none() && answer.status >= 500 {
                    StartOutcome::Unanswered
                } else {
                    StartOutcome::Refused
                };
                let text = match (own, outcome) {
                    (None, StartOutcome::Unanswered) => SafeText::new(&format!(
                        "answered {}, not in the words of a node: what stands before it may have passed the message on. {text}",
                        answer.status
                    )),
                    (None, _) if text.as_str().trim().is_empty() => {
                        SafeText::new(&format!("answered {} without a word", answer.status))
                    }
                    (own, _) => own.unwrap_or(text),
                };
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

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    /// What becomes of a start message that is answered so.
    async fn answered(status: u16, body: &'static str) -> (StartOutcome, String) {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = move || async move { (status, body) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let told = deliver(&Http::direct(), &url, b"start", Duration::from_secs(60)).await;
        assert_eq!(told.status, Some(status.as_u16()));
        (told.outcome, told.text.to_string())
    }

    #[tokio::test]
    async fn only_a_node_says_that_it_did_not_start_and_a_proxy_before_it_does_not_know() {
        const NGINX: &str = "<html><head><title>502 Bad Gateway</title></head></html>";
        for (status, body, outcome) in [
            (
                200,
                r#"{"error":null,"message":"processed"}"#,
                StartOutcome::Started,
            ),
            (500, r#"{"error":"dkg started already"}"#, StartOutcome::Started),
            (500, r#"{"error":"refused by policy"}"#, StartOutcome::Refused),
            (400, r#"{"error":"no SSZ"}"#, StartOutcome::Refused),
            (403, "forbidden", StartOutcome::Refused),
            (404, NGINX, StartOutcome::Refused),
            (307, "", StartOutcome::Refused),
            (413, NGINX, StartOutcome::Refused),
            (500, "", StartOutcome::Unanswered),
            (502, NGINX, StartOutcome::Unanswered),
            (
                503,
                "upstream connect error or disconnect/reset before headers",
                StartOutcome::Unanswered,
            ),
            (
                504,
                r#"{"message":"Endpoint request timed out"}"#,
                StartOutcome::Unanswered,
            ),
            (524, "a timeout occurred", StartOutcome::Unanswered),
        ] {
            let (got, text) = answered(status, body).await;
            assert_eq!(got, outcome, "{status} {body}: {text}");
            assert!(!text.is_empty(), "{status} {body}");
            assert!(
                got != StartOutcome::Unanswered || text.contains("may have passed the message on"),
                "{text}"
            );
        }
    }
}
