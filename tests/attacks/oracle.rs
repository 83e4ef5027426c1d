//! The oracle in auto mode, attacked at its observer, its socket and its monitor, and at the messenger and an operator that
//! it needs.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use casimir_dkg::attach::{Attached, attach};
use casimir_dkg::view::{Mode, Snapshot};

use super::flood::{Port, Request};
use super::ways::{self, Targets};
use crate::engine::binary::Binary;
use crate::engine::support::{Ground, records_of, with_beacon};
use crate::loopback::nobody;

pub(crate) struct Oracle {
    ground: Ground,
    pub(crate) binary: Binary,
    observer: SocketAddr,
    monitor: SocketAddr,
    targets: Targets,
    pools: u32,
}

impl Oracle {
    pub(crate) async fn start() -> Self {
        let ground = Ground::start(with_beacon()).await;
        let (observer, monitor) = (nobody(), nobody());
        let variables = [
            ("CASIMIR_DKG_DKG_OBSERVER_LISTEN", observer.to_string()),
            ("CASIMIR_DKG_METRICS_LISTEN", monitor.to_string()),
            // on a busy machine nobody is late
            ("CASIMIR_DKG_DKG_ROUND_DEADLINE", "120s".to_owned()),
        ];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut binary = Binary::start(&ground, &variables);
        binary
            .says("consoles and commands can attach", 0, crate::TIMEOUT)
            .await;
        Self {
            ground,
            binary,
            observer,
            monitor,
            targets: Targets::new(),
            pools: 0,
        }
    }

    pub(crate) async fn seat(&self) -> Attached {
        let socket = self.ground.network.folder().join("oracle.sock");
        let begun = Instant::now();
        loop {
            match attach(&socket).await {
                Ok(seat) => return seat,
                Err(error) => assert!(begun.elapsed() < crate::TIMEOUT, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// So many more pools ask for their deposit, and have it.
    pub(crate) async fn serve(&mut self, seat: &Attached, more: usize) {
        let more = u32::try_from(more).unwrap();
        self.ground.devnet().deposit_pool(u64::from(more)).await.unwrap();
        self.pools += more;
        let begun = Instant::now();
        let mut looked = 0;
        while served(&seat.handle.snapshots.borrow()) < self.pools {
            looked += u32::from(self.is_live().await);
            let now = seat.handle.snapshots.borrow().clone();
            assert!(
                begun.elapsed() < crate::TIMEOUT * 2,
                "{} of {} pools; {:?}\n{}",
                served(&now),
                self.pools,
                now.alarms,
                self.binary.logged().join("\n")
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // one more person gets a seat, and whoever monitors had answers all the while
        drop(self.seat().await);
        assert!(looked > 0, "the monitor does not answer while it is attacked");
    }

    async fn is_live(&self) -> bool {
        let url = format!("http://{}/livez", self.monitor);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = client.get(&url).timeout(crate::TIMEOUT).send().await;
        asked.is_ok_and(|answer| answer.status() == 200)
    }

    pub(crate) fn targets(&self) -> Targets {
        self.targets.clone()
    }

    pub(crate) async fn end(self) {
        let Self { ground, binary, .. } = self;
        assert!(binary.end().await.success());
        ground.end().await;
    }

    /// Nothing stopped, nobody is accused, and each pool has one deposit.
    pub(crate) fn is_whole(&self, seat: &Attached) {
        let snapshot = seat.handle.snapshots.borrow().clone();
        assert_eq!(snapshot.mode, Mode::Auto);
        assert!(snapshot.switched.is_none() && snapshot.paused.is_none());
        let journal = self.ground.journal();
        for kind in [
            "ceremony-failed",
            "ceremony-unknown",
            "case-halted",
            "people-demanded",
            "paused",
            "mode-switched",
        ] {
            let found: Vec<_> = records_of(&journal, kind)
                .into_iter()
                .map(|entry| entry.body)
                .collect();
            assert!(found.is_empty(), "{kind}: {found:?}");
        }
        let verified = records_of(&journal, "ceremony-verified");
        let keys = verified
            .iter()
            .filter(|entry| entry.body.contains(r#""result":"keygen""#));
        assert_eq!(keys.count(), self.pools as usize);
    }
}

/// Tells strangers which ceremonies go on: who asks the messenger for its topics knows as much.
pub(crate) async fn follow(
    mut snapshots: tokio::sync::watch::Receiver<std::sync::Arc<Snapshot>>,
    targets: Targets,
) {
    let mut known = BTreeSet::new();
    while snapshots.changed().await.is_ok() {
        let now = snapshots.borrow_and_update().clone();
        let (over, running): (Vec<_>, Vec<_>) = now.ceremonies.iter().partition(|c| c.ended.is_some());
        for ceremony in running {
            if known.insert(ceremony.id) {
                targets.begins(ceremony.id);
            }
        }
        over.into_iter().for_each(|ceremony| targets.ends(ceremony.id));
    }
}

fn served(snapshot: &Snapshot) -> u32 {
    let over = snapshot.cases.iter().filter(|case| case.is_over()).count() as u64;
    u32::try_from(over + snapshot.older.cases.values().sum::<u64>()).unwrap()
}

/// What is called so, where, how, and whether it is the oracle's own port.
pub(crate) type Attack = (&'static str, Port, Request, bool);

pub(crate) fn attacks(oracle: &Oracle) -> Vec<Attack> {
    let targets = &oracle.targets;
    let network = &oracle.ground.network;
    let at = |url: &str| Port::Tcp(url.strip_prefix("http://").unwrap().parse().unwrap());
    let (observer, monitor) = (Port::Tcp(oracle.observer), Port::Tcp(oracle.monitor));
    let socket = Port::Unix(network.folder().join("oracle.sock"));
    vec![
        (
            "messages of strangers at the observer",
            observer.clone(),
            ways::handed(targets),
            true,
        ),
        ("junk at the observer", observer, ways::junk(), true),
        ("junk lines at the socket", socket, ways::lines(), true),
        ("junk at the monitor", monitor.clone(), ways::junk(), true),
        (
            "requests of nothing at the monitor",
            monitor.clone(),
            ways::nowhere(),
            true,
        ),
        (
            "questions for metrics at the monitor",
            monitor,
            ways::metrics(),
            true,
        ),
        (
            "unsigned outputs at the messenger",
            at(&network.messenger_url()),
            ways::outputs(targets),
            false,
        ),
        (
            "unsigned starts at a node",
            at(&network.operators()[0].endpoint),
            ways::starts(),
            false,
        ),
    ]
}
