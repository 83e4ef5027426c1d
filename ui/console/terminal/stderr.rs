//! stderr, while the screen is up: native libraries write there, and one line would tear the screen.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Mutex;

/// The real stderr, while it is redirected.
static REAL: Mutex<Option<OwnedFd>> = Mutex::new(None);

/// Sends stderr to the end of the file, or nowhere.
pub(super) fn redirect(to: Option<&Path>) -> io::Result<()> {
    let file = match to {
        Some(path) => OpenOptions::new().create(true).append(true).open(path)?,
        None => File::options().write(true).open("/dev/null")?,
    };
    let mut real = REAL.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if real.is_none() {
        *real = Some(rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?);
    }
    rustix::stdio::dup2_stderr(&file)?;
    Ok(())
}

/// Gives stderr back.
pub(super) fn restore() {
    let mut real = REAL.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(real) = real.take() {
        // nothing could be said about a failure
        let _ = rustix::stdio::dup2_stderr(&real);
    }
}
