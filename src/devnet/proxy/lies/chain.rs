//! Another chain: its id, its first block.

use serde_json::{Value, json};

use super::{hex, result_of};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::rpc::RpcCall;
use crate::devnet::proxy::scenario::{Reader, Table};

/// What tells the id of the chain.
pub(super) const CHAIN_ID: [&str; 2] = ["eth_chainId", "net_version"];

/// The node serves another chain, or says so.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct ChainId(u64);

impl ChainId {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let id = t.number(r, "id", u64::MAX);
        t.required(r, "id", "the chain id that is claimed");
        id.map(Self)
    }

    pub(super) fn after(&self, call: &RpcCall, reply: &mut Value, fired: &mut Fired) {
        let Some(result) = result_of(call, reply) else {
            return;
        };
        // `net_version` is written in decimal
        *result = if call.method == "net_version" {
            json!(self.0.to_string())
        } else {
            hex(self.0)
        };
        fired.strike(&format!("claimed chain {}", self.0));
    }
}

/// Block 0, or the root of the first validators, is another.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Genesis(String);

impl Genesis {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Self {
        let root = t
            .text(r, "root")
            .unwrap_or_else(|| format!("0x{}", "66".repeat(32)));
        if root.len() != 66 || !root.starts_with("0x") {
            t.wrong(r, "root", "expected 32 bytes in hexadecimal");
        }
        Self(root)
    }

    pub(super) fn after(&self, call: &RpcCall, reply: &mut Value, fired: &mut Fired) {
        let first = matches!(call.params[0].as_str(), Some("0x0" | "earliest"));
        if first && let Some(hash) = result_of(call, reply).and_then(|block| block.get_mut("hash")) {
            *hash = json!(self.0);
            fired.strike(&format!("claimed block 0 is {}", self.0));
        }
    }

    pub(super) fn rest(&self, body: &mut Value, fired: &mut Fired) {
        if let Some(root) = body.pointer_mut("/data/genesis_validators_root") {
            *root = json!(self.0);
            fired.strike(&format!("claimed genesis validators root {}", self.0));
        }
    }
}
