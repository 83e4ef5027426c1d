//! The end of a ceremony: its transcript, its last picture, and the topic that is not needed any more.

use std::time::Duration;

use super::ceremony::Ceremony;
use crate::dkg::rockx::judgement::{Accepted, Record};
use crate::dkg::rockx::transcript::{Bytes, Document, FORMAT, RecordedMessage, RecordedVerdict};
use crate::dkg::tracker::View;
use crate::ports::{Failed, Verified};
use crate::types::{CeremonyFailure, FailureKind, Root, Transcript, UnixMillis};

/// The last update must arrive, but a reader that stopped reading must not hold the ceremony.
const LAST_UPDATE: Duration = Duration::from_secs(1);

impl Ceremony {
    /// Writes the transcript and shows the last picture.
    pub(super) async fn close(
        mut self,
        end: Result<Accepted, CeremonyFailure>,
    ) -> Result<Verified, Box<Failed>> {
        if let Err(failure) = &end {
            // found out by another operator's evidence, not by ours
            for blame in failure.blames.iter().filter(|blame| blame.proven) {
                if let Some(culprit) = blame.culprit {
                    self.record.tracker.blamed(culprit, blame.reason.clone());
                }
            }
        }
        let verdict = match &end {
            Ok(accepted) => RecordedVerdict::Verified {
                source: accepted.source,
                value: Box::new(accepted.result.clone()),
                checks: accepted.checks.clone(),
            },
            Err(failure) => RecordedVerdict::Failed {
                failure: failure.clone(),
            },
        };
        self.note = match &end {
            Ok(_) => "verified".into(),
            Err(failure) => failure.reason.clone(),
        };
        let _ = self.updates.send_timeout(self.picture(), LAST_UPDATE).await;
        let progress = self.record.tracker.progress().clone();
        let begun = self.start_message.is_some() || self.view == View::Late;
        match &end {
            // what is unknown may still be found out by attaching again
            Err(failure) if failure.kind == FailureKind::Unknown => {}
            end if begun => self.host.retire(self.id, end.is_err()),
            _ => self.host.retire(self.id, true),
        }
        tracing::info!(
            target: "dkg::initiator", request = %self.id, kind = %self.record.plan().kind(), note = %self.note,
            "ceremony ended"
        );
        let is_evidence = self.view == View::Whole || !self.record.messages().is_empty();
        let transcript = Transcript::from(&self.document(verdict));
        match end {
            Ok(accepted) => Ok(Verified {
                result: accepted.result,
                checks: accepted.checks,
                progress,
                transcript,
            }),
            Err(failure) => Err(Box::new(Failed {
                failure,
                progress,
                transcript,
                is_evidence,
            })),
        }
    }

    fn document(self, verdict: RecordedVerdict) -> Document {
        let operators = self
            .record
            .evidence
            .keys
            .iter()
            .map(|(id, key)| (*id, key.to_registry_text()))
            .collect();
        Document {
            format: FORMAT,
            request_id: self.id,
            held_for: self.held_for,
            plan: self.record.plan().clone(),
            operators,
            attached: self.view == View::Late,
            started_at: self.begun,
            ended_at: UnixMillis::now(),
            start_message: self.start_message.map(Bytes),
            replies: self.replies,
            messages: recorded(&self.record),
            rejected: self.rejected,
            stored: self.stored.map(Bytes),
            verdict,
            digest: Root::default(),
        }
        .sealed()
    }
}

/// The messages as a transcript keeps them.
fn recorded(record: &Record) -> Vec<RecordedMessage> {
    record
        .messages()
        .iter()
        .map(|seen| RecordedMessage {
            at: seen.at,
            sender: seen.signer,
            raw: Bytes(seen.raw.clone()),
        })
        .collect()
}
