//! Blocks of which an endpoint tells nothing, in logs and receipts alike, although their headers promise something: the
//! others are asked, because one may leave out both.

use std::collections::BTreeMap;

use alloy::primitives::B256;

use crate::chain::logs::asked_for;
use crate::chain::rpc::{BlockHeader, EndpointIndex, LogEntry, LogFilter, Rpc};
use crate::types::LogRef;

/// Who told which log: one endpoint for all but these.
#[derive(Debug)]
pub(super) struct Tellers {
    usual: EndpointIndex,
    others: BTreeMap<LogRef, EndpointIndex>,
}

impl Tellers {
    pub(super) fn all(usual: EndpointIndex) -> Self {
        let others = BTreeMap::new();
        Self { usual, others }
    }

    pub(super) fn of(&self, log: &LogEntry) -> EndpointIndex {
        self.others.get(&log.at()).copied().unwrap_or(self.usual)
    }

    /// What others tell of a block of which the usual one tells nothing. It is flagged; whether what they tell is believed
    /// is up to the receipts. Who does not answer tells nothing.
    pub(super) async fn ask_others(
        &mut self,
        rpc: &Rpc,
        filter: &LogFilter,
        header: &BlockHeader,
    ) -> Vec<LogEntry> {
        let promises = header
            .logs_bloom
            .as_ref()
            .is_some_and(|bloom| filter.may_match(bloom));
        if !promises {
            return Vec::new();
        }
        let number = header.number();
        for (index, name, voice) in rpc.voices() {
            if index == self.usual {
                continue;
            }
            let mut logs = Vec::new();
            for address in &filter.addresses {
                let told = voice.logs_in(B256::from(header.block().hash.0), *address).await;
                logs.extend(told.unwrap_or_default());
            }
            let mut logs = asked_for(logs, filter, number, number);
            logs.retain(|log| log.at().block == header.block());
            if logs.is_empty() {
                continue;
            }
            tracing::warn!(target: "chain", teller = %name, block = number, "an endpoint left out logs that another tells");
            rpc.blame_for_omission(self.usual);
            self.others.extend(logs.iter().map(|log| (log.at(), index)));
            return logs;
        }
        Vec::new()
    }
}
