//! Installing Lodestar: what is told when it cannot be done.

use std::path::{Path, PathBuf};

use casimir_dkg::devnet::anvil::Lookup;
use casimir_dkg::devnet::lodestar::ensure_in;

use crate::executable::script;

const NODE: &str = "echo '20 115'";
const LOADS: &str = "case $1 in --print) echo '20 115';; esac";

/// Our tools come before the system's, of which the shell is needed.
fn lookup(folder: &Path) -> Lookup {
    let mut path = folder.as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    Lookup {
        named: None,
        path,
        cache: folder.join("cache"),
    }
}

async fn error(lookup: &Lookup) -> String {
    ensure_in(lookup, &|_| ()).await.unwrap_err().to_string()
}

/// npm, a compiler and so on, the last two only as names.
fn tools(folder: &Path, node: &str, npm: &str) {
    script(folder, "node", node);
    script(folder, "npm", npm);
    for name in ["make", "c++", "python3"] {
        script(folder, name, "exit 0");
    }
}

fn installations(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder.join("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect()
}

#[tokio::test]
async fn what_is_missing_is_named_before_anything_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let empty = Lookup {
        path: folder.path().into(),
        ..lookup(folder.path())
    };
    assert!(error(&empty).await.contains("node not found in PATH"));
    script(folder.path(), "node", NODE);
    assert!(error(&empty).await.contains("npm not found in PATH"));
    script(folder.path(), "npm", "exit 0");
    assert!(error(&empty).await.contains("make or gmake not found"));
    script(folder.path(), "make", "exit 0");
    let text = error(&empty).await;
    assert!(text.contains("c++ or g++ or clang++ not found"), "{text}");
    assert!(text.contains("Python 3"), "{text}");
    assert!(installations(folder.path()).is_empty());
}

#[tokio::test]
async fn an_old_node_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    script(folder.path(), "node", "echo '18 108'");
    let text = error(&lookup(folder.path())).await;
    assert!(text.contains("this is Node.js 18"), "{text}");
}

#[tokio::test]
async fn what_npm_says_is_in_the_error_and_nothing_half_done_stays() {
    let folder = tempfile::tempdir().unwrap();
    tools(folder.path(), NODE, "echo 'npm error code E404' >&2; exit 1");
    let text = error(&lookup(folder.path())).await;
    assert!(text.contains("npm error code E404"), "{text}");
    assert!(installations(folder.path()).is_empty());
}

#[tokio::test]
async fn a_package_that_was_not_compiled_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    // npm is content, the package cannot be loaded
    tools(
        folder.path(),
        "case $1 in --print) echo '20 115';; *) echo 'Cannot find module' >&2; exit 1;; esac",
        "exit 0",
    );
    let text = error(&lookup(folder.path())).await;
    assert!(
        text.contains("snappy") && text.contains("Cannot find module"),
        "{text}"
    );
    assert!(installations(folder.path()).is_empty());
}

#[tokio::test]
async fn two_at_once_install_once() {
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    tools(
        folder.path(),
        LOADS,
        &format!("echo \"$1\" >> {}; echo made > marker", calls.display()),
    );
    let lookup = lookup(folder.path());
    let (first, second) = tokio::join!(ensure_in(&lookup, &|_| ()), ensure_in(&lookup, &|_| ()));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second);
    assert_eq!(std::fs::read_to_string(&calls).unwrap(), "ci\nrebuild\n");
    let installed = first.modules.parent().unwrap();
    assert!(
        installed.join("marker").is_file(),
        "npm ran where it was installed"
    );
    // every package of Lodestar is of the one release, and none names a registry
    let lock = std::fs::read_to_string(installed.join("package-lock.json")).unwrap();
    let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
    let packages = lock["packages"].as_object().unwrap();
    let of_lodestar: Vec<_> = packages
        .iter()
        .filter(|(name, _)| name.starts_with("node_modules/@lodestar/"))
        .collect();
    assert!(of_lodestar.len() >= 12, "{}", of_lodestar.len());
    for (name, package) in packages {
        assert!(package.get("resolved").is_none(), "{name}");
        let (_, name) = name.rsplit_once("node_modules/").unwrap_or_default();
        if name.starts_with("@lodestar/") {
            assert_eq!(
                package["version"],
                casimir_dkg::devnet::lodestar::VERSION,
                "{name}"
            );
        }
    }
}
