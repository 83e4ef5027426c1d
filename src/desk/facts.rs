//! Everything the checks of a deposit need from the execution layer, read at one block. Each fact stands for itself: one
//! that could not be read is not known, with its reason, and does not hide the others.

use alloy::primitives::{Address, Bytes, U256};

use crate::ports::agreed::words;
use crate::ports::{
    Answer, At, DepositOrder, Execution, KnownDeposit, PoolManager, Ssv, SsvState, Unknown, Words,
};
use crate::types::{
    BlockRef, BlsPublicKey, Check, OperatorId, PoolId, PoolView, Root, Round, format_ether, rounded_ether,
};

/// Whose deposit, and of which key: what the facts are about.
#[derive(Debug, Clone)]
pub(super) struct DepositQuery {
    /// The pool that the deposit is meant for.
    pub(super) pool: PoolId,
    /// The oracle's address.
    pub(super) oracle: Address,
    /// The committee, in any order: SSV keeps a cluster for each set of operators.
    pub(super) operators: Vec<OperatorId>,
    pub(super) public_key: BlsPublicKey,
    /// The key was made after this block.
    pub(super) since: u64,
    /// The beacon chain's deposit contract.
    pub(super) deposit_contract: Address,
}

/// What the execution layer says at one block.
#[derive(Debug, Clone)]
pub(super) struct DepositFacts {
    /// Everything below was read at this block, so that no two facts contradict each other.
    pub(super) block: BlockRef,
    /// The beacon chain's deposit contract.
    pub(super) deposit_contract: Address,
    /// How the contract finds the pool of a deposit.
    pub(super) order: DepositOrder,
    /// The deposit queue.
    pub(super) ready: Answer<Vec<PoolId>>,
    /// The pool as the contract has it: without a key before its deposit.
    pub(super) pool: Answer<PoolView>,
    /// Reserved fees, wei.
    pub(super) reserved_fees_wei: Answer<U256>,
    /// The manager takes the oracle's calls.
    pub(super) oracle_authorised: Answer<()>,
    /// The oracle's balance, wei.
    pub(super) balance_wei: Answer<U256>,
    /// SSV's network contract as the manager has it.
    pub(super) ssv_network: Answer<Address>,
    /// To whom the validator must pay out.
    pub(super) credentials: Answer<Root>,
    /// Cluster snapshot and owner nonce.
    pub(super) ssv: Answer<SsvState>,
    /// Code at the deposit contract's address.
    pub(super) deposit_contract_code: Answer<Bytes>,
    /// Deposits that were made for the key already.
    pub(super) deposits_of_key: Answer<Vec<KnownDeposit>>,
}

/// Reads everything at the newest block.
///
/// # Errors
/// There is no newest block to be had.
pub(super) async fn gather(
    manager: &dyn PoolManager,
    ssv: &dyn Ssv,
    execution: &dyn Execution,
    query: &DepositQuery,
) -> Result<DepositFacts, Unknown> {
    let block = execution.head().await.value()?.block;
    let at = At::block(block);
    let (ready, pool, fees, authorised, balance, network, credentials, ssv, code, deposits) = tokio::join!(
        manager.ready(at),
        manager.pool(query.pool, at),
        manager.reserved_fees(at),
        manager.authorises(query.oracle, at),
        execution.balance(query.oracle, at),
        manager.ssv_network(at),
        manager.withdrawal_credentials(query.pool, at),
        ssv.state(block, &query.operators),
        execution.code(query.deposit_contract, at),
        execution.deposits_of(&query.public_key, query.since, block),
    );
    Ok(DepositFacts {
        block,
        deposit_contract: query.deposit_contract,
        order: manager.capabilities().deposit_order,
        ready,
        pool,
        reserved_fees_wei: fees,
        oracle_authorised: authorised,
        balance_wei: balance,
        ssv_network: network,
        credentials,
        ssv,
        deposit_contract_code: code,
        deposits_of_key: deposits,
    })
}

impl DepositFacts {
    /// What must hold for the contract to serve `pool`, and to serve it once.
    pub(super) fn checks(&self, pool: PoolId, fee_amount: U256, ssv_network: Address) -> Vec<Check> {
        vec![
            self.turn(pool),
            self.pool.check("pool-without-key", |view| match view.public_key {
                None => (true, "the contract has no validator for the pool yet".to_owned()),
                Some(key) => (
                    false,
                    format!("the contract has validator {key} for the pool already"),
                ),
            }),
            self.oracle_authorised.check("oracle-authorised", |()| {
                (true, "the manager takes calls from the oracle account".to_owned())
            }),
            self.reserved_fees_wei.check("reserved-fees", |fees| {
                let words = format!(
                    "{} reserved, {} needed",
                    rounded_ether(*fees, Round::Down),
                    format_ether(fee_amount)
                );
                (*fees >= fee_amount, words)
            }),
            self.deposits_of_key.check_absent("key-not-deposited", |found| {
                let block = found.first().map(|deposit| deposit.at.block.number);
                format!(
                    "a deposit for this key stands in block {}: another would be a top-up",
                    block.unwrap_or_default()
                )
            }),
            self.deposit_contract_code.check("deposit-contract", |_| {
                (true, format!("{} has code", self.deposit_contract))
            }),
            self.ssv_network.check("ssv-network", |network| {
                (
                    *network == ssv_network,
                    format!("the manager registers at {network}"),
                )
            }),
            cluster_active(&self.ssv),
        ]
    }
}

impl DepositFacts {
    /// All of it that every endpoint is asked for, in the words in which that is compared. Of what is not known there is nothing
    /// to compare.
    pub(super) fn words(&self, pool: PoolId) -> Words {
        let mut words: Words = self.pool.as_ref().yes().map(words::pool).unwrap_or_default();
        words.extend(words::known(&self.ready, |ready| words::head_of_queue(ready)));
        words.extend(words::known(&self.ready, |ready| words::place(pool, ready)));
        words.extend(words::known(&self.reserved_fees_wei, |wei| {
            words::reserved_fees(*wei)
        }));
        words.extend(words::known(&self.balance_wei, |wei| words::balance(*wei)));
        words.push(words::caller(&self.oracle_authorised));
        words.extend(words::known(&self.ssv_network, words::ssv_network));
        words.extend(words::known(&self.credentials, words::credentials));
        words.extend(words::known(&self.ssv, words::cluster));
        words.extend(words::deposit_contract(&self.deposit_contract_code));
        words.extend(words::deposits(&self.deposits_of_key));
        words
    }

    /// Whether the call, as it would be sent, is about this pool.
    fn turn(&self, pool: PoolId) -> Check {
        match self.order {
            DepositOrder::HeadOfQueue => self.ready.check("pool-at-head", |ready| {
                let words = match ready.first() {
                    Some(head) => format!("pool {head} is at the head of the ready queue"),
                    None => "the ready queue is empty".to_owned(),
                };
                (ready.first() == Some(&pool), words)
            }),
            DepositOrder::ById => self.ready.check("pool-ready", |ready| {
                let listed = ready.contains(&pool);
                let not = if listed { "" } else { "not " };
                (
                    listed,
                    format!("pool {pool} is {not}among the ready ones, and the call names it"),
                )
            }),
        }
    }
}

/// Whether the cluster takes another validator, as far as its newest snapshot tells. Whether the snapshot is the newest,
/// the simulation of the call says: SSV refuses every other.
pub(super) fn cluster_active(ssv: &Answer<SsvState>) -> Check {
    ssv.check("ssv-cluster-active", |ssv| {
        let not = if ssv.cluster.active { "not " } else { "" };
        (ssv.cluster.active, format!("the cluster is {not}liquidated"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::fakes::{FakeExecution, FakeManager, FakeSsv};
    use crate::types::{CheckStatus, LogRef};

    async fn checks(manager: FakeManager, ssv: FakeSsv, execution: FakeExecution) -> Vec<Check> {
        let network = ssv.network;
        let query = DepositQuery {
            pool: PoolId(1),
            oracle: Address::repeat_byte(3),
            operators: Vec::new(),
            public_key: BlsPublicKey([2; 48]),
            since: 1,
            deposit_contract: Address::repeat_byte(4),
        };
        let facts = gather(&manager, &ssv, &execution, &query).await.unwrap();
        facts.checks(PoolId(1), U256::from(1), network)
    }

    /// The checks that do not pass.
    fn doubtful(checks: &[Check]) -> Vec<(&str, CheckStatus)> {
        let doubtful = checks.iter().filter(|c| c.status != CheckStatus::Pass);
        doubtful.map(|c| (c.name.as_str(), c.status)).collect()
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_unknown_and_hides_nothing_else() {
        let all = checks(
            FakeManager::default(),
            FakeSsv::default(),
            FakeExecution::default(),
        )
        .await;
        assert_eq!(doubtful(&all), []);
        let away = FakeManager {
            ready: Answer::not_known("timed out"),
            authorises: Answer::not_known("the manager refuses without a word"),
            reserved_fees: Answer::Yes(U256::ZERO),
            ..FakeManager::default()
        };
        let blind = FakeExecution {
            code: Answer::no("0x04 has no code"),
            deposits: Answer::not_known("it is not certain that no log was left out"),
            ..FakeExecution::default()
        };
        let found = checks(away, FakeSsv::default(), blind).await;
        assert_eq!(
            doubtful(&found),
            [
                ("pool-at-head", CheckStatus::Unknown),
                ("oracle-authorised", CheckStatus::Unknown),
                ("reserved-fees", CheckStatus::Fail),
                ("key-not-deposited", CheckStatus::Unknown),
                ("deposit-contract", CheckStatus::Fail),
            ]
        );
    }

    #[tokio::test]
    async fn a_deposit_that_names_its_pool_needs_no_head_of_a_queue() {
        let waiting = |order, ready: Vec<u32>| {
            let mut manager = FakeManager {
                ready: Answer::Yes(ready.into_iter().map(PoolId).collect()),
                ..FakeManager::default()
            };
            manager.capabilities.deposit_order = order;
            checks(manager, FakeSsv::default(), FakeExecution::default())
        };
        let by_id = waiting(DepositOrder::ById, vec![7, 1]).await;
        assert_eq!(doubtful(&by_id), []);
        let served = waiting(DepositOrder::ById, vec![7]).await;
        assert_eq!(doubtful(&served), [("pool-ready", CheckStatus::Fail)]);
        let queue = waiting(DepositOrder::HeadOfQueue, vec![7, 1]).await;
        assert_eq!(doubtful(&queue), [("pool-at-head", CheckStatus::Fail)]);
    }

    #[tokio::test]
    async fn a_key_that_stands_in_the_deposit_contract_fails_and_logs_that_cannot_be_read_prove_nothing() {
        let block = BlockRef {
            number: 4,
            hash: Root([4; 32]),
        };
        let topped_up = FakeExecution {
            deposits: Answer::Yes(vec![KnownDeposit {
                at: LogRef {
                    block,
                    transaction: Root([5; 32]),
                    index: 0,
                },
                withdrawal_credentials: Root::default(),
                amount_gwei: 1_000_000_000,
                index: 0,
            }]),
            ..FakeExecution::default()
        };
        let ssv = FakeSsv {
            state: Answer::not_known("the logs are being read, block 3 of 9"),
            ..FakeSsv::default()
        };
        let found = checks(FakeManager::default(), ssv, topped_up).await;
        let expected = [
            ("key-not-deposited", CheckStatus::Fail),
            ("ssv-cluster-active", CheckStatus::Unknown),
        ];
        assert_eq!(doubtful(&found), expected);
        let words = found.iter().find(|c| c.name == "key-not-deposited").unwrap();
        assert!(
            words.reason.as_str().contains("stands in block 4"),
            "{}",
            words.reason
        );
    }
}
