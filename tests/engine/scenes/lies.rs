//! One of two, and one of three endpoints lies: nothing of it is believed, what is true is found, and the liar is named.

use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::oracle::ActionKind;

use super::program::Form;
use super::stage::{PAIR, Set, Stage};
use super::{Ground, each, with_beacon};

/// The contract's state, or a second endpoint, knows better.
pub(super) const LIES: &[&str] = &[
    "execution-answers-nothing",
    "execution-claims-there-is-no-code",
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

async fn lie(ground: &Ground, name: &str, voices: usize, form: Form) {
    let set = Set {
        execution: voices,
        ..PAIR
    };
    let stage = Stage::set(ground, name, set, None).await;
    stage.switch(Switch::On);
    let program = stage.program(form, "supervised", |_| ()).await;
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
