//! A log that is not there.

use alloy::primitives::keccak256;
use serde_json::{Value, json};

use super::{hex, quantity, topic};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::desk::Desk;
use crate::devnet::proxy::rpc::RpcCall;
use crate::devnet::proxy::scenario::{Reader, Table};

/// An invented log. It is told only to who asks for such logs, in one block that the node really has: a lie that a
/// client cannot see through by looking at the answer alone.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct AddLog {
    address: String,
    topics: Vec<String>,
    data: String,
    block: Block,
    transaction: String,
    index: u64,
    /// Receipts, transactions and the block's bloom filter tell the same lie.
    thorough: bool,
}

/// In which block it is put, once and for all until the rule is switched on again.
#[derive(Debug, Clone, Copy)]
enum Block {
    /// The newest block of the first question that it answers.
    Newest,
    /// The first block of the first question that it answers.
    Oldest,
    Number(u64),
}

/// What a thorough liar has to answer.
const THOROUGH: [&str; 5] = [
    "eth_getTransactionReceipt",
    "eth_getTransactionByHash",
    "eth_getBlockReceipts",
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
];

impl AddLog {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let address = t.text(r, "address").map(|text| text.to_ascii_lowercase());
        t.required(r, "address", "the contract that is said to have logged");
        let topics = t.json(r, "topics").and_then(|topics| {
            topics
                .as_array()?
                .iter()
                .map(topic::word)
                .collect::<Option<Vec<_>>>()
        });
        if topics.is_none() {
            t.wrong(
                r,
                "topics",
                "expected a list of topics: 32 bytes, numbers or event signatures",
            );
        }
        let data = t
            .json(r, "data")
            .map_or_else(|| Some("0x".to_owned()), |value| topic::data(&value));
        if data.is_none() {
            t.wrong(r, "data", "expected hexadecimal bytes or a list of words");
        }
        let block = match t.json(r, "block") {
            None => Some(Block::Newest),
            Some(Value::String(word)) if word == "newest" => Some(Block::Newest),
            Some(Value::String(word)) if word == "oldest" => Some(Block::Oldest),
            Some(number) => number.as_u64().map(Block::Number),
        };
        if block.is_none() {
            t.wrong(r, "block", "expected \"newest\", \"oldest\" or a block's number");
        }
        let made_up = || format!("{:#x}", keccak256(format!("{address:?} {topics:?} {data:?}")));
        let transaction = t.text(r, "transaction").unwrap_or_else(made_up);
        Some(Self {
            index: t.number(r, "log_index", 100_000).unwrap_or_default(),
            thorough: t.flag(r, "thorough"),
            address: address?,
            topics: topics?,
            data: data?,
            block: block?,
            transaction,
        })
    }

    pub(super) fn concerns(&self, method: &str) -> bool {
        method == "eth_getLogs" || self.thorough && THOROUGH.contains(&method)
    }

    pub(super) async fn after(&self, desk: &Desk, call: &RpcCall, reply: &mut Value, fired: &mut Fired) {
        if call.method == "eth_getLogs" {
            let filter = &call.params[0];
            if self.fits(filter)
                && let Some((number, hash)) = self.place(desk, filter, fired).await
                && let Some(logs) = reply.get_mut("result").and_then(Value::as_array_mut)
            {
                let before = |log: &Value| quantity(&log["blockNumber"]).is_some_and(|at| at <= number);
                let at = logs.iter().take_while(|log| before(log)).count();
                logs.insert(at, self.log(number, &hash));
                fired.strike(&format!("added a log of {} in block {number}", self.address));
            }
            return;
        }
        // nothing is known of it before it was told
        if let Some((number, hash)) = fired.memory(|memory| memory.placed.clone()) {
            self.stand_by(call, reply, (number, &hash), fired);
        }
    }

    /// Tells what belongs to the log elsewhere.
    fn stand_by(&self, call: &RpcCall, reply: &mut Value, (number, hash): (u64, &str), fired: &mut Fired) {
        let about_it = call.params[0]
            .as_str()
            .is_some_and(|asked| asked.eq_ignore_ascii_case(&self.transaction));
        let result = &mut reply["result"];
        let said = match call.method.as_str() {
            "eth_getTransactionReceipt" if about_it => {
                *result = self.receipt(number, hash);
                "made up the receipt"
            }
            "eth_getTransactionByHash" if about_it => {
                *result = self.transaction(number, hash);
                "made up the transaction"
            }
            "eth_getBlockReceipts" => {
                let here = call.params[0].as_str() == Some(hash) || quantity(&call.params[0]) == Some(number);
                let Some(receipts) = result.as_array_mut().filter(|_| here) else {
                    return;
                };
                receipts.push(self.receipt(number, hash));
                "added a receipt to the block's"
            }
            "eth_getBlockByNumber" | "eth_getBlockByHash" if result["hash"].as_str() == Some(hash) => {
                // every bit set: such a filter promises everything
                result["logsBloom"] = json!(format!("0x{}", "f".repeat(512)));
                "filled the block's bloom filter"
            }
            _ => return,
        };
        fired.strike(said);
    }

    /// Where the log is, if that is within the question.
    async fn place(&self, desk: &Desk, filter: &Value, fired: &Fired) -> Option<(u64, String)> {
        let placed = fired.memory(|memory| memory.placed.clone());
        if let Some(hash) = filter["blockHash"].as_str() {
            return placed.filter(|(_, at)| at.eq_ignore_ascii_case(hash));
        }
        let head = quantity(&desk.ask("eth_blockNumber", json!([])).await?)?;
        let bound = |tag: &Value| match tag.as_str() {
            Some("earliest") => 0,
            Some(number) if number.starts_with("0x") => quantity(tag).unwrap_or(head),
            _ => head,
        };
        let (from, to) = (bound(&filter["fromBlock"]), bound(&filter["toBlock"]).min(head));
        let within = |number: u64| (from..=to).contains(&number);
        if let Some((number, hash)) = placed {
            return within(number).then_some((number, hash));
        }
        let number = match self.block {
            Block::Newest => to,
            Block::Oldest => from,
            Block::Number(number) => number,
        };
        if !within(number) {
            return None;
        }
        let block = desk
            .ask("eth_getBlockByNumber", json!([hex(number), false]))
            .await?;
        let hash = block["hash"].as_str()?.to_owned();
        fired.memory(|memory| memory.placed = Some((number, hash.clone())));
        Some((number, hash))
    }

    /// Whether the question is for such a log, its range aside.
    fn fits(&self, filter: &Value) -> bool {
        let one_of = |wanted: &Value, own: &str| match wanted {
            Value::Null => true,
            Value::String(text) => text.eq_ignore_ascii_case(own),
            Value::Array(all) => {
                let mut texts = all.iter().filter_map(Value::as_str);
                all.is_empty() || texts.any(|text| text.eq_ignore_ascii_case(own))
            }
            _ => false,
        };
        let topics = filter["topics"].as_array().map(Vec::as_slice).unwrap_or_default();
        one_of(&filter["address"], &self.address)
            && topics
                .iter()
                .enumerate()
                .all(|(n, wanted)| match self.topics.get(n) {
                    Some(own) => one_of(wanted, own),
                    None => wanted.is_null() || wanted.as_array().is_some_and(Vec::is_empty),
                })
    }

    fn log(&self, number: u64, hash: &str) -> Value {
        json!({
            "address": self.address,
            "topics": self.topics,
            "data": self.data,
            "blockNumber": hex(number),
            "blockHash": hash,
            "transactionHash": self.transaction,
            "transactionIndex": "0x0",
            "logIndex": hex(self.index),
            "removed": false,
        })
    }

    fn receipt(&self, number: u64, hash: &str) -> Value {
        json!({
            "transactionHash": self.transaction,
            "transactionIndex": "0x0",
            "blockNumber": hex(number),
            "blockHash": hash,
            "from": format!("0x{}", "11".repeat(20)),
            "to": self.address,
            "type": "0x2",
            "status": "0x1",
            "gasUsed": "0x186a0",
            "cumulativeGasUsed": "0x186a0",
            "effectiveGasPrice": "0x3b9aca00",
            "contractAddress": null,
            "logsBloom": format!("0x{}", "f".repeat(512)),
            "logs": [self.log(number, hash)],
        })
    }

    fn transaction(&self, number: u64, hash: &str) -> Value {
        json!({
            "hash": self.transaction,
            "transactionIndex": "0x0",
            "blockNumber": hex(number),
            "blockHash": hash,
            "from": format!("0x{}", "11".repeat(20)),
            "to": self.address,
            "type": "0x2",
            "nonce": "0x7",
            "value": "0x0",
            "gas": "0x30d40",
            "gasPrice": "0x3b9aca00",
            "maxFeePerGas": "0x3b9aca00",
            "maxPriorityFeePerGas": "0x1",
            "input": "0x",
        })
    }
}
