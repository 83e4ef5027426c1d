//! Flags of the commands that talk to a running engine.

use std::path::PathBuf;

use casimir_dkg::types::{ActionId, CaseId};
use clap::Args;

/// Where the engine is.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SeatArgs {
    /// The engine's socket, instead of the one that the configuration leads to
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// `console`: the engine's flags, and where another one may run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConsoleArgs {
    #[command(flatten)]
    pub oracle: super::OracleArgs,
    #[command(flatten)]
    pub seat: SeatArgs,
    /// Start an engine in this process, even where a service is installed for it
    #[arg(long)]
    pub start: bool,
}

/// `show`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShowArgs {
    /// Which action, e.g. deposit/3#2
    #[arg(value_name = "ACTION")]
    pub action: ActionId,
    #[command(flatten)]
    pub seat: SeatArgs,
}

/// `approve`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  casimir-dkg show deposit/3#1\n  casimir-dkg approve deposit/3#1 --digest 0x5f0c93d1a2b4"
)]
pub(crate) struct ApproveArgs {
    /// Which action, e.g. deposit/3#2
    #[arg(value_name = "ACTION")]
    pub action: ActionId,
    /// The digest of what was shown: whole, or its first 10 digits or more
    #[arg(long, value_name = "DIGEST")]
    pub digest: String,
    /// What the action's page asks to be typed, for what nobody can undo
    #[arg(long, value_name = "TEXT")]
    pub phrase: Option<String>,
    #[command(flatten)]
    pub seat: SeatArgs,
}

/// `reject`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RejectArgs {
    /// Which action, e.g. deposit/3#2
    #[arg(value_name = "ACTION")]
    pub action: ActionId,
    /// The digest of what was shown: whole, or its first 10 digits or more
    #[arg(long, value_name = "DIGEST")]
    pub digest: String,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub seat: SeatArgs,
}

/// `retry`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RetryArgs {
    /// Which case, e.g. deposit/3
    #[arg(value_name = "CASE")]
    pub case: CaseId,
    #[command(flatten)]
    pub seat: SeatArgs,
}

/// `pause` and `resume`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScopeArgs {
    /// Only this case, e.g. deposit/3; without it everything
    #[arg(value_name = "CASE")]
    pub case: Option<CaseId>,
    #[command(flatten)]
    pub seat: SeatArgs,
}
