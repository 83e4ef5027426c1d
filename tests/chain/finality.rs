//! What is final: a young chain has nothing yet, and a refusal says nothing.

use std::sync::Arc;

use casimir_dkg::chain::Finality;
use casimir_dkg::chain::agreement::Voices;
use casimir_dkg::chain::execution::Nodes;
use casimir_dkg::chain::intake::{EventSources, Intake, IntakeConfig, IntakeError, IntakeEvent, Resume};
use casimir_dkg::chain::rpc::Rpc;
use casimir_dkg::devnet::Mining;
use casimir_dkg::ports::agreed::on_facts;
use casimir_dkg::ports::{Accord, Answer, Execution, Voice};
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::{BlockRef, ClusterLayout, PoolId, Root};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::proxy::{Act, Call, Proxy};
use super::support::{devnet, manager, rpc};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

fn block(number: u64) -> Value {
    json!({
        "number": format!("{number:#x}"), "hash": format!("0x{}", hex::encode([number as u8; 32])),
        "parentHash": format!("0x{}", hex::encode([0; 32])), "timestamp": "0x1",
    })
}

/// The newest block of every endpoint here; what is final is asked seen from the one before.
const NEWEST: u64 = 10;

/// How one endpoint takes the question for the newest finalized block.
#[derive(Debug, Clone, Copy)]
enum Says {
    Block(u64),
    /// Tells that one, and nothing when it is asked for one by its number.
    Mute(u64),
    /// With another hash than the others have at that height, by the tag and by the number.
    Forged(u64),
    Null,
    Error(i64, &'static str),
    Status(u16),
    Page,
}

async fn endpoint(says: Says) -> Proxy {
    Proxy::start(None, move |call| match (call.method.as_str(), &call.params[0]) {
        ("eth_chainId", _) => Act::Result(json!("0x7a69")),
        ("eth_getBlockByNumber", tag) if tag == "finalized" => match says {
            Says::Block(number) | Says::Mute(number) => Act::Result(block(number)),
            Says::Forged(number) => Act::Result(forged(number)),
            Says::Null => Act::Result(Value::Null),
            Says::Error(code, words) => Act::Error(code, words.into()),
            Says::Status(status) => Act::Http(status, vec![], "no".into()),
            Says::Page => Act::Http(200, vec![], "<html>It works!</html>".into()),
        },
        ("eth_getBlockByNumber", tag) if tag == "latest" => Act::Result(block(NEWEST)),
        ("eth_getBlockByNumber", at) => {
            let number = at.as_str().and_then(|at| at.strip_prefix("0x"));
            let number = number
                .and_then(|at| u64::from_str_radix(at, 16).ok())
                .unwrap_or(0);
            Act::Result(match says {
                Says::Forged(_) if number > 0 => forged(number),
                Says::Mute(_) if number > 0 => Value::Null,
                _ => block(number),
            })
        }
        (other, _) => panic!("unexpected {other}"),
    })
    .await
}

fn forged(number: u64) -> Value {
    let mut block = block(number);
    block["hash"] = json!(format!("0x{}", "ee".repeat(32)));
    block
}

/// Whoever was asked first told which block of a height is final.
#[tokio::test]
async fn a_final_block_is_of_the_hash_that_most_tell() {
    use Says::{Block, Forged, Mute};
    let honest = |number: u64| Some((number, Root([number as u8; 32])));
    let cases: [(&[Says], _, &[usize]); 12] = [
        (&[Block(7), Block(7)], honest(7), &[]),
        (&[Block(7), Block(5)], honest(5), &[]),
        (&[Forged(7), Block(7)], None, &[]),
        (&[Block(7), Forged(7)], None, &[]),
        // a lower one with another hash, and a higher one that nobody else calls final
        (&[Forged(5), Block(7)], None, &[]),
        (&[Block(9), Block(5)], honest(5), &[]),
        (&[Forged(7), Block(7), Block(7)], honest(7), &[0]),
        (&[Forged(5), Block(7), Block(7)], honest(7), &[0]),
        (&[Block(7), Forged(9), Block(7)], honest(7), &[1]),
        // who calls a lower block final has this one all the same
        (&[Forged(9), Block(9), Block(8)], honest(9), &[0]),
        // asked for the other's block it says nothing: one has it, and might have made it up
        (&[Forged(7), Mute(9)], None, &[]),
        (&[Forged(7), Mute(7), Block(9)], honest(7), &[0]),
    ];
    for (says, expected, named) in cases {
        let mut endpoints = Vec::new();
        for says in says {
            endpoints.push(endpoint(*says).await);
        }
        let urls: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
        let rpc = rpc(&urls);
        let nodes = Nodes::new(rpc.clone(), Default::default(), Finality::Tag);
        let head = BlockRef {
            number: 9,
            hash: Root([9; 32]),
        };
        let answer = nodes.finalized(head).await;
        if let Answer::NotKnown(why) = &answer {
            let why = why.to_string();
            let is_alone = why.contains("alone has block");
            assert!(
                is_alone || why.contains("tells another final block"),
                "{says:?}: {why}"
            );
            let named = urls.iter().filter(|url| why.contains(url.trim_end_matches('/')));
            assert_eq!(named.count(), if is_alone { 1 } else { 2 }, "{says:?}: {why}");
        }
        let found = answer.yes().map(|block| (block.number, block.hash));
        assert_eq!(found, expected, "{says:?}");
        let accused = rpc.health().into_iter().enumerate();
        let accused = accused
            .filter(|(_, health)| health.contradicted > 0)
            .map(|(n, _)| n);
        assert_eq!(accused.collect::<Vec<_>>(), named, "{says:?}");
    }
}

/// A program that is slower than its chain asks about a block that is final meanwhile: endpoints that were honest counted as
/// silent.
#[tokio::test]
async fn a_head_that_finality_has_passed_is_final_itself() {
    use Says::{Block, Forged};
    for says in [&[Block(NEWEST)][..], &[Block(NEWEST), Block(NEWEST)]] {
        let mut endpoints = Vec::new();
        for says in says {
            endpoints.push(endpoint(*says).await);
        }
        let urls: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
        let last = ask(&urls).await.yes();
        assert_eq!(last.map(|last| last.number), Some(NEWEST - 1), "{says:?}");
    }
    for (says, words) in [
        (
            Block(NEWEST + 1),
            "block 11 is called final, and the newest is 10",
        ),
        (Forged(NEWEST), "block 9 is another one below it"),
    ] {
        let endpoint = endpoint(says).await;
        let answer = ask(&[endpoint.url.as_str()]).await;
        assert!(
            matches!(&answer, Answer::NotKnown(why) if why.to_string().contains(words)),
            "{says:?}: {answer:?}"
        );
    }
}

async fn ask(urls: &[&str]) -> Answer<BlockRef> {
    let nodes = Nodes::new(rpc(urls), Default::default(), Finality::Tag);
    let head = BlockRef {
        number: 9,
        hash: Root([9; 32]),
    };
    nodes.finalized(head).await
}

/// What real clients say while nothing is final.
const NOTHING_YET: [Says; 5] = [
    Says::Null,
    Says::Error(-32000, "finalized block not found"),
    Says::Error(-39001, "Unknown block"),
    Says::Error(-39001, "block \"finalized\" not available (head block: 9)"),
    Says::Error(-32000, "block \"finalized\" not available (head block: 9)"),
];

/// What says nothing of the chain.
const REFUSALS: [Says; 11] = [
    Says::Error(-32000, "block not found"),
    Says::Error(-32000, "Unknown block"),
    Says::Error(-32001, "header not found"),
    Says::Error(-32000, "missing trie node 00ff (path )"),
    Says::Error(-32602, "invalid argument 0: hex string without 0x prefix"),
    Says::Error(-32603, "Internal error"),
    Says::Error(-32601, "the method eth_getBlockByNumber does not exist"),
    Says::Error(-32000, "request timed out"),
    Says::Error(1, "quota of this plan is used up"),
    Says::Status(500),
    Says::Page,
];

#[tokio::test]
async fn only_a_node_that_says_that_nothing_is_final_is_a_no() {
    let dead = "http://127.0.0.1:1";
    for says in NOTHING_YET {
        let young = endpoint(says).await;
        for urls in [
            vec![young.url.as_str()],
            vec![&young.url, dead],
            vec![dead, &young.url],
        ] {
            let answer = ask(&urls).await;
            assert!(matches!(answer, Answer::No(_)), "{says:?}: {answer:?}");
        }
    }
    for says in REFUSALS {
        let refuses = endpoint(says).await;
        let answer = ask(&[&refuses.url]).await;
        assert!(matches!(answer, Answer::NotKnown(_)), "{says:?}: {answer:?}");
    }
}

#[tokio::test]
async fn the_next_endpoint_is_asked_when_one_refuses() {
    let young = endpoint(Says::Null).await;
    let grown = endpoint(Says::Block(7)).await;
    for says in REFUSALS {
        let refuses = endpoint(says).await;
        let answer = ask(&[&refuses.url, &grown.url]).await;
        assert_eq!(answer.yes().map(|block| block.number), Some(7), "{says:?}");
        let answer = ask(&[&refuses.url, &young.url]).await;
        assert!(matches!(answer, Answer::No(_)), "{says:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_block_that_is_missing_below_the_head_is_not_known() {
    let gap = Proxy::start(None, |call| match (call.method.as_str(), &call.params[0]) {
        ("eth_chainId", _) => Act::Result(json!("0x7a69")),
        ("eth_getBlockByNumber", at) if at == "0x5" => Act::Result(Value::Null),
        _ => Act::Result(block(0)),
    })
    .await;
    let by_depth = |depth| Nodes::new(rpc(&[&gap.url]), Default::default(), Finality::Depth(depth));
    let head = BlockRef {
        number: 9,
        hash: Root([9; 32]),
    };
    let missing = by_depth(4).finalized(head).await;
    assert!(matches!(missing, Answer::NotKnown(_)), "{missing:?}");
    let shorter = by_depth(10).finalized(head).await;
    assert!(matches!(shorter, Answer::No(_)), "{shorter:?}");
}

fn no_finality(call: &Call) -> Act {
    match call.params[0].as_str() {
        Some("finalized") => Act::Error(-32603, "Internal error".into()),
        _ => Act::Forward,
    }
}

/// A voice that cannot tell what is final has not agreed with the others.
#[tokio::test]
async fn endpoints_do_not_agree_on_a_refusal() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(5).await.unwrap();
    let refuses = Proxy::start(Some(net.http_url()), no_finality).await;
    let to = net.addresses();
    let rpc = rpc(&[&net.http_url(), &refuses.url]);
    let voice = |(name, rpc): (_, Rpc)| Voice {
        name,
        execution: Arc::new(Nodes::new(rpc.clone(), to.deposit_contract, Finality::Tag)),
        manager: manager(&net, &rpc),
        ssv: Arc::new(SsvReader::new(rpc, to.ssv, to.manager, LAYOUT, 0)),
    };
    let voices = Voices::new(rpc.each().into_iter().map(voice).collect());
    let block = rpc.head().await.unwrap().block();
    let agreed = on_facts(&voices, PoolId(1), to.oracle, block, &Vec::new()).await;
    assert!(matches!(agreed, Accord::TooFew { .. }), "{agreed:?}");
    assert!(agreed.words().contains("Internal error"), "{agreed:?}");
}

/// Requests are noticed all the same, and the doubt is told.
#[tokio::test]
async fn the_intake_goes_on_without_finality_and_says_so() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let proxy = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let rpc = rpc(&[&proxy.url]);
    let sources = EventSources {
        manager: manager(&net, &rpc),
        ssv: None,
    };
    let (out, mut events) = mpsc::channel(1_000);
    let mut intake = Intake::new(rpc, sources, IntakeConfig::new(1), Resume::default());
    intake.step(&out).await.unwrap();
    let mut told = || {
        let (mut finalized, mut requests, mut caught_up) = (None, 0, false);
        while let Ok(event) = events.try_recv() {
            match event {
                IntakeEvent::Head(head) => finalized = head.finalized,
                IntakeEvent::Batch(batch) => requests += batch.events.len(),
                IntakeEvent::CaughtUp => caught_up = true,
                _ => {}
            }
        }
        (finalized, requests, caught_up)
    };
    let (before, requests, caught_up) = told();
    assert!(before.is_some() && requests == 1 && caught_up);

    proxy.rescript(no_finality);
    net.deposit_pool(1).await.unwrap();
    let error = intake.step(&out).await.unwrap_err();
    assert!(matches!(error, IntakeError::Finality(_)), "{error}");
    assert_eq!(told(), (before, 1, false), "what was final stays final");
}
