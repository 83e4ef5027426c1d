//! The protocol messages that were seen while a ceremony ran, attributed by their signatures.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::payload::{self, Content};
use super::rejected::Rejected;
use crate::dkg::rockx::ecies::SessionPublicKey;
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::sign::message_root;
use crate::dkg::rockx::wire::{PartialDepositData, Round1, Round2, SignedMessage, SignedOutput};
use crate::dkg::threshold::Commitments;
use crate::types::{BlsSignature, OperatorId, Root, SafeText};

/// Everything attributable that was seen, by sender. The first message of a round counts; a second, different one is
/// an equivocation.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Session public keys, of keygen and reshare.
    pub preparations: BTreeMap<OperatorId, SessionPublicKey>,
    /// Commitments, proofs and encrypted shares.
    pub dealings: BTreeMap<OperatorId, Round1>,
    /// Validator key and share key as derived by each member.
    pub keys: BTreeMap<OperatorId, Round2>,
    /// Partial signatures over the deposit.
    pub deposits: BTreeMap<OperatorId, PartialDepositData>,
    /// Partial signatures of a signing ceremony.
    pub partials: BTreeMap<OperatorId, BlsSignature>,
    /// Combined signatures of a signing ceremony.
    pub combined: BTreeMap<OperatorId, BlsSignature>,
    /// Results.
    pub outputs: BTreeMap<OperatorId, SignedOutput>,
    /// Who said two different things in which round.
    pub equivocations: BTreeSet<(OperatorId, Round)>,
    /// Whose signed message is no valid message of its part in this protocol, and why.
    pub faults: Vec<(OperatorId, SafeText)>,
    roots: BTreeMap<(OperatorId, Round), Root>,
    /// Dealings whose proof of knowledge holds: it is checked once, when the message arrives.
    proven: BTreeMap<OperatorId, (Round1, Commitments)>,
}

impl Observed {
    /// Sorts messages as they arrived; what is not attributable is left out.
    pub fn new<'m>(context: Context<'_>, messages: impl IntoIterator<Item = &'m SignedMessage>) -> Self {
        let mut observed = Self::default();
        for message in messages {
            // whoever wants to know what was left out adds the messages one by one
            let _ = observed.add(context, message);
        }
        observed
    }

    /// Adds one message; a repetition changes nothing.
    ///
    /// # Errors
    /// See [`Rejected`].
    pub fn add(&mut self, context: Context<'_>, signed: &SignedMessage) -> Result<(), Rejected> {
        context.court().attribute(signed)?;
        self.sort(context, signed)
    }

    /// As [`Observed::add`], of a message whose signature the caller has checked already.
    pub(crate) fn sort(&mut self, context: Context<'_>, signed: &SignedMessage) -> Result<(), Rejected> {
        let sender = signed.signer;
        let Some(message) = &signed.message else {
            return Err(Rejected::Empty);
        };
        if message.msg_type.is_start() {
            return Ok(());
        }
        let content = match payload::read(context.court().rules(), sender, message) {
            Ok(content) => content,
            Err(reason) => {
                self.faults.push((sender, reason));
                return Ok(());
            }
        };
        let Some(round) = content.round() else {
            return Ok(());
        };
        let known = Round::of(context.plan.kind()).contains(&round);
        if !known || !round.senders(context.plan).contains(&sender) {
            self.faults.push((
                sender,
                format!("a message of {round}, which is not its part").into(),
            ));
            return Ok(());
        }
        let root = message_root(message);
        match self.roots.insert((sender, round), root) {
            None => self.keep(sender, content),
            Some(first) if first == root => {}
            Some(first) => {
                self.roots.insert((sender, round), first);
                self.equivocations.insert((sender, round));
            }
        }
        Ok(())
    }

    fn keep(&mut self, sender: OperatorId, content: Content) {
        match content {
            Content::SessionKey(key) => drop(self.preparations.insert(sender, key)),
            Content::Dealing(dealing, commitments) => {
                self.proven.insert(sender, (dealing.clone(), commitments));
                self.dealings.insert(sender, dealing);
            }
            Content::Keys(keys) => drop(self.keys.insert(sender, keys)),
            Content::Deposit(partial) => drop(self.deposits.insert(sender, partial)),
            Content::Partial(signature) => drop(self.partials.insert(sender, signature)),
            Content::Combined(signature) => drop(self.combined.insert(sender, signature)),
            Content::Output(output) => drop(self.outputs.insert(sender, *output)),
            Content::Blame | Content::Timeout => {}
        }
    }

    /// The commitments of exactly this dealing, if it was added and found valid then.
    pub(crate) fn proven(&self, dealer: OperatorId, dealing: &Round1, threshold: u8) -> Option<&Commitments> {
        let (checked, commitments) = self.proven.get(&dealer)?;
        (checked == dealing && commitments.threshold() == usize::from(threshold)).then_some(commitments)
    }

    /// Per round, who was not heard.
    pub(super) fn missing(&self, context: Context<'_>) -> Vec<(Round, Vec<OperatorId>)> {
        Round::of(context.plan.kind())
            .iter()
            .filter(|round| **round != Round::Started)
            .filter_map(|&round| {
                let silent: Vec<OperatorId> = round
                    .senders(context.plan)
                    .into_iter()
                    .filter(|id| !self.roots.contains_key(&(*id, round)))
                    .collect();
                (!silent.is_empty()).then_some((round, silent))
            })
            .collect()
    }
}
