//! A ceremony's transcript as everybody but its backend sees it: a JSON document that says which backend wrote it, and
//! in which version of that backend's format.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use super::{
    BackendName, CaseId, CeremonyStep, OperatorId, OperatorProgress, RequestId, Root, RsaPublicKeyText,
    Verification, without_mark,
};

/// The record of one ceremony that proves how it ended, checkable offline. What stands in the document, and what it
/// proves, only its backend knows.
///
/// On disk it is the document and nothing else, a JSON object with these two fields beside the backend's own:
///
/// | field | content |
/// |---|---|
/// | `format` | version of the backend's format |
/// | `backend` | which backend; left out by RockX, whose transcripts are older than this field |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    backend: BackendName,
    format: u32,
    document: String,
}

/// The text is not a transcript, or the transcript is too large to be kept.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// More than [`Transcript::MAX_BYTES`].
    #[error("{0} bytes, at most {max} are taken", max = Transcript::MAX_BYTES)]
    TooLong(usize),
    /// Not JSON, a field missing, unknown or of the wrong kind.
    #[error("not a transcript: {0}")]
    Json(#[from] serde_json::Error),
    /// It says the same in other letters: a digest could not tell it from what was written.
    #[error(
        "not as transcripts are written: fields stand in another order, or values in another form, than the format has"
    )]
    Form,
    /// Of a version that this program does not read.
    #[error("transcript format {found}, this program reads {known}")]
    Format {
        /// Format version of the document.
        found: u32,
        /// What the backend reads.
        known: u32,
    },
    /// Of a backend that this program does not have.
    #[error("a transcript of {0}, which this program does not know")]
    Backend(BackendName),
}

/// Whose oracle held a ceremony, and for which of its cases: what leads from a transcript to its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldFor {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The manager contract.
    pub manager: Address,
    /// The oracle's account; one that only observes has none, and older transcripts do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Address>,
    /// The case in that oracle's journal; older transcripts do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
}

impl std::fmt::Display for HeldFor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(case) = self.case {
            write!(f, "case {case}, ")?;
        }
        write!(f, "manager {} on chain {}", self.manager, self.chain_id)?;
        match self.account {
            Some(account) => write!(f, ", account {account}"),
            None => Ok(()),
        }
    }
}

/// A transcript that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    pub request_id: RequestId,
    /// What the document says its digest is; whether that is right, a check says.
    pub digest: Root,
    /// What it proves.
    pub verification: Verification,
    /// Whose ceremony it was, by the word of whoever held it; none where it does not say.
    pub held_for: Option<HeldFor>,
    /// Public keys of the participants as the document has them: whether they are the right ones, it cannot say.
    pub operators: BTreeMap<OperatorId, RsaPublicKeyText>,
    /// The steps of its plan.
    pub steps: Vec<CeremonyStep>,
    /// Whose message of which step arrived when, by the initiator's word.
    pub progress: BTreeMap<OperatorId, OperatorProgress>,
}

impl Transcript {
    /// A longer document is neither written nor read. A RockX keygen of 13 is 400 KB.
    pub const MAX_BYTES: usize = 16 * 1024 * 1024;

    /// Wraps a backend's document, which has the two fields as given here.
    #[must_use]
    pub fn new(backend: BackendName, format: u32, document: String) -> Self {
        Self {
            backend,
            format,
            document,
        }
    }

    /// Reads what a file has, without the mark that some editors put before a text. This alone verifies nothing.
    ///
    /// # Errors
    /// Too long, or not a JSON object with `format` in it.
    pub fn read(text: &[u8]) -> Result<Self, TranscriptError> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            backend: BackendName,
            format: u32,
        }
        if text.len() > Self::MAX_BYTES {
            return Err(TranscriptError::TooLong(text.len()));
        }
        let text = std::str::from_utf8(without_mark(text)).map_err(serde_json::Error::custom)?;
        let Head { backend, format } = serde_json::from_str(text)?;
        Ok(Self::new(backend, format, text.to_owned()))
    }

    /// Whether this text is the compact JSON `canonical` with nothing but white space between its values.
    #[must_use]
    pub fn is_written_as(text: &str, canonical: &[u8]) -> bool {
        let (mut is_text, mut is_escaped) = (false, false);
        let squeezed = text.bytes().filter(|byte| {
            if is_text {
                let ends = *byte == b'"' && !is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                is_text = !ends;
                return true;
            }
            is_text = *byte == b'"';
            !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
        });
        squeezed.eq(canonical.iter().copied())
    }

    /// Who wrote it.
    #[must_use]
    pub fn backend(&self) -> &BackendName {
        &self.backend
    }

    /// Version of the backend's format.
    #[must_use]
    pub fn format(&self) -> u32 {
        self.format
    }

    /// The document, as the backend wrote it.
    #[must_use]
    pub fn document(&self) -> &str {
        &self.document
    }

    /// The document as it is kept.
    ///
    /// # Errors
    /// It is longer than [`Transcript::MAX_BYTES`]: nothing would read it again.
    pub fn to_file(&self) -> Result<&[u8], TranscriptError> {
        let bytes = self.document.as_bytes();
        if bytes.len() > Self::MAX_BYTES {
            return Err(TranscriptError::TooLong(bytes.len()));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_names_no_backend_is_of_rockx() {
        let old = Transcript::read(br#"{"format":1,"request_id":"00"}"#).unwrap();
        assert_eq!((old.backend(), old.format()), (&BackendName::ROCKX, 1));
        assert_eq!(old.document(), r#"{"format":1,"request_id":"00"}"#);
        let other = Transcript::read(br#"{"backend":"ssv-dkg","format":3}"#).unwrap();
        assert_eq!((other.backend().as_str(), other.format()), ("ssv-dkg", 3));
    }

    #[test]
    fn white_space_between_values_is_free_and_nothing_else() {
        let canonical = br#"{"a":"x y\\","b":[1,2]}"#;
        let is_so = |text: &str| Transcript::is_written_as(text, canonical);
        assert!(is_so(r#"{"a":"x y\\","b":[1,2]}"#));
        assert!(is_so("\t{ \"a\" : \"x y\\\\\",\r\n \"b\": [ 1, 2 ] }\n"));
        for other in [
            r#"{"a":"xy\\","b":[1,2]}"#,
            r#"{"b":[1,2],"a":"x y\\"}"#,
            r#"{"a":"x\u0020y\\","b":[1,2]}"#,
            r#"{"a":"x y\\","b":[1,2]}x"#,
            r#"{"a":"x y\\","b":[1,2]"#,
        ] {
            assert!(!is_so(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_transcript_is_refused() {
        for text in [
            "",
            "null",
            "{}",
            r#"{"format":"1"}"#,
            r#"{"format":1,"backend":"Rock X"}"#,
        ] {
            let read = Transcript::read(text.as_bytes());
            assert!(matches!(read, Err(TranscriptError::Json(_))), "{text}");
        }
        let broken = Transcript::read(b"{\"format\":1,\"x\":\"\xff\"}");
        assert!(matches!(broken, Err(TranscriptError::Json(_))));
        let long = vec![b' '; Transcript::MAX_BYTES + 1];
        assert!(matches!(
            Transcript::read(&long),
            Err(TranscriptError::TooLong(_))
        ));
        let text = String::from_utf8(long).unwrap();
        let never = Transcript::new(BackendName::ROCKX, 1, text);
        assert!(matches!(never.to_file(), Err(TranscriptError::TooLong(_))));
    }
}
