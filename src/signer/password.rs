//! Where a keystore's password comes from: a file, or whoever asks the user.

use std::path::Path;

use secrecy::SecretString;

use super::SecretFile;

/// Longest password file that is read.
const MAX_FILE: u64 = 4096;

/// The password could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be read.
    #[error("password file {path}: {source}")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// The file is not a password.
    #[error("password file {path}: {reason}")]
    Content { path: String, reason: &'static str },
}

/// A password, and a warning about where it was found.
#[derive(Debug)]
pub struct PasswordFile {
    /// The first line of the file, without its end.
    pub password: SecretString,
    /// The file may be read by others than its owner.
    pub warning: Option<String>,
}

/// Reads the first line of a file. Its end is not part of the password; any other white space is.
///
/// # Errors
/// The file cannot be read, or its first line is empty.
pub fn from_file(path: &Path) -> Result<PasswordFile, PasswordError> {
    let shown = path.display().to_string();
    let file = SecretFile::read_once(path, MAX_FILE).map_err(|source| PasswordError::File {
        path: shown.clone(),
        source,
    })?;
    let warning = file.warning("password file", path);
    let line = file.text.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(PasswordError::Content {
            path: shown,
            reason: "the first line is empty",
        });
    }
    Ok(PasswordFile {
        password: SecretString::from(line.to_owned()),
        warning,
    })
}
