//! Transactions that are refused, or taken and forgotten.

use alloy::primitives::keccak256;
use serde_json::{Value, json};

use super::refusals;
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::rpc::{Made, RpcCall};
use crate::devnet::proxy::scenario::{Reader, Table};
use crate::types::quoted;

/// A refusal in a client's words. With `forward` the node gets the transaction all the same: the refusal is a lie.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Refuse {
    error: Value,
    forward: bool,
}

impl Refuse {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let client = t.text(r, "client").unwrap_or_else(|| "geth".to_owned());
        let clients = refusals::known(None);
        if !clients.contains(&client.as_str()) {
            t.wrong(
                r,
                "client",
                format!("{} is none of {}", quoted(&client), clients.join(", ")),
            );
        }
        let reason = t.text(r, "reason");
        let forward = t.flag(r, "forward");
        t.required(r, "reason", "why the transaction is refused");
        let error = refusals::find(&client, &reason?);
        if error.is_none() && clients.contains(&client.as_str()) {
            let reasons = refusals::known(Some(&client));
            t.wrong(
                r,
                "reason",
                format!("{client} refuses with one of {}", reasons.join(", ")),
            );
        }
        Some(Self {
            error: error?,
            forward,
        })
    }

    fn strike(&self, fired: &mut Fired) {
        let words = self.error["message"].as_str().unwrap_or_default();
        let after = if self.forward {
            " after the node had it"
        } else {
            ""
        };
        fired.strike(&format!("refused the transaction{after}: {words}"));
    }

    pub(super) fn before(&self, fired: &mut Fired) -> Option<Made> {
        if self.forward {
            return None;
        }
        self.strike(fired);
        Some(Made::new(json!({"error": self.error})))
    }

    pub(super) fn after(&self, reply: &mut Value, fired: &mut Fired) {
        *reply = Made::new(json!({"error": self.error})).with_id(reply["id"].take());
        self.strike(fired);
    }
}

/// The node says that it took the transaction, and forgets it.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Swallow;

impl Swallow {
    #[expect(clippy::unused_self, reason = "called like every other lie")]
    pub(super) fn before(&self, call: &RpcCall, fired: &mut Fired) -> Option<Made> {
        let raw = alloy::hex::decode(call.params[0].as_str()?).ok()?;
        let hash = format!("{:#x}", keccak256(raw));
        fired.strike(&format!("swallowed transaction {hash}"));
        Some(Made::new(json!({"result": hash})))
    }
}
