//! What a ceremony is judged by, and what is proven against somebody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::message::Seen;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::verify::{Context, Observed};
use crate::dkg::rockx::wire::SignedMessage;
use crate::types::{CeremonyPlan, OperatorId, RequestId, SafeText};

/// A proof that an operator broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) culprit: OperatorId,
    pub(crate) round: Option<Round>,
    pub(crate) what: SafeText,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operator {} {}", self.culprit, self.what)
    }
}

/// Who is to blame, each once.
pub(crate) fn culprits_of(faults: &[Fault]) -> Vec<OperatorId> {
    let ids: BTreeSet<OperatorId> = faults.iter().map(|fault| fault.culprit).collect();
    ids.into_iter().collect()
}

/// What a result is judged by: the ceremony, its participants' keys, and their messages.
#[derive(Debug, Clone)]
pub(crate) struct CeremonyEvidence {
    pub(crate) id: RequestId,
    pub(crate) plan: CeremonyPlan,
    pub(crate) keys: BTreeMap<OperatorId, OperatorPublicKey>,
    pub(crate) messages: Vec<Seen>,
    /// The same messages, sorted and checked as they came.
    pub(crate) observed: Observed,
}

impl CeremonyEvidence {
    /// The ceremony, as results and accusations are judged.
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            plan: &self.plan,
            request_id: self.id,
            keys: &self.keys,
        }
    }

    pub(super) fn observe(&mut self, signed: &SignedMessage) {
        let context = Context {
            plan: &self.plan,
            request_id: self.id,
            keys: &self.keys,
        };
        // its sender was found out before
        let _ = self.observed.sort(context, signed);
    }
}
