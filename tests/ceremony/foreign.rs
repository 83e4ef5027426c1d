//! A messenger as the deployed ones are: nothing is checked, names that are not registered are dropped silently, a failed
//! delivery goes to the tail of the queue, a refused connection loses the message, the last result wins. It can be made
//! to lie about results and to forget everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use casimir_dkg::dkg::rockx::transcript::{RecordedVerdict, Source};
use casimir_dkg::dkg::rockx::wire::{
    BlameOutput, CreateTopic, DataStore, Decode, Encode, GoMap, SignedMessage, SignedOutput, Subscriber,
    Topic,
};
use casimir_dkg::dkg::threshold::SecretScalar;
use casimir_dkg::ports::Answer;
use casimir_dkg::types::{CeremonyFailure, CheckStatus, FailureKind, OperatorId, OperatorState};
use rand::rngs::OsRng;
use tokio::sync::{Notify, mpsc};

use super::byzantine::Misbehaviour;
use super::house::{HASTY, House, Plan, document_of, ids, keygen_plan};

type Queue = mpsc::UnboundedSender<Bytes>;
type Topics = BTreeMap<String, BTreeMap<String, (String, Queue)>>;

/// What is wrong with it, besides being what it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vice {
    None,
    /// Shows results with another validator key.
    SwapsResults,
    /// Shows no result at all.
    HidesResults,
    /// Shows every result under the outputs of its first two operators only.
    DropsOutputs,
    /// Is gone as soon as the first operator hands in a result, which it never stores.
    DiesAtTheEnd,
}

pub(crate) struct Foreign {
    topics: Mutex<Topics>,
    data: Mutex<BTreeMap<String, Vec<u8>>>,
    vice: Vice,
    pub(crate) amnesia: AtomicBool,
    dies: Arc<Notify>,
    /// Another server answers in its place: 404 to everything.
    away: AtomicBool,
    /// Strangers register, and subscribe to whatever is made.
    crowded: AtomicBool,
    client: reqwest::Client,
}

impl Foreign {
    pub(crate) async fn spawn(vice: Vice) -> (Arc<Self>, String) {
        let foreign = Arc::new(Self {
            topics: Mutex::new([("default".to_owned(), BTreeMap::new())].into()),
            data: Mutex::default(),
            vice,
            amnesia: AtomicBool::new(false),
            dies: Arc::default(),
            away: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
        });
        let router = Router::new()
            .route("/register_node", post(register))
            .route("/topics", post(create))
            .route("/topics/{name}", get(show).delete(remove))
            .route("/publish", post(publish))
            .route("/stream/dkgoutput", post(output))
            .route("/stream/dkgblame", post(blame))
            .route("/data/{id}", get(data))
            .route("/ping", get(async || r#"{"message":"pong"}"#))
            .route("/version", get(async || r#"{"version":""}"#))
            .layer(from_fn_with_state(foreign.clone(), or_another))
            .with_state(foreign.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let dies = Arc::clone(&foreign.dies);
        let until = async move { dies.notified().await };
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(until).await });
        (foreign, url)
    }

    /// A worker per subscriber: one at a time, retries at the tail, eleven attempts, refused connections lose.
    fn queue(self: &Arc<Self>, address: String) -> Queue {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Bytes>();
        let (client, tail) = (self.client.clone(), sender.clone());
        tokio::spawn(async move {
            let mut attempts: BTreeMap<Bytes, u32> = BTreeMap::new();
            while let Some(body) = receiver.recv().await {
                let tried = attempts.entry(body.clone()).or_default();
                *tried += 1;
                if *tried > 2 {
                    // two seconds in the real one
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                let answer = client
                    .post(format!("{address}/consume"))
                    .body(body.clone())
                    .send()
                    .await;
                if answer.is_ok_and(|answer| answer.status() != 200) && *tried < 11 {
                    let _ = tail.send(body);
                }
            }
        });
        sender
    }
}

fn describe(name: &str, members: &BTreeMap<String, (String, Queue)>) -> String {
    let members = members.iter().map(|(name, (address, _))| Subscriber {
        name: name.clone(),
        srv_addr: address.clone(),
    });
    String::from_utf8(Topic::new(name, members).to_json()).expect("JSON")
}

/// As an ingress does whose backend restarts.
async fn or_another(State(me): State<Arc<Foreign>>, request: Request, next: Next) -> Response {
    match me.away.load(Ordering::Relaxed) {
        true => (StatusCode::NOT_FOUND, "default backend - 404").into_response(),
        false => next.run(request).await,
    }
}

type Asked = Query<BTreeMap<String, String>>;

async fn register(State(me): State<Arc<Foreign>>, Query(query): Asked, body: Bytes) -> (StatusCode, String) {
    let subscriber = Subscriber::from_json(&body).expect("a subscriber");
    let queue = me.queue(subscriber.srv_addr.clone());
    let mut topics = me.topics.lock().expect("never poisoned");
    match topics.get_mut(&query["subscribes_to"]) {
        None => (StatusCode::NOT_FOUND, "null".into()),
        Some(members) => {
            members.insert(subscriber.name, (subscriber.srv_addr, queue));
            (StatusCode::OK, "null".into())
        }
    }
}

/// 3 MB of people whom nobody knows, some of them before all operators.
fn crowd() -> impl Iterator<Item = (String, (String, Queue))> {
    (0..3_000).map(|n| {
        let name = format!("{}{n}", if n % 2 == 0 { "!" } else { "z" });
        let nobody = mpsc::unbounded_channel().0;
        (name, (format!("http://8.8.8.8/{}", "<".repeat(160)), nobody))
    })
}

async fn create(State(me): State<Arc<Foreign>>, body: Bytes) -> String {
    let wanted = CreateTopic::from_json(&body).expect("a topic");
    let mut topics = me.topics.lock().expect("never poisoned");
    let members: BTreeMap<_, _> = wanted
        .subscribers
        .iter()
        .filter_map(|name| Some((name.clone(), topics["default"].get(name)?.clone())))
        .collect();
    let text = describe(&wanted.topic_name, &members);
    let crowd = me.crowded.load(Ordering::Relaxed).then(crowd);
    let members = members.into_iter().chain(crowd.into_iter().flatten()).collect();
    topics.insert(wanted.topic_name, members);
    text
}

async fn show(State(me): State<Arc<Foreign>>, Path(name): Path<String>) -> (StatusCode, String) {
    match me.topics.lock().expect("never poisoned").get(&name) {
        Some(members) if !me.amnesia.load(Ordering::Relaxed) => (StatusCode::OK, describe(&name, members)),
        _ => (StatusCode::NOT_FOUND, "null".into()),
    }
}

async fn remove(State(me): State<Arc<Foreign>>, Path(name): Path<String>) {
    me.topics.lock().expect("never poisoned").remove(&name);
}

async fn publish(State(me): State<Arc<Foreign>>, Query(query): Asked, body: Bytes) -> StatusCode {
    if me.amnesia.load(Ordering::Relaxed) {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let Ok(signed) = SignedMessage::from_ssv(&body) else {
        return StatusCode::OK;
    };
    let topics = me.topics.lock().expect("never poisoned");
    let Some(members) = topics.get(&query["topic_name"]) else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    for (name, (_, queue)) in members {
        if *name != signed.signer.to_string() {
            let _ = queue.send(body.clone());
        }
    }
    StatusCode::OK
}

async fn output(State(me): State<Arc<Foreign>>, Query(query): Asked, body: Bytes) {
    if me.vice == Vice::DiesAtTheEnd {
        me.dies.notify_one();
        return;
    }
    let outputs = GoMap::<SignedOutput>::from_json(&body).expect("outputs");
    let store = DataStore {
        dkg_outputs: outputs,
        blame_output: None,
    };
    me.data
        .lock()
        .unwrap()
        .insert(query["request_id"].clone(), store.to_json());
}

async fn blame(State(me): State<Arc<Foreign>>, Query(query): Asked, body: Bytes) {
    let store = DataStore {
        dkg_outputs: GoMap(None),
        blame_output: Some(BlameOutput::from_json(&body).expect("a blame")),
    };
    me.data
        .lock()
        .unwrap()
        .insert(query["request_id"].clone(), store.to_json());
}

async fn data(State(me): State<Arc<Foreign>>, Path(id): Path<String>) -> (StatusCode, Vec<u8>) {
    let stored = me.data.lock().expect("never poisoned").get(&id).cloned();
    let Some(stored) = stored.filter(|_| me.vice != Vice::HidesResults) else {
        return (StatusCode::NOT_FOUND, Vec::new());
    };
    let mut store = DataStore::from_json(&stored).expect("our own");
    if me.vice == Vice::SwapsResults {
        let key = SecretScalar::random(&mut OsRng).public_key();
        for output in store.dkg_outputs.0.iter_mut().flat_map(BTreeMap::values_mut) {
            output.data.as_mut().expect("of a keygen").validator_pub_key = key.0.into();
        }
    }
    if me.vice == Vice::DropsOutputs {
        let keep: BTreeSet<OperatorId> = store.dkg_outputs.iter().map(|(id, _)| *id).take(2).collect();
        if let Some(outputs) = &mut store.dkg_outputs.0 {
            outputs.retain(|id, _| keep.contains(id));
        }
    }
    (StatusCode::OK, store.to_json())
}

async fn house(vice: Vice) -> (Arc<Foreign>, House) {
    let (foreign, url) = Foreign::spawn(vice).await;
    let house = House::build(Plan {
        honest: ids(1..=4),
        messenger_url: Some(url),
        round: HASTY * 2,
        ..Plan::default()
    })
    .await;
    (foreign, house)
}

#[tokio::test(flavor = "multi_thread")]
async fn its_habits_do_not_disturb() {
    let (_foreign, house) = house(Vice::None).await;
    for _ in 0..3 {
        let end = house.run(&keygen_plan(ids(1..=4))).await;
        end.unwrap_or_else(|failed| panic!("{failed}"));
    }
    let health = house.initiator.preflight_messenger().await;
    let presence = health.answers.yes().expect("it answers");
    assert_eq!(
        presence.version.as_ref().map(|version| version.as_str()),
        Some("")
    );
}

/// Whoever is silent has not said that it is not there; nothing begins all the same, and nobody else is accused.
#[tokio::test(flavor = "multi_thread")]
async fn a_messenger_that_does_not_answer_is_not_known() {
    let (_foreign, house) = house(Vice::None).await;
    let page = axum::Router::new().fallback(async || (StatusCode::OK, "<html>It works!</html>"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, page).await });
    for url in ["http://127.0.0.1:1", &server] {
        let mut config = house.config.clone();
        config.messenger_url = url.to_owned();
        let initiator = casimir_dkg::dkg::rockx::initiator::Initiator::start(config)
            .await
            .unwrap();
        let health = initiator.preflight_messenger().await;
        assert!(matches!(health.answers, Answer::NotKnown(_)), "{health:?}");
        let plan = keygen_plan(ids(1..=4));
        let run = initiator.run(super::house::fresh_id(), &plan, house.watch());
        let failed = run.await.unwrap_err();
        assert_eq!(failed.failure.kind, FailureKind::NotStarted, "{failed}");
        assert_eq!(failed.failure.culprits, [], "{failed}");
    }
    serving.abort();
}

/// As after a first start: the messenger is up, and the operators are in the pause before their next try.
#[tokio::test(flavor = "multi_thread")]
async fn operators_that_have_not_registered_yet_are_waited_for() {
    let (foreign, house) = house(Vice::None).await;
    let everybody = ids(1..=4);
    let known = house.initiator.unregistered(&everybody).await;
    assert_eq!(known, Answer::Yes(Vec::new()));
    foreign.topics.lock().unwrap().get_mut("default").unwrap().clear();
    let end = house.run(&keygen_plan(everybody)).await;
    end.unwrap_or_else(|failed| panic!("{failed}"));
}

/// 276 registrations made a list longer than was read: nobody was known to be registered, for as long as they stayed, and
/// observers between the creation of a topic and the look back at it kept every ceremony from its start.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_keeps_nobody_from_being_found() {
    let (foreign, house) = house(Vice::None).await;
    foreign.crowded.store(true, Ordering::Relaxed);
    foreign
        .topics
        .lock()
        .unwrap()
        .get_mut("default")
        .unwrap()
        .extend(crowd());
    let unregistered = house.initiator.unregistered(&ids(1..=5)).await;
    assert_eq!(unregistered, Answer::Yes(ids(5..=5)));
    let end = house.run(&keygen_plan(ids(1..=4))).await;
    end.unwrap_or_else(|failed| panic!("{failed}"));
}

/// A lie of the messenger takes nothing from what the operators were seen to sign, and accuses nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_result_is_refused_and_the_observed_one_counts() {
    for vice in [Vice::SwapsResults, Vice::DropsOutputs] {
        let (_foreign, house) = house(vice).await;
        let end = house.run(&keygen_plan(ids(1..=4))).await;
        let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
        let document = document_of(&verified.transcript);
        assert!(matches!(
            document.verdict,
            RecordedVerdict::Verified {
                source: Source::Observed,
                ..
            }
        ));
        assert!(document.stored.is_some(), "the lie is kept as evidence");
        let (code, said) = crate::independent::verifier::judge(&verified.transcript);
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains("?   what the messenger stored") && !said.contains("BAD"),
            "{said}"
        );
        let states = verified.progress.values().map(|operator| operator.state);
        assert!(
            states.clone().all(|state| state != OperatorState::Blamed),
            "nobody is accused"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_result_is_taken_from_what_was_signed_before_our_eyes() {
    let (_foreign, house) = house(Vice::HidesResults).await;
    let end = house.run(&keygen_plan(ids(1..=4))).await;
    let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
    assert!(matches!(
        document_of(&verified.transcript).verdict,
        RecordedVerdict::Verified {
            source: Source::Observed,
            ..
        }
    ));
    let check = verified
        .checks
        .iter()
        .find(|check| check.name == "result-source")
        .unwrap();
    assert_eq!(check.status, CheckStatus::Unknown);
}

/// The key is there by what every operator signed before our eyes. Nothing but the messenger's own copy is missing, so a
/// rule needs to let that one check pass and no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_generation_whose_messenger_died_is_complete_by_observation_and_lacks_one_check() {
    let (foreign, house) = house(Vice::DiesAtTheEnd).await;
    let end = house.run(&keygen_plan(ids(1..=4))).await;
    let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
    let health = house.initiator.preflight_messenger().await;
    assert!(
        matches!(health.answers, Answer::NotKnown(_)),
        "it is gone: {health:?}"
    );
    assert!(foreign.data.lock().unwrap().is_empty(), "it stored nothing");
    let document = document_of(&verified.transcript);
    assert!(matches!(
        document.verdict,
        RecordedVerdict::Verified {
            source: Source::Observed,
            ..
        }
    ));
    let unknown = verified
        .checks
        .iter()
        .filter(|check| check.status != CheckStatus::Pass)
        .map(|check| (check.name.as_str(), check.status));
    assert_eq!(
        unknown.collect::<Vec<_>>(),
        [("result-source", CheckStatus::Unknown)]
    );
}

/// How a key generation fails to whose messenger this happens after a first message.
async fn failure_after(happens: impl FnOnce(&Foreign)) -> CeremonyFailure {
    let (foreign, url) = Foreign::spawn(Vice::None).await;
    let house = House::build(Plan {
        honest: ids(1..=3),
        others: vec![(OperatorId(4), Misbehaviour::Slow(HASTY))],
        messenger_url: Some(url),
        round: HASTY,
        ..Plan::default()
    })
    .await;
    let meanwhile = async {
        super::house::until("a first message", || {
            let seen = house.seen.lock().expect("never poisoned");
            seen.iter()
                .any(|update| update.operators.values().any(|row| row.seen.len() > 1))
        })
        .await;
        happens(&foreign);
    };
    let plan = keygen_plan(ids(1..=4));
    let (end, ()) = tokio::join!(house.run(&plan), meanwhile);
    end.expect_err("nothing can be delivered").failure
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_topic_blames_nobody() {
    let failure = failure_after(|foreign| foreign.amnesia.store(true, Ordering::Relaxed)).await;
    assert_eq!(failure.kind, FailureKind::Lost, "{failure}");
    assert_eq!(failure.culprits, []);
}

/// A proxy's 404 for everything is no word of a messenger: the ceremony is looked for again, and its result counts.
#[tokio::test(flavor = "multi_thread")]
async fn another_server_in_its_place_ends_no_ceremony() {
    let failure = failure_after(|foreign| foreign.away.store(true, Ordering::Relaxed)).await;
    assert_eq!(failure.kind, FailureKind::Unknown, "{failure}");
    assert_eq!(failure.culprits, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_server_denies_is_found_once_the_messenger_is_back() {
    let (foreign, house) = house(Vice::None).await;
    let (plan, id) = (keygen_plan(ids(1..=4)), super::house::fresh_id());
    let run = house.initiator.run(id, &plan, house.watch()).await;
    let key = run.unwrap_or_else(|failed| panic!("{failed}")).result;
    foreign.away.store(true, Ordering::Relaxed);
    let found = house.initiator.find(id, &plan, house.watch()).await;
    let failure = found.expect_err("nobody can be asked").failure;
    assert_eq!(failure.kind, FailureKind::Unknown, "{failure}");
    assert!(failure.reason.as_str().contains("no messenger"), "{failure}");
    foreign.away.store(false, Ordering::Relaxed);
    let found = house.initiator.find(id, &plan, house.watch()).await;
    assert_eq!(found.unwrap_or_else(|failed| panic!("{failed}")).result, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_it_does_not_know_is_named() {
    let (_other, elsewhere) = Foreign::spawn(Vice::None).await;
    let (_foreign, url) = Foreign::spawn(Vice::None).await;
    let house = House::build(Plan {
        honest: ids(1..=3),
        messenger_url: Some(url.clone()),
        absent: ids([4]),
        ..Plan::default()
    })
    .await;
    // operator 4 runs, and has registered with another messenger
    let lost = House::build(Plan {
        honest: ids([4]),
        messenger_url: Some(elsewhere),
        ..Plan::default()
    })
    .await;
    let mut config = house.config.clone();
    let endpoint = lost.config.directory[&OperatorId(4)].endpoint.clone();
    config.directory.get_mut(&OperatorId(4)).unwrap().endpoint = endpoint;
    let initiator = casimir_dkg::dkg::rockx::initiator::Initiator::start(config)
        .await
        .unwrap();
    let plan = keygen_plan(ids(1..=4));
    let failed = initiator
        .run(super::house::fresh_id(), &plan, house.watch())
        .await
        .unwrap_err();
    assert_eq!(failed.failure.kind, FailureKind::NotStarted);
    assert_eq!(failed.failure.culprits, ids([4]));
    assert!(
        failed.failure.reason.as_str().contains("not registered"),
        "{failed}"
    );
}
