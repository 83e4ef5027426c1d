//! Actions as they are shown, with what can be done with them.

use super::{convert, observes};
use crate::engine::live::Live;
use crate::oracle::{Action, ActionState, State, action_state, rule_for};
use crate::types::ActionId;
use crate::view::{ActionView, ByRules, Can, FadedView, PeopleView};

/// Where it takes more than one person, or took.
fn people(state: &State, action: &Action) -> Option<PeopleView> {
    let waits = action.state == ActionState::Proposed;
    let demand = state.settings.policy.demand(&action.proposal);
    let took = action.decision.as_ref().and_then(|d| d.nth).map(|nth| nth.of);
    let needed = if waits { demand.people } else { took.unwrap_or(1) };
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
    })
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
    view.faded = state.faded(action).map(|faded| FadedView {
        checks: faded.checks,
        why: faded.why,
        approved_by: state.approving(id),
    });
    view.people = people(state, action);
    if view.can_approve.is_yes() && view.people.as_ref().is_some_and(|p| p.personal_keys) {
        view.can_approve = Can::no(format!(
            "it takes two people who sign with keys of their own: `casimir-dkg show {id} --export FILE`, then `casimir-dkg sign`"
        ));
    }
    view.by_rules = (view.waits()).then(|| match rule_for(state, action) {
        Ok(rule) => ByRules::Approve {
            rule: rule.name.clone(),
        },
        Err(why) => ByRules::Wait { why: why.into() },
    });
    if view.can_reject.is_yes() {
        view.committee = convert::committee(&action.proposal.payload, live.backend.capabilities(), holders);
    }
    Some(view)
}
