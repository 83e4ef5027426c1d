//! A real engine on a journal that was played, with a world in which nothing is ever done.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alloy::primitives::{Address, U256};
use async_trait::async_trait;
use casimir_dkg::engine::{self, EffectFuture, EngineHandle, Identity, Incoming, LiveUpdate, World};
use casimir_dkg::oracle::{AccountFacts, Effect, Input};
use casimir_dkg::ports::{
    Ceremonies, CeremonyCapabilities, CeremonyUpdate, CommitteeSize, Consent, ExitSigning, Failed,
    OperatorHealth, RegistrationSigning, RelayHealth, ReleaseMix, ReshareSize, SharesKept, Verified,
};
use casimir_dkg::types::{
    BackendName, BlockRef, CaseId, CeremonyPlan, CeremonyStep, Examined, OperatorId, PoolId, RequestId,
    SafeText, Transcript, TranscriptError,
};
use casimir_dkg::view::{Can, NetworkView, Request, Scope, Snapshot, ValidatorView};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::play::{self, median};
use crate::template::{Template, key, root};

/// So many views are measured, each after the pause in which the engine publishes none.
const VIEWS: u64 = 100;
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) person_s: f64,
    pub(crate) auto_s: f64,
    pub(crate) view_us: f64,
    pub(crate) case_view_us: f64,
    pub(crate) resident_mib: f64,
    pub(crate) peak_mib: f64,
}

/// Starts an engine, measures it, and ends it as a person does, so that it keeps its state.
pub(crate) fn run(folder: &Path, closed: u32, open: u32) -> Started {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measured(folder, closed, open))
}

async fn measured(folder: &Path, closed: u32, open: u32) -> Started {
    let begun = Instant::now();
    let opened = engine::open(play::settings(), &play::journal(folder)).expect("it verifies");
    let (feeds, incoming) = mpsc::channel(1_024);
    let (asked, first) = oneshot::channel();
    let idle = Arc::new(Idle(Mutex::new(Some(asked))));
    let (handle, stopped) = opened
        .launch(
            network(),
            "bench",
            None,
            Arc::new(Silent::default()),
            idle,
            incoming,
        )
        .expect("it starts");
    assert!(
        !handle.snapshots.borrow().cases.is_empty(),
        "there is something to look at"
    );
    let person = begun.elapsed();
    tell(&feeds, closed, open).await;
    first.await.expect("the core asks for something");
    let auto = begun.elapsed();
    let view_us = views(&handle, &feeds).await;
    let case_view_us = case_views(&handle).await;
    let (resident_mib, peak_mib) = memory();
    handle.shutdown().await.expect("it ends");
    stopped.await.expect("no panic").expect("in order");
    Started {
        person_s: person.as_secs_f64(),
        auto_s: auto.as_secs_f64(),
        view_us,
        case_view_us,
        resident_mib,
        peak_mib,
    }
}

/// What the feeds of a real engine tell first.
async fn tell(feeds: &mpsc::Sender<Incoming>, closed: u32, open: u32) {
    let block = 1_000_000_000;
    let next = u64::from(closed);
    let account = AccountFacts {
        address: Template::read().payload().from,
        next,
        pending: next,
        balance_wei: U256::from(1),
        is_open: false,
    };
    let facts = play::facts(block, closed, open, account);
    let finalized = facts.finalized;
    for input in [
        Incoming::Live(head(block)),
        Incoming::Live(LiveUpdate::Validators((1..=closed).map(validator).collect())),
        Incoming::Input(Input::CaughtUp { finalized }),
        Incoming::Input(Input::Facts(Box::new(facts))),
    ] {
        feeds.send(input).await.expect("the core takes it");
    }
}

/// The median time from an update to the snapshot that has it.
async fn views(handle: &EngineHandle, feeds: &mpsc::Sender<Incoming>) -> f64 {
    let mut snapshots = handle.snapshots.clone();
    let mut times = Vec::new();
    for n in 1..=VIEWS {
        tokio::time::sleep(PAUSE).await;
        let number = 1_000_000_000 + n;
        let begun = Instant::now();
        feeds
            .send(Incoming::Live(head(number)))
            .await
            .expect("the core takes it");
        let has_it = |s: &Arc<Snapshot>| s.chain.head.is_some_and(|head| head.number == number);
        snapshots.wait_for(has_it).await.expect("the core is there");
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    median(times)
}

/// The median time from a decision about an open case until a front end sees the case so: the record is synced before.
async fn case_views(handle: &EngineHandle) -> f64 {
    let mut snapshots = handle.snapshots.clone();
    let newest = snapshots
        .borrow()
        .cases
        .iter()
        .filter(|c| !c.is_over())
        .map(|c| c.id)
        .max();
    let case = newest.expect("cases are open");
    let seat = handle.seat(Identity::new("bench"));
    let mut times = Vec::new();
    for n in 0..VIEWS {
        tokio::time::sleep(PAUSE).await;
        let (scope, paused) = (Scope::Case(case), n % 2 == 0);
        let request = if paused {
            Request::Pause { scope }
        } else {
            Request::Resume { scope }
        };
        let begun = Instant::now();
        seat.request(request).await.expect("it is taken");
        let has_it = |s: &Arc<Snapshot>| s.case(case).is_some_and(|c| c.paused == paused);
        snapshots.wait_for(has_it).await.expect("the core is there");
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    median(times)
}

fn head(number: u64) -> LiveUpdate {
    LiveUpdate::Head {
        head: BlockRef {
            number,
            hash: root(number),
        },
        time: None,
        finalized: None,
        base_fee_wei: None,
    }
}

fn validator(pool: u32) -> ValidatorView {
    ValidatorView {
        pool: PoolId(pool),
        public_key: key(PoolId(pool)),
        operators: (1..=4).map(OperatorId).collect(),
        index: Some(u64::from(pool)),
        status: SafeText::new("active_ongoing"),
        reshares: (0, 3),
        can_reshare: Can::Yes,
        can_exit: Can::Yes,
    }
}

fn network() -> NetworkView {
    NetworkView {
        name: SafeText::new("bench"),
        chain_id: 31_337,
        mainnet: false,
        simulated: Vec::new(),
        manager: Address::ZERO,
    }
}

/// Resident memory of this process now, and at its peak, MiB; 0 where the system does not tell as Linux does.
fn memory() -> (f64, f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or_default() / 1024.0
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Whatever is to be done is never done; the first time that something is, it says so.
struct Idle(Mutex<Option<oneshot::Sender<()>>>);

impl World for Idle {
    fn perform(self: Arc<Self>, _: Effect) -> EffectFuture {
        if let Some(asked) = self.0.lock().expect("no panic").take() {
            let _ = asked.send(());
        }
        Box::pin(std::future::pending())
    }
}

/// A backend that tells what it is, and runs nothing.
#[derive(Debug)]
struct Silent(CeremonyCapabilities);

impl Default for Silent {
    fn default() -> Self {
        Self(CeremonyCapabilities {
            backend: BackendName::ROCKX,
            title: SafeText::new("silent"),
            committees: vec![CommitteeSize {
                operators: 4,
                threshold: 3,
            }],
            registration: RegistrationSigning::OwnCeremony,
            shares: SharesKept::AtOperators,
            exits: ExitSigning::ByCeremony,
            consent: Consent::Nobody,
            reshare_size: ReshareSize::Same,
            oldest_release: None,
            releases: ReleaseMix::Any,
        })
    }
}

#[async_trait]
impl Ceremonies for Silent {
    fn capabilities(&self) -> &CeremonyCapabilities {
        &self.0
    }

    fn accepts(&self, _: &CeremonyPlan) -> Result<(), SafeText> {
        Ok(())
    }

    fn reads_key(&self, _: &str) -> Result<(), SafeText> {
        Ok(())
    }

    fn steps(&self, _: &CeremonyPlan) -> Vec<CeremonyStep> {
        Vec::new()
    }

    async fn operators(&self, _: &[OperatorId]) -> Vec<OperatorHealth> {
        Vec::new()
    }

    async fn relay(&self) -> Option<RelayHealth> {
        None
    }

    async fn run(
        &self,
        _: RequestId,
        _: CaseId,
        _: &CeremonyPlan,
        _: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        std::future::pending().await
    }

    async fn find(
        &self,
        _: RequestId,
        _: CaseId,
        _: &CeremonyPlan,
        _: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        std::future::pending().await
    }

    fn verify_transcript(&self, _: &Transcript) -> Result<Examined, TranscriptError> {
        Err(TranscriptError::TooLong(0))
    }
}
