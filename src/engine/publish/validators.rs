//! Validators of the pools, with what can be done with them.

use super::observes;
use crate::oracle::{self, State};
use crate::types::PoolId;
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
    oracle::may_reshare(state, pool).into()
}
