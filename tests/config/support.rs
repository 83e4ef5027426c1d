//! Shared by the tests of this room.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use casimir_dkg::config::LoadOptions;

pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/config")
        .join(path)
}

/// A file that is the same on every machine.
pub(crate) fn vector(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(path)
}

/// Options that look at `file` only: no environment, no directories of whoever runs the tests.
pub(crate) fn options(file: &Path, scratch: &Path) -> LoadOptions {
    LoadOptions {
        file: Some(file.to_owned()),
        environment: directories(scratch),
        ..LoadOptions::default()
    }
}

pub(crate) fn directories(scratch: &Path) -> BTreeMap<String, String> {
    ["CONFIG", "STATE", "CACHE"]
        .into_iter()
        .map(|name| {
            let path = scratch.join(name.to_lowercase());
            (
                format!("CASIMIR_DKG_{name}_DIR"),
                path.to_str().unwrap().to_owned(),
            )
        })
        .collect()
}

/// The program with directories of its own, no variables of ours and no terminal.
pub(crate) fn program(scratch: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casimir-dkg"));
    for (name, _) in std::env::vars() {
        if name.starts_with("CASIMIR_DKG_") {
            command.env_remove(name);
        }
    }
    command
        .envs(directories(scratch))
        .current_dir(scratch)
        .stdin(std::process::Stdio::null());
    command
}

/// A program that was copied a moment ago is busy while another thread starts one: it has the copy's file for that moment, too.
fn output(command: &mut Command) -> Output {
    loop {
        match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            output => return output.unwrap(),
        }
    }
}

pub(crate) fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = output(command);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A configuration that the oracle accepts.
pub(crate) const MINIMAL: &str = r#"
[network]
name = "devnet"

[rpc]
urls = ["http://127.0.0.1:8545"]

[contract]
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"

[policy]
mode = "observe"
"#;

/// Four operators with real RSA keys.
pub(crate) fn operators() -> String {
    (1..=4)
        .map(|id| {
            format!(
                "[[operator]]\nid = {id}\nendpoint = \"http://127.0.0.1:{}\"\npublic_key = \"{}\"\n",
                8080 + id,
                other_key(id)
            )
        })
        .collect()
}

/// One of a few RSA public keys that differ from each other and from [`operator_key`]: nobody is two operators.
pub(crate) fn other_key(number: usize) -> &'static str {
    static KEYS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let of = |name: &str| {
            let text = std::fs::read(vector(&format!("transcripts/{name}.json"))).unwrap();
            let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
            let keys = document["operators"].as_object().unwrap().clone();
            keys.into_values().map(|key| key.as_str().unwrap().to_owned())
        };
        of("reshare").chain(of("sign")).collect()
    });
    &keys[number % keys.len()]
}

/// Puts another key in each place that `mark` has.
pub(crate) fn with_keys(text: &str, mark: &str) -> String {
    let mut parts = text.split(mark);
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .enumerate()
        .fold(first, |out, (number, part)| out + other_key(number) + part)
}

/// One RSA public key in the registry's form, made once per run: key generation is slow in debug builds.
pub(crate) fn operator_key() -> &'static str {
    static KEY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    KEY.get_or_init(|| {
        casimir_dkg::dkg::rockx::keys::OperatorPrivateKey::generate()
            .unwrap()
            .public()
            .to_registry_text()
    })
}

/// A library that makes fsync fail as soon as there is a file of this name.
#[cfg(target_os = "linux")]
const BAD_DISK: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int fails(void) { const char *file = getenv("FSYNC_FAILS"); return file && access(file, F_OK) == 0; }
int fsync(int fd) { if (fails()) { errno = EIO; return -1; } return syscall(SYS_fsync, fd); }
int fdatasync(int fd) { if (fails()) { errno = EIO; return -1; } return syscall(SYS_fdatasync, fd); }
"#;

/// That library, and the file that makes fsync fail once it is there.
#[cfg(target_os = "linux")]
pub(crate) fn bad_disk(folder: &Path) -> (PathBuf, PathBuf) {
    let (source, library) = (folder.join("bad.c"), folder.join("bad.so"));
    std::fs::write(&source, BAD_DISK).unwrap();
    let mut compile = Command::new("cc");
    compile
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source);
    assert!(compile.status().unwrap().success());
    (library, folder.join("now"))
}
