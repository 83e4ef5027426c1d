//! What can go wrong with Lodestar.

use std::path::PathBuf;

use super::VERSION;
use crate::types::SafeText;

/// No Lodestar, or it does not run.
#[derive(Debug, thiserror::Error)]
pub enum LodestarError {
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
    /// A program that the installation needs is not there.
    #[error(
        "Lodestar {VERSION} cannot be installed: {missing} not found in PATH. It needs Node.js 20 with npm, \
         and for one of its packages make, a C++ compiler and Python 3"
    )]
    Missing {
        /// Which ones.
        missing: SafeText,
    },
    /// Node.js is of a release that it does not run on.
    #[error("Lodestar {VERSION} needs Node.js 20 or newer: {reason}")]
    Node {
        /// What node said.
        reason: SafeText,
    },
    /// npm ran and failed.
    #[error("npm could not install Lodestar {VERSION}: {reason}")]
    Npm {
        /// The end of npm's output.
        reason: SafeText,
    },
    /// The one package with native code was not compiled.
    #[error(
        "Lodestar {VERSION} is installed but for its package snappy, which could not be compiled (that takes make, a C++ \
         compiler, Python 3 and the headers of Node.js): {reason}"
    )]
    Compile {
        /// The end of the compiler's output.
        reason: SafeText,
    },
    /// Another process holds the lock for too long.
    #[error("another process has been installing Lodestar for minutes; its lock is {path}")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// It did not start.
    #[error("Lodestar did not start: {reason}")]
    Start {
        /// Its last words, or what was waited for.
        reason: SafeText,
    },
    /// It runs, but not the chain that it was told to run.
    #[error("Lodestar runs another chain than it was told to: {reason}")]
    Chain {
        /// What differs.
        reason: SafeText,
    },
}
