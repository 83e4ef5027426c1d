//! A chain for tests that need no node.

use serde_json::{Value, json};

/// A chain of blocks 0 to `head`, in each block from 1 on one log of contract `0xaa…` whose data is the block's number.
pub(crate) fn chain(head: u64) -> impl Fn(&str, &Value) -> Value + Send + Sync + 'static {
    move |method, params| {
        let number = |tag: &Value| match tag.as_str() {
            Some("latest" | "pending") | None => head,
            Some("finalized" | "safe") => head - 2,
            Some("earliest") => 0,
            Some(text) => u64::from_str_radix(&text[2..], 16).unwrap(),
        };
        let there = |n: u64| n <= head;
        match method {
            "eth_chainId" => json!("0x7a69"),
            "net_version" => json!("31337"),
            "eth_syncing" => json!(false),
            "eth_blockNumber" => json!(format!("{head:#x}")),
            "eth_getBlockByNumber" => Some(number(&params[0]))
                .filter(|n| there(*n))
                .map_or(Value::Null, block),
            "eth_getBlockByHash" => block_of(&params[0])
                .filter(|n| there(*n))
                .map_or(Value::Null, block),
            "eth_getLogs" => {
                let filter = &params[0];
                let (from, to) = match block_of(&filter["blockHash"]) {
                    Some(n) => (n, n),
                    None => (number(&filter["fromBlock"]), number(&filter["toBlock"])),
                };
                (from.max(1)..=to.min(head)).map(log).collect::<Vec<_>>().into()
            }
            "eth_getTransactionReceipt" => match transaction_of(&params[0]).filter(|n| there(*n)) {
                Some(n) => receipt(n),
                None => Value::Null,
            },
            "eth_getTransactionByHash" => match transaction_of(&params[0]).filter(|n| there(*n)) {
                Some(n) => json!({
                    "hash": params[0], "blockNumber": format!("{n:#x}"), "blockHash": hash(n), "transactionIndex": "0x0",
                }),
                None => Value::Null,
            },
            "eth_getBlockReceipts" => {
                let n = block_of(&params[0]).unwrap_or_else(|| number(&params[0]));
                if there(n) {
                    json!([receipt(n)])
                } else {
                    Value::Null
                }
            }
            // says at which block it was asked
            "eth_call" | "eth_getBalance" | "eth_getCode" | "eth_getTransactionCount" => params[1].clone(),
            "eth_sendRawTransaction" => json!(hash(0x5e)),
            other => panic!("unexpected {other}"),
        }
    }
}

pub(crate) fn hash(number: u64) -> String {
    format!("0xb10c{number:060x}")
}

pub(crate) fn transaction(number: u64) -> String {
    format!("0x7a{number:062x}")
}

fn block_of(hash: &Value) -> Option<u64> {
    u64::from_str_radix(hash.as_str()?.strip_prefix("0xb10c")?, 16).ok()
}

fn transaction_of(hash: &Value) -> Option<u64> {
    u64::from_str_radix(hash.as_str()?.strip_prefix("0x7a")?, 16).ok()
}

fn block(number: u64) -> Value {
    json!({
        "number": format!("{number:#x}"), "hash": hash(number), "parentHash": hash(number.saturating_sub(1)),
        "timestamp": format!("{:#x}", 1_700_000_000 + 12 * number), "logsBloom": format!("0x{}", "0".repeat(512)),
        "transactions": [],
    })
}

pub(crate) const CONTRACT: &str = "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const TOPIC: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

pub(crate) fn log(number: u64) -> Value {
    json!({
        "address": CONTRACT, "topics": [TOPIC], "data": format!("0x{number:064x}"),
        "blockNumber": format!("{number:#x}"), "blockHash": hash(number), "transactionHash": transaction(number),
        "transactionIndex": "0x0", "logIndex": "0x0", "removed": false,
        "blockTimestamp": format!("{:#x}", 1_700_000_000 + 12 * number),
    })
}

fn receipt(number: u64) -> Value {
    json!({
        "transactionHash": transaction(number), "blockNumber": format!("{number:#x}"), "blockHash": hash(number),
        "status": "0x1", "logs": [log(number)],
    })
}
