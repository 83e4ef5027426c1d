//! The table of backends: configuration, start and transcripts find a backend here and nowhere else.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;

use super::{DkgConfig, rockx};
use crate::http::Http;
use crate::operators::SsvApi;
use crate::ports::Ceremonies;
use crate::types::{
    BackendName, Examined, OperatorId, OperatorRecord, SafeText, Transcript, TranscriptError,
};

/// Every backend, the oldest first.
static BACKENDS: &[&dyn Backend] = &[&rockx::Protocol];

/// A DKG backend before it runs.
#[async_trait]
pub trait Backend: fmt::Debug + Sync {
    /// As `dkg.backend` and transcripts name it.
    fn name(&self) -> &'static str;

    /// Checks a transcript of it offline, with nothing but its own content.
    ///
    /// # Errors
    /// It is not as its version says. What it does not prove is no error, but a failed check.
    fn examine(&self, transcript: &Transcript) -> Result<Examined, TranscriptError>;

    /// Opens its listeners. Nothing is sent to anybody.
    ///
    /// # Errors
    /// What a person has to mend.
    async fn start(&self, with: Start<'_>) -> Result<Started, BackendError>;
}

/// Every backend that this program has.
pub fn backends() -> impl Iterator<Item = &'static dyn Backend> {
    BACKENDS.iter().copied()
}

/// The backend of this name.
#[must_use]
pub fn backend(name: &BackendName) -> Option<&'static dyn Backend> {
    backends().find(|backend| backend.name() == name.as_str())
}

/// What a backend is started with.
#[derive(Debug)]
pub struct Start<'a> {
    /// What was configured of ceremonies.
    pub options: &'a DkgConfig,
    /// Every operator that is configured; some may lack their keys.
    pub operators: &'a BTreeMap<OperatorId, OperatorRecord>,
    /// Tells the keys that are not configured.
    pub registry: Option<SsvApi>,
    /// The way out.
    pub http: &'a Http,
    /// Where it may keep files of its own.
    pub state: &'a Path,
}

/// A backend that runs.
#[derive(Debug)]
pub struct Started {
    /// What it does.
    pub ceremonies: Arc<dyn Ceremonies>,
    /// Who its operators are.
    pub roster: Arc<dyn Roster>,
    /// What relays between its operators within this process, when that is configured.
    pub relay: Option<EmbeddedRelay>,
}

/// Completes what is configured of operators, for the desk as for the backend itself.
#[async_trait]
pub trait Roster: fmt::Debug + Send + Sync {
    /// Every operator with its key. The backend knows them from then on.
    ///
    /// # Errors
    /// Whose key cannot be had at the moment, and why.
    async fn complete(&self) -> Result<BTreeMap<OperatorId, OperatorRecord>, SafeText>;
}

/// A relay within this process. It ends when this is dropped.
pub struct EmbeddedRelay {
    /// Base URL, as operators reach it.
    pub url: String,
    /// Ends it in order.
    pub shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl fmt::Debug for EmbeddedRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedRelay")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Why a backend does not start: something in the configuration, or a port that is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct BackendError {
    /// The key, or the part.
    pub what: SafeText,
    /// What is wrong with it.
    pub problem: SafeText,
}

impl BackendError {
    /// From anything that says why.
    pub fn new(what: impl AsRef<str>, problem: impl fmt::Display) -> Self {
        Self {
            what: SafeText::new(what.as_ref()),
            problem: SafeText::new(&problem.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_found_by_its_name() {
        for listed in backends() {
            let found = backend(&BackendName::new(listed.name())).unwrap();
            assert_eq!(found.name(), listed.name());
        }
        assert!(backend(&BackendName::new("ssv-dkg")).is_none());
    }
}
