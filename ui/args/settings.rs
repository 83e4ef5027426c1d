//! Flags of `config`.

use std::path::PathBuf;

use clap::Subcommand;

use super::OracleArgs;

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the effective configuration and where each value comes from, without secrets
    Show(Box<OracleArgs>),
    /// Print the directories and files that are used
    Path,
    /// Write the annotated sample; never over an existing file
    Init {
        /// Where to; without it the usual place
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Write it to stdout instead
        #[arg(long, conflicts_with = "file")]
        stdout: bool,
    },
}
