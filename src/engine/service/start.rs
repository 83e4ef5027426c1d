//! Building the engine from a configuration, in an order in which each part can refuse with a clear reason.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::backend::{self, Backend, BackendError, Companion};
use super::beside::{self, Beside};
use super::feeds::others;
use super::feeds::signer::News;
use super::gate::Gate;
use super::opening::{self, Opening};
use super::rules::Rules;
use super::{doors, feeds, files};
use crate::chain::intake::{LocatedEvent, ObservedEvent, Resume};
use crate::config::{Config, NetworkName};
use crate::desk::not_done;
use crate::engine::core::{EngineError, Incoming};
use crate::engine::{EngineHandle, LiveUpdate, launch};
use crate::http::{Http, HttpSetupError};
use crate::journal::places;
use crate::lane;
use crate::oracle::{self, Settings};
use crate::ports::{
    Ceremonies, CeremonyCapabilities, Evidence, PoolEvent, PoolEventKind, PoolManager, TxSigner,
};
use crate::secrets::judge_directory;
use crate::types::SafeText;
use crate::view::NetworkView;

/// What is needed beside the configuration.
#[derive(Debug)]
pub struct ServiceOptions {
    /// Everything that was configured.
    pub config: Config,
    /// Who signs for the oracle; none in mode observe.
    pub signer: Option<Arc<dyn TxSigner>>,
    /// Another DKG backend than the one that is configured; none for that one.
    pub backend: Option<Arc<dyn Ceremonies>>,
    /// Parts of the surroundings that are simulated; shown on every screen.
    pub simulated: Vec<SafeText>,
}

/// A running engine. Dropping it stops its feeds; `stopped` tells when the core has ended.
#[derive(Debug)]
pub struct Running {
    /// For front ends.
    pub handle: EngineHandle,
    /// Ends with the core: after a shutdown, or with the reason why nothing goes on.
    pub stopped: JoinHandle<Result<(), EngineError>>,
    /// Base URL of the relay between the operators that runs within this process, when there is one.
    pub relay_url: Option<String>,
    beside: Beside,
    feeds: JoinSet<()>,
    companion: Option<Box<dyn Companion>>,
    http: Http,
    core: mpsc::WeakSender<Incoming>,
    rules: Rules,
}

impl Running {
    /// What of a running engine a configuration can change that was read anew.
    #[must_use]
    pub fn reloads(&self) -> Reloads {
        Reloads {
            http: self.http.clone(),
            core: self.core.clone(),
            rules: self.rules.clone(),
        }
    }

    /// Has whoever looks be told of something about this machine that a person should know.
    pub async fn tell(&self, words: SafeText) {
        if let Some(core) = self.core.upgrade() {
            // the core is gone only when everything ends
            let _ = core.send(Incoming::Live(LiveUpdate::Alarm("name", words))).await;
        }
    }

    /// Waits for the core to end, then stops everything else.
    ///
    /// # Errors
    /// Why the core ended, if not on request.
    pub async fn wait(mut self) -> Result<(), EngineError> {
        let outcome = (&mut self.stopped).await;
        self.feeds.shutdown().await;
        self.beside.end().await;
        if let Some(companion) = self.companion.take() {
            companion.end().await;
        }
        outcome.unwrap_or_else(|error| {
            Err(EngineError::Fatal(SafeText::new(&format!(
                "the engine panicked: {}",
                lane::last_words(error)
            ))))
        })
    }
}

/// Takes certificates and rules anew, while the engine runs.
#[derive(Debug, Clone)]
pub struct Reloads {
    http: Http,
    core: mpsc::WeakSender<Incoming>,
    rules: Rules,
}

impl Reloads {
    /// Reads the configured CA bundle again, and decides by the rules of this configuration from now on. The mode stays:
    /// who may decide is said at the start.
    ///
    /// # Errors
    /// The bundle cannot be read: then everything stays as it was.
    pub async fn take(&self, config: &Config) -> Result<(), HttpSetupError> {
        self.http.reload()?;
        if let Some(core) = self.core.upgrade() {
            // the core is gone only when everything ends
            let _ = core.send(Incoming::Rules(self.rules.take(config))).await;
        }
        Ok(())
    }
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A file that it opens is not fit to be believed, or to keep a secret.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The way out is misconfigured.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// The endpoints are misconfigured.
    #[error("rpc: {0}")]
    Rpc(#[from] crate::chain::rpc::RpcConfigError),
    /// The contract is not what the adapter expects.
    #[error("contract: {0}")]
    Contract(Evidence),
    /// The manager names another SSV network than the configuration.
    #[error(
        "contract: the manager registers validators at SSV network {actual}, the configuration says {configured}"
    )]
    SsvNetwork {
        /// By the manager.
        actual: Address,
        /// By the configuration.
        configured: Address,
    },
    /// The DKG backend does not start.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The beacon nodes are misconfigured.
    #[error("beacon: {0}")]
    Beacon(#[from] crate::beacon::client::BeaconError),
    /// Exits would be signed under a wrong domain.
    #[error("beacon: {0}")]
    SelfTest(#[from] crate::beacon::exit::SelfTestFailed),
    /// Nobody could ask it how it is.
    #[error(transparent)]
    Monitor(#[from] crate::monitor::NotListening),
    /// Somebody who shall be told cannot be.
    #[error(transparent)]
    Notices(#[from] crate::notify::NotOpened),
    /// The journal cannot be used.
    #[error("journal: {0}")]
    Engine(#[from] EngineError),
}

/// Starts the engine. What a person has to mend is refused here, before the journal is touched. Whoever is only away is
/// waited for by the running engine.
///
/// # Errors
/// See [`ServiceError`].
pub async fn start(options: ServiceOptions) -> Result<Running, ServiceError> {
    let ServiceOptions {
        config,
        signer,
        backend,
        simulated,
    } = options;
    let http = way_out(&config)?;
    let beside = beside::prepare(&config, &http).await?;
    let line = doors::line(&config, &http)?;
    let consensus = doors::beacon(&config, &http)?;
    let standing = opening::first_look(&config, &line).await?;
    let oracle = signer.as_ref().map(|key| key.address()).or(config.signer.address);
    let Backend {
        ceremonies,
        roster,
        companion,
    } = match backend {
        Some(ceremonies) => Backend::alone(ceremonies),
        None => backend::start(&config, &http, oracle).await?,
    };
    // the field order of SSV's cluster, which may be unknown as yet, is no part of what the contract lists
    let lists = doors::manager(&config, doors::ANY_LAYOUT, &line);
    let settings = settings(&config, &*lists, ceremonies.capabilities());
    let opened = launch::open(settings, &launch::journal_at(&config.journal))?;
    let resume = resume(&opened);
    let journal = opened.journal().to_owned();
    let own = feeds::others::own(opened.journal());
    let (core, incoming) = mpsc::channel(1_024);
    let (world, gate) = watch::channel(None);
    let gate = Arc::new(Gate {
        world: gate,
        consensus: consensus.clone(),
    });
    let (weak, rules) = (core.downgrade(), Rules::of(&config));
    let shown = network(&config, &*lists, simulated);
    let backend = Arc::clone(&ceremonies);
    let (handle, stopped) = opened.launch(shown, lists.name(), oracle, backend, gate, incoming)?;
    let beside = beside.begin(&config, &journal, &handle, &core).await;
    say_what_is_not_done(&*lists, &core).await;
    let opening = Opening {
        finality: config.network.finality,
        transcripts: transcripts_beside(&journal),
        config,
        endpoints: doors::endpoints(&line),
        line,
        lists,
        ceremonies,
        consensus,
        signer,
        oracle,
        roster,
        resume,
        standing,
        core,
    };
    let news = News::of(&handle);
    let companions = companion.as_deref().map(|companion| heard_of(companion, own));
    Ok(Running {
        handle,
        stopped,
        relay_url: companion.as_ref().map(|companion| companion.url().to_owned()),
        beside,
        feeds: rules.watched_by(feeds::start(opening, world, companions, news), &weak),
        companion,
        http,
        core: weak,
        rules,
    })
}

/// Before any file is opened, all of them are looked at.
fn way_out(config: &Config) -> Result<Http, ServiceError> {
    files::walk(&files::files(config))?;
    Ok(Http::new(&config.http)?)
}

/// Where transcripts are kept.
fn transcripts_beside(journal: &Path) -> PathBuf {
    let transcripts = places::transcripts_of(journal);
    if let Some(worry) = judge_directory(&transcripts) {
        tracing::warn!(target: "files", "{worry}");
    }
    transcripts
}

/// What is heard of whatever runs within this process.
fn heard_of(companion: &dyn Companion, own: others::Own) -> others::Companions {
    others::Companions {
        onlook: companion.onlook(own),
        broken: companion.broken(),
    }
}

/// What would be refused whenever it is asked for is said at once.
async fn say_what_is_not_done(manager: &dyn PoolManager, core: &mpsc::Sender<Incoming>) {
    let lacking = not_done(manager);
    if !lacking.is_empty() {
        let words = SafeText::new(&lacking.join("; "));
        tracing::warn!(target: "engine::told", "{words}");
        // the core is gone only when everything ends
        let _ = core
            .send(Incoming::Live(LiveUpdate::Alarm("version", words)))
            .await;
    }
}

fn network(config: &Config, manager: &dyn PoolManager, simulated: Vec<SafeText>) -> NetworkView {
    NetworkView {
        name: SafeText::new(config.network.name.as_str()),
        chain_id: config.network.chain_id,
        mainnet: config.network.name == NetworkName::Mainnet,
        simulated,
        manager: manager.address(),
    }
}

fn settings(config: &Config, manager: &dyn PoolManager, can: &CeremonyCapabilities) -> Settings {
    let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    Settings {
        mode: config.policy.mode,
        policy: config.policy.to_policy(),
        owner: config.contract.address,
        deposit_order: manager.capabilities().deposit_order,
        backend: oracle::Backend {
            name: can.backend.clone(),
            renews_registrations: can.renews_registrations(),
        },
        follows_beacon: !config.beacon.urls.is_empty(),
        look_up_every_ms: millis(config.beacon.poll_interval),
        ceremonies_at_once: config.dkg.at_once(),
        refresh_every_ms: 15_000,
        approval_expires_ms: millis(config.policy.approval_expires),
        bump_after_ms: millis(config.fees.replace_after),
    }
}

/// Where the intake goes on, with the events in the journal that a reorg may still drop.
fn resume(opened: &launch::OpenedEngine) -> Resume {
    // what is taken back is found by its log; whom it wanted out, its case knows
    let leaving = None;
    let observed = |kind, pool, at| LocatedEvent {
        at,
        event: ObservedEvent::Manager(PoolEvent { kind, pool, leaving }),
    };
    let requests = opened.open_requests().into_iter();
    let fulfilments = opened.open_fulfilments().into_iter();
    let requests = requests.map(|(kind, pool, at)| observed(PoolEventKind::requests(kind), pool, at));
    let fulfilments = fulfilments.map(|(kind, pool, at)| observed(PoolEventKind::fulfils(kind), pool, at));
    Resume {
        cursor: opened.cursor(),
        known: requests.chain(fulfilments).collect(),
    }
}
