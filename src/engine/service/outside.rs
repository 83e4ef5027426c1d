//! Performs the core's effects: the one place where a decision becomes a message to somebody.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use alloy::primitives::Address;
use tokio::sync::{Mutex, mpsc};

use super::ceremony;
use super::reasons::Reasons;
use crate::desk::{self, Desk, Neighbours};
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::engine::spend::unsigned;
use crate::engine::world::{EffectFuture, World};
use crate::log_limit::LogLimit;
use crate::oracle::{Effect, ExitPayload, Input, NotSigned, Published, TransactionPayload};
use crate::ports::{Accord, At, Consensus, Priced, StuckOptions, Transactions, agreed};
use crate::types::{
    ActionId, BlockRef, BlsPublicKey, CaseId, NonceStatus, Root, Round, SafeText, SignedTransaction,
    rounded_ether,
};

/// Lines about transactions that nobody can look up: each is asked for again at every block.
static LOOKS: LogLimit = LogLimit::slow();
/// Lines about nonces that one endpoint calls used: it can do so at every transaction.
static USED: LogLimit = LogLimit::slow();

/// The world as the engine sees it.
pub(super) struct Outside {
    pub(super) desk: Desk,
    pub(super) ask: Neighbours,
    pub(super) transactions: Arc<dyn Transactions>,
    pub(super) reasons: Reasons,
    /// The account that sends.
    pub(super) oracle: Option<Address>,
    /// Where transcripts are kept: beside the journal.
    pub(super) transcripts: PathBuf,
    /// Those that could not be written yet.
    pub(super) unwritten: Arc<ceremony::UnwrittenNames>,
    /// The core.
    pub(super) incoming: mpsc::Sender<Incoming>,
    /// Held while a receipt is compared and the outcome told: the transaction of ours whose revert is not believed.
    pub(super) telling: Mutex<Option<Root>>,
}

/// An approved ceiling holds, whatever is pressed or configured later: only the first way needs nobody.
fn ways_on(options: &StuckOptions) -> String {
    format!(
        "three ways on: wait, with nothing to press (r tries again at once): at most {} once the base fee falls; or pause \
         (p) and, from another wallet of this account with the very nonce {}, send the same call for {} or more; or give \
         it up likewise by an empty transfer to the account itself for about {}",
        rounded_ether(options.wait_wei, Round::Up),
        options.nonce,
        rounded_ether(options.raise_wei, Round::Up),
        rounded_ether(options.cancel_wei, Round::Up)
    )
}

impl World for Outside {
    fn perform(self: Arc<Self>, effect: Effect) -> EffectFuture {
        Box::pin(async move { self.answer(effect).await })
    }
}

/// Offers a signed exit to every beacon node.
pub(super) async fn publish_exit(
    beacon: Option<&dyn Consensus>,
    action: ActionId,
    payload: &ExitPayload,
) -> Input {
    let (verdicts, standing) = desk::publish_exit(beacon, payload).await;
    Input::ExitPublished {
        action,
        verdicts,
        standing,
    }
}

/// Asks the beacon chain about a validator, where a node is configured.
pub(super) async fn look_up(
    beacon: Option<&dyn Consensus>,
    case: CaseId,
    validator: BlsPublicKey,
    published: Option<Published>,
) -> Input {
    let seen = match beacon {
        Some(beacon) => desk::look_up(beacon, case, &validator, published).await,
        None => None,
    };
    Input::ValidatorSeen {
        case,
        validator,
        seen,
    }
}

impl Outside {
    async fn answer(&self, effect: Effect) -> Input {
        match effect {
            Effect::Prepare {
                case,
                pool,
                purpose,
                draft,
            } => Input::Prepared {
                case,
                purpose,
                outcome: self.desk.prepare(case, pool, purpose, *draft).await,
            },
            Effect::RunCeremony {
                case,
                request,
                plan,
                backend,
                start,
            } => {
                let ended = ceremony::perform(self, (case, request), &plan, &backend, start).await;
                let (outcome, transcript) = ended;
                Input::CeremonyEnded {
                    request,
                    outcome,
                    transcript,
                }
            }
            Effect::Sign {
                action,
                payload,
                nonce,
                replaces,
            } => {
                let outcome = self.sign(&payload, nonce, replaces.as_ref()).await;
                Input::Signed { action, outcome }
            }
            Effect::Send { action, transaction } => {
                let outcome = self.send(&transaction).await;
                Input::Sent { action, outcome }
            }
            Effect::Inspect {
                action,
                nonce,
                hashes,
            } => {
                let status = self.inspect(nonce, &hashes).await;
                Input::Inspected { action, status }
            }
            Effect::PublishExit { action, payload } => {
                publish_exit(self.ask.consensus.as_deref(), action, &payload).await
            }
            Effect::LookUpValidator {
                case,
                validator,
                published,
            } => {
                let beacon = self.ask.consensus.as_deref();
                let seen = look_up(beacon, case, validator, published).await;
                if let Some(text) = beacon.and_then(|beacon| beacon.told_alone(&validator)) {
                    let (kind, pool) = (case.kind, case.pool);
                    let remark = Input::Remark { kind, pool, text };
                    // the core is gone only when everything ends; before the answer, which may close the case
                    let _ = self.incoming.send(Incoming::Input(remark)).await;
                }
                seen
            }
        }
    }

    /// Signs within the approved ceiling. The bytes do not leave here.
    async fn sign(
        &self,
        payload: &TransactionPayload,
        nonce: u64,
        replaces: Option<&SignedTransaction>,
    ) -> Result<SignedTransaction, NotSigned> {
        let words = |error: &dyn std::fmt::Display| NotSigned::Refused(SafeText::new(&error.to_string()));
        let signer = self
            .ask
            .signer
            .as_deref()
            .ok_or_else(|| words(&"there is no signer in this mode"))?;
        let ceiling = payload.fee_ceiling_wei;
        let priced = match replaces {
            Some(old) => {
                let simulated = desk::simulate(&*self.ask.execution, payload).await;
                let gas = simulated
                    .yes()
                    .and_then(|simulated| desk::gas_of(&*self.ask.manager, &simulated).ok());
                self.transactions.raise(old, gas, ceiling).await
            }
            None => {
                // what the core knew of the account may be a block old
                let pending = self.ask.execution.nonce(payload.from, At::Pending).await;
                let pending = pending.value().map_err(|e| words(&e))?;
                if pending > nonce {
                    // one that stands alone with it holds nothing up: where it is right, the nonce is refused or replaced
                    let accord = agreed::on_waiting(&*self.ask.agreement, payload.from, pending).await;
                    if accord.holds() {
                        return Err(words(&format!(
                            "nonce {nonce} of the oracle account is used already, by somebody else"
                        )));
                    }
                    if let Some(left_out) = USED.line() {
                        let who = accord.words();
                        tracing::warn!(target: "tx", nonce, %who, left_out, "a used nonce is one endpoint's word, and not believed");
                    }
                }
                let simulated = desk::simulate(&*self.ask.execution, payload).await;
                let simulated = simulated.value().map_err(|e| words(&e))?;
                let gas = desk::gas_of(&*self.ask.manager, &simulated).map_err(|e| words(&e))?;
                self.transactions.price(gas, ceiling).await
            }
        };
        let price = match priced.value().map_err(|e| words(&e))? {
            Priced::Fits(price) => price,
            Priced::Over(over) => return Err(words(&over)),
            Priced::Stuck(over, options) => {
                return Err(words(&format!("{over}; {}", ways_on(&options))));
            }
        };
        let unsigned = unsigned(payload, nonce, price.gas_limit, price.fees);
        unsigned.sign(signer).await.map_err(|error| match error.away() {
            Some(why) => NotSigned::Away(why.clone()),
            None => words(&error),
        })
    }

    async fn send(&self, transaction: &SignedTransaction) -> Result<(), SafeText> {
        let said = self.transactions.offer(transaction).await;
        if said.taken() { Ok(()) } else { Err(said.reasons()) }
    }

    /// None where it is not known: the core asks again.
    async fn inspect(&self, nonce: u64, hashes: &[Root]) -> Option<NonceStatus> {
        let seen = self.transactions.inspect(self.oracle?, nonce, hashes).await;
        let mut status = match seen.value() {
            Ok(status) => status,
            Err(why) => {
                if let Some(left_out) = LOOKS.line() {
                    tracing::warn!(target: "tx", nonce, %why, left_out, "could not look up a transaction");
                }
                return None;
            }
        };
        match &mut status {
            // a person is called for it: one endpoint's word is not enough where others answer
            NonceStatus::Included {
                hash,
                block,
                success: false,
                ..
            } if self.agreed(Told::Revert(*hash, *block)).await == Agreed::Denied => return None,
            NonceStatus::Included {
                hash,
                block,
                success,
                reason,
                is_final,
                overtaken,
                ..
            } => {
                if *success {
                    self.is_no_revert(*hash).await;
                } else if let Some(found) = self.reasons.of(&*self.transactions, *hash, *block).await {
                    *reason = Some(SafeText::new(&found.revert.to_string()));
                    *overtaken = found.overtaken;
                }
                if *is_final {
                    match self.agreed(Told::Receipt(*hash, *block, *success)).await {
                        Agreed::Yes => {}
                        Agreed::NotYet => *is_final = false,
                        // who has a receipt of a nonce that is unused has it of nothing; the same bytes do no harm anyway
                        Agreed::Denied if self.is_unused(nonce).await => status = NonceStatus::Missing,
                        Agreed::Denied => *is_final = false,
                    }
                }
            }
            NonceStatus::Replaced { is_final, .. } => {
                *is_final = *is_final && self.agreed(Told::Replaced(nonce, hashes)).await == Agreed::Yes;
            }
            _ => {}
        }
        Some(status)
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
        };
        // one that several outvote is named, and holds nothing up
        let by_most = match (&verdict, what) {
            (Accord::Outvoted { most, .. }, Told::Revert(_, block)) => agreed::are_of(most, block, false),
            (Accord::Outvoted { most, .. }, Told::Receipt(_, block, success)) => {
                agreed::are_of(most, block, success)
            }
            _ => false,
        };
        let answer = match &verdict {
            verdict if by_most || verdict.holds() => Agreed::Yes,
            verdict if verdict.contradiction().is_some() => Agreed::Denied,
            _ => Agreed::NotYet,
        };
        let words = match (answer, what) {
            (Agreed::Yes, _) if by_most => SafeText::new(&verdict.words()),
            // with the others away it is what is known
            (Agreed::Yes, _) | (Agreed::NotYet, Told::Revert(..)) => SafeText::default(),
            _ => SafeText::new(&format!("{what}: {}", verdict.words())),
        };
        *doubted = match what {
            Told::Revert(hash, _) if answer == Agreed::Denied => Some(hash),
            _ => None,
        };
        self.tell_of_receipts(words).await;
        answer
    }

    /// Whoever told that it reverted says something else now.
    async fn is_no_revert(&self, transaction: Root) {
        let mut doubted = self.telling.lock().await;
        if *doubted == Some(transaction) {
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

/// What endpoints must agree about before it is believed.
#[derive(Debug, Clone, Copy)]
enum Told<'a> {
    /// That a transaction of ours reverted.
    Revert(Root, BlockRef),
    /// What a transaction of ours came to in a block, that it went through, and that it is final.
    Receipt(Root, BlockRef, bool),
    /// The nonce went to another than these.
    Replaced(u64, &'a [Root]),
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revert(hash, _) => write!(f, "that transaction {hash} reverted is not believed"),
            Self::Receipt(hash, ..) => write!(f, "transaction {hash} is not taken for final"),
            Self::Replaced(nonce, _) => write!(
                f,
                "that another transaction used nonce {nonce} is not taken for final"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
