//! `doctor` against parts that live and parts that do not.

use std::fs;

use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig};
use serde_json::Value;

use super::support::{self, MINIMAL};

/// Verdict, hint and finding of each line by what was looked at.
fn findings(stdout: &str) -> Vec<(String, String, String, String)> {
    stdout
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            (text("what"), text("verdict"), text("found"), text("hint"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_has_its_line_and_a_failure_its_exit_code() {
    let scratch = tempfile::tempdir().unwrap();
    let messenger = messenger::spawn(MessengerConfig::new("127.0.0.1:0".parse().unwrap()))
        .await
        .unwrap();
    // an operator's node answers /ping and /version as a messenger does
    let alive = messenger.url();
    let mut operators = support::operators();
    for id in 1..=3 {
        operators = operators.replace(&format!("http://127.0.0.1:{}", 8080 + id), &alive);
    }
    // the fourth is away, and nobody listens on the execution node's port
    operators = operators.replace("http://127.0.0.1:8084", "http://127.0.0.1:1");
    let text = MINIMAL.replace("http://127.0.0.1:8545", "http://me:hunter2@127.0.0.1:1");
    let file = scratch.path().join("c.toml");
    fs::write(
        &file,
        format!("{text}[dkg]\nmessenger_url = \"{alive}\"\n{operators}"),
    )
    .unwrap();
    let run = |json: bool| {
        let mut program = support::program(scratch.path());
        program.arg("--config").arg(&file).arg("doctor");
        if json {
            program.arg("--json");
        }
        support::run(&mut program)
    };
    let (json, text) = tokio::task::spawn_blocking({
        let (json, text) = (run(true), run(false));
        move || (json, text)
    })
    .await
    .unwrap();
    messenger.shutdown().await;

    let (code, stdout, stderr) = json;
    assert_eq!((code, stderr.as_str()), (Some(1), ""), "{stdout}");
    assert!(!stdout.contains("hunter2"), "{stdout}");
    let found = findings(&stdout);
    let verdict = |what: &str| {
        let line = found.iter().find(|(name, ..)| name.starts_with(what));
        line.unwrap_or_else(|| panic!("nothing about {what} in {stdout}"))
            .clone()
    };
    for (what, expected) in [
        ("configuration", "ok"),
        ("state directory", "ok"),
        ("journal", "ok"),
        ("rpc http://127.0.0.1:1", "fail"),
        ("second endpoint", "warn"),
        ("signer", "ok"),
        ("messenger", "ok"),
        ("operator 1", "ok"),
        ("operator 4", "warn"),
        ("committee", "fail"),
        ("beacon nodes", "warn"),
    ] {
        let (_, got, finding, hint) = verdict(what);
        assert_eq!(got, expected, "{what}: {finding}");
        assert!(got == "ok" || !hint.is_empty(), "{what} says what to do");
    }
    assert!(
        verdict("committee")
            .2
            .contains("3 of 4 candidates answer, 4 are needed")
    );

    let (code, stdout, _) = text;
    assert_eq!(code, Some(1));
    assert!(
        stdout.contains("FAIL  committee") && stdout.trim_end().ends_with("to look at"),
        "{stdout}"
    );
    assert!(!scratch.path().join("state").exists(), "looking changes nothing");
}

/// One rule for everybody who is asked: an operator's host that nobody can resolve is reached over the proxy, and what is
/// on this machine is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_configured_proxy_stands_before_others_and_never_before_this_machine() {
    let scratch = tempfile::tempdir().unwrap();
    let messenger = messenger::spawn(MessengerConfig::new("127.0.0.1:0".parse().unwrap()))
        .await
        .unwrap();
    // it answers whoever asks, as a proxy would for the host that is meant
    let proxy = messenger.url();
    let operators = support::operators().replace("http://127.0.0.1:8081", "http://operator.invalid");
    let file = scratch.path().join("c.toml");
    let run = |http: &str| {
        fs::write(&file, format!("{MINIMAL}[http]\n{http}\n{operators}")).unwrap();
        let mut program = support::program(scratch.path());
        program.env("HTTP_PROXY", &proxy).env("NO_PROXY", "");
        program.arg("--config").arg(&file).args(["doctor", "--json"]);
        let (_, stdout, _) = tokio::task::block_in_place(|| support::run(&mut program));
        findings(&stdout)
    };
    let verdict = |found: &[(String, String, String, String)], what: &str| {
        let line = found.iter().find(|(name, ..)| name.starts_with(what));
        line.map(|(_, verdict, ..)| verdict.clone()).unwrap_or_default()
    };
    for rule in ["", &format!("proxy = \"{proxy}\"")] {
        let found = run(rule);
        assert_eq!(verdict(&found, "operator 1"), "ok", "{rule}: {found:?}");
        assert_eq!(verdict(&found, "operator 2"), "warn", "{rule}: {found:?}");
    }
    let found = run("proxy = \"none\"");
    assert_eq!(verdict(&found, "operator 1"), "warn", "{found:?}");
    let found = run("ca_file = \"nowhere.pem\"");
    assert_eq!(verdict(&found, "http"), "fail", "{found:?}");
    messenger.shutdown().await;
}

/// Nobody is asked to sign for that.
#[test]
fn a_signer_elsewhere_is_asked_whether_it_is_there() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let signer = format!(
        "[signer]\nkind = \"remote\"\nurl = \"http://me:hunter2@{address}\"\naddress = \
         \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n"
    );
    let text = MINIMAL.replace("127.0.0.1:8545", "127.0.0.1:1");
    fs::write(&file, format!("{text}{signer}{}", support::operators())).unwrap();
    let mut program = support::program(scratch.path());
    program.arg("--config").arg(&file).args(["doctor", "--json"]);
    let (code, stdout, _) = support::run(&mut program);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(!stdout.contains("hunter2"), "{stdout}");
    let found = findings(&stdout);
    let (_, verdict, finding, hint) = found.iter().find(|(what, ..)| what == "signer").unwrap();
    assert_eq!(verdict, "fail", "{finding}");
    assert!(finding.ends_with(": connection refused"), "{finding}");
    assert!(hint.contains("signer.url"), "{hint}");
}
