//! Flags of `notify`.

use clap::Subcommand;

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send a test notice to everybody in [[notices.to]], and say what came of it
    Test {
        /// Only to the receiver of this name
        #[arg(value_name = "NAME")]
        to: Option<String>,
    },
}
