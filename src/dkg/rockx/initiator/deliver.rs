//! How the start message is brought to each participant exactly once.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;

use super::http::{CallError, PAUSES, again_if_broken, endpoint};
use crate::dkg::rockx::messenger::is_this_program;
use crate::dkg::rockx::transcript::StartOutcome;
use crate::http::{Endpoint, Http};
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

/// Brings the start message to one node. A message that may have arrived is not sent again to a node of RockX: one that has
/// finished would start a second session under the old request id. Our own node never does, so it is told again after a
/// connection that broke, which a port under attack closes with the message half read. Whoever made no connection, or was
/// refused unread for want of room (429), passed nothing on, and is told again in any case.
pub(crate) async fn deliver(http: &Http, url: &str, body: &[u8], deadline: Duration) -> Delivered {
    let node = match endpoint(http, url, deadline, MAX_REPLY) {
        Ok(node) => node,
        Err(error) => return Delivered::new(None, StartOutcome::Unreachable, error.to_string()),
    };
    let body = Bytes::copy_from_slice(body);
    let mut pauses = (0..ATTEMPTS - 1).map(|attempt| FIRST_PAUSE * 2_u32.pow(attempt));
    let mut breaks = PAUSES.into_iter();
    let mut may_have_arrived = false;
    loop {
        let call = node.post("consume").body("application/json", body.clone());
        let told = call.send().await.map_err(CallError::from);
        let unsent = match &told {
            Ok(answer) => answer.status == StatusCode::TOO_MANY_REQUESTS,
            Err(error) => matches!(error, CallError::Unreachable(_) | CallError::Refused),
        };
        let pause = match &told {
            _ if unsent => pauses.next(),
            Err(CallError::Broken(_)) if is_ours(&node).await => {
                may_have_arrived = true;
                breaks.next()
            }
            _ => None,
        };
        match (pause, told) {
            (Some(pause), _) => tokio::time::sleep(pause).await,
            (None, Ok(answer)) => {
                let mut told = judge(answer.status, &answer.body, may_have_arrived);
                if unsent && may_have_arrived {
                    told.outcome = StartOutcome::Unanswered;
                }
                return told;
            }
            (None, Err(error)) => {
                let outcome = if unsent && !may_have_arrived {
                    StartOutcome::Unreachable
                } else {
                    StartOutcome::Unanswered
                };
                return Delivered::new(None, outcome, error.to_string());
            }
        }
    }
}

/// Whether this program answers there itself, and no proxy in its place.
async fn is_ours(node: &Endpoint) -> bool {
    let answer = again_if_broken(|| node.get("ping").send()).await;
    answer.is_ok_and(|answer| is_this_program(&answer.headers))
}

/// What a node's answer means. It says no in its own words, which every failure of it has (status 400 or 500 and a JSON object
/// with `error`); a 5xx without them is of a proxy before it, which may have passed the message on and lost the answer, so it is
/// none. A 4xx is a no of either: whoever says so passed nothing on.
fn judge(status: u16, body: &[u8], may_have_arrived: bool) -> Delivered {
    if status == 200 {
        return Delivered::new(Some(200), StartOutcome::Started, "started");
    }
    let text = SafeText::from_bytes(body);
    let own = reason_of(body);
    // "dkg started already", "signature protocol started already", and what our node says of a run that is over
    let is_known = text.as_str().contains("started already")
        || may_have_arrived && text.as_str().contains("was used before");
    let outcome = if is_known {
        StartOutcome::Started
    } else if own.is_none() && status >= 500 {
        StartOutcome::Unanswered
    } else {
        StartOutcome::Refused
    };
    let text = match (own, outcome) {
        (None, StartOutcome::Unanswered) => SafeText::new(&format!(
            "answered {status}, not in the words of a node: what stands before it may have passed the message on. {text}"
        )),
        (None, _) if text.as_str().trim().is_empty() => {
            SafeText::new(&format!("answered {status} without a word"))
        }
        (own, _) => own.unwrap_or(text),
    };
    Delivered::new(Some(status), outcome, text)
}

/// The `error` text of a node's JSON answer.
fn reason_of(body: &[u8]) -> Option<SafeText> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = value.get("error")?.as_str()?;
    (!text.is_empty()).then(|| SafeText::new(text))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::dkg::rockx::messenger::SERVER_NAME;

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

    /// A node that calls itself so, what it answers to each start message (`None`: the connection ends without a word; the
    /// last one is for all that follow), and how many start messages it read.
    async fn node(
        server: &'static str,
        answers: &[Option<(u16, &'static str)>],
    ) -> (String, Arc<Mutex<usize>>) {
        let answers: VecDeque<_> = answers.iter().copied().collect();
        let told = Arc::<Mutex<usize>>::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (mut answers, counted) = (answers, Arc::clone(&told));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                let answer = if request[..length].starts_with(b"GET /ping ") {
                    Some((200, r#"{"message":"pong"}"#))
                } else {
                    *counted.lock().unwrap() += 1;
                    match answers.len() {
                        1 => answers[0],
                        _ => answers.pop_front().unwrap(),
                    }
                };
                let Some((status, body)) = answer else { continue };
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} X\r\nserver: {server}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        });
        (url, told)
    }

    /// What becomes of the start message there, and how often it was said.
    async fn told(server: &'static str, answers: &[Option<(u16, &'static str)>]) -> (StartOutcome, usize) {
        let (url, told) = node(server, answers).await;
        let delivered = deliver(&Http::direct(), &url, b"start", Duration::from_secs(60)).await;
        let times = *told.lock().unwrap();
        (delivered.outcome, times)
    }

    const STARTED: Option<(u16, &str)> = Some((200, r#"{"error":null,"message":"processed"}"#));
    const USED: Option<(u16, &str)> = Some((
        500,
        r#"{"error":"request id ab was used before and is never used again"}"#,
    ));
    const NO_ROOM: Option<(u16, &str)> = Some((429, ""));

    #[tokio::test]
    async fn our_own_node_is_told_again_when_the_connection_broke_and_nobody_else() {
        for (server, answers, expected) in [
            (
                SERVER_NAME,
                &[None, None, STARTED][..],
                (StartOutcome::Started, 3),
            ),
            // the first one had arrived
            (SERVER_NAME, &[None, USED], (StartOutcome::Started, 2)),
            (SERVER_NAME, &[None], (StartOutcome::Unanswered, 5)),
            ("gin", &[None, STARTED], (StartOutcome::Unanswered, 1)),
            ("nginx", &[None, STARTED], (StartOutcome::Unanswered, 1)),
            // nothing of ours had arrived before
            (SERVER_NAME, &[USED], (StartOutcome::Refused, 1)),
        ] {
            assert_eq!(told(server, answers).await, expected, "{server}: {answers:?}");
        }
    }

    #[tokio::test]
    async fn whoever_has_no_room_is_told_again() {
        for (server, answers, expected) in [
            (
                "gin",
                &[NO_ROOM, NO_ROOM, STARTED][..],
                (StartOutcome::Started, 3),
            ),
            ("nginx", &[NO_ROOM], (StartOutcome::Refused, 4)),
            // the first one may have arrived
            (SERVER_NAME, &[None, NO_ROOM], (StartOutcome::Unanswered, 5)),
        ] {
            assert_eq!(told(server, answers).await, expected, "{server}: {answers:?}");
        }
    }
}
