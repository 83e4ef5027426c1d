//! Verifying the outputs as they were observed, while the operators still report them to the messenger: what it stores is
//! the same, usually, and then the verdict is there when the result is.

use std::collections::BTreeMap;

use tokio::task::JoinHandle;

use crate::dkg::rockx::judgement::{CeremonyEvidence, Record, verify_outputs};
use crate::dkg::rockx::wire::SignedOutput;
use crate::lane;
use crate::types::{OperatorId, Verification};

/// A verification that was begun early, and what it is a verification of.
pub(super) struct Ahead {
    outputs: BTreeMap<OperatorId, SignedOutput>,
    /// How many messages were known then: more of them may change the verdict.
    messages: usize,
    running: JoinHandle<Verification>,
}

impl Ahead {
    /// Begins to verify the outputs observed so far.
    pub(super) fn begin(record: &Record) -> Self {
        let outputs = record.outputs();
        let (evidence, verified) = (record.evidence.clone(), outputs.clone());
        Self {
            messages: record.messages().len(),
            running: lane::blocking(move || verify_outputs(&evidence, &verified)),
            outputs,
        }
    }

    /// The verification, if it is one of exactly these outputs by exactly this evidence.
    pub(super) async fn of(
        self,
        evidence: &CeremonyEvidence,
        outputs: &BTreeMap<OperatorId, SignedOutput>,
    ) -> Option<Verification> {
        if self.messages != evidence.messages.len() || self.outputs != *outputs {
            return None;
        }
        self.running.await.ok()
    }
}
