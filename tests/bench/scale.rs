//! What a long life costs: 100, 1,000 and 10,000 closed pools, each with 20 open ones.
//!
//! `cargo bench --bench scale` plays that many deposits from request to active validator through the decision core and a
//! real journal, with the proposals, results and transactions of a real run (`tests/vectors/journals`), in a process of its
//! own for each count. Of 50 more it then measures
//!
//! * **step**: one input through the core, and
//! * **append**: one commit of the journal, synced;
//!
//! and of a real engine that is started on that journal, with a row for each validator and nothing done outside,
//!
//! * **view**: from a new head until a front end has the snapshot with it,
//! * **view of a case**: from a decision that moves an open case, through the synced journal, until a front end has it,
//! * **to a person** and **to auto mode**: from the start until there is a snapshot, and until the core asks for the first
//!   effect: everything is verified by then. Once with the state that the last run kept, as usual, and once without it, and
//! * **memory**: resident, at rest and at its peak.
//!
//! The last column is another life: as many closed pools as the first, and 1,000 open ones. At a new head and
//! at most records a step looks at every open case, and a snapshot has every open case in it, so these figures grow with
//! what is open; they have no bound, and this column takes minutes.
//!
//! It exits with an error when a bound is missed. `CASIMIR_BENCH_POOLS=100,1000` plays other counts; the first is what the
//! others are compared with, and the last is what has to be within bounds.

#![allow(clippy::disallowed_macros, reason = "a benchmark prints its results")]

#[path = "scale/play.rs"]
mod play;
#[path = "scale/run.rs"]
mod run;
#[path = "scale/template.rs"]
mod template;

use std::path::Path;
use std::process::{Command, ExitCode};

use serde::Serialize;
use serde::de::DeserializeOwned;

use play::Played;
use run::Started;

/// So many are open at any time, and in the last column.
const OPEN: u32 = 20;
const MANY_OPEN: u32 = 1_000;
/// What a process of this program is to do: `play` or `run`.
const TASK: &str = "CASIMIR_SCALE_TASK";
const FOLDER: &str = "CASIMIR_SCALE_FOLDER";
const CLOSED: &str = "CASIMIR_SCALE_CLOSED";
const STAY_OPEN: &str = "CASIMIR_SCALE_OPEN";

/// At most so many times the figure of the first count.
const MOST_TIMES: f64 = 1.5;
/// At most so much above the memory of the first count, MiB.
const MOST_MEMORY: f64 = 64.0;
/// To a person, and to auto mode, s. Without a kept state, which is after an upgrade or a loss of that file, a person sees
/// nothing before everything is verified and folded either, so the second holds for both.
const MOST_START: (f64, f64) = (2.0, 10.0);

fn main() -> ExitCode {
    // `cargo test --benches` starts this, too: starting is enough then
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let said = |name| std::env::var(name).ok();
    if let (Some(task), Some(folder)) = (said(TASK), said(FOLDER)) {
        let count = |name| said(name).and_then(|n| n.parse::<u32>().ok()).expect("a count");
        let (closed, open) = (count(CLOSED), count(STAY_OPEN));
        match &*task {
            "play" => tell(&play::play(Path::new(&folder), closed, open)),
            _ => tell(&run::run(
                Path::new(&folder),
                closed + play::MEASURED.0 * play::MEASURED.1,
                open,
            )),
        }
        return ExitCode::SUCCESS;
    }
    let counts = said("CASIMIR_BENCH_POOLS").unwrap_or_else(|| "100,1000,10000".to_owned());
    let counts = counts
        .split(',')
        .map(|n| n.trim().parse().expect("numbers of pools"));
    let all: Vec<Figures> = counts.map(|closed| figures(closed, OPEN)).collect();
    let crowded = figures(all[0].closed, MANY_OPEN);
    let missed = print(&all, &crowded);
    for words in &missed {
        println!("missed: {words}");
    }
    ExitCode::from(u8::from(!missed.is_empty()))
}

fn tell(figures: &impl Serialize) {
    println!("{}", serde_json::to_string(figures).expect("plain data"));
}

/// Everything that was measured with so many closed pools.
struct Figures {
    closed: u32,
    played: Played,
    /// Without a kept state.
    first: Started,
    /// With the state that the run before kept.
    usual: Started,
}

fn figures(closed: u32, open: u32) -> Figures {
    let folder = tempfile::tempdir().expect("a directory");
    let played = in_a_process("play", folder.path(), closed, open);
    Figures {
        closed,
        played,
        first: in_a_process("run", folder.path(), closed, open),
        usual: in_a_process("run", folder.path(), closed, open),
    }
}

/// A process of its own, so that its memory is that of nothing else.
fn in_a_process<T: DeserializeOwned>(task: &str, folder: &Path, closed: u32, open: u32) -> T {
    let program = std::env::current_exe().expect("this program");
    let done = Command::new(program)
        .arg("--bench")
        .env(TASK, task)
        .env(FOLDER, folder)
        .env(CLOSED, closed.to_string())
        .env(STAY_OPEN, open.to_string())
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("it starts");
    assert!(
        done.status.success(),
        "{task} with {closed} closed pools ended with {}",
        done.status
    );
    serde_json::from_slice(&done.stdout).expect("its figures")
}

/// A line of the table: what it is, its unit, and how it is read from what was measured.
type Line = (&'static str, &'static str, fn(&Figures) -> f64);

const LINES: [Line; 11] = [
    ("step", "µs", |f| f.played.step_us),
    ("append", "µs", |f| f.played.append_us),
    ("view", "µs", |f| f.usual.view_us),
    ("view of a case", "µs", |f| f.usual.case_view_us),
    ("to a person", "s", |f| f.usual.person_s),
    ("to auto mode", "s", |f| f.usual.auto_s),
    ("memory at rest", "MiB", |f| f.usual.resident_mib),
    ("memory at its peak", "MiB", |f| f.usual.peak_mib),
    ("without a kept state: to a person", "s", |f| f.first.person_s),
    ("without a kept state: to auto mode", "s", |f| f.first.auto_s),
    ("journal", "MiB", |f| f.played.journal_mib),
];

/// Prints the table; what is out of bounds.
fn print(all: &[Figures], crowded: &Figures) -> Vec<String> {
    let (first, last) = (&all[0], &all[all.len() - 1]);
    print!("{:40}", format!("closed pools (with {OPEN} open)"));
    all.iter().for_each(|figures| print!("{:>12}", figures.closed));
    println!("{:>8}{:>18}", "ratio", format!("{MANY_OPEN} open"));
    let mut missed = Vec::new();
    for (what, unit, of) in LINES {
        print!("{:40}", format!("{what}, {unit}"));
        all.iter().for_each(|figures| print!("{:>12.2}", of(figures)));
        let ratio = of(last) / of(first);
        println!("{ratio:>8.2}{:>18.2}", of(crowded));
        let (value, above) = (of(last), of(last) - of(first));
        let within = match what {
            "step" | "append" | "view" | "view of a case" => ratio <= MOST_TIMES,
            "to a person" => value <= MOST_START.0,
            "to auto mode" | "without a kept state: to a person" | "without a kept state: to auto mode" => {
                value <= MOST_START.1
            }
            // not measured on this system: 0
            "memory at rest" | "memory at its peak" => above <= MOST_MEMORY,
            _ => true,
        };
        if !within {
            missed.push(format!(
                "{what} with {} closed pools: {value:.2} {unit}",
                last.closed
            ));
        }
    }
    missed
}
