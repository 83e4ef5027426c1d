//! What an endpoint says of transactions that another one tells. Who sent it says nothing of what it did: the call and the
//! pools are read from the calldata and the logs that this endpoint has of it.

use alloy::primitives::{Address, B256};

use super::{LookBack, Sent};
use crate::chain::rpc::{LogEntry, LogFilter, Rpc, RpcError, TransactionInfo};
use crate::types::{BlockRef, SafeText};

/// An endpoint that is asked.
pub(super) struct Second<'a> {
    look: &'a LookBack,
    account: Address,
    filter: &'a LogFilter,
    name: &'a SafeText,
    voice: &'a Rpc,
}

/// What it says.
enum Word {
    /// The same.
    Yes,
    /// Something else, in words.
    No(SafeText),
    /// Nothing of it: no answer, or one about something else.
    NotKnown,
}

impl<'a> Second<'a> {
    pub(super) const fn new(
        look: &'a LookBack,
        account: Address,
        filter: &'a LogFilter,
        (name, voice): &'a (SafeText, Rpc),
    ) -> Self {
        Self {
            look,
            account,
            filter,
            name,
            voice,
        }
    }

    /// Which of them it bears out, or how it does not; those of which it says nothing are left out.
    pub(super) async fn hear(self, sent: &[Sent], told: &mut Vec<(usize, Option<SafeText>)>) {
        for (n, one) in sent.iter().enumerate() {
            if one.told_by.contains(self.name) {
                continue;
            }
            match self.word(one).await {
                Ok(Word::Yes) => told.push((n, None)),
                Ok(Word::No(words)) => told.push((n, Some(words))),
                Ok(Word::NotKnown) | Err(_) => {}
            }
        }
    }

    async fn word(&self, one: &Sent) -> Result<Word, RpcError> {
        let hash = B256::from(one.transaction.0);
        let Some(info) = self.voice.transaction(hash).await? else {
            return Ok(Word::No("does not know it".into()));
        };
        // what is about another transaction, or is in no block yet, says nothing
        let Some(block) = info.block().filter(|_| info.hash == hash) else {
            return Ok(Word::NotKnown);
        };
        if info.from != self.account || info.nonce() != one.nonce || block != one.block {
            return Ok(Word::No("denies it".into()));
        }
        self.what_it_did(one, &info, block).await
    }

    async fn what_it_did(
        &self,
        one: &Sent,
        info: &TransactionInfo,
        block: BlockRef,
    ) -> Result<Word, RpcError> {
        let logs = match self.voice.receipt(info.hash).await? {
            Some(receipt) if receipt.transaction_hash != info.hash || receipt.block() != block => {
                return Ok(Word::NotKnown);
            }
            Some(receipt) if !receipt.succeeded() => return Ok(Word::No("says that it was reverted".into())),
            Some(receipt) => receipt.logs,
            // receipts are pruned sooner than logs, and where there are none of it, either may be the reason
            None => {
                let piece = self.voice.logs(self.filter, block.number, block.number).await?;
                if !piece.logs.iter().any(|log| self.is_of(info.hash, block, log)) {
                    return Ok(Word::NotKnown);
                }
                piece.logs
            }
        };
        let ours = logs.iter().filter(|log| self.is_of(info.hash, block, log));
        let mut ours: Vec<_> = ours.collect();
        ours.sort_by_key(|log| log.at().index);
        if ours.is_empty() {
            return Ok(Word::No("says that the contract told nothing of it".into()));
        }
        let did = self.look.did(info, &ours).await;
        Ok(match did == one.did {
            true => Word::Yes,
            false => Word::No(SafeText::new(&format!("says that it was {did}"))),
        })
    }

    fn is_of(&self, transaction: B256, block: BlockRef, log: &LogEntry) -> bool {
        let at = log.at();
        at.transaction.0 == transaction.0 && at.block == block && !log.removed && self.filter.matches(log)
    }
}
