//! What makes a test fail by chance.

use super::source::{Source, places, sources};

/// Another test has the port by the time that this one relies on it: `crate::nobody()` of the tests has an address of its
/// own.
#[test]
fn no_test_gives_a_port_of_everybody_back_and_relies_on_it() {
    let nobody: [String; 0] = [];
    let given_back = |source: &&Source| {
        let text: String = source.text.split_whitespace().collect();
        let bound = text.split(r#"::bind("127.0.0.1:0")"#).skip(1);
        let mut behind = bound.map(|rest| rest.split(';').next().unwrap_or_default());
        behind.any(|rest| rest.contains(".local_addr()"))
    };
    let all = sources(&["tests", "src"]);
    let places: Vec<_> = all
        .iter()
        .filter(given_back)
        .map(|source| source.path.clone())
        .collect();
    assert_eq!(places, nobody);
}

/// Machines are busy. What hangs for ever is found by `TIMEOUT`, which names itself.
#[test]
fn no_test_asserts_that_something_was_fast() {
    let nobody: [String; 0] = [];
    let is_fast = |line: &str| line.contains("assert!(") && line.contains("elapsed() < Duration::from");
    assert_eq!(places(&sources(&["tests", "src"]), is_fast), nobody);
}
