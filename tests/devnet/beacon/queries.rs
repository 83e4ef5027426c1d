//! Questions about validators and the chain's constants.

use casimir_dkg::devnet::beacon::{ClientFamily, interop_secret};
use serde_json::{Value, json};

use super::{get, manual, post};

fn indices(body: &Value) -> Vec<&str> {
    let list = body["data"].as_array().unwrap();
    list.iter()
        .map(|entry| entry["index"].as_str().unwrap())
        .collect()
}

const LIST: &str = "/eth/v1/beacon/states/head/validators";

#[tokio::test]
async fn a_validator_is_found_by_index_and_by_key() {
    let beacon = manual().await;
    let key = interop_secret(7).public_key();
    for id in ["7".to_owned(), key.to_string()] {
        let (status, body) = get(&beacon, &format!("{LIST}/{id}")).await;
        assert_eq!(status, 200);
        assert_eq!(body["data"]["index"], "7");
        assert_eq!(body["data"]["status"], "active_ongoing");
        assert_eq!(body["data"]["validator"]["pubkey"], key.to_string());
        assert_eq!(body["data"]["validator"]["exit_epoch"], u64::MAX.to_string());
    }
    let unknown = casimir_dkg::types::BlsPublicKey([1; 48]);
    assert_eq!(get(&beacon, &format!("{LIST}/{unknown}")).await.0, 404);
    assert_eq!(get(&beacon, &format!("{LIST}/99")).await.0, 404);
    assert_eq!(get(&beacon, &format!("{LIST}/0x12")).await.0, 400);
    assert_eq!(get(&beacon, "/eth/v1/beacon/states/12/validators/0").await.0, 404);
    beacon.faults(|faults| faults.family = ClientFamily::Lodestar);
    let (status, body) = get(&beacon, &format!("{LIST}/0x12")).await;
    assert_eq!((status, body["statusCode"].as_u64()), (404, Some(404)));
    assert_eq!(body["message"], "Validator pubkey not found in state");
    let (_, body) = get(&beacon, &format!("{LIST}/99")).await;
    assert_eq!(body["message"], "Validator index from future state");
}

#[tokio::test]
async fn lists_are_filtered_by_id_and_status() {
    let beacon = manual().await;
    let (_, body) = get(&beacon, LIST).await;
    assert_eq!(indices(&body).len(), 16);
    let (_, body) = get(&beacon, &format!("{LIST}?id=3&id=0&id=99")).await;
    assert_eq!(indices(&body), ["0", "3"]);
    let (_, body) = get(&beacon, &format!("{LIST}?id=3,4")).await;
    assert_eq!(indices(&body), ["3", "4"]);
    beacon.slash(&interop_secret(4).public_key());
    let (_, body) = get(&beacon, &format!("{LIST}?status=active_slashed")).await;
    assert_eq!(indices(&body), ["4"]);
    let (_, body) = get(&beacon, &format!("{LIST}?id=3&id=4&status=active_ongoing")).await;
    assert_eq!(indices(&body), ["3"]);
    let (_, body) = get(&beacon, &format!("{LIST}?id=3&id=4&status=active")).await;
    assert_eq!(indices(&body), ["3", "4"]);
    let wish = json!({"ids": ["3", interop_secret(5).public_key()], "statuses": ["active_ongoing"]});
    let (_, body) = post(&beacon, LIST, &wish).await;
    assert_eq!(indices(&body), ["3", "5"]);
    // Lodestar 1.5.1 takes a list with commas for one id that nobody has
    beacon.faults(|faults| faults.family = ClientFamily::Lodestar);
    let (status, body) = get(&beacon, &format!("{LIST}?id=3,4")).await;
    assert_eq!((status, indices(&body).len()), (200, 0));
}

#[tokio::test]
async fn the_chain_tells_its_constants() {
    let beacon = manual().await;
    let (_, spec) = get(&beacon, "/eth/v1/config/spec").await;
    assert_eq!(spec["data"]["GENESIS_FORK_VERSION"], "0x00000001");
    assert_eq!(spec["data"]["CAPELLA_FORK_VERSION"], "0x03000001");
    assert_eq!(spec["data"]["SHARD_COMMITTEE_PERIOD"], "2");
    assert!(spec["data"].as_object().unwrap().values().all(Value::is_string));
    let (_, forks) = get(&beacon, "/eth/v1/config/fork_schedule").await;
    let newest = forks["data"].as_array().unwrap().last().unwrap();
    assert_eq!(newest["current_version"], "0x05000001");
    assert_eq!(newest["previous_version"], "0x04000001");
    let (_, genesis) = get(&beacon, "/eth/v1/beacon/genesis").await;
    assert_eq!(genesis["data"]["genesis_fork_version"], "0x00000001");
    beacon.faults(|faults| faults.family = ClientFamily::Lodestar);
    let (_, genesis) = get(&beacon, "/eth/v1/beacon/genesis").await;
    assert_eq!(genesis["data"]["genesis_fork_version"], "0x03000001");
    let (_, contract) = get(&beacon, "/eth/v1/config/deposit_contract").await;
    assert_eq!(contract["data"]["chain_id"], "31337");
    assert_eq!(get(&beacon, "/eth/v1/nothing").await.0, 404);
}

#[tokio::test]
async fn headers_and_finality_follow_the_slots() {
    let beacon = manual().await;
    beacon.advance_epochs(5).await;
    let (_, head) = get(&beacon, "/eth/v1/beacon/headers/head").await;
    assert_eq!(head["data"]["header"]["message"]["slot"], "20");
    let root = head["data"]["root"].as_str().unwrap().to_owned();
    let (_, by_root) = get(&beacon, &format!("/eth/v1/beacon/headers/{root}")).await;
    assert_eq!(by_root["data"], head["data"]);
    let (_, before) = get(&beacon, "/eth/v1/beacon/headers/19").await;
    let parent = &head["data"]["header"]["message"]["parent_root"];
    assert_eq!(&before["data"]["root"], parent);
    assert_eq!(get(&beacon, "/eth/v1/beacon/headers/21").await.0, 404);
    let (_, finality) = get(&beacon, "/eth/v1/beacon/states/head/finality_checkpoints").await;
    assert_eq!(finality["data"]["finalized"]["epoch"], "3");
    let (_, fork) = get(&beacon, "/eth/v1/beacon/states/head/fork").await;
    assert_eq!(fork["data"]["current_version"], "0x05000001");
}
