//! What a case does now, in one sentence for people.

use crate::oracle::{
    Action, ActionState, Case, ExitStanding, HELD, Mode, REFUSALS, Sending, State, Step, is_listed_again,
    milestones, queue_behind, unknown_outcome,
};
use crate::types::{ActionId, CaseId, NonceStatus, RequestId, SafeText, counted, refreshing};

const GATHERING: &str = "gathering what a decision needs";

/// What holds the case up, or what it does.
pub(super) fn sentence(state: &State, case: &Case) -> SafeText {
    if let Some(by) = &case.paused {
        return SafeText::new(&format!("paused by {by}"));
    }
    if case.orphaned && !case.is_closed() {
        return SafeText::new("its request is not in the chain; nothing is done until it returns");
    }
    let waits_or = |otherwise: &str| {
        let reason = state.waiting_reason(case.id);
        reason.map_or_else(|| otherwise.to_owned(), SafeText::to_string)
    };
    let unknown = unknown_outcome(state, &case.step).map(|words| words.to_string());
    SafeText::new(&match &case.step {
        Step::PlanCeremony => match &case.last_failure {
            Some(why) => waits_or(&format!("the last attempt failed ({why}); preparing another")),
            None => waits_or(GATHERING),
        },
        Step::DecideCeremony(id) | Step::DecideEffect(id) => match state.actions.get(id) {
            Some(action) if action.state == ActionState::Proposed => match action.approvable() {
                Ok(()) => undecided(state, action, waits_or),
                Err(blocked) => format!("cannot be approved: {blocked}"),
            },
            _ if state.paused.is_some() => "approved; held by the pause".to_owned(),
            _ if state.unadopted().is_some() => "approved; held until the account is adopted".to_owned(),
            _ if state.is_cut_off() => format!("approved; {HELD}"),
            _ => waits_or("approved; last checks before it leaves"),
        },
        Step::RunCeremony(request) => unknown.unwrap_or_else(|| ceremony_words(state, *request)),
        Step::Register(Some(_)) => {
            unknown.unwrap_or_else(|| "the operators sign the SSV registration".to_owned())
        }
        Step::Register(None) | Step::PlanEffect => waits_or(GATHERING),
        Step::AwaitTurn => waits_or("waits for its turn"),
        Step::Execute(id) => executing(state, case, *id, unknown),
        Step::Follow => match case.phase {
            Some(phase) => format!(
                "done on the execution chain; the validator is {phase}{}",
                ahead(case)
            ),
            None => "done on the execution chain; the validator is being looked up".to_owned(),
        },
        Step::Halted { reason, .. } => reason.to_string(),
        Step::Closed { outcome } if case.given_up => given_up(state, case.id, outcome),
        Step::Closed { outcome } if is_listed_again(state, case.id) => listed_again(state, case.id, outcome),
        Step::Closed { outcome } => outcome.to_string(),
    })
}

/// What waits for people, or what those who approved it wait for.
pub(super) fn undecided(state: &State, action: &Action, waits_or: impl Fn(&str) -> String) -> String {
    if let Some(waits) = state.refreshing(action.id) {
        let words = waits_or(&refreshing(&waits.by, waits.why.as_ref()));
        return match waits.is_enough {
            true => words,
            false => format!("{words}; it takes another person"),
        };
    }
    let people = second(state, action);
    let otherwise = format!("waits for a decision on {}{people}", action.id);
    match people.is_empty() {
        true => waits_or(&otherwise),
        false => otherwise,
    }
}

/// Who approved it so far, where it takes two people.
fn second(state: &State, action: &Action) -> String {
    let of = state.settings.policy.demand(&action.proposal).people;
    let given = &action.endorsements;
    if of < 2 {
        return String::new();
    }
    let by = given.first().map_or_else(String::new, |first| {
        format!(": {} approved it, and it takes another person", first.decider)
    });
    format!(" by {of} people, {} of {of}{by}", given.len())
}

/// What a person gave up stays so, whatever the contract still lists.
pub(super) fn given_up(state: &State, case: CaseId, outcome: &SafeText) -> String {
    format!(
        "{outcome}; it stays so until it is retried{}",
        behind(state, case)
    )
}

fn behind(state: &State, case: CaseId) -> String {
    queue_behind(state, case).map_or_else(String::new, |words| format!("; {words}"))
}

/// What came to its end stays so, although its blocks left the chain.
pub(super) fn listed_again(state: &State, case: CaseId, outcome: &SafeText) -> String {
    let (pool, behind) = (case.pool, behind(state, case));
    format!(
        "{outcome}, and the contract lists pool {pool} again: nothing is done until it is retried{behind}"
    )
}

/// Signed, sent or published.
fn executing(state: &State, case: &Case, action: ActionId, unknown: Option<String>) -> String {
    let observes = state.mode() == Mode::Observe;
    match state.sendings.get(&action) {
        Some(sending) => {
            let words = unknown.unwrap_or_else(|| sending_words(sending, state.is_cut_off()));
            let held = observes && sending.status == NonceStatus::Missing;
            let held = if held { "; mode observe does not send it" } else { "" };
            with_note(format!("{words}{held}"), state.note(action))
        }
        None if observes => {
            "the exit was offered to the beacon nodes; not in a block yet, and mode observe does not offer it again"
                .to_owned()
        }
        None => offered(case),
    }
}

/// A published exit that is not in a block yet.
fn offered(case: &Case) -> String {
    match &case.offers.standing {
        Some(ExitStanding::Refused) => format!(
            "the exit was refused by every node that answered, {} in a row, and is offered again ({REFUSALS} times \
             before a person must look): {}",
            counted(case.offers.refusals as usize, "time"),
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
        let operators = counted(c.plan.participants().len(), "operator");
        format!("{} with {operators}, attempt {}", c.plan.kind(), c.attempt)
    })
}

fn sending_words(sending: &Sending, cut_off: bool) -> String {
    let nonce = sending.newest().nonce;
    match &sending.status {
        NonceStatus::Missing if cut_off => format!("{HELD}; transaction with nonce {nonce} is signed"),
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
        NonceStatus::Replaced {
            by: None,
            is_final: false,
        } => {
            format!("a node has another transaction with nonce {nonce}; it is looked for again")
        }
        NonceStatus::Replaced { .. } => {
            format!("nonce {nonce} was used by another transaction; waits for finality")
        }
    }
}

fn with_note(words: String, note: Option<&SafeText>) -> String {
    match note.map(SafeText::as_str) {
        None | Some("") => words,
        Some(note) => format!("{words} ({note})"),
    }
}
