//! Secrets in files: keys, tokens, and URLs that are secrets by themselves.

use std::io::Read as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::UrlSource;
use crate::types::RedactedUrl;
use zeroize::Zeroizing;

/// A key, a token or a URL is shorter than this by far.
const LONGEST: u64 = 4_096;

/// The text of a file without the space around it.
pub(super) fn read(path: &Path) -> Result<SecretString, String> {
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if text.len() as u64 > LONGEST {
        return Err(format!("{} is longer than {LONGEST} bytes", path.display()));
    }
    match text.trim() {
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
