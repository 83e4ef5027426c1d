//! What some nodes offer beyond calls: a block tried out with its logs (`eth_simulateV1`), and traces
//! (`debug_traceCall`, `debug_traceTransaction` with the `callTracer` of go-ethereum). Whoever has neither says so, and the
//! question stays open.

use alloy::primitives::{Address, B256, Bytes, U64};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::ask::{Reading, decoded};
use super::types::{CallRequest, TransactionInfo};
use super::{At, Rpc, RpcError};
use crate::types::SafeText;

/// A log of something that is in no block.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Emitted {
    pub(crate) address: Address,
    #[serde(default)]
    pub(crate) topics: Vec<B256>,
    #[serde(default)]
    pub(crate) data: Bytes,
}

/// One call of a block that was tried out.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SimulatedCall {
    status: U64,
    #[serde(default)]
    pub(crate) return_data: Bytes,
    #[serde(default)]
    pub(crate) logs: Vec<Emitted>,
    #[serde(default)]
    pub(crate) error: Option<TriedError>,
}

impl SimulatedCall {
    pub(crate) fn succeeded(&self) -> bool {
        self.status.to::<u64>() == 1
    }
}

/// Why it failed. Clients put the returned bytes here, or in `returnData`, or in both.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct TriedError {
    #[serde(default)]
    pub(crate) message: SafeText,
    #[serde(default)]
    pub(crate) data: Option<Bytes>,
}

/// A call within a transaction, and the calls that it made.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CallFrame {
    /// What it returned.
    #[serde(default)]
    pub(crate) output: Option<Bytes>,
    /// It failed, and how; what it logged is undone.
    #[serde(default)]
    pub(crate) error: Option<SafeText>,
    #[serde(default)]
    logs: Vec<Emitted>,
    #[serde(default)]
    calls: Vec<CallFrame>,
}

impl CallFrame {
    /// What was logged and not undone. Those of one contract are in its order.
    pub(crate) fn emitted(self) -> Vec<Emitted> {
        if self.error.is_some() {
            return Vec::new();
        }
        let within = self.calls.into_iter().flat_map(Self::emitted);
        within.chain(self.logs).collect()
    }
}

/// Number and time (seconds since the Unix epoch) of the block in which calls are tried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockContext {
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
}

impl Rpc {
    /// Tries calls out one after the other in a block on top of `on`.
    pub(crate) async fn simulate(
        &self,
        calls: Vec<Value>,
        on: At,
        within: Option<BlockContext>,
    ) -> Result<Vec<SimulatedCall>, RpcError> {
        #[derive(Deserialize)]
        struct Block {
            calls: Vec<SimulatedCall>,
        }
        let wanted = calls.len();
        let mut block = json!({"calls": calls});
        if let Some(BlockContext { number, timestamp }) = within {
            block["blockOverrides"] = json!({"number": U64::from(number), "time": U64::from(timestamp)});
        }
        let params = json!([{"blockStateCalls": [block], "validation": false}, on.to_json()]);
        let read = |raw: &RawValue| {
            let blocks: Vec<Block> = decoded(raw)?;
            let tried: Vec<SimulatedCall> = blocks.into_iter().flat_map(|block| block.calls).collect();
            match tried.len() {
                told if told == wanted => Ok(Reading::Found(tried)),
                told => Err(SafeText::new(&format!("{told} calls of {wanted}"))),
            }
        };
        let method = "eth_simulateV1";
        let told = self.ask_in_turn(method, &params, read).await?;
        told.found().ok_or(RpcError::Nowhere {
            method,
            reason: "no calls".into(),
        })
    }

    /// The frames of a call on the newest state, with their logs.
    pub(crate) async fn trace_call(&self, call: &CallRequest) -> Result<CallFrame, RpcError> {
        let how = json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}});
        self.request("debug_traceCall", json!([call, "latest", how]))
            .await
    }

    /// How a transaction of a block ended, without the calls that it made.
    pub(crate) async fn trace_transaction(&self, hash: B256) -> Result<CallFrame, RpcError> {
        let how = json!({"tracer": "callTracer", "tracerConfig": {"onlyTopCall": true}});
        self.request("debug_traceTransaction", json!([hash, how])).await
    }
}

/// A transaction as a call to be tried out.
pub(crate) fn as_call(transaction: &TransactionInfo) -> Value {
    let mut call = json!({
        "from": transaction.from, "data": transaction.input, "value": transaction.value,
    });
    if let Some(to) = transaction.to {
        call["to"] = json!(to);
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_what_was_undone_are_left_out() {
        let log = |n: u8| json!({"address": Address::repeat_byte(n), "topics": [], "data": "0x"});
        let frame: CallFrame = serde_json::from_value(json!({
            "output": "0x", "logs": [log(1)],
            "calls": [
                {"logs": [log(2)], "calls": [{"logs": [log(3)]}]},
                {"error": "execution reverted", "logs": [log(4)], "calls": [{"logs": [log(5)]}]},
            ],
        }))
        .unwrap();
        let left: Vec<u8> = frame.emitted().iter().map(|log| log.address[0]).collect();
        assert_eq!(left, [3, 2, 1]);
    }
}
