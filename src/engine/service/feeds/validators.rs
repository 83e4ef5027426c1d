//! The validators of all pools, as the contract has them. Read again when the contract's lists change, and now and then.

use std::collections::BTreeMap;

use crate::chain::rpc::At;
use crate::engine::service::outside::Shared;
use crate::oracle::ChainFacts;
use crate::snapshot::ValidatorView;
use crate::types::{BlockRef, PoolId, SafeText};

/// The contract refuses a fourth reshare: `require(reshareCount < 3)`.
pub(in crate::engine::service) const RESHARE_LIMIT: u64 = 3;
/// Lists that did not change are read again after this many blocks: a reshare changes no list.
const REREAD_BLOCKS: u64 = 8;

#[derive(Default)]
pub(super) struct Validators {
    lists: (Vec<PoolId>, Vec<PoolId>),
    read_at: u64,
    told: Vec<ValidatorView>,
}

impl Validators {
    /// The list, if it changed.
    pub(super) async fn update(
        &mut self,
        outside: &Shared,
        block: BlockRef,
        facts: &ChainFacts,
    ) -> Option<Vec<ValidatorView>> {
        let lists = (facts.pending.clone(), facts.staked.clone());
        if lists == self.lists && block.number < self.read_at + REREAD_BLOCKS {
            return None;
        }
        let mut views = BTreeMap::new();
        for (pools, status) in [(&lists.0, "deposited"), (&lists.1, "staked")] {
            for pool in pools {
                let Ok(view) = outside.manager.pool(*pool, At::block(block)).await else {
                    return None;
                };
                let Some(public_key) = view.public_key else {
                    continue;
                };
                let committee = outside.committees.of(*pool, block).await.ok()?;
                let status = if view.exiting { "exiting" } else { status };
                views.insert(
                    *pool,
                    ValidatorView {
                        pool: *pool,
                        public_key,
                        operators: committee.operator_ids,
                        index: None,
                        status: SafeText::new(status),
                        reshares: (committee.reshare_count, RESHARE_LIMIT),
                    },
                );
            }
        }
        self.lists = lists;
        self.read_at = block.number;
        let mut views: Vec<_> = views.into_values().collect();
        if let Some(beacon) = &outside.beacon {
            let keys: Vec<_> = views.iter().map(|v: &ValidatorView| v.public_key).collect();
            // without an answer the contract's word stands
            for found in beacon.validators(&keys).await.unwrap_or_default() {
                for view in views.iter_mut().filter(|v| v.public_key == found.public_key) {
                    view.index = Some(found.index);
                    view.status = SafeText::new(&found.status.to_string());
                }
            }
        }
        (views != self.told).then(|| {
            self.told = views.clone();
            views
        })
    }
}
