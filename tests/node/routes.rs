//! What a node answers, whom it serves, and when it does not start.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use casimir_dkg::beacon::roots::voluntary_exit_signing_root;
use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig};
use casimir_dkg::dkg::rockx::node::policy::{
    ChainPlace, ExitRule, Initiator, Policy, SigningRules, ValidatorIndices,
};
use casimir_dkg::dkg::rockx::node::{self, NodeError};
use casimir_dkg::dkg::rockx::wire::{Encode, GoBytes, Init, MsgType, SignedMessage};
use casimir_dkg::ports::Answer;
use casimir_dkg::types::{BlsPublicKey, ForkVersion, OperatorId, Root};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::net::{CREDENTIALS, FORK, identity, ids, public, request};
use super::stage::{
    DEADLINE, Stage, client, config, init, keysign, loopback, messenger, reshare, signed, spawn, validator_of,
};
use crate::messenger::slow;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_routes_answer_as_the_real_programs_do() {
    let stage = Stage::new(4).await;
    let url = stage.nodes[0].public_url().to_owned();
    let validator = validator_of(&stage.keygen(4, 1).await);
    let post = async |body: Vec<u8>| {
        let answer = stage
            .http
            .post(format!("{url}/consume"))
            .body(body)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let get = async |path: &str| {
        let answer = stage.http.get(format!("{url}/{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("ping").await, (200, r#"{"message":"pong"}"#.into()));
    assert_eq!(get("version").await, (200, r#"{"version":"0.2.13"}"#.into()));
    assert_eq!(get("consume").await, (404, "404 page not found".into()));
    assert_eq!(get("nothing").await, (404, "404 page not found".into()));
    let (status, text) = get(&format!("dkg_results/{}", hex::encode(validator.0))).await;
    let base64 = String::from_utf8(GoBytes::from(validator.0).to_json()).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        text,
        format!(
            r#"{{"Share":{{}},"OperatorPubKeys":{{"1":{{}},"2":{{}},"3":{{}},"4":{{}}}},"ValidatorPK":{base64},"Threshold":3}}"#
        )
    );
    assert_eq!(
        get(&format!("dkg_results/{}", "00".repeat(48))).await,
        (500, String::new())
    );

    assert_eq!(
        post(b"short".to_vec()).await,
        (
            400,
            r#"{"error":"incorrect size","message":"failed to parse data from request body"}"#.into()
        )
    );
    let failed = r#""message":"dkg node failed to process message"}"#;
    for (message, error) in [
        (
            signed(MsgType::Init, 9, &String::from("x")).to_ssv(),
            "could not start new dkg",
        ),
        (
            keysign(9, BlsPublicKey([1; 48]), &[1; 32]).to_ssv(),
            "Key not found",
        ),
        (
            reshare(9, BlsPublicKey([1; 48]), &ids([1, 2, 3]), &ids(1..=4)).to_ssv(),
            "could not find the keygen output from storage: Key not found",
        ),
        (
            init(9, &ids([1, 2, 3])).to_ssv(),
            "invalid number of operators which has to be 3f+1",
        ),
        (init(9, &ids([2, 3, 4, 5])).to_ssv(), "does not take part"),
        (
            SignedMessage {
                signer: OperatorId(99),
                ..init(9, &ids(1..=4))
            }
            .to_ssv(),
            "failed to retrieve operator info for signer 99: failed to find operator with id 99",
        ),
        (SignedMessage::default().to_ssv(), "no message"),
        (
            signed(MsgType::Other(6), 1, &String::from("x")).to_ssv(),
            r#"{"error":"unknown msg type","#,
        ),
    ] {
        let (status, text) = post(message).await;
        assert!(
            status == 500 && text.contains(error) && text.ends_with(failed),
            "{status} {text}"
        );
    }
    // more than a message can have
    let (status, _) = post(vec![0; 2 << 20]).await;
    assert_eq!(status, 400);
    stage.shutdown().await;
}

/// A messenger drops for good what a node calls a bad request: a blame was lost to connections that fell silent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_has_no_room_for_now_is_sent_again() {
    let stage = Stage::new(4).await;
    let url = stage.nodes[0].public_url().to_owned();
    let at: std::net::SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut silent = Vec::new();
    for _ in 0..16 {
        let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
        let head = "POST /consume HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
        let begin = [head.as_bytes(), &[b'x'; 40 << 10]].concat();
        stream.write_all(&begin).await.unwrap();
        silent.push(stream);
    }
    let begun = Instant::now();
    loop {
        let long = stage
            .http
            .post(format!("{url}/consume"))
            .body(vec![b'x'; 40 << 10]);
        let answer = long.send().await.unwrap();
        if answer.status() == 503 {
            let text = answer.text().await.unwrap();
            assert!(text.contains("too many long request bodies at once"), "{text}");
            break;
        }
        // those that are read are no messages
        assert_eq!(answer.status(), 400);
        assert!(
            begun.elapsed() < crate::TIMEOUT,
            "none was refused before the silent ones were over"
        );
    }
    // a body that does not come in time passes, too
    let mut answer = [0; 12];
    silent[0].read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_policy_does_not_list_is_refused() {
    let genesis = Root([5; 32]);
    let capella = ForkVersion([3, 0, 0, 1]);
    let stage = Stage::with(4, |config| {
        config.policy = Policy {
            initiators: Some(vec![Initiator {
                name: "oracle".into(),
                public_key: public(OperatorId(1)).to_registry_text(),
            }]),
            withdrawal_credentials: Some(vec![CREDENTIALS]),
            fork_versions: Some(vec![FORK]),
            signing: Some(SigningRules {
                owners: vec![],
                exits: vec![ExitRule {
                    genesis_validators_root: genesis,
                    capella_fork_version: capella,
                    own_validators: false,
                    indices: 7..=7,
                    epochs: 100..=200,
                }],
            }),
        };
    })
    .await;
    let members = ids(1..=4);
    let url = stage.nodes[0].public_url().to_owned();
    let refused = async |message: &SignedMessage, why: &str| {
        let (status, text) = stage.send(&url, message).await;
        assert!(
            status == 500 && text.contains("refused by policy") && text.contains(why),
            "{text}"
        );
    };
    let mut foreign = init(1, &members);
    let content = foreign.message.take().unwrap();
    foreign = content.sign(OperatorId(1), &identity(2).key).unwrap();
    refused(&foreign, "not signed by an allowed initiator").await;
    let other = Init {
        operator_ids: members.iter().copied().collect(),
        threshold: 3,
        withdrawal_credentials: [9; 32].into(),
        fork: FORK,
    };
    refused(&signed(MsgType::Init, 1, &other), "withdrawal credentials").await;

    let validator = validator_of(&stage.keygen(4, 1).await);
    refused(&keysign(2, validator, &[1; 32]), "signing root").await;
    let too_late = voluntary_exit_signing_root(201, 7, capella, &genesis);
    refused(&keysign(2, validator, &too_late.0), "signing root").await;
    let says =
        format!("the exit of validator {validator} (index 7) at epoch 201; exit rule 1 allows indices 7");
    refused(&keysign(2, validator, &too_late.0), &says).await;
    let exit = voluntary_exit_signing_root(200, 7, capella, &genesis);
    stage.sign(validator, &members, &exit.0, 2).await;

    // changed while it runs: what cannot be used changes nothing, what can counts from the next message on
    let nobody = |public_key: &str| Policy {
        initiators: Some(vec![Initiator {
            name: "another".into(),
            public_key: public_key.to_owned(),
        }]),
        ..Policy::default()
    };
    let door = stage.nodes[0].rules();
    assert!(door.set(nobody("no key"), None).is_err());
    refused(&keysign(3, validator, &[1; 32]), "signing root").await;
    door.set(nobody(&public(OperatorId(2)).to_registry_text()), None)
        .unwrap();
    refused(
        &keysign(3, validator, &exit.0),
        "not signed by an allowed initiator",
    )
    .await;
    stage.shutdown().await;
}

/// A beacon chain that knows every validator by the same index, once it is up.
#[derive(Debug)]
struct Chain {
    index: u64,
    asked: AtomicUsize,
}

#[async_trait::async_trait]
impl ValidatorIndices for Chain {
    async fn place_of(&self, _: BlsPublicKey) -> Answer<ChainPlace> {
        match self.asked.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::not_known("the beacon node is not up yet"),
            _ => Answer::Yes(ChainPlace {
                index: self.index,
                active_since: Some(10_000),
            }),
        }
    }
}

/// 1,001 indices by 11,001 epochs are too many to look through; the node's own validators are few.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exits_of_own_validators_are_allowed_without_ranges() {
    let (genesis, capella) = (Root([5; 32]), ForkVersion([3, 0, 0, 1]));
    let rule = |own_validators, indices, epochs| {
        let exit = ExitRule {
            genesis_validators_root: genesis,
            capella_fork_version: capella,
            own_validators,
            indices,
            epochs,
        };
        Some(SigningRules {
            owners: vec![],
            exits: vec![exit],
        })
    };
    let dir = tempfile::tempdir().unwrap();
    let mut wide = config(1, "http://127.0.0.1:1", dir.path());
    wide.policy.signing = rule(false, 0..=1_000, 0..=11_000);
    let Err(NodeError::Policy(refused)) = node::spawn(wide).await else {
        panic!("so many roots cannot be looked through");
    };
    assert!(refused.to_string().contains("own_validators"), "{refused}");

    let chains: Vec<Arc<Chain>> = (0..4)
        .map(|_| {
            Arc::new(Chain {
                index: 900_000,
                asked: AtomicUsize::new(0),
            })
        })
        .collect();
    let stage = Stage::with(4, |config| {
        config.policy.signing = rule(true, 0..=u64::MAX, 0..=20_000);
        config.validator_indices = Some(chains[config.id.0 as usize - 1].clone());
    })
    .await;
    let members = ids(1..=4);
    let validator = validator_of(&stage.keygen(4, 1).await);
    let exit = voluntary_exit_signing_root(11_000, 900_000, capella, &genesis);
    for node in &stage.nodes {
        let (status, text) = stage
            .send(node.public_url(), &keysign(2, validator, &exit.0))
            .await;
        assert!(
            status == 500 && text.contains("is not known: the beacon node is not up yet"),
            "{text}"
        );
    }
    stage.sign(validator, &members, &exit.0, 2).await;
    stage.sign(validator, &members, &exit.0, 3).await;
    for chain in &chains {
        assert_eq!(
            chain.asked.load(Ordering::SeqCst),
            2,
            "an index is asked for once"
        );
    }
    let others = voluntary_exit_signing_root(11_000, 900_001, capella, &genesis);
    let (status, text) = stage
        .send(stage.nodes[0].public_url(), &keysign(4, validator, &others.0))
        .await;
    assert!(
        status == 500 && text.contains("exit rule 1: own validators at epochs 0 to 20000"),
        "{text}"
    );

    // whom they ask changes with the rules, and a rule that asks nobody is not taken
    let own = || Policy {
        signing: rule(true, 0..=u64::MAX, 0..=20_000),
        ..Policy::default()
    };
    let refused = stage.nodes[0].rules().set(own(), None).unwrap_err().to_string();
    assert!(
        refused.contains("own validators") && refused.contains("beacon.urls"),
        "{refused}"
    );
    for node in &stage.nodes {
        let chain = Chain {
            index: 900_001,
            asked: AtomicUsize::new(1),
        };
        node.rules().set(own(), Some(Arc::new(chain))).unwrap();
    }
    stage.sign(validator, &members, &others.0, 5).await;
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_does_not_start_with_another_operators_key_or_store() {
    let stage = Stage::new(1).await;
    let mut wrong = config(2, &stage.messenger.url(), stage.dir.path());
    wrong.private_key = identity(3).key;
    assert!(matches!(
        node::spawn(wrong).await,
        Err(NodeError::OtherKey(OperatorId(2)))
    ));
    let mut held = config(1, &stage.messenger.url(), stage.dir.path());
    held.listen = loopback();
    assert!(
        matches!(node::spawn(held).await, Err(NodeError::Store(_))),
        "the first still runs"
    );
    let mut foreign = config(2, &stage.messenger.url(), stage.dir.path());
    foreign.data_dir = stage.dir.path().join("1");
    let dir = stage.dir.path().to_owned();
    let Stage {
        messenger,
        nodes,
        dir: kept,
        ..
    } = stage;
    for node in nodes {
        node.shutdown().await;
    }
    assert!(
        matches!(node::spawn(foreign).await, Err(NodeError::Store(_))),
        "{}",
        dir.display()
    );
    drop(kept);
    messenger.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_register_again_with_a_messenger_that_was_restarted() {
    let first = messenger().await;
    let address = first.addr();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(1, &first.url(), dir.path());
    config.registration_interval = Duration::from_millis(50);
    let node = spawn(config).await;
    first.shutdown().await;
    let second = messenger::spawn(MessengerConfig::new(address)).await.unwrap();
    let http = client();
    let until = Instant::now() + DEADLINE;
    loop {
        let answer = http
            .get(format!("{}/topics/default", second.url()))
            .send()
            .await
            .unwrap();
        if answer.text().await.unwrap().contains(node.public_url()) {
            break;
        }
        assert!(Instant::now() < until, "not registered again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    node.shutdown().await;
    second.shutdown().await;
}

/// Between two registrations a messenger that came up without its memory would send a node nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_registers_again_as_soon_as_a_message_is_not_taken() {
    let first = messenger().await;
    let address = first.addr();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(1, &first.url(), dir.path());
    config.registration_interval = Duration::from_secs(3600);
    let node = spawn(config).await;
    first.shutdown().await;
    let second = messenger::spawn(MessengerConfig::new(address)).await.unwrap();
    let http = client();
    // it begins, and its first message has no topic to go to
    let start = init(7, &ids(1..=4)).to_ssv();
    let url = format!("{}/consume", node.public_url());
    let answer = http.post(url).body(start).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let until = Instant::now() + DEADLINE;
    loop {
        let answer = http.get(format!("{}/topics/default", second.url())).send();
        let answer = answer.await.unwrap().text().await.unwrap();
        if answer.contains(node.public_url()) {
            break;
        }
        assert!(Instant::now() < until, "not registered again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    node.shutdown().await;
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_do_not_keep_others_out() {
    let stage = Stage::new(1).await;
    let address = stage.nodes[0].local_addr();
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    let url = format!("{}/ping", stage.nodes[0].public_url());
    assert_eq!(stage.http.get(url).send().await.unwrap().status(), 200);
    // and they do not hold up the end
    let end = tokio::time::timeout(DEADLINE, stage.shutdown());
    end.await.expect("it waits for them");
    drop(silent);
}

/// 250 idle connections blocked a node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_silent_connections_than_there_may_be_keep_nobody_out() {
    let stage = Stage::new(1).await;
    let address = stage.nodes[0].local_addr();
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    let url = format!("{}/ping", stage.nodes[0].public_url());
    for _ in 0..5 {
        assert_eq!(stage.http.get(&url).send().await.unwrap().status(), 200);
    }
    stage.shutdown().await;
}

/// 512 unsigned start messages filled a node for ten minutes.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_messages_of_a_stranger_do_not_fill_the_node() {
    let stage = Stage::new(4).await;
    let members = ids(1..=4);
    let victim = &stage.urls(&members)[0];
    let (mut taken, mut refused) = (0, 0);
    for seed in 1000..1600 {
        match stage.send(victim, &init(seed, &members)).await {
            (200, _) => taken += 1,
            (_, text) => {
                assert!(
                    text.contains("too many ceremonies started from one address"),
                    "{text}"
                );
                refused += 1;
            }
        }
    }
    assert!(taken < 512 && refused > 0, "{taken} of one stranger run");
    // an initiator elsewhere
    stage.topic(request(1), &members).await;
    let elsewhere = reqwest::Client::builder()
        .no_proxy()
        .local_address(std::net::IpAddr::from([127, 0, 0, 5]))
        .build()
        .unwrap();
    let start = init(1, &members).to_ssv();
    for url in stage.urls(&members) {
        let call = elsewhere.post(format!("{url}/consume")).body(start.clone());
        assert_eq!(call.send().await.unwrap().status(), 200);
    }
    assert_eq!(stage.result(request(1)).await.dkg_outputs.len(), 4);
    stage.shutdown().await;
}

/// Anybody can begin such a run; a day after its end its id is forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_in_which_nobody_else_spoke_is_noted_as_one() {
    let mut stage = Stage::new(4).await;
    stage.keygen(4, 1).await;
    let start = init(2, &ids(1..=4));
    let (status, text) = stage.send(stage.nodes[0].public_url(), &start).await;
    assert_eq!(status, 200, "{text}");
    let file = stage.dir.path().join("1/shares.sqlite");
    for node in std::mem::take(&mut stage.nodes) {
        node.shutdown().await;
    }
    let db = rusqlite::Connection::open(file).unwrap();
    let alone = |seed| -> bool {
        let sql = "SELECT alone FROM sessions WHERE request_id = ?1";
        db.query_row(sql, [request(seed).0], |row| row.get(0)).unwrap()
    };
    assert!(!alone(1) && alone(2));
    stage.shutdown().await;
}

/// As at the messenger: the connections of a proxy are those of everybody behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_behind_a_proxy_shut_nobody_out_of_a_node() {
    let stage = Stage::with(1, |config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        // no body ends by itself
        config.body_deadline = Duration::from_secs(3_600);
    })
    .await;
    let at = stage.nodes[0].local_addr();
    let clients: Vec<String> = (1..=4).map(|n| format!("203.0.113.{n}")).collect();
    let held = slow::bodies(at, "/consume", &clients, 56).await;
    for n in 1..=4 {
        let client = format!("198.51.100.{n}");
        // before the deadline of a request is over, which is 30 s
        let within = Duration::from_secs(20);
        assert!(slow::gets_in(at, "/ping", &client, within).await, "{client}");
    }
    drop(held);
    stage.shutdown().await;
}

/// The same request may come whole the next time: it is answered as what passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let deadline = Duration::from_millis(200);
    let stage = Stage::with(1, |config| config.body_deadline = deadline).await;
    let begun = Instant::now();
    let mut stream = tokio::net::TcpStream::connect(stage.nodes[0].local_addr())
        .await
        .unwrap();
    let beginning = slow::beginning("/consume", "203.0.113.1");
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    // before the deadlines that a node has elsewhere: 10 s by default, 30 s for a request
    let read = tokio::time::timeout(Duration::from_secs(8), stream.read(&mut answer)).await;
    let length = read.expect("it is answered at its deadline").unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(begun.elapsed() >= deadline);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("request body too slow"), "{answer}");
    drop(stream);
    stage.shutdown().await;
}
