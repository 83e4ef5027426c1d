//! The command line.

mod demo;
mod examples;
mod journal;
mod keystore;
mod notify;
mod oracle;
mod person;
mod roles;
mod seat;
mod settings;

use clap::{Parser, Subcommand};

pub(crate) use demo::{DemoArgs, DemoBeacon, TourBy};
pub(crate) use examples::{command, parse};
pub(crate) use journal::{AuditArgs, AuditCommand, ExportFormat, JournalCommand, TranscriptCommand};
pub(crate) use keystore::{ImportArgs, KeystoreCommand, NewArgs, OperatorKeyArgs, PasswdArgs, ShowKeyArgs};
pub(crate) use notify::NotifyCommand;
pub(crate) use oracle::{ConsoleArgs, DoctorArgs, DoctorRole, OracleArgs};
pub(crate) use person::{ExplainArgs, PersonCommand, SignArgs};
pub(crate) use roles::{MessengerArgs, OperatorArgs, OperatorCommand, SharesCommand};
#[cfg(test)]
pub(crate) use seat::ScopeArgs;
pub(crate) use seat::{ApproveArgs, ModeArgs, ResumeArgs, SeatArgs, SeatCommand, ShowActionArgs};
pub(crate) use settings::ConfigCommand;

use casimir_dkg::config::{AutoApprove, Flag, LoadOptions, process_environment};
use clap::builder::{PathBufValueParser, TypedValueParser};
use std::path::PathBuf;

/// DKG oracle of the Casimir staking pools.
///
/// Watches the pool manager contract, runs key ceremonies with the operators, verifies every result, and lets a person
/// approve each step. Without a command the console opens; `demo` shows everything on a local network.
#[derive(Debug, Parser)]
#[command(name = "casimir-dkg", version, long_version = crate::version::long(), after_help = crate::exit::TABLE, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(flatten)]
    pub oracle: OracleArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A file that a command writes. Elsewhere `-` means standard output, where what is written here does not belong.
pub(crate) fn written_file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.to_str() {
        Some("-") => Err("this writes a file, and nothing to standard output; a file of this name is ./-"),
        _ => Ok(path),
    })
}

/// Flags that every command understands.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct GlobalArgs {
    /// Configuration file; see `config path` for the usual place
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// mainnet, hoodi, holesky, sepolia or devnet
    #[arg(long, global = true, value_name = "NAME")]
    pub network: Option<String>,
    /// Where journal and logs are kept
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// error, warn, info, debug, trace, or a filter like info,casimir_dkg::chain=debug
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Machine-readable output: one JSON object on a line
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The console: watch, approve, reject (default)
    ///
    /// Where an engine runs for this contract already, the console sits down at it, and leaving leaves the engine running;
    /// where none runs, one is started with it and ends with it.
    Console(ConsoleArgs),
    #[command(flatten)]
    Seat(SeatCommand),
    /// A complete local network, requests included, and the console on it
    Demo(DemoArgs),
    /// The same engine without a screen: one line for each step
    ///
    /// Everything waits for a decision unless the policy allows it and --auto-approve is given.
    Headless(OracleArgs),
    /// Run a RockX messenger
    Messenger(MessengerArgs),
    /// Run an operator's DKG node
    Operator(OperatorArgs),
    /// Check everything that is configured
    Doctor(DoctorArgs),
    /// Tell somebody elsewhere
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Make, import and look at keys
    #[command(subcommand)]
    Keystore(KeystoreCommand),
    /// Make a key of one's own
    #[command(subcommand)]
    Person(PersonCommand),
    /// Sign on another machine what a running engine asks, with a key of one's own
    Sign(SignArgs),
    /// Tell on another machine what an exported action is, with the code that two people compare
    Explain(ExplainArgs),
    /// Read, verify and keep the journal
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Read the transcript of a ceremony
    #[command(subcommand)]
    Transcript(TranscriptCommand),
    /// Write everything about a case as one page, for whoever audits it
    Audit(AuditArgs),
    /// Show, find or create the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the manual page, or write one for each command into a directory
    #[command(
        after_help = "Examples:\n  casimir-dkg man | man -l -\n  casimir-dkg man ~/.local/share/man/man1"
    )]
    Man {
        /// Where the pages are written, one file for each command
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Print the handbook, page by page
    ///
    /// Without a page it lists them. The name of an alarm prints what it means, what to look at, and what to press.
    Handbook {
        /// Which page, or which alarm
        #[arg(value_name = "PAGE")]
        page: Option<String>,
    },
    /// Print a completion script for your shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

impl Cli {
    /// Where the configuration comes from: this process' environment, and the flags before and after the command.
    pub(crate) fn load_options(&self) -> LoadOptions {
        let mut flags = Vec::new();
        let mut set = |key, flag, value: &Option<String>| {
            if let Some(value) = value {
                flags.push(Flag {
                    key,
                    flag,
                    value: value.clone(),
                });
            }
        };
        set("network.name", "--network", &self.global.network);
        set(
            "state.dir",
            "--state-dir",
            &path_text(self.global.state_dir.as_ref()),
        );
        set("log.level", "--log-level", &self.global.log_level);
        flags.extend(self.oracle.flags());
        // it decides nothing, and looks at what a start with the flag would find
        let mut auto = self.oracle.auto_approve || matches!(self.command, Some(Command::Doctor(_)));
        match &self.command {
            Some(Command::Console(ConsoleArgs { oracle: args, .. }) | Command::Headless(args)) => {
                flags.extend(args.flags());
                auto |= args.auto_approve;
            }
            Some(Command::Doctor(args)) => flags.extend(args.oracle.flags()),
            Some(Command::Config(ConfigCommand::Show(args))) => {
                flags.extend(args.flags());
                auto |= args.auto_approve;
            }
            Some(Command::Operator(args)) => flags.extend(args.flags()),
            Some(Command::Messenger(args)) => flags.extend(args.flags()),
            _ => {}
        }
        LoadOptions {
            file: self.global.config.clone(),
            flags,
            environment: process_environment(),
            fallbacks: Vec::new(),
            auto_approve: if auto {
                AutoApprove::Given
            } else {
                AutoApprove::Absent
            },
        }
    }
}

/// The flags that have a value, as configuration.
fn given<const N: usize>(flags: [(&'static str, &'static str, Option<String>); N]) -> Vec<Flag> {
    flags
        .into_iter()
        .filter_map(|(key, flag, value)| {
            Some(Flag {
                key,
                flag,
                value: value?,
            })
        })
        .collect()
}

fn path_text(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// `journal backup -` made a file of that name, and whoever read standard output had nothing.
    #[test]
    fn a_command_that_writes_a_file_takes_no_dash_for_one() {
        for line in [
            "journal backup -",
            "operator backup -",
            "keystore new -",
            "keystore import -",
            "keystore operator-key -",
            "person new -",
            "sign a.json --key a.key --out -",
            "audit deposit/3 --out -",
            "show deposit/3#2 --export -",
        ] {
            let words = |line: &str| -> Vec<String> {
                let words = line.split(' ').map(str::to_owned);
                std::iter::once("casimir-dkg".to_owned()).chain(words).collect()
            };
            let refused = Cli::try_parse_from(words(line)).unwrap_err().to_string();
            assert!(refused.contains("is ./-"), "{line}: {refused}");
            let there = line.strip_suffix('-').unwrap().to_owned() + "./-";
            assert!(Cli::try_parse_from(words(&there)).is_ok(), "{there}");
        }
    }

    #[test]
    fn flags_before_and_after_the_command_count() {
        let cli = Cli::parse_from([
            "casimir-dkg",
            "--rpc",
            "http://a.example",
            "--network",
            "hoodi",
            "headless",
            "--contract",
            "0x00000000219ab540356cBB839Cbe05303d7705Fa",
            "--auto-approve",
        ]);
        let options = cli.load_options();
        let keys: Vec<_> = options.flags.iter().map(|f| f.key).collect();
        assert_eq!(
            keys,
            ["network.name", "rpc.urls", "contract.address", "policy.mode"]
        );
        assert_eq!(options.auto_approve, AutoApprove::Given);
    }

    #[test]
    fn every_flag_of_the_schema_exists_on_some_command() {
        let command = Cli::command();
        let mut long = std::collections::BTreeSet::new();
        for c in std::iter::once(&command).chain(command.get_subcommands()) {
            long.extend(
                c.get_arguments()
                    .filter_map(|a| a.get_long())
                    .map(|l| format!("--{l}")),
            );
        }
        for key in casimir_dkg::config::all_keys() {
            if let Some(flag) = key.flag {
                assert!(long.contains(flag), "{} names {flag}", key.name);
            }
        }
    }
}
