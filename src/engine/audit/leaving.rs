//! What left this machine, held against what was approved: without an approval that stands nothing leaves, and nothing else
//! than what was approved.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::{Address, U256};

use super::{Audit, Known, Signed, UNDER_WAY};
use crate::dkg::purpose::purpose;
use crate::engine::spend::unsigned;
use crate::journal::Entry;
use crate::oracle::{CeremonyRole, Decider, ExitPayload, Payload, Proposal, Record, TransactionPayload};
use crate::ports::Fees;
use crate::types::{
    ActionId, BackendName, CaseId, CeremonyPlan, CeremonyResult, CheckStatus, NonceStatus, RequestId, Root,
    SignPurpose, SignedTransaction, UnixMillis, format_ether,
};

/// Whose transaction each nonce of an account was signed for.
pub(super) type Nonces = BTreeMap<(Address, u64), ActionId>;

/// What somebody let pass.
pub(super) struct Approved {
    proposal: Box<Proposal>,
    /// Everybody who approved it.
    by: Vec<Decider>,
    /// Until when signatures let it pass.
    signed: Vec<Signed>,
    /// The record that decided.
    seq: u64,
    /// The record that voided it, and when.
    pub(super) void: Option<(u64, UnixMillis)>,
    /// It has left at least once.
    has_left: bool,
    /// The one of every transaction that was signed for it.
    nonce: Option<u64>,
}

impl Approved {
    pub(super) fn new(proposal: Box<Proposal>, by: Vec<Decider>, signed: Vec<Signed>, seq: u64) -> Self {
        Self {
            proposal,
            by,
            signed,
            seq,
            void: None,
            has_left: false,
            nonce: None,
        }
    }
}

/// The ceremonies of each case.
#[derive(Default)]
pub(super) struct Runs {
    by_case: BTreeMap<CaseId, BTreeMap<RequestId, Run>>,
    cases: BTreeMap<RequestId, CaseId>,
}

/// A ceremony that was started.
struct Run {
    plan: CeremonyPlan,
    /// As far as it has one.
    result: Option<CeremonyResult>,
}

/// A way in which something leaves.
struct Way {
    /// In words, of the action.
    words: &'static str,
    /// It is written so much later than it was let go.
    late: Duration,
    /// What was under way when its approval lost its ground is told all the same.
    outlives_its_approval: bool,
}

const STARTED: Way = Way {
    words: "its ceremony is started",
    late: Duration::ZERO,
    outlives_its_approval: false,
};
const SIGNED: Way = Way {
    words: "its transaction is signed",
    late: UNDER_WAY,
    outlives_its_approval: false,
};
const PUBLISHED: Way = Way {
    words: "its exit is published",
    late: UNDER_WAY,
    outlives_its_approval: true,
};

impl Audit {
    /// Takes every record by which something leaves, runs, or is said to have done so.
    pub(super) fn left(&mut self, entry: &Entry, record: Record, known: &mut Known) {
        match record {
            Record::CeremonyStarted {
                request,
                case,
                action,
                role,
                plan,
                backend,
                ..
            } => {
                self.started(entry, (case, action, role), (&plan, &backend), known);
                known.runs.insert(request, case, Run { plan, result: None });
            }
            Record::CeremonyVerified { request, result, .. } => {
                self.verified(entry.seq, request, result, known);
            }
            Record::TransactionSigned { action, transaction } => {
                self.signed(entry, action, &transaction, known);
            }
            Record::TransactionAccepted { action, hash } => self.told(entry.seq, action, Some(hash), known),
            Record::TransactionStatus { action, status } => {
                let hash = match status {
                    NonceStatus::Included { hash, .. } => Some(hash),
                    _ => None,
                };
                self.told(entry.seq, action, hash, known);
            }
            Record::ExitPublished { action, .. } => self.published(entry, action, known),
            _ => {}
        }
    }

    fn problem(&mut self, seq: u64, words: String) {
        self.problems.push((seq, words));
    }

    /// Whether something leaves under an approval that stands.
    fn leaves(&mut self, entry: &Entry, id: ActionId, way: &Way, known: &mut Known) -> bool {
        let Some(approved) = known.approved.get_mut(&id) else {
            let waits = known.open.contains_key(&id);
            let why = if waits {
                "it waits for a decision"
            } else {
                "nobody approved it"
            };
            self.problem(entry.seq, format!("{id}: {}, and {why}", way.words));
            return false;
        };
        if let Some((seq, at)) = approved.void
            && !(way.outlives_its_approval && entry.at < at.plus(way.late))
        {
            let words = format!(
                "{id}: {}, and its approval was void since record {seq}",
                way.words
            );
            self.problem(entry.seq, words);
            return false;
        }
        if std::mem::replace(&mut approved.has_left, true) {
            return true;
        }
        self.expired(entry, id, "executed", &approved.signed, way.late);
        let (seq, at) = known.asked_since;
        // what was let go before is not asked about anew
        let asks_anew = seq > approved.seq && at.plus(way.late) <= entry.at;
        let policy = known.policy.as_ref().filter(|_| asks_anew);
        let by: Vec<_> = approved.by.iter().collect();
        if let Some(why) = policy.and_then(|policy| policy.lack_of(&approved.proposal, &by)) {
            self.problem(entry.seq, format!("{id}: {}, and by now {why}", way.words));
        }
        true
    }

    fn started(
        &mut self,
        entry: &Entry,
        (case, action, role): (CaseId, Option<ActionId>, CeremonyRole),
        (plan, backend): (&CeremonyPlan, &BackendName),
        known: &mut Known,
    ) {
        let seq = entry.seq;
        match (action, role) {
            (Some(id), CeremonyRole::Main) => {
                let again = known.has_left(id);
                let is_approved = self.leaves(entry, id, &STARTED, known);
                let Some(approved) = known.approved.get(&id).filter(|_| is_approved) else {
                    return;
                };
                if again {
                    self.problem(
                        seq,
                        format!("{id}: a second ceremony is started under one approval"),
                    );
                }
                let is_it = matches!(&approved.proposal.payload, Payload::Ceremony(is) if is.is_run_by(plan, backend));
                if !is_it || id.case != case {
                    let words = "the ceremony that is started is not the one that was approved";
                    self.problem(seq, format!("{id}: {words}"));
                }
            }
            (None, CeremonyRole::Main) => {
                self.problem(seq, format!("a ceremony of {case} is started under no approval"));
            }
            (_, CeremonyRole::Registration) => {
                if let Err(why) = registers(case, plan, known) {
                    self.problem(seq, format!("a registration of {case} is signed, and {why}"));
                }
            }
        }
        if let Some(check) = purpose(plan).filter(|check| check.status == CheckStatus::Fail) {
            let words = format!(
                "a root is signed for {case} that is not that of what its plan says: {}",
                check.reason
            );
            self.problem(seq, words);
        }
    }

    fn verified(&mut self, seq: u64, request: RequestId, result: CeremonyResult, known: &mut Known) {
        match known.runs.get_mut(request) {
            Some(run) => run.result = Some(result),
            None => self.problem(
                seq,
                format!("ceremony {request} has a result, and no record started it"),
            ),
        }
    }

    fn signed(&mut self, entry: &Entry, id: ActionId, transaction: &SignedTransaction, known: &mut Known) {
        let seq = entry.seq;
        known.sent.entry(id).or_default().push(transaction.hash);
        let is_approved = self.leaves(entry, id, &SIGNED, known);
        let Some(approved) = known.approved.get_mut(&id).filter(|_| is_approved) else {
            return;
        };
        let Payload::Transaction(payload) = &approved.proposal.payload else {
            return self.problem(
                seq,
                format!("{id}: a transaction is signed, and none was approved"),
            );
        };
        if let Err(why) = is_of(payload, transaction) {
            self.problem(
                seq,
                format!("{id}: what was signed is not what was approved: {why}"),
            );
        }
        let nonce = transaction.nonce;
        let first = *approved.nonce.get_or_insert(nonce);
        if first != nonce {
            let words =
                format!("a transaction with nonce {nonce} is signed beside the one with nonce {first}");
            return self.problem(seq, format!("{id}: {words}"));
        }
        let of = *known.nonces.entry((payload.from, nonce)).or_insert(id);
        if of != id {
            self.problem(seq, format!("{id}: nonce {nonce} was signed for {of} before"));
        }
    }

    /// Something is said of a transaction, which must have been signed before.
    fn told(&mut self, seq: u64, id: ActionId, hash: Option<Root>, known: &Known) {
        let signed = known.sent.get(&id).map_or(&[][..], Vec::as_slice);
        if hash.map_or(!signed.is_empty(), |hash| signed.contains(&hash)) {
            return;
        }
        let which = hash.map_or_else(
            || "its transaction".to_owned(),
            |hash| format!("transaction {hash}"),
        );
        self.problem(
            seq,
            format!("{id}: {which} is out, and no record says that it was signed"),
        );
    }

    fn published(&mut self, entry: &Entry, id: ActionId, known: &mut Known) {
        let again = known.has_left(id);
        let is_approved = self.leaves(entry, id, &PUBLISHED, known);
        // offered again, it is the same one
        let Some(approved) = known.approved.get(&id).filter(|_| is_approved && !again) else {
            return;
        };
        let problem = match &approved.proposal.payload {
            Payload::Exit(exit) if known.runs.of(id.case).any(|run| run.signed(exit)) => return,
            Payload::Exit(_) => format!("no ceremony of {} signed that exit", id.case),
            Payload::Transaction(_) | Payload::Ceremony(_) => "none was approved".to_owned(),
        };
        self.problem(entry.seq, format!("{id}: its exit is published, and {problem}"));
    }
}

impl Known {
    fn has_left(&self, id: ActionId) -> bool {
        self.approved.get(&id).is_some_and(|approved| approved.has_left)
    }
}

impl Runs {
    fn insert(&mut self, request: RequestId, case: CaseId, run: Run) {
        self.cases.insert(request, case);
        self.by_case.entry(case).or_default().insert(request, run);
    }

    fn get_mut(&mut self, request: RequestId) -> Option<&mut Run> {
        let case = self.cases.get(&request)?;
        self.by_case.get_mut(case)?.get_mut(&request)
    }

    fn of(&self, case: CaseId) -> impl Iterator<Item = &Run> {
        self.by_case.get(&case).into_iter().flat_map(BTreeMap::values)
    }
}

impl Run {
    /// Whether it signed this exit.
    fn signed(&self, exit: &ExitPayload) -> bool {
        let CeremonyPlan::Sign {
            validator,
            signing_root,
            what:
                SignPurpose::VoluntaryExit {
                    validator_index,
                    epoch,
                    ..
                },
            ..
        } = &self.plan
        else {
            return false;
        };
        let signature = match &self.result {
            Some(CeremonyResult::Sign { signature }) => signature,
            _ => return false,
        };
        (validator, *validator_index, *epoch) == (&exit.validator, exit.validator_index, exit.epoch)
            && (signing_root, signature) == (&exit.signing_root, &exit.signature)
    }

    /// Whether it made or moved the key with which this plan signs, for those who sign.
    fn gave(&self, signs: &CeremonyPlan) -> bool {
        let key = match &self.result {
            Some(CeremonyResult::Keygen(output)) => output.validator,
            Some(CeremonyResult::Reshare(output)) => output.validator,
            Some(CeremonyResult::Sign { .. }) | None => return false,
        };
        let CeremonyPlan::Sign {
            validator, committee, ..
        } = signs
        else {
            return false;
        };
        *validator == key && committee == self.plan.committee()
    }
}

/// A registration was approved together with the ceremony that gave the key, and signs nothing else.
fn registers(case: CaseId, plan: &CeremonyPlan, known: &Known) -> Result<(), &'static str> {
    let is_one = matches!(
        plan,
        CeremonyPlan::Sign {
            what: SignPurpose::OwnerNonce { .. },
            ..
        }
    );
    if !is_one {
        return Err("its plan is of something else");
    }
    let gave = known.runs.of(case).any(|run| run.gave(plan));
    gave.then_some(())
        .ok_or("no ceremony of its case gave the key to those who sign")
}

/// Whether signed bytes are the transaction that was approved.
fn is_of(payload: &TransactionPayload, signed: &SignedTransaction) -> Result<(), String> {
    let per_gas =
        |wei: U256| u128::try_from(wei).map_err(|_| "a fee that no transaction can have".to_owned());
    let fees = Fees {
        max_fee: per_gas(signed.max_fee_wei)?,
        priority: per_gas(signed.priority_fee_wei)?,
    };
    unsigned(payload, signed.nonce, signed.gas_limit, fees)
        .verify(signed)
        .map_err(|error| error.difference())?;
    let most = signed.max_fee_wei.saturating_mul(U256::from(signed.gas_limit));
    let ceiling = payload.fee_ceiling_wei;
    if most > ceiling {
        return Err(format!(
            "it may cost {} in fees, over the ceiling of {}",
            format_ether(most),
            format_ether(ceiling)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
