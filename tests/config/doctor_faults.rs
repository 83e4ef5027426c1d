//! `doctor` before endpoints that misbehave: each condition has a line that says what it means and the way on.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use casimir_dkg::devnet::beacon::{BeaconOptions, DevBeacon};
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Scenario, Switch, Target, Variables};
use casimir_dkg::types::counted;
use serde_json::{Value, json};

use super::doctor::{Line, findings};
use super::support::{self, MINIMAL};

/// Runs it on this configuration and gives the lines.
async fn doctor(scratch: &Path, text: &str) -> Vec<Line> {
    let file = scratch.join("c.toml");
    fs::write(&file, text).unwrap();
    let mut program = support::program(scratch);
    program.arg("--config").arg(&file).args(["doctor", "--json"]);
    let ran = tokio::task::spawn_blocking(move || support::run(&mut program));
    let (_, stdout, stderr) = ran.await.unwrap();
    assert_eq!(stderr, "", "{stdout}");
    findings(&stdout)
}

/// The line about this says so, with these words and a hint where something is wrong.
fn says(found: &[Line], what: &str, verdict: &str, words: &str) {
    let line = found.iter().find(|(name, ..)| name == what);
    let (_, got, told, hint) = line.unwrap_or_else(|| panic!("nothing about {what} in {found:#?}"));
    assert!(
        got == verdict && told.contains(words) && (got == "ok" || !hint.is_empty()),
        "{what}: {got}: {told} → {hint}"
    );
}

async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A chain of so many blocks without a log, the newest of now.
async fn node(head: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let answer = move |axum::Json(call): axum::Json<Value>| async move {
        let result = match call["method"].as_str().unwrap_or_default() {
            "eth_chainId" => json!("0x7a69"),
            "eth_blockNumber" => json!(format!("{head:#x}")),
            "eth_syncing" => json!(false),
            "eth_getLogs" | "eth_getBlockReceipts" => json!([]),
            "eth_getBlockByNumber" | "eth_getBlockByHash" => json!({
                "number": format!("{head:#x}"), "hash": format!("0x{}", "05".repeat(32)),
                "parentHash": format!("0x{}", "04".repeat(32)), "timestamp": format!("{now:#x}"), "baseFeePerGas": "0x7",
                "logsBloom": format!("0x{}", "00".repeat(256)),
            }),
            _ => json!("0x"),
        };
        axum::Json(json!({"jsonrpc": "2.0", "id": call["id"], "result": result}))
    };
    serve(axum::Router::new().fallback(answer)).await
}

async fn before(targets: Vec<Target>, scenario: Scenario) -> FaultProxy {
    let proxy = FaultProxy::start(targets).await.unwrap();
    let name = scenario.name().to_owned();
    proxy.load(scenario).unwrap();
    proxy.switch(&name, Switch::On).unwrap();
    proxy
}

fn written(text: &str) -> Scenario {
    Scenario::parse(Path::new("written.toml"), text, &Variables::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_endpoint_is_asked_for_logs_and_whether_it_is_in_sync_and_the_heads_are_compared() {
    let scratch = tempfile::tempdir().unwrap();
    let (good, far) = (node(5_000).await, node(5_100).await);
    let names = ["good", "syncing", "paid", "narrow", "mute"];
    let targets = names
        .iter()
        .map(|name| Target::new(Kind::Execution, name, &good).unwrap());
    let proxy = before(
        targets.collect(),
        written(
            r#"
            about = "Each execution endpoint in another way"
            [[rule]]
            name = "syncing"
            at = "syncing"
            method = "eth_syncing"
            does = { fault = "syncing", behind = 4 }
            [[rule]]
            name = "paid"
            at = "paid"
            method = ["eth_getLogs", "eth_getBlockReceipts"]
            does = { fault = "answer", error = { code = 35, message = "not supported on free tier" } }
            [[rule]]
            name = "narrow"
            at = "narrow"
            does = { fault = "range-limit", blocks = 10, words = "alchemy-free" }
            [[rule]]
            name = "mute"
            at = "mute"
            method = "eth_syncing"
            does = { fault = "answer", error = { code = -32601, message = "the method is not available" } }
            "#,
        ),
    )
    .await;
    let urls: Vec<_> = names.iter().map(|name| proxy.url(name).unwrap()).collect();
    let all = format!("{}\", \"{far}", urls.join("\", \""));
    let text = MINIMAL.replace("http://127.0.0.1:8545", &all);
    let found = doctor(scratch.path(), &format!("{text}{}", support::operators())).await;
    let of = |name: &str, about: &str| {
        let place = names.iter().position(|known| *known == name).unwrap();
        format!("rpc {}{about}", urls[place])
    };
    for name in names {
        says(&found, &of(name, ""), "ok", "head 5000");
    }
    says(&found, &of("good", ": sync"), "ok", "in sync");
    says(&found, &of("good", ": logs"), "ok", &counted(2_000, "block"));
    says(&found, &of("syncing", ": sync"), "warn", "still syncing");
    says(
        &found,
        &of("mute", ": sync"),
        "warn",
        "the method is not available",
    );
    says(
        &found,
        &of("paid", ": logs"),
        "fail",
        "not supported on free tier",
    );
    says(&found, &of("narrow", ": logs"), "warn", "refuses more");
    says(&found, "heads", "warn", &format!("100 blocks behind {far}"));
}

/// Judged as the engine judges them: what such a node does not know proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn each_beacon_node_is_asked_for_its_validators_its_execution_node_and_its_clock() {
    let scratch = tempfile::tempdir().unwrap();
    let beacon = DevBeacon::start(BeaconOptions::default()).await.unwrap();
    let names = ["good", "listless", "stateless", "headless", "late"];
    let targets = names
        .iter()
        .map(|name| Target::new(Kind::Beacon, name, &beacon.url()).unwrap());
    let proxy = before(
        targets.collect(),
        written(
            r#"
            about = "Each beacon node in another way"
            [[rule]]
            name = "listless"
            at = "listless"
            path = "/eth/v1/beacon/states/*/validators"
            does = { fault = "rewrite", set = { "/data" = [] } }
            [[rule]]
            name = "stateless"
            at = "stateless"
            path = "/eth/v1/beacon/states/*/validators/*"
            does = { fault = "status", code = 404, body = { code = 404, message = "not found" } }
            [[rule]]
            name = "headless"
            at = "headless"
            path = "/eth/v1/node/syncing"
            does = { fault = "rewrite", set = { "/data/el_offline" = true } }
            [[rule]]
            name = "late"
            at = "late"
            does = { fault = "clock", shift = "+25 h" }
            "#,
        ),
    )
    .await;
    let urls: Vec<_> = names.iter().map(|name| proxy.url(name).unwrap()).collect();
    let text = MINIMAL.replace("http://127.0.0.1:8545", "http://127.0.0.1:1");
    let nodes = format!(
        "[beacon]\nurls = [\"{}\", \"http://127.0.0.1:1\"]\n",
        urls.join("\", \"")
    );
    let found = doctor(scratch.path(), &format!("{text}{nodes}{}", support::operators())).await;
    let of = |name: &str, about: &str| {
        let place = names.iter().position(|known| *known == name).unwrap();
        format!("beacon {}{about}", urls[place])
    };
    says(&found, &of("good", ""), "ok", "head slot");
    says(&found, &of("good", ": validators"), "ok", "lists them");
    assert!(!found.iter().any(|(what, ..)| *what == of("good", ": clock")));
    says(
        &found,
        &of("listless", ": validators"),
        "fail",
        "not even validator 0",
    );
    says(
        &found,
        &of("stateless", ": validators"),
        "fail",
        "its head state is not there",
    );
    says(&found, &of("headless", ""), "warn", "without its execution node");
    // 24 h or 25 h: its newest slot began some seconds ago, or just now
    says(
        &found,
        &of("late", ": clock"),
        "warn",
        " h ahead of this machine's clock",
    );
    says(&found, "beacon http://127.0.0.1:1", "fail", "connection refused");
}

/// The start waits for keys that cannot be had; whoever looks before it is told so.
#[tokio::test(flavor = "multi_thread")]
async fn the_ssv_api_is_asked_for_the_keys_that_are_not_configured() {
    let scratch = tempfile::tempdir().unwrap();
    let key = support::operator_key();
    let answer = move |uri: axum::http::Uri| async move {
        match uri.path() {
            "/api/v4/devnet/operators/1" => Ok(axum::Json(json!({"id": 1, "public_key": key}))),
            _ => Err(axum::http::StatusCode::NOT_FOUND),
        }
    };
    // an operator's node and the registry at once
    let registry = serve(
        axum::Router::new()
            .route(
                "/ping",
                axum::routing::get(async || axum::Json(json!({"message": "pong"}))),
            )
            .route(
                "/version",
                axum::routing::get(async || axum::Json(json!({"version": "1.0"}))),
            )
            .fallback(answer),
    )
    .await;
    let text = MINIMAL.replace("http://127.0.0.1:8545", "http://127.0.0.1:1");
    let operators = |lacking: &[u64]| -> String {
        let one = |id: u64| {
            let key = match lacking.contains(&id) {
                true => String::new(),
                false if id == 1 => format!("public_key = \"{key}\"\n"),
                false => format!(
                    "public_key = \"{}\"\n",
                    support::other_key(usize::try_from(id).unwrap())
                ),
            };
            format!("[[operator]]\nid = {id}\nendpoint = \"{registry}\"\n{key}")
        };
        (1..=4).map(one).collect()
    };
    let api = format!("[operators]\nssv_api = \"{registry}\"\n");
    let with = |lacking: &[u64]| format!("{text}{api}{}", operators(lacking));

    let found = doctor(scratch.path(), &with(&[])).await;
    says(&found, "SSV API", "ok", "tells the 1 key");
    let found = doctor(scratch.path(), &with(&[1])).await;
    says(&found, "SSV API", "ok", "tells the 1 key");
    says(&found, "operator 1", "ok", "answers");
    let found = doctor(scratch.path(), &with(&[1, 2])).await;
    says(
        &found,
        "SSV API",
        "warn",
        "1 of 2 keys could not be told: operator 2",
    );
    says(&found, "operator 1", "ok", "answers");
    says(&found, "operator 2", "warn", "its key is not known");
}

/// A key that a rule made is good for nothing until somebody deposits on it.
#[tokio::test(flavor = "multi_thread")]
async fn rules_that_make_keys_and_never_deposit_are_told_of() {
    let scratch = tempfile::tempdir().unwrap();
    let text = MINIMAL.replace("http://127.0.0.1:8545", "http://127.0.0.1:1");
    let rule = |name: &str, kinds: &str| {
        format!(
            "[[policy.rule]]\nname = \"{name}\"\nkinds = [{kinds}]\nmax_fee = \"0.05 ETH\"\nper_day = 3\n"
        )
    };
    let keys = rule("keys", "\"keygen\"");
    let with = |rules: &str| format!("{text}{rules}{}", support::operators());
    let found = doctor(scratch.path(), &with(&keys)).await;
    says(
        &found,
        "rules",
        "warn",
        "keys allows key generations, and no rule allows deposits",
    );
    let sends = rule("sends", "\"send-deposit\"");
    let found = doctor(scratch.path(), &with(&format!("{keys}{sends}"))).await;
    assert!(!found.iter().any(|(what, ..)| what == "rules"), "{found:#?}");
}
