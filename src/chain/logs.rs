//! Logs of long ranges: what of an answer counts, and waiting for a backend that is a moment behind.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::chain::rpc::{LogEntry, LogFilter, Piece, Rpc, RpcError};
use crate::types::SafeText;

/// How long, and how often, logs of the newest blocks are waited for where an endpoint's backend for logs is behind its
/// head: one slot and a little.
const BACKEND: (Duration, Duration) = (Duration::from_secs(15), Duration::from_millis(500));

/// The next logs from block `from` on, at most to `to`. Those that a backend does not have yet are waited for.
pub(crate) async fn patiently(rpc: &Rpc, filter: &LogFilter, from: u64, to: u64) -> Result<Piece, RpcError> {
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
