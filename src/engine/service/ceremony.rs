//! A ceremony as an effect: run or found, shown while it runs, its transcript kept.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::outside::Outside;
use super::transcripts;
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::oracle::CeremonySuccess;
use crate::ports::{Ceremonies, CeremonyUpdate, Failed, Verified};
use crate::types::{
    BackendName, CaseId, CeremonyFailure, CeremonyPlan, FailureKind, OperatorId, OperatorProgress, RequestId,
    Root, SafeText, Transcript, UnixMillis,
};

/// The outcome, and where its transcript is kept, with its SHA-256.
type Ended = (
    Result<Box<CeremonySuccess>, CeremonyFailure>,
    Option<(SafeText, Root)>,
);

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

/// Writes a transcript beside the journal. A result is not thrown away because its proof could not be written, but it
/// is said.
async fn keep(outside: &Outside, request: RequestId, transcript: &Transcript) -> Option<(SafeText, Root)> {
    let (directory, transcript) = (outside.transcripts.clone(), transcript.clone());
    let written = tokio::task::spawn_blocking(move || {
        let text = transcript.to_file().map_err(|e| e.to_string())?;
        transcripts::keep(&directory, request, text).map_err(|e| e.to_string())
    });
    match written.await.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(kept) => Some(kept),
        Err(error) => {
            let words = SafeText::new(&format!("transcript of {request} could not be written: {error}"));
            tracing::error!(target: "engine", "{words}");
            let alarm = LiveUpdate::Alarm("transcript", words);
            let _ = outside.incoming.send(Incoming::Live(alarm)).await;
            None
        }
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
}
