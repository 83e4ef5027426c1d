//! Logs refused in whatever words, codes and statuses: what counts is what happens. And an endpoint that refuses them all.

use std::time::Duration;

use alloy::primitives::Address;
use casimir_dkg::chain::rpc::{EndpointState, Rpc};
use serde_json::{Value, json};

use super::proxy::{Act, Call, Proxy};
use super::support::config;

const HEAD: u64 = 5_000;
/// Blocks that are told at once.
const FITS: u64 = 100;

/// How a question is refused.
type Refuses = fn() -> Act;

fn error(code: i64, words: &str) -> Act {
    Act::Error(code, words.to_owned())
}

fn page(status: u16) -> Act {
    let page = "<html><body>The request is too large</body></html>";
    Act::Http(
        status,
        vec![("content-type", "text/html".into())],
        page.to_owned(),
    )
}

fn said(status: u16, body: &Value) -> Act {
    Act::Http(status, Vec::new(), body.to_string())
}

/// As it is reported of vendors, gateways and what stands before them.
const WAYS: &[(&str, Refuses)] = &[
    ("a tier", || {
        error(35, "ranges over 100 blocks are not supported on free tier")
    }),
    ("results", || {
        error(-32005, "query returned more than 10000 results")
    }),
    ("parameters", || error(-32602, "range too wide")),
    ("time", || error(-32002, "request timed out")),
    ("a wording of tomorrow", || error(-31_337, "computer says no")),
    ("413 and a page", || page(413)),
    ("413 and no word", || Act::Http(413, Vec::new(), String::new())),
    ("200 and a page", || page(200)),
    ("200 and an error of another form", || {
        said(200, &json!({"error": "exceeds max block range"}))
    }),
    ("200 and no JSON-RPC", || {
        said(200, &json!({"message": "limit exceeded"}))
    }),
    ("400 and an error", || {
        said(
            400,
            &json!({"error": {"code": -32600, "message": "up to a 100 block range"}}),
        )
    }),
    ("503 and a page", || page(503)),
];

/// A chain without logs, which answers `eth_getLogs` of more than so many blocks, and the receipts of a block where it tells
/// none at all, as `refuses` says.
fn node(fits: u64, refuses: Refuses) -> impl Fn(&Call) -> Act + Send + Sync {
    move |call| match call.method.as_str() {
        "eth_chainId" => Act::Result(json!("0x7a69")),
        "eth_getBlockByNumber" if call.params[0] == "latest" || call.params[0] != "0x0" => {
            Act::Result(json!({
                "number": format!("{HEAD:#x}"), "hash": format!("0x{}", "05".repeat(32)),
                "parentHash": format!("0x{}", "04".repeat(32)), "timestamp": "0x1", "baseFeePerGas": "0x7",
                "logsBloom": format!("0x{}", "00".repeat(256)), "transactions": [format!("0x{}", "06".repeat(32))],
            }))
        }
        "eth_getBlockByNumber" => Act::Result(Value::Null),
        "eth_getLogs" => {
            let number = |key: &str| {
                let text = call.params[0][key].as_str().unwrap();
                u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
            };
            match number("toBlock") - number("fromBlock") < fits {
                true => Act::Result(json!([])),
                false => refuses(),
            }
        }
        _ => refuses(),
    }
}

fn rpc(urls: &[&str]) -> Rpc {
    let mut config = config(urls);
    config.calls_per_second = 10_000.try_into().unwrap();
    // longer than any of these tests
    config.cooldown = Duration::from_secs(3_600);
    Rpc::new(config).unwrap()
}

async fn blocks(rpc: &Rpc) -> u64 {
    rpc.try_logs_out(Address::ZERO).await.unwrap().blocks
}

#[tokio::test]
async fn a_range_that_is_refused_in_whatever_way_shrinks_and_grows_to_what_fits() {
    for (way, refuses) in WAYS {
        let narrow = Proxy::start(None, node(FITS, *refuses)).await;
        let rpc = rpc(&[&narrow.url]);
        let first = blocks(&rpc).await;
        assert!((FITS / 2..=FITS).contains(&first), "{way}: {first}");
        let mut last = first;
        for _ in 0..40 {
            last = blocks(&rpc).await;
        }
        assert!(
            (first..=FITS).contains(&last) && last > FITS * 3 / 4,
            "{way}: {last}"
        );
        let health = &rpc.health()[0];
        assert_eq!(health.state, EndpointState::Healthy, "{way}: {health:?}");
        assert_eq!(health.no_logs, None, "{way}");
    }
}

#[tokio::test]
async fn who_tells_not_even_one_block_is_named_with_its_reason_and_left_alone_for_a_while() {
    let refuser = Proxy::start(None, node(0, || error(35, "not supported on free tier"))).await;
    let lone = rpc(&[&refuser.url]);
    for _ in 0..50 {
        let why = lone.try_logs_out(Address::ZERO).await.unwrap_err();
        let words = why.to_string();
        assert!(
            words.contains("tells no logs, not even of one block: not supported on free tier"),
            "{words}"
        );
        assert!(!why.no_connection(), "it is there: {words}");
    }
    let asked = refuser.calls("eth_getLogs").len();
    assert!(asked <= 20, "{asked} questions that it has answered before");
    let health = &lone.health()[0];
    let why = health.no_logs.as_ref().map(ToString::to_string);
    assert_eq!(why.as_deref(), Some("not supported on free tier (code 35)"));
    assert_eq!(
        health.state,
        EndpointState::Healthy,
        "in everything else it is as before"
    );

    // a second one goes on, however little it tells at once
    let narrow = Proxy::start(None, node(10, || error(-32602, "range too wide"))).await;
    let both = rpc(&[&refuser.url, &narrow.url]);
    let before = refuser.calls("eth_getLogs").len();
    for _ in 0..50 {
        assert!(blocks(&both).await <= 10);
    }
    let asked = refuser.calls("eth_getLogs").len() - before;
    assert!(asked <= 20, "{asked} questions that it has answered before");

    // and it is believed again as soon as it tells some
    refuser.rescript(node(FITS, || error(-32602, "range too wide")));
    let mut patient = config(&[&refuser.url]);
    patient.cooldown = Duration::ZERO;
    let again = Rpc::new(patient).unwrap();
    blocks(&again).await;
    assert_eq!(again.health()[0].no_logs, None);
}

/// Where there is no other, an hour's silence would be an hour in which nothing is seen.
#[tokio::test]
async fn a_lone_endpoint_that_asks_for_an_hour_is_asked_again_before() {
    let limited = Proxy::start(None, |call| match call.method.as_str() {
        "eth_getLogs" => Act::Http(429, vec![("retry-after", "3600".into())], String::new()),
        _ => node(FITS, || error(1, "never"))(call),
    })
    .await;
    let mut config = config(&[&limited.url]);
    config.patience = Duration::from_secs(1);
    let rpc = Rpc::new(config).unwrap();
    let why = rpc.try_logs_out(Address::ZERO).await.unwrap_err().to_string();
    assert!(why.contains("rate limited"), "{why}");
    let wait = rpc.health()[0].limited_for.unwrap();
    assert!(wait < Duration::from_secs(751), "{wait:?}");
    assert_eq!(limited.calls("eth_getLogs").len(), 1);
}
