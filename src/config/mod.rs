//! Configuration: flags over environment over file over network preset over defaults.
//!
//! Every key is one row of the `schema`; files, variables, flags, `config show` and the sample are checked against it.
//! A file that says something this program does not understand stops it: each error names the file, the line, the key
//! and the nearest valid key, and all errors are reported together.

mod changed;
mod dirs;
mod environment;
mod error;
mod file;
mod layer;
mod mistake;
mod narrow;
mod preset;
mod raw;
mod reader;
mod rules;
mod schema;
mod section;
mod show;
mod value;
mod voices;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use dirs::Directories;
pub use environment::{ENV_PREFIX, env_name, process_environment};
pub use error::{ConfigError, ConfigErrors, Place};
pub use layer::{Flag, Layers, Origin};
pub use preset::{NetworkName, NetworkPreset, presets};
pub use rules::RulesFile;
pub use schema::{Key, Secrecy, all_keys, list_keys};
pub use section::*;
pub use show::{ShownValue, render};

use alloy::primitives::Address;

use crate::http::HttpOptions;

/// The annotated sample: every key with its meaning and default, all commented out.
pub const SAMPLE: &str = include_str!("../../config/casimir-dkg.toml");

/// Name of the configuration file in the configuration directory.
pub const FILE_NAME: &str = "config.toml";

/// Whether the start-up flag that auto mode needs was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoApprove {
    /// `--auto-approve` was given.
    Given,
    /// It was not: `policy.mode = "auto"` is an error.
    #[default]
    Absent,
}

/// Where the configuration comes from. Nothing else is read: tests give an environment of their own.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// `--config`: must exist when given.
    pub file: Option<PathBuf>,
    /// Flags, in the order given.
    pub flags: Vec<Flag>,
    /// Environment variables; only those that begin with [`ENV_PREFIX`] are looked at.
    pub environment: BTreeMap<String, String>,
    /// Whether auto mode may be entered.
    pub auto_approve: AutoApprove,
    /// Key, name of the foreign variable, value: beneath the file, for programs whose environment is taken over.
    pub fallbacks: Vec<(&'static str, &'static str, String)>,
}

/// Everything the oracle needs, resolved and validated.
#[derive(Debug, Clone)]
pub struct Config {
    /// Chain id, fork versions, contract addresses of the network.
    pub network: NetworkConfig,
    pub rpc: RpcConfig,
    /// The pool manager contract.
    pub contract: ContractConfig,
    pub signer: SignerConfig,
    /// How ceremonies run.
    pub dkg: DkgConfig,
    /// Whom a messenger within the process lets in; where it listens is said in [`DkgConfig`].
    pub messenger: MessengerConfig,
    /// Operators by id, from the file and from the operators file.
    pub operators: OperatorsConfig,
    /// Which committee serves a deposit.
    pub selection: SelectionConfig,
    /// Who decides.
    pub policy: PolicyConfig,
    /// What transactions may cost.
    pub fees: FeesConfig,
    pub beacon: BeaconConfig,
    /// How all of them are reached over HTTP.
    pub http: HttpOptions,
    /// Where the journal is.
    pub journal: JournalConfig,
    /// Where other processes sit down.
    pub attach: AttachConfig,
    /// Who is told, wherever nobody watches.
    pub notices: NoticesConfig,
    /// Where the engine is asked how it is.
    pub metrics: MetricsListen,
    pub ui: UiConfig,
    pub log: LogConfig,
    /// Configuration, state and cache directories.
    pub directories: Directories,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// The files that the rules stand in.
    pub rules: Vec<RulesFile>,
    /// What is wrong with owner and mode of the files that were read, each with the command that mends it; and behind that
    /// what can be meant and rather is not.
    pub worries: Vec<String>,
}

/// What the `messenger` command needs.
pub type MessengerRole = (
    MessengerConfig,
    OperatorsConfig,
    HttpOptions,
    MetricsListen,
    LogConfig,
);

/// What the `operator` command needs.
pub type NodeRole = (NodeConfig, OperatorsConfig, HttpOptions, MetricsListen, LogConfig);

/// Which engine a seat is for, and where it may listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatConfig {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The pool manager contract.
    pub manager: Address,
    /// The engine's journal: its directory is one place where it listens.
    pub journal: JournalConfig,
    /// Where it listens, where that is said.
    pub attach: AttachConfig,
}

impl Config {
    /// What a seat of this engine needs.
    #[must_use]
    pub fn seat(&self) -> SeatConfig {
        SeatConfig {
            chain_id: self.network.chain_id,
            manager: self.contract.address,
            journal: self.journal.clone(),
            attach: self.attach.clone(),
        }
    }
}

impl Layers {
    /// Everything the oracle (`console`, `headless`) needs.
    ///
    /// # Errors
    /// Every bad or missing value.
    pub fn oracle(&self) -> Result<Config, ConfigErrors> {
        self.oracle_by(reader::Reader::new(self))
    }

    /// The same, as far as it can be read where [`Layers::told`] has told what is wrong with the form: what stands in a file
    /// that cannot be read is left out.
    ///
    /// # Errors
    /// Every bad or missing value.
    pub fn oracle_after_mistakes(&self) -> Result<Config, ConfigErrors> {
        self.oracle_by(reader::Reader::after_mistakes(self))
    }

    fn oracle_by(&self, mut r: reader::Reader<'_>) -> Result<Config, ConfigErrors> {
        let network = section::network::read(&mut r);
        let rpc = section::rpc::read(&mut r);
        let contract = section::contract::read(&mut r, network.as_ref());
        let policy = section::policy::read(&mut r, network.as_ref().map(|network| network.name));
        let signer = section::signer::read(&mut r, network.as_ref(), policy.as_ref());
        let operators = section::operators::read(&mut r);
        let dkg = section::dkg::read(&mut r);
        let selection = section::selection::read(&mut r, operators.as_ref(), dkg.as_ref());
        let fees = section::fees::read(&mut r);
        if let (Some(policy), Some(fees)) = (&policy, &fees) {
            section::policy::judge_fees(&mut r, &policy.rules, fees.max_fee_wei);
        }
        let beacon = section::beacon::read(&mut r);
        let http = section::http::read(&mut r);
        let journal = section::journal::read(&mut r, network.as_ref().map(|network| network.name));
        let attach = section::attach::read(&mut r);
        if let (Some(policy), Some(attach)) = (&policy, &attach) {
            section::person::judge_second(&mut r, policy, attach);
        }
        let notices = section::notices::read(&mut r);
        let metrics = section::metrics::read(&mut r);
        let ui = section::ui::read(&mut r);
        let log = section::log::read(&mut r);
        // the roles' own sections are not needed, but a mistake in them is still a mistake
        let messenger = section::messenger::read(&mut r);
        section::node::check(&mut r);
        let worries = [self.worries().to_vec(), r.take_worries()].concat();
        let parts = (|| {
            Some(Config {
                network: network?,
                rpc: rpc?,
                contract: contract?,
                signer: signer?,
                dkg: dkg?,
                messenger: messenger?,
                operators: operators?,
                selection: selection?,
                policy: policy?,
                fees: fees?,
                beacon: beacon?,
                http: http?,
                journal: journal?,
                attach: attach?,
                notices: notices?,
                metrics: metrics?,
                ui: ui?,
                log: log?,
                directories: self.directories().clone(),
                file: self.file().map(Path::to_owned),
                rules: self.rules().to_vec(),
                worries,
            })
        })();
        r.finish(parts)
    }

    /// What the `messenger` command needs.
    ///
    /// # Errors
    /// Every bad or missing value of `[messenger]`, the operators, `[http]`, `[metrics]` and `[log]`.
    pub fn messenger(&self) -> Result<MessengerRole, ConfigErrors> {
        let mut r = reader::Reader::new(self);
        let messenger = section::messenger::read(&mut r);
        let operators = section::operators::read(&mut r);
        let http = section::http::read(&mut r);
        let metrics = section::metrics::read(&mut r);
        let log = section::log::read(&mut r);
        r.finish((|| Some((messenger?, operators?, http?, metrics?, log?)))())
    }

    /// What `[messenger]` can mean and is worth a word.
    #[must_use]
    pub fn messenger_worries(&self) -> Vec<String> {
        let mut r = reader::Reader::new(self);
        // mistakes are told by whoever reads it for its values
        let _ = section::messenger::read(&mut r);
        r.take_worries()
    }

    /// The same of `[node]`.
    #[must_use]
    pub fn node_worries(&self) -> Vec<String> {
        let mut r = reader::Reader::new(self);
        section::node::check(&mut r);
        r.take_worries()
    }

    /// Who the operators are.
    ///
    /// # Errors
    /// Every bad or missing value of the operators.
    pub fn operators(&self) -> Result<OperatorsConfig, ConfigErrors> {
        let mut r = reader::Reader::new(self);
        let operators = section::operators::read(&mut r);
        r.finish(operators)
    }

    /// What the `operator` command needs.
    ///
    /// # Errors
    /// Every bad or missing value of `[node]`, the operators, `[http]`, `[metrics]` and `[log]`.
    pub fn node(&self) -> Result<NodeRole, ConfigErrors> {
        let mut r = reader::Reader::new(self);
        let node = section::node::read(&mut r);
        let operators = section::operators::read(&mut r);
        let http = section::http::read(&mut r);
        let metrics = section::metrics::read(&mut r);
        let log = section::log::read(&mut r);
        r.finish((|| Some((node?, operators?, http?, metrics?, log?)))())
    }

    /// The directory in which a node keeps its shares: what looking at them needs.
    ///
    /// # Errors
    /// It is bad, or neither it nor the operator's id is given.
    pub fn node_data(&self) -> Result<PathBuf, ConfigErrors> {
        let mut r = reader::Reader::new(self);
        let data = section::node::data_dir(&mut r);
        r.finish(data)
    }

    /// The same, and the key that opens them.
    ///
    /// # Errors
    /// Every bad or missing value of these.
    pub fn node_store(&self) -> Result<(PathBuf, NodeKey), ConfigErrors> {
        let mut r = reader::Reader::new(self);
        let data = section::node::data_dir(&mut r);
        let key = section::node::key(&mut r);
        r.finish((|| Some((data?, key?)))())
    }

    /// What commands need that ask a chain and serve nobody.
    ///
    /// # Errors
    /// Every bad value of `[network]` and `[http]`.
    pub fn chain(&self) -> Result<(NetworkConfig, HttpOptions), ConfigErrors> {
        let mut r = reader::Reader::new(self);
        let network = section::network::read(&mut r);
        let http = section::http::read(&mut r);
        r.finish(network.zip(http))
    }
}

/// Gathers all layers. Unknown keys, duplicate keys and syntax errors are found here, values by the readers above.
///
/// # Errors
/// Everything that is wrong with the form of the file, the environment or the flags.
pub fn gather(options: &LoadOptions) -> Result<Layers, ConfigErrors> {
    let layers = survey(options)?;
    match layers.told() {
        None => Ok(layers),
        Some(errors) => Err(errors),
    }
}

/// Gathers all layers for a command that uses a part of the configuration: each reader reports what is wrong with what it
/// reads, and a mistake elsewhere is told by [`Layers::told`].
///
/// # Errors
/// Nobody can say where the directories are.
pub fn survey(options: &LoadOptions) -> Result<Layers, ConfigErrors> {
    Layers::survey(options)
}

/// [`gather`] and [`Layers::oracle`] in one step.
///
/// # Errors
/// Everything that is wrong, together.
pub fn load(options: &LoadOptions) -> Result<Config, ConfigErrors> {
    gather(options)?.oracle()
}
