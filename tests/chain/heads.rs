//! Endpoints whose heads are far apart: one that lags is passed over, and one that stands still stops nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use casimir_dkg::chain::Finality;
use casimir_dkg::chain::intake::{Intake, IntakeEvent, Resume};
use casimir_dkg::chain::rpc::{At, Rpc};
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Scenario, Switch, Target, Variables};
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::tx::{Intent, IntentStatus, inspect};
use casimir_dkg::types::{ClusterLayout, Root};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::intake::{Follower, Told, of_manager, settings};
use super::proxy::{Act, Call, Proxy};
use super::support::{deposit, devnet, encode_deposit, manager, rpc};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn hash(branch: u8, number: u64) -> String {
    format!("0x{branch:02x}{number:062x}")
}

/// A chain of headers, a block every 12 s, that ends in `head` at `time`.
fn header(branch: u8, number: u64, head: u64, time: u64) -> Value {
    json!({
        "number": format!("{number:#x}"), "hash": hash(branch, number),
        "parentHash": hash(branch, number.saturating_sub(1)),
        "timestamp": format!("{:#x}", time - 12 * (head - number)),
    })
}

fn number(asked: &Value, head: u64) -> u64 {
    match asked.as_str() {
        Some("latest") => head,
        Some("finalized") => head - 10,
        Some(text) => u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap(),
        None => panic!("{asked}"),
    }
}

/// An endpoint at `head` of a chain whose newest block is 500, of now. Of blocks from `hides` on but its head it shows none.
async fn endpoint(head: Arc<AtomicU64>, hides: u64) -> Proxy {
    let time = now();
    Proxy::start(None, move |call: &Call| {
        let head = head.load(Ordering::SeqCst);
        Act::Result(match call.method.as_str() {
            "eth_chainId" => json!("0x7a69"),
            "eth_syncing" => json!(false),
            "eth_getBlockByNumber" => match number(&call.params[0], head) {
                asked if asked > head || (asked >= hides && asked < head) => Value::Null,
                asked => header(1, asked, 500, time),
            },
            other => panic!("unexpected {other}"),
        })
    })
    .await
}

fn at(number: u64) -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(number))
}

async fn head(rpc: &Rpc) -> u64 {
    rpc.head().await.unwrap().number()
}

#[tokio::test]
async fn what_one_that_lags_does_not_have_the_next_is_asked_for() {
    let lags = endpoint(at(440), u64::MAX).await;
    let (second, third) = (
        endpoint(at(500), u64::MAX).await,
        endpoint(at(499), u64::MAX).await,
    );
    let three = rpc(&[&lags.url, &second.url, &third.url]);
    assert_eq!(head(&three).await, 499);
    assert_eq!(three.health()[0].behind, Some(59));
    assert!(three.health().iter().all(|health| health.contradicted == 0));
    for all in [&three, &rpc(&[&lags.url, &second.url])] {
        let found = all.header(At::Number(499)).await.unwrap();
        assert_eq!(found.map(|header| header.number()), Some(499));
        assert!(
            all.header(At::Number(501)).await.unwrap().is_none(),
            "nobody has it"
        );
    }
    let last = three.header(At::Finalized).await.unwrap().unwrap();
    assert_eq!(last.number(), 489, "by those that keep up");
}

#[tokio::test]
async fn of_two_the_one_that_stands_still_is_named_and_the_other_followed_once_it_shows_every_block() {
    let stands = endpoint(at(100), u64::MAX).await;
    let newest = at(499);
    let goes_on = endpoint(newest.clone(), u64::MAX).await;
    for urls in [[&stands.url, &goes_on.url], [&goes_on.url, &stands.url]] {
        newest.store(499, Ordering::SeqCst);
        let two = rpc(&[urls[0], urls[1]]);
        assert_eq!(head(&two).await, 100, "more than is read at one look");
        assert_eq!(head(&two).await, 499);
        newest.store(500, Ordering::SeqCst);
        assert_eq!(head(&two).await, 500);
        let last = two.header(At::Finalized).await.unwrap().unwrap();
        assert_eq!(last.number(), 490);
        for (health, url) in two.health().iter().zip(urls) {
            let behind = (*url == stands.url).then_some(400);
            assert_eq!((health.behind, health.contradicted), (behind, 0), "{health:?}");
        }
    }
}

#[tokio::test]
async fn who_does_not_show_its_blocks_is_not_followed() {
    let stands = endpoint(at(100), u64::MAX).await;
    let claims = endpoint(at(500), 101).await;
    let two = rpc(&[&stands.url, &claims.url]);
    for _ in 0..3 {
        assert_eq!(head(&two).await, 100);
    }
    // nor is who shows as many as it likes while the other one is of the present
    let honest = endpoint(at(495), u64::MAX).await;
    let time = now();
    let invents = Proxy::start(None, move |call: &Call| {
        Act::Result(match call.method.as_str() {
            "eth_chainId" => json!("0x7a69"),
            "eth_getBlockByNumber" => match number(&call.params[0], 1_000) {
                asked if asked <= 495 => header(1, asked, 500, time),
                asked => json!({
                    "number": format!("{asked:#x}"), "hash": hash(2, asked), "timestamp": format!("{time:#x}"),
                    "parentHash": if asked == 496 { hash(1, 495) } else { hash(2, asked - 1) },
                }),
            },
            _ => json!(false),
        })
    })
    .await;
    let two = rpc(&[&honest.url, &invents.url]);
    for _ in 0..3 {
        assert_eq!(head(&two).await, 495);
    }
}

/// So many endpoints of one node, of which the first is 20 blocks behind.
async fn lagging(net: &Devnet, voices: usize) -> (FaultProxy, Rpc) {
    let name = |n| format!("execution.{n}");
    let targets = (0..voices).map(|n| Target::new(Kind::Execution, &name(n), &net.http_url()).unwrap());
    let proxy = FaultProxy::start(targets.collect()).await.unwrap();
    let text = "about = \"The first endpoint is 20 blocks behind\"\n[[rule]]\nname = \"lags\"\nat = \"execution.0\"\n\
                does = { fault = \"head\", behind = 20 }\n";
    let scenario = Scenario::parse(Path::new("one-endpoint-lags.toml"), text, &Variables::new()).unwrap();
    proxy.load(scenario).unwrap();
    proxy.switch("one-endpoint-lags", Switch::On).unwrap();
    let urls: Vec<_> = (0..voices).map(|n| proxy.url(&name(n)).unwrap()).collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let rpc = rpc(&urls);
    (proxy, rpc)
}

#[tokio::test]
async fn a_mined_deposit_is_found_and_the_chain_followed_past_one_that_lags() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.mine(25).await.unwrap();
    net.deposit_pool(1).await.unwrap();
    let to = net.addresses();
    let data = encode_deposit(&deposit(to.manager, 1), LAYOUT);
    let nonce = rpc(&[&net.http_url()])
        .nonce(to.oracle, At::Latest)
        .await
        .unwrap();
    let sent = net
        .send_as(to.oracle, to.manager, Default::default(), data)
        .await
        .unwrap();
    let direct = rpc(&[&net.http_url()]);
    net.mine(5).await.unwrap();
    for voices in [2, 3] {
        let (_proxy, rpc) = lagging(&net, voices).await;
        let manager = manager(&net, &direct);
        let hashes = [Root(sent.transaction_hash.0)];
        let intent = Intent {
            sender: to.oracle,
            nonce,
            hashes: &hashes,
            manager: &*manager,
            finality: Finality::Depth(64),
        };
        let status = inspect(&rpc, &intent).await.unwrap();
        assert!(
            matches!(status, IntentStatus::Included(_)),
            "{voices}: {status:?}"
        );
    }
    let (_proxy, rpc) = lagging(&net, 3).await;
    let mut follower = Follower::new(&net, &rpc, settings(), Told::default());
    follower.look().await;
    assert_eq!(follower.told.requests(), [1]);
    assert_eq!(
        follower.told.cursor.unwrap().number,
        net.block_number().await.unwrap()
    );
    // of two nobody knows which is right, so nobody is accused
    let (_proxy, rpc) = lagging(&net, 2).await;
    let (out, mut events) = mpsc::channel(1_000);
    let mut intake = Intake::new(rpc.clone(), of_manager(&net, &rpc), settings(), Resume::default());
    intake.step(&out).await.unwrap();
    let mut said = String::new();
    while let Ok(event) = events.try_recv() {
        if let IntakeEvent::Apart(words) = event {
            said = words.to_string();
        }
    }
    assert!(said.contains("which of them is right is not known yet"), "{said}");
    assert!(rpc.health().iter().all(|health| health.contradicted == 0));
}

/// Behind one address there are nodes of which one is three blocks behind, and they answer by turns.
#[tokio::test]
async fn one_whose_heads_go_back_and_forth_is_named_beside_another_and_alone() {
    let (by_turns, steady) = (at(500), at(500));
    let fickle = endpoint(by_turns.clone(), u64::MAX).await;
    let honest = endpoint(steady.clone(), u64::MAX).await;
    for nodes in [rpc(&[&fickle.url, &honest.url]), rpc(&[&fickle.url])] {
        let names = |nodes: &Rpc| -> Vec<bool> {
            let named = nodes.health().into_iter().map(|health| {
                let words = health.odd.unwrap_or_default();
                words
                    .as_str()
                    .contains("says by turns that other blocks are the newest")
            });
            named.collect()
        };
        for n in 0..8 {
            by_turns.store(if n % 2 == 0 { 500 } else { 497 }, Ordering::SeqCst);
            // a reorganisation now and then, or a moment
            steady.store(if n % 4 == 0 { 499 } else { 500 }, Ordering::SeqCst);
            assert!(n > 5 || !names(&nodes)[0], "{n}: it may be a reorganisation");
            head(&nodes).await;
        }
        assert_eq!(names(&nodes), [true, false][..nodes.health().len()]);
    }
}
