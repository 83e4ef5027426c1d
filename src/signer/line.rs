//! The way to a signer elsewhere: its URL, whom its certificate is believed from, and what is shown to it. The client is
//! made once, and again when one of the files has changed: a renewed certificate counts without a restart, and everything
//! else goes over the connection that stands.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::SecretFile;
use crate::config::RemoteKey;
use crate::http::{Endpoint, Http, HttpOptions, HttpSetupError, Limits};
use crate::types::SafeText;

/// Longest file of a certificate chain or of its key.
const MAX_PEM: u64 = 256 << 10;
/// Longest answer: the largest transaction that nodes take is 128 KiB, in hex twice that, in an object of geth's thrice.
const MAX_ANSWER: usize = 1 << 20;

/// A remote signer cannot be asked as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// A file cannot be read.
    #[error("signer.{key} {}: {reason}", .path.display())]
    File {
        /// The key of the configuration that names it.
        key: &'static str,
        path: PathBuf,
        reason: SafeText,
    },
    /// The files are not what they should be.
    #[error("signer: {0}")]
    Http(HttpSetupError),
    /// Not a URL that can be asked.
    #[error("signer.url: {0}")]
    Url(SafeText),
}

/// As the client was made for, and may be used.
#[derive(Debug)]
pub(super) struct Line {
    key: RemoteKey,
    options: HttpOptions,
    made: Mutex<Option<(Stamps, Endpoint)>>,
}

/// By what a changed file is known: device and inode, length, and both times to the nanosecond. None: it is not there.
type Stamp = Option<(u64, u64, u64, [i64; 4])>;
/// Those of the CA file, the certificate and its key, in this order.
type Stamps = Vec<Stamp>;

impl Line {
    /// Returns what should be told, too.
    ///
    /// # Errors
    /// A file or the URL is of no use.
    pub(super) fn new(key: &RemoteKey, http: &HttpOptions) -> Result<(Self, Vec<String>), RemoteError> {
        let line = Self {
            key: key.clone(),
            options: HttpOptions {
                ca_file: key.ca_file.clone().or_else(|| http.ca_file.clone()),
                ..http.clone()
            },
            made: Mutex::default(),
        };
        let now = line.stamps();
        let (endpoint, warnings) = line.make()?;
        let made = Mutex::new(Some((now, endpoint)));
        Ok((Self { made, ..line }, warnings))
    }

    /// Where to ask, by the files as they are now.
    ///
    /// # Errors
    /// One of them is of no use, perhaps while they are renewed. Nothing is asked with those of before.
    pub(super) fn endpoint(&self) -> Result<Endpoint, RemoteError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // before they are read: what changes meanwhile is found the next time
        let now = self.stamps();
        if let Some((then, endpoint)) = made.as_ref()
            && *then == now
        {
            return Ok(endpoint.clone());
        }
        *made = None;
        let (endpoint, _) = self.make()?;
        *made = Some((now, endpoint.clone()));
        Ok(endpoint)
    }

    fn stamps(&self) -> Stamps {
        let identity = self.key.identity.iter();
        let identity = identity.flat_map(|(certificate, key)| [certificate, key]);
        let files = self.options.ca_file.iter().chain(identity);
        files.map(|file| stamp(file)).collect()
    }

    fn make(&self) -> Result<(Endpoint, Vec<String>), RemoteError> {
        let mut http = Http::new(&self.options).map_err(|error| match (error, &self.key.ca_file) {
            (HttpSetupError::CaFile { reason, .. }, Some(path)) => RemoteError::File {
                key: "ca_file",
                path: path.clone(),
                reason,
            },
            (error, _) => RemoteError::Http(error),
        })?;
        let mut warnings = Vec::new();
        if let Some((certificate, key)) = &self.key.identity {
            let read = |name, path: &PathBuf| {
                SecretFile::read(path, MAX_PEM).map_err(|error| RemoteError::File {
                    key: name,
                    path: path.clone(),
                    reason: SafeText::new(&error.to_string()),
                })
            };
            let (shown, secret) = (read("client_certificate", certificate)?, read("client_key", key)?);
            warnings.extend(secret.warning("signer.client_key", key));
            http = http
                .with_identity(&shown.text, &secret.text)
                .map_err(RemoteError::Http)?;
        }
        let limits = Limits {
            deadline: self.key.timeout,
            size: MAX_ANSWER,
        };
        let endpoint = http.endpoint(&self.key.url, limits);
        let endpoint = endpoint.map_err(|e| RemoteError::Url(SafeText::new(&e.to_string())))?;
        if self.key.identity.is_some() && !self.key.url.expose().starts_with("https:") {
            warnings
                .push("signer.url is plain HTTP: nobody asks for signer.client_certificate there".to_owned());
        }
        Ok((endpoint, warnings))
    }
}

fn stamp(file: &Path) -> Stamp {
    // behind links: certificates are often renewed by pointing one elsewhere
    let found = std::fs::metadata(file).ok()?;
    let times = [
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec(),
    ];
    Some((found.dev(), found.ino(), found.len(), times))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use alloy::primitives::Address;

    use super::*;
    use crate::types::RedactedUrl;

    fn write_pair(folder: &Path) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["oracle".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        fs::write(folder.join("c.pem"), &certificate).unwrap();
        fs::write(folder.join("ca.pem"), certificate).unwrap();
        fs::write(folder.join("c.key"), key.serialize_pem()).unwrap();
    }

    #[test]
    fn the_client_is_made_once_and_again_when_a_file_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_pair(folder.path());
        let key = RemoteKey {
            url: RedactedUrl::new("https://127.0.0.1:1"),
            address: Address::ZERO,
            timeout: Duration::from_secs(1),
            identity: Some((at("c.pem"), at("c.key"))),
            ca_file: Some(at("ca.pem")),
        };
        let (line, _) = Line::new(&key, &HttpOptions::default()).unwrap();
        let made = || line.endpoint();
        let first = made().unwrap();
        assert!(first.is(&made().unwrap()));
        write_pair(folder.path());
        let second = made().unwrap();
        assert!(!first.is(&second), "a renewed certificate counts");
        assert!(second.is(&made().unwrap()));
        // half renewed it is of no use, and nothing of before is used in its place
        fs::write(at("c.key"), "no key").unwrap();
        assert!(made().is_err() && made().is_err());
        write_pair(folder.path());
        assert!(!second.is(&made().unwrap()));
        fs::remove_file(at("ca.pem")).unwrap();
        assert!(made().is_err());
    }
}
