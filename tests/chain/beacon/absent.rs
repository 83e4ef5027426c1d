//! What counts as a *no*, and what only as not known.

use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::ports::Answer;
use casimir_dkg::ports::consensus::{Consensus, Heard, NodeState, Validator};
use casimir_dkg::types::{BlsPublicKey, CheckStatus, RedactedUrl, Root, UnixMillis};
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
        let answer = beacon.validator(&key(5)).await.answer;
        let (status, reason) = absent(&answer);
        assert_eq!(status, CheckStatus::Unknown, "{what}: {reason}");
        assert!(reason.contains(&node.url), "{what}: {reason}");
        assert!(
            matches!(beacon.validator_at(5).await.answer, Answer::NotKnown(_)),
            "{what}"
        );
        let all = beacon.validators(&[key(5), key(6)]).await;
        assert!(
            all.iter().all(|one| matches!(one.answer, Answer::NotKnown(_))),
            "{what}"
        );
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
    let answer = beacon.validator(&key(5)).await.answer;
    let (status, reason) = absent(&answer);
    assert_eq!(status, CheckStatus::Pass, "{reason}");
    let root = Root([0xab; 32]).to_string();
    for words in [&node.url, "in sync at slot 77", &root, "Validator not found"] {
        assert!(reason.contains(words), "{words} in {reason}");
    }
    // a list that is refused for one of its keys says nothing of the others
    let all = beacon.validators(&[key(5), key(6)]).await;
    assert!(matches!(all[0].answer, Answer::No(_)));
    assert_eq!(all[1].clone().yes().unwrap().index, 6);
}

/// A list that is empty for whatever is asked says nothing about a key.
#[tokio::test]
async fn an_empty_list_is_a_no_only_of_a_live_state_that_lists_validator_0() {
    type Says = fn(&str) -> Option<Value>;
    fn good(path: &str) -> Option<Value> {
        match path {
            VALIDATORS => Some(json!({"data": []})),
            path if path == format!("{VALIDATORS}?id=0") => Some(json!({"data": [record(0)]})),
            path if path == format!("{VALIDATORS}/0") => Some(json!({"data": record(0)})),
            "/eth/v1/beacon/states/head/root" => Some(state_root(false)),
            path => in_sync(path),
        }
    }
    let unknown: [(&str, Says, &str); 5] = [
        (
            "it lists nobody",
            |path| match path {
                path if path == format!("{VALIDATORS}?id=0") => Some(json!({"data": []})),
                path => good(path),
            },
            "not even validator 0",
        ),
        (
            "it has no state",
            |path| match path {
                "/eth/v1/beacon/states/head/root" => None,
                path => good(path),
            },
            "its head state is not there",
        ),
        (
            "its state has nobody",
            |path| good(path).filter(|_| path != format!("{VALIDATORS}/0")),
            "its head state is not there",
        ),
        (
            "its head is two hours old",
            |path| match path {
                "/eth/v1/node/syncing" => Some(json!({"data": {
                    "head_slot": "0", "sync_distance": "0", "is_syncing": false,
                }})),
                "/eth/v1/beacon/genesis" => Some(json!({"data": {
                    "genesis_time": (UnixMillis::now().0 / 1_000 - 7_200).to_string(),
                    "genesis_validators_root": Root([1; 32]),
                }})),
                path => good(path),
            },
            "more than an hour behind",
        ),
        (
            "it has no execution node",
            |path| match path {
                "/eth/v1/node/syncing" => Some(json!({"data": {
                    "head_slot": "77", "sync_distance": "0", "is_syncing": false, "el_offline": true,
                }})),
                path => good(path),
            },
            "without its execution node",
        ),
    ];
    for (what, says, why) in unknown {
        let node = Stub::start(says).await;
        let answer = node.client().validator(&key(5)).await.answer;
        let check = answer.check_absent("key-unknown-to-beacon", |_| String::new());
        assert_eq!(check.status, CheckStatus::Unknown, "{what}: {}", check.reason);
        assert!(check.reason.as_str().contains(why), "{what}: {}", check.reason);
    }

    let (node, other) = (Stub::start(good).await, Stub::start(good).await);
    let says = async |urls: &[&str]| {
        let urls = urls.iter().map(|url| RedactedUrl::new(*url)).collect();
        let beacon = Beacon::new(BeaconConfig::new(urls, None)).unwrap();
        let answer = beacon.validator(&key(5)).await.answer;
        let check = answer.check_absent("key-unknown-to-beacon", |_| String::new());
        assert_eq!(check.status, CheckStatus::Pass, "{}", check.reason);
        check.reason.to_string()
    };
    let alone = says(&[&node.url]).await;
    assert!(alone.starts_with("one voice: "), "{alone}");
    let silent = says(&[&node.url, "http://127.0.0.1:1"]).await;
    assert!(silent.starts_with("one voice: "), "{silent}");
    let both = says(&[&node.url, &other.url]).await;
    assert!(!both.contains("one voice"), "{both}");
}

/// Whoever lists nobody is named when the next one knows the validator.
const GENESIS: &str = "/eth/v1/beacon/genesis";

/// When and with whom its chain began: of two that differ, neither is believed.
async fn genesis_of(url: &str) -> Value {
    let told = reqwest::get(format!("{url}{GENESIS}")).await.unwrap();
    told.json().await.unwrap()
}

#[tokio::test]
async fn who_lists_nobody_is_contradicted_by_who_knows() {
    let knows = node().await;
    let (root, genesis) = (knows.genesis_validators_root(), genesis_of(&knows.url()).await);
    let empty = Stub::start(move |path| match path {
        VALIDATORS => Some(json!({"data": []})),
        GENESIS => Some(genesis.clone()),
        path => in_sync(path),
    })
    .await;
    let urls = vec![RedactedUrl::new(&empty.url), RedactedUrl::new(knows.url())];
    let beacon = Beacon::new(BeaconConfig::new(urls, Some(root))).unwrap();
    assert_eq!(beacon.validator(&key(4)).await.yes().unwrap().index, 4);
    let told = beacon.health()[0].contradicted.clone().unwrap();
    assert!(told.as_str().contains("does not know validator 4"), "{told}");
}

#[tokio::test]
async fn who_cannot_tell_is_followed_by_who_can() {
    let knows = node().await;
    let (root, genesis) = (knows.genesis_validators_root(), genesis_of(&knows.url()).await);
    let deaf = Stub::start(move |path| match path {
        GENESIS => Some(genesis.clone()),
        path => in_sync(path),
    })
    .await;
    let urls = vec![RedactedUrl::new(&deaf.url), RedactedUrl::new(knows.url())];
    let beacon = Beacon::new(BeaconConfig::new(urls, Some(root))).unwrap();
    assert_eq!(beacon.validator(&key(4)).await.yes().unwrap().index, 4);
    let Answer::No(evidence) = beacon.validator(&BlsPublicKey([7; 48])).await.answer else {
        panic!("the second has looked");
    };
    assert!(evidence.to_string().contains(&knows.url()), "{evidence}");
    let nodes = beacon.nodes().await;
    assert!(nodes.iter().all(|n| n.state == NodeState::Healthy), "{nodes:?}");
}

/// An epoch that was two hours ago.
const OLD: &str = "00";

/// What a node tells of validator 4: its status, and the epoch at which it begins to work.
fn tells(status: &'static str, begins: &'static str) -> impl Fn(&str) -> Option<Value> + Clone {
    move |path: &str| {
        let mut record = record(4);
        record["status"] = json!(status);
        record["validator"]["activation_epoch"] = json!(begins);
        if !status.starts_with("pending") && status != "active_ongoing" {
            record["validator"]["exit_epoch"] = json!("3");
            record["validator"]["withdrawable_epoch"] = json!("4");
        }
        if status == "withdrawal_done" {
            record["balance"] = json!("0");
        }
        match path {
            // of a state that has others
            p if status == "absent" && p == format!("{VALIDATORS}?id=0") => {
                Some(json!({"data": [self::record(0)]}))
            }
            p if status == "absent" && p == format!("{VALIDATORS}/0") => {
                Some(json!({"data": self::record(0)}))
            }
            "/eth/v1/beacon/states/head/root" if status == "absent" => Some(state_root(false)),
            p if status == "absent" && p.starts_with(VALIDATORS) && p.contains("id=") => {
                Some(json!({"data": []}))
            }
            p if p.starts_with(VALIDATORS) && p.contains("id=") => Some(json!({"data": [record]})),
            // of a chain that is two hours old, where the validator began at its start
            "/eth/v1/beacon/genesis" if begins == OLD => Some(json!({"data": {
                "genesis_time": (UnixMillis::now().0 / 1_000 - 7_200).to_string(),
                "genesis_validators_root": Root([1; 32]),
            }})),
            path => in_sync(path),
        }
    }
}

/// What comes of nodes that tell this of validator 4, who is contradicted, and whether it is one voice.
async fn told(nodes: &[(&'static str, &'static str)]) -> (Answer<Validator>, Vec<usize>, bool) {
    let mut stubs = Vec::new();
    for (status, begins) in nodes.iter().filter(|(status, _)| *status != "silent") {
        stubs.push(Stub::start(tells(status, begins)).await);
    }
    let mut urls = stubs.iter().map(|node| RedactedUrl::new(&node.url));
    let urls = nodes.iter().map(|(status, _)| match *status {
        "silent" => RedactedUrl::new("http://127.0.0.1:1"),
        _ => urls.next().unwrap(),
    });
    let beacon = Beacon::new(BeaconConfig::new(urls.collect(), Some(Root([1; 32])))).unwrap();
    let Heard { answer, alone } = beacon.validator(&key(4)).await;
    let healths = beacon.health();
    let accused = (0..healths.len()).filter(|n| healths[*n].contradicted.is_some());
    (answer, accused.collect(), alone.is_some())
}

/// A deposit's case is closed by it.
#[tokio::test]
async fn a_validator_is_at_work_when_two_nodes_say_so_and_fewer_deny_it() {
    const FAR: &str = "18446744073709551615";
    let (works, waits, queued) = (
        ("active_ongoing", "0"),
        ("pending_queued", FAR),
        ("pending_queued", "0"),
    );
    let (long_at_work, still_queued) = (("active_ongoing", OLD), ("pending_queued", OLD));
    let left = ("withdrawal_done", "0");
    let silent = ("silent", "");
    type Said = Option<&'static str>;
    type Node = (&'static str, &'static str);
    type Case<'a> = (&'a [Node], Said, &'a [usize], bool);
    let cases: [Case<'_>; 13] = [
        (&[works], Some("active_ongoing"), &[], false),
        (&[works, works], Some("active_ongoing"), &[], false),
        (&[works, waits], None, &[0, 1], false),
        (&[waits, works], None, &[0, 1], false),
        (&[works, waits, waits], Some("pending_queued"), &[0], false),
        (&[waits, works, works], Some("active_ongoing"), &[0], false),
        (&[works, silent], Some("active_ongoing"), &[], true),
        (&[silent, waits], Some("pending_queued"), &[], true),
        // it lags by a slot, and knows the epoch
        (&[works, queued], Some("pending_queued"), &[], false),
        (&[works, works, queued], Some("active_ongoing"), &[], false),
        // nobody lags by two hours
        (&[long_at_work, still_queued], None, &[0, 1], false),
        // one alone stops nothing, whatever it says
        (&[works, works, left], Some("active_ongoing"), &[2], false),
        (&[left, works, works], Some("active_ongoing"), &[0], false),
    ];
    for (nodes, said, accused, alone) in cases {
        let (answer, contradicted, is_alone) = told(nodes).await;
        let status = answer.as_ref().yes().map(|v| v.status.to_string());
        assert_eq!(status.as_deref(), said, "{nodes:?}: {answer:?}");
        assert_eq!((contradicted.as_slice(), is_alone), (accused, alone), "{nodes:?}");
        if let Answer::NotKnown(why) = answer {
            let why = why.to_string();
            assert!(
                why.contains("active_ongoing") && why.contains("pending_queued"),
                "{why}"
            );
        }
    }
}

/// A key that one node alone says is there stops no deposit, and nobody honest is named for it.
#[tokio::test]
async fn a_key_is_known_when_more_nodes_tell_of_it_than_deny_it() {
    let (waits, absent, silent) = (("pending_initialized", "0"), ("absent", ""), ("silent", ""));
    type Node = (&'static str, &'static str);
    type Case<'a> = (&'a [Node], CheckStatus, &'a [usize]);
    let cases: [Case<'_>; 9] = [
        (&[absent], CheckStatus::Pass, &[]),
        (&[waits], CheckStatus::Fail, &[]),
        (&[waits, waits], CheckStatus::Fail, &[]),
        // it may be a slot ahead
        (&[waits, absent], CheckStatus::Unknown, &[]),
        (&[absent, waits], CheckStatus::Unknown, &[]),
        (&[waits, absent, absent], CheckStatus::Unknown, &[0]),
        (&[absent, absent, waits], CheckStatus::Unknown, &[2]),
        (&[waits, absent, waits], CheckStatus::Fail, &[1]),
        (&[absent, waits, silent], CheckStatus::Unknown, &[]),
    ];
    for (nodes, status, accused) in cases {
        let (answer, contradicted, _) = told(nodes).await;
        let check = answer.check_absent("key-unknown-to-beacon", |_| String::new());
        assert_eq!(check.status, status, "{nodes:?}: {answer:?}");
        assert_eq!(contradicted, accused, "{nodes:?}");
    }
}

/// For the epoch at which it may exit operators sign: no node's record counts for being the first.
#[tokio::test]
async fn a_validators_epochs_are_those_that_more_than_half_tell_who_agree_on_its_stage() {
    const UNSET: &str = "18446744073709551615";
    let at = |epoch| ("active_ongoing", epoch);
    let queued = |epoch| ("pending_queued", epoch);
    type Node = (&'static str, &'static str);
    type Case<'a> = (&'a [Node], Option<Option<u64>>, &'a [usize]);
    let far = "1000000";
    let cases: [Case<'_>; 14] = [
        (&[at("0"), at("0")], Some(Some(0)), &[]),
        (&[at(far), at("0"), at("0")], Some(Some(0)), &[0]),
        (&[at("0"), at("0"), at(far)], Some(Some(0)), &[2]),
        (&[at(far), at("0")], None, &[0, 1]),
        (&[at(far), at("0"), at("1")], None, &[0, 1, 2]),
        (&[at(far), at("0"), ("silent", "")], None, &[0, 1]),
        // two that agree are not more than half
        (&[at(far), at("1"), at("0"), at("0")], None, &[0, 1, 2, 3]),
        // who has no epoch and is at work is no state of any chain
        (&[at(UNSET), at("0"), at("0")], Some(Some(0)), &[0]),
        // its activation was set in this slot
        (&[queued("9"), queued(UNSET)], Some(None), &[]),
        (&[queued("9"), queued(UNSET), queued("9")], Some(Some(9)), &[]),
        (&[queued(UNSET), queued("9"), queued(UNSET)], Some(None), &[]),
        (&[queued(far), queued("9"), queued(UNSET)], None, &[0, 1]),
        (&[queued(far), queued("9"), queued("9")], Some(Some(9)), &[0]),
        // it is active since, and one lags
        (&[queued("0"), at("0"), at("0")], Some(Some(0)), &[]),
    ];
    for (nodes, begins, accused) in cases {
        let (answer, contradicted, _) = told(nodes).await;
        let found = answer.as_ref().yes().map(|validator| validator.activation_epoch);
        assert_eq!(found, begins, "{nodes:?}: {answer:?}");
        assert_eq!(contradicted, accused, "{nodes:?}");
        if let Answer::NotKnown(why) = answer {
            let why = why.to_string();
            assert!(why.contains("activation epoch 1000000"), "{why}");
        }
    }
}

/// It keeps the exit's case open: where two say that the validator has left, and fewer deny it, these are named.
#[tokio::test]
async fn who_alone_denies_that_a_validator_has_left_is_named() {
    let (left, works, absent, waits) = ("withdrawal_done", "active_ongoing", "absent", "pending_queued");
    let cases: [(&[&'static str], &[usize]); 6] = [
        (&[left, left, works], &[2]),
        (&[absent, left, left], &[0]),
        (&[left, waits, left], &[1]),
        (&[left, works], &[]),
        (&[left, left, works, absent], &[]),
        (&[left, left, left], &[]),
    ];
    for (statuses, accused) in cases {
        let nodes: Vec<_> = statuses.iter().map(|status| (*status, "0")).collect();
        let (answer, contradicted, _) = told(&nodes).await;
        let is_known = statuses.iter().all(|status| *status == left);
        assert_eq!(answer.yes().is_some(), is_known, "{statuses:?}");
        assert_eq!(contradicted, accused, "{statuses:?}");
    }
}

/// Nothing takes a closed exit back: that a validator has left is no single node's word.
#[tokio::test]
async fn a_validator_has_left_when_two_nodes_say_so_and_nobody_denies_it() {
    let told = async |statuses: &[&'static str]| {
        let nodes: Vec<_> = statuses.iter().map(|status| (*status, "0")).collect();
        told(&nodes).await.0
    };
    for (statuses, left) in [
        (&["withdrawal_done"][..], true),
        (&["withdrawal_done", "withdrawal_done"], true),
        (&["withdrawal_done", "silent"], false),
        (&["withdrawal_done", "active_ongoing"], false),
        (&["withdrawal_done", "withdrawal_done", "active_ongoing"], false),
        (&["withdrawal_done", "pending_queued", "active_ongoing"], false),
    ] {
        let answer = told(statuses).await;
        assert_eq!(answer.as_ref().yes().is_some(), left, "{statuses:?}: {answer:?}");
        if let Answer::NotKnown(why) = answer {
            let denies = statuses.contains(&"active_ongoing");
            assert_eq!(why.to_string().contains("active_ongoing"), denies, "{why}");
        }
    }
    // of two that say it the one that is less far counts
    let lags = told(&["withdrawal_done", "exited_unslashed"])
        .await
        .yes()
        .unwrap();
    assert_eq!(lags.status.to_string(), "exited_unslashed");
}

/// Whoever tells of a validator first, and nothing when all are asked, is not believed for what it told.
#[tokio::test]
async fn who_says_nothing_more_when_all_are_asked_is_not_believed() {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let liar = tells("withdrawal_done", "0");
    let once = {
        let asked = std::sync::Arc::clone(&asked);
        move |path: &str| match path.contains("id=") {
            true if asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0 => None,
            _ => liar(path),
        }
    };
    let (liar, honest) = (
        Stub::start(once).await,
        Stub::start(tells("pending_queued", "0")).await,
    );
    let urls = [&liar, &honest].map(|stub| RedactedUrl::new(&stub.url));
    let beacon = Beacon::new(BeaconConfig::new(urls.to_vec(), Some(Root([1; 32])))).unwrap();
    let answer = beacon.validator(&key(4)).await.yes().unwrap();
    assert_eq!(answer.status.to_string(), "pending_queued");
    assert!(asked.load(std::sync::atomic::Ordering::SeqCst) > 1);
}

/// It decides whether a key is fresh: a second node that is away leaves one voice, which comes with the answer.
#[tokio::test]
async fn that_there_is_no_such_validator_is_said_to_be_one_voice_where_the_second_node_is_silent() {
    let one = node().await;
    let root = one.genesis_validators_root();
    let silent = "http://127.0.0.1:1".to_owned();
    let heard = async |urls: &[String]| {
        let urls = urls.iter().map(RedactedUrl::new).collect();
        let beacon = Beacon::new(BeaconConfig::new(urls, Some(root))).unwrap();
        let Heard { answer, alone } = beacon.validator(&BlsPublicKey([7; 48])).await;
        assert!(matches!(answer, Answer::No(_)), "{answer:?}");
        alone.map(|words| words.to_string())
    };
    assert_eq!(heard(&[one.url()]).await, None, "nobody else is configured");
    for urls in [[one.url(), silent.clone()], [silent, one.url()]] {
        let alone = heard(&urls).await.expect("it is one voice");
        assert!(alone.contains(&one.url()) && alone.contains("alone"), "{alone}");
    }
    assert_eq!(heard(&[one.url(), one.url()]).await, None, "two say so");
}
