//! Validators of the pools, with what can be done with them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::observes;
use crate::oracle::{self, State, can_request_exit};
use crate::types::PoolId;
use crate::view::{Can, ValidatorView};

/// The rows as they were last made. There are as many as the contract has pools, and between two snapshots hardly any
/// changes: only those are made again that may have, and while none does all snapshots share them.
#[derive(Debug, Default)]
pub(in crate::engine) struct ValidatorRows {
    /// What they were made of: as they were told, ...
    known: Arc<Vec<ValidatorView>>,
    /// ... the contract's list, ...
    staked: Vec<PoolId>,
    /// ... the number of the newest record, ...
    newest: u64,
    /// ... and the pools that had a case in memory then. Nothing moves of the others.
    moving: BTreeSet<PoolId>,
    places: HashMap<PoolId, usize>,
    made: Arc<Vec<ValidatorView>>,
}

impl ValidatorRows {
    pub(super) fn views(
        &mut self,
        state: &State,
        known: &Arc<Vec<ValidatorView>>,
    ) -> Arc<Vec<ValidatorView>> {
        let staked = &state.facts().staked;
        let same = Arc::ptr_eq(&self.known, known);
        if !same || self.newest != state.newest || self.staked != *staked {
            let moving: BTreeSet<PoolId> = state.cases.keys().map(|case| case.pool).collect();
            if same {
                self.renew(state, &moving);
            } else {
                self.places = known.iter().enumerate().map(|(at, v)| (v.pool, at)).collect();
                self.made = Arc::new(known.iter().map(|validator| view(state, validator)).collect());
                self.known = Arc::clone(known);
            }
            self.staked.clone_from(staked);
            self.newest = state.newest;
            self.moving = moving;
        }
        Arc::clone(&self.made)
    }

    /// Makes the rows again of which something may have moved.
    fn renew(&mut self, state: &State, moving: &BTreeSet<PoolId>) {
        let mut pools = moving | &self.moving;
        if self.staked != state.facts().staked {
            let lists = [&self.staked, &state.facts().staked];
            let [before, now] = lists.map(|list| list.iter().copied().collect::<HashSet<_>>());
            pools.extend(&before ^ &now);
        }
        let places = pools.iter().filter_map(|pool| self.places.get(pool));
        for place in places {
            let row = view(state, &self.known[*place]);
            if row != self.made[*place] {
                Arc::make_mut(&mut self.made)[*place] = row;
            }
        }
    }
}

fn view(state: &State, validator: &ValidatorView) -> ValidatorView {
    ValidatorView {
        can_reshare: can_reshare(state, validator.pool),
        can_exit: can_exit(state, validator),
        ..validator.clone()
    }
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
