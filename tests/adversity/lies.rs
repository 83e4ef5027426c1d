//! One of two, and one of three endpoints lies: nothing of it is believed, what is true is found, and the liar is named.

use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::CheckStatus;
use casimir_dkg::view::{ActionView, CaseView, TransactionState};

use super::program::{Form, Program};
use super::stage::{PAIR, Set, Stage};
use super::{Ground, each, with_beacon};
use crate::engine::deposits::initiated;

/// The contract's state, or a second endpoint, knows better.
pub(super) const LIES: &[&str] = &[
    "execution-answers-nothing",
    "execution-claims-there-is-no-code",
    "head-called-final",
    "head-claimed-1000-blocks-ahead",
    "head-claimed-in-eternity",
    "log-added-deposit-initiated",
    "log-added-deposit-initiated-with-receipts",
    "log-added-deposit-requested",
    "log-added-validator-added",
    "log-altered",
    "log-left-out",
    "log-marked-as-removed",
    "log-told-twice",
    "ready-queue-altered",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_among_two_and_among_three_is_not_believed_and_named() {
    let ground = Ground::start(with_beacon()).await;
    for _ in 1..=2 {
        ground.devnet().deposit_pool(1).await.unwrap();
    }
    let among = [(2, Form::Text), (3, Form::Json)];
    let scenes = LIES
        .iter()
        .flat_map(|name| among.map(|(voices, form)| (*name, voices, form)));
    each(scenes, |(name, voices, form)| lie(&ground, name, voices, form)).await;
    ground.end().await;
}

/// Of two endpoints neither can be believed.
pub(super) const FINALS: &[&str] = &["final-block-forged"];

#[tokio::test(flavor = "multi_thread")]
async fn who_tells_another_final_block_is_named_and_nothing_is_begun_on_it() {
    let ground = Ground::start(with_beacon()).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let among = [(2, Form::Text), (3, Form::Json)];
    let scenes = FINALS
        .iter()
        .flat_map(|name| among.map(|(voices, form)| (*name, voices, form)));
    each(scenes, |(name, voices, form)| {
        final_lie(&ground, name, voices, form)
    })
    .await;
    ground.end().await;
}

/// So many more are seen before it is said what has not begun.
const BLOCKS_OF_A_LIE: u64 = 6;

/// A program that hears the lie from its start on, from one of so many endpoints.
async fn lied_to<'a>(ground: &'a Ground, name: &str, voices: usize, form: Form) -> (Stage<'a>, Program) {
    let set = Set {
        execution: voices,
        ..PAIR
    };
    let stage = Stage::set(ground, name, set, None).await;
    stage.switch(Switch::On);
    // nobody is silent because the machine is busy: where the liar is, the other one is believed
    let patient = |config: &mut toml::Table| {
        config["rpc"]["timeout"] = "30s".into();
    };
    let program = stage.program(form, "supervised", patient).await;
    (stage, program)
}

async fn final_lie(ground: &Ground, name: &str, voices: usize, form: Form) {
    let (stage, program) = lied_to(ground, name, voices, form).await;
    stage.ends(&program).await;
    assert!(stage.strikes() > 0, "{name}: nothing was told");
    match voices {
        2 => {
            let told = ground.devnet().block_number().await.unwrap();
            // at one look both may have told the same block, because what is final moved on in between: what is proposed then
            // cannot be approved
            let is_held = |action: &ActionView| {
                let of_endpoints = action.checks.iter().find(|check| check.name == "endpoints-agree");
                of_endpoints.is_some_and(|check| check.status == CheckStatus::Fail)
            };
            program
                .until("blocks under the lie, and nothing that can be approved", |s| {
                    let is_late = s
                        .chain
                        .head
                        .is_some_and(|head| head.number > told + BLOCKS_OF_A_LIE);
                    (is_late && s.actions.iter().all(is_held)).then_some(())
                })
                .await;
            stage.switch(Switch::Off);
        }
        _ => {
            let forged = "0xee".to_owned() + &"ee".repeat(31);
            let last = program.until("a final block", |s| s.chain.finalized).await;
            assert_ne!(last.hash.to_string(), forged, "{name}");
        }
    }
    program.proposed("deposit/1", ActionKind::Keygen).await;
    program.end().await;
}

async fn lie(ground: &Ground, name: &str, voices: usize, form: Form) {
    let (stage, program) = lied_to(ground, name, voices, form).await;
    for case in ["deposit/1", "deposit/2"] {
        program.proposed(case, ActionKind::Keygen).await;
    }
    stage.ends(&program).await;
    assert!(stage.strikes() > 0, "{name}: nothing was told");
    let true_head = ground.devnet().block_number().await.unwrap();
    let cursor = program
        .until("what is read", |s| {
            s.chain.cursor.filter(|cursor| cursor.number > 6)
        })
        .await;
    assert!(
        cursor.number <= true_head + 16,
        "{name}: read up to {}",
        cursor.number
    );
    let snapshot = program.snapshot();
    let mut cases: Vec<String> = snapshot.cases.iter().map(|case| case.id.to_string()).collect();
    cases.sort_unstable();
    assert_eq!(cases, ["deposit/1", "deposit/2"], "{name}\n{}", program.picture());
    assert!(snapshot.cases.iter().all(|case| !case.is_over()), "{name}");
    program.end().await;
}

/// Long enough for a lie to be told before it ends.
const WINDOW: &str = "10s";

/// One after the other: they share one account.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_outlives_a_lie_that_is_told_when_it_would_leave() {
    let ground = Ground::start(with_beacon()).await;
    // whoever lies says that the other one is at the head
    for _ in 1..=2 {
        ground.devnet().deposit_pool(1).await.unwrap();
    }
    lie_at_the_last_checks(&ground, 3).await;
    ground.end().await;
    let ground = Ground::start(with_beacon()).await;
    for _ in 1..=2 {
        ground.devnet().deposit_pool(1).await.unwrap();
    }
    lie_at_the_last_checks(&ground, 2).await;
    ground.end().await;
}

async fn lie_at_the_last_checks(ground: &Ground, voices: usize) {
    let set = Set {
        execution: voices,
        ..PAIR
    };
    let stage = Stage::set(ground, "ready-queue-altered", set, None).await;
    let window = |config: &mut toml::Table| {
        let undo: toml::Table =
            format!("[[policy.undo]]\nkinds = [\"send-deposit\"]\nwindow = \"{WINDOW}\"\n")
                .parse()
                .unwrap();
        let policy = config
            .entry("policy")
            .or_insert_with(|| toml::Table::new().into());
        let policy = policy.as_table_mut().unwrap();
        policy.insert("undo".to_owned(), undo["policy"]["undo"].clone());
    };
    let program = stage.program(Form::Text, "supervised", window).await;
    program.approve_next("deposit/1", ActionKind::Keygen).await;
    program.approve_next("deposit/1", ActionKind::SendDeposit).await;
    let sends = |a: &&ActionView| a.kind == ActionKind::SendDeposit.to_string() && a.undo.is_some();
    let approved = program
        .until("its approval", |s| s.actions.iter().find(sends).map(|a| a.id))
        .await;
    stage.switch(Switch::On);
    program
        .until("an approval that is held, and why", |s| {
            let of_case = |case: &&CaseView| case.id == approved.case;
            let case = s.cases.iter().find(of_case)?;
            let is_held = case.sentence.as_str().contains("it leaves when");
            is_held.then_some(())
        })
        .await;
    assert!(initiated(ground).await.is_empty(), "{voices}: it left on a lie");
    stage.switch(Switch::Off);
    program
        .until("what was approved, and no other, in a block", |s| {
            let transaction = s.transactions.iter().find(|t| t.action == approved)?;
            matches!(
                transaction.state,
                TransactionState::Included { .. } | TransactionState::Final { .. }
            )
            .then_some(())
        })
        .await;
    assert_eq!(initiated(ground).await, [1], "{voices}");
    program.end().await;
}
