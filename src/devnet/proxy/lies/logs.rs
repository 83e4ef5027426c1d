//! Logs of the node left out, altered or told twice.

use serde_json::Value;

use super::rewrite::{put, segments};
use super::{Fate, result_of, topic};
use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::rpc::RpcCall;
use crate::devnet::proxy::scenario::{Reader, Table};

/// What carries logs.
pub(super) const METHODS: &[&str] = &[
    "eth_getLogs",
    "eth_getFilterLogs",
    "eth_getFilterChanges",
    "eth_getTransactionReceipt",
    "eth_getBlockReceipts",
    "eth_subscription",
];

/// Which logs.
#[derive(Debug, Clone)]
struct Which {
    address: Option<String>,
    /// By place; an empty one stands for any.
    topics: Vec<Option<String>>,
    data: Option<String>,
}

/// What is done to them.
#[derive(Debug, Clone)]
enum Change {
    Drop,
    Repeat,
    /// JSON pointers into the log.
    Set(Vec<(String, Value)>),
}

#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct ChangeLogs {
    which: Which,
    change: Change,
}

impl Which {
    fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let address = t.text(r, "address").map(|text| text.to_ascii_lowercase());
        let topics = match t.json(r, "topics") {
            None => Some(Vec::new()),
            Some(Value::Array(topics)) => {
                let any = |value: &Value| value.as_str() == Some("*");
                let read = topics.iter().map(|value| {
                    if any(value) {
                        Some(None)
                    } else {
                        topic::word(value).map(Some)
                    }
                });
                read.collect::<Option<Vec<_>>>()
            }
            Some(_) => None,
        };
        if topics.is_none() {
            t.wrong(
                r,
                "topics",
                "expected a list of topics: 32 bytes, numbers, event signatures, or `*` for any",
            );
        }
        let data = t.json(r, "data").map(|value| topic::data(&value));
        if data == Some(None) {
            t.wrong(r, "data", "expected hexadecimal bytes or a list of words");
        }
        Some(Self {
            address,
            topics: topics?,
            data: data.flatten(),
        })
    }

    fn matches(&self, log: &Value) -> bool {
        let is = |value: Option<&Value>, wanted: &str| {
            value
                .and_then(Value::as_str)
                .is_some_and(|text| text.eq_ignore_ascii_case(wanted))
        };
        let at = |(n, topic): (usize, &Option<String>)| {
            let found = log.pointer(&format!("/topics/{n}"));
            found.is_some() && topic.as_ref().is_none_or(|topic| is(found, topic))
        };
        self.address
            .as_ref()
            .is_none_or(|address| is(log.get("address"), address))
            && self.topics.iter().enumerate().all(at)
            && self.data.as_ref().is_none_or(|data| is(log.get("data"), data))
    }
}

impl ChangeLogs {
    pub(super) fn dropping(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        Self::read(r, t, Change::Drop)
    }

    pub(super) fn repeating(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        Self::read(r, t, Change::Repeat)
    }

    pub(super) fn altering(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let set = t.table(r, "set").map_or_else(Vec::new, |mut set| set.all(r));
        if set.is_empty() || set.iter().any(|(pointer, _)| !pointer.starts_with('/')) {
            t.wrong(
                r,
                "set",
                "is required: JSON pointers into the log, such as \"/data\", and what to say there",
            );
        }
        Self::read(r, t, Change::Set(set))
    }

    fn read(r: &mut Reader<'_>, t: &mut Table<'_>, change: Change) -> Option<Self> {
        Some(Self {
            which: Which::read(r, t)?,
            change,
        })
    }

    pub(super) fn after(&self, call: &RpcCall, reply: &mut Value, fired: &mut Fired) -> Fate {
        let Some(result) = result_of(call, reply) else {
            return Fate::Told;
        };
        if call.method == "eth_subscription" {
            return self.told(result, fired);
        }
        let changed: usize = lists(&call.method, result)
            .into_iter()
            .map(|list| self.change(list))
            .sum();
        if changed > 0 {
            fired.strike(&self.words(changed));
        }
        Fate::Told
    }

    /// One log, told to a subscriber.
    fn told(&self, log: &mut Value, fired: &mut Fired) -> Fate {
        if log.get("topics").is_none() || !self.which.matches(log) {
            return Fate::Told;
        }
        match &self.change {
            Change::Drop => {
                fired.strike(&self.words(1));
                return Fate::Lost;
            }
            Change::Set(set) => {
                alter(log, set);
                fired.strike(&self.words(1));
            }
            // one message is one log
            Change::Repeat => {}
        }
        Fate::Told
    }

    fn change(&self, list: &mut Vec<Value>) -> usize {
        let before = list.len();
        match &self.change {
            Change::Drop => {
                list.retain(|log| !self.which.matches(log));
                before - list.len()
            }
            Change::Repeat => {
                let twice = |log: Value| {
                    let again = self.which.matches(&log).then(|| log.clone());
                    std::iter::once(log).chain(again)
                };
                *list = std::mem::take(list).into_iter().flat_map(twice).collect();
                list.len() - before
            }
            Change::Set(set) => {
                let which = list.iter_mut().filter(|log| self.which.matches(log));
                which.map(|log| alter(log, set)).count()
            }
        }
    }

    fn words(&self, changed: usize) -> String {
        let logs = if changed == 1 {
            "1 log".to_owned()
        } else {
            format!("{changed} logs")
        };
        match self.change {
            Change::Drop => format!("left out {logs}"),
            Change::Repeat => format!("told {logs} twice"),
            Change::Set(_) => format!("altered {logs}"),
        }
    }
}

fn alter(log: &mut Value, set: &[(String, Value)]) {
    for (pointer, value) in set {
        put(log, &segments(pointer), value);
    }
}

/// The lists of logs in a result.
fn lists<'v>(method: &str, result: &'v mut Value) -> Vec<&'v mut Vec<Value>> {
    let of = |receipt: &'v mut Value| receipt.get_mut("logs").and_then(Value::as_array_mut);
    match (method, result) {
        ("eth_getTransactionReceipt", receipt) => of(receipt).into_iter().collect(),
        ("eth_getBlockReceipts", Value::Array(receipts)) => receipts.iter_mut().filter_map(of).collect(),
        (_, Value::Array(logs)) => vec![logs],
        _ => Vec::new(),
    }
}
