//! Writing, reading, sealing.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::document::{FORMAT, MAX_BYTES, Transcript, TranscriptError};
use crate::types::Root;

impl Transcript {
    /// The document as text, indented, ending in a newline.
    ///
    /// # Errors
    /// It is longer than [`MAX_BYTES`].
    pub fn to_json(&self) -> Result<String, TranscriptError> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        if text.len() > MAX_BYTES {
            return Err(TranscriptError::TooLong(text.len()));
        }
        Ok(text)
    }

    /// Reads a document. This alone verifies nothing: see [`super::verify`].
    ///
    /// # Errors
    /// See [`TranscriptError`].
    pub fn from_json(text: &[u8]) -> Result<Self, TranscriptError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        if text.len() > MAX_BYTES {
            return Err(TranscriptError::TooLong(text.len()));
        }
        let version: Version = serde_json::from_slice(text)?;
        if version.format != FORMAT {
            return Err(TranscriptError::Format(version.format));
        }
        Ok(serde_json::from_slice(text)?)
    }

    /// SHA-256 over everything but `digest`.
    #[must_use]
    pub fn compute_digest(&self) -> Root {
        let unsealed = Self {
            digest: Root::default(),
            ..self.clone()
        };
        // every field has a JSON form, so this cannot fail; an empty text would match no digest
        let json = serde_json::to_vec(&unsealed).unwrap_or_default();
        Root(Sha256::digest(json).into())
    }

    /// Sets the digest.
    #[must_use]
    pub(crate) fn sealed(mut self) -> Self {
        self.digest = self.compute_digest();
        self
    }
}
