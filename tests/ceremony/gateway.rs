//! A proxy before the messenger that answers in its place while the messenger restarts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use casimir_dkg::dkg::rockx::initiator::{Initiator, InitiatorConfig};
use casimir_dkg::ports::{Failed, Verified};
use casimir_dkg::types::{FailureKind, OperatorId};

use super::byzantine::Misbehaviour;
use super::house::{House, Plan, check_transcript, fresh_id, ids, keygen_plan, until};

/// Shorter than what the operators of these tests take for a message.
const ROUND: Duration = Duration::from_secs(2);
const PAGE: &str = "<html><h1>Bad Gateway</h1><p>nginx</p></html>";

/// Passes everything on, and answers with a page and this status while one is set: to everything below a path.
struct Gateway {
    url: String,
    status: Arc<AtomicU16>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Gateway {
    async fn before(messenger: &str, below: &'static str) -> Self {
        let status = Arc::new(AtomicU16::new(0));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let (set, messenger) = (Arc::clone(&status), messenger.to_owned());
        let router = axum::Router::new().fallback(move |request: Request| {
            let (client, messenger) = (client.clone(), messenger.clone());
            let status = set.load(Ordering::SeqCst);
            let is_below = request.uri().path().starts_with(below);
            async move {
                match StatusCode::from_u16(status) {
                    Ok(status) if is_below => (status, PAGE).into_response(),
                    _ => passed_on(&client, &messenger, request).await,
                }
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, status, task }
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

async fn passed_on(client: &reqwest::Client, messenger: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    let url = format!("{messenger}{}", parts.uri);
    let call = client
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body);
    let answer = call.send().await.unwrap();
    let status = answer.status();
    (status, Body::from(answer.bytes().await.unwrap())).into_response()
}

async fn house(operator_4: Misbehaviour) -> House {
    House::build(Plan {
        honest: ids(1..=3),
        others: vec![(OperatorId(4), operator_4)],
        round: ROUND,
        ..Plan::default()
    })
    .await
}

/// A key generation whose initiator sent its start through a gateway before these paths of the messenger.
async fn begun(
    house: &House,
    paths: &'static str,
    change: impl FnOnce(&mut InitiatorConfig),
) -> (Gateway, tokio::task::JoinHandle<Result<Verified, Box<Failed>>>) {
    let gateway = Gateway::before(&house.messenger_url, paths).await;
    let mut config = house.config.clone();
    config.messenger_url = gateway.url.clone();
    change(&mut config);
    let initiator = Initiator::start(config).await.unwrap();
    let plan = keygen_plan(ids(1..=4));
    let updates = house.watch();
    let run = tokio::spawn(async move { initiator.run(fresh_id(), &plan, updates).await });
    until("the start", || is_told(house, "start message sent")).await;
    (gateway, run)
}

fn is_told(house: &House, words: &str) -> bool {
    let seen = house.seen.lock().unwrap();
    seen.iter().any(|update| update.note.as_str().contains(words))
}

/// A key generation whose initiator meets the page from the first message on; until it says so, where `is_back`.
async fn run(house: &House, status: u16, is_back: bool) -> Result<Verified, Box<Failed>> {
    let (gateway, run) = begun(house, "/", |_| ()).await;
    let seen = |words: &str| is_told(house, words);
    gateway.answers(status);
    until("the initiator notices", || seen("waiting for it")).await;
    if is_back {
        gateway.answers(0);
        until("the initiator goes on", || seen("the messenger is back")).await;
    }
    let end = run.await.unwrap();
    check_transcript(&end);
    end
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceremony_goes_on_behind_a_gateway_that_answers_in_the_messengers_place() {
    let house = house(Misbehaviour::Slow(ROUND + ROUND / 4)).await;
    let end = run(&house, 502, false).await;
    end.unwrap_or_else(|failed| panic!("{failed}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_named_for_what_a_gateway_may_have_kept_from_the_messenger() {
    for status in [502, 429, 403, 200] {
        let house = house(Misbehaviour::Slow(Duration::from_secs(600))).await;
        let failed = run(&house, status, true).await.unwrap_err();
        let failure = failed.failure;
        assert_eq!(failure.kind, FailureKind::Timeout, "{status}: {failure}");
        assert_eq!(failure.culprits, [], "{status}: {failure}");
        assert!(
            failure.reason.as_str().contains("was away"),
            "{status}: {failure}"
        );
    }
}

/// The answers for the result come, and those for the topic do not: the round's time began anew with each of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_messenger_that_does_not_tell_the_topic_is_waited_for_and_back_when_it_does() {
    let silent = Misbehaviour::Slow(Duration::from_secs(600));
    for is_back in [true, false] {
        let house = house(silent.clone()).await;
        let total = if is_back { crate::TIMEOUT } else { ROUND * 10 };
        let (gateway, run) = begun(&house, "/topics/", |config| config.total_deadline = total).await;
        let seen = |words: &str| is_told(&house, words);
        gateway.answers(502);
        until("it is said", || seen("not for the topic: it answered 502")).await;
        assert!(!seen("the messenger is back"));
        if is_back {
            gateway.answers(0);
            until("the initiator goes on", || seen("the messenger is back")).await;
        }
        let end = run.await.unwrap();
        check_transcript(&end);
        let failure = end.unwrap_err().failure;
        assert_eq!(failure.culprits, [], "{failure}");
        let (kind, words) = match is_back {
            true => (FailureKind::Timeout, "was away"),
            false => (
                FailureKind::Unknown,
                "does not tell the ceremony's topic: it answered 502",
            ),
        };
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.reason.as_str().contains(words), "{failure}");
        assert_eq!(seen("the messenger is back"), is_back);
    }
}
