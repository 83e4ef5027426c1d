//! One endpoint lies about logs, or begins to serve another chain: the contract's state and the other endpoints decide.

use casimir_dkg::config::Config;
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Scenario, Switch, Target, Variables};
use casimir_dkg::engine::service::Running;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{CaseId, RedactedUrl};
use casimir_dkg::view::{CaseStatus, Health};

use super::deposits::initiated;
use super::support::{Ground, approve_next, case_is, drive, four_operators, staked, stop, until, waiting};
use crate::chain::proxy::{Act, Proxy};

/// `getReadyPoolIds()`
const READY: &str = "getReadyPoolIds()";

/// So many endpoints of the ground's node, of which the first lies when it is told to.
async fn endpoints(ground: &Ground, scenario: &str, count: usize) -> (FaultProxy, Config) {
    let name = |n| format!("execution.{n}");
    let url = ground.devnet().http_url();
    let targets = (0..count).map(|n| Target::new(Kind::Execution, &name(n), &url).unwrap());
    let proxy = FaultProxy::start(targets.collect()).await.unwrap();
    let addresses = ground.devnet().addresses();
    let variables = [
        ("manager", format!("{:#x}", addresses.manager)),
        ("ssv", format!("{:#x}", addresses.ssv)),
        ("liar", name(0)),
    ];
    let variables = Variables::from(variables.map(|(name, value)| (name.to_owned(), value)));
    proxy
        .load(Scenario::shipped(scenario, &variables).unwrap())
        .unwrap();
    let mut config = ground.config(false);
    let urls = (0..count).map(|n| RedactedUrl::new(proxy.url(&name(n)).unwrap()));
    config.rpc.urls = urls.collect();
    (proxy, config)
}

async fn blocks_pass(ground: &Ground, oracle: &Running, blocks: u64) {
    let target = ground.devnet().block_number().await.unwrap() + blocks;
    until(oracle, "more blocks", |s| {
        s.chain.head.filter(|h| h.number >= target)
    })
    .await;
}

/// The first endpoint is shown as one that others contradict.
async fn the_liar_is_named(oracle: &Running, proxy: &FaultProxy) {
    let liar = proxy.url("execution.0").unwrap();
    let liar = liar.trim_start_matches("http://").to_owned();
    until(oracle, "the liar by name", |s| {
        s.endpoints
            .iter()
            .find(|e| e.name.as_str().contains(&liar) && e.detail.as_str().contains("is contradicted"))
            .filter(|e| e.health == Health::Degraded)
            .cloned()
    })
    .await;
}

fn has_case(oracle: &Running, case: &str) -> bool {
    let id: CaseId = case.parse().unwrap();
    oracle.handle.snapshots.borrow().cases.iter().any(|c| c.id == id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_deposit_closes_no_case_and_holds_nobody_up() {
    let scenario = "log-added-deposit-initiated-with-receipts";
    for voices in [1, 2, 3] {
        let ground = Ground::start(four_operators()).await;
        let (proxy, config) = endpoints(&ground, scenario, voices).await;
        let oracle = ground.start_engine(config).await;
        ground.devnet().deposit_pool(2).await.unwrap();
        waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
        proxy.switch(scenario, Switch::On).unwrap();
        blocks_pass(&ground, &oracle, 10).await;
        assert!(proxy.strikes(scenario) > 0, "it was told");
        if voices > 1 {
            the_liar_is_named(&oracle, &proxy).await;
        }
        let done = drive(&oracle, "deposit/1").await;
        let says = |what: &str| done.history.iter().any(|e| e.text.as_str().contains(what));
        assert!(
            !done.sentence.as_str().contains("another transaction"),
            "{}",
            done.sentence
        );
        // the only endpoint's receipt is believed until the state says otherwise
        assert_eq!(says("the log is not believed"), voices == 1, "{:?}", done.history);
        drive(&oracle, "deposit/2").await;
        assert_eq!(initiated(&ground).await, [1, 2]);
        stop(oracle).await;
        ground.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_deposit_is_what_the_state_says_whatever_a_log_does() {
    let lies = [
        ("log-added-deposit-requested", 1),
        ("log-added-deposit-requested", 2),
        ("log-altered", 2),
        ("log-marked-as-removed", 2),
    ];
    for (scenario, voices) in lies {
        let ground = Ground::start(four_operators()).await;
        let (proxy, config) = endpoints(&ground, scenario, voices).await;
        proxy.switch(scenario, Switch::On).unwrap();
        let oracle = ground.start_engine(config).await;
        ground.devnet().deposit_pool(1).await.unwrap();
        waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
        blocks_pass(&ground, &oracle, 6).await;
        assert!(proxy.strikes(scenario) > 0, "it was told");
        assert!(!has_case(&oracle, "deposit/4242"), "{scenario}");
        if voices > 1 && scenario != "log-marked-as-removed" {
            the_liar_is_named(&oracle, &proxy).await;
        }
        stop(oracle).await;
        ground.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_contract_keeps_no_state_of_takes_two_voices() {
    let (ground, oracle) = staked(false).await;
    stop(oracle).await;
    let scenario = "log-added-reshare-requested";
    let (proxy, config) = endpoints(&ground, scenario, 2).await;
    let oracle = ground.start_engine(config.clone()).await;
    proxy.switch(scenario, Switch::On).unwrap();
    let alarm = until(&oracle, "an alarm about the log", |s| {
        let says = |a: &&casimir_dkg::types::SafeText| a.as_str().contains("is not believed");
        s.alarms.iter().find(says).cloned()
    })
    .await;
    let liar = proxy.url("execution.0").unwrap();
    assert!(
        alarm.as_str().contains(liar.trim_start_matches("http://")),
        "{alarm}"
    );
    blocks_pass(&ground, &oracle, 6).await;
    assert!(!has_case(&oracle, "reshare/1"));
    the_liar_is_named(&oracle, &proxy).await;

    // a true one is believed
    proxy.switch(scenario, Switch::Off).unwrap();
    ground
        .devnet()
        .request_exit(casimir_dkg::types::PoolId(1))
        .await
        .unwrap();
    until(&oracle, "the exit", |s| {
        s.cases
            .iter()
            .find(|c| c.id == "exit/1".parse().unwrap())
            .cloned()
    })
    .await;
    until(&oracle, "no alarm about the log", |s| {
        let says = |a: &casimir_dkg::types::SafeText| a.as_str().contains("is not believed");
        (!s.alarms.iter().any(says)).then_some(())
    })
    .await;
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_was_closed_on_a_lie_is_taken_up_again() {
    let scenario = "log-added-deposit-initiated-with-receipts";
    let ground = Ground::start(four_operators()).await;
    let (proxy, mut config) = endpoints(&ground, scenario, 1).await;
    // the only endpoint lies about the log and about the state
    let only = Proxy::start(Some(proxy.url("execution.0").unwrap()), |_| Act::Forward).await;
    config.rpc.urls = vec![RedactedUrl::new(&only.url)];
    let oracle = ground.start_engine(config).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
    let selector = format!("0x{}", hex::encode(&alloy::primitives::keccak256(READY)[..4]));
    only.rescript(move |call| match call.params[0]["data"].as_str() {
        Some(data) if data.starts_with(&selector) => Act::Result(format!("0x{:064x}{:064x}", 32, 0).into()),
        _ => Act::Forward,
    });
    proxy.switch(scenario, Switch::On).unwrap();
    case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    only.rescript(|_| Act::Forward);
    proxy.switch(scenario, Switch::Off).unwrap();
    until(&oracle, "deposit/1 again", |s| {
        let case = s.cases.iter().find(|c| c.id == "deposit/1".parse().unwrap())?;
        let says = |e: &casimir_dkg::view::HistoryEntry| e.text.as_str().contains("it is taken up again");
        (case.status != CaseStatus::Done && case.history.iter().any(says)).then_some(())
    })
    .await;
    drive(&oracle, "deposit/1").await;
    assert_eq!(initiated(&ground).await, [1]);
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_is_asked_for_again_before_a_transaction_goes_out() {
    let scenario = "chain-id-changes-while-running";
    let ground = Ground::start(four_operators()).await;
    let (proxy, config) = endpoints(&ground, scenario, 2).await;
    proxy.switch(scenario, Switch::On).unwrap();
    let oracle = ground.start_engine(config).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    // both were asked a moment ago, and are believed for half a minute
    proxy.pull("other-chain").unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    until(&oracle, "the transaction in a block", |s| {
        s.transactions
            .iter()
            .find(|t| matches!(t.state, casimir_dkg::view::TransactionState::Included { .. }))
            .cloned()
    })
    .await;
    assert_eq!(proxy.calls("execution.0", "eth_sendRawTransaction"), 0);
    assert!(proxy.calls("execution.1", "eth_sendRawTransaction") > 0);
    until(&oracle, "the endpoint by name", |s| {
        s.endpoints
            .iter()
            .find(|e| e.detail.as_str().contains("serves chain 5"))
            .cloned()
    })
    .await;
    stop(oracle).await;
    ground.end().await;
}
