//! Flags of `journal` and `transcript`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// Form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON object on a line
    Jsonl,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum JournalCommand {
    /// Print records, oldest first
    Show {
        /// The journal's database, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
        /// Only records of this case, e.g. deposit/3
        #[arg(long, value_name = "CASE")]
        case: Option<String>,
        /// Only the last so many
        #[arg(long, value_name = "N")]
        last: Option<usize>,
    },
    /// Check the hash chain from the first record to the last
    Verify {
        /// The journal's database, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
        /// Head hash written down elsewhere: proves that the file was not rolled back
        #[arg(long, value_name = "HASH")]
        contains: Option<String>,
    },
    /// Print all records with their hashes, for another machine to verify
    Export {
        /// The journal's database, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
        /// Form
        #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
        format: ExportFormat,
    },
    /// Write a copy that is a whole journal, also while an oracle runs
    Backup {
        /// The copy; a file that is there is never replaced
        #[arg(value_name = "FILE")]
        to: PathBuf,
        /// The journal's database, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TranscriptCommand {
    /// Check a ceremony again from its transcript, with no network
    Verify {
        /// The transcript
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
