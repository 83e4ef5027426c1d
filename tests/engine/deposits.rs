//! From a request to a final deposit.

use alloy::primitives::{Bytes, U256};
use alloy::sol_types::SolCall as _;
use casimir_dkg::beacon::roots::deposit_data_root;
use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::devnet::contracts::Manager::ManagerEvents;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{BlsPublicKey, BlsSignature, CheckStatus, PoolId, Root, SafeText};
use casimir_dkg::view::{ActionState, CaseStatus, Refused, Request, Scope};

use super::support::{
    Ground, approve, approve_next, case_is, drive, four_operators, person, seat, stop, until, waiting,
    with_beacon,
};

/// Pools by the order in which their deposits were initiated, from the chain.
pub(crate) async fn initiated(ground: &Ground) -> Vec<u32> {
    let events = ground.devnet().events(0).await.unwrap();
    let of = |event: &ManagerEvents| match event {
        ManagerEvents::PoolDepositInitiated(e) => Some(e.poolId),
        _ => None,
    };
    events.iter().filter_map(|(event, _)| of(event)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_pools_flow_in_the_order_of_the_queue() {
    let ground = Ground::start(with_beacon()).await;
    let oracle = ground.oracle(true).await;
    ground.devnet().deposit_pool(3).await.unwrap();
    for pool in 1..=3 {
        let case = case_is(&oracle, &format!("deposit/{pool}"), CaseStatus::Done).await;
        let key = case.validator.expect("a key");
        let view = ground.devnet().manager().getPool(pool).call().await.unwrap();
        assert_eq!(view.publicKey.as_ref(), key.as_bytes().as_slice());
    }
    assert_eq!(initiated(&ground).await, [1, 2, 3]);
    let (_, entries) = casimir_dkg::journal::verify(&ground.journal()).unwrap();
    let decided: Vec<_> = entries.iter().filter(|e| e.kind == "decided").collect();
    assert_eq!(decided.len(), 6, "a keygen and a transaction for each pool");
    assert!(
        decided.iter().all(|e| e.body.contains("\"by\":\"rule\"")),
        "each names its rule"
    );
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_beacon_node_no_rule_deposits_and_a_person_may() {
    let ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(true).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let deposit = waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    let check = deposit
        .checks
        .iter()
        .find(|c| c.name == "key-unknown-to-beacon")
        .expect("the check is not left out");
    assert_eq!(check.status, CheckStatus::Unknown);
    assert!(check.reason.as_str().contains("beacon.urls"), "{}", check.reason);
    let why = until(&oracle, "what the rule waits for", |s| {
        let case = s.cases.iter().find(|c| c.id == deposit.id.case)?;
        let words = case.sentence.as_str();
        words
            .contains("unknown checks: key-unknown-to-beacon")
            .then(|| words.to_owned())
    })
    .await;
    assert!(why.contains("rule"), "{why}");
    assert!(initiated(&ground).await.is_empty(), "a rule deposited");
    drive(&oracle, "deposit/1").await;
    assert_eq!(initiated(&ground).await, [1]);
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_every_action_and_only_on_what_was_shown() {
    let ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(false).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let keygen = waiting(&oracle, "deposit/1", ActionKind::Keygen).await;

    let mut digest = keygen.digest;
    digest.0[0] ^= 1;
    let stale = Request::Approve {
        action: keygen.id,
        digest,
        phrase: None,
    };
    assert!(matches!(
        seat(&oracle).request(stale).await,
        Err(Refused::Stale(_))
    ));
    // two people at once: one of them is told who was first; what was checked anew since the snapshot is shown to both again
    let refused = loop {
        let keygen = waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
        let (one, two) = tokio::join!(approve(&oracle, &keygen), approve(&oracle, &keygen));
        let refused = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        let is_stale = |refused: &Refused| matches!(refused, Refused::Stale(_));
        if refused.len() < 2 || !refused.iter().all(is_stale) {
            break refused;
        }
    };
    assert!(
        matches!(&refused[..], [Refused::AlreadyDecided { by, .. }] if *by == person()),
        "{refused:?}"
    );

    let deposit = waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    assert!(deposit.checks.len() >= 20, "{:?}", deposit.checks);
    // no beacon node is configured here, and one execution endpoint only
    let doubtful: Vec<_> = deposit
        .checks
        .iter()
        .filter(|c| c.status != CheckStatus::Pass)
        .map(|c| (c.name.as_str(), c.status))
        .collect();
    assert_eq!(
        doubtful,
        [
            ("registration-nonce", CheckStatus::Unknown),
            ("key-unknown-to-beacon", CheckStatus::Unknown),
            ("endpoints-agree", CheckStatus::Unknown)
        ],
        "{:?}",
        deposit.checks
    );
    let reject = |reason: &str| Request::Reject {
        action: deposit.id,
        digest: deposit.digest,
        reason: SafeText::new(reason),
    };
    seat(&oracle).request(reject("not today")).await.unwrap();
    let case = case_is(&oracle, "deposit/1", CaseStatus::Attention).await;
    assert!(case.sentence.as_str().contains("not today"), "{}", case.sentence);
    assert!(initiated(&ground).await.is_empty(), "nothing was sent");

    seat(&oracle)
        .request(Request::Retry { case: case.id })
        .await
        .unwrap();
    // paused: the approval is taken, and nothing leaves
    seat(&oracle)
        .request(Request::Pause { scope: Scope::All })
        .await
        .unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    let head = ground.devnet().block_number().await.unwrap();
    until(&oracle, "eight more blocks", |s| {
        s.chain.head.filter(|h| h.number > head + 8)
    })
    .await;
    assert!(initiated(&ground).await.is_empty(), "paused, and yet it was sent");
    assert!(oracle.handle.snapshots.borrow().transactions.is_empty());
    seat(&oracle)
        .request(Request::Resume { scope: Scope::All })
        .await
        .unwrap();
    case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    assert_eq!(initiated(&ground).await, [1]);
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_leaves_the_chain_takes_its_approval_with_it() {
    // the request must not be final when it leaves: a final one that is gone closes its case
    let mut ground = Ground::start(DemoOptions {
        slots_in_an_epoch: 32,
        ..four_operators()
    })
    .await;
    let oracle = ground.oracle(false).await;
    let before = ground.devnet().block_number().await.unwrap();
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    let deposit = waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;

    ground.halt();
    let depth = ground.devnet().block_number().await.unwrap() - before;
    ground.devnet().reorg(depth).await.unwrap();
    ground.devnet().mine(1).await.unwrap();
    case_is(&oracle, "deposit/1", CaseStatus::Orphaned).await;
    let gone = oracle
        .handle
        .snapshots
        .borrow()
        .actions
        .iter()
        .find(|a| a.id == deposit.id)
        .cloned()
        .unwrap();
    assert!(matches!(gone.state, ActionState::Void { .. }), "{:?}", gone.state);
    assert!(
        approve(&oracle, &deposit).await.is_err(),
        "a void action was approved"
    );
    ground.resume();
    // it comes back in another block: the same case goes on with the same key
    ground.devnet().deposit_pool(1).await.unwrap();
    drive(&oracle, "deposit/1").await;
    assert_eq!(initiated(&ground).await, [1]);
    let ceremonies = oracle.handle.snapshots.borrow().ceremonies.clone();
    let keygens = ceremonies
        .iter()
        .filter(|c| c.kind == casimir_dkg::types::CeremonyKind::Keygen)
        .count();
    assert_eq!(keygens, 1, "the key of the first run is used");
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_leaves_the_chain_is_sent_again_as_it_was() {
    let mut ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(false).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    ground.halt();
    approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    // a block before the node has it would be empty, and the only one
    until(&oracle, "a pending transaction", |s| {
        let pending = |t: &&casimir_dkg::view::TransactionView| {
            matches!(t.state, casimir_dkg::view::TransactionState::Pending)
        };
        s.transactions.first().filter(pending).cloned()
    })
    .await;
    ground.devnet().mine(1).await.unwrap();
    let included = |s: &casimir_dkg::view::Snapshot| {
        let tx = s.transactions.first()?.clone();
        matches!(tx.state, casimir_dkg::view::TransactionState::Included { .. }).then_some(tx)
    };
    let first = until(&oracle, "an included transaction", included).await;
    ground.devnet().reorg(1).await.unwrap();
    assert!(
        initiated(&ground).await.is_empty(),
        "the reorganisation dropped it"
    );
    ground.resume();
    case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    assert_eq!(initiated(&ground).await, [1]);
    let last = oracle.handle.snapshots.borrow().transactions.clone();
    assert_eq!(last.len(), 1);
    assert_eq!(
        last[0].hashes, first.hashes,
        "the very same bytes were sent again"
    );
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_as_oracle_and_an_empty_account_block_approval() {
    let ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(false).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;

    let real = ground.devnet().addresses().oracle;
    ground
        .devnet()
        .set_oracle(alloy::primitives::Address::repeat_byte(9))
        .await
        .unwrap();
    ground.devnet().fund(real, 0).await.unwrap();
    let blocked = until(&oracle, "failed checks", |s| {
        let action = s.actions.iter().find(|a| a.kind == "send-deposit")?;
        let failed: Vec<_> = action
            .checks_with(CheckStatus::Fail)
            .map(|c| c.name.clone())
            .collect();
        let wanted = ["oracle-authorised", "simulation", "balance"];
        wanted
            .iter()
            .all(|w| failed.iter().any(|f| f == w))
            .then(|| action.clone())
    })
    .await;
    let refused = approve(&oracle, &blocked).await.unwrap_err();
    assert!(refused.to_string().contains("oracle-authorised"), "{refused}");
    assert!(initiated(&ground).await.is_empty());

    ground.devnet().set_oracle(real).await.unwrap();
    ground.devnet().fund(real, 5).await.unwrap();
    drive(&oracle, "deposit/1").await;
    assert_eq!(
        ground
            .devnet()
            .manager()
            .getPendingPoolIds()
            .call()
            .await
            .unwrap(),
        [PoolId(1).0]
    );
    stop(oracle).await;
    ground.end().await;
}

alloy::sol! {
    /// Ethereum's deposit contract.
    interface Deposits {
        function deposit(bytes pubkey, bytes withdrawal_credentials, bytes signature, bytes32 deposit_data_root) external payable;
    }
}

/// Somebody deposits one ether for this key to themselves: whose credentials come first, those count for all that follows.
async fn deposit_for_oneself(ground: &Ground, key: BlsPublicKey) {
    let (credentials, signature) = (Root([0x01; 32]), BlsSignature([0x0c; 96]));
    let call = Deposits::depositCall {
        pubkey: Bytes::copy_from_slice(&key.0),
        withdrawal_credentials: Bytes::copy_from_slice(&credentials.0),
        signature: Bytes::copy_from_slice(&signature.0),
        deposit_data_root: deposit_data_root(&key, &credentials, 1_000_000_000, &signature)
            .0
            .into(),
    };
    let (from, to) = (
        ground.devnet().accounts().staker,
        ground.devnet().addresses().deposit_contract,
    );
    let ether = U256::from(10).pow(U256::from(18));
    ground
        .devnet()
        .send_as(from, to, ether, call.abi_encode())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_somebody_deposited_for_meanwhile_takes_no_money_of_ours() {
    let ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(false).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    let key = until(&oracle, "the key", |s| s.cases.first()?.validator).await;
    deposit_for_oneself(&ground, key).await;
    let blocked = until(&oracle, "the check that finds it", |s| {
        let action = s.actions.iter().find(|a| a.kind == "send-deposit")?;
        let found = action
            .checks_with(CheckStatus::Fail)
            .any(|c| c.name == "key-not-deposited");
        found.then(|| action.clone())
    })
    .await;
    let refused = approve(&oracle, &blocked).await.unwrap_err();
    assert!(refused.to_string().contains("key-not-deposited"), "{refused}");
    assert!(initiated(&ground).await.is_empty());
    stop(oracle).await;
    ground.end().await;
}
