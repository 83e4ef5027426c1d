//! The help of every command, as it is printed: a change shows up in review.

use super::support;

#[test]
fn help_of_every_command() {
    let scratch = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 49] = [
        &[],
        &["console"],
        &["demo"],
        &["headless"],
        &["handbook"],
        &["status"],
        &["waiting"],
        &["show"],
        &["approve"],
        &["reject"],
        &["retry"],
        &["pause"],
        &["resume"],
        &["mode"],
        &["adopt"],
        &["person"],
        &["person", "new"],
        &["sign"],
        &["messenger"],
        &["operator"],
        &["operator", "backup"],
        &["operator", "restore"],
        &["operator", "shares", "list"],
        &["doctor"],
        &["notify"],
        &["notify", "test"],
        &["keystore"],
        &["keystore", "new"],
        &["keystore", "import"],
        &["keystore", "operator-key"],
        &["keystore", "show"],
        &["keystore", "passwd"],
        &["journal"],
        &["journal", "show"],
        &["journal", "verify"],
        &["journal", "export"],
        &["journal", "backup"],
        &["journal", "restore"],
        &["journal", "declare-lost"],
        &["journal", "new-key"],
        &["journal", "shares"],
        &["transcript", "verify"],
        &["audit"],
        &["audit", "verifier"],
        &["config"],
        &["config", "show"],
        &["config", "init"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        let mut program = support::program(scratch.path());
        let (code, stdout, stderr) = support::run(program.args(command).arg("--help").env("COLUMNS", "100"));
        assert_eq!(code, Some(0), "{command:?}: {stderr}");
        let name = if command.is_empty() {
            "help".to_owned()
        } else {
            format!("help-{}", command.join("-"))
        };
        insta::assert_snapshot!(name, stdout);
    }
}

#[test]
fn completions_for_every_shell_name_every_command() {
    let scratch = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, _) = support::run(support::program(scratch.path()).args(["completions", shell]));
        assert_eq!(code, Some(0));
        for command in ["headless", "keystore", "auto-approve"] {
            assert!(script.contains(command), "{shell} completes {command}");
        }
    }
}
