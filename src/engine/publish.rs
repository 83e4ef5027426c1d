//! Builds the snapshot from the state and from what is live.

mod convert;
mod lists;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::live::Live;
use crate::journal::Journal;
use crate::oracle::{
    ActionState, Case, Ceremony, ExitStanding, ExitVerdict, Mode, Payload, REFUSALS, Sending, State, Step,
    ValidatorPhase, action_state, case_status, current_ceremony, doubtful_ceremony, milestones,
    unknown_outcome,
};
use crate::types::{
    ActionId, CaseId, CeremonyPlan, CeremonyResult, NonceStatus, OperatorId, OperatorProgress, OperatorState,
    PoolId, RequestId, RequestKind, Round, SafeText, SignPurpose, UnixMillis,
};
use crate::view::{
    ActionView, Can, CaseView, CeremonyEnd, CeremonyView, ExitView, JournalView, NodeVerdict, Older,
    OperatorView, PauseView, Snapshot, TransactionState, TransactionView, ValidatorView,
};

pub(super) use lists::read;

/// The version shown and journaled.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn snapshot(
    state: &State,
    live: &Live,
    journal: &Journal,
    unwritable: Option<&SafeText>,
    revision: u64,
) -> Snapshot {
    let facts = state.facts();
    let mut chain = live.chain.clone();
    chain.cursor = journal.cursor();
    chain.ready_queue = facts.ready.clone();
    chain.owner_nonce = facts.head.map(|_| facts.owner_nonce);
    let mut signer = live.signer.clone();
    signer.balance_wei = facts.account.map(|a| a.balance_wei);
    let (records, head) = journal.head();
    let (actions, cases) = (lists::actions(state), lists::cases(state, |_| true));
    let (ceremonies, transactions) = (lists::ceremonies(state), lists::transactions(state));
    let exits = lists::exits(state);
    Snapshot {
        revision,
        at: UnixMillis::now(),
        version: VERSION.to_owned(),
        network: live.network.clone(),
        mode: convert::mode(state.settings.mode),
        paused: state.paused.as_ref().map(|(by, since)| PauseView {
            by: by.clone(),
            since: *since,
        }),
        chain,
        signer,
        endpoints: live.endpoints.values().flatten().cloned().collect(),
        operators: operators(state, &live.operators),
        older: Older {
            actions: actions.rest().len() as u64,
            cases: lists::by_kind(cases.rest()),
            ceremonies: ceremonies.rest().len() as u64,
            transactions: transactions.rest().len() as u64,
            exits: exits.rest().len() as u64,
        },
        cases: cases.carried().filter_map(|id| case(state, id)).collect(),
        ceremonies: ceremonies
            .carried()
            .filter_map(|id| ceremony(state, live, id))
            .collect(),
        actions: actions
            .carried()
            .filter_map(|id| action(state, live, id))
            .collect(),
        transactions: transactions
            .carried()
            .filter_map(|id| transaction(state, id))
            .collect(),
        exits: exits.carried().filter_map(|id| exit(state, id)).collect(),
        validators: validators(state, &live.validators),
        journal: JournalView {
            records,
            head,
            path: SafeText::new(&journal.path().display().to_string()),
            unwritable: unwritable.cloned(),
        },
        alarms: unwritable
            .into_iter()
            .chain(live.alarms.values())
            .cloned()
            .collect(),
    }
}

fn case(state: &State, id: CaseId) -> Option<CaseView> {
    let case = state.cases.get(&id)?;
    let (can_retry, can_pause) = possibilities(state, case);
    Some(CaseView {
        id,
        kind: id.kind,
        pool: id.pool,
        cause: convert::cause(&case.cause),
        opened_at: case.opened_at,
        status: convert::status(case_status(state, id)),
        sentence: sentence(state, case),
        since: case.since,
        action: current_action(case),
        ceremony: current_ceremony(case),
        validator: case
            .validator()
            .or_else(|| state.known_key(id.pool).map(|k| k.validator)),
        times: milestones(case).iter().map(convert::milestone).collect(),
        history: case.history.iter().map(convert::history).collect(),
        paused: case.paused.is_some(),
        can_retry,
        can_pause,
        doubtful: doubtful_ceremony(state, case).map(|(request, _)| request),
    })
}

/// Whether a case can be retried, and whether it can be paused.
fn possibilities(state: &State, case: &Case) -> (Can, Can) {
    if let Some(no) = observes(state) {
        return (no.clone(), no);
    }
    if case.is_closed() {
        let no = Can::no(format!("{} is closed", case.id));
        return (no.clone(), no);
    }
    let can_pause = match &case.paused {
        Some(_) => Can::no("it is paused already"),
        None => Can::Yes,
    };
    (Can::Yes, can_pause)
}

/// What mode observe answers to whatever is asked.
fn observes(state: &State) -> Option<Can> {
    let observes = state.settings.mode == Mode::Observe;
    observes.then(|| Can::no("mode observe decides nothing; start in mode supervised to act"))
}

fn action(state: &State, live: &Live, id: ActionId) -> Option<ActionView> {
    let action = state.actions.get(&id)?;
    let holders = || {
        let pool = id.case.pool;
        let contract = live.validators.iter().find(|v| v.pool == pool);
        let by_contract = contract.map(|v| v.operators.clone());
        let known = || state.known_key(pool).map(|key| key.committee);
        by_contract.filter(|holders| !holders.is_empty()).or_else(known)
    };
    let mut view = convert::action(action, action_state(state, id)?, observes(state));
    if view.can_reject.is_yes() {
        view.committee = convert::committee(&action.proposal.payload, holders);
    }
    Some(view)
}

fn validators(state: &State, known: &[ValidatorView]) -> Vec<ValidatorView> {
    let view = |validator: &ValidatorView| ValidatorView {
        can_reshare: can_reshare(state, validator.pool),
        ..validator.clone()
    };
    known.iter().map(view).collect()
}

fn can_reshare(state: &State, pool: PoolId) -> Can {
    if let Some(no) = observes(state) {
        return no;
    }
    if !state.facts().staked.contains(&pool) {
        return Can::no(format!(
            "pool {pool} is not staked: only a staked pool can be reshared"
        ));
    }
    let open =
        |case: &&Case| case.id.kind == RequestKind::Reshare && case.id.pool == pool && !case.is_closed();
    match state.cases.values().find(open) {
        Some(case) => Can::no(format!("{} is open already", case.id)),
        None => Can::Yes,
    }
}

fn current_action(case: &Case) -> Option<ActionId> {
    match case.step {
        Step::DecideCeremony(id) | Step::DecideEffect(id) | Step::Execute(id) => Some(id),
        _ => (case.actions > 0).then_some(ActionId {
            case: case.id,
            number: case.actions,
        }),
    }
}

/// What the case does now, in words for people.
fn sentence(state: &State, case: &Case) -> SafeText {
    if let Some(by) = &case.paused {
        return SafeText::new(&format!("paused by {by}"));
    }
    if case.orphaned {
        return SafeText::new("its request is not in the chain; nothing is done until it returns");
    }
    let waiting = state.waiting_reason(case.id);
    let observes = state.settings.mode == Mode::Observe;
    let action = |id: &ActionId| state.actions.get(id);
    let unknown = || unknown_outcome(state, &case.step).map(|words| words.to_string());
    SafeText::new(&match &case.step {
        Step::PlanCeremony => match (waiting, &case.last_failure) {
            (Some(why), _) => why.to_string(),
            (None, Some(why)) => format!("the last attempt failed ({why}); preparing another"),
            (None, None) => "gathering what a decision needs".to_owned(),
        },
        Step::DecideCeremony(id) | Step::DecideEffect(id) => match action(id) {
            Some(a) if a.state == ActionState::Proposed => match a.approvable() {
                Ok(()) => {
                    waiting.map_or_else(|| format!("waits for a decision on {id}"), SafeText::to_string)
                }
                Err(blocked) => format!("cannot be approved: {blocked}"),
            },
            _ if state.paused.is_some() => "approved; held by the pause".to_owned(),
            _ => waiting.map_or_else(
                || "approved; last checks before it leaves".to_owned(),
                SafeText::to_string,
            ),
        },
        Step::RunCeremony(request) => unknown().unwrap_or_else(|| ceremony_words(state, *request)),
        Step::Register(Some(_)) => {
            unknown().unwrap_or_else(|| "the operators sign the SSV registration".to_owned())
        }
        Step::Register(None) | Step::PlanEffect => waiting.map_or_else(
            || "gathering what a decision needs".to_owned(),
            SafeText::to_string,
        ),
        Step::AwaitTurn => waiting.map_or_else(|| "waits for its turn".to_owned(), SafeText::to_string),
        Step::Execute(id) => match state.sendings.get(id) {
            Some(sending) => {
                let words = unknown().unwrap_or_else(|| sending_words(sending));
                let held = observes && sending.status == NonceStatus::Missing;
                let held = if held { "; mode observe does not send it" } else { "" };
                with_note(format!("{words}{held}"), &sending.note)
            }
            None if observes => {
                "the exit was offered to the beacon nodes; not in a block yet, and mode observe does not offer \
                 it again"
                    .to_owned()
            }
            None => offered(case),
        },
        Step::Follow => match case.phase {
            Some(phase) => format!(
                "done on the execution chain; the validator is {phase}{}",
                ahead(case)
            ),
            None => "done on the execution chain; the validator is being looked up".to_owned(),
        },
        Step::Halted { reason, .. } => reason.to_string(),
        Step::Closed { outcome } => outcome.to_string(),
    })
}

/// A published exit that is not in a block yet.
fn offered(case: &Case) -> String {
    match &case.offers.standing {
        Some(ExitStanding::Refused) => format!(
            "the exit was refused by every node that answered, {} times in a row, and is offered again ({REFUSALS} \
             times before a person must look): {}",
            case.offers.refusals,
            refusals(case)
        ),
        Some(ExitStanding::Unheard) => {
            format!("the exit is not delivered: {}", ExitStanding::Unheard.sentence())
        }
        _ => "the exit was offered to the beacon nodes; not in a block yet".to_owned(),
    }
}

fn refusals(case: &Case) -> String {
    let refused = case.offers.verdicts.iter().filter(|v| v.answer.refused());
    let words: Vec<_> = refused.map(|v| format!("{}: {v}", v.node)).collect();
    words.join("; ")
}

/// The next stage that the beacon state has a time for.
fn ahead(case: &Case) -> String {
    let next = milestones(case).into_iter().find(|m| m.actual.is_none());
    match next.and_then(|m| Some((m.stage, m.by_state?))) {
        Some((stage, moment)) => format!(", {stage} from {moment}"),
        None => String::new(),
    }
}

fn ceremony_words(state: &State, request: RequestId) -> String {
    state.ceremonies.get(&request).map_or_else(String::new, |c| {
        let n = c.plan.participants().len();
        format!("{} with {n} operators, attempt {}", c.plan.kind(), c.attempt)
    })
}

fn sending_words(sending: &Sending) -> String {
    let nonce = sending.newest().nonce;
    match &sending.status {
        NonceStatus::Missing if sending.accepted => format!("transaction with nonce {nonce} was sent"),
        NonceStatus::Missing => format!("transaction with nonce {nonce} is being sent"),
        NonceStatus::Pending => format!("transaction with nonce {nonce} is pending"),
        NonceStatus::Included {
            success: true, block, ..
        } => format!("included in block {}; waits for finality", block.number),
        NonceStatus::Included { block, .. } => format!(
            "reverted in block {}; waits for finality before anything is tried",
            block.number
        ),
        NonceStatus::Replaced { .. } => {
            format!("nonce {nonce} was used by another transaction; waits for finality")
        }
    }
}

fn with_note(words: String, note: &SafeText) -> String {
    if note.as_str().is_empty() {
        words
    } else {
        format!("{words} ({note})")
    }
}

fn ceremony(state: &State, live: &Live, id: RequestId) -> Option<CeremonyView> {
    let c = state.ceremonies.get(&id)?;
    let kind = c.plan.kind();
    let (operators, deadline) = live
        .progress
        .get(&id)
        .cloned()
        .unwrap_or_else(|| (from_journal(c), None));
    let (threshold, old_committee, what) = match &c.plan {
        CeremonyPlan::Keygen { threshold, .. } => (*threshold, Vec::new(), String::new()),
        CeremonyPlan::Reshare { threshold, old, .. } => (*threshold, old.clone(), String::new()),
        CeremonyPlan::Sign { threshold, what, .. } => (*threshold, Vec::new(), purpose(what)),
    };
    Some(CeremonyView {
        id,
        case: c.case,
        kind,
        what: SafeText::new(&what),
        attempt: c.attempt,
        threshold,
        rounds: Round::of(kind).to_vec(),
        operators,
        old_committee,
        committee: c.plan.committee().to_vec(),
        started_at: c.started_at,
        deadline: deadline.filter(|_| c.ended.is_none()),
        doubt: c
            .doubt
            .as_ref()
            .filter(|_| c.ended.is_none())
            .map(|d| (d.since, d.reason.clone())),
        ended: c
            .ended
            .as_ref()
            .map(|(at, outcome)| (*at, ending(&c.plan, outcome))),
        checks: c.checks.clone(),
        transcript: c.transcript.clone(),
    })
}

fn purpose(what: &SignPurpose) -> String {
    match what {
        SignPurpose::OwnerNonce { owner, nonce } => format!("SSV registration of {owner} with nonce {nonce}"),
        SignPurpose::VoluntaryExit {
            validator_index,
            epoch,
        } => {
            format!("voluntary exit of validator {validator_index} from epoch {epoch}")
        }
    }
}

fn ending(
    plan: &CeremonyPlan,
    outcome: &Result<CeremonyResult, crate::types::CeremonyFailure>,
) -> CeremonyEnd {
    match (outcome, plan) {
        (Ok(CeremonyResult::Keygen(k)), _) => CeremonyEnd::Verified {
            validator: k.validator,
        },
        (Ok(CeremonyResult::Reshare(r)), _) => CeremonyEnd::Verified {
            validator: r.validator,
        },
        (Ok(CeremonyResult::Sign { .. }), CeremonyPlan::Sign { validator, .. }) => CeremonyEnd::Verified {
            validator: *validator,
        },
        (Ok(CeremonyResult::Sign { .. }), _) => CeremonyEnd::Verified {
            validator: Default::default(),
        },
        (Err(failure), _) => CeremonyEnd::Failed(failure.clone()),
    }
}

/// After a restart only the end is known, not the way.
fn from_journal(c: &Ceremony) -> BTreeMap<OperatorId, OperatorProgress> {
    let state_of = |id: OperatorId| match &c.ended {
        None => OperatorState::Working,
        Some((_, Ok(_))) => OperatorState::Done,
        Some((_, Err(failure))) if failure.culprits.contains(&id) => OperatorState::Missing,
        Some((_, Err(_))) => OperatorState::Idle,
    };
    let row = |id| {
        (
            id,
            OperatorProgress {
                state: state_of(id),
                ..OperatorProgress::default()
            },
        )
    };
    c.plan.participants().into_iter().map(row).collect()
}

/// `head` is the number of the newest block, for confirmations.
fn transaction_state(state: &State, action: ActionId, s: &Sending, head: u64) -> TransactionState {
    match &s.status {
        NonceStatus::Missing if unknown_outcome(state, &Step::Execute(action)).is_some() => {
            TransactionState::Unknown
        }
        NonceStatus::Missing if s.accepted => TransactionState::Pending,
        NonceStatus::Missing => TransactionState::Signed,
        NonceStatus::Pending => TransactionState::Pending,
        NonceStatus::Included {
            block,
            success: false,
            reason,
            ..
        } => TransactionState::Reverted {
            block: *block,
            reason: reason.clone().unwrap_or_default(),
        },
        NonceStatus::Included {
            block,
            is_final: true,
            ..
        } => TransactionState::Final { block: *block },
        NonceStatus::Included { block, .. } => TransactionState::Included {
            block: *block,
            confirmations: (head + 1).saturating_sub(block.number),
        },
        NonceStatus::Replaced { by, .. } => TransactionState::Replaced { by: *by },
    }
}

fn transaction(state: &State, action: ActionId) -> Option<TransactionView> {
    let s = state.sendings.get(&action)?;
    let Payload::Transaction(payload) = &state.actions.get(&action)?.proposal.payload else {
        return None;
    };
    let head = state.facts().head.map_or(0, |h| h.number);
    let newest = s.newest();
    let fee_paid_wei = match &s.status {
        NonceStatus::Included { fee_paid_wei, .. } => Some(*fee_paid_wei),
        _ => None,
    };
    Some(TransactionView {
        action,
        function: SafeText::new(payload.call.as_ref().map_or("not decoded", |c| &c.function)),
        nonce: newest.nonce,
        hashes: s.hashes(),
        raw: newest.raw.clone(),
        max_fee_wei: newest.max_fee_wei,
        priority_fee_wei: newest.priority_fee_wei,
        gas_limit: newest.gas_limit,
        fee_ceiling_wei: payload.fee_ceiling_wei,
        fee_paid_wei,
        signed_at: s.signed_at,
        state: transaction_state(state, action, s, head),
        note: s.note.clone(),
    })
}

fn exit(state: &State, id: CaseId) -> Option<ExitView> {
    let case = state.cases.get(&id)?;
    let offers = &case.offers;
    let at = offers.at.unwrap_or_default();
    let verdict = |v: &ExitVerdict| NodeVerdict {
        node: v.node.clone(),
        delivered: v.answer.delivered(),
        detail: SafeText::new(&v.to_string()),
        at,
    };
    let (index, epoch) = match &case.exit {
        Some((
            CeremonyPlan::Sign {
                what:
                    SignPurpose::VoluntaryExit {
                        validator_index,
                        epoch,
                    },
                ..
            },
            _,
        )) => (Some(*validator_index), Some(*epoch)),
        _ => (None, None),
    };
    let word = match (&case.step, case.phase) {
        (Step::Closed { .. }, _) => "done".to_owned(),
        (_, Some(phase)) if matches!(case.step, Step::Follow) => phase.to_string(),
        (Step::Execute(_), _) => match offers.standing {
            Some(ExitStanding::Refused) => "refused".to_owned(),
            Some(ExitStanding::Unheard) => "undelivered".to_owned(),
            _ => "published".to_owned(),
        },
        (Step::DecideEffect(_), _) if offers.deferred.is_some() => "waiting".to_owned(),
        (Step::DecideEffect(_) | Step::PlanEffect, _) => "signed".to_owned(),
        (Step::RunCeremony(_), _) => "signing".to_owned(),
        (Step::Halted { .. }, _) => "halted".to_owned(),
        _ => "requested".to_owned(),
    };
    let known = state.known_key(case.id.pool).map(|k| k.validator);
    Some(ExitView {
        case: case.id,
        validator: case.validator().or(known).unwrap_or_default(),
        validator_index: index.or(case.index),
        epoch,
        state: SafeText::new(&word),
        over: case.is_closed(),
        outcome: outcome(case),
        verdicts: offers.verdicts.iter().map(verdict).collect(),
        times: milestones(case).iter().map(convert::milestone).collect(),
    })
}

/// What came of the newest offer, or what keeps the exit from being offered.
fn outcome(case: &Case) -> SafeText {
    let offers = &case.offers;
    if let Some(phase) = case.phase.filter(|p| *p >= ValidatorPhase::Exiting) {
        return SafeText::new(&format!("the validator is {phase}"));
    }
    match (&offers.deferred, &offers.standing) {
        (Some(wait), _) => wait.reason.clone(),
        (None, Some(standing)) => SafeText::new(&match standing {
            ExitStanding::Refused => format!("{}, {} times in a row", standing.sentence(), offers.refusals),
            _ => standing.sentence(),
        }),
        (None, None) => SafeText::default(),
    }
}

fn operators(state: &State, known: &[OperatorView]) -> Vec<OperatorView> {
    let tracks = state.tracks();
    known
        .iter()
        .map(|o| {
            let track = tracks.get(&o.id).copied().unwrap_or_default();
            OperatorView {
                ceremonies_done: track.done,
                ceremonies_failed: track.failed,
                ..o.clone()
            }
        })
        .collect()
}
