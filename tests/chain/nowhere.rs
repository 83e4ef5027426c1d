//! What nobody has, by the word of several endpoints that agree, keep silent, lie or are behind: a no takes all of them.

use alloy::primitives::B256;
use casimir_dkg::chain::Finality;
use casimir_dkg::chain::execution::Nodes;
use casimir_dkg::chain::rpc::Rpc;
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::{Answer, Execution as _};
use casimir_dkg::tx::{IntentStatus, SignedTransaction};
use casimir_dkg::types::ClusterLayout;
use serde_json::{Value, json};

use super::proxy::{Act, Call, Proxy};
use super::support::{devnet, rpc};
use super::tx::{broadcast, draft_again, look};

/// How an endpoint tells of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// What its node has.
    Truth,
    /// That there is none.
    Nothing,
    /// No answer that says anything.
    Silent,
    /// That it waits, in no block.
    Waits,
    /// Something of a block that nobody knows.
    Lie,
}

/// What it says when it is asked by `method`; everything else is the node's.
async fn endpoint(node: &str, method: &'static str, says: Says) -> Proxy {
    Proxy::start(Some(node.to_owned()), move |call: &Call| {
        if call.method != method {
            return Act::Forward;
        }
        match says {
            Says::Truth => Act::Forward,
            Says::Nothing => Act::Result(Value::Null),
            Says::Silent => Act::Error(-32603, "Internal error".into()),
            Says::Waits => Act::Change(Box::new(|found| in_block(found, Value::Null, Value::Null))),
            Says::Lie => Act::Change(Box::new(|found| {
                in_block(found, json!("0x7"), json!(B256::repeat_byte(7)))
            })),
        }
    })
    .await
}

fn in_block(mut found: Value, number: Value, hash: Value) -> Value {
    found["blockNumber"] = number;
    found["blockHash"] = hash;
    found
}

/// A client of endpoints that say so, in this order.
async fn of(node: &str, method: &'static str, said: &[Says]) -> (Rpc, Vec<Proxy>) {
    let mut proxies = Vec::new();
    for says in said {
        proxies.push(endpoint(node, method, *says).await);
    }
    let urls: Vec<_> = proxies.iter().map(|proxy| proxy.url.as_str()).collect();
    (rpc(&urls), proxies)
}

/// A deposit of ours in a final block, so far back that no node is asked for the account's nonce before it.
async fn long_ago() -> (Devnet, SignedTransaction) {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    let direct = rpc(&[&net.http_url()]);
    let ours = draft_again(&net, &direct, 1).await;
    broadcast(&direct, &ours).await;
    net.mine(100).await.unwrap();
    net.finalize().await.unwrap();
    (net, ours)
}

#[tokio::test]
async fn there_is_no_receipt_only_where_every_endpoint_says_so() {
    use Says::{Lie, Nothing, Silent, Truth};
    let (net, ours) = long_ago().await;
    let nowhere = net.addresses().deposit_contract;
    let ask = async |said: &[Says]| {
        let (rpc, _proxies) = of(&net.http_url(), "eth_getTransactionReceipt", said).await;
        Nodes::new(rpc, nowhere, Finality::Tag)
            .final_receipt(ours.hash)
            .await
    };
    for said in [&[Nothing][..], &[Nothing, Nothing], &[Nothing, Nothing, Nothing]] {
        let answer = ask(said).await;
        assert!(matches!(answer, Answer::No(_)), "{said:?}: {answer:?}");
    }
    for said in [
        &[Silent][..],
        &[Silent, Nothing],
        &[Nothing, Silent],
        &[Nothing, Silent, Nothing],
    ] {
        let answer = ask(said).await;
        assert!(matches!(answer, Answer::NotKnown(_)), "{said:?}: {answer:?}");
    }
    // who is behind, or hides it, hides it from nobody
    for said in [
        &[Truth, Truth][..],
        &[Nothing, Truth],
        &[Silent, Truth],
        &[Nothing, Silent, Truth],
    ] {
        match ask(said).await {
            Answer::Yes(found) => assert!(found.succeeded, "{said:?}"),
            other => panic!("{said:?}: {other:?}"),
        }
    }
    // a lie beside it is one voice, which the others do not confirm; it is no *no*
    let answer = ask(&[Lie, Truth]).await;
    assert!(!matches!(answer, Answer::No(_)), "{answer:?}");
}

#[tokio::test]
async fn a_used_nonce_is_a_strangers_only_where_every_endpoint_has_none_of_ours_in_a_block() {
    use Says::{Lie, Nothing, Silent, Truth, Waits};
    let (net, ours) = long_ago().await;
    let hashes = [ours.hash];
    // nobody keeps the receipt any more
    let forgetful = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getTransactionReceipt" => Act::Result(Value::Null),
        _ => Act::Forward,
    })
    .await;
    let ask = async |said: &[Says]| {
        let (rpc, _proxies) = of(&forgetful.url, "eth_getTransactionByHash", said).await;
        look(&net, &rpc, ours.nonce, &hashes).await
    };
    let strangers = IntentStatus::ReplacedByForeign {
        hash: None,
        is_final: true,
    };
    for said in [&[Nothing][..], &[Nothing, Nothing], &[Waits, Nothing]] {
        assert_eq!(ask(said).await, strangers, "{said:?}");
    }
    for said in [
        &[Truth][..],
        &[Nothing, Truth],
        &[Waits, Truth],
        &[Nothing, Silent],
        &[Silent, Nothing],
        &[Nothing, Lie],
    ] {
        let seen = ask(said).await;
        assert!(matches!(seen, IntentStatus::Unknown { .. }), "{said:?}: {seen:?}");
    }
}
