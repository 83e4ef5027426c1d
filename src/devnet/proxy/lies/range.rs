//! A limit on `eth_getLogs`: in blocks or in results.

use serde_json::{Value, json};

use super::quantity;
use super::vendors::{Asked, VENDORS, Vendor};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::desk::Desk;
use crate::devnet::proxy::rpc::{Made, RpcCall};
use crate::devnet::proxy::scenario::{Reader, Table};

/// The limit, and in whose words it is told.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct RangeLimit {
    limit: Limit,
    words: Vendor,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    Blocks(u64),
    Results(u64),
}

impl RangeLimit {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let blocks = t.number(r, "blocks", u64::MAX);
        let results = t.number(r, "results", u64::MAX);
        let limit = match (blocks, results) {
            (Some(blocks), None) => Some(Limit::Blocks(blocks)),
            (None, Some(results)) => Some(Limit::Results(results)),
            _ => {
                t.wrong(r, "blocks", "either `blocks` or `results` is required: the limit");
                None
            }
        };
        let words = t.word(r, "words", VENDORS);
        t.required(r, "words", "in whose words the limit is told");
        Some(Self {
            limit: limit?,
            words: words?,
        })
    }

    pub(super) async fn before(&self, desk: &Desk, call: &RpcCall, fired: &mut Fired) -> Option<Made> {
        let Limit::Blocks(limit) = self.limit else {
            return None;
        };
        let filter = &call.params[0];
        // one block by its hash is within every limit but none at all
        if filter.get("blockHash").is_some() && limit > 0 {
            return None;
        }
        let numbers = |key: &str| filter.get(key).and_then(quantity);
        let head = match (numbers("fromBlock"), numbers("toBlock")) {
            (Some(_), Some(_)) => 0,
            _ => quantity(&desk.ask("eth_blockNumber", json!([])).await?)?,
        };
        let bound = |key: &str| match filter.get(key).and_then(Value::as_str) {
            Some("earliest") => 0,
            _ => numbers(key).unwrap_or(head),
        };
        let (from, to) = (bound("fromBlock"), bound("toBlock"));
        let blocks = to.checked_sub(from)?.saturating_add(1);
        if blocks <= limit {
            return None;
        }
        fired.strike(&format!("refused {blocks} blocks, more than {limit}"));
        let fits = from.saturating_add(limit.saturating_sub(1));
        Some(self.words.refuse(Asked { limit, from, fits }))
    }

    pub(super) fn after(&self, call: &RpcCall, reply: &mut Value, fired: &mut Fired) {
        let Limit::Results(limit) = self.limit else {
            return;
        };
        let logs = reply["result"].as_array().map(Vec::as_slice).unwrap_or_default();
        let results = logs.len() as u64;
        if results <= limit {
            return;
        }
        let from = call.params[0]
            .get("fromBlock")
            .and_then(quantity)
            .unwrap_or_default();
        let beyond = usize::try_from(limit).ok().and_then(|limit| logs.get(limit));
        let beyond = beyond
            .and_then(|log| quantity(&log["blockNumber"]))
            .unwrap_or(from);
        let fits = beyond.saturating_sub(1).max(from);
        let made = self.words.refuse(Asked { limit, from, fits });
        *reply = made.with_id(reply["id"].take());
        fired.strike(&format!("refused {results} results, more than {limit}"));
    }
}
