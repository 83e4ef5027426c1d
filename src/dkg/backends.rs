//! The backends that this program has: the one list by which a name finds its backend.

use futures_util::future::BoxFuture;

use super::health::{Health, Surroundings};
use super::rockx;
use crate::ports::CeremonyCapabilities;
use crate::types::{BackendName, Examined, Transcript, TranscriptError};

/// What is known of a backend before it runs, and without its operators.
#[derive(Debug)]
pub(crate) struct Known {
    /// In journals and transcripts.
    pub(crate) name: BackendName,
    /// What it can do, and what it demands.
    pub(crate) capabilities: fn() -> CeremonyCapabilities,
    /// Looks at its operators, and at whatever relays between them, and runs nothing.
    pub(crate) look: for<'a> fn(&'a Surroundings) -> BoxFuture<'a, Health>,
    /// The format of the transcripts that it writes.
    pub(super) transcript_format: u32,
    /// The layout of the store in which an operator's node keeps its shares; none where it has no node of ours.
    pub(super) share_store: Option<usize>,
    /// How people compare an operator's public key, as transcripts and the configuration have it; none where it is none.
    pub(super) fingerprint: fn(&str) -> Option<String>,
    /// Checks a transcript offline.
    pub(super) examine: fn(&Transcript) -> Result<Examined, TranscriptError>,
}

/// All of them; `dkg.backend` chooses one by its name.
pub(crate) const ALL: &[Known] = &[Known {
    name: BackendName::ROCKX,
    capabilities: rockx::backend::capabilities,
    look: |at| Box::pin(rockx::health::look(at)),
    transcript_format: rockx::transcript::FORMAT,
    share_store: Some(rockx::node::store::LAYOUT),
    fingerprint: rockx::keys::fingerprint,
    examine: rockx::transcript::examine,
}];

/// The backend of this name; `None` where this program has none.
pub(crate) fn named(name: &BackendName) -> Option<&'static Known> {
    ALL.iter().find(|known| known.name == *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_is_listed_once_by_the_name_that_it_gives_itself() {
        for (n, known) in ALL.iter().enumerate() {
            assert_eq!((known.capabilities)().backend, known.name);
            assert!(ALL[n + 1..].iter().all(|other| other.name != known.name));
        }
        assert!(named(&BackendName::new("another")).is_none());
    }
}
