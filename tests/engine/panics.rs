//! A panic inside the real binary: a task that somebody answers for costs its case some time, and everything else ends the
//! process, visibly. Nothing is done twice either way.

use casimir_dkg::devnet::contracts::Manager::ManagerEvents;
use casimir_dkg::inject::PANIC_AT;
use casimir_dkg::journal;
use casimir_dkg::types::PoolId;

use super::binary::Binary;
use super::support::{Ground, with_beacon};
use crate::boundaries::{body, check_journal, closed, exiting, exits_without_an_end, finish, served, wait};

/// Texts of all records of a kind that has one.
fn notes(ground: &Ground) -> Vec<String> {
    let (_, entries) = journal::verify(&ground.journal()).unwrap();
    let notes = entries.iter().filter(|e| e.kind == "note");
    notes
        .map(|e| body(e)["text"].as_str().unwrap().to_owned())
        .collect()
}

fn count(ground: &Ground, kind: &str) -> usize {
    let (_, entries) = journal::verify(&ground.journal()).unwrap();
    entries.iter().filter(|e| e.kind == kind).count()
}

async fn each_pool_was_initiated_once(ground: &Ground, pools: usize) {
    let initiated = served(ground, |event| match event {
        ManagerEvents::PoolDepositInitiated(e) => Some(e.poolId),
        _ => None,
    })
    .await;
    assert_eq!(initiated.len(), pools, "{initiated:?}");
    assert!(initiated.values().all(|n| *n == 1), "{initiated:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_whose_task_dies_is_found_out_and_the_rest_goes_on() {
    let effects = [
        "preparation",
        "ceremony",
        "signature",
        "sending",
        "inspection",
        "look-up",
        "publication",
    ];
    let ground = Ground::start(exits_without_an_end()).await;
    // each when its work is done and before anybody knows: the first of its kind, whichever case that is of
    let oracle = Binary::start(&ground, &[(PANIC_AT, &effects.join(","))]);
    ground.devnet().deposit_pool(2).await.unwrap();
    for case in ["deposit/1", "deposit/2"] {
        wait(&ground, case, "with tasks that die", closed).await;
    }
    ground.devnet().report_staked(PoolId(1)).await.unwrap();
    ground.devnet().request_exit(PoolId(1)).await.unwrap();
    wait(&ground, "exit/1", "with tasks that die", exiting).await;

    let (notes, said) = (notes(&ground), oracle.said().join("\n"));
    for effect in effects {
        let died = format!("died at the {effect} for ");
        let told = notes.iter().filter(|text| text.contains(&died)).count();
        assert_eq!(told, 1, "{effect}: {notes:?}");
        assert!(said.contains(&died), "{effect}: {said}");
    }
    assert_eq!(count(&ground, "engine-started"), 1, "it was one process");
    each_pool_was_initiated_once(&ground, 2).await;
    check_journal(&ground);
    drop(oracle);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critical_part_that_dies_ends_the_process_with_its_reason() {
    let ground = Ground::start(with_beacon()).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    for (part, words) in [
        ("feed", "the chain feed died: "),
        ("core", "the engine panicked: "),
    ] {
        let mut oracle = Binary::start(&ground, &[(PANIC_AT, part)]);
        assert_eq!(oracle.ended().await.code(), Some(1), "{part}");
        let reason = format!("{words}{PANIC_AT} says so: {part}");
        oracle.has_said(&reason).await;
        match part {
            // what it had handed over before is there, and why the engine ended
            "feed" => {
                assert_eq!(count(&ground, "case-opened"), 1);
                assert_eq!(notes(&ground), [reason]);
            }
            // it died with a decision made durable, and nothing was begun on it
            _ => {
                assert_eq!(count(&ground, "decided"), 1);
                assert_eq!(count(&ground, "ceremony-started"), 0);
            }
        }
    }
    finish(&ground, "deposit/1", "after both deaths", closed).await;
    assert_eq!(count(&ground, "engine-started"), 3);
    each_pool_was_initiated_once(&ground, 1).await;
    check_journal(&ground);
    ground.end().await;
}
