//! What became of a transaction, and how far the endpoints agree on it: one endpoint's word makes nothing final, no revert,
//! and no stranger.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::Outside;
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::log_limit::LogLimit;
use crate::ports::{Accord, agreed};
use crate::types::{BlockRef, NonceStatus, Root, SafeText, counted};

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
        // one at a time: an answer that is overtaken by a newer one must not be the last that is told
        let mut doubts = self.telling.lock().await;
        let look = match status {
            NonceStatus::Included { .. } => self.included(nonce, status).await,
            NonceStatus::Replaced { by, is_final } => self.replaced(nonce, hashes, by, is_final).await,
            NonceStatus::Missing | NonceStatus::Pending => Look::of(Some(status)),
        };
        if let Some(words) = doubts.hear(nonce, &look, Instant::now()) {
            self.tell_of_receipts(words).await;
        }
        drop(doubts);
        let mut known = look.status?;
        self.explain(&mut known).await;
        Some(known)
    }

    /// Why one of ours reverted.
    async fn explain(&self, status: &mut NonceStatus) {
        if let NonceStatus::Included {
            hash,
            block,
            success: false,
            reason,
            overtaken,
            ..
        } = status
            && let Some(found) = self.reasons.of(&*self.transactions, *hash, *block).await
        {
            *reason = Some(SafeText::new(&found.revert.to_string()));
            *overtaken = found.overtaken;
        }
    }

    /// One of ours is in a block. That ends its being sent, and a revert calls a person: one endpoint's word is not enough for
    /// either where others answer.
    async fn included(&self, nonce: u64, mut status: NonceStatus) -> Look {
        let NonceStatus::Included {
            hash,
            block,
            success,
            is_final,
            ..
        } = &mut status
        else {
            return Look::of(Some(status));
        };
        let (hash, block, success) = (*hash, *block, *success);
        let mut look = Look {
            tells: *is_final,
            ..Look::of(None)
        };
        if *is_final {
            let verdict = self.judged(Told::Receipt(hash, block, success)).await;
            look.words = verdict.words;
            if verdict.agreed == Agreed::Yes {
                look.status = Some(status);
                return look;
            }
            *is_final = false;
        }
        let verdict = self.judged(Told::Outcome(nonce, hash, block, success)).await;
        if !verdict.words.as_str().is_empty() {
            look.words = verdict.words;
        }
        look.is_doubted = !look.words.as_str().is_empty();
        look.status = match verdict.agreed {
            Agreed::Yes | Agreed::NotYet => Some(status),
            // the same bytes do no harm, wherever it is
            Agreed::Nowhere => Some(NonceStatus::Missing),
            Agreed::Denied => None,
        };
        look
    }

    /// Another transaction has the nonce of ours. That accuses whoever has the key and pauses everything, so nothing of it is
    /// known until the endpoints agree; that something waits with it in a node's pool does neither.
    async fn replaced(&self, nonce: u64, ours: &[Root], by: Option<Root>, is_final: bool) -> Look {
        let mut look = Look {
            tells: by.is_some() || is_final,
            ..Look::of(None)
        };
        if let Some(by) = by {
            let verdict = self.judged(Told::Taken(nonce, by, ours)).await;
            look.words = verdict.words;
            if verdict.agreed != Agreed::Yes {
                look.is_doubted = true;
                return look;
            }
        }
        let mut agreed = Agreed::NotYet;
        if is_final {
            let verdict = self.judged(Told::Replaced(nonce, ours)).await;
            agreed = verdict.agreed;
            if !verdict.words.as_str().is_empty() {
                look.words = verdict.words;
            }
            look.is_doubted = agreed != Agreed::Yes;
        }
        look.status = match (by, is_final, agreed) {
            (None, true, Agreed::NotYet | Agreed::Denied | Agreed::Nowhere) => None,
            (by, ..) => Some(NonceStatus::Replaced {
                by,
                is_final: agreed == Agreed::Yes,
            }),
        };
        look
    }

    /// How far the endpoints agree on what one of them tells.
    async fn judged(&self, what: Told<'_>) -> Verdict {
        let Some(account) = self.oracle else {
            return Verdict {
                agreed: Agreed::NotYet,
                words: SafeText::default(),
            };
        };
        let agreement = &*self.ask.agreement;
        let accord = match what {
            Told::Outcome(nonce, transaction, block, succeeded) => {
                // with no head nobody is behind
                let head = self.ask.execution.head().await.yes();
                let told = agreed::Told {
                    transaction,
                    account,
                    nonce,
                    block,
                    succeeded,
                    followed: head.map_or(0, |head| head.block.number),
                };
                agreed::on_outcome(agreement, told).await
            }
            Told::Receipt(hash, ..) => agreed::on_receipt(agreement, hash).await,
            Told::Replaced(nonce, ours) => agreed::on_used_nonce(agreement, account, nonce, ours).await,
            Told::Taken(nonce, by, ours) => agreed::on_taken_nonce(agreement, account, nonce, by, ours).await,
        };
        verdict(&accord, what)
    }

    async fn tell_of_receipts(&self, words: SafeText) {
        // the core is gone only when everything ends
        let _ = self
            .incoming
            .send(Incoming::Live(LiveUpdate::Alarm("receipt", words)))
            .await;
    }
}

/// What those say of it who agree, or are most. One that several outvote is named, and holds nothing up.
fn verdict(accord: &Accord, what: Told<'_>) -> Verdict {
    let (said, by_most) = match accord {
        Accord::Agree { said, .. } => (Some(said), false),
        Accord::Outvoted { most, .. } => (Some(most), true),
        // of one that told it and is silent now, and another that denies it
        Accord::TooFew { said, .. } => (said.as_ref(), false),
        Accord::Alone | Accord::Disagree(_) => (None, false),
    };
    let is_by_one = matches!(accord, Accord::TooFew { .. });
    let is_of_one_mind = matches!(accord, Accord::Alone | Accord::Agree { .. });
    // all that answer may deny what one of them told before
    let is_said = said.map(|said| match what {
        Told::Outcome(_, _, block, true) => agreed::is_in(said, block),
        Told::Outcome(_, _, block, success) | Told::Receipt(_, block, success) => {
            agreed::are_of(said, block, success)
        }
        Told::Taken(_, by, _) => agreed::is_taken_by(said, by),
        Told::Replaced(..) => !by_most,
    });
    let nowhere = matches!(what, Told::Outcome(..)) && !is_by_one && said.is_some_and(agreed::is_in_no_block);
    let agreed = match is_said {
        _ if nowhere => Agreed::Nowhere,
        Some(true) if is_by_one => Agreed::NotYet,
        Some(true) => Agreed::Yes,
        Some(false) => Agreed::Denied,
        None if is_of_one_mind => Agreed::Yes,
        None if accord.contradiction().is_some() => Agreed::Denied,
        None => Agreed::NotYet,
    };
    let words = match (agreed, what) {
        (Agreed::Yes, _) if by_most => accord.words(),
        // with the others away it is what is known
        (Agreed::Yes, _) | (Agreed::NotYet, Told::Outcome(..)) => String::new(),
        // it moved to another block between two questions
        (Agreed::Denied, Told::Outcome(..) | Told::Receipt(..)) if is_of_one_mind => String::new(),
        _ if is_of_one_mind => format!("{what}: no endpoint that is asked for it says so"),
        (Agreed::Denied, _) if is_by_one => {
            format!("{what}: the one that answers denies it; {}", accord.words())
        }
        _ => format!("{what}: {}", accord.words()),
    };
    Verdict {
        agreed,
        words: SafeText::new(&words),
    }
}

/// What is known of a nonce after a look, and what is told of it, once for all that was asked.
struct Look {
    status: Option<NonceStatus>,
    words: SafeText,
    /// That nothing is to be said is told, too: what was said before is over.
    tells: bool,
    /// The words are over as soon as nobody tells it any more.
    is_doubted: bool,
}

impl Look {
    fn of(status: Option<NonceStatus>) -> Self {
        Self {
            status,
            words: SafeText::default(),
            tells: false,
            is_doubted: false,
        }
    }
}

struct Verdict {
    agreed: Agreed,
    words: SafeText,
}

/// What the endpoints say of what one of them tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreed {
    Yes,
    /// Too few answered.
    NotYet,
    /// One that answered denies it.
    Denied,
    /// Most that answered have it in no block, and its nonce unused.
    Nowhere,
}

/// Of how many nonces the words are told.
const DOUBTS: usize = 4;
/// A nonce that is not looked at for so long is not followed any more.
const UNSEEN: Duration = Duration::from_secs(600);

/// What is not believed of transactions, by nonce: several are followed at once, and what is known of one ends no other's
/// words.
#[derive(Debug, Default)]
pub(in crate::engine::service) struct Doubts(BTreeMap<u64, Doubt>);

#[derive(Debug)]
struct Doubt {
    words: SafeText,
    /// See [`Look::is_doubted`].
    is_doubted: bool,
    at: Instant,
}

impl Doubts {
    /// What is to be told after a look at one nonce: of all of them.
    fn hear(&mut self, nonce: u64, look: &Look, now: Instant) -> Option<SafeText> {
        let was_doubted = self.0.get(&nonce).is_some_and(|doubt| doubt.is_doubted);
        if !look.tells && look.words.as_str().is_empty() && !was_doubted {
            return None;
        }
        self.0.remove(&nonce);
        // of a nonce that is over, what was told stays until something else is known
        self.0
            .retain(|_, doubt| doubt.is_doubted && now.duration_since(doubt.at) < UNSEEN);
        if !look.words.as_str().is_empty() {
            let doubt = Doubt {
                words: look.words.clone(),
                is_doubted: look.is_doubted,
                at: now,
            };
            self.0.insert(nonce, doubt);
        }
        Some(self.words())
    }

    fn words(&self) -> SafeText {
        let told = self.0.values().take(DOUBTS).map(|doubt| doubt.words.to_string());
        let more = self.0.len().saturating_sub(DOUBTS);
        let more = (more > 0).then(|| format!("and {}", counted(more, "more nonce")));
        SafeText::new(&told.chain(more).collect::<Vec<_>>().join("; "))
    }
}

/// What endpoints must agree about before it is believed.
#[derive(Debug, Clone, Copy)]
enum Told<'a> {
    /// That a transaction of ours, with this nonce, is in a block, or reverted in it.
    Outcome(u64, Root, BlockRef, bool),
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
            Self::Outcome(_, hash, _, false) => write!(f, "that transaction {hash} reverted is not believed"),
            Self::Outcome(_, hash, _, true) => {
                write!(f, "that transaction {hash} is in a block is not believed")
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn look(words: &str, is_doubted: bool, tells: bool) -> Look {
        Look {
            status: None,
            words: SafeText::new(words),
            tells,
            is_doubted,
        }
    }

    #[test]
    fn what_is_known_of_one_nonce_ends_no_words_of_another() {
        let (mut doubts, now) = (Doubts::default(), Instant::now());
        let mut hear = |nonce, look: &Look, after| {
            let told = doubts.hear(nonce, look, now + Duration::from_secs(after));
            told.map(|words| words.to_string())
        };
        let known = look("", false, true);
        assert_eq!(hear(1, &look("", false, false), 0), None);
        assert_eq!(hear(6, &look("six", true, false), 0).as_deref(), Some("six"));
        assert_eq!(
            hear(7, &look("seven", true, false), 0).as_deref(),
            Some("six; seven")
        );
        assert_eq!(
            hear(7, &known, 1).as_deref(),
            Some("six"),
            "of the other it is said as before"
        );
        // one that was outvoted at the end stays until something else is known
        assert_eq!(
            hear(7, &look("a liar", false, true), 1).as_deref(),
            Some("six; a liar")
        );
        assert_eq!(hear(6, &look("", false, false), 2).as_deref(), Some(""));
        // a nonce that nobody follows any more
        assert_eq!(hear(8, &look("eight", true, false), 3).as_deref(), Some("eight"));
        assert_eq!(hear(9, &known, 700).as_deref(), Some(""));
    }

    #[test]
    fn of_many_nonces_some_are_told_and_the_rest_counted() {
        let mut doubts = Doubts::default();
        let words = (0..6).map(|nonce| doubts.hear(nonce, &look("w", true, false), Instant::now()));
        assert_eq!(
            words.last().unwrap().unwrap().as_str(),
            "w; w; w; w; and 2 more nonces"
        );
    }
}
