//! What a frame of the console costs with 10,000 rows, next to 50.
//!
//! `cargo bench --bench frame` prints the time for a key and the frame after it on a screen of 200×60, and for taking in
//! a new snapshot, each with 50 and with 10,000 cases, and the ratio: a frame must not depend on the number of rows.
//! Then what the console alone costs on a chain with a block every 12 s, while nobody presses a key: with more than 0.3 % of
//! a core the bench ends with an error.
//! The binary's modules cannot be reached from here, so this builds its tests in release and runs the one that measures.

#![allow(clippy::disallowed_macros, reason = "a benchmark prints its results")]

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // `cargo test --benches` starts this, too: starting is enough then
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    if cfg!(not(feature = "tui")) {
        println!("needs the console: the feature `tui`");
        return ExitCode::SUCCESS;
    }
    let status = Command::new(env!("CARGO"))
        .args(["test", "--release", "--locked", "--quiet", "--bin", "casimir-dkg"])
        .args(["console::tests::bench::", "--", "--ignored", "--nocapture"])
        .arg("--test-threads=1")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("the measurement ended with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("cargo could not be started: {error}");
            ExitCode::FAILURE
        }
    }
}
