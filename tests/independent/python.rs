//! The Python side: one virtual environment, and the scripts that run in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use super::install;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/independent");
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The interpreter of our virtual environment, made when there is none.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let version = install::run(
        Command::new("python3").args(["-I", "-c", "import sys; print(sys.version_info >= (3, 11))"]),
        "",
    )
    .unwrap_or_else(|reason| panic!("these tests need python3 (3.11 or newer) in PATH: {reason}"));
    assert_eq!(
        version.trim_ascii(),
        b"True",
        "these tests need Python 3.11 or newer"
    );
    let manifest = format!("{REQUIREMENTS}{}", python_of_path());
    let folder = install::once("independent-python", &manifest, |folder| {
        let venv = folder.join("venv");
        install::run(Command::new("python3").args(["-m", "venv"]).arg(&venv), "").map_err(|reason| {
            format!("no virtual environment (on Debian it needs the package python3-venv): {reason}")
        })?;
        install::run(
            Command::new(interpreter(folder))
                .args(["-m", "pip", "install", "--quiet", "--no-input"])
                .args(["--disable-pip-version-check", "--requirement"])
                .arg(Path::new(SCRIPTS).join("requirements.txt")),
            "",
        )?;
        Ok(())
    });
    interpreter(&folder)
});

/// A virtual environment belongs to one Python: after an upgrade of the machine's there has to be a new one.
fn python_of_path() -> String {
    let told = install::run(
        Command::new("python3").args(["-I", "-c", "import sys; print(sys.executable, sys.version)"]),
        "",
    )
    .unwrap_or_else(|reason| panic!("python3: {reason}"));
    String::from_utf8_lossy(&told).into_owned()
}

fn interpreter(folder: &Path) -> PathBuf {
    folder.join("venv/bin/python")
}

/// The interpreter that has the packages.
pub(crate) fn with_packages() -> &'static Path {
    PYTHON.as_path()
}

/// Runs a script of this folder and returns what it writes.
pub(crate) fn run_script(name: &str, input: &str) -> Vec<u8> {
    // -I: only what is in the environment counts; -B: nothing is written into the tree
    let mut command = Command::new(PYTHON.as_path());
    command.args(["-I", "-B"]).arg(Path::new(SCRIPTS).join(name));
    install::run(&mut command, input).unwrap_or_else(|reason| panic!("{name}: {reason}"))
}

/// Runs a script that reads and writes JSON.
pub(crate) fn ask(name: &str, question: &Value) -> Value {
    let answer = run_script(name, &question.to_string());
    serde_json::from_slice(&answer).unwrap_or_else(|error| panic!("{name} wrote no JSON: {error}"))
}
