//! The handle: switches, levers, counters, the log, and its end.

use casimir_dkg::devnet::proxy::{FaultProxy, Kind, ProxyError, RuleView, Switch, Target};
use serde_json::json;

use super::super::support::eventually;
use super::{Server, chain, get, proxy, result, scenario};

const TWO: &str = "\
    [[rule]]\nname = \"code\"\nat = \"execution.0\"\nmethod = \"eth_getCode\"\n\
    does = { fault = \"answer\", result = \"0x\" }\n\
    [[rule]]\nname = \"balance\"\nat = [\"execution.0\", \"spare\"]\nmethod = \"eth_getBalance\"\n\
    does = { fault = \"answer\", result = \"0x0\" }\n";

async fn two() -> (Server, FaultProxy) {
    let server = Server::rpc(chain(9)).await;
    let target = |name| Target::new(Kind::Execution, name, &server.url).unwrap();
    let proxy = FaultProxy::start(vec![target("main"), target("spare")])
        .await
        .unwrap();
    proxy.load(scenario(TWO)).unwrap();
    (server, proxy)
}

async fn told(proxy: &FaultProxy, target: &str) -> (String, String) {
    let url = proxy.url(target).unwrap();
    let ask = async |method| {
        result(&url, method, json!(["0x1", "latest"]))
            .await
            .as_str()
            .unwrap()
            .to_owned()
    };
    (ask("eth_getCode").await, ask("eth_getBalance").await)
}

fn pair(code: &str, balance: &str) -> (String, String) {
    (code.to_owned(), balance.to_owned())
}

#[tokio::test]
async fn scenarios_and_rules_are_switched() {
    let (_server, proxy) = two().await;
    assert_eq!(
        told(&proxy, "main").await,
        pair("latest", "latest"),
        "loaded is not switched on"
    );
    proxy.switch("test", Switch::On).unwrap();
    assert_eq!(told(&proxy, "main").await, pair("0x", "0x0"));
    assert_eq!(
        told(&proxy, "spare").await,
        pair("latest", "0x0"),
        "each rule has its own targets"
    );
    proxy.switch_rule("test", "balance", Switch::Off).unwrap();
    assert_eq!(told(&proxy, "main").await, pair("0x", "latest"));
    let view = proxy.scenarios();
    assert_eq!(
        (view.len(), view[0].name.as_str(), view[0].about.as_str()),
        (1, "test", "for a test")
    );
    let rule = |name: &str, on, strikes| RuleView {
        name: name.to_owned(),
        on,
        strikes,
    };
    assert_eq!(view[0].rules, [rule("code", true, 2), rule("balance", false, 2)]);
    assert_eq!(proxy.strikes("test"), 4);
    proxy.switch("test", Switch::Off).unwrap();
    assert_eq!(told(&proxy, "main").await, pair("latest", "latest"));

    proxy
        .load(scenario(
            "[[rule]]\nname = \"other\"\nat = \"spare\"\ndoes = { fault = \"hang\" }",
        ))
        .unwrap();
    assert_eq!(proxy.scenarios().len(), 1, "one of the same name is replaced");
    assert_eq!(proxy.strikes("test"), 0);
}

#[tokio::test]
async fn what_was_asked_and_what_was_said_is_kept() {
    let (_server, proxy) = two().await;
    told(&proxy, "main").await;
    proxy.switch("test", Switch::On).unwrap();
    told(&proxy, "spare").await;
    let counts: Vec<_> = proxy
        .counts()
        .into_iter()
        .map(|c| (c.target, c.method, c.calls))
        .collect();
    let count = |target: &str, method: &str| (target.to_owned(), method.to_owned(), 1);
    assert_eq!(
        counts,
        [
            count("main", "eth_getBalance"),
            count("main", "eth_getCode"),
            count("spare", "eth_getBalance"),
            count("spare", "eth_getCode"),
        ]
    );
    let log = proxy.log();
    assert_eq!(log.len(), 1);
    let line = log[0].to_string();
    assert!(
        line.ends_with("s spare: eth_getBalance [\"0x1\",\"latest\"]: answered \"0x0\" (test/balance)"),
        "{line}"
    );
    assert_eq!(proxy.forgotten(), 0);
}

#[tokio::test]
async fn a_rule_begins_anew_when_it_is_switched_on() {
    let server = Server::rpc(chain(9)).await;
    let rule = "[[rule]]\nname = \"r\"\nat = \"execution\"\nmethod = \"eth_getCode\"\nwhen = { from_call = 2, times = 1 }\n\
        does = { fault = \"answer\", result = \"0x\" }\n";
    let proxy = proxy(Kind::Execution, &[&server.url], rule).await;
    let url = proxy.url("execution.0").unwrap();
    let struck = async || result(&url, "eth_getCode", json!(["0x1", "latest"])).await == "0x";
    for _ in 0..2 {
        proxy.switch("test", Switch::On).unwrap();
        let course = [struck().await, struck().await, struck().await];
        assert_eq!(course, [false, true, false]);
    }
    assert_eq!(proxy.strikes("test"), 2);
}

#[tokio::test]
async fn chance_follows_its_seed() {
    let server = Server::rpc(chain(9)).await;
    let mut courses = Vec::new();
    for seed in [1, 1, 2] {
        let rule = format!(
            "[[rule]]\nname = \"r\"\nat = \"execution\"\nmethod = \"eth_getCode\"\nwhen = {{ chance = 0.5, seed = {seed} }}\n\
             does = {{ fault = \"answer\", result = \"0x\" }}\n"
        );
        let proxy = proxy(Kind::Execution, &[&server.url], &rule).await;
        let url = proxy.url("execution.0").unwrap();
        let mut course = Vec::new();
        for _ in 0..24 {
            course.push(result(&url, "eth_getCode", json!(["0x1", "latest"])).await == "0x");
        }
        courses.push(course);
    }
    assert_eq!(courses[0], courses[1]);
    assert_ne!(courses[0], courses[2]);
    assert!(courses[0].contains(&true) && courses[0].contains(&false));
}

#[tokio::test]
async fn levers_open_and_close() {
    let server = Server::saying(json!({})).await;
    let rule = "[[rule]]\nname = \"r\"\nat = \"beacon\"\nwhen = { from_lever = \"down\", to_lever = \"up\" }\n\
        does = { fault = \"status\", code = 503 }\n";
    let proxy = proxy(Kind::Beacon, &[&server.url], rule).await;
    let url = proxy.url("beacon.0").unwrap();
    let mut statuses = vec![get(&url).await.0];
    for lever in ["down", "up", "down"] {
        proxy.pull(lever).unwrap();
        statuses.push(get(&url).await.0);
    }
    assert_eq!(statuses, [200, 503, 200, 503]);
    proxy.switch("test", Switch::On).unwrap();
    assert_eq!(
        get(&url).await.0,
        200,
        "a lever that was pulled before does not count"
    );
}

#[tokio::test]
async fn rules_last_for_their_time() {
    let server = Server::saying(json!({})).await;
    // an edge is met from both sides by what lasts for an hour beside what is over in a moment
    for (when, before, then) in [
        ("after = \"1 h\"", 200, 200),
        ("after = \"1 s\"", 0, 503),
        ("lasts = \"1 h\"", 503, 503),
        ("lasts = \"1 s\"", 0, 200),
        ("after = \"1 h\", lasts = \"1 h\"", 200, 200),
        ("after = \"500 ms\", lasts = \"1 h\"", 0, 503),
    ] {
        let rule = format!(
            "[[rule]]\nname = \"r\"\nat = \"beacon\"\nwhen = {{ {when} }}\ndoes = {{ fault = \"status\", code = 503 }}\n"
        );
        let proxy = proxy(Kind::Beacon, &[&server.url], &rule).await;
        let url = proxy.url("beacon.0").unwrap();
        let first = get(&url).await.0;
        assert!(before == 0 || first == before, "{when}: {first}");
        eventually(when, async || get(&url).await.0 == then).await;
    }
}

#[tokio::test]
async fn names_that_there_are_not_are_refused_with_those_that_there_are() {
    let (server, proxy) = two().await;
    let words = |result: Result<(), ProxyError>| result.unwrap_err().to_string();
    assert_eq!(
        words(proxy.switch("tset", Switch::On)),
        "there is no scenario tset; there are test"
    );
    assert_eq!(
        words(proxy.switch_rule("test", "x", Switch::On)),
        "there is no rule x; there are code, balance"
    );
    assert_eq!(words(proxy.pull("cut")), "there is no lever cut; there are none");
    assert_eq!(
        words(proxy.url("x").map(drop)),
        "there is no target x; there are main, spare"
    );
    let nowhere = scenario("[[rule]]\nname = \"r\"\nat = \"beacon.0\"\ndoes = { fault = \"hang\" }");
    assert_eq!(
        words(proxy.load(nowhere)),
        "scenario test, rule r: there is no target beacon.0; there are main, spare"
    );
    let target = || Target::new(Kind::Beacon, "same", &server.url).unwrap();
    let twice = FaultProxy::start(vec![target(), target()]).await;
    assert_eq!(words(twice.map(drop)), "two targets are called same");
    let elsewhere = Target::new(
        Kind::Beacon,
        "b",
        "http://192.0.2.1:5052/key/0123456789abcdef0123456789",
    );
    let words = words(elsewhere.map(drop));
    assert!(
        words.contains("is not on this machine") && !words.contains("0123456789abcdef"),
        "{words}"
    );
}

#[tokio::test]
async fn everything_ends_with_the_handle() {
    let server = Server::saying(json!({})).await;
    let hang = "[[rule]]\nname = \"r\"\nat = \"beacon\"\npath = \"/hang\"\ndoes = { fault = \"hang\" }";
    let proxy = proxy(Kind::Beacon, &[&server.url], hang).await;
    let url = proxy.url("beacon.0").unwrap();
    assert_eq!(get(&url).await.0, 200);
    let hanging = tokio::spawn(super::client().get(format!("{url}/hang")).send());
    super::super::support::eventually("the call hangs", async || proxy.strikes("test") == 1).await;
    drop(proxy);
    let ended = tokio::time::timeout(crate::TIMEOUT, hanging)
        .await
        .unwrap()
        .unwrap();
    assert!(!ended.unwrap_err().is_timeout(), "cut off at once");
    assert!(super::client().get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_flood_of_connections_is_bounded() {
    let server = Server::saying(json!({})).await;
    let proxy = proxy(Kind::Beacon, &[&server.url], "").await;
    let url = proxy.url("beacon.0").unwrap();
    let address = url.trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for _ in 0..512 {
        idle.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    assert!(
        super::client().get(&url).send().await.is_err(),
        "one too many is closed"
    );
    drop(idle);
    super::super::support::eventually("there is room again", async || {
        super::client().get(&url).send().await.is_ok()
    })
    .await;
}
