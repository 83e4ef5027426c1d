//! An answer, and the ways to send it.

use std::time::Duration;

use reqwest::StatusCode;

use super::conn::{Conn, Gone};

/// An answer.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Reply {
    pub(in crate::devnet::proxy) status: u16,
    pub(in crate::devnet::proxy) headers: Vec<(String, String)>,
    pub(in crate::devnet::proxy) body: Body,
}

#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) enum Body {
    /// As it is.
    Bytes(Vec<u8>),
    /// Made while it is sent, so that a huge body costs the proxy nothing: head, then the unit so many times, then tail.
    Repeat {
        head: Vec<u8>,
        unit: &'static [u8],
        times: u64,
        tail: Vec<u8>,
    },
}

/// How fast and how far a body is sent.
#[derive(Debug, Clone, Copy)]
pub(in crate::devnet::proxy) enum Pace {
    /// At once and whole.
    Whole,
    /// So many bytes, then the connection is closed. The announced length is that of the whole.
    Cut(Option<u64>),
    /// One byte each time.
    Drip(Duration),
}

impl Body {
    pub(in crate::devnet::proxy) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Repeat {
                head,
                unit,
                times,
                tail,
            } => (head.len() + tail.len()) as u64 + unit.len() as u64 * times,
        }
    }

    /// The body in memory, if it is not longer than `limit`.
    pub(in crate::devnet::proxy) fn collect(self, limit: u64) -> Option<Vec<u8>> {
        if self.len() > limit {
            return None;
        }
        Some(match self {
            Self::Bytes(bytes) => bytes,
            Self::Repeat {
                mut head,
                unit,
                times,
                tail,
            } => {
                for _ in 0..times {
                    head.extend_from_slice(unit);
                }
                head.extend(tail);
                head
            }
        })
    }
}

impl Reply {
    /// An answer with a body of this type.
    pub(in crate::devnet::proxy) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: Body::Bytes(body.into()),
        }
    }

    pub(in crate::devnet::proxy) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// The body as JSON, if it is that.
    pub(in crate::devnet::proxy) fn value(&self) -> Option<serde_json::Value> {
        match &self.body {
            Body::Bytes(bytes) => serde_json::from_slice(bytes).ok(),
            Body::Repeat { .. } => None,
        }
    }

    /// Sends it. `head_only` is for answers to HEAD.
    pub(in crate::devnet::proxy) async fn send(
        self,
        conn: &mut Conn,
        pace: Pace,
        head_only: bool,
        keep_alive: bool,
    ) -> Result<(), Gone> {
        let mut head = head(self.status, &self.headers);
        head.extend(format!("content-length: {}\r\n", self.body.len()).bytes());
        if !keep_alive {
            head.extend(b"connection: close\r\n");
        }
        head.extend(b"\r\n");
        conn.write(&head).await?;
        if head_only {
            return Ok(());
        }
        let left = match pace {
            Pace::Cut(after) => after.unwrap_or(self.body.len() / 2).min(self.body.len()),
            _ => self.body.len(),
        };
        let drip = match pace {
            Pace::Drip(each) => Some(each),
            _ => None,
        };
        let mut outlet = Outlet { conn, left, drip };
        match self.body {
            Body::Bytes(bytes) => outlet.write(&bytes).await?,
            Body::Repeat {
                head,
                unit,
                times,
                tail,
            } => {
                outlet.write(&head).await?;
                outlet.repeat(unit, times).await?;
                outlet.write(&tail).await?;
            }
        }
        match pace {
            Pace::Cut(_) => Err(Gone::Cut),
            Pace::Whole | Pace::Drip(_) => Ok(()),
        }
    }
}

struct Outlet<'a> {
    conn: &'a mut Conn,
    left: u64,
    drip: Option<Duration>,
}

impl Outlet<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let length = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let bytes = &bytes[..length];
        self.left -= length as u64;
        let Some(each) = self.drip else {
            return self.conn.write(bytes).await;
        };
        for byte in bytes {
            tokio::select! {
                () = tokio::time::sleep(each) => {}
                () = self.conn.left() => return Err(Gone::Client),
            }
            self.conn.write(std::slice::from_ref(byte)).await?;
        }
        Ok(())
    }

    async fn repeat(&mut self, unit: &[u8], times: u64) -> Result<(), Gone> {
        const PIECE: u64 = 64 << 10;
        let per_piece = (PIECE / unit.len().max(1) as u64).max(1);
        let mut times = times;
        while times > 0 && self.left > 0 {
            let now = times.min(per_piece);
            // at most `PIECE` bytes, or one unit
            let piece = unit.repeat(usize::try_from(now).unwrap_or(1));
            self.write(&piece).await?;
            times -= now;
        }
        Ok(())
    }
}

fn head(status: u16, headers: &[(String, String)]) -> Vec<u8> {
    let phrase = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let mut head = format!("HTTP/1.1 {status} {}\r\n", phrase.unwrap_or("Odd"));
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.into_bytes()
}

/// Sends the head of an answer whose length is not known; its body follows in chunks.
pub(in crate::devnet::proxy) async fn start_chunks(
    conn: &mut Conn,
    status: u16,
    headers: &[(String, String)],
) -> Result<(), Gone> {
    let mut head = head(status, headers);
    head.extend(b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    conn.write(&head).await
}
