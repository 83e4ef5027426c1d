//! Files that are executed right after they were written, and writes none of them itself: a test beside may begin a
//! program just then, whose process holds a file that is open here for writing until it has become that program, and the
//! system executes no such file ("Text file busy").

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A copy of the program that other users of this machine may run, wherever it was built.
pub(crate) fn for_other_users(folder: &Path) -> PathBuf {
    let copy = folder.join("program");
    let text = "cp -- \"$1\" \"$0\" && chmod 755 \"$0\"";
    shell(text, &copy, &[env!("CARGO_BIN_EXE_casimir-dkg")], "");
    copy
}

/// A shell script that stands for a tool.
pub(crate) fn script(folder: &Path, name: &str, body: &str) {
    let text = "cat > \"$0\" && chmod 755 \"$0\"";
    shell(text, &folder.join(name), &[], &format!("#!/bin/sh\n{body}\n"));
}

fn shell(text: &str, file: &Path, more: &[&str], input: &str) {
    let mut child = Command::new("/bin/sh")
        .args(["-c", text])
        .arg(file)
        .args(more)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{}", file.display());
}
