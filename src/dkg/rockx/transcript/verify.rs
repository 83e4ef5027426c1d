//! Checking a transcript offline: the verdict is computed again from the messages.

use std::collections::BTreeMap;

use super::document::{Document, RecordedVerdict, StartOutcome};
use crate::dkg::purpose::purpose;
use crate::dkg::rockx::judgement::{
    Accepted, Record, Source, Taken, accept, combine, judge_stored, swallowed,
};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::plan::validate;
use crate::dkg::rockx::round::{Round, steps};
use crate::dkg::rockx::start_message;
use crate::dkg::rockx::wire::SignedMessage;
use crate::dkg::tracker::View;
use crate::types::{
    CeremonyFailure, CeremonyKind, CeremonyResult, Check, CheckStatus, Examined, FailureKind, OperatorId,
    SafeText, Transcript, TranscriptError, Verification,
};

/// What stands behind every failure by silence.
const SILENCE: &str = "the same failure follows from the messages that are here; that nothing more came, and what was \
                       answered to the start, is the initiator's word";

/// Reads the document of a transcript and checks it.
///
/// # Errors
/// See [`Document::read`].
pub fn examine(transcript: &Transcript) -> Result<Examined, TranscriptError> {
    let document = Document::read(transcript)?;
    let verification = verify(&document);
    // a plan that cannot be carried out has no steps
    let (steps, progress) = match validate(&document.plan) {
        Ok(()) => {
            let (keys, _) = participants(&document);
            let (record, _) = replay(&document, keys);
            (steps(&document.plan), record.tracker.progress().clone())
        }
        Err(_) => (Vec::new(), BTreeMap::new()),
    };
    Ok(Examined {
        request_id: document.request_id,
        digest: document.digest,
        verification,
        held_for: document.held_for,
        operators: document.operators,
        steps,
        progress,
    })
}

/// Checks the document with nothing but its own content.
#[must_use]
pub fn verify(document: &Document) -> Verification {
    let mut checks = vec![digest(document), times(document)];
    checks.extend(document.held_for.map(|held_for| {
        let words = format!("{held_for}, by the initiator's word: compare with the journal that names it");
        Check::unknown("held-for", words)
    }));
    if let Some(check) = nothing_happened(document) {
        checks.push(check);
        return Verification { checks, result: None };
    }
    checks.push(match validate(&document.plan) {
        Ok(()) => Check::pass("plan", "can be carried out"),
        Err(reason) => Check::fail("plan", reason.as_str()),
    });
    let (keys, check) = participants(document);
    checks.push(check);
    checks.push(start_message(document));
    checks.extend(purpose(&document.plan));
    let (record, check) = replay(document, keys);
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
    let result = verdict(document, &record, &mut checks);
    Verification::new(checks, result)
}

fn digest(document: &Document) -> Check {
    let computed = document.compute_digest();
    Check::of(
        "digest",
        document.digest == computed,
        format!("SHA-256 of the document is {computed}"),
    )
}

/// Times are the initiator's own word, but they cannot contradict each other.
fn times(document: &Document) -> Check {
    let span = document.started_at..=document.ended_at;
    let messages = document.messages.iter().map(|message| message.at);
    let replies = document.replies.values().map(|reply| reply.at);
    Check::of(
        "times",
        document.started_at <= document.ended_at && messages.chain(replies).all(|at| span.contains(&at)),
        "every message and reply lies between start and end",
    )
}

/// A ceremony that was refused before anything was sent has nothing to prove.
fn nothing_happened(document: &Document) -> Option<Check> {
    let RecordedVerdict::Failed { failure } = &document.verdict else {
        return None;
    };
    let silent = match failure.kind {
        FailureKind::NotStarted => document.start_message.is_none(),
        // attached without success: the plan could not even be read against the directory
        FailureKind::Unknown => document.attached && document.operators.is_empty(),
        _ => false,
    };
    silent.then(|| {
        let empty = document.messages.is_empty() && document.replies.is_empty() && document.stored.is_none();
        if empty {
            Check::unknown("verdict", "nothing was sent, so nothing can be proven")
        } else {
            Check::fail("verdict", "nothing was sent, and yet there are answers")
        }
    })
}

fn participants(document: &Document) -> (BTreeMap<OperatorId, OperatorPublicKey>, Check) {
    const NAME: &str = "participants";
    let mut keys = BTreeMap::new();
    for (id, text) in &document.operators {
        match OperatorPublicKey::parse(text) {
            Ok(key) => drop(keys.insert(*id, key)),
            Err(error) => return (keys, Check::fail(NAME, format!("key of operator {id}: {error}"))),
        }
    }
    let check = Check::of(
        NAME,
        document.operators.keys().eq(&document.plan.participants()),
        "there is a key of every participant, and no other",
    );
    (keys, check)
}

/// What was sent is what the plan says. Who signed it is not enforced by the protocol.
fn start_message(document: &Document) -> Check {
    const NAME: &str = "start-message";
    let Some(raw) = &document.start_message else {
        return if document.attached {
            Check::unknown(NAME, "sent by an earlier process")
        } else {
            Check::fail(NAME, "none was sent, so there can be no ceremony")
        };
    };
    let expected = start_message::message(document.request_id, &document.plan);
    match SignedMessage::from_ssv(&raw.0) {
        Ok(_) if document.attached => Check::fail(NAME, "whoever was attached later sends none"),
        Ok(sent) => Check::of(
            NAME,
            sent.message.as_ref() == Some(&expected) && document.plan.committee().contains(&sent.signer),
            "says what the plan says",
        ),
        Err(error) => Check::fail(NAME, error.to_string()),
    }
}

/// Feeds every message into a new record, which takes only what its sender signed.
fn replay(document: &Document, keys: BTreeMap<OperatorId, OperatorPublicKey>) -> (Record, Check) {
    let view = if document.attached {
        View::Late
    } else {
        View::Whole
    };
    let mut record = Record::new(document.request_id, &document.plan, keys, view);
    let mut faults = Vec::new();
    for (id, reply) in &document.replies {
        if reply.outcome == StartOutcome::Started {
            record.tracker.arrived(*id, Round::Started.id(), reply.at);
        }
    }
    for (n, message) in document.messages.iter().enumerate() {
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
            format!("{} messages, each signed by its sender", document.messages.len()),
        )
    } else {
        Check::fail("messages", faults.join("; "))
    };
    (record, check)
}

fn verdict(document: &Document, record: &Record, checks: &mut Vec<Check>) -> Option<CeremonyResult> {
    match &document.verdict {
        RecordedVerdict::Verified {
            source,
            value,
            checks: recorded,
        } => match accepted(document, record, *source) {
            Ok(again) => {
                let same = again.result == **value && again.checks == *recorded;
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
        RecordedVerdict::Failed { failure } => {
            checks.push(failed(document, record, failure));
            None
        }
    }
}

fn accepted(document: &Document, record: &Record, source: Source) -> Result<Accepted, CeremonyFailure> {
    match source {
        Source::Messenger => document
            .stored
            .as_ref()
            .and_then(|raw| judge_stored(&record.evidence, &raw.0))
            .unwrap_or_else(|| Err(record.nothing_stored())),
        Source::Observed => accept(&record.evidence, &record.outputs(), source),
        Source::Combined => combine(record),
    }
}

/// The result that the messages of a failed ceremony give all the same. Where each operator signed its part, nobody was
/// silent, and nothing was lost.
fn result_of(document: &Document, record: &Record) -> Option<Accepted> {
    let sources = match document.plan.kind() {
        CeremonyKind::Sign => &[Source::Messenger, Source::Observed, Source::Combined][..],
        _ => &[Source::Messenger, Source::Observed][..],
    };
    sources
        .iter()
        .find_map(|source| accepted(document, record, *source).ok())
}

/// A failure is computed again as well. What was only seen by the initiator (a dead messenger, a silence) is its word:
/// whoever writes a transcript can leave messages out of it.
fn failed(document: &Document, record: &Record, failure: &CeremonyFailure) -> Check {
    const NAME: &str = "verdict";
    let by_word = match failure.kind {
        FailureKind::Lost => Some("what the messenger did not have is the initiator's word"),
        FailureKind::Unknown => Some("what could not be found out cannot be proven"),
        FailureKind::NotStarted | FailureKind::Timeout => Some(SILENCE),
        FailureKind::Blamed | FailureKind::Refused => None,
    };
    if by_word.is_some() && result_of(document, record).is_some() {
        return Check::fail(
            NAME,
            "the messages give a result, and the verdict says that there is none",
        );
    }
    let not_started: BTreeMap<OperatorId, SafeText> = document
        .replies
        .iter()
        .filter(|(_, reply)| reply.did_not_start())
        .map(|(id, reply)| (*id, reply.text.clone()))
        .collect();
    let candidates = match failure.kind {
        FailureKind::Unknown | FailureKind::Lost => {
            return Check::unknown(NAME, by_word.unwrap_or_default());
        }
        FailureKind::Blamed if *failure == record.blamed_failure() => {
            return Check::pass(NAME, "the same failure follows from the messages");
        }
        // some are to blame by what they sent, and others for what did not come
        FailureKind::Blamed => vec![
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
            record
                .tracker
                .gate()
                .map(|gate| swallowed(record.expired_failure(&gate, &not_started))),
        ],
        FailureKind::Refused => vec![
            record.other_key_failure(),
            record.open_failure(),
            accepted(document, record, Source::Messenger).err(),
            accepted(document, record, Source::Observed).err(),
        ],
    };
    let same = candidates.iter().flatten().any(|again| again == failure);
    match failure.kind {
        FailureKind::Refused => Check::of(NAME, same, "the same failure follows from the messages"),
        _ if same => Check::unknown(NAME, SILENCE),
        _ => Check::fail(NAME, "another failure follows from the messages"),
    }
}
