//! A node that does not know the present state, and says so.

use serde_json::{Value, json};

use super::{hex, quantity};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::desk::Desk;
use crate::devnet::proxy::scenario::{Reader, Table};

/// Where beacon nodes tell it.
pub(super) const PATHS: [&str; 2] = ["/eth/v1/node/syncing", "/eth/v1/node/health"];

/// It is so many blocks or slots behind.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Syncing {
    behind: u64,
}

impl Syncing {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Self {
        Self {
            behind: t.number(r, "behind", u64::MAX).unwrap_or(1_000),
        }
    }

    pub(super) async fn after(&self, desk: &Desk, reply: &mut Value, fired: &mut Fired) {
        let head = desk.ask("eth_blockNumber", json!([])).await;
        let head = head.as_ref().and_then(quantity).unwrap_or_default();
        reply["result"] = json!({
            "startingBlock": "0x0",
            "currentBlock": hex(head.saturating_sub(self.behind)),
            "highestBlock": hex(head),
        });
        fired.strike(&format!("said it is syncing, {} blocks behind", self.behind));
    }

    /// 206 is what the Beacon API answers to `/health` meanwhile.
    pub(super) fn rest(&self, path: &str, body: &mut Value, fired: &mut Fired) -> Option<u16> {
        if path == "/eth/v1/node/health" {
            fired.strike("said it is syncing");
            return Some(206);
        }
        let data = body.get_mut("data").filter(|data| data.is_object())?;
        let head: u64 = data["head_slot"]
            .as_str()
            .and_then(|slot| slot.parse().ok())
            .unwrap_or_default();
        data["head_slot"] = json!(head.saturating_sub(self.behind).to_string());
        data["sync_distance"] = json!(self.behind.to_string());
        data["is_syncing"] = json!(true);
        fired.strike(&format!("said it is syncing, {} slots behind", self.behind));
        None
    }
}

/// Its head was not verified by its execution node.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Optimistic;

impl Optimistic {
    #[expect(clippy::unused_self, reason = "called like every other lie")]
    pub(super) fn rest(&self, path: &str, body: &mut Value, fired: &mut Fired) {
        if path == "/eth/v1/node/syncing" {
            if let Some(data) = body.get_mut("data").filter(|data| data.is_object()) {
                data["is_optimistic"] = json!(true);
                fired.strike("said its head is optimistic");
            }
        } else if body.get("execution_optimistic").is_some() {
            body["execution_optimistic"] = json!(true);
            fired.strike("said the answer is optimistic");
        }
    }
}
