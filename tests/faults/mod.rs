//! The faults that this program must survive, by their numbers, and the tests that show it.
//!
//! The tests stand in the rooms that they are about. Here stands which number is shown where; a name that no test has any
//! more fails, and so does a page for people (`.github/FAULTS.md`) that says something else.

mod table;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use table::{FAULTS, OUT_OF_REACH};

fn text_of(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether the file has a test of this name: a function with an attribute of a test above it.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")
            .is_some_and(|rest| rest.starts_with(&format!("{name}()")))
    });
    at.is_some_and(|at| {
        let above = lines[..at]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        above
            .clone()
            .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn every_fault_is_shown_by_tests_that_there_are() {
    let missing: Vec<_> = FAULTS
        .iter()
        .flat_map(|fault| fault.tests.iter().map(move |test| (fault.number, test)))
        .filter(|(_, (file, name))| !has_test(&text_of(file), name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
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
    assert!(has_test(text, "it_holds"));
    assert!(!has_test(text, "helper") && !has_test(text, "it_hold") && !has_test(text, "it_holds_not"));
}

/// The page for people. It is written by this test where `CASIMIR_DKG_WRITE_FAULTS` is set.
fn page() -> String {
    let mut page = String::from(
        "# Faults, and the tests that show that they are survived\n\nHeld to the tests by `tests/faults/`; written by \
         `CASIMIR_DKG_WRITE_FAULTS=1 cargo test --test parts faults::`.\n\n| # | Fault | Tests |\n|---|---|---|\n",
    );
    for fault in FAULTS {
        let tests: Vec<_> = fault
            .tests
            .iter()
            .map(|(file, name)| format!("`{name}` ({file})"))
            .collect();
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            fault.number,
            fault.what,
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
