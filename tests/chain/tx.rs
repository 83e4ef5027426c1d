//! A transaction's life on anvil, with the ways in which it goes wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy::sol;
use alloy::sol_types::SolCall as _;
use casimir_dkg::chain::Finality;
use casimir_dkg::chain::execution::Nodes;
use casimir_dkg::chain::fees::quote;
use casimir_dkg::chain::rpc::{At, Rpc};
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::{
    Answer, Call, CommitteeSource, Execution, KnownDeposit, PoolEvent, PoolEventKind, PoolManager, Priced,
    ResharePool, RevertReason, Simulated, Ssv, SsvState, Transactions,
};
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::tx::bump::bump;
use casimir_dkg::tx::fees::{Fees, choose, gas_limit, total};
use casimir_dkg::tx::{
    self, BroadcastHint, Inclusion, Intent, IntentStatus, SignedTransaction, UnsignedTransaction, inspect,
};
use casimir_dkg::types::{BlockRef, BlsPublicKey, ClusterLayout, ClusterSnapshot, OperatorId, PoolId, Root};

use serde_json::{Value, json};

use super::proxy::{self, Act, Proxy};
use super::support::{
    self, config, deposit, devnet, encode_deposit, encode_reshare, manager, oracle, rpc, with_cluster,
};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;
/// A tenth of an ether: more than any fee here.
const CEILING: U256 = U256::from_limbs([100_000_000_000_000_000, 0, 0, 0]);

/// What the endpoints made of it, in one word.
pub(super) async fn broadcast(rpc: &Rpc, signed: &SignedTransaction) -> BroadcastHint {
    let said = tx::broadcast(rpc, signed).await;
    said.hint().expect("there is an endpoint").clone()
}

/// The ports that a deposit's facts come through.
struct Doors {
    manager: Arc<dyn PoolManager>,
    ssv: SsvReader,
    nodes: Nodes,
}

fn doors(net: &Devnet, rpc: &Rpc) -> Doors {
    let to = net.addresses();
    Doors {
        manager: manager(net, rpc),
        ssv: SsvReader::new(rpc.clone(), to.ssv, to.manager, net.options().cluster_layout, 0),
        nodes: Nodes::new(rpc.clone(), to.deposit_contract, Finality::Tag),
    }
}

impl Doors {
    async fn head(&self) -> BlockRef {
        self.nodes.head().await.yes().unwrap().block
    }

    async fn ready(&self) -> Vec<PoolId> {
        let at = At::block(self.head().await);
        self.manager.ready(at).await.yes().unwrap()
    }

    async fn ssv(&self) -> SsvState {
        let operators: Vec<_> = (1..=4).map(OperatorId).collect();
        self.ssv.state(self.head().await, &operators).await.yes().unwrap()
    }

    async fn deposits(&self, key: &BlsPublicKey) -> Answer<Vec<KnownDeposit>> {
        self.nodes.deposits_of(key, 0, self.head().await).await
    }

    async fn implied_nonce(&self) -> Answer<u64> {
        let at = At::block(self.head().await);
        self.manager
            .implied_owner_nonce(at)
            .await
            .expect("the version has a rule")
    }

    async fn simulate(&self, net: &Devnet, data: &Bytes) -> Simulated {
        let call = Call {
            from: net.addresses().oracle,
            to: net.addresses().manager,
            data: data.clone(),
            value_wei: U256::ZERO,
        };
        self.nodes.simulate(&call).await.yes().unwrap()
    }
}

/// A deposit as the engine would draft it.
async fn draft(net: &Devnet, rpc: &Rpc, data: Bytes, nonce: u64) -> UnsignedTransaction {
    let to = net.addresses();
    let Simulated::Succeeds { gas, .. } = doors(net, rpc).simulate(net, &data).await else {
        panic!("the deposit reverts");
    };
    let gas = gas_limit(gas);
    let quote = quote(rpc).await.unwrap();
    let fees = choose(quote, gas, CEILING).unwrap();
    UnsignedTransaction {
        chain_id: 31337,
        from: to.oracle,
        to: to.manager,
        value_wei: U256::ZERO,
        data,
        nonce,
        gas_limit: gas,
        max_fee_wei: fees.max_fee,
        priority_fee_wei: fees.priority,
    }
}

/// What the chain says of the oracle's nonce.
pub(super) async fn look(net: &Devnet, rpc: &Rpc, nonce: u64, hashes: &[Root]) -> IntentStatus {
    let doors = doors(net, rpc);
    let intent = Intent {
        sender: net.addresses().oracle,
        nonce,
        hashes,
        manager: &*doors.manager,
        finality: Finality::Tag,
    };
    inspect(rpc, &intent).await.unwrap()
}

/// Why it reverted, where this client's endpoints tell.
async fn why_reverted(net: &Devnet, rpc: &Rpc, inclusion: &Inclusion) -> Option<RevertReason> {
    let Doors { manager, ssv, .. } = doors(net, rpc);
    let nodes = tx::Nodes::new(rpc.clone(), manager, Arc::new(ssv), Finality::Tag);
    nodes.why_reverted(inclusion.hash, inclusion.block).await.yes()
}

fn included(status: IntentStatus) -> Inclusion {
    match status {
        IntentStatus::Included(inclusion) => inclusion,
        other => panic!("{other:?}"),
    }
}

async fn deposit_data(net: &Devnet, rpc: &Rpc, seed: u8) -> Bytes {
    let cluster = doors(net, rpc).ssv().await.cluster;
    let call = with_cluster(deposit(net.addresses().manager, seed), cluster);
    encode_deposit(&call, net.options().cluster_layout)
}

#[tokio::test]
async fn a_deposit_from_facts_to_finality_in_both_layouts() {
    for layout in [ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance] {
        let net = devnet(layout, Mining::Manual).await;
        net.deposit_pool(2).await.unwrap();
        let rpc = rpc(&[&net.http_url()]);
        let to = net.addresses();
        let doors = doors(&net, &rpc);
        let call = deposit(to.manager, 1);
        let at = At::block(doors.head().await);
        assert_eq!(doors.ready().await, [PoolId(1), PoolId(2)]);
        assert_eq!(doors.manager.authorises(to.oracle, at).await, Answer::Yes(()));
        let code = doors.nodes.code(to.deposit_contract, at).await;
        assert!(matches!(code, Answer::Yes(_)), "{code:?}");
        let nobody = doors.nodes.code(to.oracle, at).await;
        assert!(matches!(nobody, Answer::No(_)), "{nobody:?}");
        let none = doors.deposits(&call.public_key).await;
        assert!(matches!(none, Answer::No(_)), "{none:?}");
        assert_eq!(doors.manager.ssv_network(at).await, Answer::Yes(to.ssv));
        let credentials = doors.manager.withdrawal_credentials(PoolId(1), at).await;
        assert_eq!(credentials, Answer::Yes(call.withdrawal_credentials));
        let ssv = doors.ssv().await;
        assert_eq!((ssv.owner_nonce, ssv.known_cluster), (0, false));
        assert_eq!(doors.implied_nonce().await, Answer::Yes(0));
        assert!(
            doors.manager.reserved_fees(at).await.yes().unwrap()
                >= call.registering.as_ref().unwrap().fee_amount
        );
        assert!(doors.nodes.balance(to.oracle, at).await.yes().unwrap() > U256::ZERO);

        let data = encode_deposit(&call, layout);
        let nonce = rpc.nonce(to.oracle, At::Latest).await.unwrap();
        let draft = draft(&net, &rpc, data, nonce).await;
        let signed = draft.sign(&oracle()).await.unwrap();
        // the journal gives back the same bytes
        let journaled: SignedTransaction =
            serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
        assert_eq!(journaled, signed);
        let hashes = [signed.hash];
        let look = async || look(&net, &rpc, nonce, &hashes).await;
        assert_eq!(look().await, IntentStatus::Dropped { contested: false });
        assert_eq!(broadcast(&rpc, &journaled).await, BroadcastHint::Accepted);
        assert_eq!(broadcast(&rpc, &journaled).await, BroadcastHint::AlreadyKnown);
        let pending = IntentStatus::Pending {
            hash: signed.hash,
            waits_for_nonce: None,
        };
        assert_eq!(look().await, pending);

        net.mine(1).await.unwrap();
        assert_eq!(broadcast(&rpc, &signed).await, BroadcastHint::NonceTooLow);
        let inclusion = included(look().await);
        assert!(inclusion.success && inclusion.gas_used <= signed.gas_limit);
        assert!(inclusion.fee_wei <= total(signed.gas_limit, Fees::from(&signed).max_fee));
        let served = PoolEvent {
            kind: PoolEventKind::DepositInitiated,
            pool: PoolId(1),
            leaving: None,
        };
        assert_eq!(inclusion.events, [served]);
        net.finalize().await.unwrap();
        assert!(matches!(look().await, IntentStatus::Final(_)));

        assert_eq!(doors.ready().await, [PoolId(2)]);
        let known = doors.deposits(&call.public_key).await.yes().unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!(
            (known[0].withdrawal_credentials, known[0].amount_gwei),
            (call.withdrawal_credentials, 32_000_000_000)
        );
        let ssv = doors.ssv().await;
        assert_eq!(
            (ssv.owner_nonce, ssv.known_cluster, ssv.cluster.validator_count),
            (1, true, 1)
        );
        assert_eq!(doors.implied_nonce().await, Answer::Yes(1));
        // the second deposit works only with the cluster's present snapshot
        let stale = encode_deposit(&deposit(to.manager, 2), layout);
        let Simulated::Reverts { revert, .. } = doors.simulate(&net, &stale).await else {
            panic!("a stale snapshot is taken");
        };
        let revert = doors.manager.explain(&revert);
        assert_eq!(revert.reason.as_str(), "IncorrectClusterState");
        let second = draft_again(&net, &rpc, 2).await;
        assert_eq!(broadcast(&rpc, &second).await, BroadcastHint::Accepted);
        net.mine(1).await.unwrap();
        let hashes = [second.hash];
        let inclusion = included(self::look(&net, &rpc, second.nonce, &hashes).await);
        assert_eq!(inclusion.events[0].pool, PoolId(2));
        assert_eq!(doors.ssv().await.owner_nonce, 2);
        let empty = doors.implied_nonce().await;
        assert!(matches!(empty, Answer::No(_)), "nothing waits: {empty:?}");
    }
}

pub(super) async fn draft_again(net: &Devnet, rpc: &Rpc, seed: u8) -> SignedTransaction {
    let data = deposit_data(net, rpc, seed).await;
    let nonce = rpc.nonce(net.addresses().oracle, At::Latest).await.unwrap();
    draft(net, rpc, data, nonce).await.sign(&oracle()).await.unwrap()
}

#[tokio::test]
async fn a_transaction_that_a_reorg_drops_goes_out_again_as_the_same_bytes() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let signed = draft_again(&net, &rpc, 1).await;
    let hashes = [signed.hash];
    let look = async || look(&net, &rpc, signed.nonce, &hashes).await;
    broadcast(&rpc, &signed).await;
    net.mine(2).await.unwrap();
    let first = included(look().await);
    net.reorg(2).await.unwrap();
    assert_eq!(look().await, IntentStatus::Dropped { contested: false });
    assert_eq!(broadcast(&rpc, &signed).await, BroadcastHint::Accepted);
    net.mine(1).await.unwrap();
    let second = included(look().await);
    assert_eq!(first.hash, second.hash);
    assert_ne!(first.block, second.block);
}

/// Some nodes go on showing the receipts of blocks that were dropped.
#[tokio::test]
async fn a_receipt_of_a_dropped_block_hides_no_true_one_and_its_teller_is_named() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let direct = rpc(&[&net.http_url()]);
    let signed = draft_again(&net, &direct, 1).await;
    broadcast(&direct, &signed).await;
    net.mine(1).await.unwrap();
    let hash = B256::from(signed.hash.0);
    let method = "eth_getTransactionReceipt";
    let dropped: Value = net.rpc(method, [hash]).await.unwrap();
    net.reorg(1).await.unwrap();
    broadcast(&direct, &signed).await;
    net.mine(1).await.unwrap();
    let old = move |call: &proxy::Call| match call.method.as_str() {
        asked if asked == method => Act::Result(dropped.clone()),
        _ => Act::Forward,
    };
    let stale = Proxy::start(Some(net.http_url()), old).await;
    let honest = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let both = rpc(&[&stale.url, &honest.url]);
    let seen = included(look(&net, &both, signed.nonce, &[signed.hash]).await);
    assert!(seen.success && seen.confirmations == 1, "{seen:?}");
    let receipt = direct.receipt(hash).await.unwrap().unwrap();
    assert_eq!(seen.block, receipt.block());
    let named = both
        .health()
        .into_iter()
        .map(|endpoint| endpoint.contradicted > 0);
    assert_eq!(named.collect::<Vec<_>>(), [true, false]);
    // by itself it has told nothing
    let alone = Nodes::new(
        rpc(&[&stale.url]),
        net.addresses().deposit_contract,
        Finality::Tag,
    );
    let told = alone.outcome(signed.hash).await;
    assert!(matches!(told, Answer::NotKnown(_)), "{told:?}");
}

/// Nodes behind one address are not at one block, and a reorganisation comes between two questions.
#[tokio::test]
async fn who_has_no_block_of_that_number_or_tells_another_receipt_a_moment_later_is_not_named() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let direct = rpc(&[&net.http_url()]);
    let signed = draft_again(&net, &direct, 1).await;
    broadcast(&direct, &signed).await;
    net.mine(1).await.unwrap();
    let hash = B256::from(signed.hash.0);
    let method = "eth_getTransactionReceipt";
    let receipt: Value = net.rpc(method, [hash]).await.unwrap();
    let number = receipt["blockNumber"].clone();
    let to = net.addresses().deposit_contract;
    let behind = Proxy::start(Some(net.http_url()), move |call| match call.method.as_str() {
        "eth_getBlockByNumber" if call.params[0] == number => Act::Result(Value::Null),
        _ => Act::Forward,
    })
    .await;
    let one = rpc(&[&behind.url]);
    let told = Nodes::new(one.clone(), to, Finality::Tag)
        .outcome(signed.hash)
        .await;
    assert!(
        matches!(&told, Answer::NotKnown(why) if why.to_string().contains("has none of that number")),
        "{told:?}"
    );
    assert_eq!(one.health()[0].contradicted, 0);
    // by the dropped block once, and then by the one that is there
    let once = std::sync::atomic::AtomicBool::new(false);
    let reorganised = Proxy::start(Some(net.http_url()), move |call| match call.method.as_str() {
        asked if asked == method && !once.swap(true, std::sync::atomic::Ordering::SeqCst) => {
            let mut dropped = receipt.clone();
            dropped["blockHash"] = json!(B256::repeat_byte(7));
            Act::Result(dropped)
        }
        _ => Act::Forward,
    })
    .await;
    let one = rpc(&[&reorganised.url]);
    let told = Nodes::new(one.clone(), to, Finality::Tag)
        .outcome(signed.hash)
        .await;
    let receipt = direct.receipt(hash).await.unwrap().unwrap();
    assert_eq!(told, Answer::Yes((receipt.block(), true)));
    assert_eq!(one.health()[0].contradicted, 0);
}

/// What one of two endpoints asks for says nothing of the three ways on from a stuck transaction.
#[tokio::test]
async fn a_raise_is_stuck_by_no_single_endpoints_fees_and_has_no_gas_that_nodes_refuse() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let dear = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_feeHistory" => Act::Result(json!({"baseFeePerGas": ["0x48c27395000", "0x48c27395000"]})),
        "eth_getBlockByHash" => Act::Result(Value::Null),
        _ => Act::Forward,
    })
    .await;
    let away = Proxy::start(None, |_| Act::Http(503, Vec::new(), String::new())).await;
    let nodes = |rpc: &Rpc| {
        let Doors { manager, ssv, .. } = doors(&net, rpc);
        tx::Nodes::new(rpc.clone(), manager, Arc::new(ssv), Finality::Tag)
    };
    let stuck = SignedTransaction {
        raw: Bytes::new(),
        hash: Root([8; 32]),
        nonce: 0,
        max_fee_wei: U256::from(9),
        priority_fee_wei: U256::from(8),
        gas_limit: 20_000_000,
    };
    let raised = async |urls: &[&str]| nodes(&rpc(urls)).raise(&stuck, None, CEILING).await;
    let told = raised(&[&dear.url, &away.url]).await;
    assert!(
        matches!(&told, Answer::NotKnown(why) if why.to_string().contains("one endpoint alone")),
        "{told:?}"
    );
    let told = raised(&[&dear.url]).await;
    assert!(matches!(told, Answer::Yes(Priced::Stuck(..))), "{told:?}");
    let Answer::Yes(Priced::Fits(price)) = raised(&[&net.http_url()]).await else {
        panic!("the ceiling pays it");
    };
    assert_eq!(price.gas_limit, 1 << 24);
    assert_eq!(gas_limit(16_000_000), 1 << 24);
}

#[tokio::test]
async fn a_stuck_transaction_is_replaced_and_found_by_either_hash() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let data = deposit_data(&net, &rpc, 1).await;
    let mut draft = draft(&net, &rpc, data, 0).await;
    let first = draft.sign(&oracle()).await.unwrap();
    assert_eq!(broadcast(&rpc, &first).await, BroadcastHint::Accepted);
    // one that pays less is refused, and the refusal is known for what it is (anvil takes any rise; others do not)
    draft.max_fee_wei -= 1;
    draft.priority_fee_wei -= 1;
    let timid = draft.sign(&oracle()).await.unwrap();
    assert_eq!(
        broadcast(&rpc, &timid).await,
        BroadcastHint::ReplacementUnderpriced
    );
    let market = quote(&rpc).await.unwrap();
    let fees = bump(Fees::from(&first), market, draft.gas_limit, CEILING).unwrap();
    (draft.max_fee_wei, draft.priority_fee_wei) = (fees.max_fee, fees.priority);
    let second = draft.sign(&oracle()).await.unwrap();
    assert_eq!(broadcast(&rpc, &second).await, BroadcastHint::Accepted);
    net.mine(1).await.unwrap();
    let hashes = [first.hash, timid.hash, second.hash];
    let inclusion = included(look(&net, &rpc, 0, &hashes).await);
    assert_eq!(inclusion.hash, second.hash);
}

#[tokio::test]
async fn a_foreign_transaction_is_noticed_before_and_after_it_takes_the_nonce() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let ours = draft_again(&net, &rpc, 1).await;
    // another instance with the same key sends something of its own
    let foreign = UnsignedTransaction {
        chain_id: 31337,
        from: net.addresses().oracle,
        to: net.addresses().oracle,
        value_wei: U256::ZERO,
        data: Bytes::new(),
        nonce: 0,
        gas_limit: 21_000,
        max_fee_wei: 50_000_000_000,
        priority_fee_wei: 2_000_000_000,
    };
    let foreign = foreign.sign(&oracle()).await.unwrap();
    broadcast(&rpc, &foreign).await;
    let hashes = [ours.hash];
    let look = async || look(&net, &rpc, 0, &hashes).await;
    assert_eq!(look().await, IntentStatus::Dropped { contested: true });
    // ours comes to the node between the question for its hash and the one for the account: that is no stranger
    let hides_it_once = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getTransactionByHash" if call.nth == 0 => Act::Result(serde_json::Value::Null),
        _ => Act::Forward,
    })
    .await;
    let late = [foreign.hash];
    let seen = self::look(&net, &support::rpc(&[&hides_it_once.url]), 0, &late).await;
    assert!(matches!(seen, IntentStatus::Pending { .. }), "{seen:?}");
    // nor is it one where whoever has it is silent, and another that does not have it says so
    let silent = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getTransactionByHash" => Act::Error(-32603, "Internal error".into()),
        _ => Act::Forward,
    })
    .await;
    let lags = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getTransactionByHash" => Act::Result(serde_json::Value::Null),
        "eth_getTransactionCount" => Act::Result("0x0".into()),
        _ => Act::Forward,
    })
    .await;
    for urls in [[&silent.url, &lags.url], [&lags.url, &silent.url]] {
        let both = support::rpc(&urls.map(String::as_str));
        let seen = self::look(&net, &both, 0, &late).await;
        // asked first, the one that lags says that the nonce is free, and the same bytes may go out again
        let is_free = seen == IntentStatus::Dropped { contested: false };
        assert!(
            is_free || matches!(seen, IntentStatus::Unknown { .. }),
            "{seen:?}"
        );
        assert_eq!(is_free, urls[0] == &lags.url, "{seen:?}");
    }
    let at = async |at| rpc.nonce(net.addresses().oracle, at).await.unwrap();
    assert_eq!(
        (at(At::Latest).await, at(At::Pending).await),
        (0, 1),
        "seen while it waits"
    );
    let nodes = Nodes::new(rpc.clone(), net.addresses().deposit_contract, Finality::Tag);
    assert!(matches!(nodes.sender_of(foreign.hash).await, Answer::No(_)));

    net.mine(1).await.unwrap();
    let sent = (net.addresses().oracle, 0);
    assert_eq!(nodes.sender_of(foreign.hash).await, Answer::Yes(sent));
    let replaced = |is_final| IntentStatus::ReplacedByForeign {
        hash: Some(foreign.hash),
        is_final,
    };
    assert_eq!(look().await, replaced(false));
    net.finalize().await.unwrap();
    assert_eq!(look().await, replaced(true));
}

#[tokio::test]
async fn a_revert_on_chain_is_explained_and_its_gas_is_booked() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let data = deposit_data(&net, &rpc, 1).await;
    let first = draft(&net, &rpc, data.clone(), 0).await;
    // approved while a pool was ready, mined when none is
    let second = UnsignedTransaction {
        nonce: 1,
        ..first.clone()
    };
    let (first, second) = (
        first.sign(&oracle()).await.unwrap(),
        second.sign(&oracle()).await.unwrap(),
    );
    broadcast(&rpc, &first).await;
    net.mine(1).await.unwrap();
    broadcast(&rpc, &second).await;
    net.mine(1).await.unwrap();
    let hashes = [second.hash];
    let inclusion = included(look(&net, &rpc, 1, &hashes).await);
    assert!(!inclusion.success && inclusion.events.is_empty());
    assert!(inclusion.fee_wei > U256::ZERO);
    let RevertReason { revert, overtaken } = why_reverted(&net, &rpc, &inclusion).await.unwrap();
    assert_eq!(revert.reason.as_str(), "No ready pools");
    assert!(revert.advice.is_some() && !overtaken);
    // nothing is said of a block that it is not in
    net.mine(1).await.unwrap();
    let moved = Inclusion {
        block: doors(&net, &rpc).head().await,
        ..inclusion
    };
    assert_eq!(why_reverted(&net, &rpc, &moved).await, None);

    // a node that cannot execute it again gives no reason, and none is made up
    for (code, words) in [
        (-32000, "execution aborted (timeout = 5s)"),
        (-32000, "missing trie node 00ff (path )"),
        (-32000, "header not found"),
        (-32603, "Internal error"),
        (-32601, "the method eth_call does not exist/is not available"),
        (-32016, "over the quota of this plan"),
    ] {
        let forgets = Proxy::start(Some(net.http_url()), move |call| match call.method.as_str() {
            "eth_call" | "eth_simulateV1" | "debug_traceTransaction" => Act::Error(code, words.into()),
            _ => Act::Forward,
        })
        .await;
        let rpc = support::rpc(&[&forgets.url]);
        let inclusion = included(look(&net, &rpc, 1, &hashes).await);
        let reason = why_reverted(&net, &rpc, &inclusion).await;
        assert_eq!((inclusion.success, reason), (false, None), "{words}");
    }
}

sol! {
    struct Cluster { uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance; }
    interface SsvOfEverybody {
        function deposit(address clusterOwner, uint64[] operatorIds, uint256 amount, Cluster cluster) external;
        function liquidate(address clusterOwner, uint64[] operatorIds, Cluster cluster) external;
    }
}

/// Hands over a call of the staker that pays so much more than others that it comes first in its block.
async fn first_in_its_block(net: &Devnet, to: Address, data: Vec<u8>) {
    let gwei = |n: u64| U256::from(n * 1_000_000_000);
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "eth_sendTransaction",
        "params": [{
            "from": net.accounts().staker, "to": to, "data": Bytes::from(data), "gas": "0x7a120",
            "maxFeePerGas": gwei(900), "maxPriorityFeePerGas": gwei(800),
        }],
    });
    let answer = reqwest::Client::new().post(net.http_url()).json(&call).send();
    let answer: Value = answer.await.unwrap().json().await.unwrap();
    assert!(answer["result"].is_string(), "{answer}");
}

/// Hands over a stranger's payment into the cluster of operators 1 to 4, so dear that it comes first in its block.
pub(crate) async fn pay_in_first(net: &Devnet, amount: U256) {
    let to = net.addresses();
    let call = SsvOfEverybody::depositCall {
        clusterOwner: to.manager,
        operatorIds: vec![1, 2, 3, 4],
        amount,
        cluster: cluster(net).await,
    };
    first_in_its_block(net, to.ssv, call.abi_encode()).await;
}

/// Somebody liquidates the cluster of operators 1 to 4.
pub(crate) async fn liquidate(net: &Devnet) {
    let to = net.addresses();
    let call = SsvOfEverybody::liquidateCall {
        clusterOwner: to.manager,
        operatorIds: vec![1, 2, 3, 4],
        cluster: cluster(net).await,
    };
    let staker = net.accounts().staker;
    let sent = net.send("liquidate", staker, to.ssv, U256::ZERO, call.abi_encode());
    sent.await.unwrap();
}

/// The newest snapshot of the cluster of operators 1 to 4.
async fn cluster(net: &Devnet) -> Cluster {
    let rpc = rpc(&[&net.http_url()]);
    let cluster = doors(net, &rpc).ssv().await.cluster;
    Cluster {
        validatorCount: cluster.validator_count,
        networkFeeIndex: cluster.network_fee_index,
        index: cluster.index,
        active: cluster.active,
        balance: cluster.balance,
    }
}

/// A stranger pays into our cluster in the very block of our deposit. On the block before, the call still succeeds: what
/// is asked of that block alone has no reason to give.
#[tokio::test]
async fn a_revert_by_what_came_before_it_in_its_block_has_its_reason_from_each_source() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    net.deposit_pool(2).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let first = draft(&net, &rpc, deposit_data(&net, &rpc, 1).await, 0).await;
    broadcast(&rpc, &first.sign(&oracle()).await.unwrap()).await;
    net.mine(1).await.unwrap();

    let ours = draft(&net, &rpc, deposit_data(&net, &rpc, 2).await, 1).await;
    let ours = ours.sign(&oracle()).await.unwrap();
    pay_in_first(&net, U256::from(1)).await;
    broadcast(&rpc, &ours).await;
    net.mine(1).await.unwrap();

    let hashes = [ours.hash];
    const TRACE: &str = "debug_traceTransaction";
    const SIMULATE: &str = "eth_simulateV1";
    let without: [(&[&str], &str); 3] = [
        (
            &[],
            "IncorrectClusterState: somebody paid into the SSV cluster earlier in the same block",
        ),
        (
            &[TRACE],
            "IncorrectClusterState: somebody paid into the SSV cluster earlier in the same block",
        ),
        (
            &[TRACE, SIMULATE],
            "somebody paid into the SSV cluster earlier in the same block",
        ),
    ];
    let inclusion = included(look(&net, &rpc, 1, &hashes).await);
    for (missing, words) in without {
        let node = Proxy::start(Some(net.http_url()), move |call| match call.method.as_str() {
            method if missing.contains(&method) => Act::Error(-32601, "method not found".into()),
            _ => Act::Forward,
        })
        .await;
        let rpc = support::rpc(&[&node.url]);
        let inclusion = included(look(&net, &rpc, 1, &hashes).await);
        let RevertReason { revert, overtaken } = why_reverted(&net, &rpc, &inclusion).await.unwrap();
        assert!(!inclusion.success && overtaken, "{missing:?}");
        assert!(revert.reason.as_str().starts_with(words), "{missing:?}: {revert}");
        assert!(revert.advice.unwrap().as_str().contains("fresh snapshot"));
    }

    // where nobody executes it again and the stranger's log cannot be read, nothing says what it was
    let garbles = Proxy::start(Some(net.http_url()), move |call| match call.method.as_str() {
        TRACE | SIMULATE => Act::Error(-32601, "method not found".into()),
        "eth_call" => Act::Error(-32000, "header not found".into()),
        "eth_getLogs" => Act::Change(Box::new(|mut logs| {
            for log in logs.as_array_mut().unwrap() {
                let data = log["data"].as_str().unwrap();
                log["data"] = Value::from(&data[..data.len().min(2 + 64)]);
            }
            logs
        })),
        _ => Act::Forward,
    })
    .await;
    let rpc = support::rpc(&[&garbles.url]);
    let Doors { manager, ssv, .. } = doors(&net, &rpc);
    let nodes = tx::Nodes::new(rpc, manager, Arc::new(ssv), Finality::Tag);
    match nodes.why_reverted(inclusion.hash, inclusion.block).await {
        Answer::NotKnown(why) => assert!(why.to_string().contains("cannot be read"), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// What a call would log is told by nodes that simulate blocks, and by nodes that trace.
#[tokio::test]
async fn what_ssv_would_have_is_foreseen_where_a_node_can() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let direct = rpc(&[&net.http_url()]);
    let to = net.addresses();
    let call = Call {
        from: to.oracle,
        to: to.manager,
        data: deposit_data(&net, &direct, 1).await,
        value_wei: U256::ZERO,
    };
    const SIMULATES: &str = "eth_simulateV1";
    const TRACES: &str = "debug_traceCall";
    let missing: [&[&str]; 4] = [&[], &[SIMULATES], &[TRACES], &[SIMULATES, TRACES]];
    for missing in missing {
        let node = Proxy::start(Some(net.http_url()), move |call| match call.method.as_str() {
            method if missing.contains(&method) => Act::Error(-32601, "method not found".into()),
            _ => Act::Forward,
        })
        .await;
        let doors = doors(&net, &rpc(&[&node.url]));
        let logs = doors.nodes.foresee(&call).await;
        if missing.len() == 2 {
            assert!(matches!(logs, Answer::NotKnown(_)), "{logs:?}");
            continue;
        }
        let logs = logs.yes().unwrap();
        let funding = doors
            .ssv
            .funding(&logs, &ClusterSnapshot::fresh(), At::Latest)
            .await
            .yes()
            .unwrap();
        assert!(funding.received > U256::ZERO, "{missing:?}");
        assert_eq!(funding.balance, funding.received, "{missing:?}");
        assert!(matches!(funding.runway_blocks, Answer::Yes(_)), "{funding:?}");
    }
    // an SSV that tells its fees
    let fees = Proxy::start(Some(net.http_url()), |call| {
        let data = call.params[0]["data"].as_str().unwrap_or_default().to_owned();
        let asked = |view: &str| {
            let selector = format!("0x{}", hex::encode(&keccak256(view)[..4]));
            call.method == "eth_call" && data.starts_with(&selector)
        };
        let word = |n: u64| Act::Result(json!(format!("0x{n:064x}")));
        match () {
            () if asked("getOperatorFee(uint64)") => word(1_000_000_000_000),
            () if asked("getNetworkFee()") => word(200_000_000_000),
            () if asked("getLiquidationThresholdPeriod()") => word(1_000),
            () if asked("getMinimumLiquidationCollateral()") => word(7),
            () => Act::Forward,
        }
    })
    .await;
    let fees = doors(&net, &rpc(&[&fees.url]));
    let logs = fees.nodes.foresee(&call).await.yes().unwrap();
    let fresh = ClusterSnapshot::fresh();
    let funding = fees.ssv.funding(&logs, &fresh, At::Latest).await.yes().unwrap();
    assert_eq!(funding.before, None, "the cluster is new");
    let before = ClusterSnapshot {
        validator_count: 1,
        balance: funding.balance,
        ..ClusterSnapshot::fresh()
    };
    let with = fees.ssv.funding(&logs, &before, At::Latest).await.yes().unwrap();
    let before = with.before.expect("it has a validator");
    assert_eq!(before.balance, funding.balance);
    assert_eq!(
        before.runway_blocks, funding.runway_blocks,
        "as many validators with as much"
    );
    let burns = U256::from(4_200_000_000_000_u64);
    let blocks = funding.balance.saturating_sub(burns * U256::from(1_000)) / burns;
    assert_eq!(funding.runway_blocks, Answer::Yes(u64::try_from(blocks).unwrap()));

    let reverts = Call {
        data: Bytes::from_static(&[1, 2, 3, 4]),
        ..call
    };
    let logs = doors(&net, &direct).nodes.foresee(&reverts).await;
    assert!(matches!(logs, Answer::NotKnown(_)), "{logs:?}");
}

/// What is not known to be final may still be dropped, whatever the reason; and it is known to be included.
#[tokio::test]
async fn a_refused_question_for_finality_makes_nothing_final() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let direct = rpc(&[&net.http_url()]);
    let signed = draft_again(&net, &direct, 1).await;
    broadcast(&direct, &signed).await;
    net.mine(200).await.unwrap();
    let hashes = [signed.hash];
    let status = look(&net, &direct, 0, &hashes).await;
    assert!(matches!(status, IntentStatus::Final(_)), "{status:?}");
    for (code, words) in [
        (-32000, "block not found"),
        (-32603, "Internal error"),
        (-39001, "Unknown block"),
    ] {
        let refuses = Proxy::start(Some(net.http_url()), move |call| match call.params[0].as_str() {
            Some("finalized") => Act::Error(code, words.into()),
            _ => Act::Forward,
        })
        .await;
        let status = look(&net, &rpc(&[&refuses.url]), 0, &hashes).await;
        assert!(matches!(status, IntentStatus::Included(_)), "{words}: {status:?}");
    }
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
    let status = look(&net, &rpc, 0, &hashes).await;
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
    let deadline = Instant::now() + crate::TIMEOUT;
    // anvil mines right after it has answered
    while !matches!(look(&net, &rpc, 0, &hashes).await, IntentStatus::Included(_)) {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let manager = manager(&net, &rpc);
    let head = async || rpc.head().await.unwrap().block();
    let first = manager.committee(PoolId(1), head().await).await.yes().unwrap();
    assert_eq!(first.source, CommitteeSource::State);
    assert_eq!((first.operator_ids.len(), first.reshare_count), (4, 0));
    for (n, last) in [(1u64, 5), (2, 6)] {
        let call = ResharePool {
            pool: PoolId(1),
            operator_ids: [1, 2, 3, last].map(OperatorId).to_vec(),
            shares: vec![n as u8; 100].into(),
            handover: None,
        };
        let data = encode_reshare(&call);
        let to = net.addresses();
        net.send_as(to.oracle, to.manager, U256::ZERO, data)
            .await
            .unwrap();
        let committee = manager.committee(PoolId(1), head().await).await.yes().unwrap();
        assert_eq!(committee.operator_ids, call.operator_ids);
        assert_eq!(committee.shares, call.shares);
        assert_eq!(
            committee.reshare_count, n,
            "though the contract itself forgets it"
        );
    }
    // a reorg takes the second one back
    net.reorg(1).await.unwrap();
    let committee = manager.committee(PoolId(1), head().await).await.yes().unwrap();
    assert_eq!(
        (committee.operator_ids[3], committee.reshare_count),
        (OperatorId(5), 1)
    );
}

/// One endpoint's refusal is not the end: the others get the bytes, too, and its reason is told.
#[tokio::test]
async fn a_transaction_goes_to_every_endpoint_and_a_refusal_is_told_with_its_reason() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let direct = rpc(&[&net.http_url()]);
    let signed = draft_again(&net, &direct, 1).await;
    let refuses = |call: &proxy::Call| match call.method.as_str() {
        "eth_sendRawTransaction" => Act::Error(-32000, "txpool is full".into()),
        _ => Act::Forward,
    };
    let full = Proxy::start(Some(net.http_url()), refuses).await;
    let hangs = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_sendRawTransaction" => Act::Hang,
        _ => Act::Forward,
    })
    .await;
    // the healthy one comes last, and nobody waits for the one that hangs: it is given up after an hour only
    let healthy = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let mut patient = config(&[&full.url, &hangs.url, &healthy.url]);
    patient.deadline = Duration::from_secs(3_600);
    let said = tx::broadcast(&Rpc::new(patient).unwrap(), &signed).await;
    assert!(said.taken(), "{said:?}");
    let heard: Vec<_> = said.0.iter().map(|heard| heard.endpoint.as_str()).collect();
    assert!(!heard.contains(&hangs.url.as_str()), "{said:?}");
    assert_eq!(healthy.calls("eth_sendRawTransaction").len(), 1);
    let hashes = [signed.hash];
    let status = look(&net, &direct, signed.nonce, &hashes).await;
    assert!(matches!(status, IntentStatus::Pending { .. }), "{status:?}");
    // those that are slower get it all the same
    let deadline = Instant::now() + crate::TIMEOUT;
    while hangs.calls("eth_sendRawTransaction").is_empty() || full.calls("eth_sendRawTransaction").is_empty()
    {
        assert!(Instant::now() < deadline, "somebody was not asked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let low = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_sendRawTransaction" => Act::Error(-32000, "insufficient funds for gas * price + value".into()),
        _ => Act::Forward,
    })
    .await;
    let said = tx::broadcast(&rpc(&[&full.url, &low.url, "http://127.0.0.1:1"]), &signed).await;
    assert!(!said.taken());
    let reasons = said.reasons().to_string();
    for reason in [
        &format!("{}: the node's pool is full (\"txpool is full\")", full.url),
        &format!(
            "{}: the balance does not cover the most that it may cost",
            low.url
        ),
        "http://127.0.0.1:1: no answer: connection refused",
    ] {
        assert!(reasons.contains(reason), "{reason} in {reasons}");
    }
}

/// Whoever says that it took a transaction, and does not know it: others' words count, and it is named.
#[tokio::test]
async fn an_endpoint_that_swallows_a_transaction_decides_nothing_and_is_named() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let signed = draft_again(&net, &rpc(&[&net.http_url()]), 1).await;
    let swallows = |call: &proxy::Call| match call.method.as_str() {
        "eth_sendRawTransaction" => {
            let raw = hex::decode(call.params[0].as_str().unwrap()).unwrap();
            Act::Result(json!(keccak256(raw)))
        }
        "eth_getTransactionByHash" => Act::Result(Value::Null),
        _ => Act::Forward,
    };
    for other in [true, false] {
        let liar = Proxy::start(Some(net.http_url()), swallows).await;
        let healthy = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
        let urls = [liar.url.as_str(), healthy.url.as_str()];
        let rpc = rpc(if other { &urls } else { &urls[..1] });
        let said = tx::broadcast(&rpc, &signed).await;
        assert!(said.taken(), "{said:?}");
        let deadline = Instant::now() + crate::TIMEOUT;
        while rpc.health()[0].refuses.is_none() {
            assert!(Instant::now() < deadline, "{:?}", rpc.health());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let why = rpc.health()[0].refuses.clone().unwrap();
        assert!(why.as_str().contains("does not know it"), "{why}");
        if other {
            let status = look(&net, &rpc, signed.nonce, &[signed.hash]).await;
            assert!(matches!(status, IntentStatus::Pending { .. }), "{status:?}");
            assert_eq!(rpc.health()[1].refuses, None);
        }
    }
}

/// Offered once more after its block, it is refused as used: by whom has it, and that is nothing to accuse them of.
#[tokio::test]
async fn who_refuses_the_nonce_of_what_it_has_is_shown_as_refusing_no_longer() {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let direct = rpc(&[&net.http_url()]);
    let signed = draft_again(&net, &direct, 1).await;
    assert!(tx::broadcast(&direct, &signed).await.taken());
    net.mine(1).await.unwrap();
    for knows in [true, false] {
        let late = Proxy::start(Some(net.http_url()), move |call| match call.method.as_str() {
            "eth_sendRawTransaction" => Act::Error(-32000, "nonce too low: next nonce 9, tx nonce 8".into()),
            "eth_getTransactionByHash" if !knows => Act::Result(Value::Null),
            _ => Act::Forward,
        })
        .await;
        let rpc = rpc(&[&late.url]);
        assert!(!tx::broadcast(&rpc, &signed).await.taken());
        let deadline = Instant::now() + crate::TIMEOUT;
        if knows {
            while rpc.health()[0].refuses.is_some() {
                assert!(Instant::now() < deadline, "{:?}", rpc.health());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        } else {
            while late.calls("eth_getTransactionByHash").len() < 3 {
                assert!(Instant::now() < deadline, "it was not asked again");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(
                rpc.health()[0].refuses.is_some(),
                "another transaction has the nonce there"
            );
        }
    }
}
