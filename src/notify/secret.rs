//! Secrets in files: keys, tokens, and URLs that are secrets by themselves.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::UrlSource;
use crate::secrets::SecretFile;
use crate::types::RedactedUrl;

/// A key, a token or a URL is shorter than this by far.
const LONGEST: u64 = 4_096;

/// The text of a file without the space around it.
pub(super) fn read(path: &Path) -> Result<SecretString, String> {
    let found = SecretFile::read(path, LONGEST)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if let Some(warning) = found.warning("the secret of a receiver of notices in", path) {
        tracing::warn!(target: "notify", "{warning}");
    }
    match found.text.trim() {
        "" => Err(format!("{} is empty", path.display())),
        text => Ok(text.to_owned().into()),
    }
}

/// Where to post to.
pub(super) fn address(address: &UrlSource) -> Result<RedactedUrl, String> {
    match address {
        UrlSource::Url(url) => Ok(url.clone()),
        UrlSource::File(path) => Ok(RedactedUrl::new(read(path)?.expose_secret())),
    }
}
