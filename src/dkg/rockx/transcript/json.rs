//! Writing, reading, sealing.

use sha2::{Digest, Sha256};

use super::document::{Document, FORMAT};
use crate::types::{BackendName, Root, Transcript, TranscriptError};

/// Indented text, ending in a newline.
impl From<&Document> for Transcript {
    fn from(document: &Document) -> Self {
        // every field has a JSON form, so this cannot fail; an empty text would be read by nobody
        let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
        text.push('\n');
        Self::new(BackendName::ROCKX, document.format, text)
    }
}

impl Document {
    /// Reads the document of a transcript. This alone verifies nothing: see [`super::verify()`].
    ///
    /// # Errors
    /// It is another backend's, of another version, or not as the version says.
    pub fn read(transcript: &Transcript) -> Result<Self, TranscriptError> {
        if *transcript.backend() != BackendName::ROCKX {
            return Err(TranscriptError::Backend(transcript.backend().clone()));
        }
        if transcript.format() != FORMAT {
            return Err(TranscriptError::Format {
                found: transcript.format(),
                known: FORMAT,
            });
        }
        let document: Self = serde_json::from_str(transcript.document())?;
        // the digest is over what was read here, so it holds nothing fast that is lost in reading
        if !Transcript::is_written_as(transcript.document(), &serde_json::to_vec(&document)?) {
            return Err(TranscriptError::Form);
        }
        Ok(document)
    }

    /// SHA-256 over everything but `digest`.
    #[must_use]
    pub fn compute_digest(&self) -> Root {
        let unsealed = Self {
            digest: Root::default(),
            ..self.clone()
        };
        // as above; an empty text would match no digest
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
