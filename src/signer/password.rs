//! Where a keystore's password comes from: a file, or whoever asks the user.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

/// Longest password file that is read.
const MAX_FILE: u64 = 4096;

/// The password could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be read.
    #[error("password file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a password.
    #[error("password file {path}: {reason}")]
    Content {
        /// The file.
        path: String,
        /// Why.
        reason: &'static str,
    },
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
    let fail = |source| PasswordError::File {
        path: shown.clone(),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    let warning = too_open(&file.metadata().map_err(fail)?)
        .map(|mode| format!("password file {shown} may be read by others (mode {mode:03o}); make it 600"));
    let mut text = zeroize::Zeroizing::new(String::new());
    file.take(MAX_FILE).read_to_string(&mut text).map_err(fail)?;
    let line = text.split('\n').next().unwrap_or_default();
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

/// The permission bits, when group or others have any.
#[cfg(unix)]
pub(crate) fn too_open(metadata: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
pub(crate) fn too_open(_: &std::fs::Metadata) -> Option<u32> {
    None
}
