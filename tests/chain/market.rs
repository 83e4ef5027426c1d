//! What transactions pay, where one endpoint lies about it.

use casimir_dkg::chain::fees::quote;
use casimir_dkg::devnet::Mining;
use casimir_dkg::types::ClusterLayout;
use serde_json::{Value, json};

use super::proxy::{self, Act, Proxy};
use super::support::{devnet, rpc};

/// Quotes this base fee for the next block, and the truth of everything else; with `headers` of the newest one, too.
fn quotes(wei: u64, headers: bool) -> impl Fn(&proxy::Call) -> Act + Send + Sync + 'static {
    move |call| match call.method.as_str() {
        "eth_feeHistory" => Act::Change(Box::new(move |mut told: Value| {
            for fee in told["baseFeePerGas"].as_array_mut().unwrap() {
                *fee = json!(format!("0x{wei:x}"));
            }
            for block in told["reward"].as_array_mut().unwrap() {
                *block = json!([format!("0x{wei:x}")]);
            }
            told
        })),
        "eth_getBlockByHash" if headers => Act::Change(Box::new(move |mut told: Value| {
            told["baseFeePerGas"] = json!(format!("0x{wei:x}"));
            told
        })),
        _ => Act::Forward,
    }
}

#[tokio::test]
async fn a_base_fee_that_one_endpoint_makes_up_prices_nothing_and_its_teller_is_named() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Manual).await;
    net.set_base_fee(alloy::primitives::U256::from(20_000_000_000_u64))
        .await
        .unwrap();
    net.mine(1).await.unwrap();
    let honest = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let second = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let right = quote(&rpc(&[&honest.url, &second.url])).await.unwrap();
    assert!(!right.alone && right.base_fee > 1_000_000_000, "{right:?}");
    // 5,000 gwei keep everything back, and no pool takes what pays 1 wei
    for wei in [5_000_000_000_000, 1] {
        let liar = Proxy::start(Some(net.http_url()), quotes(wei, false)).await;
        for urls in [[&liar.url, &honest.url], [&honest.url, &liar.url]] {
            let both = rpc(&urls.map(String::as_str));
            let quote = quote(&both).await.unwrap();
            assert_eq!(quote, right, "{wei} wei");
            let named = both
                .health()
                .into_iter()
                .map(|endpoint| endpoint.contradicted > 0);
            let named: Vec<_> = named.collect();
            assert_eq!(named, urls.map(|url| url == &liar.url), "{wei} wei");
        }
        // what it says of the newest block contradicts the other's: neither is known to be right
        let liar = Proxy::start(Some(net.http_url()), quotes(wei, true)).await;
        let why = quote(&rpc(&[&liar.url, &honest.url]))
            .await
            .unwrap_err()
            .to_string();
        for url in [&liar.url, &honest.url] {
            assert!(why.contains(url.trim_start_matches("http://")), "{why}");
        }
        let three = rpc(&[&liar.url, &honest.url, &second.url]);
        assert_eq!(quote(&three).await.unwrap(), right, "{wei} wei beside two");
    }
    // one header decides nothing between two quotes: whoever made up a head has it alone, and who is limited has none
    for wei in [5_000_000_000_000, 1] {
        let liar = Proxy::start(Some(net.http_url()), quotes(wei, true)).await;
        let headless = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
            "eth_getBlockByHash" => Act::Result(Value::Null),
            _ => Act::Forward,
        })
        .await;
        for urls in [[&liar.url, &headless.url], [&headless.url, &liar.url]] {
            let both = rpc(&urls.map(String::as_str));
            let why = quote(&both).await.unwrap_err().to_string();
            assert!(why.contains("contradict each other"), "{why}");
            let blamed = both.health().into_iter().any(|health| health.contradicted > 0);
            assert!(!blamed, "{wei} wei");
        }
    }
    // with the other one away it is told as one endpoint's word
    let away = Proxy::start(None, |_| Act::Http(503, Vec::new(), String::new())).await;
    assert!(quote(&rpc(&[&honest.url, &away.url])).await.unwrap().alone);
    assert!(!quote(&rpc(&[&honest.url])).await.unwrap().alone, "the only one");
}
