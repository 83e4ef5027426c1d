//! Validators of the pools, with what can be done with them.

use super::observes;
use crate::oracle::{self, State, can_request_exit};
use crate::types::PoolId;
use crate::view::{Can, ValidatorView};

pub(super) fn views(state: &State, known: &[ValidatorView]) -> Vec<ValidatorView> {
    let view = |validator: &ValidatorView| ValidatorView {
        can_reshare: can_reshare(state, validator.pool),
        can_exit: can_exit(state, validator),
        ..validator.clone()
    };
    known.iter().map(view).collect()
}

/// Whether a person can open its exit. A status that is not known forbids nothing: the desk asks the beacon chain before
/// anything is signed.
pub(super) fn can_exit(state: &State, validator: &ValidatorView) -> Can {
    if let Some(no) = observes(state) {
        return no;
    }
    let status = validator.status.as_str();
    let not_active = [
        "pending",
        "active_exiting",
        "active_slashed",
        "exited",
        "withdrawal",
    ];
    if not_active.iter().any(|word| status.starts_with(word)) {
        return Can::no(format!("the validator of pool {} is {status}", validator.pool));
    }
    can_request_exit(state, validator.pool).into()
}

pub(super) fn can_reshare(state: &State, pool: PoolId) -> Can {
    if let Some(no) = observes(state) {
        return no;
    }
    oracle::may_reshare(state, pool).into()
}
