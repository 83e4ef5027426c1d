//! Transcripts of every backend that this program has: the one place where a document finds the rules it is judged by.

use super::backends;
use crate::types::{BackendName, Examined, Transcript, TranscriptError};

/// Checks a transcript offline, with nothing but its own content.
///
/// # Errors
/// Its backend or version is not known here, or it is not as its version says. What it does not prove is no error, but
/// a failed check.
pub fn examine(transcript: &Transcript) -> Result<Examined, TranscriptError> {
    let name = transcript.backend();
    let known = backends::named(name).ok_or_else(|| TranscriptError::Backend(name.clone()))?;
    (known.examine)(transcript)
}

/// The format of the transcripts that each backend writes.
pub fn formats() -> impl Iterator<Item = (BackendName, u32)> {
    let all = backends::ALL.iter();
    all.map(|known| (known.name.clone(), known.transcript_format))
}

/// The backends whose operators' nodes are this program's, each with the layout of the store in which a node keeps its shares.
pub fn share_stores() -> impl Iterator<Item = (BackendName, usize)> {
    let all = backends::ALL.iter();
    all.filter_map(|known| Some((known.name.clone(), known.share_store?)))
}

/// What people compare of an operator's public key, as transcripts of a backend and the configuration have it. None where
/// the text is no key of that backend's.
#[must_use]
pub fn fingerprint(backend: &BackendName, key: &str) -> Option<String> {
    (backends::named(backend)?.fingerprint)(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_of_a_stranger_is_named_as_such() {
        let stranger = Transcript::read(br#"{"backend":"ssv-dkg","format":1}"#).unwrap();
        let error = examine(&stranger).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a transcript of ssv-dkg, which this program does not know"
        );
    }
}
