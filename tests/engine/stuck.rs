//! A market that moves beyond the ceiling: before a transaction is sent, and after.

use std::time::Duration;

use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{CheckStatus, RedactedUrl};
use casimir_dkg::view::{CaseStatus, Request, Scope, TransactionState, WaitReason};

use super::deposits::initiated;
use super::support::{
    Ground, approve_next, case_is, drive, four_operators, records_of, seat, stop, until, waiting,
};
use crate::chain::proxy::{Act, Call, Proxy};

/// A node in whose words the base fee is 5,000 gwei. Its pool keeps what pays less, unlike anvil's.
fn dear(call: &Call) -> Act {
    let fee = format!("{:#x}", 5_000_000_000_000u64);
    match call.method.as_str() {
        "eth_getBlockByNumber" | "eth_getBlockByHash" => Act::Change(Box::new(move |mut block| {
            if block.is_object() {
                block["baseFeePerGas"] = fee.clone().into();
            }
            block
        })),
        "eth_feeHistory" => Act::Change(Box::new(move |mut history| {
            let fees = history["baseFeePerGas"].as_array_mut().unwrap();
            fees.iter_mut()
                .for_each(|of_block| *of_block = fee.clone().into());
            history
        })),
        _ => Act::Forward,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_ceiling_a_person_reads_what_each_way_on_costs() {
    let mut ground = Ground::start(four_operators()).await;
    let node = Proxy::start(Some(ground.devnet().http_url()), |_| Act::Forward).await;
    let mut config = ground.config(false);
    config.rpc.urls = vec![RedactedUrl::new(&node.url)];
    config.fees.replace_after = Duration::from_millis(100);
    let oracle = ground.start_engine(config).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    ground.halt();
    approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    until(&oracle, "a pending transaction", |s| {
        s.transactions
            .iter()
            .find(|t| t.state == TransactionState::Pending)
            .cloned()
    })
    .await;
    node.rescript(dear);
    let stuck = until(&oracle, "what each way on costs", |s| {
        let stuck = s.transactions.first()?;
        stuck
            .note
            .as_str()
            .contains("three ways on")
            .then(|| stuck.clone())
    })
    .await;
    let words = stuck.note.as_str();
    for part in [
        "the approved ceiling is",
        "wait, with nothing to press",
        "pause (p)",
        &format!("the very nonce {}", stuck.nonce),
        "an empty transfer to the account itself for about",
    ] {
        assert!(words.contains(part), "{part} is missing: {words}");
    }
    assert_eq!(stuck.hashes.len(), 1, "nothing above the ceiling was signed");
    let sentence = until(&oracle, "the case says so", |s| {
        let case = s.cases.iter().find(|c| c.id == stuck.action.case)?;
        let words = case.sentence.as_str();
        words.contains("three ways on").then(|| words.to_owned())
    })
    .await;
    assert!(sentence.contains("is pending"), "{sentence}");

    node.rescript(|_| Act::Forward);
    ground.resume();
    let case = case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    assert!(
        !case.sentence.as_str().contains("three ways on"),
        "{}",
        case.sentence
    );
    let transaction = oracle.handle.snapshots.borrow().transactions[0].clone();
    assert!(transaction.note.as_str().is_empty(), "{}", transaction.note);
    stop(oracle).await;
    ground.end().await;
}

/// Between the decision and the sending the base fee jumps a thousandfold.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_jumps_after_the_decision_lets_nothing_leave_until_it_is_back() {
    let ground = Ground::start(four_operators()).await;
    let node = Proxy::start(Some(ground.devnet().http_url()), |_| Act::Forward).await;
    let mut config = ground.config(false);
    config.rpc.urls = vec![RedactedUrl::new(&node.url)];
    let oracle = ground.start_engine(config).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    // the pause holds what is approved until the price has moved
    let scope = Scope::All;
    seat(&oracle).request(Request::Pause { scope }).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    node.rescript(dear);
    let scope = Scope::All;
    seat(&oracle).request(Request::Resume { scope }).await.unwrap();
    until(&oracle, "the fee above its ceiling", |s| {
        let send = s.actions.iter().filter(|action| action.kind == "send-deposit");
        let mut failed = send.flat_map(|action| action.checks_with(CheckStatus::Fail));
        failed.find(|check| check.name == "fee-ceiling").cloned()
    })
    .await;
    assert!(records_of(&ground.journal(), "transaction-signed").is_empty());
    node.rescript(|_| Act::Forward);
    drive(&oracle, "deposit/1").await;
    assert_eq!(initiated(&ground).await, [1]);
    assert_eq!(oracle.handle.snapshots.borrow().transactions.len(), 1);
    stop(oracle).await;
    ground.end().await;
}

/// Between the decision and the sending somebody empties the account: nothing leaves, one thing is said, and with money
/// there the deposit is made.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_emptied_after_the_decision_lets_nothing_leave_until_it_is_filled() {
    let ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(false).await;
    let account = ground.devnet().addresses().oracle;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    // the pause holds what is approved until the account is empty
    let scope = Scope::All;
    seat(&oracle).request(Request::Pause { scope }).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    ground.devnet().fund(account, 0).await.unwrap();
    let scope = Scope::All;
    seat(&oracle).request(Request::Resume { scope }).await.unwrap();
    let said = until(&oracle, "that the account is empty", |s| {
        let send = s.actions.iter().filter(|action| action.kind == "send-deposit");
        let mut failed = send.flat_map(|action| action.checks_with(CheckStatus::Fail));
        failed.find(|check| check.name == "balance")?;
        let out = s
            .waits
            .iter()
            .filter(|wait| wait.reason == WaitReason::BalanceOut);
        Some(out.count()).filter(|count| *count > 0)
    })
    .await;
    assert_eq!(said, 1, "it is said once");
    assert!(records_of(&ground.journal(), "transaction-signed").is_empty());
    assert!(initiated(&ground).await.is_empty());

    ground.devnet().fund(account, 5).await.unwrap();
    until(&oracle, "nothing said any more", |s| {
        let out = s.waits.iter().any(|wait| wait.reason == WaitReason::BalanceOut);
        (!out).then_some(())
    })
    .await;
    drive(&oracle, "deposit/1").await;
    assert_eq!(initiated(&ground).await, [1]);
    assert_eq!(oracle.handle.snapshots.borrow().transactions.len(), 1);
    stop(oracle).await;
    ground.end().await;
}
