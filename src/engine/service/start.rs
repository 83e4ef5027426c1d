//! Building the engine from a configuration, in an order in which each part can refuse with a clear reason.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::backend::{self, Backend};
use super::feeds;
use super::outside::{Outside, Parts};
use super::registry::{self, RegistryError};
use crate::beacon::client::{Beacon, BeaconConfig};
use crate::chain::agreement::Agreement;
use crate::chain::committee::Committees;
use crate::chain::contracts::{self, Manager, ProbeError};
use crate::chain::deposits::DepositLogs;
use crate::chain::facts::Facts;
use crate::chain::intake::{self, Intake, IntakeConfig, Observed, ObservedEvent, Resume};
use crate::chain::rpc::{Rpc, RpcConfig};
use crate::chain::ssv::SsvReader;
use crate::config::{Config, NetworkName};
use crate::dkg::rockx::initiator::InitiatorError;
use crate::dkg::rockx::messenger::{self, MessengerHandle};
use crate::engine::core::EngineError;
use crate::engine::{EngineHandle, launch};
use crate::journal::JournalOptions;
use crate::lane;
use crate::oracle::Settings;
use crate::signer::OracleSigner;
use crate::snapshot::NetworkView;
use crate::types::{RequestKind, SafeText};

/// What is needed beside the configuration.
#[derive(Debug)]
pub struct ServiceOptions {
    /// Everything that was configured.
    pub config: Config,
    /// The oracle's key; none in mode observe.
    pub signer: Option<OracleSigner>,
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
    /// The endpoints are misconfigured.
    #[error("rpc: {0}")]
    Rpc(#[from] crate::chain::rpc::RpcConfigError),
    /// The contract is not what the adapter expects, or nobody answers.
    #[error("contract: {0}")]
    Contract(#[from] ProbeError),
    /// The manager names another SSV network than the configuration.
    #[error(
        "contract: the manager registers validators at SSV network {actual}, the configuration says {configured}"
    )]
    SsvNetwork {
        /// By the manager.
        actual: alloy::primitives::Address,
        /// By the configuration.
        configured: alloy::primitives::Address,
    },
    /// The embedded messenger does not start.
    #[error("messenger: {0}")]
    Messenger(#[from] messenger::MessengerError),
    /// The initiator does not start.
    #[error("dkg: {0}")]
    Initiator(#[from] InitiatorError),
    /// The initiator's key can not be read.
    #[error("dkg.initiator_key_file {path}: {problem}")]
    InitiatorKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// An operator's public key can not be had.
    #[error("operators: {0}")]
    Operators(#[from] RegistryError),
    /// The beacon nodes are misconfigured.
    #[error("beacon: {0}")]
    Beacon(#[from] crate::beacon::client::BeaconError),
    /// Exits would be signed under a wrong domain.
    #[error("beacon: {0}")]
    SelfTest(#[from] crate::beacon::exit::SelfTestFailed),
    /// The journal can not be used.
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
        simulated,
    } = options;
    let rpc = Rpc::new(RpcConfig {
        deadline: config.rpc.timeout,
        ..RpcConfig::new(config.rpc.urls.clone(), config.network.chain_id)
    })?;
    let manager = Manager::new(
        rpc.clone(),
        config.contract.address,
        contracts::AdapterName::Casimir202305,
        config.contract.cluster_layout,
    );
    let probe = manager.probe().await?;
    if let Some(configured) = config
        .network
        .ssv_network
        .filter(|address| *address != probe.ssv_network)
    {
        return Err(ServiceError::SsvNetwork {
            actual: probe.ssv_network,
            configured,
        });
    }
    registry::fill_in(&mut config.operators, config.network.name).await?;
    let Backend {
        ceremonies,
        messenger,
    } = backend::start(&config).await?;
    let opened = launch::open(
        settings(&config),
        &JournalOptions {
            path: config.journal.path.clone(),
            checkpoint: None,
        },
    )?;
    let from_block = config.contract.from_block;
    let intake = Intake::new(
        manager.clone(),
        IntakeConfig {
            ssv_network: Some(probe.ssv_network),
            finality: finality(&config),
            poll_interval: config.rpc.poll_interval,
            socket: config.rpc.ws_url.clone(),
            ..IntakeConfig::new(from_block)
        },
        Resume {
            cursor: opened.cursor(),
            known: known_events(&opened),
        },
    );
    let ssv = SsvReader::new(
        rpc.clone(),
        probe.ssv_network,
        manager.address(),
        config.contract.cluster_layout,
        from_block,
    );
    let deposits = DepositLogs::new(rpc.clone(), config.network.deposit_contract, from_block);
    let network = NetworkView {
        name: SafeText::new(config.network.name.as_str()),
        chain_id: config.network.chain_id,
        mainnet: config.network.name == NetworkName::Mainnet,
        simulated,
        manager: manager.address(),
    };
    let beacon = beacon(&config)?;
    let (incoming_tx, incoming) = mpsc::channel(1_024);
    let oracle = signer
        .as_ref()
        .map(OracleSigner::address)
        .or(config.signer.address);
    let (messenger, messenger_url) = messenger.unzip();
    let finality = finality(&config);
    let outside = Arc::new(Outside::new(Parts {
        finality,
        config,
        rpc,
        agreement: Agreement::new(&manager, probe.ssv_network, from_block, finality),
        committees: Committees::new(manager.clone(), from_block),
        facts: Facts::new(manager.clone(), ssv, deposits),
        manager,
        ssv_network: probe.ssv_network,
        ceremonies: Arc::clone(&ceremonies),
        signer,
        oracle,
        beacon,
        incoming: incoming_tx.clone(),
    }));
    let (handle, stopped) = opened.launch(network, oracle, ceremonies, Arc::clone(&outside), incoming)?;
    let feeds = feeds::start(&outside, intake, &incoming_tx);
    Ok(Running {
        handle,
        stopped,
        messenger_url,
        feeds,
        messenger,
    })
}

/// The beacon nodes, where any are configured. The arithmetic of exit domains is tried out on a known value first.
fn beacon(config: &Config) -> Result<Option<Beacon>, ServiceError> {
    if config.beacon.urls.is_empty() {
        return Ok(None);
    }
    crate::beacon::exit::self_test()?;
    let root = config.network.genesis_validators_root;
    let settings = BeaconConfig {
        deadline: config.beacon.timeout,
        ..BeaconConfig::new(config.beacon.urls.clone(), root)
    };
    Ok(Some(Beacon::new(settings)?))
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
        refresh_every_ms: 15_000,
        approval_expires_ms: millis(config.policy.approval_expires),
        bump_after_ms: millis(config.fees.replace_after),
    }
}

/// Events in the journal that a reorg may still drop, as the intake knows them.
fn known_events(opened: &launch::Opened) -> Vec<Observed> {
    use contracts::ManagerEventKind as Kind;
    let observed = |kind, pool, at| Observed {
        at,
        event: ObservedEvent::Manager(contracts::ManagerEvent { kind, pool }),
    };
    let requests = opened.open_requests().into_iter().map(|(kind, pool, at)| {
        let kind = match kind {
            RequestKind::Deposit => Kind::DepositRequested,
            RequestKind::Reshare => Kind::ReshareRequested,
            RequestKind::Exit => Kind::ExitRequested,
        };
        observed(kind, pool, at)
    });
    let fulfilments = opened.open_fulfilments().into_iter().map(|(kind, pool, at)| {
        let kind = match kind {
            RequestKind::Deposit => Kind::DepositInitiated,
            RequestKind::Reshare => Kind::Reshared,
            RequestKind::Exit => Kind::Exited,
        };
        observed(kind, pool, at)
    });
    requests.chain(fulfilments).collect()
}
