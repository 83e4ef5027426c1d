//! What endpoints do with a transaction: it is in the chain once, whatever they say, and what they say is told.

use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::view::TransactionState;

use super::program::Form;
use super::stage::{PAIR, Stage};
use super::{Ground, with_beacon};
use crate::engine::deposits::initiated;

pub(super) const SENDS: &[&str] = &[
    "chain-id-changes-while-running",
    "execution-claims-an-empty-account",
    "execution-knows-no-receipts",
    "execution-reverts-every-deposit",
    "pool-full-at-the-first-endpoint",
    "pool-full-everywhere",
    "transaction-swallowed",
    "transaction-taken-and-answer-lost",
    "transaction-taken-and-refused",
];

/// One after the other: they share one account.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_sent_once_whatever_the_endpoints_say_to_it() {
    let ground = Ground::start(with_beacon()).await;
    for (n, name) in SENDS.iter().enumerate() {
        let pool = u32::try_from(n).unwrap() + 1;
        send(&ground, name, pool, [Form::Text, Form::Json][n % 2]).await;
    }
    ground.end().await;
}

async fn send(ground: &Ground, name: &str, pool: u32, form: Form) {
    let stage = Stage::set(ground, name, PAIR, None).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let program = stage.program(form, "supervised", |_| ()).await;
    let case = format!("deposit/{pool}");
    if pool > 1 {
        program.adopt().await;
    }
    program.approve_next(&case, ActionKind::Keygen).await;
    program.proposed(&case, ActionKind::SendDeposit).await;
    stage.switch(Switch::On);
    for lever in stage.scenario.levers() {
        stage.proxy.pull(lever).unwrap();
    }
    let blocked = name == "execution-claims-an-empty-account";
    // the simulation is not known then, which is looked at before it is approved
    let disputed = name == "execution-reverts-every-deposit";
    if !blocked && !disputed {
        program.approve_next(&case, ActionKind::SendDeposit).await;
    }
    let done = |state: &TransactionState| {
        matches!(
            state,
            TransactionState::Included { .. } | TransactionState::Final { .. }
        )
    };
    let ends = async {
        stage.ends(&program).await;
        if blocked || name == "pool-full-everywhere" {
            let sent = initiated(ground).await;
            assert_eq!(sent.len() + 1, pool as usize, "{name}: {sent:?}");
            stage.switch(Switch::Off);
        }
        if blocked || disputed {
            program.approve_next(&case, ActionKind::SendDeposit).await;
        }
        program
            .until("the transaction in a block", |s| {
                s.transactions.iter().find(|t| done(&t.state)).cloned()
            })
            .await
    };
    let transaction = tokio::select! {
        transaction = ends => transaction,
        // what the endpoints do may change a check after the approval: then another action asks for a decision
        never = program.approve_again(&case, ActionKind::SendDeposit), if !blocked && !disputed => match never {},
    };
    assert_eq!(transaction.hashes.len(), 1, "{name}: nothing was signed anew");
    let all: Vec<u32> = (1..=pool).collect();
    assert_eq!(initiated(ground).await, all, "{name}");
    if name == "chain-id-changes-while-running" {
        assert_eq!(stage.proxy.calls("execution.0", "eth_sendRawTransaction"), 0);
    }
    program.end().await;
}
