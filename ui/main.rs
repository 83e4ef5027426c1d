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
    casimir_dkg::secrets::tell_waiting(|file| {
        let file = file.display();
        output::note(&format!("waiting for somebody to write into the pipe {file}"));
    });
    let run = AssertUnwindSafe(|| {
        early::judge_umask()?;
        early::watch()?;
        commands::run(cli)
    });
    match catch_unwind(run) {
        Ok(result) => exit::report(result, json),
        Err(why) => exit::died(&*why, json),
    }
}
