//! Why there is no result, and who caused it. Nobody is named but by what it sent or did not send.

use std::collections::BTreeMap;

use super::contradict::{contradictions, other_key};
use super::evidence::{Fault, culprits_of};
use super::judge::{self, BlameVerdict};
use super::message::{Content, Seen};
use super::record::Record;
use super::words::list;
use crate::dkg::rockx::node::ONE_AT_A_TIME;
use crate::dkg::rockx::round::{Round, steps};
use crate::dkg::tracker::{Gate, Tracker};
use crate::types::{Blame, CeremonyFailure, CeremonyKind, FailureKind, OperatorId, SafeText, UnixMillis};

/// Whoever waits for others waits for longer than this after it has heard somebody, milliseconds.
const PATIENT: u64 = 500;

/// Nodes show what the blamer told them when they hear its accusation, milliseconds.
const SHOWN_WITHIN: u64 = 3_000;

/// A failure without accusations.
pub(crate) fn failure(
    kind: FailureKind,
    round: Option<Round>,
    culprits: Vec<OperatorId>,
    reason: impl Into<SafeText>,
) -> CeremonyFailure {
    CeremonyFailure {
        kind,
        round: round.map(Round::id),
        culprits,
        reason: reason.into(),
        blames: Vec::new(),
    }
}

/// Nothing was sent to any operator.
pub(crate) fn not_started(culprits: Vec<OperatorId>, reason: impl Into<SafeText>) -> CeremonyFailure {
    failure(FailureKind::NotStarted, None, culprits, reason)
}

/// The same silence, where the messenger was away at some time: it may have swallowed what was sent, so silence accuses
/// nobody. What was away is the initiator's word.
pub(crate) fn swallowed(silence: CeremonyFailure) -> CeremonyFailure {
    CeremonyFailure {
        culprits: Vec::new(),
        reason: format!(
            "{}; the messenger was away meanwhile and may have swallowed it, so nobody is to blame",
            silence.reason
        )
        .into(),
        ..silence
    }
}

impl Record {
    /// Operators that certainly did not start, so the ceremony cannot end. Who would, and has to end a resharing of the key
    /// first that this initiator has given up already, is not to blame; where all of them are such, it is tried again later.
    pub(crate) fn stillborn_failure(&self, not_started: &BTreeMap<OperatorId, SafeText>) -> CeremonyFailure {
        let (busy, others): (Vec<_>, Vec<_>) = not_started
            .iter()
            .partition(|(_, why)| why.as_str().contains(ONE_AT_A_TIME));
        let culprits: Vec<OperatorId> = others.iter().map(|(id, _)| **id).collect();
        let nobody = culprits.is_empty() || not_started.len() == self.plan().participants().len();
        let whys: Vec<String> = not_started
            .iter()
            .map(|(id, why)| format!("operator {id}: {why}"))
            .collect();
        failure(
            if nobody {
                FailureKind::NotStarted
            } else {
                FailureKind::Timeout
            },
            Some(Round::Started),
            culprits,
            match busy.len() {
                0 => format!("did not start: {}", whys.join("; ")),
                _ => format!(
                    "did not start: {}. Who still holds the resharing before takes part once that is over, and is not to blame",
                    whys.join("; ")
                ),
            },
        )
    }

    /// Whether `not_started` leaves too few for the ceremony to end.
    pub(crate) fn is_stillborn(&self, not_started: &BTreeMap<OperatorId, SafeText>) -> bool {
        if self.plan().kind() == CeremonyKind::Sign {
            self.plan().committee().len() - not_started.len() < self.threshold()
        } else {
            not_started.keys().any(|id| !self.has_sent(*id))
        }
    }

    /// The dealings of a reshare do not add up to the validator key.
    pub(crate) fn other_key_failure(&self) -> Option<CeremonyFailure> {
        let found = other_key(&self.evidence)?;
        Some(failure(
            FailureKind::Refused,
            Some(Round::Round1),
            Vec::new(),
            format!(
                "the old operators' dealings add up to {found}, not to the validator key: one of {} has dealt something \
                 else than its share",
                list(&Round::Round1.senders(self.plan()))
            ),
        ))
    }

    /// There should be a stored result, and there is none.
    pub(crate) fn nothing_stored(&self) -> CeremonyFailure {
        failure(
            FailureKind::Refused,
            Some(Round::Output),
            Vec::new(),
            "the messenger has stored no outputs",
        )
    }

    /// Somebody was proven to break the protocol.
    pub(crate) fn blamed_failure(&self) -> CeremonyFailure {
        let proven: Vec<Blame> = self.blames_judged(BlameVerdict::Proven).collect();
        let mut culprits = self.tracker.culprits();
        culprits.extend(proven.iter().filter_map(|blame| blame.culprit));
        culprits.sort_unstable();
        culprits.dedup();
        let whys: Vec<String> = self
            .faults()
            .iter()
            .map(Fault::to_string)
            .chain(proven.iter().map(|blame| blame.reason.to_string()))
            .collect();
        CeremonyFailure {
            kind: FailureKind::Blamed,
            round: self.faults().first().and_then(|fault| fault.round).map(Round::id),
            culprits,
            reason: whys.join("; ").into(),
            blames: self.blames(),
        }
    }

    fn blames(&self) -> Vec<Blame> {
        judge::blames(&self.evidence)
            .into_iter()
            .map(|(blame, _)| blame)
            .collect()
    }

    pub(crate) fn blames_judged(&self, wanted: BlameVerdict) -> impl Iterator<Item = Blame> {
        judge::blames(&self.evidence)
            .into_iter()
            .filter(move |(_, standing)| *standing == wanted)
            .map(|(blame, _)| blame)
    }

    /// The same as [`Record::open_failure`], once everybody has had the time to show what they were told.
    pub(crate) fn left_open(&self, now: UnixMillis) -> Option<CeremonyFailure> {
        let accuses = |seen: &&Seen| matches!(seen.content, Content::Blame(_));
        let newest = self.messages().iter().filter(accuses).map(|seen| seen.at).max()?;
        let settled = now.0 >= newest.0.saturating_add(SHOWN_WITHIN);
        settled.then(|| self.open_failure())?
    }

    /// An accusation that leaves open whose fault it is has ended the ceremony.
    pub(crate) fn open_failure(&self) -> Option<CeremonyFailure> {
        let judged = judge::blames(&self.evidence);
        let open = judged
            .iter()
            .filter(|(_, standing)| *standing == BlameVerdict::Open);
        let whys: Vec<String> = open.map(|(blame, _)| blame.reason.to_string()).collect();
        (!whys.is_empty()).then(|| CeremonyFailure {
            kind: FailureKind::Refused,
            round: None,
            culprits: Vec::new(),
            reason: format!("{}; nobody is named for it", whys.join("; ")).into(),
            blames: judged.into_iter().map(|(blame, _)| blame).collect(),
        })
    }

    /// Who gave up first, and what was heard before that.
    fn first_timeout(&self) -> Option<(&Seen, &[Seen])> {
        let messages = self.messages();
        let gives_up = |seen: &Seen| matches!(seen.content, Content::Timeout(_));
        let first = messages.iter().position(gives_up)?;
        Some((&messages[first], &messages[..first]))
    }

    /// Somebody gave up without having waited, which ends the ceremony for everybody: whoever waits for the others is silent
    /// because of it.
    fn impatient_failure(&self) -> Option<CeremonyFailure> {
        let (first, before) = self.first_timeout()?;
        let newest = before.iter().map(|seen| seen.at.0).max();
        let waited = newest.map(|newest| first.at.0.saturating_sub(newest));
        if waited.is_some_and(|waited| waited >= PATIENT) {
            return None;
        }
        let waited = waited.map_or_else(
            || "before anybody had said anything".to_owned(),
            |waited| format!("{waited} ms after the last message"),
        );
        Some(failure(
            FailureKind::Timeout,
            None,
            vec![first.signer],
            format!(
                "operator {} gave up {waited}, and nobody can go on without it",
                first.signer
            ),
        ))
    }

    /// For whom the first one waited that gave up: who was silent then, and not who stopped because of that.
    fn gate_of_first_timeout(&self) -> Option<Gate> {
        let (first, before) = self.first_timeout()?;
        let mut tracker = Tracker::new(self.plan(), steps(self.plan()), self.tracker.view());
        for id in self.tracker.seen(&Round::Started.id()) {
            tracker.arrived(id, Round::Started.id(), first.at);
        }
        for seen in before {
            if let Some(round) = seen.round() {
                tracker.arrived(seen.signer, round.id(), seen.at);
            }
        }
        tracker.gate()
    }

    /// The round's time is over. Who sent nothing is the cause, unless somebody stopped the others by an accusation
    /// that its own evidence refutes, or by giving up.
    pub(crate) fn expired_failure(
        &self,
        gate: &Gate,
        not_started: &BTreeMap<OperatorId, SafeText>,
    ) -> CeremonyFailure {
        let first = self.gate_of_first_timeout();
        let gate = first.as_ref().unwrap_or(gate);
        if !self.tracker.culprits().is_empty() {
            // a signing ceremony goes on without a bad signer, until others are missing too
            let mut failure = self.blamed_failure();
            failure.culprits.extend(&gate.missing);
            failure.culprits.sort_unstable();
            failure.culprits.dedup();
            failure.reason = format!(
                "{}; {}: nothing in time from operator {}",
                failure.reason,
                gate.step.title,
                list(&gate.missing)
            )
            .into();
            return failure;
        }
        let faults = contradictions(&self.evidence);
        if !faults.is_empty() {
            let whys: Vec<String> = faults.iter().map(Fault::to_string).collect();
            return CeremonyFailure {
                kind: FailureKind::Blamed,
                round: faults.first().and_then(|fault| fault.round).map(Round::id),
                culprits: culprits_of(&faults),
                reason: whys.join("; ").into(),
                blames: self.blames(),
            };
        }
        let lies: Vec<Blame> = self.blames_judged(BlameVerdict::False).collect();
        if !lies.is_empty() {
            let mut liars: Vec<OperatorId> = lies.iter().map(|blame| blame.blamer).collect();
            liars.sort_unstable();
            liars.dedup();
            let whys: Vec<String> = lies.iter().map(|blame| blame.reason.to_string()).collect();
            return CeremonyFailure {
                kind: FailureKind::Blamed,
                round: Some(gate.step.id.clone()),
                culprits: liars,
                reason: whys.join("; ").into(),
                blames: self.blames(),
            };
        }
        if let Some(failure) = self.open_failure().or_else(|| self.impatient_failure()) {
            return failure;
        }
        let mut reason = format!(
            "{}: nothing in time from operator {}",
            gate.step.title,
            list(&gate.missing)
        );
        for (id, why) in not_started {
            reason.push_str(&format!("; operator {id} did not start: {why}"));
        }
        if self.messages().is_empty() {
            reason.push_str("; no message at all was observed, so the observer's address may be out of the messenger's reach");
        }
        CeremonyFailure {
            kind: FailureKind::Timeout,
            round: Some(gate.step.id.clone()),
            culprits: gate.missing.clone(),
            reason: reason.into(),
            blames: self.blames(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::tracker::View;
    use crate::types::{BlsPublicKey, CeremonyPlan, RequestId};

    /// What becomes of a reshare by 1 to 4 when these do not start.
    fn stillborn(not_started: &[(u64, &str)]) -> CeremonyFailure {
        let committee: Vec<_> = (1..=4).map(OperatorId).collect();
        let plan = CeremonyPlan::Reshare {
            validator: BlsPublicKey::default(),
            old: committee.clone(),
            new: committee,
            threshold: 3,
            brought: None,
            registration: None,
        };
        let record = Record::new(RequestId([1; 24]), &plan, BTreeMap::new(), View::Whole);
        let not_started = not_started.iter();
        let not_started = not_started.map(|(id, why)| (OperatorId(*id), SafeText::new(why)));
        record.stillborn_failure(&not_started.collect())
    }

    /// After a dead operator ended one attempt, the next ones accused those who still waited in it.
    #[test]
    fn whoever_still_holds_the_resharing_before_is_not_to_blame() {
        let busy = format!("reshare c2 of this key runs here since 15 s ago: {ONE_AT_A_TIME}");
        let waits = stillborn(&[(1, &busy), (2, &busy)]);
        assert_eq!(
            (waits.kind, waits.culprits),
            (FailureKind::NotStarted, Vec::new())
        );
        let refuses = stillborn(&[(1, &busy), (2, "refused by policy")]);
        assert_eq!(refuses.kind, FailureKind::Timeout);
        assert_eq!(refuses.culprits, [OperatorId(2)]);
        assert!(refuses.reason.as_str().contains("is not to blame"), "{refuses}");
    }
}
