//! Mistakes in a scenario: each is told with its file, line and key.

use std::path::Path;

use casimir_dkg::devnet::proxy::{Scenario, Variables};

fn read(text: &str) -> Result<Scenario, String> {
    let variables = Variables::from([("manager".to_owned(), format!("0x{}", "aa".repeat(20)))]);
    Scenario::parse(Path::new("dir/bad.toml"), text, &variables).map_err(|error| error.to_string())
}

/// One rule that begins in line 3, with these further lines from line 5 on.
fn rule(lines: &str) -> Result<Scenario, String> {
    read(&format!("about = \"x\"\n\n[[rule]]\nname = \"r\"\n{lines}"))
}

#[test]
fn a_good_one_is_read() {
    let scenario = rule(
        "at = [\"execution.0\", \"spare\"]\nmethod = \"eth_*\"\nparams = { \"/0\" = \"${manager}\" }\n\
         when = { after = \"1 s\", from_lever = \"a\", to_lever = \"b\" }\ndoes = { fault = \"hang\" }",
    );
    let scenario = scenario.unwrap();
    assert_eq!((scenario.name(), scenario.about()), ("bad", "x"));
    assert_eq!(scenario.rules().collect::<Vec<_>>(), ["r"]);
    assert_eq!(scenario.levers().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn mistakes_name_file_line_and_key() {
    const HANG: &str = "does = { fault = \"hang\" }\n";
    let at = |rest: &str| format!("at = \"execution\"\n{rest}");
    let does = |rest: &str| format!("at = \"execution\"\ndoes = {{ {rest} }}\n");
    for (lines, expected) in [
        // what a rule is
        (HANG.to_owned(), "dir/bad.toml:3: rule.at: is required"),
        (
            "at = \"execution\"".to_owned(),
            "dir/bad.toml:3: rule.does: is required",
        ),
        (
            at("does = 5"),
            "dir/bad.toml:6: rule.does: expected a table, got integer",
        ),
        (
            at(&format!("{HANG}wehn = {{}}")),
            "dir/bad.toml:7: rule.wehn: unknown key; did you mean `when`?",
        ),
        (
            "at = 5\ndoes = { fault = \"hang\" }".to_owned(),
            "dir/bad.toml:5: rule.at: expected a string, got integer",
        ),
        // which calls
        (
            at(&format!("{HANG}method = \"x\"\npath = \"/y\"")),
            "dir/bad.toml:7: rule.method: is for JSON-RPC",
        ),
        (
            at(&format!("{HANG}params = {{ \"/0\" = 1 }}")),
            "dir/bad.toml:7: rule.params: needs `method`",
        ),
        (
            at(&format!("{HANG}method = \"x\"\nparams = {{ a = 1 }}")),
            "dir/bad.toml:8: rule.params: \"a\" is no JSON pointer",
        ),
        (
            at(&format!("{HANG}http = \"GET\"\nevent = \"head\"")),
            "dir/bad.toml:8: rule.event: is about what a stream says",
        ),
        // when
        (
            at(&format!("{HANG}when = {{ times = 0 }}")),
            "dir/bad.toml:7: rule.when.times: is counted from 1",
        ),
        (
            at(&format!("{HANG}when = {{ chance = 1.5, seed = 1 }}")),
            "dir/bad.toml:7: rule.when.chance: expected a number from 0 to 1",
        ),
        (
            at(&format!("{HANG}when = {{ chance = 0.5 }}")),
            "dir/bad.toml:7: rule.when.chance: needs `seed`",
        ),
        (
            at(&format!("{HANG}when = {{ seed = 1 }}")),
            "dir/bad.toml:7: rule.when.seed: does nothing without `chance`",
        ),
        (
            at(&format!("{HANG}when = {{ after = \"5\" }}")),
            "dir/bad.toml:7: rule.when.after: \"5\" is no time",
        ),
        (
            at(&format!("{HANG}when = {{ lasts = \"2 h\" }}")),
            "dir/bad.toml:7: rule.when.lasts: \"2 h\" is no time",
        ),
        (
            at(&format!("{HANG}when = {{ first = 1 }}")),
            "dir/bad.toml:7: rule.when.first: unknown key",
        ),
        // what
        (
            does("forward = true"),
            "dir/bad.toml:6: rule.does.fault: is required",
        ),
        (
            does("fault = \"hnag\""),
            "dir/bad.toml:6: rule.does.fault: there is no fault \"hnag\"; did you mean `hang`?",
        ),
        (
            does("fault = \"hang\", foward = true"),
            "dir/bad.toml:6: rule.does.foward: unknown key; did you mean `forward`?",
        ),
        (
            does("fault = \"hang\", forward = 1"),
            "dir/bad.toml:6: rule.does.forward: expected true or false, got integer",
        ),
        (
            does("fault = \"delay\""),
            "dir/bad.toml:6: rule.does.time: is required",
        ),
        (
            does("fault = \"status\""),
            "dir/bad.toml:6: rule.does.code: is required",
        ),
        (
            does("fault = \"status\", code = 99"),
            "dir/bad.toml:6: rule.does.code: expected a status from 200 to 599",
        ),
        (
            does("fault = \"status\", code = 200, headers = { \"a\" = \"b\\nc\" }"),
            "dir/bad.toml:6: rule.does.headers: \"a\" is no header",
        ),
        (
            does("fault = \"rate-limit\""),
            "dir/bad.toml:6: rule.does.calls: is required",
        ),
        (
            does("fault = \"redirect\", code = \"300\""),
            "dir/bad.toml:6: rule.does.code: \"300\" is none of 301, 302, 307, 308",
        ),
        (
            does("fault = \"bomb\", bytes = -1"),
            "dir/bad.toml:6: rule.does.bytes: expected a whole number from 0 to",
        ),
        (
            does("fault = \"rewrite\", set = { \"/a\" = 1 }"),
            "dir/bad.toml:6: rule.does: this fault needs `method`, `path` or `event`",
        ),
        (
            at("method = \"x\"\ndoes = { fault = \"rewrite\" }"),
            "dir/bad.toml:7: rule.does.set: `set` or `remove` is required",
        ),
        (
            at("method = \"x\"\ndoes = { fault = \"rewrite\", remove = [\"a\"] }"),
            "dir/bad.toml:7: rule.does.remove: \"a\" is no JSON pointer",
        ),
        (
            at("method = \"x\"\ndoes = { fault = \"answer\" }"),
            "dir/bad.toml:7: rule.does.result: one of `result`",
        ),
        (
            at("method = \"x\"\ndoes = { fault = \"answer\", error = { message = \"m\" } }"),
            "dir/bad.toml:7: rule.does.error.code: is required",
        ),
        (
            at("method = \"x\"\ndoes = { fault = \"answer\", result = 2020-01-01 }"),
            "dir/bad.toml:7: rule.does.result: is a date",
        ),
        (
            does("fault = \"add-log\", topics = []"),
            "dir/bad.toml:6: rule.does.address: is required",
        ),
        (
            does("fault = \"add-log\", address = \"0x\", topics = [\"Name\"]"),
            "dir/bad.toml:6: rule.does.topics: expected a list of topics",
        ),
        (
            does("fault = \"add-log\", address = \"0x\", topics = [], block = \"new\""),
            "dir/bad.toml:6: rule.does.block: expected \"newest\"",
        ),
        (
            does("fault = \"drop-log\", topics = 1"),
            "dir/bad.toml:6: rule.does.topics: expected a list of topics",
        ),
        (
            does("fault = \"alter-log\""),
            "dir/bad.toml:6: rule.does.set: is required",
        ),
        (
            does("fault = \"drop-log\", address = \"${manger}\""),
            "dir/bad.toml:6: rule.does.address: there is no variable manger; did you mean `manager`?",
        ),
        (
            does("fault = \"drop-log\", address = \"${manager\""),
            "dir/bad.toml:6: rule.does.address: `${` is not closed",
        ),
        (
            does("fault = \"chain-id\""),
            "dir/bad.toml:6: rule.does.id: is required",
        ),
        (
            does("fault = \"genesis\", root = \"0x12\""),
            "dir/bad.toml:6: rule.does.root: expected 32 bytes",
        ),
        (
            does("fault = \"clock\""),
            "dir/bad.toml:6: rule.does.shift: either `shift` or `year`",
        ),
        (
            does("fault = \"clock\", shift = \"soon\""),
            "dir/bad.toml:6: rule.does.shift: \"soon\" is no shift",
        ),
        (
            does("fault = \"head\""),
            "dir/bad.toml:6: rule.does.behind: one of `behind`, `ahead` and `stands = true`",
        ),
        (
            does("fault = \"head\", behind = 1, ahead = 1"),
            "dir/bad.toml:6: rule.does.behind: one of",
        ),
        (
            does("fault = \"head\", behind = 1, beyond = \"clap\""),
            "rule.does.beyond: \"clap\" is none of error, clip, empty; did you mean `clip`?",
        ),
        (
            does("fault = \"range-limit\", words = \"drpc\""),
            "dir/bad.toml:6: rule.does.blocks: either `blocks` or `results`",
        ),
        (
            does("fault = \"range-limit\", blocks = 1, words = \"dprc\""),
            "is none of drpc, infura",
        ),
        (
            does("fault = \"refuse-transaction\""),
            "dir/bad.toml:6: rule.does.reason: is required",
        ),
        (
            does("fault = \"refuse-transaction\", client = \"gethh\", reason = \"pool-full\""),
            "\"gethh\" is none of geth, reth",
        ),
        (
            does("fault = \"refuse-transaction\", client = \"besu\", reason = \"pool-full\""),
            "rule.does.reason: besu refuses with one of already-known, ",
        ),
        (
            "at = \"beacon\"\ndoes = { fault = \"chain-id\", id = 1 }".to_owned(),
            "dir/bad.toml:5: rule.at: this fault is none of beacon targets",
        ),
        (
            "at = \"execution.0\"\ndoes = { fault = \"optimistic\" }".to_owned(),
            "dir/bad.toml:5: rule.at: this fault is none of execution targets",
        ),
    ] {
        let error = rule(&lines).expect_err(&lines);
        assert!(
            error.contains(expected),
            "{expected:?} expected in {error:?} of\n{lines}"
        );
        assert_eq!(error.lines().count(), 1, "one mistake, one line: {error}");
    }
}

#[test]
fn files_that_are_no_scenarios_say_so() {
    for (text, expected) in [
        ("", "dir/bad.toml:1: about: is required"),
        ("about = \"x\"", "dir/bad.toml:1: rule: is required"),
        (
            "about = \"x\"\nrule = 5",
            "dir/bad.toml:2: rule: is a list of tables: write [[rule]]",
        ),
        (
            "about = \"x\"\nrules = []",
            "dir/bad.toml:2: rules: unknown key; did you mean `rule`?",
        ),
        ("about = \"x\"\n[[rule]\n", "dir/bad.toml:2: "),
        ("about = \"x\"\nabout = \"y\"\n", "dir/bad.toml:2: "),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.contains(expected), "{expected:?} expected in {error:?}");
    }
    let rule =
        |line| format!("[[rule]]\nname = \"r\"\nat = \"execution\"\ndoes = {{ fault = \"hang\" }}\n{line}");
    let twice = read(&format!("about = \"x\"\n{}{}", rule(""), rule("")));
    assert_eq!(
        twice.unwrap_err(),
        "dir/bad.toml:6: rule.name: two rules are called r"
    );
    let several = read(&format!(
        "about = \"x\"\n{}{}",
        rule("a = 1\n"),
        rule("b = 1\n").replace("\"r\"", "\"s\"")
    ));
    assert_eq!(
        several.unwrap_err(),
        "dir/bad.toml:6: rule.a: unknown key; did you mean `at`?\ndir/bad.toml:11: rule.b: unknown key",
        "all of them, in order"
    );
}

#[test]
fn files_are_read_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut-off.toml");
    std::fs::write(
        &path,
        "about = \"x\"\n[[rule]]\nname = \"r\"\nat = \"beacon\"\ndoes = { fault = \"reset\" }",
    )
    .unwrap();
    let scenario = Scenario::load(&path, &Variables::new()).unwrap();
    assert_eq!(scenario.name(), "cut-off");
    let missing = Scenario::load(&folder.path().join("none.toml"), &Variables::new()).unwrap_err();
    assert!(
        missing.to_string().contains("none.toml: cannot be read: "),
        "{missing}"
    );
    std::fs::write(&path, " ".repeat(2 << 20)).unwrap();
    let large = Scenario::load(&path, &Variables::new()).unwrap_err();
    assert!(large.to_string().contains("is larger than 1 MiB"), "{large}");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Scenario::load(&path, &Variables::new()).is_err());
}
