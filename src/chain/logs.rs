//! Logs of long ranges: what of an answer counts, and waiting for a backend that is a moment behind.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::chain::rpc::{LogEntry, LogFilter, LogRange, Rpc, RpcError};
use crate::types::SafeText;

/// How long, and how often, logs of the newest blocks are waited for where an endpoint's backend for logs is behind its
/// head: one slot and a little.
const BACKEND: (Duration, Duration) = (Duration::from_secs(15), Duration::from_millis(500));

/// The next logs from block `from` on, at most to `to`. Those that a backend does not have yet are waited for.
pub(crate) async fn patiently(
    rpc: &Rpc,
    filter: &LogFilter,
    from: u64,
    to: u64,
) -> Result<LogRange, RpcError> {
    let (whole, pause) = BACKEND;
    let give_up = Instant::now() + whole;
    loop {
        match rpc.logs(filter, from, to).await {
            Err(error) if error.is_behind() && Instant::now() < give_up => tokio::time::sleep(pause).await,
            other => return other,
        }
    }
}

/// What was asked for and nothing else, in order and each once: nodes have repeated logs and sent others' logs.
pub(crate) fn asked_for(logs: Vec<LogEntry>, filter: &LogFilter, from: u64, to: u64) -> Vec<LogEntry> {
    let mut logs: Vec<_> = logs
        .into_iter()
        .filter(|log| {
            let number = log.at().block.number;
            !log.removed && number >= from && number <= to && filter.matches(log)
        })
        .collect();
    logs.sort_by_key(|log| (log.at().block.number, log.at().index));
    logs.dedup_by_key(|log| log.at());
    logs
}

/// What no honest answer to `eth_getLogs` holds, in words: a log twice, or one of a block that left the chain.
pub(crate) fn oddity(logs: &[LogEntry]) -> Option<SafeText> {
    let block = |log: &LogEntry| log.at().block.number;
    if let Some(log) = logs.iter().find(|log| log.removed) {
        let words = format!(
            "told a log of block {} as removed, when asked for those that stand",
            block(log)
        );
        return Some(SafeText::new(&words));
    }
    let mut seen = BTreeSet::new();
    let twice = logs.iter().find(|log| !seen.insert(log.at()))?;
    let words = format!("told a log of block {} twice in one answer", block(twice));
    Some(SafeText::new(&words))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_honest_answer_holds_is_named() {
        let log = |index: u64, removed: bool| -> LogEntry {
            let (block, transaction) = ("11".repeat(32), "22".repeat(32));
            serde_json::from_value(json!({
                "address": format!("0x{}", "33".repeat(20)), "topics": [], "data": "0x", "removed": removed,
                "blockNumber": "0x7", "blockHash": format!("0x{block}"), "logIndex": format!("{index:#x}"),
                "transactionHash": format!("0x{transaction}"), "transactionIndex": "0x0",
            }))
            .unwrap()
        };
        let says = |logs: &[LogEntry]| oddity(logs).map(|words| words.to_string());
        assert_eq!(says(&[log(0, false), log(1, false)]), None);
        assert_eq!(
            says(&[log(0, false), log(1, false), log(0, false)]).unwrap(),
            "told a log of block 7 twice in one answer"
        );
        assert!(says(&[log(0, true)]).unwrap().contains("as removed"));
    }
}
