//! A write that the system refuses, or what comes through a pipe, ends no command without a word.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use casimir_dkg::journal::{Anchor, Journal, JournalError, JournalOptions, NewRecord};
use casimir_dkg::types::UnixMillis;

use super::support;

/// The program, of which no file may become longer than so many KiB.
fn limited(scratch: &Path, kib: u32, arguments: &[&str]) -> (Option<i32>, String, String) {
    let shell = format!("ulimit -f {kib}; exec \"$0\" \"$@\"");
    let mut command = Command::new("bash");
    command
        .envs(support::directories(scratch))
        .current_dir(scratch)
        .args(["-c", &shell, env!("CARGO_BIN_EXE_casimir-dkg")])
        .args(arguments);
    support::run(&mut command)
}

fn names(scratch: &Path) -> Vec<String> {
    let found = fs::read_dir(scratch).unwrap();
    let mut names: Vec<_> = found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn journal(path: &Path) {
    let options = JournalOptions::at(path);
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    let row = NewRecord {
        at: UnixMillis(1),
        kind: "note",
        body: r#"{"record":"note","case":null,"text":"one"}"#.to_owned(),
        subjects: Vec::new(),
    };
    journal.append(&[row]).unwrap();
}

#[test]
fn a_file_that_may_not_grow_is_told_and_leaves_nothing_half_written() {
    let scratch = tempfile::tempdir().unwrap();
    journal(&scratch.path().join("j.sqlite"));
    fs::write(scratch.path().join("password"), "correct horse battery\n").unwrap();
    let before = names(scratch.path());
    for arguments in [
        &["journal", "backup", "b.sqlite", "--journal", "j.sqlite"][..],
        &["keystore", "new", "k.json", "--password-file", "password"],
    ] {
        let (code, stdout, stderr) = limited(scratch.path(), 0, arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {stdout}{stderr}");
        assert!(stderr.contains("error: "), "{arguments:?}: {stderr}");
        let mut left = names(scratch.path());
        // whoever reads a journal makes them
        left.retain(|name| !name.ends_with("-shm") && !name.ends_with("-wal"));
        assert_eq!(left, before, "{arguments:?}");
    }
    let (_, _, stderr) = limited(scratch.path(), 0, &["config", "init", "c.toml"]);
    assert!(stderr.contains("File too large"), "{stderr}");
}

/// `--password-file <(pass show oracle)` and `/dev/stdin` are what people use.
#[test]
fn a_password_comes_through_a_pipe_of_this_user() {
    let scratch = tempfile::tempdir().unwrap();
    let new = |name: &str, file: &str| {
        let mut program = support::program(scratch.path());
        program.args(["keystore", "new", name, "--password-file", file]);
        program
    };
    let mut child = new("a.json", "/dev/stdin").stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"correct horse battery\n")
        .unwrap();
    assert!(child.wait().unwrap().success());
    let mut shell = Command::new("bash");
    shell
        .current_dir(scratch.path())
        .envs(support::directories(scratch.path()))
        .args([
            "-c",
            "exec \"$0\" keystore show a.json --password-file <(sleep 0.2; echo 'correct horse battery')",
        ])
        .arg(env!("CARGO_BIN_EXE_casimir-dkg"));
    let (code, stdout, stderr) = support::run(&mut shell);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
}

/// What everybody may have changed is nobody's backup.
#[test]
fn a_backup_that_everybody_may_change_is_not_restored() {
    let scratch = tempfile::tempdir().unwrap();
    let backup = scratch.path().join("b.sqlite");
    journal(&backup);
    let restore = |mode: u32| {
        for part in ["-wal", "-shm"] {
            let _ = fs::remove_file(scratch.path().join(format!("b.sqlite{part}")));
        }
        fs::set_permissions(&backup, fs::Permissions::from_mode(mode)).unwrap();
        let mut program = support::program(scratch.path());
        let to = format!("{mode:o}.sqlite");
        support::run(program.args(["journal", "restore", "b.sqlite", "--journal", &to]))
    };
    let (code, _, stderr) = restore(0o666);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("may be changed by everybody (mode 666)"),
        "{stderr}"
    );
    let (code, _, stderr) = restore(0o664);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("may be changed by its group"), "{stderr}");
    let (code, _, stderr) = restore(0o600);
    assert!(code == Some(0) && !stderr.contains("may be changed"), "{stderr}");
}
