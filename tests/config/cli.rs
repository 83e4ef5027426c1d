//! The commands that need no network, and the exit codes.

use std::fs;

use super::support::{self, MINIMAL};

#[test]
fn exit_codes_are_as_the_help_says() {
    let scratch = tempfile::tempdir().unwrap();
    let bad = scratch.path().join("bad.toml");
    fs::write(&bad, "[ui]\nthem = \"x\"\n").unwrap();
    let good = scratch.path().join("good.toml");
    fs::write(&good, format!("{MINIMAL}{}", support::operators())).unwrap();
    let (bad, good) = (bad.to_str().unwrap(), good.to_str().unwrap());
    let cases: [(i32, &[&str]); 7] = [
        (0, &["config", "path"]),
        (0, &["--config", good, "config", "show"]),
        (1, &["journal", "verify", "--journal", "absent.sqlite"]),
        (2, &["--no-such-flag"]),
        (2, &["headless", "--auto-approve", "--mode", "observe"]),
        (3, &["--config", bad, "config", "show"]),
        (4, &["--config", good, "console"]),
    ];
    let (_, help, _) = support::run(support::program(scratch.path()).arg("--help"));
    for (expected, arguments) in cases {
        let (code, _, stderr) = support::run(support::program(scratch.path()).args(arguments));
        assert_eq!(code, Some(expected), "{arguments:?}: {stderr}");
        assert!(
            help.contains(&format!("\n  {expected}  ")),
            "code {expected} is documented"
        );
        assert_eq!(stderr.is_empty(), expected == 0, "{arguments:?}: {stderr}");
    }
}

#[test]
fn without_a_terminal_the_console_names_headless() {
    let scratch = tempfile::tempdir().unwrap();
    let good = scratch.path().join("good.toml");
    fs::write(&good, format!("{MINIMAL}{}", support::operators())).unwrap();
    for arguments in [&[][..], &["console"]] {
        let mut program = support::program(scratch.path());
        let (code, stdout, stderr) = support::run(program.arg("--config").arg(&good).args(arguments));
        assert_eq!(code, Some(4), "{stderr}");
        assert!(
            stderr.contains("not a terminal") && stderr.contains("casimir-dkg headless"),
            "{stderr}"
        );
        assert!(stdout.is_empty(), "no escape sequence was written: {stdout:?}");
    }
}

#[test]
fn mistakes_are_printed_together_and_before_anything_is_touched() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    fs::write(&file, "[ui]\nthem = \"x\"\n\n[log]\nkep = 3\n").unwrap();
    for command in ["headless", "doctor"] {
        let mut program = support::program(scratch.path());
        let (code, stdout, stderr) = support::run(program.arg("--config").arg(&file).arg(command));
        let text = format!("{stdout}{stderr}");
        let expected = if command == "doctor" { 1 } else { 3 };
        assert_eq!(code, Some(expected), "{command}: {text}");
        assert!(
            text.contains("c.toml:2: ui.them") && text.contains("c.toml:5: log.kep"),
            "{command}: {text}"
        );
        assert!(!scratch.path().join("state").exists(), "{command}");
    }
}

#[test]
fn config_init_writes_the_sample_once_and_for_its_owner_only() {
    let scratch = tempfile::tempdir().unwrap();
    let init = || support::run(support::program(scratch.path()).args(["config", "init"]));
    let (code, stdout, _) = init();
    assert_eq!(code, Some(0));
    let file = scratch.path().join("config/config.toml");
    assert!(stdout.contains(file.to_str().unwrap()), "{stdout}");
    assert_eq!(fs::read_to_string(&file).unwrap(), casimir_dkg::config::SAMPLE);
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions()) & 0o777,
        0o600
    );
    fs::write(&file, "# mine\n").unwrap();
    let (code, _, stderr) = init();
    assert_eq!(code, Some(1));
    assert!(stderr.contains("cannot create"), "{stderr}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\n");
}

#[test]
fn config_show_names_origins_and_hides_secrets() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let text = MINIMAL.replace(
        "127.0.0.1:8545",
        "user:hunter2@127.0.0.1:8545/v3/hunter2hunter2hunter2hunter2",
    );
    fs::write(&file, format!("{text}{}", support::operators())).unwrap();
    let show = |json: bool| {
        let mut program = support::program(scratch.path());
        program
            .arg("--config")
            .arg(&file)
            .env("CASIMIR_DKG_SIGNER_PASSWORD", "hunter3")
            .env("CASIMIR_DKG_UI_MOUSE", "true")
            .args(["config", "show", "--theme", "mono"]);
        if json {
            program.arg("--json");
        }
        let (code, stdout, stderr) = support::run(&mut program);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(!stdout.contains("hunter"), "{stdout}");
        stdout
    };
    let text = show(false);
    for (line, origin) in [
        ("mouse = true", "# CASIMIR_DKG_UI_MOUSE"),
        ("theme = \"mono\"", "# --theme"),
        ("password = \"<redacted>\"", "# CASIMIR_DKG_SIGNER_PASSWORD"),
        ("chain_id = 31337", "# preset devnet"),
        ("urls = [\"http://127.0.0.1:8545/v3/…\"]", "c.toml:6"),
        ("ascii = false", "# default"),
    ] {
        let found = text.lines().any(|l| l.starts_with(line) && l.ends_with(origin));
        assert!(found, "{line} … {origin} in\n{text}");
    }
    let objects: Vec<serde_json::Value> = show(true)
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let mouse = objects.iter().find(|o| o["key"] == "ui.mouse").unwrap();
    assert_eq!(mouse["value"], "true");
    assert_eq!(mouse["origin"], "CASIMIR_DKG_UI_MOUSE");
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let scratch = tempfile::tempdir().unwrap();
    let mut child = support::program(scratch.path())
        .args(["config", "init", "--stdout"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stderr.is_empty());
}

#[test]
fn the_flag_alone_switches_auto_on_and_is_an_error_without_rules() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let rule = "\n[[policy.rule]]\nname = \"keys\"\nkinds = [\"keygen\"]\nper_day = 3\n";
    for (mode, rules) in [("", ""), ("", rule), ("mode = \"supervised\"\n", rule)] {
        let text = MINIMAL.replace("mode = \"observe\"\n", mode);
        let signer = "\n[signer]\nkeystore = \"oracle.json\"\n";
        fs::write(&file, format!("{text}{signer}{}{rules}", support::operators())).unwrap();
        let shown = support::run(support::program(scratch.path()).arg("--config").arg(&file).args([
            "config",
            "show",
            "--auto-approve",
        ]));
        let (code, stdout, stderr) = shown;
        if rules.is_empty() {
            assert_eq!(code, Some(3), "{stdout}");
            assert!(
                stderr.contains("policy.mode")
                    && stderr.contains("--auto-approve")
                    && stderr.contains("[[policy.rule]]"),
                "{stderr}"
            );
        } else {
            assert_eq!(code, Some(0), "{stderr}");
            assert!(stdout.contains("mode = \"auto\""), "{stdout}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_fails_the_command_and_a_reader_that_left_does_not() {
    use std::process::Stdio;

    let scratch = tempfile::tempdir().unwrap();
    for arguments in [
        &["config", "init", "--stdout"][..],
        &["audit", "verifier"],
        &["completions", "bash"],
        &["handbook", "backup"],
        &["--help"],
        &["--version"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut program = support::program(scratch.path());
        let ended = program
            .args(arguments)
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            said.contains("could not be written: No space left"),
            "{arguments:?}: {said}"
        );
    }
    // its reader is gone before it begins
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut program = support::program(scratch.path());
    let ended = program
        .args(["config", "init", "--stdout"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        ended.stderr.is_empty(),
        "{:?}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[test]
fn a_pipe_in_a_files_place_is_refused_by_name_and_not_waited_for() {
    let scratch = tempfile::tempdir().unwrap();
    let pipe = scratch.path().join("pipe.toml");
    let mkfifo = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(mkfifo.success());
    let pipe = pipe.to_str().unwrap();
    for arguments in [
        &["--config", pipe, "config", "show"][..],
        &["journal", "verify", "--journal", pipe],
        &["journal", "restore", pipe, "--journal", "journal.sqlite"],
        &["explain", pipe],
    ] {
        let mut program = support::program(scratch.path());
        let (code, _, stderr) = support::run(program.current_dir(scratch.path()).args(arguments));
        assert!(matches!(code, Some(1 | 3)), "{arguments:?}: {code:?} {stderr}");
        assert!(stderr.contains("pipe.toml"), "{arguments:?}: {stderr}");
    }
}
