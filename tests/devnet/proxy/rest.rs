//! What is wrong with the answers of beacon nodes, the SSV API and messengers, before the development beacon and tiny
//! servers.

use casimir_dkg::devnet::beacon::interop_secret;
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Scenario, Switch, Variables};
use serde_json::{Value, json};

use super::super::beacon::{EXITS, capella, exit, manual};
use super::{Server, get, get_json, proxy, ruled, said, struck_once};

async fn before(beacon: &casimir_dkg::devnet::beacon::DevBeacon, rule: &str) -> (FaultProxy, String) {
    let text = format!("[[rule]]\nname = \"r\"\nat = \"beacon\"\n{rule}");
    let proxy = proxy(Kind::Beacon, &[&beacon.url()], &text).await;
    let url = proxy.url("beacon.0").unwrap();
    (proxy, url)
}

#[tokio::test]
async fn a_beacon_node_is_of_another_chain_or_time() {
    let beacon = manual().await;
    let honest = get_json(&format!("{}/eth/v1/beacon/genesis", beacon.url())).await;
    let (proxy, url) = before(&beacon, "does = { fault = \"genesis\" }").await;
    let lie = get_json(&format!("{url}/eth/v1/beacon/genesis")).await;
    assert_eq!(
        lie["data"]["genesis_validators_root"],
        format!("0x{}", "66".repeat(32))
    );
    assert_eq!(lie["data"]["genesis_time"], honest["data"]["genesis_time"]);
    struck_once(
        &proxy,
        "GET /eth/v1/beacon/genesis",
        "claimed genesis validators root",
    );

    let (_proxy, url) = before(&beacon, "does = { fault = \"clock\", shift = \"-25 h\" }").await;
    let lie = get_json(&format!("{url}/eth/v1/beacon/genesis")).await;
    let time = |genesis: &Value| {
        genesis["data"]["genesis_time"]
            .as_str()
            .unwrap()
            .parse::<i64>()
            .unwrap()
    };
    assert_eq!(time(&lie), time(&honest) - 90_000);
}

#[tokio::test]
async fn a_beacon_node_is_syncing_or_optimistic() {
    let beacon = manual().await;
    beacon.advance_slots(50).await;
    let (_proxy, url) = before(&beacon, "does = { fault = \"syncing\", behind = 20 }").await;
    let syncing = get_json(&format!("{url}/eth/v1/node/syncing")).await;
    assert_eq!(syncing["data"]["is_syncing"], true);
    assert_eq!(
        (&syncing["data"]["head_slot"], &syncing["data"]["sync_distance"]),
        (&json!("30"), &json!("20"))
    );
    assert_eq!(get(&format!("{url}/eth/v1/node/health")).await.0, 206);
    assert_eq!(get(&format!("{url}/eth/v1/node/version")).await.0, 200);

    let (proxy, url) = before(&beacon, "does = { fault = \"optimistic\" }").await;
    let syncing = get_json(&format!("{url}/eth/v1/node/syncing")).await;
    assert_eq!(
        (&syncing["data"]["is_syncing"], &syncing["data"]["is_optimistic"]),
        (&json!(false), &json!(true))
    );
    let one = get_json(&format!("{url}/eth/v1/beacon/states/head/validators/0")).await;
    assert_eq!(one["execution_optimistic"], true);
    get_json(&format!("{url}/eth/v1/config/spec")).await;
    assert_eq!(proxy.log().len(), 2, "what says nothing of it is left alone");
}

#[tokio::test]
async fn answers_are_missing_below_a_path_only() {
    let beacon = manual().await;
    beacon.advance_epochs(3).await;
    let variables = Variables::new();
    let proxy = proxy(Kind::Beacon, &[&beacon.url()], "").await;
    proxy
        .load(Scenario::shipped("beacon-answers-404-below-states", &variables).unwrap())
        .unwrap();
    proxy
        .switch("beacon-answers-404-below-states", Switch::On)
        .unwrap();
    let url = proxy.url("beacon.0").unwrap();
    let key = interop_secret(5).public_key();
    assert_eq!(
        get(&format!("{url}/eth/v1/beacon/states/head/validators/{key}"))
            .await
            .0,
        404
    );
    assert_eq!(
        get(&format!("{url}/eth/v1/beacon/states/head/validators?id=5&id=6"))
            .await
            .0,
        404
    );
    assert_eq!(get(&format!("{url}/eth/v1/beacon/genesis")).await.0, 200);
    proxy
        .switch("beacon-answers-404-below-states", Switch::Off)
        .unwrap();
    assert_eq!(
        get(&format!("{url}/eth/v1/beacon/states/head/validators/{key}"))
            .await
            .0,
        200
    );
    // what is sent passes as well
    let wish = exit(&beacon, &interop_secret(5), 5, 3, capella());
    let sent = super::client()
        .post(format!("{url}{EXITS}"))
        .json(&wish)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(beacon.pool().len(), 1);
}

#[tokio::test]
async fn one_of_two_endpoints_before_one_node_lies() {
    let beacon = manual().await;
    let rule = "[[rule]]\nname = \"r\"\nat = \"beacon.1\"\npath = \"/eth/v1/beacon/states/*/validators\"\n\
        does = { fault = \"rewrite\", set = { \"/data\" = [] } }";
    let proxy = proxy(Kind::Beacon, &[&beacon.url(), &beacon.url(), &beacon.url()], rule).await;
    let mut told = Vec::new();
    for n in 0..3 {
        let url = proxy.url(&format!("beacon.{n}")).unwrap();
        let list = get_json(&format!("{url}/eth/v1/beacon/states/head/validators")).await;
        told.push(list["data"].as_array().unwrap().len());
    }
    assert_eq!(told, [16, 0, 16]);
    assert_eq!(proxy.log()[0].target, "beacon.1");
    struck_once(
        &proxy,
        "GET /eth/v1/beacon/states/head/validators",
        "said /data is []",
    );
}

#[tokio::test]
async fn every_entry_of_a_list_is_rewritten() {
    let beacon = manual().await;
    let rule = "path = \"/eth/v1/beacon/states/*/validators\"\n\
        does = { fault = \"rewrite\", set = { \"/data/*/status\" = \"exited_slashed\" }, remove = [\"/finalized\"] }";
    let (_proxy, url) = before(&beacon, rule).await;
    let list = get_json(&format!("{url}/eth/v1/beacon/states/head/validators")).await;
    let statuses = list["data"].as_array().unwrap();
    assert!(
        statuses
            .iter()
            .all(|validator| validator["status"] == "exited_slashed")
    );
    assert!(list.get("finalized").is_none());
}

#[tokio::test]
async fn the_ssv_api_answers_about_another_operator_or_not_at_all() {
    let server = Server::saying(json!({"id": 7, "public_key": "cGVt", "status": "Active"})).await;
    let rule = "path = \"/api/v4/*/operators/*\"\ndoes = { fault = \"rewrite\", set = { \"/id\" = 99 } }";
    let proxy = ruled(Kind::SsvApi, &server, rule).await;
    let url = proxy.url("ssv-api.0").unwrap();
    assert_eq!(
        get_json(&format!("{url}/api/v4/hoodi/operators/7")).await["id"],
        99
    );
    assert_eq!(get_json(&format!("{url}/api/v4/hoodi/clusters/7")).await["id"], 7);

    let rule = "path = \"/**\"\ndoes = { fault = \"answer\", error = { code = 5, message = \"not found\" } }";
    let proxy = ruled(Kind::SsvApi, &server, rule).await;
    let url = proxy.url("ssv-api.0").unwrap();
    assert_eq!(
        get_json(&format!("{url}/x")).await,
        json!({"code": 5, "message": "not found"})
    );
    assert_eq!(said(&proxy).len(), 1);
}

#[tokio::test]
async fn a_messenger_loses_messages() {
    let server = Server::saying(json!({"error": "", "message": "published"})).await;
    let rule = "http = \"POST\"\npath = \"/publish\"\nwhen = { every = 2, from_call = 2 }\n\
        does = { fault = \"status\", code = 200, body = { error = \"\", message = \"published\" } }";
    let proxy = ruled(Kind::Messenger, &server, rule).await;
    let url = proxy.url("messenger.0").unwrap();
    for n in 0..6 {
        let call = super::client()
            .post(format!("{url}/publish?topic_name={n}"))
            .body("{}");
        assert_eq!(
            call.send().await.unwrap().json::<Value>().await.unwrap()["message"],
            "published"
        );
    }
    let asked = server.asked();
    assert_eq!(
        asked,
        [
            "POST /publish?topic_name=0",
            "POST /publish?topic_name=2",
            "POST /publish?topic_name=4"
        ]
    );
}
