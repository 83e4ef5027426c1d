//! One file for each command.

pub(crate) mod audit;
mod completions;
mod config;
mod console;
mod demo;
mod doctor;
mod explain;
mod export;
pub(crate) mod handbook;
mod headless;
mod journal;
mod keystore;
mod man;
mod messenger;
#[cfg(test)]
#[path = "../../tests/conformance/mutate.rs"]
mod mutate;
mod notify;
mod operator;
mod oracle;
mod part;
mod person;
mod plain;
mod seat;
mod transcript;
mod units;

use std::time::Duration;

use anyhow::Context;

use crate::args::{Cli, Command, ConsoleArgs};
use crate::exit::Outcome;
use crate::output;

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
        Some(Command::Man { directory }) => man::run(directory.as_deref()),
        Some(Command::Handbook { page }) => handbook::run(page.as_deref(), json),
        Some(Command::Notify(command)) => notify::run(&command, &options, json),
        Some(Command::Keystore(command)) => keystore::run(&command, json),
        Some(Command::Journal(command)) => journal::run(&command, &options, json),
        Some(Command::Doctor(args)) => doctor::run(args.role, args.expect.as_deref(), &options, json),
        Some(Command::Operator(args)) => operator::run(args.command.as_ref(), &options, json),
        Some(Command::Transcript(command)) => transcript::run(&command, &options, json),
        Some(Command::Audit(args)) => audit::run(&args, &options, json),
        Some(Command::Headless(_)) => headless::run(&options, json),
        Some(Command::Demo(args)) => demo::run(&args, &options, json),
        Some(Command::Messenger(_)) => messenger::run(&options, json),
        None => console::run(&options, &ConsoleArgs::default()),
        Some(Command::Console(args)) => console::run(&options, &args),
        Some(Command::Person(command)) => person::run(&command, json),
        Some(Command::Sign(args)) => person::sign(&args, json),
        Some(Command::Explain(args)) => explain::run(&args, json),
        Some(Command::Seat(command)) => seat::run(&command, &options, json),
    }
}

/// How long calls that cannot be cut off (a name that is looked up) may hold up the end.
const LEFT_BEHIND: Duration = Duration::from_secs(2);

/// Runs a service to its end. What hangs in the system then is left behind.
fn serve<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(work);
    output::last_lines();
    runtime.shutdown_timeout(LEFT_BEHIND);
    outcome
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
