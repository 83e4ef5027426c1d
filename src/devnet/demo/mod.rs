//! The whole of a Casimir network on this machine: chain, contracts, messenger, operators, beacon, stakers and upkeep.
//! Everything but the oracle, which is told by a configuration file how to reach it.

mod consensus;
mod director;
mod lever;
mod mouth;
mod operators;
mod process;
mod settings;
mod stage;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use alloy::signers::local::MnemonicBuilder;
use alloy::signers::local::coins_bip39::{English, Mnemonic};
use rand::rngs::OsRng;
use tempfile::TempDir;

use super::actors::{Actor, RequestScript, StakerScript, lively, requests, staker, upkeep};
use super::anvil::Progress;
use super::beacon::DevBeacon;
use super::error::DevnetError;
use super::lodestar::{self, Lodestar};
use super::network::Devnet;
use super::options::{DevnetOptions, ManagerVersion, Mining};
use super::proxy::FaultProxy;
use super::watch::BeaconWatch;
use crate::dkg::rockx::committee::threshold_for;
use crate::dkg::rockx::messenger::{self, MessengerConfig, MessengerHandle};
use crate::dkg::rockx::node::NodeHandle;
use crate::types::{ClusterLayout, OperatorRecord, RedactedUrl, SafeText};

use self::consensus::Consensus;
pub use self::consensus::DemoBeacon;
pub use self::director::{Director, NotPulled, Pulled};
pub use self::lever::{
    DEEPEST_REORG, Fate, Fault, LEVERS, Lever, LeverRow, NoLever, StakerRequest, lever_row,
};
pub use self::operators::DemoKeys;
pub use self::stage::StageOptions;
use self::stage::{Doors, Stage};

const ENDED_POLL: Duration = Duration::from_millis(500);
/// States that are kept where somebody watches for long: of every block that may be replaced, and a few more. Each is a
/// copy of everything, which grows with each block (the contract of EIP-2935 alone by a slot): every state that is kept
/// costs about 0.3 KB more with each block, so that fewer are better.
const STATES: u64 = DEEPEST_REORG + 8;

/// How to start the network.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Operators, from 4 to 13.
    pub operators: u8,
    /// Size of a new committee: 4, 7, 10 or 13, and not more than there are operators.
    pub committee: u8,
    /// Seconds between blocks; 0 mines a block for each transaction.
    pub block_time: u64,
    /// Blocks in an epoch: two epochs make a block final.
    pub slots_in_an_epoch: u64,
    /// What stakers do.
    pub stakers: StakerScript,
    /// Fills more pools now and then, without end, at times by this seed.
    pub lively: Option<u64>,
    /// What is asked of staked pools.
    pub requests: RequestScript,
    pub manager: ManagerVersion,
    /// Field order of SSV's cluster tuple.
    pub cluster_layout: ClusterLayout,
    /// Whether the manager stores reshares.
    pub stores_reshare: bool,
    pub beacon: DemoBeacon,
    /// Write a configuration in which policy decides (needs the flag for it as well).
    pub auto: bool,
    /// Keys of at least so many operators, to be used again; fresh ones when absent.
    pub keys: Option<DemoKeys>,
    /// Where keys, shares, configuration and journal are put; a folder that is removed at the end when absent.
    pub folder: Option<PathBuf>,
    /// A network that is shown: operators as processes, and a director. Everything in this process when absent.
    pub stage: Option<StageOptions>,
    /// Operators that run elsewhere, with ids from 1 without a gap, in place of own ones.
    pub foreign_operators: Option<Vec<OperatorRecord>>,
    /// A messenger that runs elsewhere, in place of an own one: its base URL.
    pub foreign_messenger: Option<String>,
}

impl Default for DemoOptions {
    /// Seven operators, committees of four, a block each second, three pools at once and one more every half minute up to
    /// six, and the development beacon.
    fn default() -> Self {
        Self {
            operators: 7,
            committee: 4,
            block_time: 1,
            slots_in_an_epoch: 2,
            stakers: StakerScript {
                first: 3,
                then_every: Duration::from_secs(30),
                up_to: 6,
            },
            lively: None,
            requests: RequestScript::default(),
            manager: ManagerVersion::May20,
            cluster_layout: ClusterLayout::ActiveThenBalance,
            stores_reshare: false,
            beacon: DemoBeacon::development(),
            auto: false,
            keys: None,
            folder: None,
            stage: None,
            foreign_operators: None,
            foreign_messenger: None,
        }
    }
}

/// The folder with the network's files.
#[derive(Debug)]
enum Folder {
    Temporary(TempDir),
    Given(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Given(folder) => folder,
        }
    }
}

/// A running network. [`DemoNetwork::shutdown`] ends it in order. Dropping it ends all processes and nodes at once; the
/// messenger then ends with the runtime.
#[derive(Debug)]
pub struct DemoNetwork {
    // the order of the fields is the order in which they end: who acts before what is acted upon
    actors: Vec<Actor>,
    director: Option<Arc<Director>>,
    nodes: Vec<NodeHandle>,
    stage: Option<Arc<Stage>>,
    messenger: Option<MessengerHandle>,
    messenger_url: String,
    consensus: Consensus,
    devnet: Arc<Devnet>,
    operators: Vec<OperatorRecord>,
    options: DemoOptions,
    config_file: PathBuf,
    folder: Folder,
}

impl DemoNetwork {
    /// Starts everything but the stakers; those begin with [`DemoNetwork::begin`].
    ///
    /// # Errors
    /// Options that make no sense, no anvil, or a part that does not start.
    pub async fn start(options: DemoOptions, progress: Progress<'_>) -> Result<Self, DevnetError> {
        check(&options)?;
        let mut options = options;
        if options.foreign_operators.is_some() || options.foreign_messenger.is_some() {
            // what runs elsewhere is nobody's to break
            options.stage = None;
        }
        let folder = folder(&options)?;
        progress("making keys");
        let (mnemonic, oracle_key) = oracle_account()?;
        let keys = keys(&options).await?;
        let devnet = Devnet::start(devnet_options(&options, &keys, oracle_key), progress).await?;
        let spec = options.beacon.spec();
        let consensus = Consensus::start(
            &options.beacon,
            &devnet,
            options.block_time,
            folder.path(),
            progress,
        )
        .await?;
        let ways = Ways::open(&options, &devnet, progress).await?;
        let surroundings = operators::Surroundings {
            messenger_url: RedactedUrl::new(ways.messenger_url.clone()),
            manager: devnet.addresses().manager,
            spec: &spec,
            genesis_validators_root: consensus.genesis_validators_root,
            beacon_url: consensus.url.as_deref(),
            folder: folder.path(),
        };
        let cast = Cast::start(&options, ways.proxy, &keys, &surroundings, progress).await?;
        let config_file = settings::write(&settings::Settings {
            folder: folder.path(),
            options: &options,
            devnet: &devnet,
            doors: ways.doors.as_ref(),
            messenger_url: &ways.messenger_url,
            beacon_url: consensus.url.as_deref(),
            genesis_validators_root: surroundings.genesis_validators_root,
            operators: &cast.operators,
            mnemonic: &mnemonic,
            initiator: &keys.initiator,
        })?;
        let devnet = Arc::new(devnet);
        let director = match &cast.stage {
            Some(stage) => {
                let beacon = consensus.development.clone();
                let director = Director::new(Arc::clone(&devnet), Arc::clone(stage), beacon);
                Some(Arc::new(director.await?))
            }
            None => None,
        };
        progress("the network is up");
        Ok(Self {
            actors: Vec::new(),
            director,
            nodes: cast.nodes,
            stage: cast.stage,
            messenger: ways.messenger,
            messenger_url: ways.messenger_url,
            consensus,
            devnet,
            operators: cast.operators,
            options,
            config_file,
            folder,
        })
    }

    /// Lets stakers and upkeep begin. A second call does nothing.
    pub fn begin(&mut self) {
        if self.actors.is_empty() {
            let watch = self.beacon_url().and_then(BeaconWatch::new);
            self.actors
                .push(staker(Arc::clone(&self.devnet), self.options.stakers));
            if let Some(seed) = self.options.lively {
                self.actors.push(lively(Arc::clone(&self.devnet), seed));
            }
            self.actors
                .push(requests(Arc::clone(&self.devnet), self.options.requests));
            self.actors.push(upkeep(Arc::clone(&self.devnet), watch));
        }
    }

    /// The oracle's configuration: a file like every other, with every address and key of this network.
    #[must_use]
    pub fn config_file(&self) -> &Path {
        &self.config_file
    }

    /// Where this network's files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The chain, with its levers.
    #[must_use]
    pub fn devnet(&self) -> &Arc<Devnet> {
        &self.devnet
    }

    /// The development beacon, if there is one.
    #[must_use]
    pub fn beacon(&self) -> Option<&DevBeacon> {
        self.consensus.development.as_deref()
    }

    /// The director, where the network is shown.
    #[must_use]
    pub fn director(&self) -> Option<&Arc<Director>> {
        self.director.as_ref()
    }

    /// What operators' messages take on their way from now on, where the network is shown.
    pub fn set_pace(&self, pace: Duration) {
        if let Some(stage) = &self.stage {
            stage.set_pace(pace);
        }
    }

    /// Lodestar, if it is the consensus layer.
    #[must_use]
    pub fn lodestar(&self) -> Option<&Lodestar> {
        self.consensus.lodestar.as_ref()
    }

    /// Returns when anvil or Lodestar is gone by itself, and says which and why: nothing goes on without them.
    pub async fn ended(&self) -> SafeText {
        loop {
            let ended = [
                ("anvil, the local chain,", self.devnet.exited()),
                ("Lodestar, the beacon node,", self.consensus.exited()),
            ];
            for (who, reason) in ended {
                if let Some(reason) = reason {
                    return SafeText::new(&format!("{who} ended: {reason}"));
                }
            }
            tokio::time::sleep(ENDED_POLL).await;
        }
    }

    /// Base URL of the Beacon API, whosever it is.
    #[must_use]
    pub fn beacon_url(&self) -> Option<&str> {
        self.consensus.url.as_deref()
    }

    /// Base URL of the messenger.
    #[must_use]
    pub fn messenger_url(&self) -> String {
        self.messenger_url.clone()
    }

    /// The operators, as the oracle knows them.
    #[must_use]
    pub fn operators(&self) -> &[OperatorRecord] {
        &self.operators
    }

    /// Ends one operator's node, as if its machine had died. `false`: there is none of this id any more.
    pub fn kill_operator(&mut self, id: crate::types::OperatorId) -> bool {
        let before = self.nodes.len();
        self.nodes.retain(|node| node.id() != id);
        self.nodes.len() < before
    }

    /// How it was started.
    #[must_use]
    pub fn options(&self) -> &DemoOptions {
        &self.options
    }

    /// Ends everything in order, and removes the folder if it was made for this run.
    pub async fn shutdown(self) {
        let Self {
            actors,
            director,
            nodes,
            stage,
            messenger,
            consensus,
            devnet,
            folder,
            ..
        } = self;
        drop(actors);
        drop(director);
        drop(stage);
        futures_util::future::join_all(nodes.into_iter().map(NodeHandle::shutdown)).await;
        if let Some(messenger) = messenger {
            messenger.shutdown().await;
        }
        drop(consensus);
        drop(devnet);
        drop(folder);
    }
}

fn check(options: &DemoOptions) -> Result<(), DevnetError> {
    let wrong = |text: String| Err(DevnetError::Option(text.into()));
    if !(4..=13).contains(&options.operators) {
        return wrong(format!("{} operators: 4 to 13 are possible", options.operators));
    }
    if let Some(foreign) = &options.foreign_operators
        && !foreign
            .iter()
            .map(|operator| operator.id.0)
            .eq(1..=u64::from(options.operators))
    {
        return wrong(format!(
            "the ids of foreign operators are 1 to {}, in this order, as the local SSV gives them",
            foreign.len()
        ));
    }
    if threshold_for(usize::from(options.committee)).is_none() || options.committee > options.operators {
        return wrong(format!(
            "a committee of {} out of {} operators: 4, 7, 10 or 13 are possible",
            options.committee, options.operators
        ));
    }
    if let DemoBeacon::Lodestar(spec) = &options.beacon {
        if spec.slot_duration.subsec_nanos() != 0 {
            return wrong("Lodestar's slots take whole seconds".to_owned());
        }
        if options.block_time == 0 {
            return wrong("Lodestar needs a block every so many seconds".to_owned());
        }
        if options.stakers.up_to > lodestar::MOST_JOINING {
            return wrong(format!(
                "{} pools on Lodestar: {} are possible, since nobody runs their validators and its own {} must stay \
                 two thirds",
                options.stakers.up_to,
                lodestar::MOST_JOINING,
                lodestar::GENESIS_VALIDATORS
            ));
        }
    }
    Ok(())
}

fn folder(options: &DemoOptions) -> Result<Folder, DevnetError> {
    match &options.folder {
        Some(folder) => std::fs::create_dir_all(folder)
            .map(|()| Folder::Given(folder.clone()))
            .map_err(|error| failed_part("the demo's folder", &error)),
        // made with mode 0700
        None => tempfile::Builder::new()
            .prefix("casimir-demo-")
            .tempdir()
            .map(Folder::Temporary)
            .map_err(|error| failed_part("the demo's folder", &error)),
    }
}

async fn keys(options: &DemoOptions) -> Result<DemoKeys, DevnetError> {
    match &options.keys {
        Some(keys) => keys.clone().first(options.operators).ok_or_else(|| {
            DevnetError::Option(format!("keys of fewer than {} operators", options.operators).into())
        }),
        None => DemoKeys::generate(options.operators).await,
    }
}

/// The messenger of this network, unless it has a foreign one.
async fn own_messenger(
    options: &DemoOptions,
    progress: Progress<'_>,
) -> Result<Option<MessengerHandle>, DevnetError> {
    if options.foreign_messenger.is_some() {
        return Ok(None);
    }
    progress("starting the messenger");
    let messenger = messenger::spawn(MessengerConfig::new(([127, 0, 0, 1], 0).into())).await;
    messenger
        .map(Some)
        .map_err(|error| failed_part("the messenger", &error))
}

/// The messenger, and what stands before it and the chain.
struct Ways {
    /// None: it runs elsewhere.
    messenger: Option<MessengerHandle>,
    proxy: Option<FaultProxy>,
    doors: Option<Doors>,
    /// Where operators and oracle find it.
    messenger_url: String,
}

impl Ways {
    async fn open(
        options: &DemoOptions,
        devnet: &Devnet,
        progress: Progress<'_>,
    ) -> Result<Self, DevnetError> {
        let messenger = own_messenger(options, progress).await?;
        let own = messenger.as_ref().map(MessengerHandle::url);
        let url = own
            .or_else(|| options.foreign_messenger.clone())
            .unwrap_or_default();
        let proxy = match &options.stage {
            Some(_) => Some(stage::proxy(&devnet.http_url(), &url).await?),
            None => None,
        };
        let doors = proxy.as_ref().map(Doors::of).transpose()?;
        Ok(Self {
            messenger_url: doors.as_ref().map_or(url, |doors| doors.messenger.clone()),
            messenger,
            proxy,
            doors,
        })
    }
}

/// The operators, wherever they run.
struct Cast {
    nodes: Vec<NodeHandle>,
    stage: Option<Arc<Stage>>,
    operators: Vec<OperatorRecord>,
}

impl Cast {
    async fn start(
        options: &DemoOptions,
        proxy: Option<FaultProxy>,
        keys: &DemoKeys,
        around: &operators::Surroundings<'_>,
        progress: Progress<'_>,
    ) -> Result<Self, DevnetError> {
        if let Some(operators) = &options.foreign_operators {
            return Ok(Self {
                nodes: Vec::new(),
                stage: None,
                operators: operators.clone(),
            });
        }
        progress(&format!("starting {} operators", options.operators));
        if let (Some(stage), Some(proxy)) = (&options.stage, proxy) {
            let (stage, operators) = Stage::start(stage, proxy, keys, around).await?;
            return Ok(Self {
                nodes: Vec::new(),
                stage: Some(Arc::new(stage)),
                operators,
            });
        }
        let (nodes, operators) = operators::start(keys, around).await?;
        Ok(Self {
            nodes,
            stage: None,
            operators,
        })
    }
}

/// The chain and its contracts, with the operators registered and the oracle's account in office.
fn devnet_options(options: &DemoOptions, keys: &DemoKeys, oracle_key: B256) -> DevnetOptions {
    let own = keys.operators.iter().map(|key| key.public().to_registry_text());
    let registered: Vec<String> = match &options.foreign_operators {
        Some(operators) => operators
            .iter()
            .map(|operator| operator.public_key.to_string())
            .collect(),
        None => own.collect(),
    };
    DevnetOptions {
        mining: match options.block_time {
            0 => Mining::Instant,
            seconds => Mining::EverySeconds(seconds),
        },
        slots_in_an_epoch: options.slots_in_an_epoch,
        manager: options.manager,
        cluster_layout: options.cluster_layout,
        stores_reshare: options.stores_reshare,
        operators: registered,
        states: options.stage.is_some().then_some(STATES),
        oracle_key: Some(oracle_key),
        ..DevnetOptions::default()
    }
}

/// A fresh mnemonic and the key of its first account. For this network only.
fn oracle_account() -> Result<(String, B256), DevnetError> {
    let words = Mnemonic::<English>::new(&mut OsRng).to_phrase();
    let signer = MnemonicBuilder::from_phrase_nth(&words, 0);
    Ok((words, signer.to_bytes()))
}

pub(super) fn failed_part(what: &'static str, error: &dyn std::fmt::Display) -> DevnetError {
    DevnetError::Part {
        what,
        reason: SafeText::new(&error.to_string()),
    }
}
