//! Flags of the commands that talk to a running engine.

use std::path::PathBuf;

use alloy::primitives::Address;
use casimir_dkg::types::{ActionId, CaseId};
use casimir_dkg::view::{Mode, Scope};
use clap::{Args, Subcommand, ValueEnum};

/// Where the engine is.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SeatArgs {
    /// The engine's socket, instead of the one that the configuration leads to
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// What a shell asks of a running engine.
#[derive(Debug, Subcommand)]
pub(crate) enum SeatCommand {
    /// What a running engine does, and what holds it up
    Status(SeatArgs),
    /// What waits for a decision at a running engine
    #[command(after_help = "With --json: one action on a line, and no line at all where nothing waits.")]
    Waiting(SeatArgs),
    /// One action of a running engine: everything that an approval binds
    Show(ShowActionArgs),
    /// Let an action pass
    Approve(ApproveArgs),
    /// Stop an action
    Reject(RejectArgs),
    /// Take an approval back while nothing of it has left
    Undo(UndoArgs),
    /// Take a case up again that was rejected, failed or refused
    Retry(RetryArgs),
    /// Let nothing leave any more, of one case or at all
    Pause(ScopeArgs),
    /// End a pause
    Resume(ResumeArgs),
    /// Say who decides, or have somebody else decide from now on: observe, supervised or auto
    Mode(ModeArgs),
    /// Take over an account with a past that the engine's journal does not know
    Adopt(AdoptArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ShowActionArgs {
    /// Which action, e.g. deposit/3#2
    #[arg(value_name = "ACTION")]
    pub action: ActionId,
    /// Write it to a file, for somebody who signs it on another machine
    #[arg(long, value_name = "FILE", value_parser = super::written_file())]
    pub export: Option<PathBuf>,
    /// Print call data and long arguments whole
    #[arg(long)]
    pub raw: bool,
    #[command(flatten)]
    pub seat: SeatArgs,
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  casimir-dkg show deposit/3#1\n  casimir-dkg approve deposit/3#1 --digest 0x5f0c93d1a2b4"
)]
pub(crate) struct ApproveArgs {
    /// Which action, e.g. deposit/3#2
    #[arg(value_name = "ACTION")]
    pub action: ActionId,
    /// The digest of what was shown: whole, its first 11 digits or more, or the four words of its code
    #[arg(long, value_name = "DIGEST", required_unless_present = "signature")]
    pub digest: Option<String>,
    /// What somebody signed on another machine with a key of their own; it counts for that person, whoever brings it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["digest", "phrase"])]
    pub signature: Option<PathBuf>,
    /// What the action's page asks to be typed, for what nobody can undo
    #[arg(long, value_name = "TEXT")]
    pub phrase: Option<String>,
    #[command(flatten)]
    pub seat: SeatArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RejectArgs {
    /// Which action, e.g. deposit/3#2
    #[arg(value_name = "ACTION")]
    pub action: ActionId,
    /// The digest of what was shown: whole, its first 11 digits or more, or the four words of its code
    #[arg(long, value_name = "DIGEST")]
    pub digest: String,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub seat: SeatArgs,
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "`casimir-dkg status` names what can still be undone. How long an approval waits: [[policy.undo]].\n\nExample:\n  casimir-dkg undo deposit/3#2"
)]
pub(crate) struct UndoArgs {
    /// Which action, e.g. deposit/3#2
    #[arg(value_name = "ACTION")]
    pub action: ActionId,
    #[command(flatten)]
    pub seat: SeatArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RetryArgs {
    /// Which case, e.g. deposit/3
    #[arg(value_name = "CASE")]
    pub case: CaseId,
    #[command(flatten)]
    pub seat: SeatArgs,
}

/// Who shall decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// Nobody: everything is watched and nothing is done
    Observe,
    /// A person decides every action
    Supervised,
    /// The policy's rules decide, and what none covers waits for a person
    Auto,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Observe => Self::Observe,
            ModeArg::Supervised => Self::Supervised,
            ModeArg::Auto => Self::Auto,
        }
    }
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "supervised and observe hold at once and over restarts, until somebody switches back. auto says first what the \
                  rules would decide at once, asks for a typed word, and ends with the engine unless it is started with \
                  --auto-approve.\n\nExample:\n  casimir-dkg mode\n  casimir-dkg mode supervised"
)]
pub(crate) struct ModeArgs {
    /// From now on; without it the present mode is told
    #[arg(value_name = "MODE")]
    pub mode: Option<ModeArg>,
    /// Do not ask for the word that auto demands
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub seat: SeatArgs,
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "An engine whose journal is new holds everything back while its account has sent transactions before: another \
                  oracle may work for that account. Stop that one for good, or use its journal, before you adopt the account."
)]
pub(crate) struct AdoptArgs {
    /// The account, as `casimir-dkg status` names it
    #[arg(value_name = "ADDRESS")]
    pub account: Address,
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

#[derive(Debug, Clone, Args)]
pub(crate) struct ResumeArgs {
    /// What the engine says of a pause of its own was read: end that as well
    #[arg(long)]
    pub read: bool,
    #[command(flatten)]
    pub of: ScopeArgs,
}

impl ScopeArgs {
    /// What is paused, or goes on.
    pub(crate) fn scope(&self) -> Scope {
        self.case.map_or(Scope::All, Scope::Case)
    }
}
