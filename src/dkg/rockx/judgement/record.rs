//! Everything that is known about a running ceremony, from signed messages only. The live initiator and the offline
//! check of a transcript feed the same record, so they come to the same conclusions.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{CeremonyEvidence, Fault};
use super::judge;
use super::message::{Content, Rejected, Seen, attribute, read};
use super::words;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::round::{Round, steps};
use crate::dkg::rockx::verify::Observed;
use crate::dkg::rockx::wire::{DataStore, SignedMessage, SignedOutput};
use crate::dkg::tracker::{Tracker, View};
use crate::types::{
    BlsSignature, CeremonyKind, CeremonyPlan, OperatorId, RequestId, Root, SafeText, UnixMillis,
};

/// More messages of one operator than any ceremony has; what follows is not kept. So the record of a ceremony, and the
/// transcript that is made of it, is bounded by its committee, whoever sends how much.
const MAX_PER_OPERATOR: usize = 24;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It says something new.
    New {
        /// Who sent it.
        sender: OperatorId,
        /// In words.
        note: SafeText,
    },
    /// The same was said before, or nothing more is taken from this sender.
    Known,
}

/// The record of one ceremony.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) evidence: CeremonyEvidence,
    pub(crate) tracker: Tracker,
    known: BTreeSet<(OperatorId, Root)>,
    faults: Vec<Fault>,
    /// Valid partial signatures of a signing ceremony (all of them, when no share keys are known).
    partials: BTreeMap<OperatorId, BlsSignature>,
}

impl Record {
    pub(crate) fn new(
        id: RequestId,
        plan: &CeremonyPlan,
        keys: BTreeMap<OperatorId, OperatorPublicKey>,
        view: View,
    ) -> Self {
        Self {
            evidence: CeremonyEvidence {
                id,
                plan: plan.clone(),
                keys,
                messages: Vec::new(),
                observed: Observed::default(),
            },
            tracker: Tracker::new(plan, steps(plan), view),
            known: BTreeSet::new(),
            faults: Vec::new(),
            partials: BTreeMap::new(),
        }
    }

    /// What the ceremony is to do.
    pub(crate) fn plan(&self) -> &CeremonyPlan {
        &self.evidence.plan
    }

    /// Messages in order of arrival, each once.
    pub(crate) fn messages(&self) -> &[Seen] {
        &self.evidence.messages
    }

    /// Proofs of misconduct, in the order they were found.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Partial signatures that may be combined.
    pub(crate) fn partials(&self) -> &BTreeMap<OperatorId, BlsSignature> {
        &self.partials
    }

    /// The signed outputs seen so far.
    pub(crate) fn outputs(&self) -> BTreeMap<OperatorId, SignedOutput> {
        self.evidence
            .messages
            .iter()
            .rev()
            .filter_map(|seen| match &seen.content {
                Content::Output(output) => Some((seen.signer, (**output).clone())),
                _ => None,
            })
            .collect()
    }

    /// Takes an envelope.
    pub(crate) fn take(&mut self, raw: &[u8], at: UnixMillis) -> Result<Taken, Rejected> {
        let seen = read(
            raw,
            at,
            self.evidence.id,
            self.evidence.plan.kind(),
            &self.evidence.keys,
        )?;
        Ok(self.add(seen))
    }

    /// Takes the accusation that the messenger stored. It may be one that was not observed.
    pub(crate) fn take_stored_blame(&mut self, stored: &DataStore, at: UnixMillis) -> Option<Taken> {
        let signed: &SignedMessage = stored.blame_output.as_ref()?.blame_message.as_ref()?;
        let seen = attribute(
            signed.clone(),
            signed.to_ssv(),
            at,
            self.evidence.id,
            self.evidence.plan.kind(),
            &self.evidence.keys,
        )
        .ok()?;
        matches!(seen.content, Content::Blame(_)).then(|| self.add(seen))
    }

    fn add(&mut self, seen: Seen) -> Taken {
        let sender = seen.signer;
        let of_sender = self.known.iter().filter(|(id, _)| *id == sender).count();
        if of_sender >= MAX_PER_OPERATOR || !self.known.insert((sender, seen.root)) {
            return Taken::Known;
        }
        self.evidence.observe(&seen.signed);
        let note = self.weigh(&seen);
        self.evidence.messages.push(seen);
        Taken::New { sender, note }
    }

    /// Draws every conclusion that this message allows, together with those before it.
    fn weigh(&mut self, seen: &Seen) -> SafeText {
        let sender = seen.signer;
        let Some(round) = seen.round() else {
            return match &seen.content {
                Content::Broken(why) => {
                    self.fault(
                        sender,
                        None,
                        format!("sent what is no message of this protocol: {why}"),
                    );
                    why.clone()
                }
                Content::Timeout(round) => {
                    let note: SafeText =
                        format!("reports that its time ran out in {}", words::round(*round)).into();
                    self.tracker.failing(sender, note.clone());
                    note
                }
                _ => {
                    let note: SafeText = judge::describe_accusation(seen);
                    self.tracker.failing(sender, note.clone());
                    note
                }
            };
        };
        if !self.tracker.expects(sender, &round.id()) {
            self.fault(
                sender,
                Some(round),
                format!("sent a message of {round}, which is not its part"),
            );
            return "out of its part".into();
        }
        if let Some(first) = self.first(sender, round) {
            let what = format!(
                "sent two different messages of {round} (roots {} and {})",
                first.root, seen.root
            );
            self.fault(sender, Some(round), what);
            return format!("a second, different message of {round}").into();
        }
        self.tracker.arrived(sender, round.id(), seen.at);
        if let Some(what) = judge::fault_in(&self.evidence, seen) {
            self.fault(sender, Some(round), what);
        } else if let (CeremonyKind::Sign, Content::Partial(partial)) =
            (self.evidence.plan.kind(), &seen.content)
            && let Ok(signature) = BlsSignature::try_from(partial.partial_signature.as_slice())
        {
            self.partials.insert(sender, signature);
        }
        format!("{round} of operator {sender}").into()
    }

    fn first(&self, sender: OperatorId, round: Round) -> Option<&Seen> {
        self.evidence
            .messages
            .iter()
            .find(|m| m.signer == sender && m.round() == Some(round))
    }

    fn fault(&mut self, culprit: OperatorId, round: Option<Round>, what: impl Into<SafeText>) {
        let what = what.into();
        self.tracker.blamed(culprit, what.clone());
        self.faults.push(Fault { culprit, round, what });
    }

    /// Whether any message of `id` was seen.
    pub(crate) fn has_sent(&self, id: OperatorId) -> bool {
        self.evidence.messages.iter().any(|seen| seen.signer == id)
    }

    /// How many operators determine the key.
    pub(crate) fn threshold(&self) -> usize {
        match &self.evidence.plan {
            CeremonyPlan::Keygen { threshold, .. }
            | CeremonyPlan::Reshare { threshold, .. }
            | CeremonyPlan::Sign { threshold, .. } => usize::from(*threshold),
        }
    }

    /// Whether the ceremony can give a result although `absent` participants are not there. A signature needs only the
    /// threshold: the deployed nodes then never finish by themselves, but their partial signatures can be combined.
    pub(crate) fn can_do_without(&self, absent: usize) -> bool {
        match self.plan().kind() {
            CeremonyKind::Sign => self.plan().committee().len() - absent >= self.threshold(),
            CeremonyKind::Keygen | CeremonyKind::Reshare => absent == 0,
        }
    }
}
