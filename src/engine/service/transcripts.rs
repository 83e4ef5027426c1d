//! Transcripts on disk: whole, durable, and never written over, since the journal holds their digests.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::types::{RequestId, Root, SafeText};

/// Where a transcript is, or will be, and its SHA-256.
pub(super) type Named = (SafeText, Root);

/// Writes a transcript, and gives its file name and SHA-256 once it would survive a power cut. A ceremony that was looked
/// at several times has a file for each look: `<id>.json`, `<id>-2.json`, …
pub(super) fn keep(directory: &Path, request: RequestId, text: &[u8]) -> io::Result<Named> {
    let temporary = directory.join(format!(".{request}.tmp"));
    write(directory, &temporary, text)?;
    let name = free_name(directory, request)?;
    fs::rename(temporary, directory.join(&name))?;
    sync_directory(directory)?;
    Ok((SafeText::new(&name), digest(text)))
}

/// The name of a transcript that cannot be written yet. No other one has it, so that the journal can tell it before the file
/// is there.
pub(super) fn later(request: RequestId, text: &[u8]) -> Named {
    let digest = digest(text);
    let digits: String = digest.0[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    (SafeText::new(&format!("{request}-{digits}.json")), digest)
}

/// Writes what got its name from [`later`].
pub(super) fn keep_as(directory: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let temporary = directory.join(format!(".{name}.tmp"));
    write(directory, &temporary, text)?;
    fs::rename(temporary, directory.join(name))?;
    sync_directory(directory)
}

fn digest(text: &[u8]) -> Root {
    Root(Sha256::digest(text).into())
}

/// Writes a file that has no name of its own yet.
fn write(directory: &Path, temporary: &Path, text: &[u8]) -> io::Result<()> {
    if !directory.is_dir() {
        fs::create_dir_all(directory)?;
        if let Some(parent) = directory.parent() {
            sync_directory(parent)?;
        }
    }
    let mut make = OpenOptions::new();
    make.write(true).create(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut make, 0o600);
    let mut file = make.open(temporary)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Nobody else writes here: the journal beside it has one writer.
fn free_name(directory: &Path, request: RequestId) -> io::Result<String> {
    for n in 1u32.. {
        let name = match n {
            1 => format!("{request}.json"),
            n => format!("{request}-{n}.json"),
        };
        if !directory.join(&name).try_exists()? {
            return Ok(name);
        }
    }
    Err(io::Error::other("too many transcripts of one ceremony"))
}

/// A new name is durable only with its directory.
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_has_its_file_and_nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("transcripts");
        let request = RequestId([3; 24]);
        let (first, digest) = keep(&directory, request, b"the first look").unwrap();
        let (second, _) = keep(&directory, request, b"the second look").unwrap();
        assert_eq!(first.as_str(), format!("{request}.json"));
        assert_eq!(second.as_str(), format!("{request}-2.json"));
        let read = fs::read(directory.join(first.as_str())).unwrap();
        assert_eq!(read, b"the first look");
        assert_eq!(digest, Root(Sha256::digest(&read).into()));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2, "no half files");
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(directory.join(first.as_str()))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_a_crash_left_half_written_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let request = RequestId([4; 24]);
        fs::write(folder.path().join(format!(".{request}.tmp")), b"half a tran").unwrap();
        let (name, _) = keep(folder.path(), request, b"whole").unwrap();
        assert_eq!(fs::read(folder.path().join(name.as_str())).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_can_not_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("not a directory");
        fs::write(&file, b"").unwrap();
        assert!(keep(&file.join("transcripts"), RequestId([5; 24]), b"text").is_err());
    }
}
