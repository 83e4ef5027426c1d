//! What counts as a *no*, and what only as not known.

use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::ports::Answer;
use casimir_dkg::ports::consensus::{Consensus, NodeState};
use casimir_dkg::types::{BlsPublicKey, CheckStatus, RedactedUrl, Root};
use serde_json::{Value, json};

use super::stub::{Stub, VALIDATORS, in_sync, record, state_root};
use super::{key, node};

/// A 404 says that something is not there, and not what.
#[tokio::test]
async fn a_404_is_a_no_only_of_a_node_that_has_the_state() {
    type Says = fn(&str) -> Option<Value>;
    let unknown: [(&str, Says); 7] = [
        ("404 to everything", |_| None),
        ("404 below the states", in_sync),
        ("the state, and not the route", |path| match path {
            "/eth/v1/beacon/states/head/root" => Some(state_root(false)),
            path => in_sync(path),
        }),
        ("the first validator, and not the state", |path| match path {
            path if path == format!("{VALIDATORS}/0") => Some(json!({"data": record(0)})),
            path => in_sync(path),
        }),
        ("a state that nobody has checked", |path| match path {
            "/eth/v1/beacon/states/head/root" => Some(state_root(true)),
            path if path == format!("{VALIDATORS}/0") => Some(json!({"data": record(0)})),
            path => in_sync(path),
        }),
        ("an unchecked list", |path| match path {
            VALIDATORS => Some(json!({"execution_optimistic": true, "data": []})),
            path => in_sync(path),
        }),
        ("a list of others", |path| match path {
            VALIDATORS => Some(json!({"data": [record(0)]})),
            path => in_sync(path),
        }),
    ];
    let absent = |answer: &Answer<_>| {
        let check = answer.check_absent("key-unknown-to-beacon", |_| String::new());
        (check.status, check.reason.to_string())
    };
    for (what, says) in unknown {
        let node = Stub::start(says).await;
        let beacon = node.client();
        let answer = beacon.validator(&key(5)).await;
        let (status, reason) = absent(&answer);
        assert_eq!(status, CheckStatus::Unknown, "{what}: {reason}");
        assert!(reason.contains(&node.url), "{what}: {reason}");
        assert!(
            matches!(beacon.validator_at(5).await, Answer::NotKnown(_)),
            "{what}"
        );
        let all = beacon.validators(&[key(5), key(6)]).await;
        assert!(all.iter().all(|one| matches!(one, Answer::NotKnown(_))), "{what}");
        let voices = beacon.validator_by_each(&key(5)).await;
        assert!(matches!(voices[0].answer, Answer::NotKnown(_)), "{what}");
    }

    // the real one: this key is not there, and everything else is
    let node = Stub::start(|path| match path {
        "/eth/v1/beacon/states/head/root" => Some(state_root(false)),
        path if path == format!("{VALIDATORS}/0") => Some(json!({"data": record(0)})),
        path if path == format!("{VALIDATORS}/{}", key(6)) => Some(json!({"data": record(6)})),
        path => in_sync(path),
    })
    .await;
    let beacon = node.client();
    let answer = beacon.validator(&key(5)).await;
    let (status, reason) = absent(&answer);
    assert_eq!(status, CheckStatus::Pass, "{reason}");
    let root = Root([0xab; 32]).to_string();
    for words in [&node.url, "in sync at slot 77", &root, "Validator not found"] {
        assert!(reason.contains(words), "{words} in {reason}");
    }
    // a list that is refused for one of its keys says nothing of the others
    let all = beacon.validators(&[key(5), key(6)]).await;
    assert!(matches!(all[0], Answer::No(_)));
    assert_eq!(all[1].clone().yes().unwrap().index, 6);
    // an empty list of such a node is a no
    let node = Stub::start(|path| match path {
        VALIDATORS => Some(json!({"data": []})),
        path => in_sync(path),
    })
    .await;
    let (status, reason) = absent(&node.client().validator(&key(5)).await);
    assert_eq!(status, CheckStatus::Pass, "{reason}");
}

#[tokio::test]
async fn who_cannot_tell_is_followed_by_who_can() {
    let knows = node().await;
    let root = knows.genesis_validators_root();
    let deaf = Stub::start(move |path| match path {
        "/eth/v1/beacon/genesis" => Some(json!({"data": {
            "genesis_time": "1606824023", "genesis_validators_root": root,
        }})),
        path => in_sync(path),
    })
    .await;
    let urls = vec![RedactedUrl::new(&deaf.url), RedactedUrl::new(knows.url())];
    let beacon = Beacon::new(BeaconConfig::new(urls, Some(root))).unwrap();
    assert_eq!(beacon.validator(&key(4)).await.yes().unwrap().index, 4);
    let Answer::No(evidence) = beacon.validator(&BlsPublicKey([7; 48])).await else {
        panic!("the second has looked");
    };
    assert!(evidence.to_string().contains(&knows.url()), "{evidence}");
    let nodes = beacon.nodes().await;
    assert!(nodes.iter().all(|n| n.state == NodeState::Healthy), "{nodes:?}");
}
