//! Scripted faults.

use std::time::{Duration, Instant};

use casimir_dkg::devnet::beacon::{ExitProblem, Status, VERSION, interop_secret};
use casimir_dkg::types::Root;

use super::{EXITS, capella, exit, get, manual, post};

#[tokio::test]
async fn it_says_that_it_is_simulated() {
    let beacon = manual().await;
    let (_, version) = get(&beacon, "/eth/v1/node/version").await;
    assert_eq!(version["data"]["version"], VERSION);
    assert!(VERSION.starts_with("casimir-dkg development beacon (simulated)"));
}

#[tokio::test]
async fn a_node_can_be_syncing_or_optimistic() {
    let beacon = manual().await;
    assert_eq!(get(&beacon, "/eth/v1/node/health").await.0, 200);
    beacon.advance_slots(200).await;
    beacon.faults(|faults| faults.syncing = true);
    assert_eq!(get(&beacon, "/eth/v1/node/health").await.0, 206);
    let (_, body) = get(&beacon, "/eth/v1/node/syncing").await;
    assert_eq!(body["data"]["is_syncing"], true);
    assert_eq!(body["data"]["sync_distance"], "150");
    assert_eq!(body["data"]["head_slot"], "50");
    beacon.faults(|faults| {
        faults.syncing = false;
        faults.optimistic = true;
    });
    let (_, body) = get(&beacon, "/eth/v1/node/syncing").await;
    assert_eq!(body["data"]["is_optimistic"], true);
    let (_, body) = get(&beacon, "/eth/v1/beacon/states/head/validators/0").await;
    assert_eq!(body["execution_optimistic"], true);
}

#[tokio::test]
async fn a_node_can_drop_an_exit_that_it_accepted() {
    let beacon = manual().await;
    beacon.advance_epochs(3).await;
    beacon.faults(|faults| faults.drop_exits = 1);
    let key = interop_secret(5);
    let wish = exit(&beacon, &key, 5, 3, capella());
    assert_eq!(post(&beacon, EXITS, &wish).await.0, 200);
    beacon.advance_slots(3).await;
    assert_eq!(beacon.status(&key.public_key()), Some(Status::ActiveOngoing));
    // the second time it stays
    assert_eq!(post(&beacon, EXITS, &wish).await.0, 200);
    beacon.advance_slots(1).await;
    assert_eq!(beacon.status(&key.public_key()), Some(Status::ActiveExiting));
}

#[tokio::test]
async fn a_node_can_know_nothing_of_a_validator() {
    let beacon = manual().await;
    beacon.advance_epochs(3).await;
    let key = interop_secret(5);
    let wish = exit(&beacon, &key, 5, 3, capella());
    let validators = "/eth/v1/beacon/states/head/validators";
    let by_key = format!("{validators}/{}", key.public_key());
    let by_index = format!("{validators}/5");
    let listed = async || get(&beacon, validators).await.1["data"].as_array().unwrap().len();
    let all = listed().await;
    beacon.faults(|faults| faults.hidden = Some(key.public_key()));
    for path in [&by_key, &by_index] {
        assert_eq!(get(&beacon, path).await.0, 404, "{path}");
    }
    assert_eq!(listed().await, all - 1);
    let (status, body) = post(&beacon, EXITS, &wish).await;
    assert_eq!(status, 400);
    assert!(
        body["message"].as_str().unwrap().contains("ValidatorUnknown(5)"),
        "{body}"
    );
    beacon.faults(|faults| faults.hidden = None);
    assert_eq!(get(&beacon, &by_key).await.0, 200);
    assert_eq!(post(&beacon, EXITS, &wish).await.0, 200);
}

#[tokio::test]
async fn a_node_can_be_of_another_chain_or_not_there() {
    let beacon = manual().await;
    let other = Root([7; 32]);
    beacon.faults(|faults| faults.other_genesis = Some(other));
    let (_, genesis) = get(&beacon, "/eth/v1/beacon/genesis").await;
    assert_eq!(genesis["data"]["genesis_validators_root"], other.to_string());

    beacon.faults(|faults| faults.unavailable = true);
    assert_eq!(get(&beacon, "/eth/v1/beacon/genesis").await.0, 503);
    beacon.faults(|faults| {
        faults.unavailable = false;
        faults.garbage = true;
    });
    let (status, page) = get(&beacon, "/eth/v1/beacon/genesis").await;
    assert_eq!(status, 200);
    assert!(page.as_str().unwrap().starts_with("<html>"));
    beacon.faults(|faults| {
        faults.garbage = false;
        faults.delay = Duration::from_millis(300);
    });
    let started = Instant::now();
    assert_eq!(get(&beacon, "/eth/v1/beacon/genesis").await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_node_can_refuse_what_is_right_and_a_validator_can_be_slashed() {
    let beacon = manual().await;
    beacon.advance_epochs(3).await;
    beacon.faults(|faults| faults.refuse_exits = Some(ExitProblem::BadSignature { index: 5 }));
    let wish = exit(&beacon, &interop_secret(5), 5, 3, capella());
    assert_eq!(post(&beacon, EXITS, &wish).await.0, 400);
    beacon.faults(|faults| faults.refuse_exits = None);
    let key = interop_secret(5).public_key();
    beacon.slash(&key);
    assert_eq!(beacon.status(&key), Some(Status::ActiveSlashed));
    let (status, body) = post(&beacon, EXITS, &wish).await;
    assert_eq!(status, 400);
    assert!(body.to_string().contains("AlreadyExited"), "{body}");
    beacon.advance_epochs(2).await;
    assert_eq!(beacon.status(&key), Some(Status::ExitedSlashed));
}
