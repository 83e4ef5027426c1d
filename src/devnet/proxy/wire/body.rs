//! Bodies that no client should read to their end, or believe.

use serde_json::Value;

use super::gzip;
use crate::devnet::proxy::http::{Body, Reply};
use crate::devnet::proxy::scenario::{Reader, Table};

/// An odd body.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) enum Odd {
    /// A JSON string of so many bytes.
    Huge { bytes: u64 },
    /// A gzip file that grows to so many bytes of zeros.
    Bomb { bytes: u64 },
    /// JSON arrays within each other.
    Deep { depth: u64 },
    /// A JSON string that is no UTF-8.
    NotUtf8,
}

/// What stands around the odd part, so that it is where an honest answer would be.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) enum Wrap {
    /// `{"data": …}`, as beacon nodes answer.
    Data,
    /// The JSON-RPC answer to the call of this id.
    Rpc { id: Value },
}

/// Escape sequences of a terminal, and bytes that never occur in UTF-8.
const NOT_UTF8: &[u8] = b"\"\xff\xfe\xc3\x28\xf0\x28\x8c\xbc\x1b]52;c;cHduZWQ=\x07\"";

impl Odd {
    pub(super) fn huge(r: &mut Reader<'_>, t: &mut Table<'_>) -> Self {
        Self::Huge {
            bytes: t.number(r, "bytes", 16 << 30).unwrap_or(256 << 20),
        }
    }

    pub(super) fn bomb(r: &mut Reader<'_>, t: &mut Table<'_>) -> Self {
        Self::Bomb {
            bytes: t.number(r, "bytes", 4 << 30).unwrap_or(1 << 30),
        }
    }

    pub(super) fn deep(r: &mut Reader<'_>, t: &mut Table<'_>) -> Self {
        Self::Deep {
            depth: t.number(r, "depth", 8 << 20).unwrap_or(100_000),
        }
    }

    pub(in crate::devnet::proxy) fn words(&self) -> String {
        match self {
            Self::Huge { bytes } => format!("answered with {bytes} bytes"),
            Self::Bomb { bytes } => format!("answered with gzip that grows to {bytes} bytes"),
            Self::Deep { depth } => format!("answered with JSON {depth} levels deep"),
            Self::NotUtf8 => "answered with what is no UTF-8".to_owned(),
        }
    }

    pub(in crate::devnet::proxy) fn reply(&self, wrap: &Wrap) -> Reply {
        let (before, after) = match wrap {
            Wrap::Data => (r#"{"data":"#.to_owned(), "}"),
            Wrap::Rpc { id } => (format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"#), "}"),
        };
        let mut reply = Reply::new(200, "application/json", Vec::new());
        reply.body = match self {
            Self::Huge { bytes } => Body::Repeat {
                head: format!("{before}\"").into_bytes(),
                unit: b"a",
                times: *bytes,
                tail: format!("\"{after}").into_bytes(),
            },
            Self::Bomb { bytes } => {
                reply
                    .headers
                    .push(("content-encoding".to_owned(), "gzip".to_owned()));
                Body::Bytes(gzip::zeros(*bytes))
            }
            Self::Deep { depth } => {
                // the closing half is missing: a reader that comes that far has lost already
                Body::Repeat {
                    head: before.into_bytes(),
                    unit: b"[",
                    times: *depth,
                    tail: Vec::new(),
                }
            }
            Self::NotUtf8 => Body::Bytes([before.as_bytes(), NOT_UTF8, after.as_bytes()].concat()),
        };
        reply
    }
}
