//! A call that is tried out: what one endpoint says of a revert is asked of all of them, at one block.

use alloy::primitives::U256;
use casimir_dkg::chain::Finality;
use casimir_dkg::chain::execution::Nodes;
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::{Call, Execution as _, Simulated};
use casimir_dkg::types::ClusterLayout;
use serde_json::json;

use super::proxy::{self, Act, Proxy};
use super::support::{deposit, devnet, encode_deposit, rpc};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

/// Says that whatever the oracle sends reverts, and tells the truth of everything else.
fn reverts(call: &proxy::Call) -> Act {
    let tries = call.method == "eth_call" && call.params[0].get("from").is_some();
    match tries {
        true => Act::Error(3, "execution reverted: OperatorDoesNotExist()".to_owned()),
        false => Act::Forward,
    }
}

/// A network with a pool that waits, and the call that deposits it.
async fn scene() -> (Devnet, Call) {
    let net = devnet(LAYOUT, Mining::Manual).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(2).await.unwrap();
    let to = net.addresses();
    let call = Call {
        from: to.oracle,
        to: to.manager,
        data: encode_deposit(&deposit(to.manager, 1), LAYOUT),
        value_wei: U256::ZERO,
    };
    (net, call)
}

#[tokio::test]
async fn a_revert_is_one_endpoints_word_until_two_say_it_of_one_block() {
    let (net, call) = scene().await;
    let to = net.addresses();
    let tried = async |urls: &[&str]| {
        let rpc = rpc(urls);
        let nodes = Nodes::new(rpc.clone(), to.deposit_contract, Finality::Tag).beside(rpc.each());
        nodes.simulate(&call).await.yes().unwrap()
    };
    let liar = Proxy::start(Some(net.http_url()), reverts).await;
    let honest = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let silent = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_call" => Act::Result(json!(null)),
        _ => Act::Forward,
    })
    .await;
    assert!(matches!(
        tried(&[&honest.url, &liar.url]).await,
        Simulated::Succeeds { .. }
    ));
    let Simulated::Disputed { gas, words } = tried(&[&liar.url, &honest.url]).await else {
        panic!("another endpoint takes it");
    };
    let named = |url: &str| words.as_str().contains(url.trim_start_matches("http://"));
    assert!(
        gas > 100_000 && named(&liar.url) && named(&honest.url),
        "{gas}: {words}"
    );
    let Simulated::Reverts { revert, agreed_at } = tried(&[&liar.url]).await else {
        panic!("nobody else is configured");
    };
    assert_eq!(agreed_at, None, "it is one endpoint's word");
    let why = revert.words.as_str();
    assert!(why.contains("OperatorDoesNotExist"), "{why}");
    // one that is silent confirms nothing, whatever it says of the state
    let Simulated::Unconfirmed { revert, words } = tried(&[&liar.url, &silent.url]).await else {
        panic!("one endpoint of two says it");
    };
    assert!(
        words.as_str().contains(liar.url.trim_start_matches("http://")),
        "{words}"
    );
    let why = revert.words.as_str();
    assert!(why.contains("OperatorDoesNotExist"), "{why}");
    // two that give other reasons say both that it reverts
    let another = Proxy::start(Some(net.http_url()), |call| match reverts(call) {
        Act::Error(code, _) => Act::Error(code, "execution reverted: ClusterIsLiquidated()".to_owned()),
        act => act,
    })
    .await;
    let said = tried(&[&liar.url, &another.url]).await;
    let is_so = matches!(said, Simulated::Reverts { agreed_at: None, .. });
    assert!(is_so, "{said:?}");
    let second = Proxy::start(Some(net.http_url()), reverts).await;
    let Simulated::Reverts { agreed_at, .. } = tried(&[&liar.url, &second.url]).await else {
        panic!("nobody says otherwise");
    };
    let head = net.block_number().await.unwrap();
    let at = agreed_at.unwrap().number;
    assert!(at < head && at + 3 > head, "block {at} of {head}");
}

/// With too little gas a transaction fails and is paid for, or is in no block, ever.
#[tokio::test]
async fn no_single_estimate_is_too_low_and_of_three_none_too_high() {
    let (net, call) = scene().await;
    let to = net.addresses();
    let estimates = |gas: u64| {
        move |call: &proxy::Call| match call.method.as_str() {
            "eth_estimateGas" => Act::Result(json!(format!("0x{gas:x}"))),
            _ => Act::Forward,
        }
    };
    let gas = async |urls: &[&str]| {
        let rpc = rpc(urls);
        let nodes = Nodes::new(rpc.clone(), to.deposit_contract, Finality::Tag).beside(rpc.each());
        match nodes.simulate(&call).await.yes() {
            Some(Simulated::Succeeds { gas, .. }) => Some(gas),
            _ => None,
        }
    };
    let honest = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let right = gas(&[&honest.url]).await.unwrap();
    for wrong in [right / 2 + 1, 1 << 40] {
        let liar = Proxy::start(Some(net.http_url()), estimates(wrong)).await;
        for urls in [[&*liar.url, &honest.url], [&honest.url, &liar.url]] {
            assert_eq!(gas(&urls).await, Some(right), "{wrong}: {urls:?}");
            // the lower one of two that are near each other is as likely to be right
            let rpc = rpc(&urls);
            let nodes = Nodes::new(rpc.clone(), to.deposit_contract, Finality::Tag).beside(rpc.each());
            let tried = nodes.simulate(&call).await.yes().unwrap();
            let less = tried.less().map(|less| less.gas);
            assert_eq!(less, (wrong < right).then_some(wrong), "{tried:?}");
        }
    }
    let liar = Proxy::start(Some(net.http_url()), estimates(30_000)).await;
    assert_eq!(
        gas(&[&liar.url]).await,
        None,
        "less than the bytes alone take tells nothing"
    );
    // far apart: one of them is wrong, and which is not known
    for wrong in [right / 3, 16_000_000] {
        let liar = Proxy::start(Some(net.http_url()), estimates(wrong)).await;
        let both = rpc(&[&liar.url, &honest.url]);
        let nodes = Nodes::new(both.clone(), to.deposit_contract, Finality::Tag).beside(both.each());
        let Some(Simulated::Disputed { gas, words }) = nodes.simulate(&call).await.yes() else {
            panic!("{wrong} beside {right}");
        };
        assert_eq!(gas, right.max(wrong));
        for url in [&liar.url, &honest.url] {
            let name = url.trim_start_matches("http://");
            assert!(words.as_str().contains(name), "{words}");
        }
    }
    // what one endpoint alone estimates is told as that
    let mute = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_estimateGas" => Act::Error(-32005, "limit exceeded".to_owned()),
        _ => Act::Forward,
    })
    .await;
    let both = rpc(&[&honest.url, &mute.url]);
    let nodes = Nodes::new(both.clone(), to.deposit_contract, Finality::Tag).beside(both.each());
    let simulated = nodes.simulate(&call).await.yes().unwrap();
    let doubt = simulated.doubt().map(ToString::to_string).unwrap_or_default();
    assert!(doubt.contains("alone estimates its gas"), "{simulated:?}");
    for wrong in [30_000, right / 2, 16_000_000, 1 << 40] {
        let liar = Proxy::start(Some(net.http_url()), estimates(wrong)).await;
        let second = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
        let urls = [&*liar.url, &honest.url, &second.url];
        assert_eq!(gas(&urls).await, Some(right), "{wrong} beside two");
    }
}
