//! The words of five clients for why an exit is refused, and what the state makes of them.

use axum::http::{Method, StatusCode, Uri};
use casimir_dkg::beacon::client::{Beacon, BeaconConfig, Spec, classify};
use casimir_dkg::beacon::exit::{ExitOutcome, judge};
use casimir_dkg::devnet::beacon::{ClientFamily, ExitProblem};
use casimir_dkg::ports::consensus::{Consensus, ExitMessage, ExitRefusal, NodeOutcome};
use casimir_dkg::types::{BlsPublicKey, RedactedUrl, Root, SafeText};

use super::{FAMILIES, beacon, node, rules, signed};

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

/// A provider that passes no POST, or whose node is away, has refused no exit.
#[tokio::test]
async fn what_a_gateway_says_is_no_refusal_of_a_node() {
    let node = node().await;
    let rules = rules(&beacon(&[&node])).await;
    let exit = signed(&rules, 1, 0);
    let page = "<html><h1>Forbidden</h1></html>";
    let json = r#"{"message":"no Route matched with those values"}"#;
    let api = |code: u16| format!(r#"{{"code":{code},"message":"Method not allowed"}}"#);
    let plain = r#"{"code":400,"message":"the disk is full"}"#;
    let cases = [
        (403, page, false),
        (404, json, false),
        (405, &api(405), false),
        (502, page, false),
        (504, page, false),
        (400, page, false),
        (500, json, false),
        (400, plain, true),
        (400, "Invalid exit: signature did not verify", true),
    ];
    for (status, body, is_refusal) in cases {
        let gateway = Gateway::before(&node.url(), status, body).await;
        let client = Beacon::new(BeaconConfig::new(vec![RedactedUrl::new(&gateway.url)], None)).unwrap();
        let verdict = client.publish_exit(&exit).await.remove(0);
        match &verdict.outcome {
            NodeOutcome::Refused(_) => assert!(is_refusal, "{status} {body}"),
            NodeOutcome::NoAnswer(why) => {
                assert!(!is_refusal, "{status} {body}: {why}");
                let words = format!("no verdict of a beacon node: status {status}");
                // a page has a number of its own each time, and goes into the log
                assert_eq!(why.as_str(), words, "{body}");
                assert_eq!(verdict.words, SafeText::default());
            }
            other => panic!("{status} {body}: {other:?}"),
        }
    }
}

/// Passes what is read on to a node, and answers what is posted itself.
struct Gateway {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Gateway {
    async fn before(node: &str, status: u16, body: &str) -> Self {
        let (node, body) = (node.to_owned(), body.to_owned());
        let status = StatusCode::from_u16(status).unwrap();
        let router = axum::Router::new().fallback(move |method: Method, uri: Uri| {
            let (node, body) = (node.clone(), body.clone());
            async move {
                if method == Method::POST {
                    return (status, body);
                }
                let answer = reqwest::get(format!("{node}{uri}")).await.unwrap();
                (answer.status(), answer.text().await.unwrap())
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, task }
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
