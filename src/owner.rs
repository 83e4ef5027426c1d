//! To whom a file belongs that root makes for a service.
//!
//! A person restores a journal or looks at it as root, in a directory of the service's user. What root leaves there must
//! be that user's, or the service cannot open it and starts again for ever.

use std::io;
use std::path::Path;

/// Gives a file or directory of root to the owner of the directory that it stands in, where that is somebody else.
///
/// That owner may exchange names in the directory meanwhile: nothing behind a link is given away, and no file that has
/// another name elsewhere.
///
/// # Errors
/// It is not there, or the file system has no owners.
pub fn settle(path: &Path) -> io::Result<()> {
    use std::fs::File;
    use std::os::unix::fs::{MetadataExt as _, fchown};

    use rustix::fs::{Mode, OFlags};

    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let Some(name) = path.file_name() else {
        return Ok(());
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let directory = File::from(rustix::fs::open(
        parent(path),
        flags | OFlags::DIRECTORY,
        Mode::empty(),
    )?);
    let theirs = directory.metadata()?;
    if theirs.uid() == 0 {
        return Ok(());
    }
    // a pipe in the file's place must not be waited for
    let careful = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(&directory, name, careful, Mode::empty())?);
    let found = file.metadata()?;
    let has_one_name = found.is_dir() || (found.is_file() && found.nlink() == 1);
    if found.uid() == 0 && has_one_name {
        fchown(&file, Some(theirs.uid()), Some(theirs.gid()))?;
    }
    Ok(())
}

/// Makes a directory and those above it that are missing, each of them [settled](settle). `mode` counts before the umask.
///
/// # Errors
/// One of them cannot be made.
pub fn make_directories(path: &Path, mode: u32) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    make_directories(parent(path), mode)?;
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    match builder.create(path) {
        // another process made it meanwhile
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        // what stands there is named, and not what was to stand within it
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let words = format!("{} is there and is no directory", path.display());
            Err(io::Error::new(io::ErrorKind::NotADirectory, words))
        }
        Err(error) => {
            let (path, above) = (path.display(), parent(path).display());
            let words = format!("the directory {path} cannot be made in {above}: {error}");
            Err(io::Error::new(error.kind(), words))
        }
        Ok(()) => settle(path),
    }
}

/// The directory that something stands in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::disallowed_macros, reason = "tells what was not looked at")]
    #![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, chown, symlink};

    use super::*;

    /// Some user of a service; no such account needs to be there.
    pub(crate) const SERVICE: u32 = 12_345;

    /// A directory of a service's user. `None`, said, where this is not run by root.
    pub(crate) fn theirs() -> Option<tempfile::TempDir> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root gives files away");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        chown(folder.path(), Some(SERVICE), Some(SERVICE)).unwrap();
        Some(folder)
    }

    /// Everything below a directory, with its owner.
    pub(crate) fn owners(folder: &Path) -> Vec<(String, u32)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let of = fs::symlink_metadata(&path).unwrap();
            found.push((path.display().to_string(), of.uid()));
            if of.is_dir() {
                found.extend(owners(&path));
            }
        }
        found
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_said_with_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = make_directories(&file.join("a/b"), 0o700).unwrap_err();
        let words = format!("{} is there and is no directory", file.display());
        assert_eq!(
            (error.kind(), error.to_string()),
            (io::ErrorKind::NotADirectory, words)
        );
        let error = make_directories(Path::new("/proc/casimir-dkg/a"), 0o700).unwrap_err();
        let words = error.to_string();
        assert!(
            words.starts_with("the directory /proc/casimir-dkg cannot be made in /proc: "),
            "{words}"
        );
    }

    #[test]
    fn what_root_makes_in_the_directory_of_a_service_belongs_to_the_service() {
        let Some(folder) = theirs() else { return };
        let file = folder.path().join("a/b/file");
        make_directories(file.parent().unwrap(), 0o700).unwrap();
        fs::write(&file, "").unwrap();
        settle(&file).unwrap();
        let found = owners(folder.path());
        assert!(
            found.len() == 3 && found.iter().all(|(_, uid)| *uid == SERVICE),
            "{found:?}"
        );
    }

    #[test]
    fn nothing_of_root_elsewhere_is_given_away() {
        let Some(folder) = theirs() else { return };
        let elsewhere = tempfile::tempdir().unwrap();
        let secret = elsewhere.path().join("secret");
        fs::write(&secret, "").unwrap();
        settle(&secret).unwrap();
        let (link, name) = (folder.path().join("link"), folder.path().join("name"));
        symlink(&secret, &link).unwrap();
        let _ = settle(&link);
        // where temporary files stand on another file system there is no such name
        if fs::hard_link(&secret, &name).is_ok() {
            settle(&name).unwrap();
        }
        assert_eq!(fs::metadata(&secret).unwrap().uid(), 0);
    }
}
