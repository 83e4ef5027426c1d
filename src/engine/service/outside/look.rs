//! What became of a transaction, and how far the endpoints agree on it: one endpoint's word makes nothing final, no revert,
//! and no stranger.

use std::fmt;

use super::Outside;
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::log_limit::LogLimit;
use crate::ports::{Accord, At, agreed};
use crate::types::{BlockRef, NonceStatus, Root, SafeText};

/// Lines about transactions that nobody can look up: each is asked for again at every block.
static LOOKS: LogLimit = LogLimit::slow();

impl Outside {
    /// None where it is not known: the core asks again.
    pub(super) async fn inspect(&self, nonce: u64, hashes: &[Root]) -> Option<NonceStatus> {
        let seen = self.transactions.inspect(self.oracle?, nonce, hashes).await;
        let status = match seen.value() {
            Ok(status) => status,
            Err(why) => {
                if let Some(left_out) = LOOKS.line() {
                    tracing::warn!(target: "tx", nonce, %why, left_out, "could not look up a transaction");
                }
                return None;
            }
        };
        let known = match status {
            NonceStatus::Included { .. } => self.included(nonce, status).await,
            NonceStatus::Replaced { by, is_final } => self.replaced(nonce, hashes, by, is_final).await,
            NonceStatus::Missing | NonceStatus::Pending => Some(status),
        };
        if known
            .as_ref()
            .is_some_and(|status| !matches!(status, NonceStatus::Replaced { .. }))
        {
            self.no_longer_told(Doubted::Taken(nonce)).await;
        }
        known
    }

    /// One of ours is in a block.
    async fn included(&self, nonce: u64, mut status: NonceStatus) -> Option<NonceStatus> {
        let NonceStatus::Included {
            hash,
            block,
            success,
            reason,
            is_final,
            overtaken,
            ..
        } = &mut status
        else {
            return Some(status);
        };
        if *success {
            self.no_longer_told(Doubted::Revert(*hash)).await;
        } else {
            // a person is called for it: one endpoint's word is not enough where others answer
            if self.agreed(Told::Revert(*hash, *block)).await == Agreed::Denied {
                return None;
            }
            if let Some(found) = self.reasons.of(&*self.transactions, *hash, *block).await {
                *reason = Some(SafeText::new(&found.revert.to_string()));
                *overtaken = found.overtaken;
            }
        }
        if *is_final {
            match self.agreed(Told::Receipt(*hash, *block, *success)).await {
                Agreed::Yes => {}
                Agreed::NotYet => *is_final = false,
                // who has a receipt of a nonce that is unused has it of nothing; the same bytes do no harm anyway
                Agreed::Denied if self.is_unused(nonce).await => return Some(NonceStatus::Missing),
                Agreed::Denied => *is_final = false,
            }
        }
        Some(status)
    }

    /// Another transaction has the nonce of ours. That accuses whoever has the key and pauses everything, so nothing of it is
    /// known until the endpoints agree; that something waits with it in a node's pool does neither.
    async fn replaced(
        &self,
        nonce: u64,
        ours: &[Root],
        by: Option<Root>,
        is_final: bool,
    ) -> Option<NonceStatus> {
        if let Some(by) = by
            && self.agreed(Told::Taken(nonce, by, ours)).await != Agreed::Yes
        {
            return None;
        }
        let agreed = match is_final {
            true => self.agreed(Told::Replaced(nonce, ours)).await,
            false => Agreed::NotYet,
        };
        match (by, is_final, agreed) {
            (None, true, Agreed::NotYet | Agreed::Denied) => None,
            (by, ..) => Some(NonceStatus::Replaced {
                by,
                is_final: agreed == Agreed::Yes,
            }),
        }
    }

    /// The newest block has not used this nonce of the oracle account.
    async fn is_unused(&self, nonce: u64) -> bool {
        let Some(account) = self.oracle else { return false };
        let next = self.ask.execution.nonce(account, At::Latest).await;
        next.yes().is_some_and(|next| next <= nonce)
    }

    /// One endpoint's word makes nothing final, and no revert, where others are configured.
    async fn agreed(&self, what: Told<'_>) -> Agreed {
        let Some(account) = self.oracle else {
            return Agreed::NotYet;
        };
        // one at a time: an answer that is overtaken by a newer one must not be the last that is told
        let mut doubted = self.telling.lock().await;
        let agreement = &*self.ask.agreement;
        let verdict = match what {
            Told::Revert(hash, _) => agreed::on_outcome(agreement, hash).await,
            Told::Receipt(hash, ..) => agreed::on_receipt(agreement, hash).await,
            Told::Replaced(nonce, ours) => agreed::on_used_nonce(agreement, account, nonce, ours).await,
            Told::Taken(nonce, by, ours) => agreed::on_taken_nonce(agreement, account, nonce, by, ours).await,
        };
        // one that several outvote is named, and holds nothing up
        let by_most = match (&verdict, what) {
            (Accord::Outvoted { most, .. }, Told::Revert(_, block)) => agreed::are_of(most, block, false),
            (Accord::Outvoted { most, .. }, Told::Receipt(_, block, success)) => {
                agreed::are_of(most, block, success)
            }
            (Accord::Outvoted { most, .. }, Told::Taken(_, by, _)) => agreed::is_taken_by(most, by),
            _ => false,
        };
        // all that answer may deny what one of them told before
        let denied = match (&verdict, what) {
            (Accord::Agree { said, .. }, Told::Taken(_, by, _)) => !agreed::is_taken_by(said, by),
            _ => false,
        };
        let answer = match &verdict {
            _ if denied => Agreed::Denied,
            verdict if by_most || verdict.holds() => Agreed::Yes,
            verdict if verdict.contradiction().is_some() => Agreed::Denied,
            _ => Agreed::NotYet,
        };
        let words = match (answer, what) {
            (Agreed::Yes, _) if by_most => SafeText::new(&verdict.words()),
            // with the others away it is what is known
            (Agreed::Yes, _) | (Agreed::NotYet, Told::Revert(..)) => SafeText::default(),
            _ if denied => SafeText::new(&format!("{what}: no endpoint that is asked for it says so")),
            _ => SafeText::new(&format!("{what}: {}", verdict.words())),
        };
        *doubted = match what {
            Told::Revert(hash, _) if answer == Agreed::Denied => Some(Doubted::Revert(hash)),
            Told::Taken(nonce, ..) | Told::Replaced(nonce, _) if answer != Agreed::Yes => {
                Some(Doubted::Taken(nonce))
            }
            _ => None,
        };
        self.tell_of_receipts(words).await;
        answer
    }

    /// Whoever told it says something else now.
    async fn no_longer_told(&self, what: Doubted) {
        let mut doubted = self.telling.lock().await;
        if *doubted == Some(what) {
            *doubted = None;
            self.tell_of_receipts(SafeText::default()).await;
        }
    }

    async fn tell_of_receipts(&self, words: SafeText) {
        // the core is gone only when everything ends
        let _ = self
            .incoming
            .send(Incoming::Live(LiveUpdate::Alarm("receipt", words)))
            .await;
    }
}

/// What the endpoints say of what one of them tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreed {
    Yes,
    /// Too few answered.
    NotYet,
    /// One that answered denies it.
    Denied,
}

/// What one endpoint tells of a transaction and others deny, or do not confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::service) enum Doubted {
    /// That this one of ours reverted.
    Revert(Root),
    /// That another transaction has this nonce.
    Taken(u64),
}

/// What endpoints must agree about before it is believed.
#[derive(Debug, Clone, Copy)]
enum Told<'a> {
    /// That a transaction of ours reverted.
    Revert(Root, BlockRef),
    /// What a transaction of ours came to in a block, that it went through, and that it is final.
    Receipt(Root, BlockRef, bool),
    /// The nonce is this transaction's, which is none of these, in a block that need not be final.
    Taken(u64, Root, &'a [Root]),
    /// The nonce went to another than these.
    Replaced(u64, &'a [Root]),
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revert(hash, _) => write!(f, "that transaction {hash} reverted is not believed"),
            Self::Receipt(hash, ..) => write!(f, "transaction {hash} is not taken for final"),
            Self::Taken(nonce, by, _) => write!(
                f,
                "that transaction {by}, which is not in this journal, used nonce {nonce} is not believed yet"
            ),
            Self::Replaced(nonce, _) => write!(
                f,
                "that another transaction used nonce {nonce} is not taken for final"
            ),
        }
    }
}
