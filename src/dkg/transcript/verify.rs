//! Checking a transcript offline: the verdict is computed again from the messages.

use std::collections::BTreeMap;

use super::document::{Source, Transcript, Verdict};
use crate::dkg::rockx::initiator::conclude::{Accepted, accept, combine, judge_stored};
use crate::dkg::rockx::initiator::plan::validate;
use crate::dkg::rockx::initiator::record::{Record, Taken};
use crate::dkg::rockx::initiator::start;
use crate::dkg::rockx::initiator::tracker::View;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::wire::SignedMessage;
use crate::types::{
    CeremonyFailure, CeremonyResult, Check, CheckStatus, FailureKind, OperatorId, Round, SafeText,
};

/// What a transcript proves.
#[derive(Debug, Clone)]
pub struct Verification {
    /// Every check, each by name.
    pub checks: Vec<Check>,
    /// The result, computed again; `None` if the ceremony failed, or a check did.
    pub result: Option<CeremonyResult>,
}

impl Verification {
    /// No check failed. The transcript of a failed ceremony is sound when the failure follows from its messages.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.status != CheckStatus::Fail)
    }
}

/// Checks the document with nothing but its own content.
#[must_use]
pub fn verify(transcript: &Transcript) -> Verification {
    let mut checks = vec![digest(transcript), times(transcript)];
    if let Some(check) = nothing_happened(transcript) {
        checks.push(check);
        return Verification { checks, result: None };
    }
    checks.push(match validate(&transcript.plan) {
        Ok(()) => Check::pass("plan", "can be carried out"),
        Err(reason) => Check::fail("plan", reason.as_str()),
    });
    let (keys, check) = participants(transcript);
    checks.push(check);
    checks.push(start_message(transcript));
    let (record, check) = replay(transcript, keys);
    checks.push(check);
    let sound = |checks: &[Check]| checks.iter().all(|check| check.status != CheckStatus::Fail);
    if !sound(&checks) {
        // the rest costs seconds of arithmetic, and could prove nothing any more
        checks.push(Check::unknown(
            "verdict",
            "not computed: the document is not sound",
        ));
        return Verification { checks, result: None };
    }
    let result = verdict(transcript, &record, &mut checks);
    let sound = sound(&checks);
    Verification {
        checks,
        result: result.filter(|_| sound),
    }
}

fn digest(transcript: &Transcript) -> Check {
    let computed = transcript.compute_digest();
    Check::of(
        "digest",
        transcript.digest == computed,
        format!("SHA-256 of the document is {computed}"),
    )
}

/// Times are the initiator's own word, but they cannot contradict each other.
fn times(transcript: &Transcript) -> Check {
    let span = transcript.started_at..=transcript.ended_at;
    let messages = transcript.messages.iter().map(|message| message.at);
    let replies = transcript.replies.values().map(|reply| reply.at);
    Check::of(
        "times",
        transcript.started_at <= transcript.ended_at && messages.chain(replies).all(|at| span.contains(&at)),
        "every message and reply lies between start and end",
    )
}

/// A ceremony that was refused before anything was sent has nothing to prove.
fn nothing_happened(transcript: &Transcript) -> Option<Check> {
    let Verdict::Failed { failure } = &transcript.verdict else {
        return None;
    };
    let silent = match failure.kind {
        FailureKind::NotStarted => transcript.start_message.is_none(),
        // attached without success: the plan could not even be read against the directory
        FailureKind::Unknown => transcript.attached && transcript.operators.is_empty(),
        _ => false,
    };
    silent.then(|| {
        let empty =
            transcript.messages.is_empty() && transcript.replies.is_empty() && transcript.stored.is_none();
        if empty {
            Check::unknown("verdict", "nothing was sent, so nothing can be proven")
        } else {
            Check::fail("verdict", "nothing was sent, and yet there are answers")
        }
    })
}

fn participants(transcript: &Transcript) -> (BTreeMap<OperatorId, OperatorPublicKey>, Check) {
    const NAME: &str = "participants";
    let mut keys = BTreeMap::new();
    for (id, text) in &transcript.operators {
        match OperatorPublicKey::parse(text) {
            Ok(key) => drop(keys.insert(*id, key)),
            Err(error) => return (keys, Check::fail(NAME, format!("key of operator {id}: {error}"))),
        }
    }
    let check = Check::of(
        NAME,
        transcript.operators.keys().eq(&transcript.plan.participants()),
        "there is a key of every participant, and no other",
    );
    (keys, check)
}

/// What was sent is what the plan says. Who signed it is not enforced by the protocol.
fn start_message(transcript: &Transcript) -> Check {
    const NAME: &str = "start-message";
    let Some(raw) = &transcript.start_message else {
        return if transcript.attached {
            Check::unknown(NAME, "sent by an earlier process")
        } else {
            Check::fail(NAME, "none was sent, so there can be no ceremony")
        };
    };
    let expected = start::message(transcript.request_id, &transcript.plan);
    match SignedMessage::from_ssv(&raw.0) {
        Ok(_) if transcript.attached => Check::fail(NAME, "whoever was attached later sends none"),
        Ok(sent) => Check::of(
            NAME,
            sent.message.as_ref() == Some(&expected) && transcript.plan.committee().contains(&sent.signer),
            "says what the plan says",
        ),
        Err(error) => Check::fail(NAME, error.to_string()),
    }
}

/// Feeds every message into a new record, which takes only what its sender signed.
fn replay(transcript: &Transcript, keys: BTreeMap<OperatorId, OperatorPublicKey>) -> (Record, Check) {
    let view = if transcript.attached {
        View::Late
    } else {
        View::Whole
    };
    let mut record = Record::new(transcript.request_id, &transcript.plan, keys, view);
    let mut faults = Vec::new();
    for (id, reply) in &transcript.replies {
        if reply.outcome == super::StartOutcome::Started {
            record.tracker.arrived(*id, Round::Started, reply.at);
        }
    }
    for (n, message) in transcript.messages.iter().enumerate() {
        match record.take(&message.raw.0, message.at) {
            Ok(Taken::New { sender, .. }) if sender == message.sender => {}
            Ok(Taken::New { sender, .. }) => {
                faults.push(format!("message {n} is by {sender}, not by {}", message.sender));
            }
            Ok(Taken::Known) => faults.push(format!("message {n} is a repetition")),
            Err(error) => faults.push(format!("message {n}: {error}")),
        }
    }
    let check = if faults.is_empty() {
        Check::pass(
            "messages",
            format!(
                "{} messages, each signed by its sender",
                transcript.messages.len()
            ),
        )
    } else {
        Check::fail("messages", faults.join("; "))
    };
    (record, check)
}

fn verdict(transcript: &Transcript, record: &Record, checks: &mut Vec<Check>) -> Option<CeremonyResult> {
    match &transcript.verdict {
        Verdict::Verified {
            source,
            value,
            checks: recorded,
        } => match accepted(transcript, record, *source) {
            Ok(again) => {
                let same = again.result == *value && again.checks == *recorded;
                checks.extend(again.checks);
                checks.push(Check::of(
                    "verdict",
                    same,
                    "the same result and checks come out again",
                ));
                same.then_some(again.result)
            }
            Err(failure) => {
                checks.push(Check::fail("verdict", format!("no result: {}", failure.reason)));
                None
            }
        },
        Verdict::Failed { failure } => {
            checks.push(failed(transcript, record, failure));
            None
        }
    }
}

fn accepted(transcript: &Transcript, record: &Record, source: Source) -> Result<Accepted, CeremonyFailure> {
    match source {
        Source::Messenger => transcript
            .stored
            .as_ref()
            .and_then(|raw| judge_stored(&record.evidence, &raw.0))
            .unwrap_or_else(|| Err(record.nothing_stored())),
        Source::Observed => accept(&record.evidence, &record.outputs(), source),
        Source::Combined => combine(record),
    }
}

/// A failure is computed again as well. What was only seen by the initiator (a dead messenger) is its word.
fn failed(transcript: &Transcript, record: &Record, failure: &CeremonyFailure) -> Check {
    const NAME: &str = "verdict";
    let not_started: BTreeMap<OperatorId, SafeText> = transcript
        .replies
        .iter()
        .filter(|(_, reply)| reply.did_not_start())
        .map(|(id, reply)| (*id, reply.text.clone()))
        .collect();
    let candidates = match failure.kind {
        FailureKind::Unknown => return Check::unknown(NAME, "what could not be found out cannot be proven"),
        FailureKind::Lost => {
            return Check::unknown(NAME, "what the messenger did not have is the initiator's word");
        }
        FailureKind::Blamed => vec![
            Some(record.blamed_failure()),
            record
                .tracker
                .gate()
                .map(|gate| record.expired_failure(&gate, &not_started)),
        ],
        FailureKind::NotStarted | FailureKind::Timeout => vec![
            record
                .is_stillborn(&not_started)
                .then(|| record.stillborn_failure(&not_started)),
            record
                .tracker
                .gate()
                .map(|gate| record.expired_failure(&gate, &not_started)),
        ],
        FailureKind::Refused => vec![
            record.other_key_failure(),
            accepted(transcript, record, Source::Messenger).err(),
            accepted(transcript, record, Source::Observed).err(),
        ],
    };
    let same = candidates.iter().flatten().any(|again| again == failure);
    Check::of(NAME, same, "the same failure follows from the messages")
}
