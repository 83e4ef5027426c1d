//! `resharePool`: tells the manager who holds a pool's key now.

use std::sync::Arc;

use alloy::primitives::{Address, Bytes, U256};

use super::committee::{self, Committees};
use super::pools::{StakedPool, authorised, on_present, present, reshares_left};
use super::proposal::list;
use super::reshare::old_power;
use super::sending::{self, Sending};
use super::{key_checks, owner_nonce, refused, removed, served};
use crate::oracle::{
    ActionKind, ENDPOINTS_AGREE, Fact, FactKind, Prepared, SendReshareDraft, TransactionPayload,
};
use crate::ports::agreed::{self, words};
use crate::ports::{Answer, At, Execution, PoolCall, PoolManager, ResharePool, Ssv};
use crate::types::{Check, OperatorId, PoolId};

/// Prepares the transactions that end reshares.
#[derive(Debug)]
pub(super) struct SendReshare {
    pub(super) committees: Committees,
    pub(super) sending: Sending,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
}

/// The transaction as it would be sent, and what the chain says that matters for it.
struct Gathered {
    present: StakedPool,
    operators: Vec<OperatorId>,
    balance: Answer<U256>,
    shares_check: Check,
    payload: TransactionPayload,
}

impl SendReshare {
    /// `Err` is the answer of the desk where there is nothing to propose.
    pub(super) async fn prepare(&self, pool: PoolId, draft: SendReshareDraft) -> Result<Prepared, Prepared> {
        served::reshares(&*self.manager)?;
        let present = present(&*self.manager, &*self.execution, &*self.sending.agreement, pool).await?;
        let Some(oracle) = self.sending.oracle else {
            return Err(refused(
                "no oracle address is configured: a reshare cannot be submitted",
            ));
        };
        let gathered = self.gather(pool, oracle, &draft, present).await?;
        let checks = self.checks(pool, oracle, &draft, &gathered).await;
        let facts = self.facts(pool, &draft, &gathered);
        let title = format!(
            "Tell the manager that operators {} hold the key of pool {pool}.",
            list(&gathered.operators)
        );
        let (payload, balance) = (gathered.payload, &gathered.balance);
        let kind = ActionKind::SendReshare;
        let proposal = sending::proposal(&self.sending, kind, &title, facts, checks, payload, balance).await;
        Ok(removed::named(&*self.sending.ssv, &gathered.operators, proposal).await)
    }

    async fn gather(
        &self,
        pool: PoolId,
        oracle: Address,
        draft: &SendReshareDraft,
        present: StakedPool,
    ) -> Result<Gathered, Prepared> {
        let reshare = &draft.reshare;
        let operators: Vec<OperatorId> = reshare.share_public_keys.keys().copied().collect();
        let (shares, shares_check) = key_checks::shares_data(
            &*self.ssv,
            draft.registration,
            &reshare.share_public_keys,
            &reshare.encrypted_shares,
        );
        let call = PoolCall::Reshare(ResharePool {
            pool,
            operator_ids: operators.clone(),
            shares: Bytes::from(shares),
            handover: None,
        });
        let payload = sending::payload(&self.sending, oracle, &call).map_err(refused)?;
        let balance = self.execution.balance(oracle, At::block(present.block)).await;
        Ok(Gathered {
            present,
            operators,
            balance,
            shares_check,
            payload,
        })
    }

    async fn checks(
        &self,
        pool: PoolId,
        oracle: Address,
        draft: &SendReshareDraft,
        gathered: &Gathered,
    ) -> Vec<Check> {
        let (present, key) = (&gathered.present, &draft.reshare.validator);
        let shares = &draft.reshare.share_public_keys;
        let mut checks = draft.ceremony_checks.clone();
        checks.extend(key_checks::key(key, shares, draft.threshold));
        checks.push(Check::of(
            "validator-key-unchanged",
            *key == present.validator,
            format!("the contract has {}, the reshare gave {key}", present.validator),
        ));
        let nonce = owner_nonce::ask(
            &*self.sending.agreement,
            &*self.manager,
            &*self.ssv,
            present.block,
        );
        let (owner, registration) = (self.manager.address(), draft.registration);
        checks.extend(key_checks::registration(owner, key, registration, &nonce.await));
        checks.push(gathered.shares_check.clone());
        checks.push(present.staked_check(pool));
        let agreement = &*self.sending.agreement;
        checks.push(reshares_left(&*self.manager, agreement, pool, present).await);
        let (authorised, told) = authorised(&*self.manager, self.sending.oracle, present.block).await;
        checks.push(authorised);
        let mut used = vec![words::caller(&told)];
        used.extend(words::known(&gathered.balance, |wei| words::balance(*wei)));
        let (facts, held) = tokio::join!(
            agreed::on_facts(agreement, pool, oracle, present.block, &used),
            on_present(&*self.manager, agreement, pool, present),
        );
        checks.push(facts.and(held).check(ENDPOINTS_AGREE));
        checks
    }

    fn facts(&self, pool: PoolId, draft: &SendReshareDraft, gathered: &Gathered) -> Vec<Fact> {
        let (key, dealt) = (draft.reshare.validator, list(&draft.old_committee));
        let (holders, new) = (&gathered.present.committee.operator_ids, &gathered.operators);
        let limit = self.manager.capabilities().reshare_limit();
        let used = gathered.present.committee.reshare_count;
        let reshares = format!("{used} of {limit} used, this is {}", used + 1);
        let can = self.committees.ceremonies.capabilities();
        let power = old_power(holders, new, can.threshold_of(holders.len()));
        let mut facts = vec![
            Fact::new("pool", FactKind::Text, pool),
            Fact::new("validator key, unchanged", FactKind::Hex, key),
            Fact::new("present committee", FactKind::Text, list(holders)),
            Fact::new("old operators that dealt", FactKind::Text, dealt),
        ];
        facts.extend(committee::fact(&self.committees, "new committee", new));
        facts.extend([
            Fact::new("SSV registration nonce", FactKind::Text, draft.registration.nonce),
            Fact::new("reshares", FactKind::Text, reshares),
            Fact::new("old shares", FactKind::Warning, power),
            Fact::new(
                "SSV",
                FactKind::Warning,
                "resharePool does not tell SSV anything: the cluster there stays as it is",
            ),
        ]);
        facts
    }
}
