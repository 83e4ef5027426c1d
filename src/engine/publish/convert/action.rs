//! Actions: what would be done, how it stands, and what a person can do about it.

use crate::oracle;
use crate::ports::CeremonyCapabilities;
use crate::types::{CeremonyPlan, OperatorId, UnixMillis};
use crate::view::{self, Can, CommitteeSize, CommitteeView};

/// The view of an action that stands as `state` says, with what it shows now. `observes` is what mode observe says, in which nothing can be
/// decided. The committee is left to [`committee`], and how its checks have
/// faded to who knows the state.
pub(in crate::engine::publish) fn action(
    action: &oracle::Action,
    (proposal, refreshed_at): (&oracle::Proposal, Option<UnixMillis>),
    state: oracle::ActionState,
    observes: Option<Can>,
) -> view::ActionView {
    let (can_approve, can_reject) = possibilities(action, &state, observes);
    view::ActionView {
        id: action.id,
        kind: proposal.kind.to_string(),
        family: family(proposal.payload.family()),
        risk: risk(proposal.kind.risk()),
        title: proposal.title.clone(),
        facts: proposal.facts.iter().map(fact).collect(),
        checks: proposal.checks.clone(),
        payload: payload(&proposal.payload),
        digest: action.digest,
        refreshed_at,
        checked_at: None,
        checked_block: None,
        nonce_now: None,
        faded: None,
        proposed_at: action.proposed_at,
        since: action.since(),
        anew: action.anew.map(|anew| view::AnewView {
            at: anew.at,
            was: anew.was,
        }),
        state: action_state(state),
        decision: action.decision.as_ref().map(decision),
        can_approve,
        can_reject,
        phrase: action.phrase(),
        committee: None,
        undo: None,
        refreshing: None,
        approvals_ended: Vec::new(),
        people: None,
        approval_good_for_ms: None,
        by_rules: None,
    }
}

/// What the desk would answer to an approval and to a rejection.
fn possibilities(action: &oracle::Action, state: &oracle::ActionState, observes: Option<Can>) -> (Can, Can) {
    if let Some(no) = observes {
        return (no.clone(), no);
    }
    if *state != oracle::ActionState::Proposed {
        let no = Can::no(format!(
            "{} is {}, it waits for no decision",
            action.id,
            state.word()
        ));
        return (no.clone(), no);
    }
    (action.approvable().into(), Can::Yes)
}

/// The committee of a ceremony that makes or moves shares, with the sizes that it can have. `holders` have a share of the
/// key now.
pub(in crate::engine::publish) fn committee(
    payload: &oracle::Payload,
    can: &CeremonyCapabilities,
    holders: impl FnOnce() -> Option<Vec<OperatorId>>,
) -> Option<CommitteeView> {
    let oracle::Payload::Ceremony(payload) = payload else {
        return None;
    };
    let (proposed, holders) = match &payload.plan {
        CeremonyPlan::Keygen { committee, .. } => (committee.clone(), Vec::new()),
        // the plan names only those that deal: who leaves is seen against everybody who holds a share
        CeremonyPlan::Reshare { old, new, .. } => (new.clone(), holders().unwrap_or_else(|| old.clone())),
        CeremonyPlan::Sign { .. } => return None,
    };
    let sizes = can.committees.iter().map(|size| CommitteeSize {
        operators: size.operators,
        threshold: size.threshold,
    });
    Some(CommitteeView {
        proposed,
        holders,
        sizes: sizes.collect(),
        worse: None,
    })
}

fn family(family: oracle::Family) -> view::Family {
    match family {
        oracle::Family::Ceremony => view::Family::Ceremony,
        oracle::Family::Transaction => view::Family::Transaction,
        oracle::Family::Broadcast => view::Family::Broadcast,
    }
}

fn risk(risk: oracle::Risk) -> view::Risk {
    match risk {
        oracle::Risk::Routine => view::Risk::Routine,
        oracle::Risk::Money => view::Risk::Money,
        oracle::Risk::Irreversible => view::Risk::Irreversible,
    }
}

fn fact(fact: &oracle::Fact) -> view::Fact {
    use oracle::FactKind as From;
    view::Fact {
        label: fact.label.clone(),
        value: fact.value.clone(),
        kind: match fact.kind {
            From::Text => view::FactKind::Text,
            From::Address => view::FactKind::Address,
            From::Hex => view::FactKind::Hex,
            From::Amount => view::FactKind::Amount,
            From::Warning => view::FactKind::Warning,
        },
    }
}

fn action_state(state: oracle::ActionState) -> view::ActionState {
    use oracle::ActionState as From;
    use view::ActionState as To;
    match state {
        From::Proposed => To::Proposed,
        From::Approved => To::Approved,
        From::Executing => To::Executing,
        From::Done => To::Done,
        From::Rejected => To::Rejected,
        From::Failed { reason } => To::Failed { reason },
        From::Void { reason } => To::Void { reason },
        From::Unknown { reason } => To::Unknown { reason },
    }
}

pub(in crate::engine::publish) fn decision(decision: &oracle::Decision) -> view::Decision {
    view::Decision {
        verdict: match &decision.verdict {
            oracle::Verdict::Approve => view::Verdict::Approve,
            oracle::Verdict::Reject { reason } => view::Verdict::Reject {
                reason: reason.clone(),
            },
        },
        nth: decision.nth,
        key: decision.decider.key(),
        decider: decider(&decision.decider),
        at: decision.at,
        digest: decision.digest,
        lets_pass: decision.unknown.clone(),
    }
}

pub(in crate::engine::publish) fn decider(decider: &oracle::Decider) -> view::Decider {
    match decider {
        oracle::Decider::Person { name, .. } => view::Decider::Person { name: name.clone() },
        oracle::Decider::Rule { name } => view::Decider::Rule { name: name.clone() },
    }
}

fn payload(payload: &oracle::Payload) -> view::Payload {
    match payload {
        oracle::Payload::Ceremony(p) => view::Payload::Ceremony(view::CeremonyPayload {
            plan: p.plan.clone(),
            backend: p.backend.clone(),
            parties: p.parties.clone(),
        }),
        oracle::Payload::Transaction(p) => view::Payload::Transaction(view::TransactionPayload {
            chain_id: p.chain_id,
            from: p.from,
            to: p.to,
            value_wei: p.value_wei,
            data: p.data.clone(),
            fee_ceiling_wei: p.fee_ceiling_wei,
            call: p.call.as_ref().map(call),
        }),
        oracle::Payload::Exit(p) => view::Payload::Exit(view::ExitPayload {
            validator: p.validator,
            validator_index: p.validator_index,
            epoch: p.epoch,
            signing_root: p.signing_root,
            signature: p.signature,
        }),
    }
}

fn call(call: &oracle::CallView) -> view::CallView {
    let argument = |a: &oracle::CallArgument| view::CallArgument {
        name: a.name.clone(),
        solidity_type: a.solidity_type.clone(),
        value: a.value.clone(),
    };
    view::CallView {
        function: call.function.clone(),
        arguments: call.arguments.iter().map(argument).collect(),
    }
}
