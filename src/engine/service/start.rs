//! Building the engine from a configuration, in an order in which each part can refuse with a clear reason.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, JoinSet};

use super::backend::{self, Backend, BackendError};
use super::outside::Outside;
use super::{doors, feeds};
use crate::chain::intake::{self, Intake, IntakeConfig, Observed, ObservedEvent, Resume, Sources};
use crate::chain::rpc::{Rpc, RpcConfig};
use crate::config::{Config, NetworkName};
use crate::desk::{Desk, ExpectedChain, Neighbours, Terms};
use crate::dkg::rockx::messenger::MessengerHandle;
use crate::engine::core::EngineError;
use crate::engine::{EngineHandle, launch};
use crate::http::{Http, HttpSetupError};
use crate::journal::JournalOptions;
use crate::lane;
use crate::oracle::Settings;
use crate::ports::{Answer, Ceremonies, Evidence, PoolEvent, PoolEventKind, Probe, TxSigner, Unknown};
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
    /// Base URL of the embedded messenger, when there is one.
    pub messenger_url: Option<String>,
    feeds: JoinSet<()>,
    messenger: Option<MessengerHandle>,
}

impl Running {
    /// Waits for the core to end, then stops everything else.
    ///
    /// # Errors
    /// Why the core ended, if not on request.
    pub async fn wait(mut self) -> Result<(), EngineError> {
        let outcome = (&mut self.stopped).await;
        self.feeds.shutdown().await;
        if let Some(messenger) = self.messenger.take() {
            messenger.shutdown().await;
        }
        outcome.unwrap_or_else(|error| {
            Err(EngineError::Fatal(SafeText::new(&format!(
                "the engine panicked: {}",
                lane::last_words(error)
            ))))
        })
    }
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The way out is misconfigured.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// The endpoints are misconfigured.
    #[error("rpc: {0}")]
    Rpc(#[from] crate::chain::rpc::RpcConfigError),
    /// The contract is not what the adapter expects.
    #[error("contract: {0}")]
    Contract(Evidence),
    /// Nobody tells what the contract is.
    #[error("contract: {0}")]
    ContractNotKnown(Unknown),
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
    /// The journal cannot be used.
    #[error("journal: {0}")]
    Engine(#[from] EngineError),
}

/// Starts the engine. Everything that can be refused is refused here, before the journal is touched.
///
/// # Errors
/// See [`ServiceError`].
pub async fn start(options: ServiceOptions) -> Result<Running, ServiceError> {
    let ServiceOptions {
        mut config,
        signer,
        backend,
        simulated,
    } = options;
    let http = Http::new(&config.http)?;
    let rpc = Rpc::new(RpcConfig {
        deadline: config.rpc.timeout,
        calls_per_second: config.rpc.calls_per_second,
        http: http.clone(),
        ..RpcConfig::new(config.rpc.urls.clone(), config.network.chain_id)
    })?;
    let manager = doors::manager(&config, rpc.clone());
    let probe = probed(manager.probe().await, config.network.ssv_network)?;
    let Backend {
        ceremonies,
        messenger,
    } = match backend {
        Some(ceremonies) => Backend {
            ceremonies,
            messenger: None,
        },
        None => backend::start(&mut config, &http).await?,
    };
    let finality = finality(&config);
    let ask = Neighbours {
        execution: doors::execution(&config, rpc.clone(), finality),
        agreement: doors::agreement(&config, &rpc, probe.ssv_network, finality),
        ssv: doors::ssv(&config, rpc.clone(), probe.ssv_network),
        manager,
        ceremonies,
        consensus: doors::beacon(&config, &http)?,
        signer,
    };
    let (messenger, messenger_url) = messenger.unzip();
    Ok(Running {
        messenger_url,
        messenger,
        ..set_going(&config, ask, rpc, simulated)?
    })
}

/// Opens the journal, and sets the core and its feeds going among these neighbours, whoever relays between the operators.
fn set_going(
    config: &Config,
    ask: Neighbours,
    rpc: Rpc,
    simulated: Vec<SafeText>,
) -> Result<Running, ServiceError> {
    let opened = launch::open(
        settings(config),
        &JournalOptions {
            path: config.journal.path.clone(),
            checkpoint: None,
        },
    )?;
    let intake = intake(config, &ask, rpc.clone(), &opened);
    let (incoming_tx, incoming) = mpsc::channel(1_024);
    let signer = ask.signer.as_ref().map(|signer| signer.address());
    let oracle = signer.or(config.signer.address);
    let terms = terms(config, oracle);
    let outside = Arc::new(Outside {
        desk: Desk::new(&ask, &terms),
        rpc: rpc.clone(),
        ask: ask.clone(),
        oracle,
        finality: finality(config),
        transcripts: config.journal.path.with_file_name("transcripts"),
        incoming: incoming_tx.clone(),
        telling: Mutex::default(),
    });
    let network = NetworkView {
        name: SafeText::new(config.network.name.as_str()),
        chain_id: config.network.chain_id,
        mainnet: config.network.name == NetworkName::Mainnet,
        simulated,
        manager: ask.manager.address(),
    };
    let backend = Arc::clone(&ask.ceremonies);
    let adapter = ask.manager.name();
    let (handle, stopped) = opened.launch(network, adapter, oracle, backend, outside, incoming)?;
    let from = feeds::Sources {
        intake,
        rpc,
        oracle,
        directory: terms.directory,
    };
    let feeds = feeds::start(from, &ask, &incoming_tx);
    Ok(Running {
        handle,
        stopped,
        feeds,
        messenger_url: None,
        messenger: None,
    })
}

/// Reads events on from where the journal ends.
fn intake(config: &Config, ask: &Neighbours, rpc: Rpc, opened: &launch::Opened) -> Intake {
    Intake::new(
        rpc,
        Sources {
            manager: Arc::clone(&ask.manager),
            ssv: Some(Arc::clone(&ask.ssv)),
        },
        IntakeConfig {
            finality: finality(config),
            poll_interval: config.rpc.poll_interval,
            socket: config.rpc.ws_url.clone(),
            ..IntakeConfig::new(config.contract.from_block)
        },
        Resume {
            cursor: opened.cursor(),
            known: known_events(opened),
        },
    )
}

/// What the desk is told of the configuration.
fn terms(config: &Config, oracle: Option<Address>) -> Terms {
    let network = &config.network;
    Terms {
        oracle,
        directory: Arc::new(config.operators.by_id.clone()),
        selection: config.selection.rule.clone(),
        chain_id: network.chain_id,
        fork_version: network.genesis_fork_version,
        expected: ExpectedChain {
            network: SafeText::new(network.name.as_str()),
            capella_fork_version: network.capella_fork_version,
            genesis_validators_root: network.genesis_validators_root,
        },
        deposit_contract: network.deposit_contract,
        fee_amount_wei: config.contract.fee_amount_wei,
        fee_ceiling_wei: config.fees.max_fee_wei,
    }
}

/// What the contract said of itself, if it is the one that is configured.
fn probed(probe: Answer<Probe>, configured: Option<Address>) -> Result<Probe, ServiceError> {
    let probe = match probe {
        Answer::Yes(probe) => probe,
        Answer::No(evidence) => return Err(ServiceError::Contract(evidence)),
        Answer::NotKnown(why) => return Err(ServiceError::ContractNotKnown(why)),
    };
    match configured {
        Some(configured) if configured != probe.ssv_network => Err(ServiceError::SsvNetwork {
            actual: probe.ssv_network,
            configured,
        }),
        _ => Ok(probe),
    }
}

fn finality(config: &Config) -> intake::Finality {
    match config.network.finality {
        crate::config::Finality::Finalized => intake::Finality::Tag,
        crate::config::Finality::Depth(n) => intake::Finality::Depth(n),
    }
}

fn settings(config: &Config) -> Settings {
    let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    Settings {
        mode: config.policy.mode,
        policy: config.policy.to_policy(),
        owner: config.contract.address,
        follows_beacon: !config.beacon.urls.is_empty(),
        look_up_every_ms: millis(config.beacon.poll_interval),
        ceremonies_at_once: config.dkg.at_once(),
        refresh_every_ms: 15_000,
        approval_expires_ms: millis(config.policy.approval_expires),
        bump_after_ms: millis(config.fees.replace_after),
    }
}

/// Events in the journal that a reorg may still drop, as the intake knows them.
fn known_events(opened: &launch::Opened) -> Vec<Observed> {
    let observed = |kind, pool, at| Observed {
        at,
        event: ObservedEvent::Manager(PoolEvent { kind, pool }),
    };
    let requests = opened.open_requests().into_iter();
    let requests = requests.map(|(kind, pool, at)| observed(PoolEventKind::requests(kind), pool, at));
    let fulfilments = opened.open_fulfilments().into_iter();
    let fulfilments = fulfilments.map(|(kind, pool, at)| observed(PoolEventKind::fulfils(kind), pool, at));
    requests.chain(fulfilments).collect()
}
