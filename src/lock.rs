//! One process at a time: a locked file that says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::owner;
use crate::types::{SafeText, UnixMillis};

/// A lock that is released just now is waited for so long.
const MOMENT: Duration = Duration::from_millis(200);
/// Longest text that is read from a lock.
const MAX_TEXT: u64 = 200;

/// What the words in a lock begin with.
const HOLDER: &str = "process ";

/// Why a lock is not ours.
#[derive(Debug)]
pub(crate) enum NotOurs {
    /// Another process has it: which, and since when, as far as it says so.
    Taken(SafeText),
    Io(io::Error),
}

/// Who holds a lock of this process, in words.
pub(crate) fn holder() -> String {
    let (process, since) = (std::process::id(), UnixMillis::now().to_rfc3339());
    format!("{HOLDER}{process}, since {since}")
}

/// Takes the lock of this file, which is made when it is missing. The operating system releases it however the process
/// ends. A link is not followed: in a directory that others write it may lead anywhere.
pub(crate) fn take(path: &Path) -> Result<File, NotOurs> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        options.mode(0o644).custom_flags(no_follow);
    }
    let (mut file, ours) = match options.open(path) {
        Ok(file) => {
            // one that cannot be given away still locks
            let _ = owner::settle(path);
            (file, true)
        }
        // of another user: what cannot be written can still be locked
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            (File::open(path).map_err(NotOurs::Io)?, false)
        }
        Err(error) => return Err(NotOurs::Io(error)),
    };
    let asked = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            // a child process holds what its parent held until its own program has begun
            Err(TryLockError::WouldBlock) if asked.elapsed() < MOMENT => std::thread::sleep(MOMENT / 20),
            Err(TryLockError::WouldBlock) => return Err(NotOurs::Taken(said(&file))),
            Err(TryLockError::Error(error)) => return Err(NotOurs::Io(error)),
        }
    }
    if ours && is_a_lock(&file) {
        // words only, and a full disk has no room for them: the lock is what counts
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(format!("{}\n", holder()).as_bytes()));
    }
    Ok(file)
}

/// Whether nothing but a lock's own words would be overwritten: another program's file may have this name.
fn is_a_lock(file: &File) -> bool {
    let mut text = String::new();
    let read = file.take(MAX_TEXT).read_to_string(&mut text);
    read.is_ok() && (text.is_empty() || text.starts_with(HOLDER))
}

/// Who has the lock of this file, if anybody has. It is not taken, nothing is made, and who takes it meanwhile waits a
/// moment at most.
pub(crate) fn holder_of(path: &Path) -> Option<SafeText> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(said(&file)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// What the holder wrote.
fn said(file: &File) -> SafeText {
    let mut text = Vec::new();
    let _ = file.take(MAX_TEXT).read_to_end(&mut text);
    words(&text)
}

/// What a holder says of itself, made safe.
pub(crate) fn words(said: &[u8]) -> SafeText {
    match String::from_utf8_lossy(said).trim() {
        "" => SafeText::new("a process that does not say more"),
        text => SafeText::new(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let held = take(&path).unwrap();
        let Err(NotOurs::Taken(who)) = take(&path) else {
            panic!("taken twice");
        };
        let process = format!("process {}, since ", std::process::id());
        assert!(who.as_str().starts_with(&process), "{who}");
        let looked = holder_of(&path).unwrap();
        assert!(looked.as_str().starts_with(&process), "{looked}");
        drop(held);
        assert_eq!(holder_of(&path), None, "what the last one wrote is no lock");
        assert_eq!(holder_of(&folder.path().join("none.lock")), None);
        drop(take(&path).unwrap());
        let others = folder.path().join("Cargo.lock");
        std::fs::write(&others, "# made by another program").unwrap();
        drop(take(&others).unwrap());
        let kept = std::fs::read_to_string(&others).unwrap();
        assert_eq!(kept, "# made by another program");
        #[cfg(unix)]
        {
            let link = folder.path().join("link.lock");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(
                matches!(take(&link), Err(NotOurs::Io(_))),
                "a link is not followed"
            );
        }
    }
}
