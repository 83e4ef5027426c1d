//! One file for each command.

mod completions;
mod config;
mod console;
mod demo;
mod doctor;
mod headless;
mod journal;
mod keystore;
mod messenger;
mod operator;
mod oracle;
#[cfg(unix)]
mod seat;
mod transcript;

use anyhow::Context;

#[cfg(unix)]
use crate::args::ConsoleArgs;
use crate::args::{Cli, Command};
use crate::exit::Outcome;

/// Runs what the command line asks for.
///
/// # Errors
/// What went wrong; [`crate::exit::report`] chooses the exit code.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let options = cli.load_options();
    let json = cli.global.json;
    match cli.command {
        Some(Command::Config(command)) => config::run(&command, &options, json),
        Some(Command::Completions { shell }) => Ok(completions::run(shell)),
        Some(Command::Keystore(command)) => keystore::run(&command, json),
        Some(Command::Journal(command)) => journal::run(&command, &options, json),
        Some(Command::Doctor(_)) => doctor::run(&options, json),
        Some(Command::Operator(_)) => operator::run(&options, json),
        Some(Command::Transcript(command)) => transcript::run(&command, json),
        Some(Command::Headless(_)) => headless::run(&options, json),
        Some(Command::Demo(args)) => demo::run(&args, &options, json),
        Some(Command::Messenger(_)) => messenger::run(&options, json),
        #[cfg(unix)]
        None => console::run(&options, &ConsoleArgs::default()),
        #[cfg(unix)]
        Some(Command::Console(args)) => console::run(&options, &args),
        #[cfg(not(unix))]
        None | Some(Command::Console(_)) => console::run(&options),
        #[cfg(unix)]
        Some(Command::Status(args)) => seat::status(&args, &options, json),
        #[cfg(unix)]
        Some(Command::Waiting(args)) => seat::waiting(&args, &options, json),
        #[cfg(unix)]
        Some(Command::Show(args)) => seat::show(&args, &options, json),
        #[cfg(unix)]
        Some(Command::Approve(args)) => seat::approve(&args, &options, json),
        #[cfg(unix)]
        Some(Command::Reject(args)) => seat::reject(&args, &options, json),
        #[cfg(unix)]
        Some(Command::Retry(args)) => seat::retry(&args, &options, json),
        #[cfg(unix)]
        Some(Command::Pause(args)) => seat::pause(&args, &options, json),
        #[cfg(unix)]
        Some(Command::Resume(args)) => seat::resume(&args, &options, json),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
