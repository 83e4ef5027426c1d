//! Flags of `journal`, `transcript` and `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// Check the hash chain from the first record to the last, and the checkpoint, as a start does
    Verify {
        /// The journal's database, a copy of it or an export, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
        /// Hash of a record that was written down elsewhere: nothing up to that record was changed
        #[arg(long, value_name = "HASH")]
        contains: Option<String>,
        /// Public half of the journal's own key, written down elsewhere: nothing that it signed was changed
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// The checkpoint of the original, where it does not stand beside the copy
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
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
        #[arg(value_name = "FILE", value_parser = super::written_file())]
        to: PathBuf,
        /// The journal's database, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
    },
    /// Put a backup or another copy in the journal's place
    ///
    /// It must have every record that was acknowledged. What was there is kept beside it. No oracle may run meanwhile.
    Restore {
        /// A backup, or another copy of this journal
        #[arg(value_name = "FILE")]
        from: PathBuf,
        /// The journal's database, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
        /// Go on with a copy that lacks records, and say in the journal why they are lost
        #[arg(long, value_name = "REASON")]
        declare_lost: Option<String>,
    },
    /// Give the journal another key of its own, which signs its checkpoints, and say in it why
    ///
    /// For a journal whose key file is lost, or may be known to others. No oracle may run meanwhile.
    NewKey {
        /// In your words
        #[arg(value_name = "REASON")]
        reason: String,
        /// The journal's database, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
    },
    /// Print which shares an operator must hold, as a manifest that `doctor operator --expect` takes
    ///
    /// By every ceremony that this journal has verified; a node that lost its whole directory cannot know.
    Shares {
        /// The operator's id
        #[arg(value_name = "OPERATOR")]
        operator: u64,
        /// The journal's database, a copy of it or an export, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
    },
    /// Go on with a journal whose last records are lost, and say in it why
    ///
    /// For a journal that its checkpoint refuses when no copy has the missing records. What was open at its end is told.
    DeclareLost {
        /// In your words
        #[arg(value_name = "REASON")]
        reason: String,
        /// The journal's database, instead of the configured one
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TranscriptCommand {
    /// Check a ceremony again from its transcript, with no network unless --ssv asks for one
    Verify {
        /// The transcript
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// File with [[operator]] tables, whose keys the transcript's are compared with
        #[arg(long, value_name = "FILE")]
        operators: Option<PathBuf>,
        /// Execution endpoint whose logs tell with which keys the operators registered at SSV; more than once: each is asked
        #[arg(long, value_name = "URL")]
        ssv: Vec<String>,
        /// First block whose logs are asked for, where an endpoint refuses to look at all of them
        #[arg(long, value_name = "BLOCK", default_value_t = 0, requires = "ssv")]
        ssv_from: u64,
    },
}

#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct AuditArgs {
    /// The case, e.g. deposit/3
    #[arg(value_name = "CASE", required = true)]
    pub case: Option<String>,
    /// The page to write; must not exist. Without it deposit-3.html, here
    #[arg(long, value_name = "FILE", value_parser = super::written_file())]
    pub out: Option<PathBuf>,
    /// The journal's database, instead of the configured one; transcripts are looked for beside it
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print a program in Python that verifies exports and transcripts, and knows nothing of this one
    Verifier,
}
