//! Faults of connections and bytes.

use std::time::{Duration, Instant};

use casimir_dkg::devnet::proxy::Kind;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Server, call, client, get, result, ruled, struck_once};

const BODY: &str = r#"{"data":"something that is long enough to be cut"}"#;

async fn honest() -> Server {
    Server::saying(serde_json::from_str(BODY).unwrap()).await
}

/// Sends bytes to the proxy and gives all that comes back, or the error that ended it.
async fn raw(url: &str, request: &str) -> (Vec<u8>, Option<std::io::ErrorKind>) {
    let address = url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut out = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut out)).await;
    (out, read.unwrap().err().map(|error| error.kind()))
}

const GET: &str = "GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

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
        let call = client()
            .get(&url)
            .timeout(Duration::from_millis(300))
            .send()
            .await;
        assert!(call.unwrap_err().is_timeout());
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
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
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
        "does = { fault = \"slow\", bytes_per_second = 20 }",
    )
    .await;
    let call = client()
        .get(proxy.url("beacon.0").unwrap())
        .timeout(Duration::from_millis(500));
    let mut answer = call.send().await.unwrap();
    let mut read = 0;
    let error = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) => panic!("the whole answer came"),
            Err(error) => break error,
        }
    };
    assert!(
        error.is_timeout() && (1..BODY.len()).contains(&read),
        "{read} {error}"
    );
    struck_once(&proxy, "GET /", "20 bytes a second");
}

#[tokio::test]
async fn statuses_headers_and_bodies_are_the_scenarios_own() {
    let server = honest().await;
    let rule = "does = { fault = \"status\", code = 503, headers = { Retry-After = 9 }, body = { code = 503, message = \"no\" } }";
    let proxy = ruled(Kind::Beacon, &server, rule).await;
    let answer = client().get(proxy.url("beacon.0").unwrap()).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"9".parse().unwrap())
    );
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(
        answer.json::<serde_json::Value>().await.unwrap(),
        json!({"code": 503, "message": "no"})
    );
    assert!(server.asked().is_empty());
    struck_once(&proxy, "GET /", "answered 503");

    let rule = "http = \"POST\"\npath = \"/publish/*\"\n\
        does = { fault = \"status\", code = 502, body = \"bad gateway\", forward = true }";
    let proxy = ruled(Kind::Messenger, &server, rule).await;
    let url = proxy.url("messenger.0").unwrap();
    assert_eq!(get(&format!("{url}/publish/a")).await.0, 200, "only POST");
    let posted = async |path: &str| {
        client()
            .post(format!("{url}{path}"))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(
        (posted("/publish/a/b").await, posted("/publish/a").await),
        (200, 502)
    );
    assert_eq!(server.asked().len(), 3, "the target had it all the same");
    struck_once(
        &proxy,
        "POST /publish/a",
        "answered 502 after the target had the call",
    );
}

#[tokio::test]
async fn a_page_of_html_comes_with_200() {
    let server = honest().await;
    let proxy = ruled(Kind::SsvApi, &server, "does = { fault = \"html\" }").await;
    let answer = client()
        .get(proxy.url("ssv-api.0").unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/html".parse().unwrap())
    );
    assert!(answer.text().await.unwrap().contains("It works!"));
    struck_once(&proxy, "GET /", "with a page of HTML");
}

#[tokio::test]
async fn calls_beyond_the_window_are_refused() {
    let server = honest().await;
    let rule = "does = { fault = \"rate-limit\", calls = 2, per = \"400 ms\", retry_after = 3 }";
    let proxy = ruled(Kind::Beacon, &server, rule).await;
    let url = proxy.url("beacon.0").unwrap();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = client().get(&url).send().await.unwrap();
        if answer.status() == 429 {
            assert_eq!(answer.headers()["retry-after"], "3");
        }
        statuses.push(answer.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    assert_eq!(proxy.strikes("test"), 2);
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(get(&url).await.0, 200);
}

#[tokio::test]
async fn redirects_lead_nowhere_without_end() {
    let server = honest().await;
    let proxy = ruled(
        Kind::Beacon,
        &server,
        "does = { fault = \"redirect\", code = \"302\" }",
    )
    .await;
    let url = proxy.url("beacon.0").unwrap();
    let mut path = "/eth/v1/node/version".to_owned();
    for hop in 1..=30 {
        let answer = client().get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        path = answer.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(
            path,
            format!("/eth/v1/node/version?hop={hop}"),
            "of this target, and each time another"
        );
    }
    let follows = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(follows.get(&url).send().await.unwrap_err().is_redirect());
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_flood_of_headers_comes_before_the_answer() {
    let server = honest().await;
    let proxy = ruled(
        Kind::Beacon,
        &server,
        "does = { fault = \"headers\", count = 5000, bytes = 100 }",
    )
    .await;
    let url = proxy.url("beacon.0").unwrap();
    let (out, _) = raw(&url, GET).await;
    assert!(
        out.len() > 500_000 && out.ends_with(BODY.as_bytes()),
        "{}",
        out.len()
    );
    assert!(
        client().get(&url).send().await.is_err(),
        "the client has a limit of its own"
    );
}

#[tokio::test]
async fn bodies_are_huge_deep_bombs_or_no_text() {
    let server = honest().await;
    let rule = |fault: &str| format!("does = {{ fault = {fault} }}");
    let proxy = ruled(Kind::Execution, &server, &rule("\"huge\", bytes = 20000000")).await;
    let url = proxy.url("execution.0").unwrap();
    let answer = call(&url, "eth_call", json!([])).await;
    assert_eq!(
        (answer["id"].as_u64(), answer["result"].as_str().map(str::len)),
        (Some(7), Some(20_000_000))
    );

    let proxy = ruled(Kind::Execution, &server, &rule("\"huge\", bytes = 10000000000")).await;
    let mut endless = client()
        .get(proxy.url("execution.0").unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        endless.content_length(),
        Some(10_000_000_000 + r#"{"data":""}"#.len() as u64)
    );
    let mut read = 0;
    while read < 5_000_000 {
        read += endless.chunk().await.unwrap().unwrap().len();
    }
    drop(endless);
    struck_once(&proxy, "GET /", "10000000000 bytes");

    let proxy = ruled(Kind::Execution, &server, &rule("\"bomb\", bytes = 1000000000")).await;
    let bomb = client()
        .get(proxy.url("execution.0").unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(bomb.headers()["content-encoding"], "gzip");
    let bomb = bomb.bytes().await.unwrap();
    assert!(
        bomb.starts_with(&[0x1f, 0x8b, 8]) && bomb.len() < 1_000_000,
        "{}",
        bomb.len()
    );

    let proxy = ruled(Kind::Execution, &server, &rule("\"deep\", depth = 300000")).await;
    let (_, deep) = get(&proxy.url("execution.0").unwrap()).await;
    assert_eq!(deep.matches('[').count(), 300_000);

    let proxy = ruled(Kind::Execution, &server, &rule("\"not-utf8\"")).await;
    let answer = client()
        .get(proxy.url("execution.0").unwrap())
        .send()
        .await
        .unwrap();
    assert!(std::str::from_utf8(&answer.bytes().await.unwrap()).is_err());
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn what_strikes_one_call_of_a_batch_strikes_the_whole() {
    let server = Server::rpc(super::chain(9)).await;
    let rule = "method = \"eth_getLogs\"\ndoes = { fault = \"status\", code = 500 }";
    let proxy = ruled(Kind::Execution, &server, rule).await;
    let url = proxy.url("execution.0").unwrap();
    assert_eq!(result(&url, "eth_chainId", json!([])).await, "0x7a69");
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_getLogs", "params": [{}]},
    ]);
    let answer = client().post(&url).json(&batch).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(server.asked(), ["eth_chainId"]);
}
