//! Answers in place of the target's: statuses, pages, refusals, and bodies that no client should read.

use casimir_dkg::devnet::proxy::Kind;
use serde_json::json;

use super::super::support::eventually;
use super::wire::{BODY, GET, honest, raw};
use super::{Server, call, client, get, result, ruled, struck_once};

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
    let rule = "does = { fault = \"rate-limit\", calls = 2, per = \"1 h\", retry_after = 3 }";
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
    let rule = "does = { fault = \"rate-limit\", calls = 1, per = \"1 s\" }";
    let proxy = ruled(Kind::Beacon, &server, rule).await;
    let url = proxy.url("beacon.0").unwrap();
    assert_eq!(get(&url).await.0, 200);
    eventually(
        "a call is refused, and another one answered after it",
        async || {
            let answered = get(&url).await.0 == 200;
            answered && proxy.strikes("test") > 0
        },
    )
    .await;
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
