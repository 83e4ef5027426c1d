//! Endpoints that limit, lag and pace, by the scenarios of the fault proxy: one voice's refusal is not the end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use casimir_dkg::chain::Finality;
use casimir_dkg::chain::agreement::Voices;
use casimir_dkg::chain::execution::Nodes;
use casimir_dkg::chain::intake::{
    ChainEvent, EventSources, Intake, IntakeConfig, IntakeError, IntakeEvent, ObservedEvent, Resume,
};
use casimir_dkg::chain::rpc::{EndpointState, Rpc};
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Scenario, Switch, Target, Variables, shipped};
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::agreed::on_registrations;
use casimir_dkg::ports::{Accord, Answer, PoolEventKind, Ssv, Voice};
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::ClusterLayout;
use tokio::sync::mpsc;

use super::proxy::{Act, Proxy};
use super::support::{config, devnet, manager};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

/// Two endpoints of one node behind the fault proxy, with this scenario in force.
async fn behind(net: &Devnet, scenario: &str) -> (FaultProxy, [String; 2]) {
    let names = ["execution.0", "execution.1"];
    let target = |name| Target::new(Kind::Execution, name, &net.http_url()).unwrap();
    let proxy = FaultProxy::start(names.map(target).to_vec()).await.unwrap();
    proxy
        .load(Scenario::shipped(scenario, &Variables::new()).unwrap())
        .unwrap();
    proxy.switch(scenario, Switch::On).unwrap();
    let urls = names.map(|name| proxy.url(name).unwrap());
    (proxy, urls)
}

fn rpc(urls: &[String], calls_per_second: u32) -> Rpc {
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let mut config = config(&urls);
    config.calls_per_second = calls_per_second.try_into().unwrap();
    Rpc::new(config).unwrap()
}

struct Follower {
    intake: Intake,
    out: mpsc::Sender<IntakeEvent>,
    events: mpsc::Receiver<IntakeEvent>,
    requests: Vec<u32>,
    cursor: u64,
}

impl Follower {
    fn new(net: &Devnet, rpc: &Rpc, finality: Finality) -> Self {
        let sources = EventSources {
            manager: manager(net, rpc),
            ssv: None,
        };
        let settings = IntakeConfig {
            finality,
            ..IntakeConfig::new(1)
        };
        let (out, events) = mpsc::channel(10_000);
        Self {
            intake: Intake::new(rpc.clone(), sources, settings, Resume::default()),
            out,
            events,
            requests: Vec::new(),
            cursor: 0,
        }
    }

    async fn look(&mut self) -> Result<(), IntakeError> {
        let end = self.intake.step(&self.out).await;
        while let Ok(event) = self.events.try_recv() {
            let IntakeEvent::Batch(batch) = event else {
                continue;
            };
            self.cursor = batch.cursor.number;
            for change in batch.events {
                if let ChainEvent::Added(added) = change
                    && let ObservedEvent::Manager(event) = added.event
                    && event.kind == PoolEventKind::DepositRequested
                {
                    self.requests.push(event.pool.0);
                }
            }
        }
        end
    }
}

#[tokio::test]
async fn every_vendors_limit_is_found_beside_a_dead_endpoint() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    for _ in 0..3 {
        net.deposit_pool(1).await.unwrap();
        net.mine(40).await.unwrap();
    }
    let blocks = net.block_number().await.unwrap();
    let limits: Vec<_> = shipped()
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| name.starts_with("logs-limited-by-"))
        .collect();
    assert!(limits.len() >= 10, "{limits:?}");
    for name in limits {
        let (proxy, urls) = behind(&net, name).await;
        let rpc = rpc(&urls, 10_000);
        let mut follower = Follower::new(&net, &rpc, Finality::Depth(8));
        let end = follower.look().await;
        assert!(end.is_ok(), "{name}: {end:?}");
        assert_eq!(
            (follower.requests.as_slice(), follower.cursor),
            (&[1, 2, 3][..], blocks),
            "{name}"
        );
        // a few refusals on the way to what is taken, and then none
        let (asked, refused) = (proxy.calls("execution.0", "eth_getLogs"), proxy.strikes(name));
        assert!(
            asked < blocks && refused < 40,
            "{name}: {asked} asked, {refused} refused"
        );
        assert_eq!(rpc.health()[0].state, EndpointState::Healthy, "{name}");
    }
}

/// Status 429 to what is too dear, and to nothing else: to wait is no way on, and to ask for less is.
#[tokio::test]
async fn ranges_that_are_refused_as_asked_too_often_are_halved() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    for _ in 0..3 {
        net.deposit_pool(1).await.unwrap();
        net.mine(40).await.unwrap();
    }
    let name = "logs-limited-as-too-often";
    let (proxy, urls) = behind(&net, name).await;
    let rpc = rpc(&urls, 10_000);
    let mut follower = Follower::new(&net, &rpc, Finality::Depth(8));
    let end = follower.look().await;
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(follower.requests, [1, 2, 3]);
    assert_eq!(follower.cursor, net.block_number().await.unwrap());
    let refused = proxy.strikes(name);
    assert!((3..10).contains(&refused), "{refused} refused");
    let health = &rpc.health()[0];
    assert_eq!(health.state, EndpointState::Healthy, "{health:?}");
    assert!(health.log_span.is_some(), "{health:?}");
}

/// One that is asked too often whatever it is asked says nothing of how much: its span stays.
#[tokio::test]
async fn a_true_rate_limit_shrinks_no_range() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(80).await.unwrap();
    let refusals = AtomicUsize::new(0);
    let proxy = Proxy::start(Some(net.http_url()), move |call| {
        let begun = refusals.load(Ordering::SeqCst) > 0;
        let counts = call.method == "eth_getLogs" || begun && call.params[0] == "latest";
        match counts && refusals.fetch_add(1, Ordering::SeqCst) < 4 {
            true => Act::Http(429, vec![], "too many requests".into()),
            false => Act::Forward,
        }
    })
    .await;
    let rpc = rpc(std::slice::from_ref(&proxy.url), 10_000);
    let mut follower = Follower::new(&net, &rpc, Finality::Depth(8));
    let end = follower.look().await;
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(follower.requests, [1]);
    assert_eq!(rpc.health()[0].log_span, None, "{:?}", rpc.health());
}

/// Two logs of one block are more than such an endpoint tells at once, and no question is smaller.
#[tokio::test]
async fn a_block_with_more_logs_than_the_limit_is_read_by_its_receipts() {
    let refuses = |method: &str| {
        format!(
            "about = \"one method less\"\n[[rule]]\nname = \"no\"\nat = \"execution\"\nmethod = \"{method}\"\n\
             does = {{ fault = \"answer\", error = {{ code = -32601, message = \"method not found\" }} }}\n"
        )
    };
    for without in [None, Some("eth_getBlockReceipts")] {
        let net = devnet(LAYOUT, Mining::Instant).await;
        net.deposit_pool(2).await.unwrap();
        net.mine(40).await.unwrap();
        let name = "logs-limited-by-infura";
        let (proxy, urls) = behind(&net, name).await;
        if let Some(method) = without {
            let file = Path::new("one-method-less.toml");
            let less = Scenario::parse(file, &refuses(method), &Variables::new()).unwrap();
            proxy.load(less).unwrap();
            proxy.switch("one-method-less", Switch::On).unwrap();
        }
        let rpc = rpc(&urls, 10_000);
        let mut follower = Follower::new(&net, &rpc, Finality::Depth(8));
        follower.look().await.unwrap();
        assert_eq!(follower.requests, [1, 2], "{without:?}");
        assert_eq!(follower.cursor, net.block_number().await.unwrap());
        assert!(proxy.strikes(name) > 0);
        // in the newest block as well, which a backend for logs might lack
        net.deposit_pool(3).await.unwrap();
        follower.look().await.unwrap();
        assert_eq!(follower.requests, [1, 2, 3, 4, 5], "{without:?}");
        assert_eq!(
            rpc.health()[0].logs_behind,
            0,
            "it has them, and tells one at a time"
        );
        assert_eq!(rpc.health()[0].state, EndpointState::Healthy);
    }
}

/// An endpoint that takes long ranges does the long work, wherever it stands in the list.
#[tokio::test]
async fn a_cramped_endpoint_is_asked_after_one_that_takes_more() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(600).await.unwrap();
    let name = "logs-limited-by-ankr";
    let (proxy, urls) = behind(&net, name).await;
    proxy.switch_rule(name, "dead", Switch::Off).unwrap();
    let mut follower = Follower::new(&net, &rpc(&urls, 10_000), Finality::Depth(8));
    for _ in 0..30 {
        follower.look().await.unwrap();
        net.mine(40).await.unwrap();
    }
    assert_eq!(follower.requests, [1]);
    let asked = proxy.calls("execution.0", "eth_getLogs");
    assert!(asked < 20, "{asked} questions to the one that takes 10 blocks");
}

#[tokio::test]
async fn a_backend_that_is_one_block_behind_is_followed_one_block_behind() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(20).await.unwrap();
    let name = "log-backend-one-block-behind";
    let (proxy, urls) = behind(&net, name).await;
    let rpc = rpc(&urls[..1], 10_000);
    let mut follower = Follower::new(&net, &rpc, Finality::Depth(4));
    follower.look().await.unwrap();
    assert_eq!(follower.requests, [1]);
    let refused = proxy.strikes(name);
    for pool in 2..=6 {
        net.deposit_pool(1).await.unwrap();
        follower.look().await.unwrap();
        assert!(!follower.requests.contains(&pool), "its logs are not there yet");
        net.mine(1).await.unwrap();
        // looked at more often than blocks come
        for _ in 0..5 {
            follower.look().await.unwrap();
        }
        assert!(follower.requests.contains(&pool), "{:?}", follower.requests);
        let head = net.block_number().await.unwrap();
        assert_eq!(follower.cursor, head - 1);
    }
    assert_eq!(rpc.health()[0].logs_behind, 1);
    assert_eq!(rpc.health()[0].state, EndpointState::Healthy);
    assert!(
        refused <= 2 && proxy.strikes(name) == refused,
        "it is not asked for what it lacks"
    );

    // a state that is rebuilt from logs waits for the block's logs instead of failing
    let to = net.addresses();
    let ssv = SsvReader::new(rpc.clone(), to.ssv, to.manager, LAYOUT, 0);
    let head = rpc.head().await.unwrap().block();
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        net.mine(1).await.unwrap();
    };
    let (state, ()) = tokio::join!(ssv.state(head, &[]), later);
    assert!(matches!(state, Answer::Yes(_)), "{state:?}");
}

#[tokio::test]
async fn a_window_of_calls_is_kept_to_and_waited_for() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(2).await.unwrap();
    net.mine(40).await.unwrap();
    for name in ["rate-limited-with-retry-after", "rate-limited-without-a-word"] {
        // with a budget below the window nobody has to ask to be left alone
        let (proxy, urls) = behind(&net, name).await;
        let mut follower = Follower::new(&net, &rpc(&urls[..1], 10), Finality::Depth(40));
        follower.look().await.unwrap();
        assert_eq!(
            (&follower.requests[..], proxy.strikes(name)),
            (&[1, 2][..], 0),
            "{name}"
        );
        // without one each refusal is waited out
        let (proxy, urls) = behind(&net, name).await;
        let mut follower = Follower::new(&net, &rpc(&urls[..1], 10_000), Finality::Depth(40));
        follower.look().await.unwrap();
        assert_eq!(follower.requests, [1, 2], "{name}");
        let refused = proxy.strikes(name);
        assert!(refused < 10, "{name}: {refused} refused");
    }
}

/// Work that takes longer than one deadline does not begin anew each time.
#[tokio::test]
async fn endpoints_agree_in_the_end_though_each_try_is_too_short() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(1_500).await.unwrap();
    let (proxy, urls) = behind(&net, "two-endpoints-limited-to-10-blocks").await;
    let rpc = rpc(&urls, 10_000);
    let to = net.addresses();
    let voice = |(name, rpc): (_, Rpc)| Voice {
        name,
        execution: Arc::new(Nodes::new(rpc.clone(), to.deposit_contract, Finality::Depth(2))),
        manager: manager(&net, &rpc),
        ssv: Arc::new(SsvReader::new(rpc, to.ssv, to.manager, LAYOUT, 0)),
    };
    let voices = rpc.each().into_iter().map(voice).collect();
    let voices = Voices::within(Duration::from_secs(4), voices);
    let block = rpc.head().await.unwrap().block();
    let mut tries = 0;
    let agreed = loop {
        tries += 1;
        match on_registrations(&voices, block, &Answer::not_known("nobody read them")).await {
            Accord::TooFew { .. } if tries < 60 => {}
            end => break end,
        }
    };
    assert!(matches!(agreed, Accord::Agree { agreeing: 2, .. }), "{agreed:?}");
    assert!(tries > 1, "one deadline was enough, so this shows nothing");
    // each block is read once, but for what was under way when the time was over
    let least = block.number / 10;
    for name in ["execution.0", "execution.1"] {
        let asked = proxy.calls(name, "eth_getLogs");
        let most = 2 * least + 40 * tries;
        assert!((least..most).contains(&asked), "{name}: {asked} in {tries} tries");
    }
}
