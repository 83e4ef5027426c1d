//! The one way in which files are opened that matter: those with secrets, and those whose words are believed.
//!
//! Judged is what is found behind links, once it is open: nobody can exchange it in between.
//!
//! | Found | Judgement |
//! |---|---|
//! | everybody may change the file, or a directory on the way to it, those of links among them | refused |
//! | its group may change it or such a directory, or one of them belongs to neither root nor this user | a warning, with the command that mends it |
//! | a directory with the sticky bit, like `/tmp` | fine: nobody exchanges the files of others there |
//! | others may read a secret | a warning, with the command that mends it |
//! | a secret of root that a group of this user may read, and nobody else (`root:casimir 0640`) | fine: it is how this user gets it |
//! | `$CREDENTIALS_DIRECTORY` of a service manager, `/run/secrets`, a file system that nobody can write | fine as it comes |
//! | a program that is run, and a file among its arguments | as a file whose words are believed |
//! | a pipe | a password, a mnemonic or a key that a command reads once may come through one of this user's; nothing else may |

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::way;
use crate::types::without_mark;

/// What a file holds, which decides who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A key, a password, a mnemonic: its owner alone reads it.
    Secret,
    /// What is done as it says: everybody may read it.
    Trusted,
}

/// A file that is open, and what a person should be told of it.
#[derive(Debug)]
pub struct Judged {
    /// At its beginning.
    pub file: File,
    /// As of the file behind links.
    pub metadata: Metadata,
    /// What is wrong with it, and the command that mends it.
    pub worries: Vec<String>,
}

impl Judged {
    /// Logs what a person should be told of it, for whoever has nobody to tell.
    #[must_use]
    pub fn logged(self, path: &Path) -> Self {
        for worry in &self.worries {
            tracing::warn!(target: "files", path = %path.display(), worry, "others may get at this file");
        }
        self
    }

    /// All of it, in memory that is wiped, without the mark that some editors put before a text.
    ///
    /// # Errors
    /// It cannot be read, or is longer than `most` bytes.
    pub fn wiped(self, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        // no growing buffer: it would leave copies behind
        let capacity = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        self.fill(most, &mut bytes)?;
        Ok(bytes)
    }

    /// All of it, without the mark that some editors put before a text.
    ///
    /// # Errors
    /// It cannot be read, or is longer than `most` bytes.
    pub fn bytes(self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.fill(most, &mut bytes)?;
        Ok(bytes)
    }

    fn fill(self, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        let too_long = || {
            let words = format!("is longer than {most} bytes");
            io::Error::new(io::ErrorKind::InvalidData, words)
        };
        // nothing of it need be in memory to tell that; a file of the kernel's has no length
        if self.metadata.len() > most {
            return Err(too_long());
        }
        self.file.take(most + 1).read_to_end(bytes)?;
        if bytes.len() as u64 > most {
            return Err(too_long());
        }
        let mark = bytes.len() - without_mark(bytes).len();
        bytes.drain(..mark);
        Ok(())
    }
}

/// That a regular file is there, whoever may read it.
///
/// # Errors
/// There is none, it is something else, or the way to it is shut: what it is, in words.
pub fn regular(path: &Path) -> io::Result<()> {
    kind_of(&std::fs::metadata(path)?)
}

pub(super) fn kind_of(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_dir() {
        let words = "is a directory, not a file";
        return Err(io::Error::new(io::ErrorKind::IsADirectory, words));
    }
    if !metadata.is_file() {
        let words = "is no regular file, but a pipe, a socket or a device";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
    }
    Ok(())
}

/// Opens a file that is to be read.
///
/// # Errors
/// It cannot be opened, is a directory, or everybody may change it.
pub fn open(path: &Path, holds: Holds) -> io::Result<Judged> {
    // a pipe that nobody writes to would be waited for without end
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    let file = options.read(true).open(path)?;
    let metadata = file.metadata()?;
    kind_of(&metadata)?;
    // which files those are: a test holds the list that doctor walks to it
    tracing::trace!(target: "files::opened", path = %path.display(), "opens a file that matters");
    let worries = judge(path, &file, &metadata, holds)?;
    Ok(Judged {
        file,
        metadata,
        worries,
    })
}

/// All of a file of at most `most` bytes that nobody else may change. What a person should be told of it is logged.
///
/// # Errors
/// As of [`open`], and of [`Judged::bytes`].
pub fn read_trusted(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    open(path, Holds::Trusted)?.logged(path).bytes(most)
}

/// What SQLite keeps beside a database: whoever may change one of them changes what the database says.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

/// A database, and what SQLite keeps beside it: beside the file itself, not beside a link to it.
#[must_use]
pub fn parts_of(path: &Path) -> [PathBuf; 3] {
    let real = path.canonicalize();
    let real = real.as_deref().unwrap_or(path);
    PARTS.map(|part| {
        let mut name = if part.is_empty() { path } else { real }.as_os_str().to_owned();
        name.push(part);
        PathBuf::from(name)
    })
}

/// Judges a database, with what stands beside it, before SQLite opens it: closing it here ends locks that this process has on
/// it. What is not there yet is fine. Gives what a person should be told of it.
///
/// # Errors
/// As of [`open`]; the words name the file where it is one beside the database.
pub fn judge_database(path: &Path, holds: Holds) -> io::Result<Vec<String>> {
    let mut worries = Vec::new();
    for part in parts_of(path) {
        let shown = part.display().to_string();
        match open(&part, holds) {
            Ok(found) => worries.extend(found.worries.iter().map(|worry| format!("{shown} {worry}"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if part == path => return Err(error),
            Err(error) => return Err(io::Error::new(error.kind(), format!("{shown} {error}"))),
        }
    }
    Ok(worries)
}

/// The same for whoever has nobody to tell: it is logged.
///
/// # Errors
/// As of [`judge_database`].
pub fn judge_ours(path: &Path, holds: Holds) -> io::Result<()> {
    for worry in judge_database(path, holds)? {
        tracing::warn!(target: "files", worry, "others may get at this file");
    }
    Ok(())
}

/// Why everybody may make and exchange files in a directory, and the command that mends it; also where one that leads to it
/// lets them.
#[must_use]
pub fn judge_directory(path: &Path) -> Option<String> {
    let us = rustix::process::geteuid().as_raw();
    let why = way::judge(&path.join("any"), us).err()?;
    Some(format!("what stands in {} {why}", path.display()))
}

fn judge(path: &Path, file: &File, metadata: &Metadata, holds: Holds) -> io::Result<Vec<String>> {
    judge_metadata(path, metadata, holds, || rustix::fs::fstatvfs(file))
}

/// `system` tells of the file system that it is on, which may be one that nobody can write.
pub(super) fn judge_metadata(
    path: &Path,
    metadata: &Metadata,
    holds: Holds,
    system: impl Fn() -> rustix::io::Result<rustix::fs::StatVfs>,
) -> io::Result<Vec<String>> {
    use std::os::unix::fs::MetadataExt as _;
    let is_fixed = |found: rustix::fs::StatVfs| found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY);
    if !metadata.is_file() || comes_so(path) || system().is_ok_and(is_fixed) {
        return Ok(Vec::new());
    }
    let (mode, shown) = (metadata.mode() & 0o777, path.display());
    if mode & 0o002 != 0 {
        let words = format!("may be changed by everybody (mode {mode:03o}): chmod o-w {shown}");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
    }
    let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let mut worries = Vec::new();
    let of_directories = way::judge(path, us)?;
    if holds == Holds::Secret && mode & 0o077 != 0 && !is_handed_over(metadata, owner, us) {
        worries.push(format!(
            "may be read by others (mode {mode:03o}): chmod 600 {shown}"
        ));
    } else if mode & 0o020 != 0 {
        worries.push(format!(
            "may be changed by its group (mode {mode:03o}): chmod g-w {shown}"
        ));
    }
    if owner != 0 && owner != us {
        let words = "belongs to another user, who may change it";
        worries.push(format!(
            "{words} (number {owner}, we are {us}): chown {us} {shown}"
        ));
    }
    worries.extend(of_directories);
    Ok(worries)
}

/// Whether root lets this user read it by a group: without the group's bit nobody but root could.
fn is_handed_over(metadata: &Metadata, owner: u32, us: u32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let ours = || {
        let group = rustix::process::Gid::from_raw(metadata.gid());
        rustix::process::getegid() == group
            || rustix::process::getgroups().is_ok_and(|groups| groups.contains(&group))
    };
    owner == 0 && us != 0 && metadata.mode() & 0o037 == 0 && ours()
}

/// Whether whoever runs this program has put it there in a way that they cannot mend, and need not.
fn comes_so(path: &Path) -> bool {
    let Ok(real) = path.canonicalize() else {
        return false;
    };
    let handed_over = |directory: &Path| directory.canonicalize().is_ok_and(|at| real.starts_with(at));
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|text| !text.is_empty());
    credentials.is_some_and(|at| handed_over(Path::new(&at))) || handed_over(Path::new("/run/secrets"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn told(path: &Path, mode: u32, holds: Holds) -> Result<Vec<String>, String> {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let opened = open(path, holds);
        opened
            .map(|found| found.worries)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn who_may_write_or_read_it_decides_and_the_words_say_what_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        fs::write(&file, "x").unwrap();
        for holds in [Holds::Secret, Holds::Trusted] {
            assert_eq!(told(&file, 0o600, holds), Ok(Vec::new()));
            let refused = told(&file, 0o666, holds).unwrap_err();
            assert!(
                refused.contains("chmod o-w ") && refused.contains("rules.toml"),
                "{refused}"
            );
        }
        assert_eq!(told(&file, 0o644, Holds::Trusted), Ok(Vec::new()));
        let worries = told(&file, 0o664, Holds::Trusted).unwrap();
        assert!(worries[0].contains("chmod g-w "), "{worries:?}");
        for mode in [0o604, 0o640, 0o664] {
            let worries = told(&file, mode, Holds::Secret).unwrap();
            assert!(worries[0].contains("chmod 600 "), "{worries:?}");
        }
    }

    #[test]
    fn the_mark_of_an_editor_is_no_part_of_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        for (written, read) in [("\u{feff}x", "x"), ("x\u{feff}", "x\u{feff}"), ("\u{feff}", "")] {
            fs::write(&file, written).unwrap();
            let judged = || open(&file, Holds::Trusted).unwrap();
            assert_eq!(judged().bytes(9).unwrap(), read.as_bytes());
            assert_eq!(*judged().wiped(9).unwrap(), read.as_bytes());
        }
    }

    /// Whoever changes the log beside a database changes what the database says.
    #[test]
    fn a_database_is_judged_with_what_stands_beside_it_and_need_not_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.sqlite"), folder.path().join("elsewhere/a"));
        assert!(judge_ours(&file, Holds::Trusted).is_ok());
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(link.parent().unwrap()).unwrap();
        symlink(&file, &link).unwrap();
        for part in PARTS {
            let part = folder.path().join(format!("a.sqlite{part}"));
            fs::write(&part, "x").unwrap();
            for (mode, good) in [(0o666, false), (0o664, true), (0o600, true)] {
                fs::set_permissions(&part, Permissions::from_mode(mode)).unwrap();
                for (name, holds) in [
                    (&file, Holds::Trusted),
                    (&file, Holds::Secret),
                    (&link, Holds::Trusted),
                ] {
                    let judged = judge_database(name, holds);
                    assert_eq!(judged.is_ok(), good, "{} {mode:o}", part.display());
                    let words = judged.map_or_else(|error| error.to_string(), |worries| worries.join("; "));
                    let beside = name == &file || part != file;
                    let named = words.contains(&part.display().to_string());
                    assert_eq!(named, mode != 0o600 && beside, "{mode:o}: {words}");
                }
            }
        }
    }

    #[test]
    fn a_directory_in_which_everybody_makes_files_draws_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).unwrap();
        for (mode, told) in [(0o700, None), (0o777, Some("chmod o-w ")), (0o1777, None)] {
            fs::set_permissions(&logs, Permissions::from_mode(mode)).unwrap();
            let found = judge_directory(&logs);
            assert_eq!(found.is_some(), told.is_some(), "{mode:o}: {found:?}");
            assert!(told.is_none_or(|words| found.unwrap().contains(words)));
        }
    }

    /// Only root can give a file away; elsewhere there is nothing to see.
    #[test]
    fn a_secret_that_root_hands_to_a_group_is_fine_for_its_members_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "x").unwrap();
        let judged = |mode: u32, owner, us| {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            is_handed_over(&fs::metadata(&file).unwrap(), owner, us)
        };
        assert!(judged(0o640, 0, 1000), "it is of a group of ours");
        assert!(judged(0o440, 0, 1000));
        for (mode, owner, us) in [
            (0o644, 0, 1000),
            (0o660, 0, 1000),
            (0o640, 1000, 1000),
            (0o640, 0, 0),
        ] {
            assert!(!judged(mode, owner, us), "{mode:o} of {owner} for {us}");
        }
        let strange = rustix::process::Gid::from_raw(54_321);
        if std::os::unix::fs::chown(&file, None, Some(54_321)).is_ok()
            && !rustix::process::getgroups().unwrap().contains(&strange)
        {
            assert!(!judged(0o640, 0, 1000), "a group of others");
        }
    }

    #[test]
    fn what_is_behind_a_link_is_judged_and_the_place_of_both() {
        let folder = tempfile::tempdir().unwrap();
        let (open_to_all, closed) = (folder.path().join("open"), folder.path().join("closed"));
        fs::create_dir(&open_to_all).unwrap();
        fs::create_dir(&closed).unwrap();
        let (file, link) = (closed.join("key"), open_to_all.join("link"));
        fs::write(&file, "x").unwrap();
        symlink(&file, &link).unwrap();
        assert!(told(&file, 0o644, Holds::Trusted).is_ok());
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        assert!(open(&link, Holds::Trusted).is_err(), "what it leads to");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&open_to_all, Permissions::from_mode(0o777)).unwrap();
        let refused = open(&link, Holds::Trusted).unwrap_err().to_string();
        assert!(
            refused.contains("is in a directory that everybody may change"),
            "{refused}"
        );
        fs::set_permissions(&open_to_all, Permissions::from_mode(0o1777)).unwrap();
        assert!(open(&link, Holds::Trusted).is_ok(), "as in /tmp");
    }
}
