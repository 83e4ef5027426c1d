//! What the contracts at the addresses are: SSV's version, the layout that the manager takes, where its history begins.

use alloy::primitives::{Address, Bytes, hex, keccak256};
use casimir_dkg::chain::deployed::deployed_at;
use casimir_dkg::chain::rpc::At;
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::pool;
use casimir_dkg::ports::{Answer, Ssv};
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::ClusterLayout;
use serde_json::{Value, json};

use super::proxy::{Act, Proxy};
use super::support::{adapter, devnet, rpc};

const LAYOUTS: [ClusterLayout; 2] = [ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance];

async fn set_code(net: &Devnet, at: Address, code: &[u8]) {
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "anvil_setCode",
        "params": [at, Bytes::copy_from_slice(code)],
    });
    let client = reqwest::Client::new();
    let answer = client.post(net.http_url()).json(&call).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
}

/// Code that answers `getVersion()` with six characters, and reverts without a word otherwise, as a contract does whose
/// fallback knows the selector as little.
fn says_version(version: &[u8; 6]) -> Vec<u8> {
    let selector = &keccak256("getVersion()")[..4];
    [
        &hex!("5f3560e01c63")[..],
        selector,
        &hex!("146011575f5ffd5b60205f52600660205265"),
        version,
        &hex!("60d01b60405260605ff3"),
    ]
    .concat()
}

#[tokio::test]
async fn ssv_v2_is_told_from_those_that_take_tokens() {
    for layout in LAYOUTS {
        let net = devnet(layout, Mining::Instant).await;
        let rpc = rpc(&[&net.http_url()]);
        let ask = async |network: Address| {
            let ssv = SsvReader::new(rpc.clone(), network, net.addresses().manager, layout, 0);
            ssv.takes_tokens(At::Latest).await
        };
        assert_eq!(ask(net.addresses().ssv).await, Answer::Yes("v1.2.0".into()));

        let v2 = Address::repeat_byte(0x52);
        set_code(&net, v2, &says_version(b"v2.0.0")).await;
        let Answer::No(evidence) = ask(v2).await else {
            panic!("{layout}");
        };
        let words = evidence.words.as_str();
        assert!(
            words.contains("is v2.0.0, which has no registration with a token amount"),
            "{words}"
        );

        // a version that should have it and does not show it, and what is no SSV at all, prove nothing
        let strange = Address::repeat_byte(0x51);
        set_code(&net, strange, &says_version(b"v1.2.0")).await;
        for nothing in [strange, net.accounts().staker, net.addresses().deposit_contract] {
            let found = ask(nothing).await;
            assert!(matches!(found, Answer::NotKnown(_)), "{found:?}");
        }
    }
}

#[tokio::test]
async fn the_layout_is_the_one_that_the_manager_takes() {
    for layout in LAYOUTS {
        let net = devnet(layout, Mining::Instant).await;
        let rpc = rpc(&[&net.http_url()]);
        let found = pool::layout_of(adapter(), &rpc, net.addresses().manager).await;
        assert_eq!(found, Answer::Yes(layout));
        let another = pool::layout_of(adapter(), &rpc, net.addresses().ssv).await;
        assert!(matches!(another, Answer::No(_)), "{another:?}");
    }
    let net = devnet(ClusterLayout::BalanceThenActive, Mining::Instant).await;
    let manager = net.addresses().manager;
    // it has no code there yet, so that every call succeeds and returns nothing
    let syncs = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getCode" | "eth_call" => Act::Result(serde_json::json!("0x")),
        _ => Act::Forward,
    })
    .await;
    let alone = pool::layout_of(adapter(), &rpc(&[&syncs.url]), manager).await;
    let Answer::No(evidence) = &alone else {
        panic!("{alone:?}");
    };
    assert!(
        evidence.to_string().contains("there is no contract at"),
        "{evidence}"
    );
    let beside = pool::layout_of(adapter(), &rpc(&[&syncs.url, &net.http_url()]), manager).await;
    assert_eq!(beside, Answer::Yes(ClusterLayout::BalanceThenActive));
    let and_nobody = rpc(&[&syncs.url, "http://127.0.0.1:1"]);
    let beside = pool::layout_of(adapter(), &and_nobody, manager).await;
    assert!(matches!(beside, Answer::NotKnown(_)), "{beside:?}");
    let nobody = pool::layout_of(adapter(), &rpc(&["http://127.0.0.1:1"]), Address::ZERO).await;
    assert!(matches!(nobody, Answer::NotKnown(_)), "{nobody:?}");
}

#[tokio::test]
async fn the_block_of_a_deployment_is_bisected() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.mine(300).await.unwrap();
    let real = rpc(&[&net.http_url()]);
    let manager = net.addresses().manager;
    let found = deployed_at(&real, manager).await.yes().unwrap();
    assert!(found > 0);
    let has_code = async |number| !real.code(manager, At::Number(number)).await.unwrap().is_empty();
    assert!(has_code(found).await && !has_code(found - 1).await, "{found}");
    assert!(matches!(
        deployed_at(&real, net.accounts().staker).await,
        Answer::No(_)
    ));

    // a node without old states cannot say
    let pruned = Proxy::start(Some(net.http_url()), |call| {
        let old = call.params[1]
            .as_str()
            .is_some_and(|at| u64::from_str_radix(at.trim_start_matches("0x"), 16).is_ok_and(|at| at < 200));
        if call.method == "eth_getCode" && old {
            Act::Error(-32000, "missing trie node".to_owned())
        } else {
            Act::Forward
        }
    })
    .await;
    let found = deployed_at(&rpc(&[&pruned.url]), manager).await;
    assert!(matches!(found, Answer::NotKnown(_)), "{found:?}");
}
