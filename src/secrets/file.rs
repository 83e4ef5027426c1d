//! The one way in which files are read that hold secrets: keys, mnemonics, passwords, keystores.

use std::io;
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::judged::{Holds, open};
use crate::types::without_mark;

/// How long a pipe is read: whoever writes into it may ask a person for another password first.
const PIPE: Duration = Duration::from_secs(60);

/// What such a file holds, wiped when it is dropped.
#[derive(Debug)]
pub struct SecretFile {
    /// UTF-8, without the mark that some editors put before it.
    pub text: Zeroizing<String>,
    /// What is wrong with its owner and mode, and the command that mends it.
    pub worries: Vec<String>,
}

impl SecretFile {
    /// Reads a file of at most `most` bytes.
    ///
    /// # Errors
    /// It cannot be read, everybody may change it, it is longer, or no text. Nothing of what it holds is repeated.
    pub fn read(path: &Path, most: u64) -> io::Result<Self> {
        let found = open(path, Holds::Secret)?;
        let worries = found.worries.clone();
        let bytes = found.wiped(most)?;
        Self::of(&bytes, worries)
    }

    fn of(bytes: &[u8], worries: Vec<String>) -> io::Result<Self> {
        let wrong = |words: String| io::Error::new(io::ErrorKind::InvalidData, words);
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8 text".to_owned()))?;
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            worries,
        })
    }

    /// The same of what is read once, by a program that a person has started: a pipe of this user's is as good as a file, since
    /// shells hand over secrets so. It is read to its end, within a minute.
    ///
    /// # Errors
    /// As of [`Self::read`]; nobody writes into the pipe, or it is another user's.
    pub fn read_once(path: &Path, most: u64) -> io::Result<Self> {
        if let Some(bytes) = super::pipe::read(path, most, PIPE)? {
            return Self::of(without_mark(&bytes), Vec::new());
        }
        Self::read(path, most)
    }

    /// What a person should be told of its owner and mode.
    #[must_use]
    pub fn warning(&self, what: &str, path: &Path) -> Option<String> {
        let shown = path.display();
        (!self.worries.is_empty()).then(|| format!("{what} {shown} {}", self.worries.join("; it ")))
    }
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
