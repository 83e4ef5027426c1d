//! The event stream of the nodes: a reason to look at the state, never more.

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Beacon, Node, NodeError};
use crate::http::HttpError;
use crate::ports::consensus::{Hint, SignedExit, decimal};
use crate::types::SafeText;

/// Longest line of a stream; longer ones end the connection.
const MAX_LINE: usize = 64 << 10;
/// Blocks come every few seconds: a stream that is silent for this long is taken for dead.
const SILENCE: Duration = Duration::from_secs(90);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// What is listened to; the last is left out where a node does not know it: a reorganisation is a new head too.
const TOPICS: [&str; 4] = ["head", "finalized_checkpoint", "voluntary_exit", "chain_reorg"];

impl Beacon {
    /// Listens to one node, again and again, until nobody receives any more.
    pub(super) async fn listen_to(&self, index: usize, out: mpsc::Sender<Hint>) {
        let node = &self.inner.nodes[index];
        let mut pause = FIRST_PAUSE;
        let mut said = false;
        let mut topics = &TOPICS[..];
        loop {
            let (mut heard, begun) = (false, Instant::now());
            let error = match self.check_chain(node).await {
                Ok(()) => stream(node, topics, &out, &mut heard).await,
                Err(error) => error,
            };
            if out.is_closed() {
                return;
            }
            let old = matches!(error, NodeError::Http(HttpError::Status { status: 400, .. }));
            if old && topics.len() == TOPICS.len() {
                topics = &TOPICS[..TOPICS.len() - 1];
                continue;
            }
            if heard {
                said = false;
            }
            // one that ends each stream after a word is not asked for the next one at once, again and again
            if heard && begun.elapsed() >= MAX_PAUSE {
                pause = FIRST_PAUSE;
            }
            if !said {
                let (name, reason) = (node.name.clone(), SafeText::new(&error.to_string()));
                if let Some(left_out) = node.stream_line() {
                    tracing::warn!(target: "beacon", node = %name, %reason, left_out, "event stream lost");
                }
                if out.send(Hint::Lost { node: name, reason }).await.is_err() {
                    return;
                }
                said = true;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }
}

/// Reads one connection until it ends; says why it did.
async fn stream(node: &Node, topics: &[&str], out: &mpsc::Sender<Hint>, heard: &mut bool) -> NodeError {
    let call = node.get("/eth/v1/events").header("accept", "text/event-stream");
    // repeated, because a comma list is an empty stream with one client
    let call = topics
        .iter()
        .fold(call, |call, topic| call.query("topics", topic));
    let mut response = match call.stream(SILENCE).await {
        Ok(response) => response,
        Err(error) => return error.into(),
    };
    let mut lines = Lines::default();
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return HttpError::Broken("the node ended the stream".into()).into(),
            Err(error) => return error.into(),
        };
        let Some(hints) = lines.push(&chunk) else {
            return HttpError::TooLarge(MAX_LINE).into();
        };
        for hint in hints {
            *heard = true;
            if out.send(hint).await.is_err() {
                return HttpError::Broken("nobody listens".into()).into();
            }
        }
    }
}

/// The part of the server-sent events format that is in use: `event:` and `data:` lines, an empty line after each.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    event: String,
    data: String,
}

impl Lines {
    /// The hints that `chunk` completes; none when a line is too long.
    fn push(&mut self, chunk: &[u8]) -> Option<Vec<Hint>> {
        let mut hints = Vec::new();
        self.rest.extend_from_slice(chunk);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if let Some(event) = line.strip_prefix("event:") {
                self.event = event.trim().to_owned();
            } else if let Some(data) = line.strip_prefix("data:") {
                if self.data.len() + data.len() > MAX_LINE {
                    return None;
                }
                self.data.push_str(data.trim_start());
            } else if line.is_empty() {
                hints.extend(hint(&self.event, &self.data));
                self.event.clear();
                self.data.clear();
            }
        }
        (self.rest.len() <= MAX_LINE).then_some(hints)
    }
}

fn hint(event: &str, data: &str) -> Option<Hint> {
    #[derive(Deserialize)]
    struct Slot {
        #[serde(with = "decimal")]
        slot: u64,
        #[serde(default)]
        epoch_transition: bool,
    }
    #[derive(Deserialize)]
    struct Depth {
        #[serde(with = "decimal")]
        depth: u64,
    }
    #[derive(Deserialize)]
    struct Epoch {
        #[serde(with = "decimal")]
        epoch: u64,
    }
    match event {
        "head" => serde_json::from_str(data).ok().map(|head: Slot| Hint::Head {
            slot: head.slot,
            epoch_transition: head.epoch_transition,
        }),
        "chain_reorg" => serde_json::from_str(data)
            .ok()
            .map(|Depth { depth }| Hint::Reorganised { depth }),
        "finalized_checkpoint" => serde_json::from_str(data)
            .ok()
            .map(|Epoch { epoch }| Hint::Finalized { epoch }),
        "voluntary_exit" => serde_json::from_str::<SignedExit>(data)
            .ok()
            .map(|exit| Hint::VoluntaryExit {
                validator_index: exit.message.validator_index,
            }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = b": hello\n\nevent: head\r\ndata: {\"slot\":\"7\",\"block\":\"0x\"}\r\n\r\nevent: unknown\ndata: {}\n\n\
            event: finalized_checkpoint\ndata: {\"epoch\":\"2\"}\n\nevent: head\ndata: nonsense\n\n\
            event: chain_reorg\ndata: {\"slot\":\"9\",\"depth\":\"3\"}\n\n\
            event: head\ndata: {\"slot\":\"8\",\"epoch_transition\":true}\n\n";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let all: Vec<_> = text
                .chunks(size)
                .flat_map(|chunk| lines.push(chunk).unwrap())
                .collect();
            assert_eq!(
                all,
                [
                    Hint::Head {
                        slot: 7,
                        epoch_transition: false
                    },
                    Hint::Finalized { epoch: 2 },
                    Hint::Reorganised { depth: 3 },
                    Hint::Head {
                        slot: 8,
                        epoch_transition: true
                    },
                ],
                "pieces of {size}"
            );
        }
        let mut lines = Lines::default();
        assert!(
            (0..100).any(|_| lines.push(&[b'x'; 1000]).is_none()),
            "endless lines end"
        );
    }
}
