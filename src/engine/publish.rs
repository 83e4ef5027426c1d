//! Builds the snapshot from the state and from what is live.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::live::Live;
use crate::journal::Journal;
use crate::oracle::{
    Action, ActionState, Case, Ceremony, ExitStanding, ExitVerdict, Mode, Payload, REFUSALS, Sending, State,
    Step, ValidatorPhase, action_state, case_status, current_ceremony, milestones, unknown_outcome,
};
use crate::snapshot::{
    CaseView, CeremonyEnd, CeremonyView, ExitView, JournalView, NodeVerdict, OperatorView, PauseView,
    Snapshot, TransactionState, TransactionView,
};
use crate::types::{
    ActionId, CeremonyPlan, CeremonyResult, NonceStatus, OperatorId, OperatorProgress, OperatorState,
    RequestId, RequestKind, SafeText, SignPurpose, UnixMillis,
};

/// The version shown and journaled.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn snapshot(
    state: &State,
    live: &mut Live,
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
    Snapshot {
        revision,
        at: UnixMillis::now(),
        version: VERSION,
        network: live.network.clone(),
        mode: state.settings.mode,
        paused: state.paused.as_ref().map(|(by, since)| PauseView {
            by: by.clone(),
            since: *since,
        }),
        chain,
        signer,
        endpoints: live.endpoints.values().flatten().cloned().collect(),
        operators: operators(state, &live.operators),
        cases: cases(state),
        ceremonies: ceremonies(state, live),
        actions: actions(state),
        transactions: transactions(state),
        exits: exits(state),
        validators: live.validators.clone(),
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

fn cases(state: &State) -> Vec<CaseView> {
    let mut views: Vec<_> = state
        .cases
        .values()
        .map(|case| CaseView {
            id: case.id,
            kind: case.id.kind,
            pool: case.id.pool,
            cause: case.cause.clone(),
            opened_at: case.opened_at,
            status: case_status(state, case.id),
            sentence: sentence(state, case),
            since: case.since,
            action: current_action(case),
            ceremony: current_ceremony(case),
            validator: case
                .validator()
                .or_else(|| state.known_key(case.id.pool).map(|k| k.validator)),
            times: milestones(case),
            history: case.history.clone(),
            paused: case.paused.is_some(),
        })
        .collect();
    views.sort_by_key(|c| Reverse((c.opened_at, c.id)));
    views
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
                Err(blocked) => format!("can not be approved: {blocked}"),
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

/// What waits comes first: deposits in the order of the contract's queue, since they can be served in no other, after
/// everything else in the order in which it was proposed. What does not wait follows, newest first.
fn actions(state: &State) -> Vec<Action> {
    let (mut waiting, mut rest): (Vec<_>, Vec<_>) = state
        .actions
        .values()
        .map(|action| Action {
            state: action_state(state, action.id).unwrap_or_else(|| action.state.clone()),
            ..action.clone()
        })
        .partition(|a| a.state == ActionState::Proposed);
    let place = |action: &Action| match action.id.case.kind {
        RequestKind::Deposit => {
            let position = state
                .facts()
                .ready
                .iter()
                .position(|pool| *pool == action.id.case.pool);
            1 + position.unwrap_or(usize::MAX - 1)
        }
        RequestKind::Reshare | RequestKind::Exit => 0,
    };
    waiting.sort_by_key(|a| (place(a), a.proposed_at, a.id));
    rest.sort_by_key(|a| Reverse((a.proposed_at, a.id)));
    waiting.extend(rest);
    waiting
}

fn ceremonies(state: &State, live: &mut Live) -> Vec<CeremonyView> {
    let mut views: Vec<_> = state
        .ceremonies
        .iter()
        .map(|(id, c)| ceremony(*id, c, live))
        .collect();
    views.sort_by(|a, b| {
        (a.ended.is_some(), b.started_at, b.id).cmp(&(b.ended.is_some(), a.started_at, a.id))
    });
    views
}

fn ceremony(id: RequestId, c: &Ceremony, live: &mut Live) -> CeremonyView {
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
    CeremonyView {
        id,
        case: c.case,
        kind,
        what: SafeText::new(&what),
        attempt: c.attempt,
        threshold,
        steps: live.steps_of(id, c),
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
    }
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

fn transactions(state: &State) -> Vec<TransactionView> {
    let head = state.facts().head.map_or(0, |h| h.number);
    let mut views: Vec<_> = state
        .sendings
        .iter()
        .filter_map(|(id, s)| transaction(state, *id, s, head))
        .collect();
    views.sort_by_key(|t| Reverse((t.signed_at, t.nonce)));
    views
}

fn transaction(state: &State, action: ActionId, s: &Sending, head: u64) -> Option<TransactionView> {
    let Payload::Transaction(payload) = &state.actions.get(&action)?.proposal.payload else {
        return None;
    };
    let newest = s.newest();
    let status = match &s.status {
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
    };
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
        state: status,
        note: s.note.clone(),
    })
}

fn exits(state: &State) -> Vec<ExitView> {
    let cases = state.cases.values().filter(|c| c.id.kind == RequestKind::Exit);
    let mut views: Vec<(UnixMillis, ExitView)> = cases.map(|c| (c.opened_at, exit(state, c))).collect();
    views.sort_by_key(|v| Reverse(v.0));
    views.into_iter().map(|(_, view)| view).collect()
}

fn exit(state: &State, case: &Case) -> ExitView {
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
    ExitView {
        case: case.id,
        validator: case.validator().or(known).unwrap_or_default(),
        validator_index: index.or(case.index),
        epoch,
        state: SafeText::new(&word),
        outcome: outcome(case),
        verdicts: offers.verdicts.iter().map(verdict).collect(),
        times: milestones(case),
    }
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
