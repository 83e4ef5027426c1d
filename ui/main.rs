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
mod mode;
mod output;
mod person;
mod plain;
#[cfg(unix)]
mod seat;
mod summary;
mod version;
#[cfg(test)]
mod walls;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = args::parse();
    exit::report(early::watch().and_then(|()| commands::run(cli)))
}
