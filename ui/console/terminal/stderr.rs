//! stderr, while the screen is up: native libraries write there, and one line would tear the screen.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use casimir_dkg::secrets::append_private;

/// Longest file, in bytes. One that is longer begins anew: what was said last tells why.
const MOST: u64 = 1 << 20;
/// A library that writes without end fills no disk between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// The real stderr, while it is redirected.
static REAL: Mutex<Option<OwnedFd>> = Mutex::new(None);

/// Sends stderr to the end of the file, or nowhere.
pub(super) fn redirect(to: Option<&Path>) -> io::Result<()> {
    let file = match to {
        Some(path) => append_private(path)?,
        None => File::options().write(true).open("/dev/null")?,
    };
    let mut real = self::real();
    let first = real.is_none();
    if first {
        *real = Some(rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?);
    }
    rustix::stdio::dup2_stderr(&file)?;
    if to.is_some() {
        cut(&file)?;
        if first {
            std::thread::Builder::new()
                .name("stderr".to_owned())
                .spawn(move || keep_short(&file))?;
        }
    }
    Ok(())
}

fn real() -> MutexGuard<'static, Option<OwnedFd>> {
    REAL.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Until the screen is down.
fn keep_short(file: &File) {
    while real().is_some() {
        // one that cannot be cut is no reason to end anything
        let _ = cut(file);
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// Whoever has it open writes at its end, so nobody notices.
fn cut(file: &File) -> io::Result<()> {
    match file.metadata()?.len() > MOST {
        true => file.set_len(0),
        false => Ok(()),
    }
}

/// Gives stderr back.
pub(super) fn restore() {
    if let Some(real) = real().take() {
        // nothing could be said about a failure
        let _ = rustix::stdio::dup2_stderr(&real);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_long_file_begins_anew_under_whoever_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stderr.log");
        let (mut writer, ours) = (append_private(&path).unwrap(), append_private(&path).unwrap());
        let long = vec![b'x'; usize::try_from(MOST).unwrap()];
        writer.write_all(&long).unwrap();
        cut(&ours).unwrap();
        assert_eq!(ours.metadata().unwrap().len(), MOST, "not too long yet");
        writer.write_all(b"y").unwrap();
        cut(&ours).unwrap();
        writer.write_all(b"last words").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"last words");
    }
}
