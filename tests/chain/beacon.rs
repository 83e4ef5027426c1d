//! Several beacon nodes, each with its client's manners and faults.

use std::time::{Duration, Instant};

use casimir_dkg::beacon::client::{
    Beacon, BeaconConfig, ExitMessage, Hint, NodeOutcome, NodeState, SignedExit, ValidatorStatus,
};
use casimir_dkg::beacon::exit::{ExitOutcome, ExitRefusal, ExitRules, classify, judge, self_test};
use casimir_dkg::devnet::beacon::{
    BeaconClock, BeaconOptions, ClientFamily, DevBeacon, ExitProblem, StreamFault, interop_secret,
};
use casimir_dkg::dkg::threshold::partial_sign;
use casimir_dkg::types::{BlsPublicKey, BlsSignature, RedactedUrl, Root, SafeText, UnixMillis};
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
    ExitRules::new(&beacon.spec().await.unwrap(), beacon.genesis().await.unwrap()).unwrap()
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
        let validator = beacon.validator(&key(3)).await.unwrap().unwrap();
        assert_eq!((validator.index, validator.public_key), (3, key(3)));
        assert_eq!(validator.status, ValidatorStatus::ActiveOngoing);
        assert_eq!(
            (validator.activation_epoch, validator.exit_epoch),
            (Some(0), None)
        );
        let unknown = BlsPublicKey([7; 48]);
        assert_eq!(beacon.validator(&unknown).await.unwrap(), None, "{family:?}");
        let all = beacon.validators(&[key(1), key(2), unknown]).await.unwrap();
        let indices: Vec<_> = all.iter().map(|v| v.index).collect();
        assert_eq!(indices, [1, 2], "{family:?}");
        assert_eq!(
            beacon.validator_by_index(5).await.unwrap().unwrap().public_key,
            key(5)
        );
        assert_eq!(beacon.validator_by_index(999).await.unwrap(), None, "{family:?}");
        assert!(!beacon.fork_schedule().await.unwrap().is_empty());
        assert_eq!(beacon.pool_exits().await.unwrap(), []);
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
        assert!(beacon.validator(&key(0)).await.unwrap().is_some());
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
            assert!(alone.unwrap_err().to_string().contains("no beacon node answered"));
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
    let state = |beacon: Beacon| async move { beacon.validator(&key(2)).await.unwrap().unwrap() };

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
    assert_eq!(beacon.pool_exits().await.unwrap(), [exit]);
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
    let rules = ExitRules::new(
        &serde_json::from_value(spec).unwrap(),
        serde_json::from_value(genesis).unwrap(),
    )
    .unwrap();
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
        let found = beacon.validator_by_every_node(&key).await;
        let indices: Vec<_> = found.iter().map(|v| v.as_ref().map(|v| v.index)).collect();
        assert_eq!(indices, [None, Some(4)], "{family:?}");
    }
}

#[tokio::test]
async fn events_are_hints_and_the_end_of_a_stream_is_told() {
    let node = node().await;
    let beacon = beacon(&[&node]);
    let (out, mut hints) = mpsc::channel(100);
    let stream = beacon.listen(out);
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
    drop(stream);
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
    let _stream = beacon(&[&node]).listen(out);
    let heard = async {
        while node.listeners() == 0 {
            tokio::task::yield_now().await;
        }
        node.advance_slots(1).await;
        hints.recv().await
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
        assert_eq!(classify(500, &words.into()), expected, "{words}");
    }
    assert!(matches!(
        classify(500, &"disk full".into()),
        ExitRefusal::Other(_)
    ));
}
