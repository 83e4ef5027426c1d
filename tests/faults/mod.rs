//! The faults that this program must survive, by their numbers, and the tests that show it.
//!
//! The tests stand in the rooms that they are about. Here stands which number is shown where; a name that no test has any
//! more fails, and so does a page for people (`.github/FAULTS.md`) that says something else.

mod simulated;
mod table;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use simulated::{SIM, SIMULATED, Simulated};
use table::{BY_COMMAND, FAULTS, OUT_OF_REACH};

fn text_of(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// When a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    Always,
    /// It is `#[ignore]`d.
    ByCommand,
}

/// When the file's test of this name runs: a function with an attribute of a test above it.
fn test_of(text: &str, name: &str) -> Option<Runs> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")
            .is_some_and(|rest| rest.starts_with(&format!("{name}()")))
    });
    let above = || {
        let before = lines[..at.unwrap_or_default()].iter().rev();
        before.take_while(|line| line.starts_with("#[") || line.starts_with("//"))
    };
    let is_test = |line: &&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    above()
        .any(is_test)
        .then(|| match above().any(|line| line.starts_with("#[ignore")) {
            true => Runs::ByCommand,
            false => Runs::Always,
        })
}

#[test]
fn every_fault_is_shown_by_tests_that_there_are() {
    let missing: Vec<_> = FAULTS
        .iter()
        .flat_map(|fault| fault.tests.iter().map(move |test| (fault.number, test)))
        .filter(|(_, (file, name))| test_of(&text_of(file), name) != Some(Runs::Always))
        .collect();
    assert!(missing.is_empty(), "no such tests that always run: {missing:#?}");
    let steps = text_of(".ci/run");
    for (number, file, name, step) in BY_COMMAND {
        assert_eq!(test_of(&text_of(file), name), Some(Runs::ByCommand), "{name}");
        assert!(steps.contains(&format!("\n{step}() {{")), "no step {step}");
        assert!(FAULTS.iter().any(|fault| fault.number == *number));
    }
    assert!(FAULTS.iter().all(|fault| !fault.tests.is_empty()));
}

#[test]
fn a_number_stands_once() {
    let numbers: Vec<_> = FAULTS
        .iter()
        .map(|fault| fault.number)
        .chain(OUT_OF_REACH.iter().map(|out| out.0))
        .collect();
    let once: BTreeSet<_> = numbers.iter().collect();
    assert_eq!(once.len(), numbers.len());
    assert_eq!(numbers.len(), 42, "the list has so many");
}

#[test]
fn a_name_of_no_test_is_found_out() {
    let text = "#[tokio::test(flavor = \"multi_thread\")]\nasync fn it_holds() {}\nfn helper() {}\n";
    assert_eq!(test_of(text, "it_holds"), Some(Runs::Always));
    for other in ["helper", "it_hold", "it_holds_not"] {
        assert_eq!(test_of(text, other), None);
    }
    let text = "#[test]\n#[ignore = \"takes minutes\"]\n// in CI\nfn it_holds_long() {}\n";
    assert_eq!(test_of(text, "it_holds_long"), Some(Runs::ByCommand));
}

/// Worlds, by where a test stands: the longest beginning counts.
const WORLDS: [(&str, &str, &str); 6] = [
    (
        "simulated",
        "src/core/oracle/sim/",
        "the core in a simulated world, fault by fault or with all of them at random",
    ),
    (
        "one room",
        "src/ ui/",
        "one room of the program, with what it needs made up",
    ),
    (
        "the program",
        "tests/config/",
        "the built program, started as a process, without a chain",
    ),
    (
        "real parts",
        "tests/ceremony/ tests/conformance/ tests/messenger/ tests/node/",
        "initiator, messenger and operators over loopback",
    ),
    (
        "real chain",
        "tests/chain/",
        "a local execution node, and endpoints that misbehave as told",
    ),
    (
        "the whole",
        "tests/adversity/ tests/beacon_node/ tests/boundaries/ tests/devnet/ tests/engine/ tests/lives/ tests/at_a_terminal/",
        "oracle, operators and local chains together, as processes where they are killed",
    ),
];

fn world_of(file: &str) -> &'static str {
    let fits = |(_, places, _): &&(&str, &str, &str)| places.split(' ').any(|place| file.starts_with(place));
    let found = WORLDS.iter().find(fits);
    found.unwrap_or_else(|| panic!("which world is {file} of?")).0
}

#[test]
fn what_was_shown_in_one_world_alone_is_shown_in_another_one_too() {
    for number in ["F06", "F08", "F11"] {
        let fault = FAULTS.iter().find(|fault| fault.number == number).unwrap();
        let worlds: BTreeSet<_> = fault.tests.iter().map(|(file, _)| world_of(file)).collect();
        assert!(worlds.len() > 1, "{number}: {worlds:?}");
    }
}

/// A test whose name begins with a number shows that one.
#[test]
fn a_number_in_a_name_is_the_right_one() {
    for fault in FAULTS {
        for (_, name) in fault.tests {
            let head = name.split('_').next().unwrap_or_default();
            let is_number =
                head.len() == 3 && head.starts_with('f') && head[1..].bytes().all(|b| b.is_ascii_digit());
            assert!(
                !is_number || head.eq_ignore_ascii_case(fault.number),
                "{name} at {}",
                fault.number
            );
        }
    }
}

fn simulated(number: &str) -> &'static Simulated {
    let found = SIMULATED.iter().find(|(of, _)| *of == number);
    &found
        .unwrap_or_else(|| panic!("is {number} in the simulated world?"))
        .1
}

/// The numbers that a comment names.
fn numbers_in(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| {
        word.len() == 3 && word.starts_with('F') && word[1..].bytes().all(|b| b.is_ascii_digit())
    })
}

/// What the comment above a function says, line by line.
fn above<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_it = |line: &&str| {
        let rest = line.split_once("fn ").map(|(_, rest)| rest);
        rest.is_some_and(|rest| rest.starts_with(&format!("{name}(")))
    };
    let at = lines.iter().position(is_it);
    let before = lines[..at.unwrap_or_default()].iter().rev();
    let about = before.take_while(|line| line.starts_with("///") || line.starts_with("#["));
    about.copied().collect()
}

#[test]
fn the_simulated_world_has_the_numbers_that_it_is_said_to_have() {
    let listed: Vec<_> = FAULTS.iter().map(|fault| fault.number).collect();
    let told: Vec<_> = SIMULATED.iter().map(|(number, _)| *number).collect();
    assert_eq!(told, listed, "each once, in the order of the list");
    for (number, place) in SIMULATED {
        let Simulated::By(file, name) = place else {
            continue;
        };
        let text = text_of(&format!("{SIM}/{file}"));
        let about = above(&text, name);
        assert!(
            about.iter().any(|line| numbers_in(line).any(|of| of == *number)),
            "the comment above {name} in {SIM}/{file} does not name {number}: {about:?}"
        );
    }
}

#[test]
fn a_number_that_the_simulated_world_names_is_listed_at_that_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(SIM)];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let comments = text.lines().map(str::trim).filter(|line| line.starts_with("//"));
            for number in comments.flat_map(numbers_in) {
                let Simulated::By(file, _) = simulated(number) else {
                    panic!("{}: {number} is said not to be there", path.display());
                };
                assert!(
                    path.ends_with(file),
                    "{}: {number} is listed at {file}",
                    path.display()
                );
                seen += 1;
            }
        }
    }
    let by = SIMULATED
        .iter()
        .filter(|(_, place)| matches!(place, Simulated::By(..)));
    assert_eq!(seen, by.count());
}

/// The page for people. It is written by this test where `CASIMIR_DKG_WRITE_FAULTS` is set.
fn page() -> String {
    let mut page = String::from(
        "# Faults, and the tests that show that they are survived\n\nHeld to the tests by `tests/faults/`; written by \
         `CASIMIR_DKG_WRITE_FAULTS=1 cargo test --test whole faults::`.\n\n| World | What is real in it |\n|---|---|\n",
    );
    for (world, _, what) in WORLDS {
        let _ = writeln!(page, "| {world} | {what} |");
    }
    page.push_str("\n| # | Fault | Worlds | In the simulated world | Tests |\n|---|---|---|---|---|\n");
    for fault in FAULTS {
        let tests: Vec<_> = fault
            .tests
            .iter()
            .map(|(file, name)| format!("`{name}` ({file})"))
            .collect();
        let by_command = BY_COMMAND.iter().filter(|test| test.0 == fault.number);
        let by_command =
            by_command.map(|(_, file, name, step)| format!("by `.ci/run {step}`: `{name}` ({file})"));
        let tests: Vec<_> = tests.into_iter().chain(by_command).collect();
        let worlds: BTreeSet<_> = fault.tests.iter().map(|(file, _)| world_of(file)).collect();
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            fault.number,
            fault.what,
            worlds.into_iter().collect::<Vec<_>>().join(", "),
            match simulated(fault.number) {
                Simulated::By(file, name) => format!("`{name}` ({SIM}/{file})"),
                Simulated::Not(why) => format!("not: {why}"),
            },
            tests.join("<br>")
        );
    }
    page.push_str("\nOut of reach of this program:\n\n| # | Fault | Why |\n|---|---|---|\n");
    for (number, what, why) in OUT_OF_REACH {
        let _ = writeln!(page, "| {number} | {what} | {why} |");
    }
    page
}

#[test]
fn the_page_says_the_same() {
    const PAGE: &str = ".github/FAULTS.md";
    if std::env::var_os("CASIMIR_DKG_WRITE_FAULTS").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), page()).unwrap();
    }
    assert_eq!(text_of(PAGE), page());
}
