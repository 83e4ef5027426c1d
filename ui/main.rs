//! `casimir-dkg`: arguments → configuration → one front end.

mod args;
mod commands;
#[cfg(feature = "tui")]
mod console;
mod early;
mod exit;
#[cfg(test)]
mod fixture;
mod headless;
mod log;
mod manager;
#[cfg(feature = "tui")]
mod mode;
mod output;
mod person;
#[cfg(unix)]
mod seat;
mod summary;
mod version;
#[cfg(test)]
mod walls;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    exit::report(early::watch().and_then(|()| commands::run(cli)))
}
