//! Installing through npm into the cache directory, once for all processes of this user.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::anvil::Progress;
use super::child::supervised;
use crate::types::SafeText;

const LOCK_POLL: Duration = Duration::from_millis(100);
const REPORT_EVERY: Duration = Duration::from_secs(3);
/// How much of a program's output is kept for the error.
const LAST_WORDS: usize = 1500;

/// The lock was not had.
#[derive(Debug)]
pub(super) enum LockError {
    /// Another process holds it for too long.
    Held,
    /// The file cannot be locked.
    System(std::io::Error),
}

/// Waits for the lock; it is freed when the file is closed, so also when its holder dies.
pub(super) async fn lock(
    path: &Path,
    what: &str,
    deadline: Duration,
    progress: Progress<'_>,
) -> Result<File, LockError> {
    let file = File::create(path).map_err(LockError::System)?;
    let started = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < deadline => {
                if !std::mem::replace(&mut told, true) {
                    progress(&format!("another process is installing {what}: waiting for it"));
                }
                tokio::time::sleep(LOCK_POLL).await;
            }
            Err(TryLockError::WouldBlock) => return Err(LockError::Held),
            Err(TryLockError::Error(source)) => return Err(LockError::System(source)),
        }
    }
}

/// Removes the work of installers that were killed. Only with the lock.
pub(super) fn remove_leftovers(cache: &Path, prefix: &str) -> std::io::Result<()> {
    for entry in std::fs::read_dir(cache)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// A step of an installation failed.
#[derive(Debug)]
pub(super) enum StepError {
    /// The program could not be started.
    NotStarted(SafeText),
    /// It failed, or did not end in time: its last words.
    Failed(SafeText),
}

/// One run of npm or node in an installation.
pub(super) struct Step<'a> {
    pub(super) program: &'a Path,
    /// The value of PATH for it.
    pub(super) path: &'a OsStr,
    /// Where it runs. npm looks for a package.json upwards from there.
    pub(super) folder: &'a Path,
    /// What is told while it lasts.
    pub(super) doing: &'a str,
    /// When it is given up.
    pub(super) deadline: Duration,
}

impl Step<'_> {
    /// Runs it to its end; it ends with us too, however we end. Tells from time to time that it lasts.
    pub(super) async fn run<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        progress: Progress<'_>,
    ) -> Result<(), StepError> {
        let mut command = supervised(self.program);
        command
            .args(arguments)
            .env("PATH", self.path)
            .current_dir(self.folder);
        let mut child = Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| StepError::NotStarted(error.to_string().into()))?;
        // the program and all that it starts end when this is dropped, here or with the whole process
        let _lifeline = child.stdin.take();
        let started = Instant::now();
        let mut finished = std::pin::pin!(child.wait_with_output());
        let output = loop {
            match tokio::time::timeout(REPORT_EVERY, &mut finished).await {
                Ok(output) => break output,
                Err(_) if started.elapsed() < self.deadline => {
                    progress(&format!("{} ({} s)", self.doing, started.elapsed().as_secs()));
                }
                Err(_) => {
                    let text = format!("no end after {} s", self.deadline.as_secs());
                    return Err(StepError::Failed(text.into()));
                }
            }
        };
        let output = output.map_err(|error| StepError::Failed(error.to_string().into()))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let from = text.ceil_char_boundary(text.len().saturating_sub(LAST_WORDS));
        let text = format!("{}: {}", output.status, text[from..].trim());
        Err(StepError::Failed(SafeText::new(&text)))
    }
}
