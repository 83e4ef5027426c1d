//! A ceremony as an effect: run or found, shown while it runs, its transcript kept.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::outside::Outside;
use super::transcripts::{self, Named};
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::oracle::CeremonySuccess;
use crate::ports::{Ceremonies, CeremonyUpdate, Failed, Verified};
use crate::types::{
    BackendName, CaseId, CeremonyFailure, CeremonyPlan, FailureKind, OperatorId, OperatorProgress, RequestId,
    SafeText, Transcript, UnixMillis, counted,
};

/// The outcome, and where its transcript is kept, with its SHA-256.
type Ended = (Result<Box<CeremonySuccess>, CeremonyFailure>, Option<Named>);

/// Runs the ceremony, or finds out what became of it.
pub(super) async fn perform(
    outside: &Outside,
    (case, request): (CaseId, RequestId),
    plan: &CeremonyPlan,
    backend: &BackendName,
    start: bool,
) -> Ended {
    if let Err(failure) = is_ours(&*outside.ask.ceremonies, backend, start) {
        return (Err(failure), None);
    }
    let (updates, mut received) = mpsc::channel::<CeremonyUpdate>(64);
    let forward = async {
        while let Some(update) = received.recv().await {
            show(outside, request, update.operators, update.deadline).await;
        }
    };
    let (outcome, ()) = tokio::join!(
        run(&*outside.ask.ceremonies, (case, request), plan, start, updates),
        forward
    );
    match outcome {
        Ok(verified) => {
            let transcript = keep(outside, request, &verified.transcript).await;
            show(outside, request, verified.progress, None).await;
            let success = CeremonySuccess {
                result: verified.result,
                checks: verified.checks,
            };
            (Ok(Box::new(success)), transcript)
        }
        Err(failed) => {
            let transcript = if failed.is_evidence {
                keep(outside, request, &failed.transcript).await
            } else {
                None
            };
            show(outside, request, failed.progress.clone(), None).await;
            (Err(failed.failure), transcript)
        }
    }
}

async fn run(
    ceremonies: &dyn Ceremonies,
    (case, request): (CaseId, RequestId),
    plan: &CeremonyPlan,
    start: bool,
    updates: mpsc::Sender<CeremonyUpdate>,
) -> Result<Verified, Box<Failed>> {
    if start {
        ceremonies.run(request, case, plan, updates).await
    } else {
        ceremonies.find(request, case, plan, updates).await
    }
}

/// A ceremony of another backend than the one that is here can neither be begun nor found.
fn is_ours(ceremonies: &dyn Ceremonies, backend: &BackendName, start: bool) -> Result<(), CeremonyFailure> {
    if *backend == ceremonies.capabilities().backend {
        return Ok(());
    }
    Err(CeremonyFailure {
        kind: if start {
            FailureKind::NotStarted
        } else {
            FailureKind::Unknown
        },
        round: None,
        culprits: Vec::new(),
        reason: SafeText::new(&format!(
            "it is a ceremony of {backend}, which is not configured here"
        )),
        blames: Vec::new(),
    })
}

async fn show(
    outside: &Outside,
    request: RequestId,
    operators: BTreeMap<OperatorId, OperatorProgress>,
    deadline: Option<UnixMillis>,
) {
    let progress = LiveUpdate::Progress {
        request,
        operators,
        deadline,
    };
    // the core is gone only when everything ends
    let _ = outside.incoming.send(Incoming::Live(progress)).await;
}

/// Writes a transcript beside the journal. A result is not thrown away because its proof cannot be written now: the journal
/// has its SHA-256 and the name that it will have, it is said, and the writing is tried again until it works.
async fn keep(outside: &Outside, request: RequestId, transcript: &Transcript) -> Option<Named> {
    let text = match transcript.to_file() {
        Ok(text) => Arc::<[u8]>::from(text),
        Err(error) => {
            tracing::error!(target: "engine", "transcript of {request} is no document: {error}");
            return None;
        }
    };
    let directory = outside.transcripts.clone();
    let written = {
        let (directory, text) = (directory.clone(), Arc::clone(&text));
        blocking(move || transcripts::keep(&directory, request, &text)).await
    };
    match written {
        Ok(kept) => Some(kept),
        Err(error) => {
            let named = transcripts::later(request, &text);
            let name = named.0.clone();
            let unwritten = Unwritten {
                directory,
                name,
                text,
                incoming: outside.incoming.clone(),
                others: Arc::clone(&outside.unwritten),
            };
            unwritten.tell(Some(&error)).await;
            tokio::spawn(unwritten.write_later());
            Some(named)
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|died| died.to_string())?
        .map_err(|error| error.to_string())
}

/// The names of transcripts that are only in memory.
pub(super) type UnwrittenNames = Mutex<BTreeSet<SafeText>>;

/// So many transcripts wait in memory for a disk that takes them; the proof of a later one is lost, and that is said.
const UNWRITTEN: usize = 256;
/// One that could not be written is tried again after this time.
const WRITE_AGAIN: Duration = if cfg!(test) {
    Duration::from_millis(20)
} else {
    Duration::from_secs(5)
};

/// A transcript that could not be written yet.
struct Unwritten {
    directory: PathBuf,
    name: SafeText,
    text: Arc<[u8]>,
    incoming: mpsc::Sender<Incoming>,
    others: Arc<UnwrittenNames>,
}

impl Unwritten {
    async fn write_later(self) {
        if self.waiting() > UNWRITTEN {
            self.others
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&self.name);
            tracing::error!(target: "engine", "transcript {} is given up: {UNWRITTEN} others wait to be written", self.name);
            return;
        }
        loop {
            tokio::time::sleep(WRITE_AGAIN).await;
            let (directory, name, text) = (self.directory.clone(), self.name.clone(), Arc::clone(&self.text));
            let written = blocking(move || transcripts::keep_as(&directory, name.as_str(), &text)).await;
            let error = written.err();
            self.tell(error.as_deref()).await;
            if error.is_none() {
                return;
            }
        }
    }

    fn waiting(&self) -> usize {
        self.others.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Says that it waits, and why; or that it is there.
    async fn tell(&self, error: Option<&str>) {
        let (is_new, left) = {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = match error {
                Some(_) => others.insert(self.name.clone()),
                None => others.remove(&self.name),
            };
            (is_new, others.len())
        };
        let words = match error {
            Some(_) if !is_new => return,
            Some(error) => {
                let words = SafeText::new(&format!(
                    "transcript {} could not be written: {error}. {} in memory only; the journal has their SHA-256, and they are \
                     written as soon as it works, unless this process ends before",
                    self.name,
                    counted(left, "transcript")
                ));
                tracing::error!(target: "engine", "{words}");
                words
            }
            None => {
                tracing::info!(target: "engine", "transcript {} is written now", self.name);
                match left {
                    0 => SafeText::default(),
                    left => SafeText::new(&format!("{} in memory only", counted(left, "transcript"))),
                }
            }
        };
        // the core is gone only when everything ends
        let alarm = LiveUpdate::Alarm("transcript", words);
        let _ = self.incoming.send(Incoming::Live(alarm)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::fakes::FakeCeremonies;

    fn plan() -> CeremonyPlan {
        CeremonyPlan::Reshare {
            validator: Default::default(),
            old: vec![OperatorId(1)],
            new: vec![OperatorId(2)],
            threshold: 1,
            brought: None,
            registration: None,
        }
    }

    #[test]
    fn a_ceremony_of_another_backend_is_neither_begun_nor_found() {
        let fake = FakeCeremonies::default();
        let here = fake.capabilities.backend.clone();
        assert_eq!(is_ours(&fake, &here, true), Ok(()));
        let begun = is_ours(&fake, &BackendName::ROCKX, true).unwrap_err();
        assert_eq!(begun.kind, FailureKind::NotStarted, "no operator heard of it");
        let found = is_ours(&fake, &BackendName::ROCKX, false).unwrap_err();
        assert_eq!(found.kind, FailureKind::Unknown, "it may have ended well");
        assert_eq!(
            found.reason.as_str(),
            "it is a ceremony of rockx, which is not configured here"
        );
    }

    #[tokio::test]
    async fn what_was_begun_before_is_looked_for_and_never_begun_again() {
        let fake = FakeCeremonies::default();
        let (first, second) = (RequestId([1; 24]), RequestId([2; 24]));
        for (request, start) in [(first, true), (second, false)] {
            let (updates, _told) = mpsc::channel(1);
            let end = run(
                &fake,
                ("deposit/1".parse().unwrap(), request),
                &plan(),
                start,
                updates,
            )
            .await;
            assert!(!end.unwrap_err().is_evidence);
        }
        assert_eq!(*fake.begun.lock().unwrap(), [(first, true), (second, false)]);
    }

    #[tokio::test]
    async fn a_transcript_that_cannot_be_written_is_written_as_soon_as_it_can_and_nobody_waits_for_that() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("transcripts");
        std::fs::write(&directory, b"in the way").unwrap();
        let (incoming, mut told) = mpsc::channel(8);
        let others = Arc::<UnwrittenNames>::default();
        let request = RequestId([5; 24]);
        let named = transcripts::later(request, b"the proof");
        let unwritten = Unwritten {
            directory: directory.clone(),
            name: named.0.clone(),
            text: Arc::from(&b"the proof"[..]),
            incoming,
            others: Arc::clone(&others),
        };
        unwritten.tell(Some("not a directory")).await;
        let mut alarm = async || match told.recv().await {
            Some(Incoming::Live(LiveUpdate::Alarm("transcript", words))) => words,
            other => panic!("{other:?}"),
        };
        assert!(alarm().await.as_str().contains("1 transcript in memory only"));
        let writes = tokio::spawn(unwritten.write_later());
        tokio::time::sleep(3 * WRITE_AGAIN).await;
        assert_eq!(others.lock().unwrap().len(), 1);
        std::fs::remove_file(&directory).unwrap();
        writes.await.unwrap();
        assert_eq!(
            alarm().await,
            SafeText::default(),
            "it is over, and was said once"
        );
        assert!(others.lock().unwrap().is_empty());
        let written = std::fs::read(directory.join(named.0.as_str())).unwrap();
        assert_eq!(written, b"the proof");
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "no half file");
    }
}
