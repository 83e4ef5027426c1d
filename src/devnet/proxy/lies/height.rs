//! A node whose head lags, stands still, or is claimed to be where no block is yet.

use serde_json::{Value, json};

use super::{Fate, future, hex, quantity, result_of, vendors};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::desk::Desk;
use crate::devnet::proxy::rpc::{Made, RpcCall};
use crate::devnet::proxy::scenario::{Reader, Table};

/// What depends on the head.
pub(super) const METHODS: &[&str] = &[
    "eth_blockNumber",
    "eth_call",
    "eth_estimateGas",
    "eth_feeHistory",
    "eth_getBalance",
    "eth_getBlockByHash",
    "eth_getBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getCode",
    "eth_getLogs",
    "eth_getStorageAt",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_subscription",
];

/// Where the head is.
#[derive(Debug, Clone, Copy)]
enum Stance {
    Behind(u64),
    /// Where it was when the first call came.
    Stands,
    Ahead(u64),
}

/// What becomes of a question for logs that goes beyond the head.
#[derive(Debug, Clone, Copy)]
enum Beyond {
    /// An error, as today's nodes answer.
    Error,
    /// What there is up to the head, as load balancers with lagging backends answer.
    Clip,
    /// Nothing at all.
    Empty,
}

/// A head that is not where the chain's is. Every answer fits it: state, logs, receipts, the blocks told to a
/// subscriber.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Height {
    stance: Stance,
    beyond: Beyond,
}

/// The place of the block among the parameters.
pub(super) fn block_at(method: &str) -> Option<usize> {
    match method {
        "eth_getBlockByNumber" | "eth_getBlockReceipts" => Some(0),
        "eth_call"
        | "eth_estimateGas"
        | "eth_feeHistory"
        | "eth_getBalance"
        | "eth_getCode"
        | "eth_getTransactionCount" => Some(1),
        "eth_getStorageAt" => Some(2),
        _ => None,
    }
}

impl Height {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let behind = t.number(r, "behind", u64::MAX).map(Stance::Behind);
        let ahead = t.number(r, "ahead", u64::MAX).map(Stance::Ahead);
        let stands = t.flag(r, "stands").then_some(Stance::Stands);
        let beyond = t.word(
            r,
            "beyond",
            &[
                ("error", Beyond::Error),
                ("clip", Beyond::Clip),
                ("empty", Beyond::Empty),
            ],
        );
        let said: Vec<Stance> = [behind, ahead, stands].into_iter().flatten().collect();
        let [stance] = said.as_slice() else {
            t.wrong(
                r,
                "behind",
                "one of `behind`, `ahead` and `stands = true` is required",
            );
            return None;
        };
        Some(Self {
            stance: *stance,
            beyond: beyond.unwrap_or(Beyond::Error),
        })
    }

    /// The node's head, and the one that is told.
    async fn heads(&self, desk: &Desk, fired: &Fired) -> Option<Heads> {
        let real = quantity(&desk.ask("eth_blockNumber", json!([])).await?)?;
        let told = match self.stance {
            Stance::Behind(blocks) => real.saturating_sub(blocks),
            Stance::Stands => fired.memory(|memory| *memory.height.get_or_insert(real)),
            Stance::Ahead(_) => real,
        };
        Some(Heads { real, told })
    }

    pub(super) async fn before(&self, desk: &Desk, call: &mut RpcCall, fired: &mut Fired) -> Option<Made> {
        let heads = self.heads(desk, fired).await?;
        if let Stance::Ahead(blocks) = self.stance {
            return future::before(blocks, heads.real, desk, call, fired).await;
        }
        match call.method.as_str() {
            "eth_blockNumber" => {
                fired.strike(&format!("said the head is {}", heads.told));
                Some(Made::new(json!({"result": hex(heads.told)})))
            }
            "eth_getLogs" => self.logs(desk, call, heads, fired).await,
            method => {
                let place = block_at(method)?;
                state(desk, call, place, heads, fired).await
            }
        }
    }

    async fn logs(&self, desk: &Desk, call: &mut RpcCall, heads: Heads, fired: &mut Fired) -> Option<Made> {
        let filter = call.sent.get_mut(0).filter(|filter| filter.is_object())?;
        let head = heads.told;
        if let Some(hash) = filter.get("blockHash").cloned() {
            if number_of(desk, &hash).await? <= head {
                return None;
            }
            fired.strike(&format!("knows no block {hash} at head {head}"));
            return Some(Made::new(
                json!({"error": {"code": -32000, "message": "unknown block"}}),
            ));
        }
        let mut bounds = [0; 2];
        for (key, bound) in ["fromBlock", "toBlock"].into_iter().zip(&mut bounds) {
            let asked = filter.get(key).cloned().unwrap_or_default();
            *bound = heads.number(desk, &asked).await?;
            filter[key] = hex(*bound);
        }
        let [from, to] = bounds;
        if to <= head {
            return None;
        }
        match self.beyond {
            Beyond::Error => {
                fired.strike(&format!("refused logs up to {to} at head {head}"));
                Some(Made::new(vendors::beyond_head()))
            }
            Beyond::Clip if from <= head => {
                filter["toBlock"] = hex(head);
                fired.strike(&format!("told logs up to {head} instead of {to}"));
                None
            }
            Beyond::Clip | Beyond::Empty => {
                fired.strike(&format!("told no logs up to {to} at head {head}"));
                Some(Made::new(json!({"result": []})))
            }
        }
    }

    pub(super) async fn after(
        &self,
        desk: &Desk,
        call: &RpcCall,
        reply: &mut Value,
        fired: &mut Fired,
    ) -> Fate {
        if let Stance::Ahead(blocks) = self.stance {
            future::after(blocks, call, reply, fired);
            return Fate::Told;
        }
        let key = match call.method.as_str() {
            "eth_getBlockByHash" => "number",
            "eth_getTransactionReceipt" | "eth_getTransactionByHash" => "blockNumber",
            "eth_subscription" => "",
            _ => return Fate::Told,
        };
        let Some(result) = result_of(call, reply) else {
            return Fate::Told;
        };
        let told = match key {
            "" => quantity(&result["number"]).or_else(|| quantity(&result["blockNumber"])),
            key => quantity(&result[key]),
        };
        let Some(number) = told else {
            return Fate::Told;
        };
        match self.heads(desk, fired).await {
            Some(Heads { told, .. }) if number > told => {
                fired.strike(&format!("has no block {number} at head {told}"));
            }
            _ => return Fate::Told,
        }
        if call.method == "eth_subscription" {
            return Fate::Lost;
        }
        if call.method == "eth_getTransactionByHash" {
            for key in ["blockNumber", "blockHash", "transactionIndex"] {
                result[key] = Value::Null;
            }
        } else {
            *result = Value::Null;
        }
        Fate::Told
    }
}

/// The head as it is, and as it is told.
#[derive(Debug, Clone, Copy)]
struct Heads {
    real: u64,
    told: u64,
}

impl Heads {
    /// The height that a number or tag means to a node with the told head.
    async fn number(self, desk: &Desk, asked: &Value) -> Option<u64> {
        match asked.as_str() {
            None | Some("latest" | "pending") => Some(self.told),
            Some("earliest") => Some(0),
            Some("safe" | "finalized") => {
                // what is final lags as far as the head does
                let block = desk.ask("eth_getBlockByNumber", json!([asked, false])).await?;
                Some(quantity(&block["number"])?.saturating_sub(self.real.saturating_sub(self.told)))
            }
            Some(_) => quantity(asked),
        }
    }
}

/// A question about the state of a block, or for a block.
async fn state(
    desk: &Desk,
    call: &mut RpcCall,
    place: usize,
    heads: Heads,
    fired: &mut Fired,
) -> Option<Made> {
    let asked = call.sent.get(place).cloned().unwrap_or_default();
    let hash = asked.get("blockHash").cloned();
    let hash = hash.or_else(|| asked.as_str().filter(|text| text.len() == 66).map(Value::from));
    let (number, tag) = match &hash {
        Some(hash) => (number_of(desk, hash).await?, false),
        None => (heads.number(desk, &asked).await?, quantity(&asked).is_none()),
    };
    if number > heads.told {
        fired.strike(&format!("has no block {number} at head {}", heads.told));
        return Some(Made::new(if call.method.starts_with("eth_getBlock") {
            json!({"result": null})
        } else {
            json!({"error": {"code": -32000, "message": "header not found"}})
        }));
    }
    if tag {
        let params = call.sent.as_array_mut()?;
        params.resize(params.len().max(place + 1), Value::Null);
        params[place] = hex(number);
        fired.strike(&format!("answered as of block {number}"));
    }
    None
}

/// The height of the block with this hash.
async fn number_of(desk: &Desk, hash: &Value) -> Option<u64> {
    let block = desk.ask("eth_getBlockByHash", json!([hash, false])).await?;
    quantity(&block["number"])
}
