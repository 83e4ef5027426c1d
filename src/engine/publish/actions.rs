//! Actions as they are shown, with what can be done with them.

use super::{convert, observes};
use crate::engine::live::Live;
use crate::oracle::{State, action_state, rule_for};
use crate::types::ActionId;
use crate::view::{ActionView, ByRules, FadedView};

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
        approved_by: state.approving(id).cloned(),
    });
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
