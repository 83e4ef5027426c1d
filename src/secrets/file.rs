//! The one way in which files are read that hold secrets: keys, mnemonics, passwords, keystores.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

/// What such a file holds, wiped when it is dropped.
#[derive(Debug)]
pub struct SecretFile {
    /// UTF-8, without the mark that some editors put before it.
    pub text: Zeroizing<String>,
    /// The permission bits, where others than its owner have any.
    pub too_open: Option<u32>,
}

impl SecretFile {
    /// Reads a file of at most `most` bytes. A pipe is as good as a file: shells hand over secrets so.
    ///
    /// # Errors
    /// It cannot be read, is longer, or is no text. Nothing of what it holds is repeated.
    pub fn read(path: &Path, most: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "is a directory, not a file",
            ));
        }
        // no growing buffer: it would leave copies behind
        let capacity = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        file.take(most + 1).read_to_end(&mut bytes)?;
        let wrong = |words: String| io::Error::new(io::ErrorKind::InvalidData, words);
        if bytes.len() as u64 > most {
            return Err(wrong(format!("is longer than {most} bytes")));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("is not UTF-8 text".to_owned()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            too_open: too_open(&metadata),
        })
    }

    /// What a person should be told of it, where others can read it.
    #[must_use]
    pub fn warning(&self, what: &str, path: &Path) -> Option<String> {
        let mode = self.too_open?;
        let shown = path.display();
        Some(format!(
            "{what} {shown} may be read by others (mode {mode:03o}); make it 600"
        ))
    }
}

/// The permission bits, when group or others have any. A pipe has none that matter.
#[cfg(unix)]
fn too_open(metadata: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    (metadata.is_file() && mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn too_open(_: &std::fs::Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let read = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            SecretFile::read(&path, 8).map(|found| found.text.to_string())
        };
        assert_eq!(read(b"12345678").unwrap(), "12345678");
        assert_eq!(
            read("\u{feff}key".as_bytes()).unwrap(),
            "key",
            "as some editors write it"
        );
        assert!(
            read(b"123456789")
                .unwrap_err()
                .to_string()
                .contains("longer than 8 bytes")
        );
        assert!(
            read(b"\xff\xfek\0e\0y\0")
                .unwrap_err()
                .to_string()
                .contains("not UTF-8")
        );
        let words = SecretFile::read(folder.path(), 8).unwrap_err().to_string();
        assert!(words.contains("is a directory"), "{words}");
    }
}
