//! Flags of `person`, `sign` and `explain`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::NewArgs;

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PersonCommand {
    /// Make a key of one's own, for decisions that are signed on another machine
    ///
    /// The key is written encrypted; its public half is printed, for [[person]] in the engine's configuration.
    New(NewArgs),
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  casimir-dkg show deposit/3#2 --export action.json            (where the engine runs)\n  casimir-dkg sign \
                  action.json --key ada.key                    (elsewhere)\n  casimir-dkg approve deposit/3#2 --signature \
                  action.signature.json"
)]
pub(crate) struct SignArgs {
    /// What `show ACTION --export` wrote
    #[arg(value_name = "EXPORT")]
    pub export: PathBuf,
    /// The key, as `person new` wrote it
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// File with the key's password; without it the password is asked for
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Where the signature is written; without it beside the export
    #[arg(long, value_name = "FILE", value_parser = super::written_file())]
    pub out: Option<PathBuf>,
    /// For so long the signature is good, a week at most
    #[arg(long, value_name = "HOURS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=167))]
    pub hours: u64,
    /// What the action's page asks to be typed, for what nobody can undo
    #[arg(long, value_name = "TEXT")]
    pub phrase: Option<String>,
    /// Print call data and long arguments whole
    #[arg(long)]
    pub raw: bool,
    /// Do not ask whether to sign what was printed
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The digest is computed here from what the file says would leave, so the four words of its code are those that the \
                  engine's screen shows, or something was changed on the way.\n\nExample:\n  casimir-dkg show deposit/3#2 --export \
                  action.json            (where the engine runs)\n  casimir-dkg explain action.json                              \
                  (elsewhere)"
)]
pub(crate) struct ExplainArgs {
    /// What `show ACTION --export` wrote
    #[arg(value_name = "FILE")]
    pub export: PathBuf,
    /// Print call data and long arguments whole
    #[arg(long)]
    pub raw: bool,
}
