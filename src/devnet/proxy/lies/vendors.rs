//! How vendors and clients refuse `eth_getLogs`: words and codes as they are reported of them in public.

use serde_json::{Value, json};

use super::hex;
use crate::devnet::proxy::rpc::Made;

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vendor {
    Drpc,
    Infura,
    Alchemy,
    AlchemyFree,
    QuickNode,
    Ankr,
    BlockPi,
    PublicNode,
    Reth,
    Geth,
    /// Whoever says to a question that is too dear that it is asked too often.
    TooOften,
}

pub(super) const VENDORS: &[(&str, Vendor)] = &[
    ("drpc", Vendor::Drpc),
    ("infura", Vendor::Infura),
    ("alchemy", Vendor::Alchemy),
    ("alchemy-free", Vendor::AlchemyFree),
    ("quicknode", Vendor::QuickNode),
    ("ankr", Vendor::Ankr),
    ("blockpi", Vendor::BlockPi),
    ("publicnode", Vendor::PublicNode),
    ("reth", Vendor::Reth),
    ("geth", Vendor::Geth),
    ("too-often", Vendor::TooOften),
];

/// What was asked for and what would have been answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Blocks or results.
    pub(super) limit: u64,
    pub(super) from: u64,
    /// The last block that would have been within the limit.
    pub(super) fits: u64,
}

impl Vendor {
    /// The error. Some send it with an HTTP status of its own.
    pub(super) fn refuse(self, asked: Asked) -> Made {
        let Asked { limit, from, fits } = asked;
        let range = format!("[{from:#x}, {fits:#x}]");
        let (code, words) = match self {
            // the spelling varies: "free tier", "freetier"
            Self::Drpc => (
                35,
                format!("ranges over {limit} blocks are not supported on free tier"),
            ),
            Self::Infura => (
                -32005,
                format!("query returned more than {limit} results. Try with this block range {range}."),
            ),
            Self::Alchemy => (
                -32602,
                format!(
                    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no \
                     limit on the response size, or you can request any block range with a cap of {limit} logs in the \
                     response. Based on your parameters and the response size limit, this block range should work: {range}"
                ),
            ),
            Self::AlchemyFree => (
                -32600,
                format!(
                    "You can make eth_getLogs requests with up to a {limit} block range. Based on your parameters, \
                     this block range should work: {range}"
                ),
            ),
            Self::QuickNode => (-32614, format!("eth_getLogs is limited to a {limit} range")),
            Self::Ankr => (-32000, "block range is too wide".to_owned()),
            Self::BlockPi => (-32602, format!("eth_getLogs is limited to {limit} block range")),
            Self::PublicNode => (-32701, format!("exceed maximum block range: {limit}")),
            Self::Reth => (-32602, format!("query exceeds max block range {limit}")),
            Self::Geth => (-32002, "request timed out".to_owned()),
            Self::TooOften => (-32005, "too many requests".to_owned()),
        };
        let mut error = json!({"code": code, "message": words});
        if self == Self::Infura {
            error["data"] = json!({"from": hex(from), "limit": limit, "to": hex(fits)});
        }
        Made {
            reply: json!({"error": error}),
            status: self.status(),
        }
    }

    fn status(self) -> Option<u16> {
        match self {
            Self::AlchemyFree => Some(400),
            Self::QuickNode => Some(413),
            Self::TooOften => Some(429),
            _ => None,
        }
    }
}

/// What nodes say of a range that ends behind their head, since 2024 all of them alike.
pub(super) fn beyond_head() -> Value {
    json!({"error": {"code": -32602, "message": "block range extends beyond current head block"}})
}
