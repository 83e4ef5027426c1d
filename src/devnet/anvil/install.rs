//! Installing anvil through npm, once for all processes of this user.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::binary::{AnvilBinary, AnvilError, Lookup, VERSION, check_version};
use super::{Progress, binary};
use crate::devnet::npm::{self, LockError, Step, StepError};

const NPM_DEADLINE: Duration = Duration::from_secs(300);
const LOCK_DEADLINE: Duration = Duration::from_secs(360);
/// Installations in progress are in folders with such names.
const WORK_PREFIX: &str = "anvil-install-";

/// SHA-256 of the binaries that we have seen. For a platform that is not listed, the registry's own integrity value,
/// which npm checks, has to do.
const KNOWN_BINARIES: &[(&str, &str)] = &[(
    "linux-amd64",
    "10c1c727d6c1de973aeb160e59875b9a9a23464d6e74149ee8abb30b3500311b",
)];

/// The platform's name in the npm package.
fn platform() -> Result<String, AnvilError> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let system = match os {
        "linux" => "linux",
        "macos" => "darwin",
        _ => return Err(AnvilError::Platform { os, arch }),
    };
    match arch {
        "x86_64" => Ok(format!("{system}-amd64")),
        "aarch64" => Ok(format!("{system}-arm64")),
        _ => Err(AnvilError::Platform { os, arch }),
    }
}

/// The executable inside an installation: the platform package's own file, not the script that wraps it, so that the
/// process we start is anvil.
fn binary_in(folder: &Path, platform: &str) -> PathBuf {
    folder
        .join("node_modules/@foundry-rs")
        .join(format!("anvil-{platform}"))
        .join("bin/anvil")
}

/// Our copy in `cache`; installed first when there is none.
pub(super) async fn cached_or_install(
    lookup: &Lookup,
    progress: Progress<'_>,
) -> Result<AnvilBinary, AnvilError> {
    let cache = lookup.cache.as_path();
    let platform = platform()?;
    let folder = cache.join(format!("anvil-{VERSION}"));
    let path = binary_in(&folder, &platform);
    if check_version(&path).await.is_ok() {
        return Ok(AnvilBinary { path });
    }
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| AnvilError::Cache { path, source }
    };
    std::fs::create_dir_all(cache).map_err(at(cache))?;
    let lock = cache.join("anvil.lock");
    let _lock = npm::lock(&lock, "anvil", LOCK_DEADLINE, progress)
        .await
        .map_err(|error| match error {
            LockError::Held => AnvilError::Locked { path: lock.clone() },
            LockError::System(source) => at(&lock)(source),
        })?;
    // whoever held the lock may have done it
    if check_version(&path).await.is_ok() {
        return Ok(AnvilBinary { path });
    }
    remove_remains(cache, &folder).map_err(at(cache))?;
    let work = tempfile::Builder::new()
        .prefix(WORK_PREFIX)
        .tempdir_in(cache)
        .map_err(at(cache))?;
    npm_install(lookup, work.path(), progress).await?;
    let fresh = binary_in(work.path(), &platform);
    check_digest(&fresh, &platform)?;
    check_version(&fresh)
        .await
        .map_err(|reason| AnvilError::Unusable { path: fresh, reason })?;
    std::fs::rename(work.path(), &folder).map_err(at(&folder))?;
    progress(&format!("anvil {VERSION} installed in {}", folder.display()));
    Ok(AnvilBinary { path })
}

/// What stands in the way: a broken installation, and the work of installers that were killed. Only with the lock.
fn remove_remains(cache: &Path, folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    npm::remove_leftovers(cache, WORK_PREFIX)
}

/// `npm install` into `folder`, without running any script of the packages.
async fn npm_install(lookup: &Lookup, folder: &Path, progress: Progress<'_>) -> Result<(), AnvilError> {
    let program = lookup.in_path("npm").next().ok_or_else(|| AnvilError::NoNpm {
        reason: "it is not in PATH".into(),
    })?;
    let doing = format!("installing anvil {VERSION} through npm");
    progress(&format!("{doing}, once (about 45 MB)"));
    let step = Step {
        program: &program,
        path: &lookup.path,
        folder,
        doing: &doing,
        deadline: NPM_DEADLINE,
    };
    let package = format!("@foundry-rs/anvil@{VERSION}");
    let flags = [
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefix",
    ];
    let arguments = flags.map(AsRef::as_ref).into_iter();
    step.run(arguments.chain([folder.as_os_str(), package.as_ref()]), progress)
        .await
        .map_err(|error| match error {
            StepError::NotStarted(reason) => AnvilError::NoNpm { reason },
            StepError::Failed(reason) => AnvilError::Npm { reason },
        })
}

fn check_digest(path: &Path, platform: &str) -> Result<(), AnvilError> {
    let Some((_, expected)) = KNOWN_BINARIES.iter().find(|(name, _)| *name == platform) else {
        return Ok(());
    };
    let unusable = |reason: String| binary::AnvilError::Unusable {
        path: path.to_owned(),
        reason: reason.into(),
    };
    let mut file = File::open(path).map_err(|error| unusable(error.to_string()))?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).map_err(|error| unusable(error.to_string()))?;
    let digest = hex::encode(hasher.finalize());
    if digest == *expected {
        Ok(())
    } else {
        Err(unusable(format!("its SHA-256 is {digest}, expected {expected}")))
    }
}
