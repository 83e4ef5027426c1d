//! Several beacon nodes, each with its client's manners and faults.

use std::time::{Duration, Instant};

use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use casimir_dkg::beacon::client::{Beacon, BeaconConfig, Spec, classify};
use casimir_dkg::beacon::exit::{ExitOutcome, judge, self_test};
use casimir_dkg::devnet::beacon::{
    BeaconClock, BeaconOptions, ClientFamily, DevBeacon, ExitProblem, StreamFault, interop_secret,
};
use casimir_dkg::dkg::threshold::partial_sign;
use casimir_dkg::ports::Answer;
use casimir_dkg::ports::consensus::{
    Consensus, ExitMessage, ExitRefusal, ExitRules, Hint, NodeOutcome, NodeState, SignedExit, ValidatorStatus,
};
use casimir_dkg::types::{BlsPublicKey, BlsSignature, CheckStatus, RedactedUrl, Root, SafeText, UnixMillis};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const FAMILIES: [ClientFamily; 5] = [
    ClientFamily::Lighthouse,
    ClientFamily::Prysm,
    ClientFamily::Teku,
    ClientFamily::Nimbus,
    ClientFamily::Lodestar,
];

async fn node() -> DevBeacon {
    let options = BeaconOptions {
        clock: BeaconClock::Manual,
        ..BeaconOptions::default()
    };
    DevBeacon::start(options).await.unwrap()
}

fn beacon(nodes: &[&DevBeacon]) -> Beacon {
    let urls = nodes.iter().map(|node| RedactedUrl::new(node.url())).collect();
    Beacon::new(BeaconConfig {
        deadline: Duration::from_millis(500),
        recheck: Duration::ZERO,
        ..BeaconConfig::new(urls, None)
    })
    .unwrap()
}

fn key(index: u64) -> BlsPublicKey {
    interop_secret(index).public_key()
}

async fn rules(beacon: &Beacon) -> ExitRules {
    beacon.rules().await.yes().unwrap()
}

fn signed(rules: &ExitRules, validator_index: u64, epoch: u64) -> SignedExit {
    let message = ExitMessage {
        epoch,
        validator_index,
    };
    let root = rules.signing_root(&message);
    SignedExit {
        message,
        signature: partial_sign(&interop_secret(validator_index), &root.0),
    }
}

#[test]
fn the_domain_arithmetic_gives_mainnets_exit_domain() {
    self_test().unwrap();
}

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

#[tokio::test]
async fn a_node_that_lags_fails_or_serves_another_chain_is_passed_over() {
    type Spoil = fn(&mut casimir_dkg::devnet::beacon::Faults);
    let cases: [(Spoil, NodeState); 6] = [
        (|f| f.syncing = true, NodeState::NotSynced),
        (|f| f.optimistic = true, NodeState::NotSynced),
        (|f| f.unavailable = true, NodeState::Down),
        (|f| f.garbage = true, NodeState::Down),
        (|f| f.delay = Duration::from_secs(5), NodeState::Down),
        (|f| f.other_genesis = Some(Root([9; 32])), NodeState::WrongChain),
    ];
    for (spoil, state) in cases {
        let (good, bad) = (node().await, node().await);
        good.advance_slots(3).await;
        let beacon = Beacon::new(BeaconConfig {
            deadline: Duration::from_millis(500),
            recheck: Duration::from_secs(60),
            ..BeaconConfig::new(
                vec![RedactedUrl::new(bad.url()), RedactedUrl::new(good.url())],
                Some(good.genesis_validators_root()),
            )
        })
        .unwrap();
        bad.faults(spoil);
        assert!(beacon.validator(&key(0)).await.yes().is_some());
        let health = beacon.health();
        assert_eq!(health[0].state, state, "{health:?}");
        assert_eq!(
            (health[1].state, health[1].head_slot),
            (NodeState::Healthy, Some(3))
        );
        // alone, it is an error that says why
        let alone = self::beacon(&[&bad]);
        let alone = alone.validator(&key(0)).await;
        if state != NodeState::WrongChain {
            let why = alone.known().unwrap_err().to_string();
            assert!(why.contains("no beacon node answered"), "{why}");
        }
    }
}

#[tokio::test]
async fn an_exit_from_publication_to_its_epoch_with_predicted_times() {
    let node = node().await;
    let beacon = beacon(&[&node]);
    let rules = rules(&beacon).await;
    assert_eq!(
        rules.start_of(rules.epoch_at(rules.start_of(7))),
        rules.start_of(7)
    );
    assert_eq!(rules.epoch_at(UnixMillis(0)), 0);
    let state = |beacon: Beacon| async move { beacon.validator(&key(2)).await.yes().unwrap() };

    let exit = signed(&rules, 2, 0);
    let young = state(beacon.clone()).await;
    let ready = rules.ready_epoch(&young).unwrap();
    assert_eq!(
        judge(&exit.message, Some(&young), None, node.epoch(), &rules),
        ExitOutcome::TooEarly { ready_epoch: ready }
    );
    let verdict = &beacon.publish_exit(&exit).await[0];
    assert_eq!(verdict.outcome, NodeOutcome::Refused(ExitRefusal::TooYoung));
    assert!(!verdict.delivered());

    node.advance_epochs(ready - node.epoch()).await;
    let verdict = &beacon.publish_exit(&exit).await[0];
    assert!(verdict.delivered(), "{verdict:?}");
    assert_eq!(beacon.pool_exits().await.yes().unwrap(), [exit]);
    let published_at = node.epoch();
    node.advance_slots(1).await;
    let exiting = state(beacon.clone()).await;
    let (earliest, withdrawable) = rules.earliest_exit(published_at);
    match judge(&exit.message, Some(&exiting), None, node.epoch(), &rules) {
        ExitOutcome::Exiting {
            exit_epoch,
            withdrawable_epoch,
        } => {
            assert!(exit_epoch >= earliest && withdrawable_epoch.unwrap() >= withdrawable);
        }
        other => panic!("{other:?}"),
    }
    assert!(exiting.status.is_exiting());
}

/// Every refusal of every family, and what the state makes of it.
#[tokio::test]
async fn refusals_of_five_clients_have_distinct_outcomes() {
    let node = node().await;
    let beacon = beacon(&[&node]);
    let rules = rules(&beacon).await;
    let exit = signed(&rules, 1, 0);
    let problems = [
        (ExitProblem::BadSignature { index: 1 }, ExitRefusal::BadSignature),
        (
            ExitProblem::TooYoung {
                index: 1,
                epoch: 5,
                activation: 4,
                earliest: 6,
            },
            ExitRefusal::TooYoung,
        ),
        (
            ExitProblem::FutureEpoch {
                epoch: 5,
                exit_epoch: 9,
            },
            ExitRefusal::FutureEpoch,
        ),
        (ExitProblem::NotActive { index: 1 }, ExitRefusal::NotActive),
        (
            ExitProblem::AlreadyExiting {
                index: 1,
                exit_epoch: 9,
            },
            ExitRefusal::AlreadyExiting,
        ),
        (
            ExitProblem::UnknownValidator { index: 99 },
            ExitRefusal::UnknownIndex,
        ),
    ];
    for family in FAMILIES {
        for (problem, expected) in &problems {
            node.faults(|f| (f.family, f.refuse_exits) = (family, Some(*problem)));
            let verdicts = beacon.publish_exit(&exit).await;
            let NodeOutcome::Refused(refusal) = &verdicts[0].outcome else {
                panic!("{family:?} {problem:?}: {verdicts:?}");
            };
            let expected = match (family, expected) {
                // one text for three reasons, and no word of its own for the fourth
                (
                    ClientFamily::Lodestar,
                    ExitRefusal::TooYoung | ExitRefusal::FutureEpoch | ExitRefusal::NotActive,
                ) => &ExitRefusal::NotNow,
                (ClientFamily::Lodestar, ExitRefusal::AlreadyExiting) => &ExitRefusal::AlreadyKnown,
                (_, expected) => expected,
            };
            assert_eq!(refusal, expected, "{family:?}: {}", verdicts[0].words);
        }
    }
}

#[test]
fn the_state_outweighs_the_words() {
    let spec = serde_json::json!({
        "SECONDS_PER_SLOT": "12", "SLOTS_PER_EPOCH": "32", "SHARD_COMMITTEE_PERIOD": "256", "MAX_SEED_LOOKAHEAD": "4",
        "MIN_VALIDATOR_WITHDRAWABILITY_DELAY": "256", "GENESIS_FORK_VERSION": "0x00000000",
        "CAPELLA_FORK_VERSION": "0x03000000", "BLOB_SCHEDULE": [{"EPOCH": "1", "MAX_BLOBS_PER_BLOCK": "9"}],
    });
    let genesis = serde_json::json!({"genesis_time": "1606824023", "genesis_validators_root": Root([1; 32])});
    let spec: Spec = serde_json::from_value(spec).unwrap();
    let rules = spec.exit_rules(serde_json::from_value(genesis).unwrap()).unwrap();
    assert_eq!(
        rules.start_of(194_048).to_rfc3339(),
        "2023-04-12T22:27:35.000Z",
        "mainnet's Capella"
    );
    let far = u64::MAX.to_string();
    let validator = |activation: &str, exit: &str| {
        serde_json::from_value(serde_json::json!({
            "index": "5", "balance": "32000000000", "status": "active_ongoing",
            "validator": {
                "pubkey": BlsPublicKey([1; 48]), "withdrawal_credentials": Root([1; 32]),
                "effective_balance": "32000000000", "slashed": false, "activation_eligibility_epoch": "1",
                "activation_epoch": activation, "exit_epoch": exit, "withdrawable_epoch": far,
            },
        }))
        .unwrap()
    };
    let message = ExitMessage {
        epoch: 300,
        validator_index: 5,
    };
    let at = |validator: Option<&_>, words: Option<ExitRefusal>, epoch| {
        judge(&message, validator, words.as_ref(), epoch, &rules)
    };
    let ongoing = validator("100", &far);
    let young = Some(ExitRefusal::TooYoung);
    assert_eq!(
        at(Some(&ongoing), None, 355),
        ExitOutcome::TooEarly { ready_epoch: 356 }
    );
    assert_eq!(
        at(Some(&ongoing), young, 400),
        ExitOutcome::Ready,
        "that node is behind"
    );
    assert_eq!(
        at(Some(&ongoing), Some(ExitRefusal::BadSignature), 355),
        ExitOutcome::TooEarly { ready_epoch: 356 }
    );
    assert_eq!(
        at(Some(&ongoing), Some(ExitRefusal::BadSignature), 400),
        ExitOutcome::BadSignature
    );
    let odd = ExitRefusal::Other(SafeText::new("no"));
    assert_eq!(
        at(Some(&ongoing), Some(odd), 400),
        ExitOutcome::Refused("no".into())
    );
    assert_eq!(
        at(Some(&validator(&far, &far)), None, 400),
        ExitOutcome::NotActive { ready_epoch: None }
    );
    assert_eq!(
        at(Some(&validator("390", &far)), None, 380),
        ExitOutcome::NotActive {
            ready_epoch: Some(646)
        }
    );
    let gone = at(
        Some(&validator("100", "500")),
        Some(ExitRefusal::BadSignature),
        400,
    );
    assert_eq!(
        gone,
        ExitOutcome::Exiting {
            exit_epoch: 500,
            withdrawable_epoch: None
        }
    );
    assert_eq!(at(None, None, 400), ExitOutcome::UnknownIndex);
    let waits = ExitMessage {
        epoch: 420,
        ..message
    };
    assert_eq!(
        judge(&waits, Some(&ongoing), None, 400, &rules),
        ExitOutcome::TooEarly { ready_epoch: 420 }
    );
}

#[tokio::test]
async fn only_nodes_in_sync_count_as_delivered() {
    let (good, syncing, foreign) = (node().await, node().await, node().await);
    let beacon = Beacon::new(BeaconConfig {
        recheck: Duration::ZERO,
        ..BeaconConfig::new(
            [&good, &syncing, &foreign]
                .map(|n| RedactedUrl::new(n.url()))
                .to_vec(),
            Some(good.genesis_validators_root()),
        )
    })
    .unwrap();
    let rules = rules(&beacon).await;
    for node in [&good, &syncing, &foreign] {
        node.advance_epochs(rules.shard_committee_period).await;
    }
    syncing.faults(|f| f.syncing = true);
    foreign.faults(|f| f.other_genesis = Some(Root([3; 32])));
    let exit = signed(&rules, 4, 0);
    let verdicts = beacon.publish_exit(&exit).await;
    let delivered: Vec<_> = verdicts.iter().map(|v| v.delivered()).collect();
    assert_eq!(delivered, [true, false, false], "{verdicts:?}");
    assert!(matches!(verdicts[1].outcome, NodeOutcome::AcceptedOutOfSync(_)));
    assert!(matches!(verdicts[2].outcome, NodeOutcome::WrongChain(_)));
    assert_eq!(foreign.pool(), [], "nothing is sent to another chain");
    // again: nothing breaks, whatever the family says of it
    for family in FAMILIES {
        good.faults(|f| f.family = family);
        assert!(beacon.publish_exit(&exit).await[0].delivered(), "{family:?}");
    }
    let mut forged = exit;
    forged.signature = BlsSignature(signed(&rules, 5, 0).signature.0);
    good.clear_pool();
    let verdicts = beacon.publish_exit(&forged).await;
    assert_eq!(
        verdicts[0].outcome,
        NodeOutcome::Refused(ExitRefusal::BadSignature)
    );
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

#[tokio::test]
async fn events_are_hints_and_the_end_of_a_stream_is_told() {
    let node = node().await;
    let beacon = beacon(&[&node]);
    let (out, mut hints) = mpsc::channel(100);
    let stream = tokio::spawn(async move { beacon.listen(out).await });
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        // the stream may not stand yet when the first slots pass
        node.advance_slots(1).await;
        match tokio::time::timeout(Duration::from_millis(100), hints.recv()).await {
            Ok(Some(Hint::Head { slot, .. })) => {
                assert!(slot > 0);
                break;
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => assert!(Instant::now() < deadline, "no head heard"),
        }
    }
    drop(node);
    let lost = async { while !matches!(hints.recv().await, Some(Hint::Lost { .. })) {} };
    tokio::time::timeout(Duration::from_secs(20), lost).await.unwrap();
    stream.abort();
    let ended = async { while hints.recv().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), ended)
        .await
        .expect("it ends with its handle");
}

#[tokio::test]
async fn a_node_that_does_not_know_the_newest_topic_is_listened_to_all_the_same() {
    let node = node().await;
    node.faults(|faults| faults.streams = StreamFault::Old);
    let (out, mut hints) = mpsc::channel(100);
    let beacon = beacon(&[&node]);
    let heard = async {
        while node.listeners() == 0 {
            tokio::task::yield_now().await;
        }
        node.advance_slots(1).await;
        hints.recv().await
    };
    let heard = async {
        tokio::select! {
            heard = heard => heard,
            () = beacon.listen(out) => panic!("somebody receives"),
        }
    };
    let heard = tokio::time::timeout(Duration::from_secs(20), heard)
        .await
        .unwrap();
    assert!(matches!(heard, Some(Hint::Head { slot: 1, .. })), "{heard:?}");
}

#[test]
fn further_wordings_are_known() {
    for (words, expected) in [
        ("VOLUNTARY_EXIT_ERROR_SHORT_TIME_ACTIVE", ExitRefusal::TooYoung),
        ("VOLUNTARY_EXIT_ERROR_INACTIVE", ExitRefusal::NotActive),
        ("VOLUNTARY_EXIT_ERROR_ALREADY_EXITED", ExitRefusal::AlreadyExiting),
        ("ZERO_SIGNATURE", ExitRefusal::BadSignature),
        (
            "Cannot read properties of undefined (reading 'activationEpoch')",
            ExitRefusal::UnknownIndex,
        ),
    ] {
        assert_eq!(classify(&words.into()), expected, "{words}");
    }
    assert!(matches!(classify(&"disk full".into()), ExitRefusal::Other(_)));
}

/// A node whose answers are written by hand: what it does not say is a 404, in the words of a node or of a web server.
struct Stub {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const VALIDATORS: &str = "/eth/v1/beacon/states/head/validators";
const NOT_FOUND: &str = r#"{"code":404,"message":"Validator not found"}"#;

impl Stub {
    async fn start(says: impl Fn(&str) -> Option<Value> + Clone + Send + Sync + 'static) -> Self {
        let answer = move |uri: Uri| async move {
            match says(uri.path()) {
                Some(answer) => axum::Json(answer).into_response(),
                None => (StatusCode::NOT_FOUND, NOT_FOUND).into_response(),
            }
        };
        let router = axum::Router::new().fallback(answer);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, task }
    }

    fn client(&self) -> Beacon {
        Beacon::new(BeaconConfig::new(vec![RedactedUrl::new(&self.url)], None)).unwrap()
    }
}

/// What a node says of itself: our chain, in sync.
fn in_sync(path: &str) -> Option<Value> {
    match path {
        "/eth/v1/beacon/genesis" => Some(json!({"data": {
            "genesis_time": "1606824023", "genesis_validators_root": Root([1; 32]),
        }})),
        "/eth/v1/node/syncing" => Some(json!({"data": {
            "head_slot": "77", "sync_distance": "0", "is_syncing": false,
        }})),
        _ => None,
    }
}

fn state_root(optimistic: bool) -> Value {
    json!({"execution_optimistic": optimistic, "data": {"root": Root([0xab; 32])}})
}

fn record(index: u64) -> Value {
    let far = u64::MAX.to_string();
    json!({
        "index": index.to_string(), "balance": "32000000000", "status": "active_ongoing",
        "validator": {
            "pubkey": key(index), "withdrawal_credentials": Root([1; 32]), "effective_balance": "32000000000",
            "slashed": false, "activation_eligibility_epoch": "0", "activation_epoch": "0", "exit_epoch": far,
            "withdrawable_epoch": far,
        },
    })
}

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

/// Hosted nodes want their key in the query of every call.
#[tokio::test]
async fn a_key_in_the_url_of_a_node_is_kept_and_paths_go_before_it() {
    let asked = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let heard = std::sync::Arc::clone(&asked);
    let answer = move |uri: Uri| async move {
        heard.lock().unwrap().push(uri.to_string());
        match in_sync(uri.path().trim_start_matches("/hosted")) {
            Some(answer) => axum::Json(answer).into_response(),
            None => axum::Json(json!({"data": []})).into_response(),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hosted/?key=s3cret", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer);
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let beacon = Beacon::new(BeaconConfig::new(vec![RedactedUrl::new(url)], None)).unwrap();
    let answer = beacon.validator(&key(1)).await;
    assert!(matches!(answer, Answer::No(_)), "{answer:?}");
    assert!(!format!("{answer:?} {:?}", beacon.nodes().await).contains("s3cret"));
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[0], "/hosted/eth/v1/beacon/genesis?key=s3cret");
    let list = format!("/hosted{VALIDATORS}?key=s3cret&id={}", key(1));
    assert!(asked.contains(&list), "{asked:?}");
    task.abort();
}
