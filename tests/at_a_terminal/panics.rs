//! A panic while the console is up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use casimir_dkg::inject::PANIC_AT;
use casimir_dkg::journal::{self, Entry};

use super::demo::{SOON, WORK, approve, ask, demo, nobody_is_left};
use super::terminal::Terminal;

const END: Duration = crate::TIMEOUT;

/// The demo, with its folder below `home`: a process that dies leaves it there.
fn dying(home: &tempfile::TempDir, part: &str) -> Terminal {
    let temporary = home.path().to_str().unwrap();
    demo(home, &[(PANIC_AT, part), ("TMPDIR", temporary)], 120, 40)
}

fn journal_of_demo(home: &Path) -> PathBuf {
    let folders = std::fs::read_dir(home)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let journals: Vec<_> = folders
        .map(|folder| folder.join("journal.sqlite"))
        .filter(|file| file.exists())
        .collect();
    assert_eq!(journals.len(), 1, "{journals:?}");
    journals[0].clone()
}

fn records(home: &Path) -> Vec<Entry> {
    journal::verify(&journal_of_demo(home)).unwrap().1
}

/// The process has died of a panic at `part`: the terminal is as it was, and says why.
fn died_visibly(terminal: &mut Terminal, part: &str) {
    let pid = terminal.pid();
    let status = terminal.end(END);
    assert_eq!(status.exit_code(), 101, "{}", terminal.text());
    assert!(terminal.is_restored());
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    let (_, after) = raw.rsplit_once("\x1b[?1049l").expect("the screen was left");
    assert!(
        after.contains(&format!("{PANIC_AT} says so: {part}")),
        "{after:?}"
    );
    nobody_is_left(pid);
}

#[test]
fn a_panic_of_the_screen_gives_the_terminal_back_and_loses_no_decision() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = dying(&home, "console");
    // its page says "decided by" when it is durable
    approve(&mut terminal, "keygen");
    terminal.press("\x1b[200~x\x1b[201~");
    died_visibly(&mut terminal, "console");
    assert!(records(home.path()).iter().any(|e| e.kind == "decided"));
}

#[test]
fn a_panic_of_the_engine_gives_the_terminal_back() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = dying(&home, "core");
    terminal.press("2/\x15waiting keygen\r");
    let row = |t: &str| t.lines().any(|l| l.contains("● waiting") && l.contains("keygen"));
    terminal.wait("a waiting keygen", WORK, row);
    terminal.press("g\r");
    terminal.expect("▸ action deposit/", SOON);
    ask(&mut terminal, &["y approve"]);
    terminal.press("y");
    died_visibly(&mut terminal, "core");
    let records = records(home.path());
    assert!(records.iter().any(|e| e.kind == "decided"));
    assert!(!records.iter().any(|e| e.kind == "ceremony-started"));
}

#[test]
fn a_panic_of_one_task_is_shown_and_the_screen_stays() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = dying(&home, "preparation");
    terminal.expect("a part of this program died at the preparation", WORK);
    // its case goes on after a while, and so does everything else
    approve(&mut terminal, "keygen");
    terminal.press("\x03\x03");
    let status = terminal.end(END);
    assert!(matches!(status.exit_code(), 0 | 130), "{status:?}");
    assert!(terminal.is_restored());
}
