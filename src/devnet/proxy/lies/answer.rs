//! An answer of the scenario's own in place of the node's.

use serde_json::{Value, json};

use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::rpc::Made;
use crate::devnet::proxy::scenario::{Reader, Table};

/// A result or an error. With `forward` the node gets the call all the same, and its answer is lost.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Answer {
    said: Said,
    forward: bool,
}

#[derive(Debug, Clone)]
enum Said {
    Result(Value),
    Error(Value),
}

impl Answer {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let result = t.json(r, "result");
        // TOML has no null, and "there is none" is what nodes say so
        let null = t.flag(r, "null").then_some(Value::Null);
        let error = t.table(r, "error").and_then(|mut error| {
            let code = error.json(r, "code").filter(Value::is_i64);
            if code.is_none() {
                error.wrong(
                    r,
                    "code",
                    "is required: the code of the JSON-RPC error, a whole number",
                );
            }
            let message = error.text(r, "message").unwrap_or_default();
            let data = error.json(r, "data");
            error.finish(r);
            let mut made = json!({"code": code?, "message": message});
            if let Some(data) = data {
                made["data"] = data;
            }
            Some(made)
        });
        let given = [t.has("result"), null.is_some(), t.has("error")];
        if given.into_iter().filter(|given| *given).count() != 1 {
            t.wrong(
                r,
                "result",
                "one of `result`, `null = true` and `error` is required",
            );
        }
        let said = match error {
            Some(error) => Said::Error(error),
            None => Said::Result(result.or(null)?),
        };
        Some(Self {
            said,
            forward: t.flag(r, "forward"),
        })
    }

    fn made(&self) -> Value {
        match &self.said {
            Said::Result(result) => json!({"result": result}),
            Said::Error(error) => json!({"error": error}),
        }
    }

    fn strike(&self, fired: &mut Fired) {
        let after = if self.forward {
            " after the node had the call"
        } else {
            ""
        };
        let said = match &self.said {
            Said::Result(result) => format!("answered {result}{after}"),
            Said::Error(error) => format!("answered the error {error}{after}"),
        };
        fired.strike(&said);
    }

    pub(super) fn before(&self, fired: &mut Fired) -> Option<Made> {
        if self.forward {
            return None;
        }
        self.strike(fired);
        Some(Made::new(self.made()))
    }

    pub(super) fn after(&self, reply: &mut Value, fired: &mut Fired) {
        let mut made = self.made();
        made["jsonrpc"] = json!("2.0");
        made["id"] = reply["id"].take();
        *reply = made;
        self.strike(fired);
    }

    /// In a REST API the answer is the body.
    pub(super) fn rest(&self, body: &mut Value, fired: &mut Fired) {
        let (Said::Result(said) | Said::Error(said)) = &self.said;
        *body = said.clone();
        self.strike(fired);
    }
}
