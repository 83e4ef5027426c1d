//! Somebody else sends from the oracle's account.

use std::time::Duration;

use alloy::primitives::{B256, Bytes, U64, U256};
use casimir_dkg::engine::service::Running;
use casimir_dkg::tx::UnsignedTransaction;
use casimir_dkg::view::{Request, Scope};

use super::deposits::initiated;
use super::support::{Ground, drive, four_operators, records_of, seat, stop, until};

/// Another program with the same key sends something of its own, and it is mined.
async fn stranger(ground: &Ground, nonce: u64) {
    let from = ground.devnet().addresses().oracle;
    let draft = UnsignedTransaction {
        chain_id: 31_337,
        from,
        to: from,
        value_wei: U256::ZERO,
        data: Bytes::new(),
        nonce,
        gas_limit: 21_000,
        max_fee_wei: 50_000_000_000,
        priority_fee_wei: 2_000_000_000,
    };
    let signed = draft.sign(&ground.signer()).await.unwrap();
    ground
        .devnet()
        .rpc::<B256>("eth_sendRawTransaction", (&signed.raw,))
        .await
        .unwrap();
    loop {
        let next: U64 = ground
            .devnet()
            .rpc("eth_getTransactionCount", (from, "latest"))
            .await
            .unwrap();
        if next > U64::from(nonce) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn account_was_read(oracle: &Running) {
    until(oracle, "the account", |s| s.signer.balance_wei).await;
}

async fn paused_by_the_engine(oracle: &Running, words: &str) {
    until(oracle, "a pause", |s| {
        let pause = s.paused.as_ref()?;
        pause.by.as_str().contains(words).then_some(())
    })
    .await;
}

async fn resume(oracle: &Running) {
    let request = Request::Resume { scope: Scope::All };
    seat(oracle).request(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_the_oracle_is_down_pauses_it_until_a_person_has_looked() {
    let ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(true).await;
    account_was_read(&oracle).await;
    stop(oracle).await;
    stranger(&ground, 0).await;

    let oracle = ground.oracle(true).await;
    paused_by_the_engine(&oracle, "nonce 0 of the oracle account").await;
    stop(oracle).await;
    // the pause is journaled: nothing is done under it, after a restart neither
    ground.devnet().deposit_pool(1).await.unwrap();
    let oracle = ground.oracle(true).await;
    account_was_read(&oracle).await;
    let head = ground.devnet().block_number().await.unwrap();
    until(&oracle, "eight more blocks", |s| {
        s.chain.head.filter(|h| h.number > head + 8)
    })
    .await;
    assert!(oracle.handle.snapshots.borrow().paused.is_some());
    assert!(records_of(&ground.journal(), "ceremony-started").is_empty());

    resume(&oracle).await;
    // without a beacon node no rule deposits
    drive(&oracle, "deposit/1").await;
    assert_eq!(initiated(&ground).await, [1]);
    stop(oracle).await;
    // that a person has looked is journaled too; at what comes after it nobody has
    let oracle = ground.oracle(true).await;
    account_was_read(&oracle).await;
    assert!(oracle.handle.snapshots.borrow().paused.is_none());
    stranger(&ground, 2).await;
    paused_by_the_engine(&oracle, "nonce 2 of the oracle account").await;
    stop(oracle).await;
    assert_eq!(records_of(&ground.journal(), "account-accepted").len(), 1);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_journal_for_an_account_with_a_past_sends_nothing_before_a_person_adopts_it() {
    let ground = Ground::start(four_operators()).await;
    // an old oracle's, or that of a journal elsewhere
    stranger(&ground, 0).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let oracle = ground.oracle(true).await;
    let alarm = until(&oracle, "why and how", |s| {
        let says = |alarm: &&casimir_dkg::types::SafeText| alarm.as_str().contains("casimir-dkg adopt 0x");
        s.alarms.iter().find(says).cloned()
    })
    .await;
    assert!(alarm.as_str().contains("1 transaction "), "{alarm}");
    let head = ground.devnet().block_number().await.unwrap();
    until(&oracle, "eight more blocks", |s| {
        s.chain.head.filter(|h| h.number > head + 8)
    })
    .await;
    assert!(records_of(&ground.journal(), "ceremony-started").is_empty());

    let account = ground.devnet().addresses().oracle;
    seat(&oracle).request(Request::Adopt { account }).await.unwrap();
    drive(&oracle, "deposit/1").await;
    assert_eq!(initiated(&ground).await, [1]);
    until(&oracle, "no such alarm", |s| {
        s.signer.unadopted.is_none().then_some(())
    })
    .await;
    stop(oracle).await;
    assert_eq!(records_of(&ground.journal(), "account-adopted").len(), 1);
    ground.end().await;
}
