//! Faults of connections, and of the bytes of a true answer.

use std::time::{Duration, Instant};

use casimir_dkg::devnet::proxy::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::support::eventually;
use super::{Server, client, get, ruled, struck_once};

pub(super) const BODY: &str = r#"{"data":"something that is long enough to be cut"}"#;

pub(super) async fn honest() -> Server {
    Server::saying(serde_json::from_str(BODY).unwrap()).await
}

/// Sends bytes to the proxy and gives all that comes back, or the error that ended it.
pub(super) async fn raw(url: &str, request: &str) -> (Vec<u8>, Option<std::io::ErrorKind>) {
    let address = url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut out = Vec::new();
    let read = tokio::time::timeout(crate::TIMEOUT, stream.read_to_end(&mut out)).await;
    (out, read.unwrap().err().map(|error| error.kind()))
}

pub(super) const GET: &str = "GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn without_a_rule_everything_passes() {
    let server = Server::start(|call, body| {
        let mut answer = axum::response::Response::builder()
            .status(418)
            .header("x-own", "kept");
        if call.starts_with("HEAD") {
            answer = answer.header("x-head", "1");
        }
        let body = format!("{call} {}", String::from_utf8_lossy(body));
        answer.body(axum::body::Body::from(body)).unwrap()
    })
    .await;
    let proxy = super::proxy(Kind::Messenger, &[&server.url], "").await;
    let url = proxy.url("messenger.0").unwrap();
    let answer = client()
        .post(format!("{url}/publish?topic_name=a%20b"))
        .body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 418);
    assert_eq!(answer.headers()["x-own"], "kept");
    assert_eq!(
        answer.text().await.unwrap(),
        "POST /publish?topic_name=a%20b hello"
    );
    let head = client().head(&url).send().await.unwrap();
    assert_eq!(head.headers()["x-head"], "1");
    assert_eq!(head.text().await.unwrap(), "");
    assert!(proxy.log().is_empty());
    assert_eq!(proxy.calls("messenger.0", "POST /publish"), 1);

    // several requests on one connection, one of them in chunks
    let two = "POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n\
        GET /b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let (out, error) = raw(&url, two).await;
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.contains("POST /a abcde") && out.contains("GET /b ") && error.is_none(),
        "{out}"
    );
    let (out, _) = raw(&url, "nonsense\r\n\r\n").await;
    assert!(out.starts_with(b"HTTP/1.1 400"));
    let (out, _) = raw(&url, "POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n").await;
    assert!(out.starts_with(b"HTTP/1.1 400"), "a body has a limit");
}

#[tokio::test]
async fn a_targets_redirect_is_passed_on_and_not_followed() {
    let server = Server::start(|_, _| {
        let answer = axum::response::Response::builder().status(302);
        let answer = answer.header("location", "http://192.0.2.1/elsewhere");
        answer.body(axum::body::Body::empty()).unwrap()
    })
    .await;
    let proxy = super::proxy(Kind::Operator, &[&server.url], "").await;
    let answer = client()
        .get(proxy.url("operator.0").unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "http://192.0.2.1/elsewhere");
}

#[tokio::test]
async fn calls_are_delayed_and_answered_all_the_same() {
    let server = honest().await;
    let proxy = ruled(
        Kind::Beacon,
        &server,
        "does = { fault = \"delay\", time = \"200 ms\" }",
    )
    .await;
    let started = Instant::now();
    assert_eq!(get(&proxy.url("beacon.0").unwrap()).await.1, BODY);
    assert!(started.elapsed() >= Duration::from_millis(200));
    struck_once(&proxy, "GET /", "waited 200 ms");
}

#[tokio::test]
async fn calls_hang_and_leave_with_their_client() {
    for (rule, reached) in [("", 0), (", forward = true", 1)] {
        let server = honest().await;
        let proxy = ruled(
            Kind::Beacon,
            &server,
            &format!("does = {{ fault = \"hang\"{rule} }}"),
        )
        .await;
        let url = proxy.url("beacon.0").unwrap();
        let call = tokio::spawn(client().get(&url).send());
        let hangs = async || server.asked().len() == reached && proxy.strikes("test") == 1;
        eventually("it hangs", hangs).await;
        // were there an answer, it would come now
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!call.is_finished());
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        assert_eq!(server.asked().len(), reached);
        struck_once(&proxy, "GET /", "gave no answer");
    }
}

#[tokio::test]
async fn connections_are_reset() {
    for (rule, reached) in [("", 0), (", forward = true", 1)] {
        let server = honest().await;
        let proxy = ruled(
            Kind::Beacon,
            &server,
            &format!("does = {{ fault = \"reset\"{rule} }}"),
        )
        .await;
        let (out, error) = raw(&proxy.url("beacon.0").unwrap(), GET).await;
        assert_eq!((out.len(), error), (0, Some(std::io::ErrorKind::ConnectionReset)));
        assert_eq!(server.asked().len(), reached);
        struck_once(&proxy, "GET /x", "reset the connection");
    }
}

#[tokio::test]
async fn a_node_that_is_not_there_is_not_there() {
    let gone = format!("http://{}", crate::nobody());
    let proxy = super::proxy(Kind::Beacon, &[&gone], "").await;
    let (out, error) = raw(&proxy.url("beacon.0").unwrap(), GET).await;
    assert_eq!((out.len(), error), (0, Some(std::io::ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn answers_are_cut() {
    let server = honest().await;
    for (rule, sent) in [("", BODY.len() / 2), (", bytes = 3", 3)] {
        let proxy = ruled(
            Kind::Beacon,
            &server,
            &format!("does = {{ fault = \"half\"{rule} }}"),
        )
        .await;
        let url = proxy.url("beacon.0").unwrap();
        let (out, _) = raw(&url, GET).await;
        let out = String::from_utf8(out).unwrap();
        let (head, body) = out.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}", BODY.len())),
            "{head}"
        );
        assert_eq!(body, &BODY[..sent]);
        let answer = client().get(&url).send().await.unwrap();
        assert!(answer.text().await.is_err(), "a client can tell");
    }
}

#[tokio::test]
async fn answers_drip() {
    let server = honest().await;
    let proxy = ruled(
        Kind::Beacon,
        &server,
        "does = { fault = \"slow\", bytes_per_second = 2 }",
    )
    .await;
    let began = Instant::now();
    let call = client().get(proxy.url("beacon.0").unwrap());
    let mut answer = call.send().await.unwrap();
    let mut read = Vec::new();
    for _ in 0..3 {
        read.extend(answer.chunk().await.unwrap().expect("it goes on"));
    }
    let took = began.elapsed();
    let most = 2 * (took.as_secs() + 1);
    assert!(read.len() as u64 <= most, "{} bytes in {took:?}", read.len());
    assert!(BODY.as_bytes().starts_with(&read));
    struck_once(&proxy, "GET /", "2 bytes a second");
}
