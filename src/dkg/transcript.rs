//! Transcripts of every backend that this program has: a document finds the rules it is judged by in the table of backends.

use super::backends::backend;
use crate::types::{Examined, Transcript, TranscriptError};

/// Checks a transcript offline, with nothing but its own content.
///
/// # Errors
/// Its backend or version is not known here, or it is not as its version says. What it does not prove is no error, but
/// a failed check.
pub fn examine(transcript: &Transcript) -> Result<Examined, TranscriptError> {
    let name = transcript.backend();
    match backend(name) {
        Some(backend) => backend.examine(transcript),
        None => Err(TranscriptError::Backend(name.clone())),
    }
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
