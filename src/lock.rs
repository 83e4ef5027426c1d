//! One process at a time: a locked file that says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::owner;
use crate::types::{SafeText, UnixMillis};

/// A lock that is released just now is waited for so long.
const MOMENT: Duration = Duration::from_secs(1);
/// It is tried again after so long.
const AGAIN: Duration = Duration::from_millis(10);
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

/// A lock that this process has, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held(File);

impl std::ops::Deref for Held {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Held {
    /// Closed alone, the file would stay locked for as long as a child has it open that was begun meanwhile, until that
    /// child's own program runs.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Who holds a lock of this process, in words.
pub(crate) fn holder() -> String {
    let (process, since) = (std::process::id(), UnixMillis::now().to_utc());
    format!("{HOLDER}{process}, since {since}")
}

/// The directory of a lock's file, made where it is missing, by its name without links.
pub(crate) fn home_of(path: &Path) -> io::Result<PathBuf> {
    let directory = owner::parent(path);
    owner::make_directories(directory, 0o700)?;
    directory.canonicalize()
}

/// Takes the lock of this file, which is made when it is missing. The operating system releases it however the process
/// ends. A link is not followed: in a directory that others write it may lead anywhere. Only a file counts that this user,
/// root or the directory's owner made, and nobody else can open it: whoever can open a file can lock it.
pub(crate) fn take(path: &Path) -> Result<Held, NotOurs> {
    let asked = Instant::now();
    loop {
        let mut file = open(path, Makes::Missing).map_err(NotOurs::Io)?;
        // one that cannot be given away still locks
        let _ = owner::settle(path);
        match file.try_lock() {
            // whoever held it before may have removed it
            Ok(()) if !is_at(&file, path) && asked.elapsed() < MOMENT => continue,
            Ok(()) => {
                tell(&mut file);
                return Ok(Held(file));
            }
            // a child of a process that was killed holds what its parent held until its own program has begun
            Err(TryLockError::WouldBlock) if asked.elapsed() < MOMENT => std::thread::sleep(AGAIN),
            Err(TryLockError::WouldBlock) => return Err(NotOurs::Taken(said(&file))),
            Err(TryLockError::Error(error)) => return Err(NotOurs::Io(error)),
        }
    }
}

/// Writes into a lock who holds it: words only, and a full disk has no room for them. The lock is what counts.
fn tell(file: &mut File) {
    if is_a_lock(file) {
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(format!("{}\n", holder()).as_bytes()));
    }
}

/// What stands behind a holder's words while it reads its journal, before the number of a record.
pub(crate) const READS: &str = ", reads its journal (";

/// Whether the holder that says this is still reading its journal.
#[must_use]
pub fn reads(holder: &SafeText) -> bool {
    holder.as_str().contains(READS)
}

/// Writes into a held lock, behind who holds it, what that process is at; nothing takes it back. Whoever reads meanwhile
/// finds the words of before or these.
pub(crate) fn add(mut file: &File, words: &str) {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(MAX_TEXT).read_to_string(&mut text));
    if read.is_err() || !text.starts_with(HOLDER) {
        return;
    }
    let holder = text.split(READS).next().unwrap_or_default().trim_end();
    let text = format!("{holder}{words}\n");
    let length = text.len() as u64;
    let _ = file
        .rewind()
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.set_len(length));
}

/// What becomes of a lock's file that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Makes {
    Missing,
    Nothing,
}

/// Opens a lock's file, where it is one that counts.
fn open(path: &Path, makes: Makes) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};

    use rustix::fs::OFlags;

    // a pipe in the file's place must not be waited for
    let careful = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let makes = makes == Makes::Missing;
    let file = OpenOptions::new()
        .read(true)
        .write(makes)
        .create(makes)
        .truncate(false)
        .mode(0o600)
        .custom_flags(careful)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("is no file"));
    }
    let (me, its) = (rustix::process::geteuid().as_raw(), found.uid());
    let directory = || std::fs::metadata(owner::parent(path)).map(|directory| directory.uid());
    if its != me && its != 0 && directory()? != its {
        let words = format!("belongs to another user (uid {its}), whose lock is none of ours: remove it");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
    }
    if makes && found.mode() & 0o077 != 0 {
        // as earlier versions made it; on a file system without modes it stays
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o600));
    }
    Ok(file)
}

/// Whether the path leads to this file and to no later one.
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let number = |found: std::fs::Metadata| (found.dev(), found.ino());
    let there = std::fs::symlink_metadata(path).map(number);
    matches!((file.metadata().map(number), there), (Ok(held), Ok(there)) if held == there)
}

/// Removes the file of a lock that is held, and gives the lock back. Whoever waits for it makes another.
pub(crate) fn remove(held: Held, path: &Path) {
    if is_at(&held, path) {
        let _ = std::fs::remove_file(path);
    }
    drop(held);
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
    let file = open(path, Makes::Nothing).ok()?;
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
        let again = take(&path).unwrap();
        remove(again, &path);
        assert!(!path.exists());
        drop(take(&path).unwrap());
        {
            let link = folder.path().join("link.lock");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(
                matches!(take(&link), Err(NotOurs::Io(_))),
                "a link is not followed"
            );
        }
    }

    /// A child that was begun meanwhile has a duplicate until its own program runs.
    #[test]
    fn a_lock_that_is_given_back_is_free_although_its_file_is_open_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let held = take(&path).unwrap();
        let of_a_child = held.try_clone().unwrap();
        drop(held);
        assert_eq!(holder_of(&path), None);
        let again = take(&path).unwrap();
        assert!(
            holder_of(&path).is_some(),
            "another one's is not given back with it"
        );
        drop((of_a_child, again));
    }

    /// Whoever can open a file can lock it, so only its owner can.
    #[test]
    fn a_lock_that_others_made_or_could_open_is_none() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::{PermissionsExt as _, chown};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        drop(take(&path).unwrap());
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        drop(take(&path).unwrap());
        assert_eq!(mode(), 0o600, "as earlier versions made it");
        let pipe = folder.path().join("pipe.lock");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        assert!(matches!(take(&pipe), Err(NotOurs::Io(_))));
        assert_eq!(holder_of(&pipe), None);
        if crate::owner::tests::theirs().is_some() {
            let held = take(&path).unwrap();
            chown(&path, Some(crate::owner::tests::SERVICE), None).unwrap();
            let Err(NotOurs::Io(error)) = take(&path) else {
                panic!("another user's lock counts");
            };
            assert!(error.to_string().contains("uid 12345"), "{error}");
            assert_eq!(holder_of(&path), None);
            drop(held);
        }
    }
}
