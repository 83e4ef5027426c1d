//! One running Lodestar: beacon node and validators in one process.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{GENESIS_VALIDATORS, LodestarError, LodestarPackage, VERSION};
use crate::beacon::client::{Beacon, BeaconConfig, Spec};
use crate::devnet::anvil::Progress;
use crate::devnet::beacon::BeaconSpec;
use crate::devnet::child::{Supervised, supervised};
use crate::types::{RedactedUrl, Root, SafeText};

const LAUNCHER: &str = include_str!("npm/launcher.mjs");
/// From start to genesis. The program needs most of it to load.
const GENESIS_DELAY: Duration = Duration::from_secs(6);
/// A machine that compiles something else is slow.
const START_DEADLINE: Duration = Duration::from_secs(150);
const READY_POLL: Duration = Duration::from_millis(250);
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// Attempts with another port, where someone took the one that was free a moment ago.
const PORTS: usize = 3;

/// How to start Lodestar.
#[derive(Debug, Clone)]
pub struct LodestarOptions {
    /// JSON-RPC of the execution node whose deposit contract it follows.
    pub execution: String,
    /// Seconds between blocks there, at least 1.
    pub block_time: u64,
    /// Constants of the chain. Its fork versions must be those of the minimal preset.
    pub spec: BeaconSpec,
    /// Where it keeps its chain. It should be empty.
    pub folder: PathBuf,
}

/// A running Lodestar on a loopback port. It ends with this value, and with this process: on SIGTERM it would hang for
/// minutes, so it is killed.
#[derive(Debug)]
pub struct Lodestar {
    child: Supervised,
    port: u16,
    genesis_validators_root: Root,
}

impl Lodestar {
    /// Starts it and waits for the first block.
    ///
    /// # Errors
    /// It does not start in time (its last lines are in the error), or its chain has other constants.
    pub async fn start(
        package: &LodestarPackage,
        options: &LodestarOptions,
        progress: Progress<'_>,
    ) -> Result<Self, LodestarError> {
        std::fs::create_dir_all(&options.folder).map_err(|error| start_failed(&error))?;
        let launcher = options.folder.join("launcher.mjs");
        std::fs::write(&launcher, LAUNCHER).map_err(|error| start_failed(&error))?;
        let mut attempt = 1;
        loop {
            progress(&format!("starting Lodestar {VERSION}"));
            let port = free_port().map_err(|error| start_failed(&error))?;
            let command = command(package, options, &launcher, port)?;
            let child = Supervised::start(
                command,
                |line| tracing::trace!(target: "devnet::lodestar", "{}", SafeText::new(line)),
            )
            .map_err(|error| start_failed(&format!("sh: {error}")))?;
            let started = ready(&child, port, &options.spec, progress).await;
            match started {
                Ok(genesis_validators_root) => {
                    return Ok(Self {
                        child,
                        port,
                        genesis_validators_root,
                    });
                }
                Err(error) if attempt < PORTS && error.to_string().contains("EADDRINUSE") => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Base URL of its Beacon API.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Part of the domain of exits.
    #[must_use]
    pub fn genesis_validators_root(&self) -> Root {
        self.genesis_validators_root
    }

    /// Why it is gone, if it is.
    pub fn exited(&self) -> Option<SafeText> {
        self.child.exited()
    }
}

fn start_failed(error: &dyn std::fmt::Display) -> LodestarError {
    LodestarError::Start {
        reason: SafeText::new(&error.to_string()),
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// A port that is free now. Lodestar's own validators must be told it, so it cannot choose one itself.
fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn command(
    package: &LodestarPackage,
    options: &LodestarOptions,
    launcher: &Path,
    port: u16,
) -> Result<Command, LodestarError> {
    let spec = &options.spec;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let genesis = (now + GENESIS_DELAY).as_secs();
    // the preset's constants; the others are options
    let preset = json!({
        "SLOTS_PER_EPOCH": spec.slots_per_epoch,
        "MAX_SEED_LOOKAHEAD": spec.max_seed_lookahead,
        "EPOCHS_PER_ETH1_VOTING_PERIOD": 1,
    });
    let mut command = supervised(&package.node);
    command
        .arg(launcher)
        .args(["dev", "--network", "dev", "--dataDir", "data"])
        .args(["--genesisValidators", &GENESIS_VALIDATORS.to_string()])
        .args(["--startValidators", &format!("0..{}", GENESIS_VALIDATORS - 1)])
        .args(["--genesisTime", &genesis.to_string()])
        .arg("--execution.engineMock")
        .args(["--eth1", "true", "--eth1.providerUrls", &options.execution])
        .args(["--eth1.depositContractDeployBlock", "0"])
        .args(["--rest", "--rest.address", "127.0.0.1"])
        .args(["--rest.port", &port.to_string()])
        .args(["--server", &url(port)])
        .args(["--listenAddress", "127.0.0.1", "--port", "0"])
        .args(["--discv5", "false", "--targetPeers", "0"])
        .args(["--logLevel", "info", "--logFile", "none"]);
    let contract = spec.deposit_contract.to_string();
    let params: [(&str, &dyn std::fmt::Display); 13] = [
        ("ALTAIR_FORK_EPOCH", &0),
        ("BELLATRIX_FORK_EPOCH", &0),
        ("CAPELLA_FORK_EPOCH", &0),
        ("TERMINAL_TOTAL_DIFFICULTY", &0),
        ("DEPOSIT_CHAIN_ID", &spec.deposit_chain_id),
        ("DEPOSIT_NETWORK_ID", &spec.deposit_chain_id),
        ("DEPOSIT_CONTRACT_ADDRESS", &contract),
        ("ETH1_FOLLOW_DISTANCE", &spec.follow_distance),
        ("SECONDS_PER_ETH1_BLOCK", &options.block_time),
        ("SECONDS_PER_SLOT", &spec.slot_duration.as_secs()),
        ("SHARD_COMMITTEE_PERIOD", &spec.shard_committee_period),
        ("MIN_PER_EPOCH_CHURN_LIMIT", &spec.churn_limit),
        (
            "MIN_VALIDATOR_WITHDRAWABILITY_DELAY",
            &spec.min_validator_withdrawability_delay,
        ),
    ];
    for (name, value) in params {
        command.arg(format!("--params.{name}")).arg(value.to_string());
    }
    for (name, _) in std::env::vars_os() {
        // it would take each of them for an option
        if name.to_string_lossy().starts_with("LODESTAR_") {
            command.env_remove(name);
        }
    }
    command
        .env("CASIMIR_NODE_MODULES", &package.modules)
        .env("CASIMIR_PRESET", preset.to_string())
        // a package of its keystores would want native code otherwise
        .env("NODE_BACKEND", "js")
        .env("NODE_NO_WARNINGS", "1")
        .env_remove("NODE_OPTIONS")
        // it writes its genesis state to where it runs
        .current_dir(&options.folder);
    Ok(command)
}

/// Waits for the first block, and compares the chain with what was asked for.
async fn ready(
    child: &Supervised,
    port: u16,
    wanted: &BeaconSpec,
    progress: Progress<'_>,
) -> Result<Root, LodestarError> {
    let beacon = Beacon::new(BeaconConfig {
        recheck: Duration::ZERO,
        ..BeaconConfig::new(vec![RedactedUrl::new(url(port))], None)
    })
    .map_err(|error| start_failed(&error))?;
    let started = Instant::now();
    let mut reported = started;
    let mut root = None;
    loop {
        if let Some(reason) = child.exited() {
            return Err(start_failed(&format!("it ended: {reason}")));
        }
        let has_block = beacon.check().await.iter().any(|n| n.head_slot >= Some(1));
        if root.is_none()
            && let (Ok(spec), Ok(genesis)) = tokio::join!(beacon.spec(), beacon.genesis())
        {
            compare(&spec, wanted)?;
            root = Some(genesis.genesis_validators_root);
        }
        if has_block && let Some(root) = root {
            return Ok(root);
        }
        if started.elapsed() > START_DEADLINE {
            return Err(start_failed(&format!(
                "no block within {} s: {}",
                START_DEADLINE.as_secs(),
                child.last_lines()
            )));
        }
        if reported.elapsed() > REPORT_EVERY {
            reported = Instant::now();
            progress(&format!(
                "waiting for Lodestar's first block ({} s)",
                started.elapsed().as_secs()
            ));
        }
        tokio::time::sleep(READY_POLL).await;
    }
}

/// What the oracle and the operators are told of the chain must be what the node says of it.
fn compare(spec: &Spec, wanted: &BeaconSpec) -> Result<(), LodestarError> {
    let differs = |reason: String| LodestarError::Chain {
        reason: SafeText::new(&reason),
    };
    let numbers = [
        ("SECONDS_PER_SLOT", wanted.slot_duration.as_secs()),
        ("SLOTS_PER_EPOCH", wanted.slots_per_epoch),
        ("SHARD_COMMITTEE_PERIOD", wanted.shard_committee_period),
        ("MAX_SEED_LOOKAHEAD", wanted.max_seed_lookahead),
        (
            "MIN_VALIDATOR_WITHDRAWABILITY_DELAY",
            wanted.min_validator_withdrawability_delay,
        ),
        ("MIN_PER_EPOCH_CHURN_LIMIT", wanted.churn_limit),
        ("ETH1_FOLLOW_DISTANCE", wanted.follow_distance),
        ("DEPOSIT_CHAIN_ID", wanted.deposit_chain_id),
    ];
    for (name, wanted) in numbers {
        let found = spec.number(name).map_err(|error| differs(error.to_string()))?;
        if found != wanted {
            return Err(differs(format!("{name} is {found}, not {wanted}")));
        }
    }
    let versions = [
        ("GENESIS_FORK_VERSION", wanted.genesis_fork_version),
        ("CAPELLA_FORK_VERSION", wanted.capella_fork_version),
    ];
    for (name, wanted) in versions {
        let found = spec.version(name).map_err(|error| differs(error.to_string()))?;
        if found != wanted {
            return Err(differs(format!("{name} is {found}, not {wanted}")));
        }
    }
    let contract = spec.text("DEPOSIT_CONTRACT_ADDRESS").unwrap_or_default();
    if contract.eq_ignore_ascii_case(&wanted.deposit_contract.to_string()) {
        Ok(())
    } else {
        Err(differs(format!(
            "the deposit contract is {contract}, not {}",
            wanted.deposit_contract
        )))
    }
}
