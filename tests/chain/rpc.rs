//! Several endpoints, each of which may misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alloy::primitives::{Address, Bytes, U256};
use casimir_dkg::chain::fees::quote;
use casimir_dkg::chain::rpc::{At, CallRequest, EndpointState, Rpc, RpcError};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::proxy::{Act, Call, Proxy};
use super::support::{config, rpc};
use crate::devnet::support::eventually;

static CALL: CallRequest = CallRequest {
    from: None,
    to: Address::ZERO,
    input: Bytes::new(),
    value: U256::ZERO,
};

/// A small chain of one block.
fn sane(call: &Call) -> Act {
    match call.method.as_str() {
        "eth_chainId" => Act::Result(json!("0x7a69")),
        "eth_getBlockByNumber" | "eth_getBlockByHash" => Act::Result(block(1)),
        "eth_getBalance" => Act::Result(json!("0x5")),
        other => panic!("unexpected {other}"),
    }
}

fn block(genesis: u8) -> serde_json::Value {
    json!({
        "number": "0x0", "hash": format!("0x{}", hex::encode([genesis; 32])),
        "parentHash": format!("0x{}", hex::encode([0; 32])), "timestamp": "0x1",
    })
}

async fn balance(rpc: &Rpc) -> Result<u64, RpcError> {
    let balance = rpc.balance(alloy::primitives::Address::ZERO, At::Latest).await?;
    Ok(balance.to())
}

#[tokio::test]
async fn a_hanging_endpoint_is_passed_over_and_left_alone_after_three_failures() {
    let hanging = Proxy::start(None, |_| Act::Hang).await;
    let good = Proxy::start(None, sane).await;
    let mut config = config(&[&hanging.url, &good.url]);
    // the good one has this time, too; with a shorter one for what is prompt the first would not be asked again
    config.deadline = Duration::from_secs(3);
    config.prompt = Duration::from_secs(60);
    let rpc = Rpc::new(config).unwrap();
    let begun = Instant::now();
    while rpc.health()[0].state != EndpointState::Down {
        assert_eq!(balance(&rpc).await.unwrap(), 5);
        assert!(begun.elapsed() < crate::TIMEOUT, "{:?}", rpc.health());
    }
    assert_eq!(rpc.health()[1].state, EndpointState::Healthy);
    let asked = hanging.total();
    for _ in 0..5 {
        assert_eq!(balance(&rpc).await.unwrap(), 5);
    }
    assert_eq!(
        hanging.total(),
        asked,
        "an open breaker asks nothing: nothing waits for it"
    );
}

/// Each question waited for its whole time, and the healthy one was hardly asked.
#[tokio::test]
async fn a_preferred_endpoint_that_hangs_holds_up_one_question_and_is_named() {
    let hanging = Proxy::start(None, |_| Act::Hang).await;
    let good = Proxy::start(None, sane).await;
    let mut config = config(&[&hanging.url, &good.url]);
    // nothing that waits for a hanging one ends in this test
    config.deadline = Duration::from_secs(3_600);
    config.prompt = Duration::from_secs(5);
    let rpc = Rpc::new(config).unwrap();
    for _ in 0..20 {
        assert_eq!(balance(&rpc).await.unwrap(), 5);
    }
    assert_eq!(hanging.total(), 1, "it is asked after the other one");
    assert_eq!(good.calls("eth_getBalance").len(), 20, "each question once");
    let health = rpc.health();
    let named = health[0].slow.as_ref().map(ToString::to_string);
    assert_eq!(named.as_deref(), Some("did not answer eth_chainId within 5 s"));
    assert_eq!(health[1].slow, None);
}

/// Nothing answers: the question goes to each once, whoever is late.
#[tokio::test]
async fn where_every_endpoint_hangs_each_is_asked_once_and_named_in_the_error() {
    let all = [(); 3].map(|()| Proxy::start(None, |_| Act::Hang));
    let all = futures_util::future::join_all(all).await;
    let urls: Vec<_> = all.iter().map(|proxy| proxy.url.as_str()).collect();
    let mut config = config(&urls);
    config.deadline = Duration::from_secs(5);
    config.prompt = Duration::from_millis(100);
    let error = balance(&Rpc::new(config).unwrap()).await.unwrap_err().to_string();
    for proxy in &all {
        assert_eq!(proxy.total(), 1);
        assert!(error.contains(proxy.url.trim_start_matches("http://")), "{error}");
    }
    assert!(error.contains("no endpoint answered"), "{error}");
}

#[tokio::test]
async fn a_transaction_is_handed_to_the_next_endpoint_only_when_the_first_is_given_up() {
    let taken = |call: &Call| match call.method.as_str() {
        "eth_sendRawTransaction" => Act::Result(json!(format!("0x{}", "07".repeat(32)))),
        _ => sane(call),
    };
    let slow = Proxy::start(None, |call| match call.method.as_str() {
        "eth_sendRawTransaction" => Act::Hang,
        _ => sane(call),
    })
    .await;
    let next = Proxy::start(None, taken).await;
    let mut config = config(&[&slow.url, &next.url]);
    config.deadline = Duration::from_secs(10);
    config.prompt = Duration::from_millis(50);
    let (prompt, deadline) = (config.prompt, config.deadline);
    let rpc = Rpc::new(config).unwrap();
    let began = Instant::now();
    let sending = tokio::spawn(async move { rpc.send_raw_transaction(&Bytes::from_static(&[1])).await });
    let handed = |proxy: &Proxy| proxy.calls("eth_sendRawTransaction").len();
    eventually("the first has it", async || handed(&slow) == 1).await;
    // as long as it would take to pass it over, were it a question
    tokio::time::sleep(prompt * 10).await;
    // seen before the time is looked at: a machine may stand still in between
    let too_soon = handed(&next);
    assert!(too_soon == 0 || began.elapsed() >= deadline, "{too_soon}");
    sending.await.unwrap().unwrap();
    assert_eq!((handed(&slow), handed(&next)), (1, 1));
}

#[tokio::test]
async fn half_answers_other_ids_and_oversized_bodies_are_no_answers() {
    for bad in [
        r#"{"jsonrpc":"2.0","id":1,"res"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":999999,"result":"0x7"}"#.to_owned(),
        "<html>gateway</html>".to_owned(),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":"0x{}"}}"#,
            "0".repeat(3 << 20)
        ),
    ] {
        let liar = Proxy::start(None, move |call| match call.method.as_str() {
            "eth_getBalance" => Act::Http(200, vec![], bad.clone()),
            _ => sane(call),
        })
        .await;
        let good = Proxy::start(None, sane).await;
        let mut config = config(&[&liar.url, &good.url]);
        config.max_response = 1 << 20;
        let rpc = Rpc::new(config).unwrap();
        assert_eq!(balance(&rpc).await.unwrap(), 5);
        assert_eq!(liar.calls("eth_getBalance").len(), 1);
    }
}

/// Block 0 tells development chains apart: a node may have forgotten it, and whoever only fails to tell it has not.
#[tokio::test]
async fn a_failure_to_tell_the_first_block_proves_no_chain() {
    type Answer = fn() -> Act;
    let failures: [Answer; 4] = [
        || Act::Error(-32005, "too many requests".into()),
        || Act::Error(-32000, "request timed out".into()),
        || Act::Result(json!({"number": "0x0"})),
        || Act::Result(json!("0x0")),
    ];
    let forgot: [Answer; 3] = [
        || Act::Result(serde_json::Value::Null),
        || Act::Error(-32000, "pruned history unavailable".into()),
        || Act::Error(-32601, "method not found".into()),
    ];
    let believed = async |tells: Answer| {
        let first = Proxy::start(None, move |call| match call.method.as_str() {
            "eth_getBlockByNumber" => tells(),
            "eth_getBalance" => Act::Result(json!("0x7")),
            _ => sane(call),
        })
        .await;
        let second = Proxy::start(None, sane).await;
        balance(&rpc(&[&first.url, &second.url])).await.unwrap() == 7
    };
    for tells in failures {
        assert!(!believed(tells).await);
    }
    for tells in forgot {
        assert!(believed(tells).await);
    }
}

/// Well-formed, and not what the method promises: the next endpoint is heard, and this one is named until it answers well.
#[tokio::test]
async fn an_answer_that_cannot_be_used_is_followed_by_the_next_and_named() {
    type Asked = fn(&Rpc) -> BoxFuture<'_, Result<(), RpcError>>;
    let rows: [(&str, Asked, Value); 6] = [
        (
            "eth_getBalance",
            |rpc| Box::pin(async move { rpc.balance(Address::ZERO, At::Latest).await.map(drop) }),
            json!("0x5"),
        ),
        (
            "eth_getTransactionCount",
            |rpc| Box::pin(async move { rpc.nonce(Address::ZERO, At::Latest).await.map(drop) }),
            json!("0x5"),
        ),
        (
            "eth_estimateGas",
            |rpc| Box::pin(async move { rpc.estimate_gas(&CALL).await.map(drop) }),
            json!("0x5208"),
        ),
        (
            "eth_call",
            |rpc| Box::pin(async move { rpc.call(&CALL, At::Latest).await.map(drop) }),
            json!("0x01"),
        ),
        (
            "eth_feeHistory",
            |rpc| Box::pin(async move { quote(rpc).await.map(drop) }),
            json!({"baseFeePerGas": ["0x7", "0x7"]}),
        ),
        (
            "eth_getBlockByNumber",
            |rpc| Box::pin(async move { rpc.head().await.map(drop) }),
            block(1),
        ),
    ];
    for (method, asked, right) in rows {
        for odd in [
            Value::Null,
            json!({}),
            json!("0xzz"),
            json!({"baseFeePerGas": []}),
            json!(true),
        ] {
            let (told, wrong) = (right.clone(), odd.clone());
            let good = Proxy::start(None, move |call| match call.method.as_str() {
                called if called == method && call.params[0] != "0x0" => Act::Result(told.clone()),
                _ => sane(call),
            })
            .await;
            let first = Proxy::start(None, move |call| match call.method.as_str() {
                called if called == method && call.params[0] != "0x0" => Act::Result(wrong.clone()),
                _ => sane(call),
            })
            .await;
            let both = rpc(&[&first.url, &good.url]);
            asked(&both)
                .await
                .unwrap_or_else(|error| panic!("{method}, {odd}: {error}"));
            let health = both.health();
            let named = health[0].odd.as_ref().map(|odd| odd.as_str().starts_with(method));
            assert_eq!(named, Some(true), "{method}, {odd}: {health:?}");
            assert_eq!(
                (health[0].state, health[1].odd.clone()),
                (EndpointState::Healthy, None)
            );
            // alone it is no answer, and named in the error
            let error = asked(&rpc(&[&first.url])).await.unwrap_err();
            let host = first.url.trim_start_matches("http://");
            assert!(
                error.to_string().contains(host) && error.to_string().contains("cannot be used"),
                "{method}, {odd}: {error}"
            );
            let told = right.clone();
            first.rescript(move |call| match call.method.as_str() {
                called if called == method && call.params[0] != "0x0" => Act::Result(told.clone()),
                _ => sane(call),
            });
            asked(&both).await.unwrap();
            let still = both.health()[0].odd.is_some();
            assert!(still, "{method}, {odd}: it may answer oddly the next time");
            let mut at_once = config(&[&first.url]);
            at_once.cooldown = Duration::ZERO;
            let again = Rpc::new(at_once).unwrap();
            first.rescript(odd_once(method, odd.clone(), right.clone()));
            asked(&again).await.unwrap_err();
            assert!(again.health()[0].odd.is_some(), "{method}, {odd}");
            asked(&again).await.unwrap();
            assert_eq!(again.health()[0].odd, None, "{method}, {odd}");
        }
    }
}

/// The first answer to this method is odd, the others are right.
fn odd_once(method: &'static str, odd: Value, right: Value) -> impl Fn(&Call) -> Act + Send + Sync + 'static {
    let was_odd = AtomicBool::new(false);
    move |call| match call.method.as_str() {
        called if called != method || call.params[0] == "0x0" => sane(call),
        _ if was_odd.swap(true, Ordering::SeqCst) => Act::Result(right.clone()),
        _ => Act::Result(odd.clone()),
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = Proxy::start(None, sane).await;
    let to = target.url.clone();
    let redirecting = Proxy::start(None, move |_| {
        Act::Http(307, vec![("location", to.clone())], String::new())
    })
    .await;
    let error = balance(&rpc(&[&redirecting.url])).await.unwrap_err();
    assert!(error.to_string().contains("307"), "{error}");
    assert_eq!(target.total(), 0);
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_excluded_by_name_also_when_it_changes_later() {
    let swapped = Arc::new(AtomicBool::new(false));
    let flag = swapped.clone();
    let first = Proxy::start(None, move |call| match call.method.as_str() {
        "eth_chainId" if flag.load(Ordering::SeqCst) => Act::Result(json!("0x1")),
        "eth_getBalance" if flag.load(Ordering::SeqCst) => Act::Result(json!("0xbad")),
        _ => sane(call),
    })
    .await;
    let second = Proxy::start(None, sane).await;
    let mut config = config(&[&first.url, &second.url]);
    config.recheck = Duration::from_millis(100);
    let rpc = Rpc::new(config).unwrap();
    assert_eq!(balance(&rpc).await.unwrap(), 5);
    assert!(second.calls("eth_getBalance").is_empty(), "the primary answered");

    swapped.store(true, Ordering::SeqCst);
    rpc.distrust();
    assert_eq!(
        balance(&rpc).await.unwrap(),
        5,
        "the answer of the swapped endpoint is not believed"
    );
    let health = &rpc.health()[0];
    assert_eq!(health.state, EndpointState::WrongChain);
    let reason = health.last_error.as_ref().unwrap().to_string();
    assert!(reason.contains("serves chain 1, expected 31337"), "{reason}");

    // put right again, it is taken back at a later look
    swapped.store(false, Ordering::SeqCst);
    let deadline = Instant::now() + crate::TIMEOUT;
    while rpc.health()[0].state != EndpointState::Healthy {
        assert!(Instant::now() < deadline, "{:?}", rpc.health());
        tokio::time::sleep(Duration::from_millis(20)).await;
        balance(&rpc).await.unwrap();
    }
}

#[tokio::test]
async fn a_chain_with_our_id_but_another_first_block_is_not_ours() {
    let ours = Proxy::start(None, sane).await;
    let other = Proxy::start(None, |call| match call.method.as_str() {
        "eth_getBlockByNumber" => Act::Result(block(2)),
        _ => sane(call),
    })
    .await;
    let rpc = rpc(&[&ours.url, &other.url]);
    rpc.verify_chain().await.unwrap();
    assert_eq!(rpc.health()[1].state, EndpointState::WrongChain);
}

#[tokio::test]
async fn no_endpoint_of_our_chain_is_an_error_that_names_each() {
    let wrong = Proxy::start(None, |call| match call.method.as_str() {
        "eth_chainId" => Act::Result(json!("0x5")),
        _ => sane(call),
    })
    .await;
    let error = rpc(&[&wrong.url]).verify_chain().await.unwrap_err().to_string();
    let host = wrong.url.strip_prefix("http://").unwrap();
    assert!(
        error.contains(host) && error.contains("serves chain 5"),
        "{error}"
    );
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_the_node_asks() {
    let limited = Proxy::start(None, |call| match (call.method.as_str(), call.nth) {
        ("eth_getBalance", 0) => Act::Http(429, vec![("retry-after", "1".into())], "slow down".into()),
        ("eth_getBalance", 1) => Act::Error(
            -32005,
            "daily request count exceeded, request rate limited".into(),
        ),
        _ => sane(call),
    })
    .await;
    let rpc = rpc(&[&limited.url]);
    let started = Instant::now();
    assert_eq!(balance(&rpc).await.unwrap(), 5);
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(limited.calls("eth_getBalance").len(), 3);
    assert_eq!(rpc.health()[0].state, EndpointState::Healthy);
}

#[tokio::test]
async fn a_rate_limited_endpoint_does_not_hold_up_the_others() {
    let limited = Proxy::start(None, |call| match call.method.as_str() {
        "eth_getBalance" => Act::Http(429, vec![("retry-after", "3600".into())], String::new()),
        _ => sane(call),
    })
    .await;
    let good = Proxy::start(None, sane).await;
    let rpc = rpc(&[&limited.url, &good.url]);
    // who waited for it would wait for longer than any call may take
    for _ in 0..5 {
        assert_eq!(balance(&rpc).await.unwrap(), 5);
    }
    assert_eq!(limited.calls("eth_getBalance").len(), 1);
    assert_eq!(rpc.health()[0].state, EndpointState::RateLimited);
}

#[tokio::test]
async fn keys_in_urls_and_control_characters_in_errors_are_never_shown() {
    let rude = Proxy::start(None, |call| match call.method.as_str() {
        "eth_getBalance" => Act::Error(-32000, "no\u{1b}]52;c;x\u{7} \u{202e}way".into()),
        _ => sane(call),
    })
    .await;
    let secret = "0123456789abcdef0123456789abcdef";
    let rpc = rpc(&[&format!("{}/v3/{secret}", rude.url)]);
    let error = balance(&rpc).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");

    let gone = format!("http://127.0.0.1:1/v3/{secret}");
    let rpc = self::rpc(&[&gone]);
    let error = balance(&rpc).await.unwrap_err();
    let shown = format!("{error} {error:?} {:?} {rpc:?}", rpc.health());
    assert!(!shown.contains(secret), "{shown}");
    assert!(shown.contains("127.0.0.1:1"), "{shown}");
}

#[tokio::test]
async fn a_node_that_lacks_something_is_followed_by_the_next() {
    let pruned = Proxy::start(None, |call| match (call.method.as_str(), call.nth) {
        ("eth_getBalance", 1) => Act::Error(-32603, "Internal error".into()),
        ("eth_getBalance", 2) => Act::Error(-32000, "request timed out".into()),
        ("eth_getBalance", _) => Act::Error(-32000, "missing trie node 00ff (path )".into()),
        _ => sane(call),
    })
    .await;
    let archive = Proxy::start(None, sane).await;
    let both = rpc(&[&pruned.url, &archive.url]);
    for _ in 0..3 {
        assert_eq!(balance(&both).await.unwrap(), 5);
    }
    let error = balance(&rpc(&[&pruned.url])).await.unwrap_err();
    assert!(
        error
            .server()
            .is_some_and(|e| e.message.as_str().contains("missing trie node"))
    );
}

#[tokio::test]
async fn a_rate_limit_may_end_at_a_date() {
    let limited = Proxy::start(None, |call| match (call.method.as_str(), call.nth) {
        ("eth_getBalance", 0) => {
            let until = std::time::SystemTime::now() + Duration::from_secs(3);
            let until = httpdate::fmt_http_date(until);
            Act::Http(503, vec![("retry-after", until)], String::new())
        }
        _ => sane(call),
    })
    .await;
    let rpc = rpc(&[&limited.url]);
    let started = Instant::now();
    assert_eq!(balance(&rpc).await.unwrap(), 5);
    // a date has whole seconds
    assert!(
        started.elapsed() >= Duration::from_millis(1_500),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(limited.calls("eth_getBalance").len(), 2);
}

#[tokio::test]
async fn calls_beyond_the_budget_of_an_endpoint_wait_and_are_no_failures() {
    let node = Proxy::start(None, sane).await;
    let mut config = config(&[&node.url]);
    config.calls_per_second = 20.try_into().unwrap();
    let rpc = Rpc::new(config).unwrap();
    let started = Instant::now();
    let all = futures_util::future::join_all((0..40).map(|_| balance(&rpc))).await;
    assert!(all.into_iter().all(|answer| answer.unwrap() == 5));
    // 20 at once, the others at 20 a second
    assert!(
        started.elapsed() >= Duration::from_millis(950),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(rpc.health()[0].state, EndpointState::Healthy);
}

/// Two chains that share an id: whoever answers first does not decide which one is ours.
#[tokio::test]
async fn which_chain_it_is_no_endpoint_says_alone() {
    let node = async |genesis: u8| {
        Proxy::start(None, move |call| match call.method.as_str() {
            "eth_getBlockByNumber" => Act::Result(block(genesis)),
            "eth_syncing" => Act::Result(json!(false)),
            _ => sane(call),
        })
        .await
    };
    let (liar, honest, third) = (node(9).await, node(1).await, node(1).await);
    let states = |rpc: &Rpc| rpc.health().into_iter().map(|e| e.state).collect::<Vec<_>>();
    let looked = async |rpc: &Rpc| casimir_dkg::ports::Endpoints::look(rpc).await;
    const WRONG: EndpointState = EndpointState::WrongChain;
    // of two nobody can say which one lies: both are named, and nothing is believed
    let two = rpc(&[&liar.url, &honest.url]);
    assert_eq!(
        balance(&two).await.unwrap(),
        5,
        "one voice is all there is so far"
    );
    looked(&two).await;
    assert_eq!(states(&two), [WRONG, WRONG]);
    let why = two.health()[0].last_error.clone().unwrap();
    assert!(
        why.as_str().contains("take the one that lies out of rpc.urls"),
        "{why}"
    );
    assert!(balance(&two).await.is_err());
    // of three, two decide
    let three = rpc(&[&liar.url, &honest.url, &third.url]);
    looked(&three).await;
    assert_eq!(
        states(&three),
        [WRONG, EndpointState::Healthy, EndpointState::Healthy]
    );
    assert_eq!(balance(&three).await.unwrap(), 5);
    // where it is configured, nobody decides
    let mut known = config(&[&liar.url, &honest.url]);
    known.genesis_block = Some(casimir_dkg::types::Root([1; 32]));
    let known = Rpc::new(known).unwrap();
    assert_eq!(balance(&known).await.unwrap(), 5);
    looked(&known).await;
    assert_eq!(states(&known), [WRONG, EndpointState::Healthy]);
    assert_eq!(
        liar.calls("eth_getBalance").len(),
        1,
        "only while it was the one voice"
    );
}
