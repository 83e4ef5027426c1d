//! What a node says by itself: an event of a stream, a message to a subscriber. What rules make of it.

use serde_json::Value;

use super::board::Fired;
use super::scenario::Fault;
use super::wire::{Wire, Wrap};

/// Longest odd message: it is made in memory.
const MAX_ODD: u64 = 64 << 20;

/// What becomes of it, as far as the bytes go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Told,
    /// These bytes are told in its place.
    Instead(Vec<u8>),
    Lost,
    /// The connection is reset.
    Cut,
}

/// Applies the faults of the wire; waits where they say so.
pub(super) async fn pass(text: &[u8], wrap: &Wrap, fired: &mut [Fired]) -> Passage {
    for fired in fired {
        let rule = fired.rule();
        let Fault::Wire(wire) = &rule.fault else { continue };
        match wire {
            Wire::Delay(time) => {
                fired.strike(&format!("waited {} ms", time.as_millis()));
                tokio::time::sleep(*time).await;
            }
            Wire::Hang { .. } => {
                fired.strike("lost the message");
                return Passage::Lost;
            }
            Wire::Reset { .. } => {
                fired.strike("reset the connection");
                return Passage::Cut;
            }
            Wire::Half { bytes } => {
                let half = bytes
                    .and_then(|bytes| usize::try_from(bytes).ok())
                    .unwrap_or(text.len() / 2);
                let half = half.min(text.len());
                fired.strike(&format!("told {half} of {} bytes", text.len()));
                return Passage::Instead(text[..half].to_vec());
            }
            Wire::Status(status) => {
                fired.strike("told something else");
                return Passage::Instead(status.body().as_bytes().to_vec());
            }
            Wire::Odd(odd) => {
                if let Some(bytes) = odd.reply(wrap).body.collect(MAX_ODD) {
                    fired.strike(&odd.words());
                    return Passage::Instead(bytes);
                }
            }
            // these need an HTTP answer
            Wire::Slow { .. } | Wire::Headers { .. } | Wire::Window(_) | Wire::Redirect { .. } => {}
        }
    }
    Passage::Told
}

/// Applies the lies to the data of an event.
pub(super) fn lie(path: &str, data: &mut Value, fired: &mut [Fired]) {
    for fired in fired {
        let rule = fired.rule();
        if let Fault::Lie(lie) = &rule.fault {
            lie.rest(path, data, fired);
        }
    }
}
