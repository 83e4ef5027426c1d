//! Finding and installing anvil: what is told when it cannot be done, and that two at once do it once.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Mutex;

use casimir_dkg::devnet::anvil::{self, Lookup, VERSION};

use super::support::quiet;
use crate::executable::script;

/// PATH with `folder` in front of what a shell script needs.
fn path_with(folder: &Path) -> OsString {
    let mut path = folder.as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    path
}

#[tokio::test]
async fn without_npm_the_error_says_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let lookup = Lookup {
        named: None,
        path: empty.path().into(),
        cache: empty.path().join("cache"),
    };
    let error = lookup.ensure(&quiet).await.unwrap_err().to_string();
    assert!(
        error.contains("npm was not found") && error.contains(VERSION),
        "{error}"
    );
    assert!(error.contains("install Node.js"), "{error}");
}

#[tokio::test]
async fn what_npm_says_is_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    script(folder.path(), "npm", "echo 'npm error code E404' >&2; exit 1");
    let cache = folder.path().join("cache");
    let lookup = Lookup {
        named: None,
        path: path_with(folder.path()),
        cache: cache.clone(),
    };
    let error = lookup.ensure(&quiet).await.unwrap_err().to_string();
    assert!(error.contains("npm error code E404"), "{error}");
    // nothing half done stays behind
    let left: Vec<_> = std::fs::read_dir(cache)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["anvil.lock"]);
}

#[tokio::test]
async fn another_version_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    script(folder.path(), "anvil", "echo 'anvil Version: 1.0.0-stable'");
    let named = Lookup {
        named: Some(folder.path().join("anvil")),
        path: OsString::new(),
        cache: folder.path().join("cache"),
    };
    let error = named.ensure(&quiet).await.unwrap_err().to_string();
    assert!(
        error.contains("1.0.0-stable") && error.contains(VERSION),
        "{error}"
    );
    // one in PATH is passed over: npm is asked, and is not there
    let in_path = Lookup {
        named: None,
        path: folder.path().into(),
        ..named
    };
    let error = in_path.ensure(&quiet).await.unwrap_err().to_string();
    assert!(error.contains("npm was not found"), "{error}");
    script(
        folder.path(),
        "anvil",
        &format!("echo 'anvil Version: {VERSION}-v{VERSION}'"),
    );
    let found = in_path.ensure(&quiet).await.unwrap();
    assert_eq!(found.path, folder.path().join("anvil"));
}

#[tokio::test]
async fn two_at_once_install_once() {
    // the real binary, put in place by a script that takes npm's part and counts its calls
    let real = anvil::ensure(&quiet).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("calls");
    let (system, arch) = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", arch) => ("darwin", arch),
        (os, arch) => (os, arch),
    };
    let arch = if arch == "aarch64" { "arm64" } else { "amd64" };
    script(
        folder.path(),
        "npm",
        &format!(
            "echo call >> {count}\n\
             while [ \"$1\" != --prefix ]; do shift; done\n\
             to=$2/node_modules/@foundry-rs/anvil-{system}-{arch}/bin\n\
             mkdir -p \"$to\" && cp {real} \"$to/anvil\"",
            count = count.display(),
            real = real.path.display(),
        ),
    );
    let lookup = Lookup {
        named: None,
        path: path_with(folder.path()),
        cache: folder.path().join("cache"),
    };
    let lines = Mutex::new(Vec::new());
    let progress = |line: &str| lines.lock().unwrap().push(line.to_owned());
    let (first, second) = tokio::join!(lookup.ensure(&progress), lookup.ensure(&progress));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second);
    assert!(first.path.starts_with(&lookup.cache));
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "call\n");
    let lines = lines.into_inner().unwrap();
    assert!(lines.iter().any(|line| line.contains("through npm")), "{lines:?}");
    // and from now on it is just there
    lookup.ensure(&quiet).await.unwrap();
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "call\n");
}

#[tokio::test]
async fn a_forged_binary_is_refused() {
    if (std::env::consts::OS, std::env::consts::ARCH) != ("linux", "x86_64") {
        return; // only this platform's digest is known
    }
    let folder = tempfile::tempdir().unwrap();
    script(
        folder.path(),
        "npm",
        &format!(
            "while [ \"$1\" != --prefix ]; do shift; done\n\
             to=$2/node_modules/@foundry-rs/anvil-linux-amd64/bin\n\
             mkdir -p \"$to\"\n\
             printf '#!/bin/sh\\necho anvil Version: {VERSION}\\n' > \"$to/anvil\"\n\
             chmod +x \"$to/anvil\""
        ),
    );
    let lookup = Lookup {
        named: None,
        path: path_with(folder.path()),
        cache: folder.path().join("cache"),
    };
    let error = lookup.ensure(&quiet).await.unwrap_err().to_string();
    assert!(error.contains("SHA-256"), "{error}");
}
