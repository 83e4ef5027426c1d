//! Validators of the pools, with what can be done with them.

use super::observes;
use crate::oracle::State;
use crate::types::{PoolId, RequestKind};
use crate::view::{Can, ValidatorView};

pub(super) fn views(state: &State, known: &[ValidatorView]) -> Vec<ValidatorView> {
    let view = |validator: &ValidatorView| ValidatorView {
        can_reshare: can_reshare(state, validator.pool),
        ..validator.clone()
    };
    known.iter().map(view).collect()
}

pub(super) fn can_reshare(state: &State, pool: PoolId) -> Can {
    if let Some(no) = observes(state) {
        return no;
    }
    if !state.facts().staked.contains(&pool) {
        return Can::no(format!(
            "pool {pool} is not staked: only a staked pool can be reshared"
        ));
    }
    let mut reshares = state.cases_of(RequestKind::Reshare, pool);
    match reshares.find(|case| !case.is_closed()) {
        Some(case) => Can::no(format!("{} is open already", case.id)),
        None => Can::Yes,
    }
}
