//! Which anvil to run: the one that is named, else the one in PATH, else our own copy, else one installed now.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Progress, install};
use crate::types::{SafeText, quoted};

/// The release that the local network is tested with. Others differ in what they mine and report, so they are not used.
pub const VERSION: &str = "1.7.1";
/// Names an anvil binary to use instead of any other; its version is checked as well.
const OVERRIDE: &str = "CASIMIR_ANVIL";
const VERSION_DEADLINE: Duration = Duration::from_secs(20);

/// An anvil of the right version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnvilBinary {
    /// The native executable.
    pub path: PathBuf,
}

/// No anvil, or it does not run.
#[derive(Debug, thiserror::Error)]
pub enum AnvilError {
    /// The override names something that is not the right anvil.
    #[error("{OVERRIDE} names {path}, which is not anvil {VERSION}: {reason}")]
    Override {
        /// What was named.
        path: PathBuf,
        /// What is wrong with it.
        reason: SafeText,
    },
    /// There is no place to install to.
    #[error("no cache directory: set CASIMIR_DKG_CACHE_DIR to an absolute path")]
    NoCache,
    /// The cache cannot be written.
    #[error("{path}: {source}")]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// npm is not there.
    #[error(
        "anvil {VERSION} is not in PATH and cannot be installed: npm was not found ({reason}); \
         install Node.js with npm, or anvil {VERSION} itself"
    )]
    NoNpm {
        /// What the system said.
        reason: SafeText,
    },
    /// npm ran and failed.
    #[error("npm could not install @foundry-rs/anvil {VERSION}: {reason}")]
    Npm {
        /// The end of npm's output.
        reason: SafeText,
    },
    /// Another process holds the lock for too long.
    #[error("another process has been installing anvil for minutes; its lock is {path}")]
    Locked { path: PathBuf },
    /// There is no anvil for this machine.
    #[error("the anvil package has no binary for {os} on {arch}")]
    Platform {
        /// As `std::env::consts::OS`.
        os: &'static str,
        /// As `std::env::consts::ARCH`.
        arch: &'static str,
    },
    /// What was installed is not what was expected.
    #[error("{path} is not anvil {VERSION}: {reason}")]
    Unusable {
        path: PathBuf,
        /// What is wrong with it.
        reason: SafeText,
    },
    /// Anvil did not start.
    #[error("anvil did not start: {reason}")]
    Start {
        /// Its last words, or what was waited for.
        reason: SafeText,
    },
}

/// Finds anvil, or installs it into the cache directory through npm: about 45 MB, once. `progress` is called when
/// something takes time.
///
/// # Errors
/// Nothing is found and nothing can be installed; the reason says what to do.
pub async fn ensure(progress: Progress<'_>) -> Result<AnvilBinary, AnvilError> {
    Lookup::from_environment()?.ensure(progress).await
}

/// Where anvil is looked for, and npm too.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// A binary that was named; nothing else is tried then.
    pub named: Option<PathBuf>,
    /// The value of PATH.
    pub path: OsString,
    /// The cache directory, where our own copy is kept.
    pub cache: PathBuf,
}

impl Lookup {
    /// `CASIMIR_ANVIL`, PATH, and `CASIMIR_DKG_CACHE_DIR` or the platform's cache directory.
    ///
    /// # Errors
    /// There is no cache directory.
    pub fn from_environment() -> Result<Self, AnvilError> {
        let cache = match std::env::var_os("CASIMIR_DKG_CACHE_DIR").map(PathBuf::from) {
            Some(path) => path.is_absolute().then_some(path),
            None => {
                directories::ProjectDirs::from("", "", "casimir-dkg").map(|all| all.cache_dir().to_owned())
            }
        };
        Ok(Self {
            named: std::env::var_os(OVERRIDE).map(PathBuf::from),
            path: std::env::var_os("PATH").unwrap_or_default(),
            cache: cache.ok_or(AnvilError::NoCache)?,
        })
    }

    /// As [`ensure`], but looks here.
    ///
    /// # Errors
    /// As [`ensure`].
    pub async fn ensure(&self, progress: Progress<'_>) -> Result<AnvilBinary, AnvilError> {
        if let Some(path) = &self.named {
            return match check_version(path).await {
                Ok(()) => Ok(AnvilBinary { path: path.clone() }),
                Err(reason) => Err(AnvilError::Override {
                    path: path.clone(),
                    reason,
                }),
            };
        }
        for path in self.in_path("anvil") {
            match check_version(&path).await {
                Ok(()) => return Ok(AnvilBinary { path }),
                Err(reason) => {
                    tracing::debug!(target: "devnet", path = %path.display(), %reason, "another anvil");
                }
            }
        }
        install::cached_or_install(self, progress).await
    }

    /// Every file of this name in PATH, in its order.
    pub(in crate::devnet) fn in_path(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        std::env::split_paths(&self.path)
            .filter(|folder| folder.is_absolute())
            .map(move |folder| folder.join(name))
            .filter(|file| file.is_file())
    }
}

/// Whether `path` says that it is anvil of our version.
pub(super) async fn check_version(path: &Path) -> Result<(), SafeText> {
    let run = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(VERSION_DEADLINE, run).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(error.to_string().into()),
        Err(_) => return Err("it did not tell its version".into()),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap_or_default();
    // `anvil Version: 1.7.1` or, from foundryup, `anvil Version: 1.7.1-v1.7.1`
    let version = first.strip_prefix("anvil Version: ").unwrap_or_default();
    let number = version.split(['-', '+']).next().unwrap_or_default().trim();
    if output.status.success() && number == VERSION {
        Ok(())
    } else {
        Err(SafeText::new(&format!("it says {}", quoted(first))))
    }
}
