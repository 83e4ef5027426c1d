//! What the console costs while nothing happens.
//!
//! `cargo bench --bench idle` runs the real binary's `demo` (four operators, one pool, a block each second) in a
//! pseudo-terminal of 120×40, waits until a keygen waits for a decision, lets it settle, and then measures ten seconds in
//! which nobody presses a key: the CPU time of the whole process (console, engine, messenger and four operators are one
//! process here; anvil is another one), and the bytes that it wrote to the terminal.
//!
//! How long a frame takes is measured by `cargo bench --bench frame`.

#![allow(clippy::disallowed_macros, reason = "a benchmark prints its results")]

#[cfg(all(target_os = "linux", feature = "tui"))]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "the tests in a terminal need more of it"
)]
#[path = "../at_a_terminal/terminal.rs"]
mod terminal;

fn main() {
    // `cargo test --benches` starts this, too: starting is enough then
    if std::env::args().any(|argument| argument == "--bench") {
        idle();
    }
}

#[cfg(not(all(target_os = "linux", feature = "tui")))]
fn idle() {
    println!("needs Linux's accounts of CPU time, and the console");
}

#[cfg(all(target_os = "linux", feature = "tui"))]
fn idle() {
    use std::time::{Duration, Instant};

    /// A local chain, contracts, a messenger and operators must come up first.
    const UP: Duration = Duration::from_secs(120);
    const SETTLE: Duration = Duration::from_secs(3);
    const SPAN: Duration = Duration::from_secs(10);

    let home = tempfile::tempdir().expect("a directory");
    let arguments = ["demo", "--pools", "1", "--operators", "4"];
    let mut terminal = terminal::Terminal::start(&arguments, home.path(), &[], 120, 40);
    terminal.expect("nothing waits", UP);
    terminal.press("2");
    terminal.expect("● waiting", UP);
    std::thread::sleep(SETTLE);

    let (cpu_before, written_before) = (cpu::process(terminal.pid()), terminal.raw().len());
    let begun = Instant::now();
    std::thread::sleep(SPAN);
    let cpu = cpu::process(terminal.pid()) - cpu_before;
    let (span, written) = (begun.elapsed(), terminal.raw().len() - written_before);
    println!(
        "demo with its console, nothing pressed for {:.1} s: {} ms of CPU ({:.2} % of one core), {:.1} KB written",
        span.as_secs_f64(),
        cpu.as_millis(),
        100.0 * cpu.as_secs_f64() / span.as_secs_f64(),
        written as f64 / 1e3,
    );
}

#[cfg(all(target_os = "linux", feature = "tui"))]
#[allow(dead_code, reason = "the ceremonies' benchmark needs more of it")]
#[path = "ceremony/cpu.rs"]
mod cpu;
