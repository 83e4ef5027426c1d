//! Actions as they are shown, with what can be done with them.

use std::time::Duration;

use super::{convert, observes};
use crate::desk;
use crate::engine::live::Live;
use crate::oracle::{
    Action, ActionState, Mode, Payload, State, action_state, can_take_back, rule_for, undo_until, wanted,
};
use crate::ports::{Answer, OperatorHealth, Presence};
use crate::types::{ActionId, OperatorId};
use crate::view::{
    ActionView, ByRules, Can, FadedView, Health, OperatorView, PeopleView, RefreshingView, UndoView,
    WorseView,
};

/// Where it takes more than one person, or took.
fn people(state: &State, action: &Action) -> Option<PeopleView> {
    let waits = action.state == ActionState::Proposed;
    let demand = state.settings.policy.demand(&action.proposal);
    // what is over takes nobody any more: how many it took stands with whoever approved it
    let took = action.decisions().find_map(|given| given.nth).map(|nth| nth.of);
    let needed = if waits { demand.people } else { took? };
    if needed < 2 && action.endorsements.is_empty() {
        return None;
    }
    let last = action.decision.iter().filter(|d| d.nth.is_some());
    Some(PeopleView {
        needed,
        personal_keys: waits && demand.personal_keys,
        given: action
            .endorsements
            .iter()
            .chain(last)
            .map(convert::decision)
            .collect(),
        until: action
            .approved_until(state.settings.approval_expires_ms)
            .filter(|_| waits),
        refreshing: state.approved_by(action.id).map(convert::decider).collect(),
    })
}

/// What has become of a committee that waits for a decision, as far as is known now; none while nobody of it is down or was
/// proven to break the protocol, in whatever case.
fn worse(state: &State, live: &Live, action: &Action, proposed: &[OperatorId]) -> Option<WorseView> {
    let known = |id: &OperatorId| live.operators.iter().find(|o| o.id == *id);
    let is_down = |id: &&OperatorId| known(id).is_some_and(|o| o.health == Health::Down);
    let down: Vec<_> = proposed.iter().filter(is_down).copied().collect();
    let since = |id: &&OperatorId| state.proven.get(id).is_some_and(|at| *at > action.proposed_at);
    let proven: Vec<_> = proposed.iter().filter(since).copied().collect();
    let mut unwell = [&*down, &*proven].concat();
    unwell.sort_unstable();
    unwell.dedup();
    if unwell.is_empty() {
        return None;
    }
    let wanted = wanted(state, state.cases.get(&action.id.case)?, None);
    let health = live.operators.iter().map(|o| (o.id, last_seen(o))).collect();
    let can = live.backend.capabilities();
    let instead = desk::instead(can, proposed, &unwell, &wanted, &health);
    Some(WorseView {
        down,
        proven,
        instead,
    })
}

/// What an operator answered when it was last asked. Who is not well is nobody's replacement.
fn last_seen(operator: &OperatorView) -> OperatorHealth {
    let answers = match operator.health {
        Health::Up => Answer::Yes(Presence {
            version: Some(operator.version.clone()),
            latency: Duration::from_millis(operator.latency_ms.unwrap_or(u64::MAX)),
        }),
        Health::Down => Answer::no(operator.note.as_str()),
        Health::Unknown | Health::Degraded => Answer::not_known(&operator.note),
    };
    OperatorHealth {
        id: operator.id,
        answers,
    }
}

pub(super) fn view(state: &State, live: &Live, id: ActionId) -> Option<ActionView> {
    let action = state.actions.get(&id)?;
    let holders = || {
        let pool = id.case.pool;
        let contract = live.validators.iter().find(|v| v.pool == pool);
        let by_contract = contract.map(|v| v.operators.clone());
        let known = || state.known_key(pool).map(|key| key.committee);
        by_contract.filter(|holders| !holders.is_empty()).or_else(known)
    };
    let mut view = convert::action(
        action,
        state.shown(action),
        action_state(state, id)?,
        observes(state),
    );
    view.checked_at = state.checked_at(id);
    view.checked_block = state.checked_block(id);
    if let (Payload::Transaction(payload), ActionState::Proposed) = (&action.proposal.payload, &action.state)
    {
        view.nonce_now = state.nonce_now(payload.from);
    }
    view.faded = state.faded(action).map(|faded| FadedView {
        checks: faded.checks,
        why: faded.why,
        waits_ms: Some(state.refreshing_for_ms()),
    });
    view.refreshing = state.refreshing(id).map(|it| RefreshingView {
        by: it.by,
        at: it.at,
        until: it.until,
        is_enough: it.is_enough,
        why: it.why,
    });
    view.approvals_ended = state.approvals_ended(id);
    let can_undo = state.mode() != Mode::Observe && can_take_back(state, id).is_ok();
    view.undo = can_undo.then(|| UndoView {
        until: undo_until(state, id),
    });
    view.people = people(state, action);
    if view.can_approve.is_yes() && view.people.as_ref().is_some_and(|p| p.personal_keys) {
        view.can_approve = Can::no(format!(
            "it takes the signatures of two people, each made with a personal key: `casimir-dkg show {id} --export FILE` writes \
             the file that each signs on their own machine with `casimir-dkg sign`"
        ));
    }
    // where nothing is stale, what is shown now can be approved, whatever an approval before waits for
    let waits = view.refreshing.as_ref().filter(|_| view.is_refreshing());
    if let Some(refreshing) = waits.filter(|_| view.faded.is_some()) {
        view.can_approve = Can::no(format!(
            "{}: it counts by itself then, unless the approval is taken back",
            refreshing.with_why()
        ));
    }
    let waits = view.is_proposed();
    view.approval_good_for_ms = waits.then_some(state.settings.approval_expires_ms);
    view.by_rules = waits.then(|| match rule_for(state, action) {
        Ok(rule) => ByRules::Approve {
            rule: rule.name.clone(),
        },
        Err(why) => ByRules::Wait { why: why.into() },
    });
    if view.can_reject.is_yes() {
        view.committee = convert::committee(&action.proposal.payload, live.backend.capabilities(), holders);
        if let Some(committee) = view.committee.as_mut().filter(|_| waits) {
            committee.worse = worse(state, live, action, &committee.proposed);
        }
    }
    Some(view)
}
