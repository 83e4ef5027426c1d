//! The one way in which files are made that nobody else needs to read: at once with their mode, not with the umask's.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use tempfile::TempPath;

use crate::owner;

/// Makes a file (0600) and its directory (0700) before something else, such as a database, would make them with the
/// process's umask. Those that are there stay as they are: their modes are their owner's. What root makes belongs to whoever
/// the directory belongs to, as does what SQLite makes beside it.
///
/// # Errors
/// One of them cannot be made, or the file cannot be written.
pub fn make_private(path: &Path) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        owner::make_directories(dir, 0o700)?;
    }
    append_private(path).map(drop)
}

/// The directory in which `to` would be, where it is missing: a disk that is not mounted looks like that, and a backup that
/// makes the directory is on another one.
#[must_use]
pub(crate) fn unmounted(to: &Path) -> Option<(&Path, io::Error)> {
    let directory = owner::parent(to);
    let words = "no such directory, and a backup makes none: is its disk mounted?";
    (!directory.is_dir()).then(|| (directory, io::Error::new(io::ErrorKind::NotFound, words)))
}

/// A new file (0600) with a name of its own beside `to`, for what becomes `to` once it is whole. It is removed when it is
/// dropped. What root makes belongs to whoever the directory belongs to.
///
/// # Errors
/// The directory cannot be made or written.
pub fn partial_of(to: &Path) -> io::Result<TempPath> {
    let directory = match to.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    owner::make_directories(directory, 0o700)?;
    let mut prefix = to.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    let partial = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".partial")
        .tempfile_in(directory)?
        .into_temp_path();
    owner::settle(&partial)?;
    Ok(partial)
}

/// Opens a file at its end; one that is missing is made with mode 0600.
///
/// # Errors
/// It cannot be made or written.
pub fn append_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = private(options.create(true).append(true)).open(path)?;
    // another name for the file is followed
    owner::settle(&std::fs::canonicalize(path)?)?;
    Ok(file)
}

/// Writes a file as a whole; one that is missing is made with mode 0600.
///
/// # Errors
/// It cannot be made or written.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    private(options.create(true).truncate(true).write(true))
        .open(path)?
        .write_all(content)
}

/// Has a file (0600) written beside `place` and moved over it: a crash of this program leaves the old one or the new one. What
/// must outlast a crash of the machine is synced by `fill`.
///
/// # Errors
/// It cannot be made, written or moved; the old one stays.
pub fn replace_private(
    place: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut temporary = place.as_os_str().to_owned();
    temporary.push(".new");
    let mut options = OpenOptions::new();
    let made = private(options.create(true).truncate(true).write(true)).open(&temporary)?;
    let mut file = BufWriter::new(made);
    fill(&mut file)?;
    file.flush()?;
    drop(file);
    std::fs::rename(&temporary, place)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // a pipe that nobody reads would be waited for without end
        let at_once = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        options.mode(0o600).custom_flags(at_once);
    }
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nobody_else_reads_what_is_made_so() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = folder.path().join("deep/er/a.sqlite");
        make_private(&file).unwrap();
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        let (log, shot) = (folder.path().join("a.log"), folder.path().join("a.txt"));
        append_private(&log).unwrap();
        write_private(&shot, b"x").unwrap();
        assert_eq!((mode(&log), mode(&shot)), (0o600, 0o600));
        replace_private(&shot, |file| file.write_all(b"y")).unwrap();
        let refused = replace_private(&shot, |_| Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(
            (std::fs::read(&shot).unwrap(), mode(&shot)),
            (b"y".to_vec(), 0o600)
        );
    }
}
