//! Event intake against anvil: catch-up, reorgs, restarts, and nodes that refuse, repeat and leave things out.

use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::chain::Finality;
use casimir_dkg::chain::intake::{
    ChainEvent, EventSources, Intake, IntakeConfig, IntakeEvent, LocatedEvent, ObservedEvent, Resume,
    SocketState,
};
use casimir_dkg::chain::rpc::{EndpointState, Rpc};
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::http::{Http, HttpOptions, ProxyRule};
use casimir_dkg::ports::{PoolEventKind, SsvEventKind};
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::{BlockRef, ClusterLayout, RedactedUrl};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::proxy::{Act, Proxy};
use super::support::{config, deposit, devnet, encode_deposit, manager, rpc};

/// What was told, folded: events that stand, in order, and the cursor.
#[derive(Default)]
pub(super) struct Told {
    pub(super) standing: Vec<LocatedEvent>,
    pub(super) cursor: Option<BlockRef>,
    removed: usize,
    finalized: Option<BlockRef>,
    /// What is not believed, as it was last told.
    pub(super) doubts: String,
}

impl Told {
    fn take(&mut self, event: IntakeEvent) {
        match event {
            IntakeEvent::Batch(batch) => {
                self.cursor = Some(batch.cursor);
                for change in batch.events {
                    match change {
                        ChainEvent::Added(o) => {
                            assert!(!self.standing.contains(&o), "told twice: {o:?}");
                            self.standing.push(o);
                        }
                        ChainEvent::Removed(o) => {
                            let place = self.standing.iter().position(|s| *s == o);
                            self.standing
                                .remove(place.expect("only what was told is taken back"));
                            self.removed += 1;
                        }
                    }
                }
            }
            IntakeEvent::Head(head) => self.finalized = head.finalized,
            IntakeEvent::Doubts(words) => words.as_str().clone_into(&mut self.doubts),
            _ => {}
        }
    }

    pub(super) fn requests(&self) -> Vec<u32> {
        let of_manager = self.standing.iter().filter_map(|o| match &o.event {
            ObservedEvent::Manager(e) if e.kind == PoolEventKind::DepositRequested => Some(e.pool.0),
            _ => None,
        });
        of_manager.collect()
    }

    fn resume(&self) -> Resume {
        Resume {
            cursor: self.cursor,
            known: self.standing.clone(),
        }
    }
}

pub(super) struct Follower {
    pub(super) intake: Intake,
    pub(super) out: mpsc::Sender<IntakeEvent>,
    events: mpsc::Receiver<IntakeEvent>,
    pub(super) told: Told,
}

impl Follower {
    pub(super) fn new(net: &Devnet, rpc: &Rpc, settings: IntakeConfig, told: Told) -> Self {
        Self::of(of_manager(net, rpc), rpc, settings, told)
    }

    pub(super) fn of(sources: EventSources, rpc: &Rpc, settings: IntakeConfig, told: Told) -> Self {
        let (out, events) = mpsc::channel(10_000);
        Self {
            intake: Intake::new(rpc.clone(), sources, settings, told.resume()),
            out,
            events,
            told,
        }
    }

    pub(super) async fn look(&mut self) {
        // a look may meet the chain in motion; the next one must not
        for attempt in 0.. {
            let result = self.intake.step(&self.out).await;
            while let Ok(event) = self.events.try_recv() {
                self.told.take(event);
            }
            match result {
                Ok(()) => return,
                Err(error) => assert!(attempt < 2, "{error}"),
            }
        }
    }
}

pub(super) fn of_manager(net: &Devnet, rpc: &Rpc) -> EventSources {
    EventSources {
        manager: manager(net, rpc),
        ssv: None,
    }
}

pub(super) fn settings() -> IntakeConfig {
    IntakeConfig {
        poll_interval: Duration::from_millis(50),
        ..IntakeConfig::new(1)
    }
}

#[tokio::test]
async fn every_event_once_from_the_first_block_on_and_live() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.deposit_pool(2).await.unwrap();
    net.mine(20).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let mut follower = Follower::new(&net, &rpc, settings(), Told::default());
    follower.look().await;
    assert_eq!(follower.told.requests(), [1, 2]);
    net.deposit_pool(1).await.unwrap();
    follower.look().await;
    follower.look().await;
    assert_eq!(follower.told.requests(), [1, 2, 3]);
    assert_eq!(
        follower.told.cursor.unwrap().number,
        net.block_number().await.unwrap()
    );
    let finalized = follower.told.finalized.unwrap().number;
    assert!(finalized > 0 && finalized < net.block_number().await.unwrap());
    assert!(rpc.health()[0].omitted_logs == 0, "{:?}", rpc.health());
}

#[tokio::test]
async fn a_reorg_takes_a_request_back_and_its_return_tells_it_again() {
    for depth in [1, 5, 40] {
        let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
        net.mine(60).await.unwrap();
        net.deposit_pool(1).await.unwrap();
        net.mine(depth - 1).await.unwrap();
        let rpc = rpc(&[&net.http_url()]);
        let settings = IntakeConfig {
            finality: Finality::Depth(64),
            ..settings()
        };
        let mut follower = Follower::new(&net, &rpc, settings, Told::default());
        follower.look().await;
        assert_eq!(follower.told.requests(), [1]);
        let first = follower.told.standing[0].at;

        net.reorg(depth).await.unwrap();
        follower.look().await;
        assert_eq!(follower.told.requests(), [0; 0], "depth {depth}");
        assert_eq!(follower.told.removed, 1);

        net.deposit_pool(1).await.unwrap();
        follower.look().await;
        assert_eq!(follower.told.requests(), [1]);
        assert_ne!(follower.told.standing[0].at.block, first.block);
    }
}

#[tokio::test]
async fn a_reorg_deeper_than_memory_is_found_by_reading_again() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    net.mine(30).await.unwrap();
    net.deposit_pool(1).await.unwrap();
    net.mine(19).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let settings = IntakeConfig {
        finality: Finality::Depth(30),
        max_reorg_depth: 12,
        ..settings()
    };
    let mut follower = Follower::new(&net, &rpc, settings, Told::default());
    follower.look().await;
    assert_eq!(follower.told.requests(), [1, 2]);
    net.reorg(20).await.unwrap();
    net.mine(1).await.unwrap();
    follower.look().await;
    assert_eq!(follower.told.requests(), [1]);
}

#[tokio::test]
async fn a_restart_goes_on_from_the_cursor_and_notices_a_reorg_that_happened_meanwhile() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.mine(10).await.unwrap();
    net.deposit_pool(1).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let depth = IntakeConfig {
        finality: Finality::Depth(8),
        ..settings()
    };
    let mut first = Follower::new(&net, &rpc, depth.clone(), Told::default());
    first.look().await;
    assert_eq!(first.told.requests(), [1]);

    // away: one more request
    net.deposit_pool(1).await.unwrap();
    let mut second = Follower::new(&net, &rpc, depth.clone(), first.told);
    second.look().await;
    assert_eq!(second.told.requests(), [1, 2]);

    // away: both gone, one of them comes back as another pool's number
    net.reorg(2).await.unwrap();
    net.deposit_pool(1).await.unwrap();
    net.mine(3).await.unwrap();
    let mut third = Follower::new(&net, &rpc, depth, second.told);
    third.look().await;
    assert_eq!(third.told.requests(), [1]);
    assert_eq!(third.told.removed, 2);
}

#[tokio::test]
async fn refused_ranges_are_halved_down_to_one_block_in_every_vendors_words() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    for _ in 0..6 {
        net.deposit_pool(1).await.unwrap();
        net.mine(3).await.unwrap();
    }
    net.mine(12).await.unwrap();
    for widest in [1, 3] {
        let refusing = Proxy::start(Some(net.http_url()), move |call| {
            let vendors = [
                Act::Error(-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2].".into()),
                Act::Error(-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range".into()),
                Act::Error(-32600, "eth_getLogs is limited to a 5 range".into()),
                Act::Error(-32000, "exceed maximum block range: 5000".into()),
                Act::Error(-32701, "Please specify an address in your request or, to remove restrictions, order a dedicated node".into()),
                Act::Http(400, vec![], r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32012,"message":"too many blocks"}}"#.into()),
                Act::Http(413, vec![], "Payload Too Large".into()),
            ];
            let number = |name: &str| {
                let text = call.params[0][name].as_str().unwrap_or("0x0");
                u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
            };
            if call.method == "eth_getLogs" && number("toBlock") - number("fromBlock") + 1 > widest {
                let n = call.nth % vendors.len();
                return vendors.into_iter().nth(n).unwrap();
            }
            Act::Forward
        })
        .await;
        let rpc = rpc(&[&refusing.url]);
        let mut follower = Follower::new(&net, &rpc, settings(), Told::default());
        follower.look().await;
        assert_eq!(follower.told.requests(), [1, 2, 3, 4, 5, 6]);
        // the span is remembered: far fewer refusals than blocks
        let asked = refusing.calls("eth_getLogs");
        let blocks = net.block_number().await.unwrap() as usize;
        assert!(
            asked.len() < blocks + 30,
            "{} questions for {blocks} blocks",
            asked.len()
        );
    }
}

#[tokio::test]
async fn a_rate_limited_catch_up_still_ends() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.deposit_pool(3).await.unwrap();
    net.mine(20).await.unwrap();
    let stingy = Proxy::start(Some(net.http_url()), |call| match call.nth % 5 {
        4 => Act::Http(429, vec![("retry-after", "0".into())], String::new()),
        _ => Act::Forward,
    })
    .await;
    let rpc = rpc(&[&stingy.url]);
    let mut follower = Follower::new(&net, &rpc, settings(), Told::default());
    follower.look().await;
    assert_eq!(follower.told.requests(), [1, 2, 3]);
}

#[tokio::test]
async fn a_log_that_a_node_leaves_out_is_found_in_the_receipts_and_a_repeated_one_is_told_once() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.mine(1).await.unwrap();
    let settings = IntakeConfig {
        finality: Finality::Depth(64),
        ..settings()
    };
    net.deposit_pool(1).await.unwrap();
    let forgetful = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getLogs" => Act::Change(Box::new(|_| Value::Array(vec![]))),
        _ => Act::Forward,
    })
    .await;
    let rpc = rpc(&[&forgetful.url]);
    let mut follower = Follower::new(&net, &rpc, settings.clone(), Told::default());
    follower.look().await;
    assert_eq!(follower.told.requests(), [1]);
    assert_eq!(rpc.health()[0].omitted_logs, 1);

    let repeating = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getLogs" => Act::Change(Box::new(|logs| {
            let mut logs = logs.as_array().unwrap().clone();
            logs.extend(logs.clone());
            // and one of a contract that nobody asked for
            if let Some(mut other) = logs.first().cloned() {
                other["address"] = "0x00000000000000000000000000000000000000ff".into();
                logs.push(other);
            }
            Value::Array(logs)
        })),
        _ => Act::Forward,
    })
    .await;
    let rpc = super::support::rpc(&[&repeating.url]);
    let mut follower = Follower::new(&net, &rpc, settings, Told::default());
    follower.look().await;
    assert_eq!(follower.told.standing.len(), 1);
    assert_eq!(follower.told.requests(), [1]);
}

#[tokio::test]
async fn another_chain_is_not_a_reorg() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let other = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    other.mine(5).await.unwrap();
    let swapping = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let mut config = config(&[&swapping.url]);
    config.recheck = Duration::from_secs(3600);
    let rpc = Rpc::new(config).unwrap();
    let mut follower = Follower::new(&net, &rpc, settings(), Told::default());
    follower.look().await;
    assert_eq!(follower.told.requests(), [1]);
    // the endpoint's name now leads to another development chain with the same id
    let target = other.http_url();
    swapping.rescript(move |call| match call.params[0].as_str() {
        // two chains that begin within the same second begin with the same block
        Some("0x0") => Act::Result(serde_json::json!({"hash": alloy::primitives::B256::repeat_byte(1)})),
        _ => Act::ForwardTo(target.clone()),
    });
    let error = follower.intake.step(&follower.out).await.unwrap_err();
    while let Ok(event) = follower.events.try_recv() {
        follower.told.take(event);
    }
    assert!(error.to_string().contains("another genesis block"), "{error}");
    assert_eq!(follower.told.requests(), [1], "nothing was taken back");
    assert_eq!(rpc.health()[0].state, EndpointState::WrongChain);
}

#[tokio::test]
async fn ssv_events_of_the_manager_are_told_in_both_layouts() {
    for layout in [ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance] {
        let net = devnet(layout, Mining::Instant).await;
        net.deposit_pool(1).await.unwrap();
        let to = net.addresses();
        let call = deposit(to.manager, 1);
        let data = encode_deposit(&call, layout);
        net.send_as(to.oracle, to.manager, Default::default(), data)
            .await
            .unwrap();
        let rpc = rpc(&[&net.http_url()]);
        let ssv = SsvReader::new(rpc.clone(), to.ssv, to.manager, layout, 0);
        let sources = EventSources {
            ssv: Some(Arc::new(ssv)),
            ..of_manager(&net, &rpc)
        };
        let mut follower = Follower::of(sources, &rpc, settings(), Told::default());
        follower.look().await;
        let added = follower.told.standing.iter().find_map(|o| match &o.event {
            ObservedEvent::Ssv(event) => Some(event.clone()),
            ObservedEvent::Manager(_) => None,
        });
        let added = added.expect("the registration is told");
        assert_eq!(added.kind, SsvEventKind::ValidatorAdded);
        assert_eq!(
            (added.owner, added.public_key),
            (to.manager, Some(call.public_key))
        );
        let cluster = added.cluster.unwrap();
        assert_eq!((cluster.validator_count, cluster.active), (1, true));
        assert_eq!(cluster.balance, call.registering.unwrap().fee_amount);
    }
}

#[tokio::test]
async fn the_socket_wakes_the_poller_and_its_end_is_told() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    let rpc = rpc(&[&net.http_url()]);
    let settings = IntakeConfig {
        poll_interval: Duration::from_secs(3600),
        socket: Some(RedactedUrl::new(net.ws_url())),
        ..settings()
    };
    let (out, mut events) = mpsc::channel(1000);
    let task =
        tokio::spawn(Intake::new(rpc.clone(), of_manager(&net, &rpc), settings, Resume::default()).run(out));
    let mut told = Told::default();
    let wait = async {
        let mut connected = false;
        let mut requested = false;
        while told.requests().is_empty() {
            let event = events.recv().await.unwrap();
            connected |= event == IntakeEvent::Socket(SocketState::Connected);
            told.take(event);
            if connected && !requested {
                requested = true;
                net.deposit_pool(1).await.unwrap();
            }
        }
    };
    tokio::time::timeout(crate::TIMEOUT, wait)
        .await
        .expect("woken long before the next poll");
    drop(net);
    let down = async {
        while !matches!(
            events.recv().await.unwrap(),
            IntakeEvent::Socket(SocketState::Down(_))
        ) {}
    };
    tokio::time::timeout(crate::TIMEOUT, down)
        .await
        .expect("the end of the socket is told");
    drop(events);
    tokio::time::timeout(crate::TIMEOUT, task)
        .await
        .expect("it ends with its receiver")
        .unwrap();
}

/// The socket goes by the proxy of all calls. One that lets no WebSocket through is named, and the poller goes on alone.
#[tokio::test]
async fn a_proxy_that_lets_no_socket_through_is_told_and_polling_goes_on() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let http = Http::new(&HttpOptions {
        proxy: ProxyRule::Url(RedactedUrl::new(format!(
            "http://{}",
            proxy.local_addr().unwrap()
        ))),
        ..HttpOptions::default()
    });
    let asked = tokio::spawn(async move {
        let (mut stream, _) = proxy.accept().await.unwrap();
        let mut asked = vec![0; 64];
        stream.read_exact(&mut asked).await.unwrap();
        let answer = b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    let rpc = rpc(&[&net.http_url()]);
    let settings = IntakeConfig {
        socket: Some(RedactedUrl::new("ws://far.example/SECRET")),
        http: http.unwrap(),
        ..settings()
    };
    let (out, mut events) = mpsc::channel(1000);
    let intake = Intake::new(rpc.clone(), of_manager(&net, &rpc), settings, Resume::default());
    let task = tokio::spawn(intake.run(out));
    let (mut told, mut down) = (Told::default(), None);
    let run = async {
        while told.requests().is_empty() || down.is_none() {
            match events.recv().await.unwrap() {
                IntakeEvent::Socket(SocketState::Down(reason)) => down = Some(reason.to_string()),
                event => told.take(event),
            }
        }
    };
    tokio::time::timeout(crate::TIMEOUT, run).await.unwrap();
    assert_eq!(told.requests(), [1]);
    let down = down.unwrap();
    assert!(
        down.contains("a proxy before it, does not open a WebSocket (status 405") && !down.contains("SECRET"),
        "{down}"
    );
    let asked = asked.await.unwrap();
    assert!(
        asked.starts_with("GET http://far.example/SECRET HTTP/1.1"),
        "{asked}"
    );
    task.abort();
}

#[tokio::test]
async fn trouble_is_told_once_and_the_poller_finds_its_way_back() {
    let net = devnet(ClusterLayout::ActiveThenBalance, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let failing = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getLogs" => Act::Http(500, vec![], "oops".into()),
        _ => Act::Forward,
    })
    .await;
    let mut config = config(&[&failing.url]);
    config.cooldown = Duration::from_millis(20);
    let rpc = Rpc::new(config).unwrap();
    let (out, mut events) = mpsc::channel(1000);
    let task = tokio::spawn(
        Intake::new(rpc.clone(), of_manager(&net, &rpc), settings(), Resume::default()).run(out),
    );
    let mut told = Told::default();
    let run = async {
        loop {
            match events.recv().await.unwrap() {
                IntakeEvent::Trouble(reason) => {
                    assert!(
                        reason.as_str().contains("500") || reason.as_str().contains("left alone"),
                        "{reason}"
                    );
                    failing.rescript(|_| Act::Forward);
                }
                IntakeEvent::CaughtUp => break,
                event => told.take(event),
            }
        }
    };
    tokio::time::timeout(crate::TIMEOUT, run).await.unwrap();
    assert_eq!(told.requests(), [1]);
    task.abort();
}
