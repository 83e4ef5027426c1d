//! Operators run ceremonies, and the relay lets the initiator know: sometimes it is away, whatever became of them.

use std::collections::BTreeMap;

use rand::Rng as _;

use super::world::World;
use crate::oracle::*;
use crate::types::*;

fn fails(
    kind: FailureKind,
    culprits: Vec<OperatorId>,
    reason: &str,
) -> Result<Box<CeremonySuccess>, CeremonyFailure> {
    Err(CeremonyFailure {
        kind,
        round: None,
        culprits,
        reason: SafeText::new(reason),
        blames: Vec::new(),
    })
}

impl World {
    /// What the initiator hears of a ceremony: operators are away (F34), die in a round (F35), lie (F37) or give results that
    /// differ (F38, F39), and the relay forgets (F42).
    pub(super) fn hear(
        &mut self,
        request: RequestId,
        plan: &CeremonyPlan,
    ) -> Result<Box<CeremonySuccess>, CeremonyFailure> {
        if !self.calm && self.rng.gen_bool(0.25) {
            let reason = ["the relay does not answer", "one result of four is missing"];
            return fails(FailureKind::Unknown, Vec::new(), reason[self.rng.gen_range(0..2)]);
        }
        if !self.outside.started.contains_key(&request) {
            return fails(FailureKind::Lost, Vec::new(), "the relay does not know it");
        }
        if let Some(outcome) = self.outside.outcomes.get(&request) {
            return outcome.clone();
        }
        let outcome = match self.rng.gen_range(0..20) {
            n if self.calm || n < 14 => Ok(self.succeed(plan)),
            14..16 => {
                // it looks failed, and comes to its end behind our back: its key turns up later
                let outcome = Ok(self.succeed(plan));
                self.outside.outcomes.insert(request, outcome);
                return fails(
                    FailureKind::Timeout,
                    vec![OperatorId(3)],
                    "operator 3 sent nothing",
                );
            }
            16 => fails(
                FailureKind::NotStarted,
                Vec::new(),
                "operator 1 cannot be reached",
            ),
            17 => fails(
                FailureKind::Blamed,
                vec![OperatorId(4)],
                "operator 4 sent a bad share",
            ),
            18 => fails(FailureKind::Refused, Vec::new(), "the results differ"),
            _ => fails(
                FailureKind::Timeout,
                vec![OperatorId(2)],
                "operator 2 sent nothing",
            ),
        };
        self.outside.outcomes.insert(request, outcome.clone());
        outcome
    }

    /// What comes of a ceremony that goes well.
    fn succeed(&mut self, plan: &CeremonyPlan) -> Box<CeremonySuccess> {
        let shares = |ids: &[OperatorId], key: BlsPublicKey| ids.iter().map(|id| (*id, key)).collect();
        let result = match plan {
            CeremonyPlan::Keygen {
                committee,
                registration,
                ..
            } => {
                self.outside.keys += 1;
                let validator = BlsPublicKey([self.outside.keys; 48]);
                CeremonyResult::Keygen(KeygenOutput {
                    validator,
                    deposit_signature: BlsSignature::default(),
                    share_public_keys: shares(committee, validator),
                    encrypted_shares: BTreeMap::new(),
                    registration: registration.as_ref().map(|_| BlsSignature([9; 96])),
                    handed_back: BTreeMap::new(),
                })
            }
            CeremonyPlan::Sign { signing_root, .. } => CeremonyResult::Sign {
                signature: BlsSignature([signing_root.0[0]; 96]),
            },
            CeremonyPlan::Reshare { validator, new, .. } => CeremonyResult::Reshare(ReshareOutput {
                validator: *validator,
                share_public_keys: shares(new, *validator),
                encrypted_shares: BTreeMap::new(),
                registration: None,
                handed_back: BTreeMap::new(),
            }),
        };
        let checks = Vec::new();
        Box::new(CeremonySuccess { result, checks })
    }

    /// The keys that ceremonies really made, by ceremony.
    pub(super) fn key_made_by(&self, request: &RequestId) -> Option<BlsPublicKey> {
        match &self.outside.outcomes.get(request)?.as_ref().ok()?.result {
            CeremonyResult::Keygen(output) => Some(output.validator),
            _ => None,
        }
    }
}
