//! `initiatePoolDeposit`: 32 ETH, once, for the right pool, with a key that verifies.

use std::sync::Arc;

use alloy::primitives::{Address, Bytes, U256};

use super::committee::{self, Committees};
use super::facts::{self, DepositFacts, DepositQuery};
use super::proposal::list;
use super::sending::{self, Sending};
use super::{funding, key_checks, later, one_node, owner_nonce, refused, removed, served, snapshot};
use crate::beacon::roots;
use crate::config::Floors;
use crate::oracle::{
    ActionKind, ENDPOINTS_AGREE, Fact, FactKind, Prepared, SendDepositDraft, TransactionPayload,
};
use crate::ports::agreed::{self, MadeSince};
use crate::ports::consensus::Heard;
use crate::ports::{
    Answer, Consensus, Execution, InitiateDeposit, PoolCall, PoolManager, Registering, Ssv, SsvState,
};
use crate::types::{
    BlsPublicKey, Check, DEPOSIT_GWEI, ForkVersion, OperatorId, PoolId, Root, Round, counted, rounded_ether,
    rounded_ssv,
};

/// Prepares the transaction, for a key that a ceremony has made.
#[derive(Debug)]
pub(super) struct SendDeposit {
    pub(super) committees: Committees,
    pub(super) sending: Sending,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
    /// Nobody, where no beacon node is configured.
    pub(super) consensus: Option<Arc<dyn Consensus>>,
    pub(super) deposit_contract: Address,
    /// Genesis fork version: part of the deposit's signing domain.
    pub(super) fork_version: ForkVersion,
    /// Wei of the reserved fees that are swapped for SSV.
    pub(super) fee_amount_wei: U256,
    /// The least that SSV must have of it.
    pub(super) floors: Floors,
}

/// A deposit as it would be sent, and what the chain says that matters for it.
struct Gathered {
    operators: Vec<OperatorId>,
    facts: DepositFacts,
    ssv: SsvState,
    credentials: Root,
    data_root: Root,
    shares_check: Check,
    payload: TransactionPayload,
}

impl SendDeposit {
    /// `Err` is the answer of the desk where there is nothing to propose.
    pub(super) async fn prepare(&self, pool: PoolId, draft: SendDepositDraft) -> Result<Prepared, Prepared> {
        served::deposits(&*self.manager)?;
        let Some(oracle) = self.sending.oracle else {
            return Err(refused(
                "no oracle address is configured: a deposit cannot be prepared",
            ));
        };
        let gathered = self.gather(pool, oracle, &draft).await?;
        let mut checks = self.checks(pool, oracle, &draft, &gathered).await;
        let mut facts = self.facts(pool, &draft, &gathered);
        let leaves = funding::foresee(
            &*self.execution,
            &*self.ssv,
            &gathered.payload,
            &gathered.ssv.cluster,
        )
        .await;
        checks.extend(funding::checks(&leaves, &self.floors));
        facts.extend(funding::facts(&leaves));
        let title = format!(
            "Deposit 32 ETH of pool {pool} for validator {} with operators {}.",
            draft.keygen.validator,
            list(&gathered.operators)
        );
        let (payload, balance) = (gathered.payload, &gathered.facts.balance_wei);
        let kind = ActionKind::SendDeposit;
        let proposal = sending::proposal(&self.sending, kind, &title, facts, checks, payload, balance).await;
        Ok(removed::named(&*self.ssv, &gathered.operators, proposal).await)
    }

    async fn gather(
        &self,
        pool: PoolId,
        oracle: Address,
        draft: &SendDepositDraft,
    ) -> Result<Gathered, Prepared> {
        let keygen = &draft.keygen;
        let operators: Vec<OperatorId> = keygen.share_public_keys.keys().copied().collect();
        let query = DepositQuery {
            pool,
            oracle,
            operators: operators.clone(),
            public_key: keygen.validator,
            since: draft.since,
            deposit_contract: self.deposit_contract,
        };
        let facts = facts::gather(&*self.manager, &*self.ssv, &*self.execution, &query).await;
        let mut facts = facts.map_err(later)?;
        let unknown = |why| later(format!("SSV's state is unknown: {why}"));
        let credentials = facts.credentials.clone().value().map_err(later)?;
        let (amount, signature) = (DEPOSIT_GWEI, &keygen.deposit_signature);
        let data_root = roots::deposit_data_root(&keygen.validator, &credentials, amount, signature);
        let (shares, shares_check) = key_checks::shares_data(
            &*self.ssv,
            draft.registration,
            &keygen.share_public_keys,
            &keygen.encrypted_shares,
        );
        let shares = Bytes::from(shares);
        let payload = |ssv: &SsvState| {
            let call = PoolCall::InitiateDeposit(Box::new(InitiateDeposit {
                pool: served::named(&*self.manager, pool),
                deposit_data_root: data_root,
                public_key: keygen.validator,
                operator_ids: operators.clone(),
                shares: shares.clone(),
                signature: keygen.deposit_signature,
                withdrawal_credentials: credentials,
                registering: Some(Registering::by_swap(ssv.cluster.clone(), self.fee_amount_wei)),
            }));
            sending::payload(&self.sending, oracle, &call)
        };
        let tried = |ssv: &SsvState| payload(ssv).ok().as_ref().map(sending::call);
        let ask = (&*self.sending.agreement, &*self.execution, &*self.ssv);
        let told = facts.ssv;
        facts.ssv = snapshot::settle(ask, facts.block, &operators, told, tried).await;
        let ssv = facts.ssv.clone().value().map_err(unknown)?;
        let mut payload = payload(&ssv).map_err(refused)?;
        payload.fee_ceiling_wei = payload.fee_ceiling_wei.saturating_sub(draft.spent_wei);
        Ok(Gathered {
            operators,
            facts,
            ssv,
            credentials,
            data_root,
            shares_check,
            payload,
        })
    }

    async fn checks(
        &self,
        pool: PoolId,
        oracle: Address,
        draft: &SendDepositDraft,
        gathered: &Gathered,
    ) -> Vec<Check> {
        let (keygen, facts) = (&draft.keygen, &gathered.facts);
        let (key, shares) = (&keygen.validator, &keygen.share_public_keys);
        let mut checks = draft.ceremony_checks.clone();
        checks.extend(key_checks::key(key, shares, draft.threshold));
        checks.push(key_checks::deposit_signature(
            keygen,
            &gathered.credentials,
            self.fork_version,
        ));
        checks.push(data_root_check(&*self.manager, &gathered.payload.data));
        let nonce = owner_nonce::ask(&*self.sending.agreement, &*self.manager, &*self.ssv, facts.block);
        let (owner, registration) = (self.manager.address(), draft.registration);
        checks.extend(key_checks::registration(owner, key, registration, &nonce.await));
        checks.push(gathered.shares_check.clone());
        checks.extend(facts.checks(pool, self.fee_amount_wei, self.ssv.network()));
        checks.extend(unknown_to_beacon(self.consensus.as_deref(), key).await);
        let made = MadeSince {
            key: *key,
            committee: &gathered.operators,
            since: draft.since,
            deposit_contract: self.deposit_contract,
        };
        let (agreement, used) = (&*self.sending.agreement, facts.words(pool));
        let agreed = agreed::on_deposit(agreement, pool, oracle, facts.block, made, &used);
        checks.push(agreed.await.check(ENDPOINTS_AGREE));
        checks
    }

    fn facts(&self, pool: PoolId, draft: &SendDepositDraft, gathered: &Gathered) -> Vec<Fact> {
        let (keygen, nonce) = (&draft.keygen, draft.registration.nonce);
        let (credentials, root) = (gathered.credentials, gathered.data_root);
        let fees = sending::eth(self.fee_amount_wei);
        let mut facts = vec![
            Fact::new("pool", FactKind::Text, pool),
            Fact::new("amount", FactKind::Amount, "32 ETH, from the manager contract"),
            Fact::new("validator key", FactKind::Hex, keygen.validator),
            Fact::new("withdrawal credentials", FactKind::Hex, credentials),
            Fact::new("deposit data root", FactKind::Hex, root),
            Fact::new("deposit signature", FactKind::Hex, keygen.deposit_signature),
        ];
        facts.extend(committee::fact(
            &self.committees,
            "operators",
            &gathered.operators,
        ));
        if !draft.spent_wei.is_zero() {
            let words = format!(
                "{}, for tries that were overtaken; the ceiling is less by it",
                rounded_ether(draft.spent_wei, Round::Up)
            );
            facts.push(Fact::new("fees already paid", FactKind::Warning, words));
        }
        facts.extend([
            Fact::new("SSV registration nonce", FactKind::Text, nonce),
            Fact::new("SSV network", FactKind::Address, self.ssv.network()),
            Fact::new("SSV cluster", FactKind::Text, cluster_words(&gathered.ssv)),
            Fact::new("fees swapped for SSV", FactKind::Amount, fees),
        ]);
        facts.extend(reserved(&gathered.facts.reserved_fees_wei, self.fee_amount_wei));
        facts
    }
}

/// The fees that the contract keeps for this, before and after; that there are enough is a check's to say.
fn reserved(before: &Answer<U256>, swapped: U256) -> [Fact; 2] {
    let told = |wei: Answer<U256>| match wei.value() {
        Ok(wei) => sending::there(wei),
        Err(why) => format!("not known: {why}"),
    };
    let after = before.clone().map(|wei| wei.saturating_sub(swapped));
    [
        ("reserved fees before", before.clone()),
        ("reserved fees afterwards", after),
    ]
    .map(|(label, wei)| Fact::new(label, FactKind::Amount, told(wei)))
}

fn cluster_words(ssv: &SsvState) -> String {
    if ssv.known_cluster {
        let state = if ssv.cluster.active {
            "active"
        } else {
            "liquidated"
        };
        format!(
            "{}, {} at its newest event, {state}",
            counted(ssv.cluster.validator_count as usize, "validator"),
            rounded_ssv(ssv.cluster.balance, Round::Down)
        )
    } else {
        "new: SSV has no cluster of the manager with these operators".to_owned()
    }
}

/// Decodes the bytes that would be sent, and recomputes the root from what they carry.
fn data_root_check(manager: &dyn PoolManager, data: &[u8]) -> Check {
    const NAME: &str = "deposit-data-root";
    let Some(PoolCall::InitiateDeposit(call)) = manager.decode(data) else {
        return Check::fail(NAME, "the call data does not decode to a deposit");
    };
    let amount = DEPOSIT_GWEI;
    let again = roots::deposit_data_root(
        &call.public_key,
        &call.withdrawal_credentials,
        amount,
        &call.signature,
    );
    let words = format!("recomputed from the call data as {again}");
    Check::of(NAME, again == call.deposit_data_root, words)
}

/// A key that the beacon chain knows already would be topped up, or is somebody else's. Where no beacon node is
/// configured nobody has looked, and 32 ETH are not moved by a rule on that.
///
/// One of several nodes may tell it alone, for long, where another is away: then that is a check of its own, which a person
/// or a rule lets pass; what it says holds the deposit back, and ends no approval.
async fn unknown_to_beacon(beacon: Option<&dyn Consensus>, key: &BlsPublicKey) -> Vec<Check> {
    const NAME: &str = "key-unknown-to-beacon";
    let Some(beacon) = beacon else {
        let words =
            "no beacon node is configured (beacon.urls): nobody looked whether the beacon chain has this key";
        return vec![Check::unknown(NAME, words)];
    };
    let Heard { answer: found, alone } = beacon.validator(key).await;
    let check = found.check_absent(NAME, |v| {
        format!(
            "the beacon chain has this key as validator {} ({})",
            v.index, v.status
        )
    });
    let mut checks = vec![check];
    checks.extend(one_node::check([&alone]));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::fixture;
    use crate::oracle::BEACON_AGREE;
    use crate::ports::consensus::NodeState;
    use crate::ports::fakes::{FakeConsensus, FakeNode};
    use crate::types::CheckStatus;

    #[tokio::test]
    async fn a_key_is_unknown_to_the_beacon_chain_only_where_somebody_has_looked() {
        let validator = fixture::validator();
        let beacon = FakeConsensus::of(vec![FakeNode::healthy("a", &[])]);
        let check = async |beacon: Option<&dyn Consensus>| {
            let checks = unknown_to_beacon(beacon, &validator.public_key).await;
            assert_eq!(checks[0].name, "key-unknown-to-beacon");
            assert_eq!(checks.len(), 1, "nobody else is configured who could bear it out");
            checks[0].status
        };
        assert_eq!(check(None).await, CheckStatus::Unknown);
        assert_eq!(check(Some(&beacon)).await, CheckStatus::Pass);
        beacon.nodes_mut()[0].validators.push(validator.clone());
        assert_eq!(check(Some(&beacon)).await, CheckStatus::Fail);
        beacon.nodes_mut()[0].state = NodeState::NotSynced;
        assert_eq!(check(Some(&beacon)).await, CheckStatus::Unknown);
    }

    #[tokio::test]
    async fn what_one_of_two_beacon_nodes_says_of_a_fresh_key_is_said_to_be_one_voice() {
        let validator = fixture::validator();
        let beacon = FakeConsensus::of(vec![FakeNode::healthy("a", &[]), FakeNode::healthy("b", &[])]);
        let check = async || {
            let checks = unknown_to_beacon(Some(&beacon), &validator.public_key).await;
            let said = checks.into_iter().map(|check| (check.name, check.status));
            said.collect::<Vec<_>>()
        };
        let of = |status| ("key-unknown-to-beacon".to_owned(), status);
        let alone = || (BEACON_AGREE.to_owned(), CheckStatus::Unknown);
        assert_eq!(check().await, [of(CheckStatus::Pass)]);
        // the second one is away for an hour
        beacon.nodes_mut()[1].state = NodeState::NotSynced;
        assert_eq!(check().await, [of(CheckStatus::Pass), alone()]);
        beacon.nodes_mut()[0].validators.push(validator.clone());
        assert_eq!(check().await, [of(CheckStatus::Fail), alone()]);
        beacon.nodes_mut()[0].state = NodeState::NotSynced;
        assert_eq!(check().await, [of(CheckStatus::Unknown)]);
    }
}
