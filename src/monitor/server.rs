//! A server that is as small as its three answers: one request a connection, a head of a few kilobytes that comes within
//! a few seconds, and so many connections at once. Whoever comes when all are taken gets the place of one that has not
//! asked yet, the oldest of the address that has the most of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Probe, Verdict};
use crate::listen::{Bounds, Connection, Listener};

/// Prometheus asks one at a time; the rest is room for probes and people, and for whoever begins and says no more.
const CONNECTIONS: usize = 64;
/// How long one connection may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    /// From the connection to the end of the head, which is one packet.
    pub(super) head: Duration,
    /// From the head to the last byte of the answer.
    pub(super) answer: Duration,
}

/// Whoever waits for a place waits no longer than a head may take, and a supervisor that asks whether it lives has not given
/// up by then.
pub(super) const DEADLINES: Deadlines = Deadlines {
    head: Duration::from_secs(2),
    answer: Duration::from_secs(10),
};
/// Longest head in bytes.
const HEAD: usize = 8 << 10;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Runs until it is dropped, its connections with it.
pub(super) async fn serve(tcp: TcpListener, probe: Arc<dyn Probe>, deadlines: Deadlines) {
    let mut listener = Listener::new("monitor", tcp, bounds(deadlines), Vec::new());
    let mut connections = JoinSet::new();
    loop {
        let (connection, _) = listener.next().await;
        while connections.try_join_next().is_some() {}
        let probe = Arc::clone(&probe);
        connections.spawn(async move { converse(connection, &*probe, deadlines).await });
    }
}

/// Nobody has all places: the last ones are for clients that have none yet.
pub(super) fn bounds(deadlines: Deadlines) -> Bounds {
    let Deadlines { head, answer } = deadlines;
    Bounds {
        trickling: Duration::ZERO,
        ..Bounds::new(CONNECTIONS, head + answer, head)
    }
}

/// Whoever is too slow or breaks off is left without an answer.
async fn converse(mut stream: Connection, probe: &dyn Probe, deadlines: Deadlines) {
    let Ok(Ok(head)) = tokio::time::timeout(deadlines.head, read_head(&mut stream)).await else {
        return;
    };
    let answer = answer(head.as_deref(), probe);
    let _ = tokio::time::timeout(deadlines.answer, async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    })
    .await;
}

/// The head, up to the empty line; `None` where it is too long.
async fn read_head(stream: &mut Connection) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    loop {
        let mut piece = [0; 1_024];
        let read = stream.read(&mut piece).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&piece[..read]);
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(Some(head));
        }
        if head.len() > HEAD {
            return Ok(None);
        }
    }
}

fn answer(head: Option<&[u8]>, probe: &dyn Probe) -> Vec<u8> {
    let Some(head) = head else {
        return written(
            "431 Request Header Fields Too Large",
            PLAIN,
            "the head is too long\n",
            true,
        );
    };
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let version = words.next().unwrap_or_default();
    if !version.starts_with("HTTP/1.") || words.next().is_some() {
        return written("400 Bad Request", PLAIN, "this is not HTTP/1.1\n", true);
    }
    if method != "GET" && method != "HEAD" {
        return written("405 Method Not Allowed", PLAIN, "only GET and HEAD\n", true);
    }
    let with_body = method == "GET";
    let path = target.split('?').next().unwrap_or_default();
    match path {
        "/metrics" => written("200 OK", TEXT, &probe.metrics(), with_body),
        "/livez" => verdict(&probe.live(), with_body),
        "/readyz" => verdict(&probe.ready(), with_body),
        _ => written(
            "404 Not Found",
            PLAIN,
            "/metrics, /livez and /readyz\n",
            with_body,
        ),
    }
}

fn verdict(verdict: &Verdict, with_body: bool) -> Vec<u8> {
    let status = match verdict.yes {
        true => "200 OK",
        false => "503 Service Unavailable",
    };
    written(status, JSON, &format!("{}\n", verdict.body), with_body)
}

fn written(status: &str, media_type: &str, body: &str, with_body: bool) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\ncache-control: no-store\r\n\
         connection: close\r\n\r\n"
    );
    let body = if with_body { body } else { "" };
    [head.as_bytes(), body.as_bytes()].concat()
}
