//! The WebSocket, before the real node.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder, WsConnect};
use alloy::pubsub::Subscription;
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Switch};
use casimir_dkg::devnet::{Devnet, DevnetOptions, Mining};

use super::super::support::{devnet, eventually};
use super::{proxy, said};

struct Stage {
    net: Devnet,
    proxy: FaultProxy,
}

impl Stage {
    async fn new(rules: &str) -> Self {
        let net = devnet(DevnetOptions {
            mining: Mining::Manual,
            ..DevnetOptions::default()
        })
        .await;
        let proxy = proxy(Kind::Execution, &[&net.http_url()], rules).await;
        Self { net, proxy }
    }

    async fn connect(&self) -> Result<DynProvider, alloy::transports::TransportError> {
        let url = self.proxy.socket_url("execution.0").unwrap();
        let connect = WsConnect::new(url).with_max_retries(0);
        Ok(ProviderBuilder::new().connect_ws(connect).await?.erased())
    }
}

type Heads = Subscription<alloy::rpc::types::Header>;

/// The number of the next head.
async fn head(heads: &mut Heads) -> Option<u64> {
    let head = tokio::time::timeout(crate::TIMEOUT, heads.recv()).await;
    head.ok()?.ok().map(|head| head.number)
}

/// No head comes for a while, or ever.
async fn silent(heads: &mut Heads) -> bool {
    let head = tokio::time::timeout(Duration::from_millis(500), heads.recv()).await;
    !matches!(head, Ok(Ok(_)))
}

#[tokio::test]
async fn calls_and_heads_pass() {
    let stage = Stage::new("").await;
    let provider = stage.connect().await.unwrap();
    assert_eq!(provider.get_chain_id().await.unwrap(), 31337);
    let mut heads = provider.subscribe_blocks().await.unwrap();
    for number in 3..=5 {
        stage.net.mine(1).await.unwrap();
        assert_eq!(head(&mut heads).await, Some(number));
    }
    assert_eq!(stage.proxy.calls("execution.0", "eth_subscription"), 3);
    assert_eq!(stage.proxy.calls("execution.0", "eth_chainId"), 1);
    assert_eq!(stage.proxy.calls("execution.0", "GET /"), 1, "the opening");
}

#[tokio::test]
async fn answers_over_the_socket_are_lied_about() {
    let rules = "[[rule]]\nname = \"chain\"\nat = \"execution\"\ndoes = { fault = \"chain-id\", id = 5 }\n\
        [[rule]]\nname = \"balance\"\nat = \"execution\"\nmethod = \"eth_getBalance\"\ndoes = { fault = \"answer\", result = \"0x7\" }\n\
        [[rule]]\nname = \"lag\"\nat = \"execution\"\ndoes = { fault = \"head\", behind = 1 }\n";
    let stage = Stage::new(rules).await;
    let provider = stage.connect().await.unwrap();
    assert_eq!(provider.get_chain_id().await.unwrap(), 5);
    assert_eq!(provider.get_balance(Address::ZERO).await.unwrap(), U256::from(7));
    assert_eq!(provider.get_block_number().await.unwrap(), 1);
    // what is asked of the node is changed on its way
    let newest = provider
        .get_block(alloy::eips::BlockId::latest())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(newest.header.number, 1);
}

#[tokio::test]
async fn heads_are_altered_lost_and_garbled() {
    let rule = |does: &str| {
        format!(
            "[[rule]]\nname = \"r\"\nat = \"execution\"\nmethod = \"eth_subscription\"\nwhen = {{ times = 1 }}\ndoes = {{ {does} }}\n"
        )
    };
    for (does, told) in [
        (
            "fault = \"rewrite\", set = { \"/params/result/number\" = \"0x63\" }",
            &[99, 4][..],
        ),
        ("fault = \"hang\"", &[4]),
        // no client understands these: one message is lost to it, or the whole connection
        ("fault = \"half\"", &[]),
        ("fault = \"html\"", &[]),
    ] {
        let stage = Stage::new(&rule(does)).await;
        let provider = stage.connect().await.unwrap();
        let mut heads = provider.subscribe_blocks().await.unwrap();
        stage.net.mine(1).await.unwrap();
        stage.net.mine(1).await.unwrap();
        for number in told {
            assert_eq!(head(&mut heads).await, Some(*number), "{does}");
        }
        assert!(silent(&mut heads).await, "{does}");
        assert_eq!(stage.proxy.strikes("test"), 1, "{does}");
    }
}

#[tokio::test]
async fn a_socket_dies_in_silence_or_is_cut() {
    let rules = "[[rule]]\nname = \"silence\"\nat = \"execution\"\nhttp = \"GET\"\ndoes = { fault = \"hang\" }\n\
        [[rule]]\nname = \"cut\"\nat = \"execution\"\nhttp = \"GET\"\ndoes = { fault = \"reset\" }\n";
    let stage = Stage::new("").await;
    stage.proxy.load(super::scenario(rules)).unwrap();
    let provider = stage.connect().await.unwrap();
    let mut heads = provider.subscribe_blocks().await.unwrap();
    stage.proxy.switch_rule("test", "silence", Switch::On).unwrap();
    eventually("it is silent", async || {
        said(&stage.proxy) == ["silenced the standing connection"]
    })
    .await;
    stage.net.mine(1).await.unwrap();
    assert!(silent(&mut heads).await);
    // the node told it of the block, and it kept that to itself
    eventually("the block is lost", async || {
        stage.proxy.calls("execution.0", "eth_subscription") == 1
    })
    .await;
    stage.proxy.switch_rule("test", "silence", Switch::Off).unwrap();
    // that it speaks again is seen by what it says
    let mut mined = 3;
    let heard = loop {
        stage.net.mine(1).await.unwrap();
        mined += 1;
        if let Ok(head) = tokio::time::timeout(Duration::from_secs(1), heads.recv()).await {
            break head.unwrap().number;
        }
        assert!(mined < 100, "it stays silent");
    };
    assert!(heard > 3, "what was said meanwhile is lost");

    stage.proxy.switch_rule("test", "cut", Switch::On).unwrap();
    let ends = async { while heads.recv().await.is_ok() {} };
    let ended = tokio::time::timeout(crate::TIMEOUT, ends).await;
    assert!(ended.is_ok(), "the subscription ends");
    assert!(stage.connect().await.is_err(), "nor is there another");
    // calls over HTTP are POST, and go on
    let url = stage.proxy.url("execution.0").unwrap();
    assert_eq!(
        super::result(&url, "eth_blockNumber", serde_json::json!([])).await,
        format!("{mined:#x}")
    );
    stage.proxy.switch("test", Switch::Off).unwrap();
    assert_eq!(
        stage.connect().await.unwrap().get_block_number().await.unwrap(),
        mined
    );
}

#[tokio::test]
async fn an_opening_is_refused() {
    let rules = "[[rule]]\nname = \"r\"\nat = \"execution\"\nhttp = \"GET\"\ndoes = { fault = \"status\", code = 403 }\n";
    let stage = Stage::new(rules).await;
    let error = stage.connect().await.unwrap_err().to_string();
    assert!(error.contains("403"), "{error}");
}
