//! Endpoints that contradict each other, are silent, or lag.

use alloy::primitives::{B256, U256};
use std::sync::Arc;

use casimir_dkg::chain::Finality;
use casimir_dkg::chain::agreement::Voices;
use casimir_dkg::chain::execution::Nodes;
use casimir_dkg::chain::rpc::Rpc;
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::agreed::{on_facts, on_receipt};
use casimir_dkg::ports::{Accord, Transactions as _, Voice};
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::{CheckStatus, ClusterLayout, NonceStatus, PoolId, Root};
use serde_json::{Value, json};

use super::proxy::{Act, Call, Proxy};
use super::support::{deposit, devnet, encode_deposit, manager, rpc};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

pub(super) fn agreement(net: &Devnet, rpc: &Rpc) -> Voices {
    let to = net.addresses();
    let voice = |(name, rpc): (_, Rpc)| Voice {
        name,
        execution: Arc::new(Nodes::new(rpc.clone(), to.deposit_contract, Finality::Depth(2))),
        manager: manager(net, &rpc),
        ssv: Arc::new(SsvReader::new(rpc, to.ssv, to.manager, LAYOUT, 0)),
    };
    Voices::new(rpc.each().into_iter().map(voice).collect())
}

async fn ask(net: &Devnet, rpc: &Rpc) -> Accord {
    let block = rpc.head().await.unwrap().block();
    let oracle = net.addresses().oracle;
    on_facts(&agreement(net, rpc), PoolId(1), oracle, block, &Vec::new()).await
}

async fn ask_about(net: &Devnet, rpc: &Rpc, transaction: B256) -> Accord {
    on_receipt(&agreement(net, rpc), Root(transaction.0)).await
}

/// The answer to this call of a view, changed in its last byte.
fn lies_about(signature: &'static str) -> impl Fn(&Call) -> Act + Send + Sync {
    let selector = format!("0x{}", hex::encode(&alloy::primitives::keccak256(signature)[..4]));
    move |call| match call.params[0]["data"].as_str() {
        Some(data) if call.method == "eth_call" && data.starts_with(&selector) => {
            Act::Change(Box::new(|answer| {
                let mut text = answer.as_str().unwrap().to_owned();
                let last = if text.pop() == Some('7') { '9' } else { '7' };
                text.push(last);
                text.into()
            }))
        }
        _ => Act::Forward,
    }
}

#[tokio::test]
async fn honest_endpoints_agree_and_a_lonely_one_is_said_to_be_lonely() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(5).await.unwrap();
    let other = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let two = rpc(&[&net.http_url(), &other.url]);
    let verdict = ask(&net, &two).await;
    assert!(
        matches!(verdict, Accord::Agree { agreeing: 2, .. }),
        "{verdict:?}"
    );
    assert!(other.total() <= 20, "{} calls to one endpoint", other.total());
    let one = ask(&net, &rpc(&[&net.http_url()])).await;
    assert_eq!(one, Accord::Alone);
    let check = one.check("endpoints-agree");
    assert_eq!(check.status, CheckStatus::Unknown, "nobody could contradict it");
    for words in ["only one endpoint", "rpc.urls"] {
        assert!(check.reason.as_str().contains(words), "{}", check.reason);
    }
}

#[tokio::test]
async fn who_lies_about_a_decisive_fact_is_named_whoever_is_asked_first() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(5).await.unwrap();
    let liar = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    for (signature, words) in [
        ("getReadyPoolIds()", "the head of the ready queue"),
        ("getReservedFees()", "the reserved fees"),
    ] {
        liar.rescript(lies_about(signature));
        for urls in [[&liar.url, &net.http_url()], [&net.http_url(), &liar.url]] {
            let verdict = ask(&net, &rpc(&urls.map(String::as_str))).await;
            let check = verdict.check("endpoints-agree");
            assert_eq!(check.status, CheckStatus::Fail, "{}", check.reason);
            assert!(check.reason.as_str().contains(words), "{}", check.reason);
            let name = liar.url.trim_start_matches("http://");
            assert!(check.reason.as_str().contains(name), "{}", check.reason);
        }
    }
    for (method, words) in [
        ("eth_getTransactionCount", "the oracle account's nonce"),
        ("eth_getBlockByNumber", "hash"),
    ] {
        liar.rescript(move |call| match call.method.as_str() {
            // the genesis block is how an endpoint proves its chain
            found if found == method && call.params[0] != "0x0" => Act::Change(Box::new(|mut answer| {
                if answer.is_object() {
                    answer["hash"] = json!(B256::repeat_byte(3));
                    answer
                } else {
                    "0x77".into()
                }
            })),
            _ => Act::Forward,
        });
        let verdict = ask(&net, &rpc(&[&net.http_url(), &liar.url])).await;
        assert!(
            !verdict.bears_out() && verdict.words().contains(words),
            "{verdict:?}"
        );
    }
    // three: the one that differs from the others is named, though it is asked first
    liar.rescript(lies_about("getReservedFees()"));
    let third = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let verdict = ask(&net, &rpc(&[&liar.url, &net.http_url(), &third.url])).await;
    let name = liar.url.trim_start_matches("http://");
    let words = verdict.words();
    // two voices are enough for a person, or a rule that says so: one liar does not stop everything
    assert_eq!(verdict.check("endpoints-agree").status, CheckStatus::Unknown);
    let accused = words.split(" is outvoted by ").next().unwrap();
    assert!(
        matches!(verdict, Accord::Outvoted { .. }) && accused.contains(name),
        "{words}"
    );
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_stated_and_one_voice_is_too_few() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let broken = Proxy::start(None, |_| Act::Http(500, vec![], "oops".into())).await;
    let verdict = ask(&net, &rpc(&[&net.http_url(), &broken.url])).await;
    let check = verdict.check("endpoints-agree");
    assert_eq!(check.status, CheckStatus::Unknown);
    assert!(
        check.reason.as_str().contains("1 of 2 endpoints answered"),
        "{}",
        check.reason
    );
    let third = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let verdict = ask(&net, &rpc(&[&net.http_url(), &broken.url, &third.url])).await;
    let check = verdict.check("endpoints-agree");
    assert_eq!(check.status, CheckStatus::Pass);
    assert!(
        check.reason.as_str().contains("2 of 3 endpoints say the same"),
        "{}",
        check.reason
    );
}

/// The event that cannot be read may say that another pool was served.
#[tokio::test]
async fn a_receipt_with_an_event_that_cannot_be_read_is_no_receipt_without_it() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let to = net.addresses();
    let data = encode_deposit(&deposit(to.manager, 1), LAYOUT);
    let sent = net.send_as(to.oracle, to.manager, U256::ZERO, data).await;
    let hash = Root(sent.unwrap().transaction_hash.0);
    net.mine(4).await.unwrap();
    let topic = json!(alloy::primitives::keccak256("PoolDepositInitiated(uint32)"));
    let cuts = move |call: &Call| match call.method.as_str() {
        "eth_getTransactionReceipt" => {
            let topic = topic.clone();
            Act::Change(Box::new(move |mut receipt| {
                for log in receipt["logs"].as_array_mut().into_iter().flatten() {
                    if log["topics"][0] == topic {
                        log["data"] = "0x01".into();
                    }
                }
                receipt
            }))
        }
        _ => Act::Forward,
    };
    let endpoint = Proxy::start(Some(net.http_url()), cuts).await;
    let both = rpc(&[&net.http_url(), &endpoint.url]);
    let rpc = rpc(&[&endpoint.url]);
    let ssv = SsvReader::new(rpc.clone(), to.ssv, to.manager, LAYOUT, 0);
    let manager = manager(&net, &rpc);
    let nodes = casimir_dkg::tx::Nodes::new(rpc.clone(), manager, Arc::new(ssv), Finality::Depth(2));
    let error = nodes.inspect(to.oracle, 0, &[hash]).await.value().unwrap_err();
    assert!(error.to_string().contains("PoolDepositInitiated"), "{error}");
    let said = on_receipt(&agreement(&net, &both), hash).await.words();
    assert!(said.contains("PoolDepositInitiated"), "{said}");

    endpoint.rescript(|_| Act::Forward);
    let status = nodes.inspect(to.oracle, 0, &[hash]).await.value().unwrap();
    let NonceStatus::Included { served, is_final, .. } = status else {
        panic!("{status:?}");
    };
    assert_eq!((served, is_final), (Some(PoolId(1)), true));
}

#[tokio::test]
async fn a_receipt_is_final_when_nobody_contradicts_it() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let to = net.addresses();
    let data = encode_deposit(&deposit(to.manager, 1), LAYOUT);
    net.send_as(to.oracle, to.manager, U256::ZERO, data)
        .await
        .unwrap();
    let block = net.block_number().await.unwrap();
    let hash: B256 = {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber",
            "params": [format!("{block:#x}"), false]});
        let answer = client.post(net.http_url()).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        serde_json::from_value(answer["result"]["transactions"][0].clone()).unwrap()
    };
    let liar = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let rpc = rpc(&[&net.http_url(), &liar.url]);
    let early = ask_about(&net, &rpc, hash).await;
    assert!(
        early.words().contains("does not call its block final yet"),
        "{early:?}"
    );
    net.mine(4).await.unwrap();
    let agreed = ask_about(&net, &rpc, hash).await;
    assert!(matches!(agreed, Accord::Agree { agreeing: 2, .. }), "{agreed:?}");
    liar.rescript(|call| match call.method.as_str() {
        "eth_getTransactionReceipt" => Act::Change(Box::new(|mut receipt| {
            receipt["status"] = "0x0".into();
            receipt
        })),
        _ => Act::Forward,
    });
    let contradicted = ask_about(&net, &rpc, hash).await;
    assert!(contradicted.words().contains("its success"), "{contradicted:?}");
    liar.rescript(|call| match call.method.as_str() {
        "eth_getTransactionReceipt" => Act::Result(Value::Null),
        _ => Act::Forward,
    });
    let silent = ask_about(&net, &rpc, hash).await;
    assert!(
        !silent.bears_out() && silent.words().contains("has no receipt"),
        "{silent:?}"
    );
    // the only endpoint that is configured is believed about what has happened
    let alone = ask_about(&net, &self::rpc(&[&net.http_url()]), hash).await;
    assert_eq!(alone, Accord::Alone);
    assert!(alone.bears_out());
}
