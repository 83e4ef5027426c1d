//! Streams of events (server-sent events): each event is looked at by itself, and a standing stream falls silent or is
//! cut when a rule that hangs or resets such calls comes into force.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::board::Fired;
use super::desk::{Desk, head_of};
use super::event::{self, Passage};
use super::exchange::End;
use super::http::{Conn, Gone, Request, start_chunks};
use super::scenario::{Call, Fault};
use super::wire::{Wire, Wrap};

/// Longest event; a stream with a longer one is cut.
const MAX_EVENT: usize = 1 << 20;
/// How often a standing connection looks whether a rule's time has come.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// It is a stream of events: its body has no end.
pub(super) fn is_stream(response: &reqwest::Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Serves a stream until one side ends it.
pub(super) async fn serve(
    desk: &Desk,
    conn: &mut Conn,
    request: &Request,
    opening: &Call,
    mut response: reqwest::Response,
) -> Result<End, Gone> {
    let reply = head_of(&response);
    start_chunks(conn, reply.status, &reply.headers).await?;
    let mut silent: Option<Fired> = None;
    let mut changes = desk.board.changes();
    let mut early = Vec::new();
    loop {
        tokio::select! {
            chunk = response.chunk() => {
                let Ok(Some(chunk)) = chunk else {
                    conn.write(b"0\r\n\r\n").await?;
                    return Ok(End::Close);
                };
                early.extend_from_slice(&chunk);
                while let Some(event) = next_event(&mut early) {
                    match told(desk, request, event, silent.is_some()).await {
                        Some(bytes) => chunk_out(conn, &bytes).await?,
                        None => return Ok(End::Reset),
                    }
                }
                if early.len() > MAX_EVENT {
                    return Ok(End::Reset);
                }
            }
            () = conn.left() => return Err(Gone::Client),
            _ = changes.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        match standing(desk, opening, &mut silent) {
            Standing::Cut => return Ok(End::Reset),
            Standing::On => {}
        }
    }
}

/// Whether a standing connection stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    On,
    Cut,
}

/// Looks for rules that cut or silence what stands. `silent` is the rule that silences it now.
pub(super) fn standing(desk: &Desk, opening: &Call, silent: &mut Option<Fired>) -> Standing {
    let Some(mut fired) = desk.standing(opening) else {
        *silent = None;
        return Standing::On;
    };
    if matches!(fired.fault(), Fault::Wire(Wire::Reset { .. })) {
        fired.strike("cut the standing connection");
        return Standing::Cut;
    }
    if silent.is_none() {
        fired.strike("silenced the standing connection");
        *silent = Some(fired);
    }
    Standing::On
}

/// An event with the empty line after it, cut from the front.
fn next_event(early: &mut Vec<u8>) -> Option<Vec<u8>> {
    let unix = early
        .windows(2)
        .position(|window| window == b"\n\n")
        .map(|at| at + 2);
    let net = early
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4);
    let end = match (unix, net) {
        (Some(unix), Some(net)) => unix.min(net),
        (unix, net) => unix.or(net)?,
    };
    Some(early.drain(..end).collect())
}

/// The bytes to send for an event; none to cut the stream. What comes to one that is silent counts, and nothing is sent.
async fn told(desk: &Desk, request: &Request, bytes: Vec<u8>, is_silent: bool) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let field = |name: &str| -> Vec<&str> {
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        lines
            .map(|value| value.strip_prefix(' ').unwrap_or(value))
            .collect()
    };
    let data = field("data").join("\n");
    if data.is_empty() {
        // a comment that keeps the connection open
        return Some(if is_silent { Vec::new() } else { bytes });
    }
    let name = field("event").last().map_or("message", |name| name).to_owned();
    let call = Call::Event {
        path: request.path().to_owned(),
        name: name.clone(),
    };
    desk.count(&call);
    if is_silent {
        return Some(Vec::new());
    }
    let mut fired = desk.decide(&call);
    let mut lied = serde_json::from_str::<Value>(&data).ok();
    if let Some(data) = &mut lied {
        event::lie(request.path(), data, &mut fired);
    }
    let changed = lied.filter(|lied| serde_json::from_str::<Value>(&data).ok().as_ref() != Some(lied));
    let text = changed.as_ref().map_or_else(|| data.clone(), Value::to_string);
    match event::pass(text.as_bytes(), &Wrap::Data, &mut fired).await {
        Passage::Told if changed.is_none() => Some(bytes),
        Passage::Told => Some(format!("event: {name}\ndata: {text}\n\n").into_bytes()),
        Passage::Instead(odd) => {
            let head = format!("event: {name}\ndata: ").into_bytes();
            Some([head, odd, b"\n\n".to_vec()].concat())
        }
        Passage::Lost => Some(Vec::new()),
        Passage::Cut => None,
    }
}

async fn chunk_out(conn: &mut Conn, bytes: &[u8]) -> Result<(), Gone> {
    if bytes.is_empty() {
        // a chunk without bytes would be the end
        return Ok(());
    }
    let head = format!("{:x}\r\n", bytes.len()).into_bytes();
    conn.write(&[&head, bytes, b"\r\n"].concat()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_at_empty_lines() {
        let mut early = b": hi\n\nevent: head\r\ndata: {}\r\n\r\nevent: he".to_vec();
        assert_eq!(next_event(&mut early).unwrap(), b": hi\n\n");
        assert_eq!(
            next_event(&mut early).unwrap(),
            b"event: head\r\ndata: {}\r\n\r\n"
        );
        assert_eq!(next_event(&mut early), None);
        assert_eq!(early, b"event: he");
    }
}
