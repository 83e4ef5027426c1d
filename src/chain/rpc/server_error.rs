//! The error object of a node, and what it says: an answer, or nothing.
//!
//! | question | an error is an answer | everything else says nothing, and the next endpoint is asked |
//! |---|---|---|
//! | `eth_call`, `eth_estimateGas` | the call reverted | lacking state, time-outs, limits, no such method |
//! | `eth_sendRawTransaction` | the bytes are refused | lacking state, time-outs, limits, internal errors |
//! | the newest finalized block | the client's words for *nothing is final yet* | every other error |
//! | all others | never | every error |

use serde::Deserialize;
use serde_json::Value;

use crate::types::SafeText;

/// The error of a JSON-RPC answer: an object, or with gateways anything else that says something.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Value")]
pub struct ServerError {
    /// JSON-RPC error code, a number or its digits; clients disagree about most of them. 0 where there is none.
    pub code: i64,
    /// The node's words.
    pub message: SafeText,
    /// Whatever the node added; revert bytes of a call, for instance.
    pub data: Option<Value>,
}

impl From<Value> for ServerError {
    fn from(told: Value) -> Self {
        let words = |told: &Value| match told {
            Value::String(text) => SafeText::new(text),
            Value::Null => SafeText::default(),
            other => SafeText::new(&other.to_string()),
        };
        let Value::Object(mut fields) = told else {
            return Self {
                code: 0,
                message: words(&told),
                data: None,
            };
        };
        let code = match fields.get("code") {
            Some(Value::Number(code)) => code.as_i64(),
            Some(Value::String(digits)) => digits.trim().parse().ok(),
            _ => None,
        };
        Self {
            code: code.unwrap_or_default(),
            message: fields.get("message").map(words).unwrap_or_default(),
            data: fields.remove("data").filter(|data| !data.is_null()),
        }
    }
}

/// What a server error means for the choice of the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerErrorKind {
    /// Too many requests: wait, then ask again.
    RateLimited,
    /// This node cannot answer (pruned, lagging, broken, limited, no such method); another one may.
    NotHere,
    /// The answer to the question, though not the one hoped for.
    Answer,
}

/// Words of gateways that are asked too often.
const TOO_OFTEN: &[&str] = &[
    "rate limit",
    "ratelimit",
    "too many requests",
    "request limit reached",
    "compute units per second",
    "throughput",
    "request count exceeded",
    "requests per second",
    "exceeded its quota",
    "capacity exceeded",
];

/// Words of nodes that lack the state, the block or the method.
const LACKING: &[&str] = &[
    "header not found",
    "unknown block",
    "block not found",
    "missing trie node",
    "state not available",
    "historical state",
    "state is not available",
    "method not found",
    "not supported",
    "pruned",
];

/// Words of nodes that did not get done.
const NOT_DONE: &[&str] = &["timeout", "timed out", "overloaded", "server busy", "try again"];

impl ServerError {
    /// A question about the chain's state has no error for an answer: whatever the words, another node may know. Only a
    /// call that is tried out can revert, and only signed bytes can be refused.
    pub(crate) fn kind(&self, method: &str) -> ServerErrorKind {
        if method == "eth_call" || method == "eth_estimateGas" {
            if self.reverted() {
                return ServerErrorKind::Answer;
            }
        } else if method == "eth_sendRawTransaction" {
            let cannot =
                self.code == -32601 || self.code == -32603 || self.says(LACKING) || self.says(NOT_DONE);
            if !cannot && !self.is_too_often() {
                return ServerErrorKind::Answer;
            }
        }
        if self.is_too_often() {
            ServerErrorKind::RateLimited
        } else {
            ServerErrorKind::NotHere
        }
    }

    fn says(&self, needles: &[&str]) -> bool {
        let text = self.message.as_str().to_ascii_lowercase();
        needles.iter().any(|needle| text.contains(needle))
    }

    /// It does not have a block of those that were asked for.
    pub(super) fn lacks_a_block(&self) -> bool {
        self.says(&["header not found", "unknown block", "block not found"])
    }

    /// It is over when the node has time again: nothing is said of what was asked.
    pub(super) fn passes(&self) -> bool {
        self.is_too_often() || self.says(NOT_DONE)
    }

    /// It does not have the method at all, for whatever block.
    pub(crate) fn says_no_such_method(&self) -> bool {
        const WORDS: &[&str] = &[
            "method not found",
            "method not supported",
            "unsupported method",
            "does not exist/is not available",
        ];
        self.code == -32601 || self.says(WORDS)
    }

    fn is_too_often(&self) -> bool {
        self.code == 429 || self.says(TOO_OFTEN)
    }

    /// To a question for the newest finalized block: nothing is final yet. What each client says before it has heard of
    /// a finalized block (ethereum/execution-apis, pull request 879; Nethermind, reth and ethrex answer `null`):
    ///
    /// | client | code | words |
    /// |---|---|---|
    /// | go-ethereum | -32000 | `finalized block not found` |
    /// | Besu, Erigon | -39001 | `Unknown block` |
    /// | Erigon since 2026 | -39001 or another | `block "finalized" not available (head block: …)` |
    pub(crate) fn says_nothing_is_final(&self) -> bool {
        let text = self.message.as_str().trim().to_ascii_lowercase();
        text == "finalized block not found"
            || text.starts_with("block \"finalized\" not available")
            || (self.code == -39001 && text == "unknown block")
    }

    /// The bytes that a reverted call returned, where the node tells them: as `data`, as `data.data` or inside the
    /// text (`Reverted 0x…`), by the habits of the clients.
    #[must_use]
    pub fn revert_data(&self) -> Option<Vec<u8>> {
        fn from_text(text: &str) -> Option<Vec<u8>> {
            let (before, digits) = text.split_once("0x")?;
            // other texts name blocks and hashes
            let told = before.trim().to_ascii_lowercase();
            (told.is_empty() || told.starts_with("revert"))
                .then(|| hex::decode(digits.trim()).ok())
                .flatten()
        }
        match self.data.as_ref()? {
            Value::String(text) => from_text(text),
            Value::Object(map) => ["data", "result", "output"]
                .iter()
                .find_map(|key| map.get(*key)?.as_str())
                .and_then(from_text),
            _ => None,
        }
    }

    /// The call ran and reverted, by the node's words or by the bytes that it returned. A node that lacks the state, is
    /// asked too often or did not get done says nothing of the call, even where it sends bytes along.
    #[must_use]
    pub fn reverted(&self) -> bool {
        if self.code == 3 || self.says(&["execution reverted"]) {
            return true;
        }
        if self.code == -32601 || self.is_too_often() || self.says(LACKING) || self.says(NOT_DONE) {
            return false;
        }
        self.says(&["revert", "vm execution error", "invalid opcode", "out of gas"])
            || self.revert_data().is_some()
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    /// What nodes say | what it is to a call, to signed bytes, to a question about the state.
    const TOLD: &str = r#"
        {"code": 3, "message": "execution reverted", "data": "0x"}                | Answer      Answer      NotHere
        {"code": -32015, "message": "VM execution error.", "data": "Reverted 0x"} | Answer      Answer      NotHere
        {"code": -32000, "message": "nonce too low"}                              | NotHere     Answer      NotHere
        {"code": -32000, "message": "invalid block range"}                        | NotHere     Answer      NotHere
        {"code": -32000, "message": "missing trie node 00ff (path )"}             | NotHere     NotHere     NotHere
        {"code": -32000, "message": "request timed out"}                          | NotHere     NotHere     NotHere
        {"code": -32601, "message": "no such method"}                             | NotHere     NotHere     NotHere
        {"code": -32603, "message": "Internal error"}                             | NotHere     NotHere     NotHere
        {"code": 429, "message": "slow down"}                                     | RateLimited RateLimited RateLimited
        {"code": -32005, "message": "request rate limited"}                       | RateLimited RateLimited RateLimited
        {"code": "-32005", "message": "too many requests"}                        | RateLimited RateLimited RateLimited
        {"code": "429", "message": "slow down"}                                   | RateLimited RateLimited RateLimited
        {"code": "RANGE", "message": {"text": "range too wide"}}                  | NotHere     Answer      NotHere
        "exceeds max block range"                                                 | NotHere     Answer      NotHere
        "too many requests"                                                       | RateLimited RateLimited RateLimited
        {}                                                                        | NotHere     Answer      NotHere
    "#;

    fn kind_named(name: &str) -> ServerErrorKind {
        match name {
            "Answer" => ServerErrorKind::Answer,
            "NotHere" => ServerErrorKind::NotHere,
            "RateLimited" => ServerErrorKind::RateLimited,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn an_error_is_an_answer_only_where_the_question_has_one() {
        for row in TOLD.lines().filter(|row| row.contains('|')) {
            let (body, kinds) = row.split_once('|').unwrap();
            let kinds: Vec<_> = kinds.split_whitespace().map(kind_named).collect();
            let [call, send, state] = kinds[..] else {
                panic!("{row}")
            };
            let error: ServerError = serde_json::from_str(body).unwrap();
            for method in ["eth_call", "eth_estimateGas"] {
                assert_eq!(error.kind(method), call, "{method}: {body}");
            }
            assert_eq!(error.kind("eth_sendRawTransaction"), send, "{body}");
            for method in [
                "eth_getLogs",
                "eth_getBlockByNumber",
                "eth_getBalance",
                "eth_getCode",
            ] {
                assert_eq!(error.kind(method), state, "{method}: {body}");
            }
        }
    }
}
