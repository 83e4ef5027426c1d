//! A messenger that dies in the middle of a ceremony: whatever the operators did by then, the ceremony is not repeated
//! before its outcome is known.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use casimir_dkg::config::{self, Config, Flag, LoadOptions};
use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig};
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{CeremonyKind, FailureKind};
use casimir_dkg::view::{CaseStatus, CeremonyEnd, CeremonyView, Snapshot};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::support::{Ground, approve_next, case_is, drive, four_operators, stop, until, waiting};

/// Where a door leads.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Leads {
    Nowhere,
    /// Until a result is asked for, after the question that every ceremony begins with: then nowhere.
    UntilAsked(SocketAddr),
    To(SocketAddr),
}

/// A TCP port through which another one is reached, as long as it is open.
#[derive(Clone)]
struct Door {
    address: SocketAddr,
    leads: Arc<watch::Sender<Leads>>,
}

impl Door {
    async fn new(leads: Leads) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = Self {
            address: listener.local_addr().unwrap(),
            leads: Arc::new(watch::Sender::new(leads)),
        };
        let leads = door.leads.clone();
        let asked = Arc::new(AtomicU32::new(0));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, leads.clone(), asked.clone()));
            }
        });
        door
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn set(&self, leads: Leads) {
        self.leads.send_replace(leads);
    }
}

/// One connection; it ends when the door changes.
async fn pass(mut client: TcpStream, leads: Arc<watch::Sender<Leads>>, asked: Arc<AtomicU32>) {
    let mut changes = leads.subscribe();
    let (target, until_asked) = match *changes.borrow_and_update() {
        Leads::Nowhere => return,
        Leads::UntilAsked(target) => (target, true),
        Leads::To(target) => (target, false),
    };
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        tokio::select! {
            _ = changes.changed() => return,
            read = client.read(&mut up) => {
                let Ok(n @ 1..) = read else { return };
                let asks = until_asked && up.starts_with(b"GET /data/");
                if asks && asked.fetch_add(1, Ordering::Relaxed) == 1 {
                    leads.send_replace(Leads::Nowhere);
                    return;
                }
                if server.write_all(&up[..n]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(n @ 1..) = read else { return };
                if client.write_all(&down[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The oracle reaches the messenger, and the messenger the oracle, through a door each.
struct Doors {
    messenger: Door,
    observer: Door,
    observer_listens: SocketAddr,
}

impl Doors {
    /// The first ceremony loses its messenger when it asks for the result.
    async fn of(ground: &Ground) -> Self {
        Self {
            messenger: Door::new(Leads::UntilAsked(messenger_of(ground))).await,
            observer: Door::new(Leads::Nowhere).await,
            observer_listens: crate::nobody(),
        }
    }

    /// With this deadline of a round. A short one only makes the loss known sooner: its outcome is looked for without end.
    fn config(&self, ground: &Ground, round: &str) -> Config {
        let flag = |key, value: String| Flag {
            key,
            flag: key,
            value,
        };
        config::load(&LoadOptions {
            file: Some(ground.network.config_file().to_owned()),
            flags: vec![
                flag("policy.mode", "supervised".to_owned()),
                flag("dkg.round_deadline", round.to_owned()),
                flag("dkg.messenger_url", self.messenger.url()),
                flag("dkg.observer_listen", self.observer_listens.to_string()),
                flag("dkg.observer_public_url", self.observer.url()),
            ],
            ..LoadOptions::default()
        })
        .unwrap()
    }

    fn open(&self, messenger: SocketAddr) {
        self.observer.set(Leads::To(self.observer_listens));
        self.messenger.set(Leads::To(messenger));
    }
}

fn messenger_of(ground: &Ground) -> SocketAddr {
    let url = ground.network.messenger_url();
    url.trim_start_matches("http://").parse().unwrap()
}

fn keygens(snapshot: &Snapshot) -> Vec<CeremonyView> {
    let mut all: Vec<_> = snapshot
        .ceremonies
        .iter()
        .filter(|c| c.kind == CeremonyKind::Keygen)
        .cloned()
        .collect();
    all.sort_by_key(|c| c.started_at);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_behind_a_dead_messenger_is_used_when_it_is_back_even_after_a_restart() {
    let ground = Ground::start(four_operators()).await;
    let doors = Doors::of(&ground).await;
    let oracle = ground.start_engine(doors.config(&ground, "2s")).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    let case = case_is(&oracle, "deposit/1", CaseStatus::Unknown).await;
    assert!(
        case.sentence
            .as_str()
            .contains("its result is looked for until it is found"),
        "{}",
        case.sentence
    );
    let first = keygens(&oracle.handle.snapshots.borrow());
    assert!(first.len() == 1 && first[0].ended.is_none() && first[0].doubt.is_some());
    stop(oracle).await;
    let oracle = ground.start_engine(doors.config(&ground, "2s")).await;
    case_is(&oracle, "deposit/1", CaseStatus::Unknown).await;
    doors.open(messenger_of(&ground));
    drive(&oracle, "deposit/1").await;
    let all = keygens(&oracle.handle.snapshots.borrow());
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].id, first[0].id);
    assert!(matches!(all[0].ended, Some((_, CeremonyEnd::Verified { .. }))));
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_messenger_that_comes_back_without_anything_makes_it_a_failure_and_another_is_decided() {
    let ground = Ground::start(four_operators()).await;
    let doors = Doors::of(&ground).await;
    let oracle = ground.start_engine(doors.config(&ground, "2s")).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    case_is(&oracle, "deposit/1", CaseStatus::Unknown).await;
    let blank = messenger::spawn(MessengerConfig::new(([127, 0, 0, 1], 0).into()));
    let blank = blank.await.unwrap();
    doors.open(blank.addr());
    let failed = until(&oracle, "the first key generation failed", |s| {
        keygens(s).first()?.ended.clone()
    })
    .await;
    let CeremonyEnd::Failed(failure) = failed.1 else {
        panic!("{failed:?}")
    };
    assert_eq!(failure.kind, FailureKind::Lost, "{failure}");
    waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
    assert_eq!(
        keygens(&oracle.handle.snapshots.borrow()).len(),
        1,
        "the second waits for its decision"
    );
    stop(oracle).await;
    doors.open(messenger_of(&ground));
    // the second takes as long as it takes
    let oracle = ground.start_engine(doors.config(&ground, "60s")).await;
    drive(&oracle, "deposit/1").await;
    let all = keygens(&oracle.handle.snapshots.borrow());
    assert!(matches!(
        all.last().unwrap().ended,
        Some((_, CeremonyEnd::Verified { .. }))
    ));
    stop(oracle).await;
    blank.shutdown().await;
    ground.end().await;
}
