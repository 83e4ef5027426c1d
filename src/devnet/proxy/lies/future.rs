//! A head where no block is yet: invented blocks on top of the chain's own.

use serde_json::{Value, json};

use super::height::block_at;
use super::{hex, quantity, result_of};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::desk::Desk;
use crate::devnet::proxy::rpc::{Made, RpcCall};

/// The hash of an invented block tells its height, so that the proxy knows it again.
fn invented(number: u64) -> String {
    format!("0x{}{number:016x}", "fa".repeat(24))
}

/// The height of an invented hash.
fn height(hash: &str) -> Option<u64> {
    let digits = hash.strip_prefix("0x")?.strip_prefix("fa".repeat(24).as_str())?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

pub(super) async fn before(
    blocks: u64,
    head: u64,
    desk: &Desk,
    call: &mut RpcCall,
    fired: &mut Fired,
) -> Option<Made> {
    let claimed = head.saturating_add(blocks);
    let asked = |value: &Value| {
        let text = value.as_str().or_else(|| value["blockHash"].as_str())?;
        height(text)
            .or_else(|| quantity(value))
            .filter(|number| *number > head)
    };
    match call.method.as_str() {
        "eth_blockNumber" => {
            fired.strike(&format!("said the head is {claimed}, not {head}"));
            Some(Made::new(json!({"result": hex(claimed)})))
        }
        "eth_getLogs" => logs(head, call, fired),
        "eth_getBlockByNumber" | "eth_getBlockByHash" => {
            let number = match call.params[0].as_str() {
                Some("latest" | "pending") => claimed,
                _ => asked(&call.params[0]).filter(|number| *number <= claimed)?,
            };
            let newest = desk.ask("eth_getBlockByNumber", json!(["latest", false])).await;
            let newest = newest.filter(Value::is_object)?;
            fired.strike(&format!("made up block {number} over head {head}"));
            Some(Made::new(json!({"result": block(newest, head, number)})))
        }
        "eth_getBlockReceipts" => {
            let number = asked(&call.params[0])?;
            fired.strike(&format!("made up block {number} without receipts"));
            Some(Made::new(json!({"result": []})))
        }
        method => {
            let place = block_at(method)?;
            let number = asked(call.sent.get(place)?)?;
            call.sent[place] = json!("latest");
            fired.strike(&format!("answered as of block {head} for block {number}"));
            None
        }
    }
}

/// There are no logs in blocks that do not exist.
fn logs(head: u64, call: &mut RpcCall, fired: &mut Fired) -> Option<Made> {
    let filter = call.sent.get_mut(0).filter(|filter| filter.is_object())?;
    let made_up = filter["blockHash"].as_str().and_then(height).is_some();
    let from = filter.get("fromBlock").and_then(quantity);
    if made_up || from.is_some_and(|from| from > head) {
        fired.strike("told no logs of blocks that it made up");
        return Some(Made::new(json!({"result": []})));
    }
    let to = filter.get("toBlock").and_then(quantity)?;
    if to > head {
        filter["toBlock"] = hex(head);
        fired.strike(&format!("told logs up to {head} as if up to {to}"));
    }
    None
}

/// The newest block of the chain, put where none is.
fn block(mut newest: Value, head: u64, number: u64) -> Value {
    let parent = number.saturating_sub(1);
    newest["parentHash"] = if parent == head {
        newest["hash"].take()
    } else {
        json!(invented(parent))
    };
    newest["number"] = hex(number);
    newest["hash"] = json!(invented(number));
    let time = quantity(&newest["timestamp"]).unwrap_or_default();
    // mainnet's slots
    newest["timestamp"] = hex(time.saturating_add(number.saturating_sub(head).saturating_mul(12)));
    newest["transactions"] = json!([]);
    newest["logsBloom"] = json!(format!("0x{}", "0".repeat(512)));
    newest
}

/// New heads are told where they are claimed to be.
pub(super) fn after(blocks: u64, call: &RpcCall, reply: &mut Value, fired: &mut Fired) {
    if call.method != "eth_subscription" {
        return;
    }
    let Some(head) = result_of(call, reply) else {
        return;
    };
    let Some(number) = head.get("number").and_then(quantity) else {
        return;
    };
    let claimed = number.saturating_add(blocks);
    *head = block(head.take(), number, claimed);
    fired.strike(&format!("told head {claimed} instead of {number}"));
}
