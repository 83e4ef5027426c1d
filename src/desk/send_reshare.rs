//! `resharePool`: tells the manager who holds a pool's key now.

use std::sync::Arc;

use alloy::primitives::Bytes;

use super::committee::{self, Committees};
use super::pools::{authorised, present, reshares_left};
use super::proposal::list;
use super::reshare::old_power;
use super::sending::{self, Sending};
use super::{key_checks, refused};
use crate::oracle::{ActionKind, Fact, FactKind, Prepared, Registration};
use crate::ports::{At, Execution, PoolCall, PoolManager, ResharePool, Ssv};
use crate::types::{Check, OperatorId, PoolId, ReshareOutput};

/// Prepares the transactions that end reshares.
#[derive(Debug)]
pub(super) struct SendReshare {
    pub(super) committees: Committees,
    pub(super) sending: Sending,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
}

impl SendReshare {
    pub(super) async fn prepare(
        &self,
        pool: PoolId,
        reshare: &ReshareOutput,
        old_committee: &[OperatorId],
        ceremony_checks: Vec<Check>,
        registration: Registration,
    ) -> Prepared {
        let present = match present(&*self.manager, &*self.execution, pool).await {
            Ok(present) => present,
            Err(answer) => return answer,
        };
        let Some(oracle) = self.sending.oracle else {
            return refused("no oracle address is configured: a reshare cannot be submitted");
        };
        let operators: Vec<OperatorId> = reshare.share_public_keys.keys().copied().collect();
        let (shares, shares_check) = key_checks::shares_data(
            &*self.ssv,
            registration,
            &reshare.share_public_keys,
            &reshare.encrypted_shares,
        );
        let call = PoolCall::Reshare(ResharePool {
            pool,
            operator_ids: operators.clone(),
            shares: Bytes::from(shares),
        });
        let payload = match sending::payload(&self.sending, oracle, &call) {
            Ok(payload) => payload,
            Err(why) => return refused(why),
        };
        let limit = self.manager.capabilities().reshare_limit();
        let used = present.committee.reshare_count;
        let (ssv, balance) = tokio::join!(
            self.ssv.state(present.block, &operators),
            self.execution.balance(oracle, At::block(present.block))
        );

        let mut checks = ceremony_checks;
        checks.extend(key_checks::key(&reshare.validator, &reshare.share_public_keys));
        checks.push(Check::of(
            "validator-key-unchanged",
            reshare.validator == present.validator,
            format!(
                "the contract has {}, the reshare gave {}",
                present.validator, reshare.validator
            ),
        ));
        checks.extend(key_checks::registration(
            self.manager.address(),
            &reshare.validator,
            registration,
            &ssv,
        ));
        checks.push(shares_check);
        checks.push(present.staked_check(pool));
        checks.push(reshares_left(&present.committee, limit));
        checks.push(authorised(&*self.manager, self.sending.oracle).await);
        checks.push(sending::endpoints_agree(&self.sending, pool, oracle, present.block).await);

        let mut facts = vec![
            Fact::new("pool", FactKind::Text, pool),
            Fact::new("validator key, unchanged", FactKind::Hex, reshare.validator),
            Fact::new(
                "present committee",
                FactKind::Text,
                list(&present.committee.operator_ids),
            ),
            Fact::new("old operators that dealt", FactKind::Text, list(old_committee)),
        ];
        facts.extend(committee::fact(&self.committees, "new committee", &operators));
        facts.extend([
            Fact::new("SSV registration nonce", FactKind::Text, registration.nonce),
            Fact::new(
                "reshares",
                FactKind::Text,
                format!("{used} of {limit} used, this is {}", used + 1),
            ),
            Fact::new(
                "old shares",
                FactKind::Warning,
                old_power(&present.committee.operator_ids, &operators),
            ),
            Fact::new(
                "SSV",
                FactKind::Warning,
                "resharePool does not tell SSV anything: the cluster there stays as it is",
            ),
        ]);
        let title = format!(
            "Tell the manager that operators {} hold the key of pool {pool}.",
            list(&operators)
        );
        sending::proposal(
            &self.sending,
            ActionKind::SendReshare,
            &title,
            facts,
            checks,
            payload,
            &balance,
        )
        .await
    }
}
