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
mod seat;
mod summary;
mod version;
#[cfg(test)]
mod walls;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = args::parse();
    let json = cli.global.json;
    let run = AssertUnwindSafe(|| early::watch().and_then(|()| commands::run(cli)));
    match catch_unwind(run) {
        Ok(result) => exit::report(result, json),
        Err(why) => exit::died(&*why, json),
    }
}
