//! A transaction's life on anvil, with the ways in which it goes wrong.

use std::time::{Duration, Instant};

use alloy::primitives::{Bytes, U256};
use casimir_dkg::chain::committee::{CommitteeSource, Committees};
use casimir_dkg::chain::contracts::{
    ManagerEvent, ManagerEventKind, ResharePool, encode_initiate_pool_deposit, encode_reshare_pool,
};
use casimir_dkg::chain::deposits::DepositLogs;
use casimir_dkg::chain::facts::{DepositQuery, Facts, SimulateError, simulate};
use casimir_dkg::chain::intake::Finality;
use casimir_dkg::chain::rpc::{At, Rpc};
use casimir_dkg::chain::ssv::SsvReader;
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::tx::bump::bump;
use casimir_dkg::tx::fees::{choose, gas_limit, quote, total};
use casimir_dkg::tx::{
    BroadcastHint, Draft, Fees, Inclusion, Intent, IntentStatus, SignedTransaction, broadcast, inspect,
};
use casimir_dkg::types::{ClusterLayout, OperatorId, PoolId, Root};

use super::proxy::{Act, Proxy};
use super::support::{deposit, devnet, manager, oracle, rpc};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;
/// A tenth of an ether: more than any fee here.
const CEILING: U256 = U256::from_limbs([100_000_000_000_000_000, 0, 0, 0]);

fn facts(net: &Devnet, rpc: &Rpc) -> Facts {
    let to = net.addresses();
    Facts::new(
        manager(net, rpc),
        SsvReader::new(rpc.clone(), to.ssv, to.manager, net.options().cluster_layout, 0),
        DepositLogs::new(rpc.clone(), to.deposit_contract, 0),
    )
}

/// A deposit as the engine would draft it.
async fn draft(net: &Devnet, rpc: &Rpc, data: Bytes, nonce: u64) -> Draft {
    let to = net.addresses();
    let gas = gas_limit(simulate(rpc, to.oracle, to.manager, &data).await.unwrap());
    let quote = quote(rpc).await.unwrap();
    Draft {
        chain_id: 31337,
        from: to.oracle,
        to: to.manager,
        value_wei: U256::ZERO,
        data,
        nonce,
        gas_limit: gas,
        fees: choose(quote, gas, CEILING).unwrap(),
    }
}

fn intent<'a>(net: &Devnet, nonce: u64, hashes: &'a [Root]) -> Intent<'a> {
    Intent {
        sender: net.addresses().oracle,
        nonce,
        hashes,
        manager: net.addresses().manager,
        finality: Finality::Tag,
    }
}

fn included(status: IntentStatus) -> Inclusion {
    match status {
        IntentStatus::Included(inclusion) => inclusion,
        other => panic!("{other:?}"),
    }
}

async fn deposit_data(net: &Devnet, rpc: &Rpc, seed: u8) -> Bytes {
    let to = net.addresses();
    let query = DepositQuery {
        pool: PoolId(1),
        oracle: to.oracle,
        operators: (1..=4).map(OperatorId).collect(),
        public_key: None,
    };
    let facts = facts(net, rpc).gather(&query).await.unwrap();
    let mut call = deposit(to.manager, seed);
    call.cluster = facts.ssv.unwrap().cluster;
    encode_initiate_pool_deposit(&call, net.options().cluster_layout)
}

#[tokio::test]
async fn a_deposit_from_facts_to_finality_in_both_layouts() {
    for layout in [ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance] {
        let net = devnet(layout, Mining::Manual).await;
        net.deposit_pool(2).await.unwrap();
        let rpc = rpc(&[&net.http_url()]);
        let to = net.addresses();
        let facts = facts(&net, &rpc);
        let call = deposit(to.manager, 1);
        let query = DepositQuery {
            pool: PoolId(1),
            oracle: to.oracle,
            operators: call.operator_ids.clone(),
            public_key: Some(call.public_key),
        };
        let before = facts.gather(&query).await.unwrap();
        assert_eq!(before.ready.unwrap(), [PoolId(1), PoolId(2)]);
        assert_eq!(before.oracle_authorised, Ok(true));
        assert_eq!(before.deposit_contract_has_code, Ok(true));
        assert_eq!(before.deposits_of_key.unwrap(), []);
        assert_eq!(before.ssv_network, Ok(to.ssv));
        let ssv = before.ssv.unwrap();
        assert_eq!((ssv.owner_nonce, ssv.known_cluster), (0, false));
        assert!(before.reserved_fees_wei.unwrap() >= call.fee_amount);
        assert!(before.balance_wei.unwrap() > U256::ZERO);

        let data = encode_initiate_pool_deposit(&call, layout);
        let nonce = rpc.nonce(to.oracle, At::Latest).await.unwrap();
        let draft = draft(&net, &rpc, data, nonce).await;
        let signed = draft.sign(&oracle()).unwrap();
        // the journal gives back the same bytes
        let journaled: SignedTransaction =
            serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
        assert_eq!(journaled, signed);
        let hashes = [signed.hash];
        let intent = intent(&net, nonce, &hashes);
        assert_eq!(
            inspect(&rpc, &intent).await.unwrap(),
            IntentStatus::Dropped { contested: false }
        );
        assert_eq!(broadcast(&rpc, &journaled).await, BroadcastHint::Accepted);
        assert_eq!(broadcast(&rpc, &journaled).await, BroadcastHint::AlreadyKnown);
        let pending = IntentStatus::Pending {
            hash: signed.hash,
            waits_for_nonce: None,
        };
        assert_eq!(inspect(&rpc, &intent).await.unwrap(), pending);

        net.mine(1).await.unwrap();
        assert_eq!(broadcast(&rpc, &signed).await, BroadcastHint::NonceTooLow);
        let inclusion = included(inspect(&rpc, &intent).await.unwrap());
        assert!(inclusion.success && inclusion.gas_used <= signed.gas_limit);
        assert!(inclusion.fee_wei <= total(signed.gas_limit, signed.fees().max_fee));
        let served = ManagerEvent {
            kind: ManagerEventKind::DepositInitiated,
            pool: PoolId(1),
        };
        assert_eq!(inclusion.events, [served]);
        net.finalize().await.unwrap();
        assert!(matches!(
            inspect(&rpc, &intent).await.unwrap(),
            IntentStatus::Final(_)
        ));

        let after = facts.gather(&query).await.unwrap();
        assert_eq!(after.ready.unwrap(), [PoolId(2)]);
        let known = after.deposits_of_key.unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!(
            (known[0].withdrawal_credentials, known[0].amount_gwei),
            (call.withdrawal_credentials, 32_000_000_000)
        );
        let ssv = after.ssv.unwrap();
        assert_eq!(
            (ssv.owner_nonce, ssv.known_cluster, ssv.cluster.validator_count),
            (1, true, 1)
        );
        // the second deposit works only with the cluster's present snapshot
        let stale = encode_initiate_pool_deposit(&deposit(to.manager, 2), layout);
        match simulate(&rpc, to.oracle, to.manager, &stale).await.unwrap_err() {
            SimulateError::Reverted(revert) => assert_eq!(revert.reason.as_str(), "IncorrectClusterState"),
            error => panic!("{error}"),
        }
        let second = draft_again(&net, &rpc, 2).await;
        assert_eq!(broadcast(&rpc, &second).await, BroadcastHint::Accepted);
        net.mine(1).await.unwrap();
        let hashes = [second.hash];
        let inclusion = included(
            inspect(&rpc, &self::intent(&net, second.nonce, &hashes))
                .await
                .unwrap(),
        );
        assert_eq!(inclusion.events[0].pool, PoolId(2));
        let query = DepositQuery {
            public_key: None,
            ..query
        };
        assert_eq!(facts.gather(&query).await.unwrap().ssv.unwrap().owner_nonce, 2);
    }
}

async fn draft_again(net: &Devnet, rpc: &Rpc, seed: u8) -> SignedTransaction {
    let data = deposit_data(net, rpc, seed).await;
    let nonce = rpc.nonce(net.addresses().oracle, At::Latest).await.unwrap();
    draft(net, rpc, data, nonce).await.sign(&oracle()).unwrap()
}

#[tokio::test]
async fn a_transaction_that_a_reorg_drops_goes_out_again_as_the_same_bytes() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let signed = draft_again(&net, &rpc, 1).await;
    let hashes = [signed.hash];
    let intent = intent(&net, signed.nonce, &hashes);
    broadcast(&rpc, &signed).await;
    net.mine(2).await.unwrap();
    let first = included(inspect(&rpc, &intent).await.unwrap());
    net.reorg(2).await.unwrap();
    assert_eq!(
        inspect(&rpc, &intent).await.unwrap(),
        IntentStatus::Dropped { contested: false }
    );
    assert_eq!(broadcast(&rpc, &signed).await, BroadcastHint::Accepted);
    net.mine(1).await.unwrap();
    let second = included(inspect(&rpc, &intent).await.unwrap());
    assert_eq!(first.hash, second.hash);
    assert_ne!(first.block, second.block);
}

#[tokio::test]
async fn a_stuck_transaction_is_replaced_and_found_by_either_hash() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let data = deposit_data(&net, &rpc, 1).await;
    let mut draft = draft(&net, &rpc, data, 0).await;
    let first = draft.sign(&oracle()).unwrap();
    assert_eq!(broadcast(&rpc, &first).await, BroadcastHint::Accepted);
    // one that pays less is refused, and the refusal is known for what it is (anvil takes any rise; others do not)
    draft.fees.max_fee -= 1;
    draft.fees.priority -= 1;
    let timid = draft.sign(&oracle()).unwrap();
    assert_eq!(
        broadcast(&rpc, &timid).await,
        BroadcastHint::ReplacementUnderpriced
    );
    let market = quote(&rpc).await.unwrap();
    draft.fees = bump(first.fees(), market, draft.gas_limit, CEILING).unwrap();
    let second = draft.sign(&oracle()).unwrap();
    assert_eq!(broadcast(&rpc, &second).await, BroadcastHint::Accepted);
    net.mine(1).await.unwrap();
    let hashes = [first.hash, timid.hash, second.hash];
    let inclusion = included(inspect(&rpc, &intent(&net, 0, &hashes)).await.unwrap());
    assert_eq!(inclusion.hash, second.hash);
}

#[tokio::test]
async fn a_foreign_transaction_is_noticed_before_and_after_it_takes_the_nonce() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let ours = draft_again(&net, &rpc, 1).await;
    // another instance with the same key sends something of its own
    let foreign = Draft {
        chain_id: 31337,
        from: net.addresses().oracle,
        to: net.addresses().oracle,
        value_wei: U256::ZERO,
        data: Bytes::new(),
        nonce: 0,
        gas_limit: 21_000,
        fees: Fees {
            max_fee: 50_000_000_000,
            priority: 2_000_000_000,
        },
    };
    let foreign = foreign.sign(&oracle()).unwrap();
    broadcast(&rpc, &foreign).await;
    let hashes = [ours.hash];
    let intent = intent(&net, 0, &hashes);
    assert_eq!(
        inspect(&rpc, &intent).await.unwrap(),
        IntentStatus::Dropped { contested: true }
    );
    let at = async |at| rpc.nonce(net.addresses().oracle, at).await.unwrap();
    assert_eq!(
        (at(At::Latest).await, at(At::Pending).await),
        (0, 1),
        "seen while it waits"
    );

    net.mine(1).await.unwrap();
    let replaced = |is_final| IntentStatus::ReplacedByForeign {
        hash: Some(foreign.hash),
        is_final,
    };
    assert_eq!(inspect(&rpc, &intent).await.unwrap(), replaced(false));
    net.finalize().await.unwrap();
    assert_eq!(inspect(&rpc, &intent).await.unwrap(), replaced(true));
}

#[tokio::test]
async fn a_revert_on_chain_is_explained_and_its_gas_is_booked() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let data = deposit_data(&net, &rpc, 1).await;
    let first = draft(&net, &rpc, data.clone(), 0).await;
    // approved while a pool was ready, mined when none is
    let second = Draft {
        nonce: 1,
        ..first.clone()
    };
    let (first, second) = (first.sign(&oracle()).unwrap(), second.sign(&oracle()).unwrap());
    broadcast(&rpc, &first).await;
    net.mine(1).await.unwrap();
    broadcast(&rpc, &second).await;
    net.mine(1).await.unwrap();
    let hashes = [second.hash];
    let inclusion = included(inspect(&rpc, &intent(&net, 1, &hashes)).await.unwrap());
    assert!(!inclusion.success && inclusion.events.is_empty());
    assert!(inclusion.fee_wei > U256::ZERO);
    let revert = inclusion.revert.unwrap();
    assert_eq!(revert.reason.as_str(), "No ready pools");
    assert!(revert.advice().is_some());
}

#[tokio::test]
async fn an_answer_that_is_lost_on_the_way_is_not_a_failure() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let direct = rpc(&[&net.http_url()]);
    let signed = draft_again(&net, &direct, 1).await;
    // delivers, and then breaks off
    let upstream = net.http_url();
    let lossy = Proxy::start(Some(upstream), |call| match call.method.as_str() {
        "eth_sendRawTransaction" => Act::Change(Box::new(|_| serde_json::json!({"garbage": true}))),
        _ => Act::Forward,
    })
    .await;
    let rpc = rpc(&[&lossy.url]);
    let hint = broadcast(&rpc, &signed).await;
    assert!(matches!(hint, BroadcastHint::NoAnswer(_)), "{hint:?}");
    let hashes = [signed.hash];
    let status = inspect(&rpc, &intent(&net, 0, &hashes)).await.unwrap();
    assert!(matches!(status, IntentStatus::Pending { .. }), "{status:?}");
}

#[tokio::test]
async fn the_present_committee_is_what_the_newest_reshare_was_given() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let signed = draft_again(&net, &rpc, 1).await;
    broadcast(&rpc, &signed).await;
    let hashes = [signed.hash];
    let deadline = Instant::now() + Duration::from_secs(20);
    // anvil mines right after it has answered
    while !matches!(
        inspect(&rpc, &intent(&net, 0, &hashes)).await.unwrap(),
        IntentStatus::Included(_)
    ) {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let committees = Committees::new(manager(&net, &rpc), 0);
    let head = async || rpc.head().await.unwrap().block();
    let first = committees.of(PoolId(1), head().await).await.unwrap();
    assert_eq!(first.source, CommitteeSource::Deposit);
    assert_eq!((first.operator_ids.len(), first.reshare_count), (4, 0));
    for (n, last) in [(1u64, 5), (2, 6)] {
        let call = ResharePool {
            pool: PoolId(1),
            operator_ids: [1, 2, 3, last].map(OperatorId).to_vec(),
            shares: vec![n as u8; 100].into(),
        };
        let data = encode_reshare_pool(&call);
        let to = net.addresses();
        net.send_as(to.oracle, to.manager, U256::ZERO, data)
            .await
            .unwrap();
        let committee = committees.of(PoolId(1), head().await).await.unwrap();
        assert_eq!(committee.operator_ids, call.operator_ids);
        assert_eq!(committee.shares, call.shares);
        assert_eq!(
            committee.reshare_count, n,
            "though the contract itself forgets it"
        );
    }
    // a reorg takes the second one back
    net.reorg(1).await.unwrap();
    let committee = committees.of(PoolId(1), head().await).await.unwrap();
    assert_eq!(
        (committee.operator_ids[3], committee.reshare_count),
        (OperatorId(5), 1)
    );
}
