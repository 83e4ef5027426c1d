//! Installing Lodestar through npm, once for all processes of this user.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{LodestarError, VERSION};
use crate::devnet::anvil::{Lookup, Progress};
use crate::devnet::npm::{self, LockError, Step, StepError};
use crate::types::{SafeText, quoted};

const MANIFEST: &str = include_str!("npm/package.json");
const LOCK_FILE: &str = include_str!("npm/package-lock.json");
/// The oldest Node.js that it is known to run on.
const OLDEST_NODE: u32 = 20;
const NODE_DEADLINE: Duration = Duration::from_secs(20);
const NPM_DEADLINE: Duration = Duration::from_secs(600);
const COMPILE_DEADLINE: Duration = Duration::from_secs(180);
const LOCK_DEADLINE: Duration = Duration::from_secs(900);
/// Installations in progress are in folders with such names.
const WORK_PREFIX: &str = "lodestar-install-";

/// An installed Lodestar, and the Node.js that it was installed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LodestarPackage {
    /// The `node` executable.
    pub node: PathBuf,
    /// The folder `node_modules`.
    pub modules: PathBuf,
}

/// Finds our copy in the cache directory, or installs it there through npm: about 280 MB, once. `progress` is called
/// when something takes time.
///
/// # Errors
/// Something that it needs is missing or fails; the reason says what to do.
pub async fn ensure(progress: Progress<'_>) -> Result<LodestarPackage, LodestarError> {
    let lookup = Lookup::from_environment().map_err(|_| LodestarError::NoCache)?;
    ensure_in(&lookup, progress).await
}

/// As [`ensure`], but looks here.
///
/// # Errors
/// As [`ensure`].
pub async fn ensure_in(lookup: &Lookup, progress: Progress<'_>) -> Result<LodestarPackage, LodestarError> {
    let cache = lookup.cache.as_path();
    let node = program(lookup, "node")?;
    // native code is compiled for one ABI of Node.js, and a new lock file is a new installation
    let abi = abi(&node).await?;
    let digest = Sha256::new().chain_update(MANIFEST).chain_update(LOCK_FILE);
    let digest = hex::encode(&digest.finalize()[..4]);
    let folder = cache.join(format!("lodestar-{VERSION}-abi{abi}-{digest}"));
    let package = LodestarPackage {
        node,
        modules: folder.join("node_modules"),
    };
    // a folder of this name is complete: it is renamed to it as the last step
    if folder.is_dir() {
        return Ok(package);
    }
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| LodestarError::Cache { path, source }
    };
    std::fs::create_dir_all(cache).map_err(at(cache))?;
    let lock = cache.join("lodestar.lock");
    let _lock = npm::lock(&lock, "Lodestar", LOCK_DEADLINE, progress)
        .await
        .map_err(|error| match error {
            LockError::Held => LodestarError::Locked { path: lock.clone() },
            LockError::System(source) => at(&lock)(source),
        })?;
    // whoever held the lock may have done it
    if folder.is_dir() {
        return Ok(package);
    }
    npm::remove_leftovers(cache, WORK_PREFIX).map_err(at(cache))?;
    let work = tempfile::Builder::new()
        .prefix(WORK_PREFIX)
        .tempdir_in(cache)
        .map_err(at(cache))?;
    for (name, text) in [("package.json", MANIFEST), ("package-lock.json", LOCK_FILE)] {
        let file = work.path().join(name);
        std::fs::write(&file, text).map_err(at(&file))?;
    }
    install(lookup, &package.node, work.path(), progress).await?;
    std::fs::rename(work.path(), &folder).map_err(at(&folder))?;
    progress(&format!("Lodestar {VERSION} installed in {}", folder.display()));
    Ok(package)
}

/// `npm ci`, without running any script of the packages, then the one script that is needed.
async fn install(
    lookup: &Lookup,
    node: &Path,
    folder: &Path,
    progress: Progress<'_>,
) -> Result<(), LodestarError> {
    let npm = program(lookup, "npm")?;
    program_of(lookup, &["make", "gmake"])?;
    program_of(lookup, &["c++", "g++", "clang++"])?;
    program_of(lookup, &["python3", "python"])?;
    let fetch = format!("installing Lodestar {VERSION} through npm");
    progress(&format!("{fetch}, once (about 280 MB, some minutes)"));
    let mut step = Step {
        program: &npm,
        path: &lookup.path,
        folder,
        doing: &fetch,
        deadline: NPM_DEADLINE,
    };
    step.run(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], progress)
        .await
        .map_err(|error| match error {
            StepError::NotStarted(reason) | StepError::Failed(reason) => LodestarError::Npm { reason },
        })?;
    let failed = |error| match error {
        StepError::NotStarted(reason) | StepError::Failed(reason) => LodestarError::Compile { reason },
    };
    step.doing = "compiling Lodestar's package snappy";
    step.deadline = COMPILE_DEADLINE;
    progress(step.doing);
    step.run(["rebuild", "snappy"], progress).await.map_err(failed)?;
    // npm says "rebuilt" also where a policy kept it from running the script
    step.program = node;
    step.run(["--eval", "require('snappy')"], progress)
        .await
        .map_err(failed)
}

fn program(lookup: &Lookup, name: &str) -> Result<PathBuf, LodestarError> {
    program_of(lookup, &[name])
}

/// The first of these programs that is in PATH.
fn program_of(lookup: &Lookup, names: &[&str]) -> Result<PathBuf, LodestarError> {
    names
        .iter()
        .find_map(|name| lookup.in_path(name).next())
        .ok_or_else(|| LodestarError::Missing {
            missing: SafeText::new(&names.join(" or ")),
        })
}

/// The version of the binary interface between Node.js and native packages.
async fn abi(node: &Path) -> Result<u32, LodestarError> {
    let failed = |reason: String| LodestarError::Node {
        reason: SafeText::new(&reason),
    };
    let run = Command::new(node)
        .args([
            "--print",
            "process.versions.node.split('.')[0] + ' ' + process.versions.modules",
        ])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(NODE_DEADLINE, run)
        .await
        .map_err(|_| failed("node does not answer".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = text.trim().split_once(' ');
    match numbers.map(|(release, abi)| (release.parse::<u32>(), abi.parse::<u32>())) {
        Some((Ok(release), Ok(abi))) if release >= OLDEST_NODE => Ok(abi),
        Some((Ok(release), Ok(_))) => Err(failed(format!("this is Node.js {release}"))),
        _ => Err(failed(format!("node says {}", quoted(text.trim())))),
    }
}
