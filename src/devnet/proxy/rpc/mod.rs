//! JSON-RPC: a body becomes calls, each call is lied about by itself, and the answers become one body again.

mod batch;

pub(super) use batch::answer;
use serde_json::{Value, json};

use super::board::Fired;
use super::desk::Desk;
use super::lies::Fate;
use super::scenario::{Call, Fault};

/// Calls in one batch; nodes take no more either.
const MAX_BATCH: usize = 1_000;

#[derive(Debug, Clone)]
pub(super) struct RpcCall {
    /// Absent in a notification, which is not answered.
    pub(super) id: Option<Value>,
    pub(super) method: String,
    /// As the client asked.
    pub(super) params: Value,
    /// As the node is asked.
    pub(super) sent: Value,
}

/// A body that is JSON-RPC.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    pub(super) calls: Vec<RpcCall>,
    /// A list, even of one.
    pub(super) batch: bool,
}

/// An answer that the node did not give: `result` or `error`, without the id.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) reply: Value,
    /// Of the HTTP answer, where the call came alone.
    pub(super) status: Option<u16>,
}

impl Made {
    pub(super) fn new(reply: Value) -> Self {
        Self { reply, status: None }
    }

    /// As an answer to the call of this id.
    pub(super) fn with_id(self, id: Value) -> Value {
        let mut reply = self.reply;
        reply["jsonrpc"] = json!("2.0");
        reply["id"] = id;
        reply
    }
}

impl RpcCall {
    fn parse(value: &Value) -> Option<Self> {
        let method = value.get("method")?.as_str()?.to_owned();
        let params = value.get("params").cloned().unwrap_or_else(|| json!([]));
        Some(Self {
            id: value.get("id").cloned(),
            method,
            sent: params.clone(),
            params,
        })
    }

    pub(super) fn call(&self) -> Call {
        Call::Rpc {
            method: self.method.clone(),
            params: self.params.clone(),
        }
    }

    /// As it goes to the node.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({"jsonrpc": "2.0", "method": self.method, "params": self.sent});
        if let Some(id) = &self.id {
            body["id"] = id.clone();
        }
        body
    }
}

impl Calls {
    /// None when the body is something else.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        match &body {
            Value::Array(all) if (1..=MAX_BATCH).contains(&all.len()) => {
                let calls: Option<Vec<_>> = all.iter().map(RpcCall::parse).collect();
                Some(Self {
                    calls: calls?,
                    batch: true,
                })
            }
            one => Some(Self {
                calls: vec![RpcCall::parse(one)?],
                batch: false,
            }),
        }
    }
}

/// What the rules say before the node is asked, the first that answers counting; they may change what it is asked.
pub(super) async fn before(desk: &Desk, call: &mut RpcCall, fired: &mut [Fired]) -> Option<Made> {
    for fired in fired {
        let rule = fired.rule();
        if let Fault::Lie(lie) = &rule.fault
            && let Some(made) = lie.before(desk, call, fired).await
        {
            return Some(made);
        }
    }
    None
}

/// What the rules make of an answer, one after the other; also of a message to a subscriber.
pub(super) async fn after(desk: &Desk, call: &RpcCall, reply: &mut Value, fired: &mut [Fired]) -> Fate {
    if !reply.is_object() {
        // no JSON-RPC, so there is nothing to lie about
        return Fate::Told;
    }
    for fired in fired {
        let rule = fired.rule();
        if let Fault::Lie(lie) = &rule.fault
            && lie.after(desk, call, reply, fired).await == Fate::Lost
        {
            return Fate::Lost;
        }
    }
    Fate::Told
}
