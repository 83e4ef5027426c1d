//! Every command that is asked for JSON tells how it failed in the last line of stdout, in one form, and people on stderr.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::support::{self, MINIMAL};

/// What each command can be made to fail with here, with its exit code and kind.
const FAILING: &[(&str, i32, &str)] = &[
    ("--no-such-flag", 2, "usage"),
    ("nonsense", 2, "usage"),
    ("journal", 2, "usage"),
    ("--config bad.toml headless", 3, "configuration"),
    ("--config bad.toml messenger", 3, "configuration"),
    ("--config bad.toml operator", 3, "configuration"),
    ("--config bad.toml config show", 3, "configuration"),
    ("--config unread.toml notify test", 3, "configuration"),
    ("--config bad.toml operator shares list", 3, "configuration"),
    ("--config bad.toml status", 3, "configuration"),
    ("--config bad.toml demo --headless", 3, "configuration"),
    ("--config bad.toml doctor", 1, "check-failed"),
    ("--config absent.toml config show", 3, "configuration"),
    ("--config good.toml console", 4, "no-terminal"),
    ("--config good.toml notify test", 1, "failed"),
    ("--config good.toml status", 1, "no-engine"),
    ("--config good.toml waiting", 1, "no-engine"),
    ("--config good.toml mode", 1, "no-engine"),
    (
        "approve deposit/3#1 --digest 0x5f0c93d1a2b4 --socket none.sock",
        1,
        "no-engine",
    ),
    (
        "reject deposit/3#1 --digest 0x5f0c93d1a2b4 --reason no --socket none.sock",
        1,
        "no-engine",
    ),
    ("show deposit/3#1 --socket none.sock", 1, "no-engine"),
    ("undo deposit/3#1 --socket none.sock", 1, "no-engine"),
    ("retry deposit/3 --socket none.sock", 1, "no-engine"),
    ("pause --socket none.sock", 1, "no-engine"),
    ("resume --socket none.sock", 1, "no-engine"),
    (
        "adopt 0x00000000219ab540356cBB839Cbe05303d7705Fa --socket none.sock",
        1,
        "no-engine",
    ),
    ("journal show --journal absent", 1, "not-found"),
    ("journal verify --journal absent", 1, "not-found"),
    ("journal verify --journal good.toml", 1, "no-journal"),
    ("journal verify --journal broken.ndjson", 1, "journal-broken"),
    ("journal show --journal broken.ndjson", 1, "journal-broken"),
    ("journal export --journal absent", 1, "not-found"),
    ("journal backup to --journal absent", 1, "not-found"),
    ("journal restore absent --journal new", 1, "not-found"),
    ("journal new-key reason --journal absent", 1, "not-found"),
    ("journal declare-lost reason --journal absent", 1, "not-found"),
    ("journal shares 1 --journal absent", 1, "not-found"),
    ("audit deposit/3 --journal absent", 1, "not-found"),
    ("transcript verify absent", 1, "not-found"),
    ("transcript verify good.toml", 1, "failed"),
    ("operator backup to --store absent", 1, "not-found"),
    ("operator shares list --store absent", 1, "not-found"),
    ("keystore show absent", 1, "not-found"),
    ("keystore new good.toml", 1, "failed"),
    ("keystore passwd absent", 1, "not-found"),
    ("person new good.toml", 1, "failed"),
    ("sign absent --key absent", 1, "not-found"),
    ("explain absent", 1, "not-found"),
    ("handbook nonsense", 1, "failed"),
    ("man good.toml/man", 1, "failed"),
];

fn tell(scratch: &std::path::Path, line: &str) -> (Option<i32>, String, String) {
    let mut program: Command = support::program(scratch);
    program.args(line.split(' ')).arg("--json");
    support::run(&mut program)
}

#[test]
fn every_command_tells_programs_how_it_failed() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::write(at("bad.toml"), "[ui]\nthem = \"x\"\n").unwrap();
    fs::write(at("unread.toml"), "[ui\n").unwrap();
    fs::write(at("good.toml"), format!("{MINIMAL}{}", support::operators())).unwrap();
    fs::copy(support::vector("journals/format-2/closed.sqlite"), at("j.sqlite")).unwrap();
    let mut export = support::program(scratch.path());
    let (_, export, _) = support::run(export.args(["journal", "export", "--journal", "j.sqlite"]));
    fs::write(at("broken.ndjson"), export.replacen("\"at\":1", "\"at\":2", 1)).unwrap();
    for (line, code, kind) in FAILING {
        let (ended, stdout, stderr) = tell(scratch.path(), line);
        assert_eq!(ended, Some(*code), "{line}: {stdout}{stderr}");
        let last = stdout
            .lines()
            .last()
            .unwrap_or_else(|| panic!("{line}: {stderr}"));
        let told: Value = serde_json::from_str(last).unwrap_or_else(|e| panic!("{line}: {e}: {last}"));
        assert_eq!(told["type"], "failed", "{line}: {told}");
        assert_eq!(told["v"], 1, "{line}");
        assert_eq!(told["exit_code"], *code, "{line}");
        assert_eq!(told["kind"], *kind, "{line}: {told}");
        assert!(told["can_do"].is_array(), "{line}: {told}");
        let words = told["error"].as_str().unwrap();
        assert!(!words.is_empty(), "{line}");
        // a check tells people line by line on stdout, where they read it
        let first = words.lines().next().unwrap();
        assert!(
            *kind == "check-failed" || stderr.contains(first),
            "{line}: {words}: {stderr}"
        );
        let failures = stdout.lines().filter(|line| line.contains("\"type\":\"failed\""));
        assert_eq!(failures.count(), 1, "{line}: {stdout}");
    }
}

/// A new command is looked at here, too.
#[test]
fn no_command_is_forgotten() {
    let (_, help, _) = support::run(support::program(&std::env::temp_dir()).arg("--help"));
    let commands = help
        .split("Commands:")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let names = commands.lines().filter_map(|line| {
        let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?;
        name.split_whitespace().next()
    });
    let mut seen = 0;
    for name in names {
        seen += 1;
        let never_fails = ["help", "completions"].contains(&name);
        let is_there = FAILING
            .iter()
            .any(|(line, ..)| line.split(' ').any(|word| word == name));
        assert!(never_fails || is_there, "{name}");
    }
    assert!(seen > 20, "{help}");
}

#[test]
fn mistakes_in_the_configuration_are_told_one_by_one() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(
        scratch.path().join("bad.toml"),
        "[ui]\nthem = \"x\"\n[log]\nkep = 1\n",
    )
    .unwrap();
    let (_, stdout, stderr) = tell(scratch.path(), "--config bad.toml config show");
    let told: Value = serde_json::from_str(&stdout).unwrap();
    let mistakes = told["mistakes"].as_array().unwrap();
    assert_eq!(mistakes.len(), 2, "{told}");
    assert_eq!(mistakes[0]["line"], 2);
    assert_eq!(mistakes[0]["key"], "ui.them");
    assert_eq!(mistakes[0]["did_you_mean"], "ui.theme");
    assert!(mistakes[1]["file"].as_str().unwrap().ends_with("bad.toml"));
    assert!(stderr.contains("2 mistakes in the configuration"), "{stderr}");
}

#[test]
fn without_json_nothing_of_it_is_printed() {
    let scratch = tempfile::tempdir().unwrap();
    let mut program = support::program(scratch.path());
    let (code, stdout, stderr) = support::run(program.args(["journal", "verify", "--journal", "absent"]));
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
}
