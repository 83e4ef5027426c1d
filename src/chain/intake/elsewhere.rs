//! What stands in the place of a denied log. Whoever told a log that is not there may have altered a true one, which it
//! then told to nobody: every other endpoint that has the block is asked for its logs, and they are judged as all others.
//!
//! Where no other endpoint has the block now, the denied log is kept as a doubt, and with it the cursor. Of the only
//! endpoint nothing better can be had: a log that it denies itself is dropped, unless it cannot be read, because then
//! nobody knows what it was.

use alloy::primitives::B256;

use super::doubts::{Doubt, Verdict, Why, is_in_state, judged};
use super::{BelievedLog, Decoded, Heard, Intake};
use crate::chain::rpc::{At, EndpointIndex, LogEntry, LogFilter, Rpc};
use crate::types::{BlockRef, SafeText};

impl Intake {
    /// Asks the others about the blocks of `denied` logs, each block once. What is believed of it is added to `believed`,
    /// what is not is kept, and so is what nobody can be asked about.
    pub(super) async fn read_elsewhere(&mut self, denied: Vec<Doubt>, believed: &mut Vec<BelievedLog>) {
        let Some(filter) = self.filter.clone() else { return };
        let mut read: Vec<(BlockRef, EndpointIndex)> = Vec::new();
        for doubt in denied {
            let (block, liar, before) = (doubt.heard.at.block, doubt.teller(), doubt.before());
            if read.contains(&(block, liar)) {
                continue;
            }
            match told_by_others(self.rpc(), &filter, block, liar).await {
                None if matches!(doubt.heard.event, Decoded::Unreadable(..)) => {
                    let words = "its endpoint denies it by its own receipt, and no second one is configured";
                    self.doubts.keep(doubt.because(Why::Contested(words.into())));
                }
                None => {}
                Some(Err(words)) => self.doubts.keep(doubt.because(Why::Contested(words))),
                Some(Ok(logs)) => {
                    read.push((block, liar));
                    self.take_elsewhere(logs, before, believed).await;
                }
            }
        }
        believed.sort_by_key(|told| (told.at.block.number, told.at.index));
    }

    async fn take_elsewhere(
        &mut self,
        logs: Vec<(LogEntry, EndpointIndex)>,
        before: Option<BlockRef>,
        believed: &mut Vec<BelievedLog>,
    ) {
        for (log, teller) in logs {
            for heard in self.sources.decode(vec![log]).await {
                let at = heard.at;
                if self.known.contains_key(&at) || believed.iter().any(|told| told.at == at) {
                    continue;
                }
                let (heard, verdict): (Heard, _) =
                    judged(self.rpc(), &self.sources, heard, teller, is_in_state).await;
                match verdict {
                    Verdict::Believed(told) => {
                        self.doubts.settle(at);
                        believed.push(told);
                    }
                    Verdict::Denied => {}
                    Verdict::NotYet(why) => self.doubts.keep(Doubt::of(heard, teller, why, before)),
                }
            }
        }
    }
}

/// The logs of a block as every endpoint but one tells them, each once, with the first that told it. None where no other
/// is configured.
///
/// # Errors
/// None of them has the block now, in words.
async fn told_by_others(
    rpc: &Rpc,
    filter: &LogFilter,
    block: BlockRef,
    liar: EndpointIndex,
) -> Option<Result<Vec<(LogEntry, EndpointIndex)>, SafeText>> {
    let mut others = rpc.voices();
    others.retain(|(index, ..)| *index != liar);
    if others.is_empty() {
        return None;
    }
    let mut logs: Vec<(LogEntry, EndpointIndex)> = Vec::new();
    let mut silent = Vec::new();
    for (index, name, rpc) in &others {
        match of_block(rpc, filter, block).await {
            Ok(told) => {
                for log in told {
                    if !logs.iter().any(|(known, _)| known.is_same(&log)) {
                        logs.push((log, *index));
                    }
                }
            }
            Err(why) => silent.push(format!("{name} {why}")),
        }
    }
    Some(if silent.len() == others.len() {
        Err(SafeText::new(&format!(
            "a log of block {} is denied, and what stands in its place is not known: {}",
            block.number,
            silent.join("; ")
        )))
    } else {
        Ok(logs)
    })
}

/// An endpoint without the block would tell an empty list, so it is asked for the block first.
async fn of_block(rpc: &Rpc, filter: &LogFilter, block: BlockRef) -> Result<Vec<LogEntry>, String> {
    let silent = |error| format!("does not answer ({error})");
    let hash = B256::from(block.hash.0);
    if rpc.header(At::Hash(hash)).await.map_err(silent)?.is_none() {
        return Err("does not have the block".to_owned());
    }
    let piece = rpc
        .logs(filter, block.number, block.number)
        .await
        .map_err(silent)?;
    let mut logs = piece.logs;
    logs.retain(|log| log.at().block == block);
    Ok(logs)
}
