//! One endpoint of two or three lies about logs: nothing of it is believed, nothing true is lost, and the liar is named.

use std::time::Duration;

use alloy::primitives::B256;
use casimir_dkg::chain::Finality;
use casimir_dkg::chain::intake::{IntakeConfig, ObservedEvent};
use casimir_dkg::chain::rpc::{EndpointState, Rpc};
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Scenario, Switch, Target, Variables};
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::PoolEventKind;
use casimir_dkg::types::ClusterLayout;
use serde_json::Value;

use super::intake::{Follower, Told, settings};
use super::proxy::{Act, Proxy};
use super::support::{deposit, devnet, encode_deposit, rpc};

/// Nothing is final for long, so that every block is read by itself.
fn unsettled() -> IntakeConfig {
    IntakeConfig {
        finality: Finality::Depth(64),
        ..settings()
    }
}

/// So many endpoints of one node, of which one tells the lies of a scenario.
pub(super) async fn lied_to(net: &Devnet, scenario: &str, voices: usize, liar: usize) -> (FaultProxy, Rpc) {
    let name = |n| format!("execution.{n}");
    let targets = (0..voices).map(|n| Target::new(Kind::Execution, &name(n), &net.http_url()).unwrap());
    let proxy = FaultProxy::start(targets.collect()).await.unwrap();
    let addresses = net.addresses();
    let variables = [
        ("manager", format!("{:#x}", addresses.manager)),
        ("ssv", format!("{:#x}", addresses.ssv)),
        ("liar", name(liar)),
    ];
    let variables = Variables::from(variables.map(|(name, value)| (name.to_owned(), value)));
    proxy
        .load(Scenario::shipped(scenario, &variables).unwrap())
        .unwrap();
    proxy.switch(scenario, Switch::On).unwrap();
    let urls: Vec<_> = (0..voices).map(|n| proxy.url(&name(n)).unwrap()).collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let rpc = rpc(&urls);
    (proxy, rpc)
}

#[tokio::test]
async fn a_log_that_one_of_two_or_three_endpoints_adds_is_not_told_and_names_it() {
    use PoolEventKind as Event;
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(2).await.unwrap();
    let lies = [
        ("log-added-deposit-initiated", Event::DepositInitiated),
        (
            "log-added-deposit-initiated-with-receipts",
            Event::DepositInitiated,
        ),
        ("log-added-deposit-requested", Event::DepositRequested),
        ("log-added-exit-requested", Event::ExitRequested),
        ("log-added-reshare-requested", Event::ReshareRequested),
        ("log-added-reshared", Event::Reshared),
    ];
    for (scenario, lie) in lies {
        for (voices, liar) in [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)] {
            let (proxy, rpc) = lied_to(&net, scenario, voices, liar).await;
            let mut follower = Follower::new(&net, &rpc, unsettled(), Told::default());
            for _ in 0..3 {
                follower.look().await;
                net.mine(1).await.unwrap();
            }
            let setting = format!("{scenario}, {liar} of {voices}");
            assert_eq!(follower.told.requests(), [1], "{setting}");
            let told = follower.told.standing.iter().any(|o| match &o.event {
                ObservedEvent::Manager(event) => {
                    event.kind == lie && (event.kind, event.pool.0) != (Event::DepositRequested, 1)
                }
                ObservedEvent::Ssv(_) => false,
            });
            assert!(!told, "{setting}");
            // logs are read at the first endpoint that answers
            assert_eq!(proxy.strikes(scenario) > 0, liar == 0, "{setting}");
            for (n, health) in rpc.health().iter().enumerate() {
                assert_eq!(
                    health.contradicted > 0,
                    n == liar && liar == 0,
                    "{setting}: {health:?}"
                );
            }
            let two_contradict = liar == 0 && voices == 2 && scenario != "log-added-deposit-initiated";
            assert_eq!(!follower.told.doubts.is_empty(), two_contradict, "{setting}");
            if two_contradict {
                let liar = proxy.url("execution.0").unwrap();
                let named = follower.told.doubts.contains(liar.trim_start_matches("http://"));
                assert!(named, "{}", follower.told.doubts);
            }
        }
    }
}

#[tokio::test]
async fn a_true_log_that_one_endpoint_denies_is_told_when_it_does_not_any_more_after_a_restart_too() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let denies = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let two = rpc(&[&net.http_url(), &denies.url]);
    let mut follower = Follower::new(&net, &two, unsettled(), Told::default());
    follower.look().await;
    denies.rescript(|call| match call.method.as_str() {
        "eth_getTransactionReceipt" => Act::Result(Value::Null),
        "eth_getBlockByHash" => Act::Change(Box::new(|mut block| {
            block["transactions"] = Value::Array(vec![]);
            block
        })),
        _ => Act::Forward,
    });
    let before = net.block_number().await.unwrap();
    let to = net.addresses();
    let data = encode_deposit(&deposit(to.manager, 1), ClusterLayout::ActiveThenBalance);
    net.send_as(to.oracle, to.manager, Default::default(), data)
        .await
        .unwrap();
    net.mine(3).await.unwrap();
    follower.look().await;
    assert_eq!(
        follower.told.standing.len(),
        1,
        "the request, of which the state tells"
    );
    let doubts = &follower.told.doubts;
    assert!(
        doubts.contains("\u{ab}deposit initiated of pool 1\u{bb} is not believed"),
        "{doubts}"
    );
    assert!(
        doubts.contains(denies.url.trim_start_matches("http://")),
        "{doubts}"
    );
    assert!(
        doubts.contains("the receipts of the block prove that it is there"),
        "{doubts}"
    );
    let health = two.health();
    assert_eq!(
        health[0].contradicted, 0,
        "who told it is not accused: {health:?}"
    );
    assert!(
        health[1].contradicted > 0,
        "its own block proves it wrong: {health:?}"
    );
    assert_eq!(
        follower.told.cursor.unwrap().number,
        before,
        "it is met again after a restart"
    );

    let told = std::mem::take(&mut follower.told);
    let mut again = Follower::new(&net, &two, unsettled(), told);
    again.look().await;
    assert_eq!(again.told.standing.len(), 1);
    denies.rescript(|_| Act::Forward);
    while again.told.standing.len() < 2 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        again.look().await;
    }
    assert_eq!(again.told.doubts, "");
    net.mine(1).await.unwrap();
    again.look().await;
    assert_eq!(
        again.told.cursor.unwrap().number,
        net.block_number().await.unwrap()
    );
}

#[tokio::test]
async fn a_log_without_a_receipt_is_not_believed_of_the_only_endpoint_either() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    let (_proxy, rpc) = lied_to(&net, "log-added-deposit-initiated", 1, 0).await;
    let mut follower = Follower::new(&net, &rpc, unsettled(), Told::default());
    follower.look().await;
    assert_eq!(follower.told.standing, []);
    assert_eq!(rpc.health()[0].contradicted, 1);
    // with a receipt it is one voice, and whoever is told knows that
    let (_proxy, rpc) = lied_to(&net, "log-added-reshare-requested", 1, 0).await;
    let mut follower = Follower::new(&net, &rpc, unsettled(), Told::default());
    follower.look().await;
    assert_eq!(follower.told.standing.len(), 1);
}

#[tokio::test]
async fn where_receipts_are_pruned_the_block_and_its_logs_tell() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let to = net.addresses();
    let data = encode_deposit(&deposit(to.manager, 1), ClusterLayout::ActiveThenBalance);
    net.send_as(to.oracle, to.manager, Default::default(), data)
        .await
        .unwrap();
    for voices in [1, 2] {
        let (proxy, rpc) = lied_to(&net, "execution-knows-no-receipts", voices, 0).await;
        let mut follower = Follower::new(&net, &rpc, unsettled(), Told::default());
        follower.look().await;
        assert!(proxy.strikes("execution-knows-no-receipts") > 0);
        assert_eq!(follower.told.standing.len(), 2, "{voices}");
        assert_eq!(follower.told.doubts, "");
    }
}

/// An endpoint that has other blocks from a height on.
fn forks(from: u64) -> impl Fn(&super::proxy::Call) -> Act + Send + Sync {
    move |call| match call.method.as_str() {
        "eth_getBlockByNumber" => Act::Change(Box::new(move |mut block| {
            let number = block["number"].as_str().unwrap_or("0x0").trim_start_matches("0x");
            let number = u64::from_str_radix(number, 16).unwrap();
            let fake = |number: u64| serde_json::json!(B256::from(alloy::primitives::U256::from(number)));
            if number >= from {
                block["hash"] = fake(number);
            }
            if number > from {
                block["parentHash"] = fake(number - 1);
            }
            block
        })),
        _ => Act::Forward,
    }
}

#[tokio::test]
async fn an_endpoint_on_a_branch_of_its_own_takes_nothing_back() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.mine(5).await.unwrap();
    net.deposit_pool(1).await.unwrap();
    let from = net.block_number().await.unwrap();
    net.mine(2).await.unwrap();
    for voices in [2, 3] {
        let liar = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
        let second = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
        let third = net.http_url();
        let urls = [liar.url.as_str(), second.url.as_str(), third.as_str()];
        let rpc = rpc(&urls[..voices]);
        let mut follower = Follower::new(&net, &rpc, unsettled(), Told::default());
        follower.look().await;
        assert_eq!(follower.told.requests(), [1]);
        liar.rescript(forks(from));
        net.mine(1).await.unwrap();
        if voices == 2 {
            let error = follower.intake.step(&follower.out).await.unwrap_err().to_string();
            assert!(error.contains("contradict each other"), "{error}");
            for proxy in [&liar, &second] {
                assert!(error.contains(proxy.url.trim_start_matches("http://")), "{error}");
            }
        } else {
            follower.look().await;
            follower.look().await;
            assert_eq!(rpc.health()[0].state, EndpointState::Down);
            assert_eq!(
                follower.told.cursor.unwrap().number,
                net.block_number().await.unwrap()
            );
        }
        assert_eq!(follower.told.requests(), [1], "{voices}");
    }
    // a reorganisation that both have takes it back
    let second = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let two = self::rpc(&[&net.http_url(), &second.url]);
    let mut follower = Follower::new(&net, &two, unsettled(), Told::default());
    follower.look().await;
    assert_eq!(follower.told.requests(), [1]);
    net.reorg(net.block_number().await.unwrap() - from + 1)
        .await
        .unwrap();
    follower.look().await;
    assert_eq!(follower.told.requests(), [0; 0]);
}
