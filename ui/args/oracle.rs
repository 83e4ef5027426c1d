//! Flags of the commands that run or check the oracle.

use std::path::PathBuf;

use casimir_dkg::config::Flag;
use clap::Args;

use super::{given, path_text};

/// Each flag overrides one key of the configuration.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Oracle (each overrides the configuration)")]
pub(crate) struct OracleArgs {
    /// Execution layer endpoint; several with commas, the preferred one first
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// Address of the pool manager
    #[arg(long, value_name = "ADDRESS")]
    contract: Option<String>,
    /// Beacon node; several with commas
    #[arg(long, value_name = "URL")]
    beacon: Option<String>,
    /// Messenger to use instead of the one within the process
    #[arg(long, value_name = "URL")]
    messenger: Option<String>,
    /// File with [[operator]] tables
    #[arg(long, value_name = "FILE")]
    operators: Option<PathBuf>,
    /// Keystore of the oracle's account
    #[arg(long, value_name = "FILE")]
    keystore: Option<PathBuf>,
    /// File with the keystore's password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// File with [[rule]] tables
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The journal's database
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// observe (decide nothing) or supervised (a person decides); for auto see --auto-approve
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// Let the policy's rules decide; what no rule covers waits for a person
    #[arg(long, conflicts_with = "mode")]
    pub auto_approve: bool,
    /// default, dark, light, high-contrast, colour-blind, mono, or a file
    #[arg(long, value_name = "THEME")]
    theme: Option<String>,
}

/// Whose configuration `doctor` looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum DoctorRole {
    /// The oracle
    #[default]
    Oracle,
    /// A messenger by itself
    Messenger,
    /// An operator's node
    Operator,
}

/// `doctor`: the engine's flags, and whose configuration it is.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DoctorArgs {
    /// What the configuration is for
    #[arg(value_enum, default_value_t, value_name = "ROLE")]
    pub role: DoctorRole,
    /// Shares that an operator's store must hold: how many at least, or a manifest that names them
    #[arg(long, value_name = "NUMBER|FILE")]
    pub expect: Option<std::ffi::OsString>,
    #[command(flatten)]
    pub oracle: OracleArgs,
}

/// `console`: the engine's flags, and where another one may run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConsoleArgs {
    #[command(flatten)]
    pub oracle: OracleArgs,
    #[command(flatten)]
    pub seat: super::SeatArgs,
    /// Print and read lines instead of drawing a screen, as for a screen reader; done anyhow where TERM is dumb
    #[arg(long)]
    pub plain: bool,
    /// Start an engine in this process, even where a service is installed for it
    #[arg(long)]
    pub start: bool,
}

impl OracleArgs {
    /// The flags that were given, as configuration.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        given([
            ("rpc.urls", "--rpc", self.rpc.clone()),
            ("contract.address", "--contract", self.contract.clone()),
            ("beacon.urls", "--beacon", self.beacon.clone()),
            ("dkg.messenger_url", "--messenger", self.messenger.clone()),
            (
                "operators.file",
                "--operators",
                path_text(self.operators.as_ref()),
            ),
            ("signer.keystore", "--keystore", path_text(self.keystore.as_ref())),
            (
                "signer.password_file",
                "--password-file",
                path_text(self.password_file.as_ref()),
            ),
            ("policy.file", "--policy", path_text(self.policy.as_ref())),
            ("journal.path", "--journal", path_text(self.journal.as_ref())),
            ("policy.mode", "--mode", self.mode.clone()),
            (
                "policy.mode",
                "--auto-approve",
                self.auto_approve.then(|| "auto".to_owned()),
            ),
            ("ui.theme", "--theme", self.theme.clone()),
        ])
    }
}
