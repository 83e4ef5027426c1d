//! A journal with approvals and signed bytes in it, taken up in mode observe: nothing leaves until somebody may act again.

use casimir_dkg::engine::service::Running;
use casimir_dkg::journal::{Anchor, Journal, JournalError, JournalOptions, NewRecord};
use casimir_dkg::oracle::{ActionKind, Record};
use casimir_dkg::types::UnixMillis;
use casimir_dkg::view::{ActionState, CaseStatus, Request, Scope, TransactionState};

use super::deposits::initiated;
use super::support::{
    Ground, approve_next, case_is, four_operators, person, records_of, seat, stop, until, waiting,
};

/// Until the case says `words`, and eight blocks longer.
async fn says_for_a_while(oracle: &Running, words: &str) {
    let head = until(oracle, words, |s| {
        let case = s.cases.first()?;
        case.sentence.as_str().contains(words).then_some(s.chain.head)?
    })
    .await;
    until(oracle, "eight more blocks", |s| {
        s.chain.head.filter(|h| h.number > head.number + 8)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_or_signed_stays_here_in_mode_observe() {
    let mut ground = Ground::start(four_operators()).await;
    let oracle = ground.oracle(false).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
    // an approval that a pause holds; with the pause gone only the mode can hold it
    let pause = Request::Pause { scope: Scope::All };
    seat(&oracle).request(pause).await.unwrap();
    let keygen = approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    stop(oracle).await;
    let resumed = Record::Resumed {
        case: None,
        by: person(),
    };
    let options = JournalOptions::at(ground.journal());
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    let row = NewRecord {
        at: UnixMillis::now(),
        kind: resumed.kind(),
        body: serde_json::to_string(&resumed).unwrap(),
        subjects: Vec::new(),
    };
    journal.take_up_key().unwrap();
    journal.append(&[row]).unwrap();
    drop(journal);

    let observer = ground.observer().await;
    says_for_a_while(&observer, "mode observe lets nothing leave").await;
    let snapshot = observer.handle.snapshots.borrow().clone();
    assert!(snapshot.ceremonies.is_empty(), "a ceremony was started");
    let held = snapshot.actions.iter().find(|a| a.id == keygen.id).unwrap();
    assert_eq!(held.state, ActionState::Approved);
    stop(observer).await;
    assert!(records_of(&ground.journal(), "ceremony-started").is_empty());

    // who may act goes on from the very approval
    let oracle = ground.oracle(false).await;
    waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    ground.halt();
    approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    let pending = until(&oracle, "a pending transaction", |s| {
        let tx = s.transactions.first()?;
        (tx.state == TransactionState::Pending).then(|| tx.clone())
    })
    .await;
    stop(oracle).await;
    // the node forgets what it had
    ground
        .devnet()
        .rpc::<()>("anvil_dropAllTransactions", ())
        .await
        .unwrap();
    ground.resume();

    let observer = ground.observer().await;
    says_for_a_while(&observer, "mode observe does not send it").await;
    assert!(initiated(&ground).await.is_empty(), "an observer sent it");
    stop(observer).await;

    let oracle = ground.oracle(false).await;
    case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    assert_eq!(initiated(&ground).await, [1]);
    let sent = oracle.handle.snapshots.borrow().transactions.clone();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].hashes, pending.hashes, "the very same bytes were sent");
    stop(oracle).await;
    ground.end().await;
}
