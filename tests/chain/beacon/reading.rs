//! Validators are read, and nodes that cannot be believed are passed over.

use std::time::Duration;

use axum::http::Uri;
use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::devnet::beacon::{DevBeacon, interop_secret};
use casimir_dkg::ports::Answer;
use casimir_dkg::ports::consensus::{Consensus, NodeState, ValidatorStatus};
use casimir_dkg::types::{BlsPublicKey, RedactedUrl, Root};
use serde_json::json;

use super::stub::{Stub, VALIDATORS, in_sync, record, state_root};
use super::{FAMILIES, beacon, key, node};

#[tokio::test]
async fn validators_are_read_by_key_one_or_many_in_every_familys_manner() {
    for family in FAMILIES {
        let node = node().await;
        node.faults(|f| f.family = family);
        let beacon = beacon(&[&node]);
        let validator = beacon.validator(&key(3)).await.yes().unwrap();
        assert_eq!((validator.index, validator.public_key), (3, key(3)));
        assert_eq!(validator.status, ValidatorStatus::ActiveOngoing);
        assert_eq!(
            (validator.activation_epoch, validator.exit_epoch),
            (Some(0), None)
        );
        let unknown = BlsPublicKey([7; 48]);
        assert_eq!(beacon.validator(&unknown).await.known(), Ok(None), "{family:?}");
        let all = beacon.validators(&[key(1), key(2), unknown]).await;
        let indices: Vec<_> = all
            .into_iter()
            .map(|v| v.known().unwrap().map(|v| v.index))
            .collect();
        assert_eq!(indices, [Some(1), Some(2), None], "{family:?}");
        assert_eq!(beacon.validator_at(5).await.yes().unwrap().public_key, key(5));
        assert_eq!(beacon.validator_at(999).await.known(), Ok(None), "{family:?}");
        assert!(!beacon.forks().await.yes().unwrap().is_empty());
        assert_eq!(beacon.pool_exits().await.yes().unwrap(), []);
    }
}

/// It says that it is in sync, and that its newest slot is one of long ago.
#[tokio::test]
async fn a_node_whose_head_is_old_by_the_clock_is_not_in_sync_whatever_it_says() {
    for (head, state) in [("77", NodeState::Healthy), ("1", NodeState::NotSynced)] {
        let says = move |path: &str| {
            let mut told = in_sync(path)?;
            if path == "/eth/v1/node/syncing" {
                told["data"]["head_slot"] = json!(head);
            }
            Some(told)
        };
        let node = Stub::start(says).await;
        let beacon = Beacon::new(BeaconConfig {
            most_behind: Some(64),
            ..BeaconConfig::new(vec![RedactedUrl::new(&node.url)], None)
        })
        .unwrap();
        // how long a slot takes is known from it
        beacon.rules().await.value().unwrap();
        let health = beacon.check().await;
        assert_eq!(health[0].state, state, "{head}: {health:?}");
        let why = health[0].last_error.as_ref().map(ToString::to_string);
        let says = why.is_some_and(|why| why.contains("far behind by this machine's clock"));
        assert_eq!(says, state == NodeState::NotSynced);
    }
}

#[tokio::test]
async fn a_node_that_lags_fails_or_serves_another_chain_is_passed_over() {
    const HANGS: Duration = Duration::from_secs(3_600);
    type Spoil = fn(&mut casimir_dkg::devnet::beacon::Faults);
    let cases: [(Spoil, NodeState); 6] = [
        (|f| f.syncing = true, NodeState::NotSynced),
        (|f| f.optimistic = true, NodeState::NotSynced),
        (|f| f.unavailable = true, NodeState::Down),
        (|f| f.garbage = true, NodeState::Down),
        (|f| f.delay = HANGS, NodeState::Down),
        (|f| f.other_genesis = Some(Root([9; 32])), NodeState::WrongChain),
    ];
    for (spoil, state) in cases {
        let (good, bad) = (node().await, node().await);
        good.advance_slots(3).await;
        // the good one has this time, too
        let mut deadline = crate::TIMEOUT;
        bad.faults(|f| {
            spoil(f);
            if f.delay == HANGS {
                deadline = Duration::from_secs(3);
            }
        });
        let beacon = Beacon::new(BeaconConfig {
            deadline,
            recheck: Duration::from_secs(60),
            ..BeaconConfig::new(
                vec![RedactedUrl::new(bad.url()), RedactedUrl::new(good.url())],
                Some(good.genesis_validators_root()),
            )
        })
        .unwrap();
        assert!(beacon.validator(&key(0)).await.yes().is_some());
        let health = beacon.health();
        assert_eq!(health[0].state, state, "{health:?}");
        assert_eq!(
            (health[1].state, health[1].head_slot),
            (NodeState::Healthy, Some(3))
        );
        // alone, it is an error that says why
        let alone = super::within(deadline, &[&bad]);
        let alone = alone.validator(&key(0)).await;
        if state != NodeState::WrongChain {
            let why = alone.known().unwrap_err().to_string();
            assert!(why.contains("no beacon node answered"), "{why}");
        }
    }
}

#[tokio::test]
async fn every_node_in_sync_is_asked_for_a_validator() {
    let (knows, lags, syncing, down) = (node().await, node().await, node().await, node().await);
    let nodes = [&lags, &syncing, &down, &knows];
    let beacon = Beacon::new(BeaconConfig::new(
        nodes.map(|n| RedactedUrl::new(n.url())).to_vec(),
        Some(knows.genesis_validators_root()),
    ))
    .unwrap();
    let key = interop_secret(4).public_key();
    lags.faults(|f| f.hidden = Some(key));
    syncing.faults(|f| f.syncing = true);
    down.faults(|f| f.unavailable = true);
    for family in FAMILIES {
        lags.faults(|f| f.family = family);
        let found = beacon.validator_by_each(&key).await;
        let names: Vec<_> = found.iter().map(|voice| voice.node.to_string()).collect();
        assert_eq!(names, nodes.map(DevBeacon::url), "{family:?}");
        // two cannot tell
        let known = found.into_iter().filter_map(|voice| voice.answer.known().ok());
        let indices: Vec<_> = known.map(|v| v.map(|v| v.index)).collect();
        assert_eq!(indices, [None, Some(4)], "{family:?}");
    }
}

/// Hosted nodes want their key in the query of every call.
#[tokio::test]
async fn a_key_in_the_url_of_a_node_is_kept_and_paths_go_before_it() {
    let asked = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let heard = std::sync::Arc::clone(&asked);
    let answer = move |uri: Uri| async move {
        heard.lock().unwrap().push(uri.to_string());
        let path = uri.path().trim_start_matches("/hosted");
        let first = uri.query().is_some_and(|query| query.ends_with("&id=0"));
        axum::Json(match path {
            VALIDATORS if first => json!({"data": [record(0)]}),
            "/eth/v1/beacon/states/head/root" => state_root(false),
            path if path == format!("{VALIDATORS}/0") => json!({"data": record(0)}),
            path => in_sync(path).unwrap_or_else(|| json!({"data": []})),
        })
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hosted/?key=s3cret", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer);
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let beacon = Beacon::new(BeaconConfig::new(vec![RedactedUrl::new(url)], None)).unwrap();
    let answer = beacon.validator(&key(1)).await.answer;
    assert!(matches!(answer, Answer::No(_)), "{answer:?}");
    assert!(!format!("{answer:?} {:?}", beacon.nodes().await).contains("s3cret"));
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[0], "/hosted/eth/v1/beacon/genesis?key=s3cret");
    let list = format!("/hosted{VALIDATORS}?key=s3cret&id={}", key(1));
    assert!(asked.contains(&list), "{asked:?}");
    task.abort();
}
