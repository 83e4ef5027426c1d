//! What a transaction did, in words, by what one endpoint tells of it.

use super::LookBack;
use crate::chain::rpc::{LogEntry, TransactionInfo};
use crate::ports::Answer;
use crate::types::{SafeText, listed};

/// Logs of one transaction that are put into words.
const EVENTS: usize = 8;

impl LookBack {
    /// The call as the contract's version reads it, and the pools that its events name.
    pub(super) async fn did(&self, info: &TransactionInfo, logs: &[&LogEntry]) -> SafeText {
        let manager = &self.manager;
        let call = (info.to == Some(manager.address()))
            .then(|| manager.describe(&info.input))
            .flatten();
        let mut told = Vec::new();
        for log in logs.iter().take(EVENTS) {
            if let Answer::Yes(event) = manager.event(&log.log()).await {
                told.push(match (&call, event.of_its_pool()) {
                    (Some(_), Some(event)) => format!("pool {}", event.pool),
                    _ => event.to_string(),
                });
            }
        }
        if let Some(more) = logs.len().checked_sub(EVENTS).filter(|more| *more > 0) {
            told.push(format!("{more} more"));
        }
        let told = listed(&told, "and");
        SafeText::new(&match call {
            Some(call) => format!("{} of {told}", call.function),
            None => format!("a call that this version cannot read: {told}"),
        })
    }
}
