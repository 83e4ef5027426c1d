//! The undo window on a real network: what a person approved waits, can be taken back from any seat, and leaves at its end.

use std::time::Duration;

use casimir_dkg::config::Config;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::view::{ActionState, Request, WaitReason};

use super::deposits::initiated;
use super::support::{Ground, approve_next, drive, four_operators, seat, stop, until};

/// Long enough for a busy machine to take the approval back in, ended by a restart that sets another one.
const LONG: Duration = Duration::from_secs(600);

fn with_window(ground: &Ground, window: Duration) -> Config {
    let mut config = ground.config(false);
    config.policy.undo.set(ActionKind::SendDeposit, window);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_deposit_waits_and_is_taken_back_or_leaves() {
    let ground = Ground::start(four_operators()).await;
    let oracle = ground.start_engine(with_window(&ground, LONG)).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    let first = until(&oracle, "an open window", |s| {
        let open = s.waits.iter().any(|wait| wait.reason == WaitReason::UndoWindow);
        let action = s
            .actions
            .iter()
            .find(|a| a.undo.is_some_and(|undo| undo.until.is_some()))?;
        open.then(|| action.clone())
    })
    .await;
    assert_eq!(first.state, ActionState::Approved);
    let take_back = Request::TakeBack { action: first.id };
    seat(&oracle).request(take_back.clone()).await.unwrap();
    let again = seat(&oracle).request(take_back).await.unwrap_err().to_string();
    assert!(again.contains("only an approval of what has not left"), "{again}");
    let second = approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    assert_ne!(second.id, first.id);
    until(&oracle, "its window", |s| {
        s.action(second.id)?.undo.and_then(|undo| undo.until)
    })
    .await;
    assert!(initiated(&ground).await.is_empty(), "nothing left");
    stop(oracle).await;

    let oracle = ground
        .start_engine(with_window(&ground, Duration::from_secs(1)))
        .await;
    drive(&oracle, "deposit/1").await;
    assert_eq!(initiated(&ground).await, [1]);
    stop(oracle).await;
    ground.end().await;
}
