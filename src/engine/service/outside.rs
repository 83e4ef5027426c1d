//! Performs the core's effects: the one place where a decision becomes a message to somebody.

use std::path::PathBuf;
use std::sync::Arc;

use alloy::primitives::{Address, U256};
use tokio::sync::{Mutex, mpsc};

mod look;

pub(super) use look::Doubts;

use super::ceremony;
use super::reasons::Reasons;
use crate::desk::{self, Desk, Neighbours};
use crate::engine::core::Incoming;
use crate::engine::spend::unsigned;
use crate::engine::world::{EffectFuture, World};
use crate::log_limit::LogLimit;
use crate::oracle::{Effect, ExitPayload, Input, NotSigned, Published, TransactionPayload};
use crate::ports::{Answer, At, Consensus, Priced, Simulated, StuckOptions, Transactions, Unknown, agreed};
use crate::types::{ActionId, BlsPublicKey, CaseId, Round, SafeText, SignedTransaction, rounded_ether};

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
    /// Held while what became of a transaction is compared and told: what is not believed of it.
    pub(super) telling: Mutex<Doubts>,
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

/// Asks the beacon chain about a validator, where a node is configured; and whose word alone the answer is.
pub(super) async fn look_up(
    beacon: Option<&dyn Consensus>,
    case: CaseId,
    validator: BlsPublicKey,
    published: Option<Published>,
) -> (Input, Option<SafeText>) {
    let (seen, alone) = match beacon {
        Some(beacon) => desk::look_up(beacon, case, &validator, published).await,
        None => (None, None),
    };
    let seen = Input::ValidatorSeen {
        case,
        validator,
        seen,
    };
    (seen, alone)
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
                let (seen, alone) = look_up(beacon, case, validator, published).await;
                if let Some(text) = alone {
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
        // silence ends nothing that was approved
        let unknown = |why: Unknown| NotSigned::Unknown(why.words().clone());
        let signer = self
            .ask
            .signer
            .as_deref()
            .ok_or_else(|| words(&"there is no signer in this mode"))?;
        let ceiling = payload.fee_ceiling_wei;
        let priced = match replaces {
            Some(old) => self.raised(old, payload).await,
            None => {
                // what the core knew of the account may be a block old
                let pending = self.ask.execution.nonce(payload.from, At::Pending).await;
                let pending = pending.value().map_err(unknown)?;
                if pending > nonce {
                    // one that stands alone with it holds nothing up: where it is right, the nonce is refused or replaced
                    let accord = agreed::on_waiting(&*self.ask.agreement, payload.from, pending).await;
                    if accord.bears_out() {
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
                let simulated = simulated.value().map_err(unknown)?;
                // what one endpoint says was shown and approved; its gas is no more than any node takes and the ceiling pays
                let gas = desk::gas_of(&*self.ask.manager, &simulated).value();
                let gas = gas.map_err(unknown)?.map_err(|e| words(&e))?;
                let priced = self.transactions.price(gas, ceiling).await;
                match &priced {
                    Answer::Yes(Priced::Over(over)) => match self.doubt_over(&simulated, ceiling).await {
                        Some(doubt) => Answer::not_known(format!("{over}, and {doubt}")),
                        None => priced,
                    },
                    _ => priced,
                }
            }
        };
        let price = match priced.value().map_err(unknown)? {
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

    /// What is paid for the same nonce once more.
    async fn raised(&self, old: &SignedTransaction, payload: &TransactionPayload) -> Answer<Priced> {
        let ceiling = payload.fee_ceiling_wei;
        let (gas, less) = self.gas_now(payload).await.unzip();
        let raised = self.transactions.raise(old, gas, ceiling).await;
        match (raised, less.flatten()) {
            // with the lower of two estimates it may do
            (Answer::Yes(Priced::Stuck(..)), Some(less)) => {
                self.transactions.raise(old, Some(less), ceiling).await
            }
            (raised, _) => raised,
        }
    }

    /// Why it is not sure that a call is over its ceiling: it is one endpoint's word, or is so with the higher of two estimates
    /// alone.
    async fn doubt_over(&self, simulated: &Simulated, ceiling: U256) -> Option<SafeText> {
        if let Some(doubt) = simulated.doubt() {
            return Some(doubt.clone());
        }
        let less = simulated.less()?;
        let priced = self.transactions.price(less.gas, ceiling).await;
        let is_over = matches!(priced, Answer::Yes(Priced::Over(_)));
        (!is_over).then(|| less.words.clone())
    }

    /// What the call of something that is out there already takes now, and by the lower of two estimates. None where the endpoints are far apart on it, or one alone
    /// says it, too: it keeps the gas that it has.
    async fn gas_now(&self, payload: &TransactionPayload) -> Option<(u64, Option<u64>)> {
        let simulated = desk::simulate(&*self.ask.execution, payload).await.yes();
        let sure = simulated.filter(|tried| tried.doubt().is_none())?;
        let gas = desk::gas_of(&*self.ask.manager, &sure).yes()?.ok()?;
        Some((gas, sure.less().map(|less| less.gas)))
    }

    async fn send(&self, transaction: &SignedTransaction) -> Result<(), SafeText> {
        let said = self.transactions.offer(transaction).await;
        if said.taken() { Ok(()) } else { Err(said.reasons()) }
    }
}

#[cfg(test)]
mod tests;
