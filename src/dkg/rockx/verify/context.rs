//! What a ceremony was to do, and by whose keys its messages are judged.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;

use crate::dkg::rockx::committee::threshold_for;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::types::{CeremonyPlan, Check, OperatorId, OwnerNonce, RequestId, SignPurpose};

use super::accusation::Court;
use super::names;

/// A ceremony, from the point of view of whoever ordered it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What was ordered.
    pub plan: &'a CeremonyPlan,
    /// Under which id.
    pub request_id: RequestId,
    /// RSA keys of the participants, from the directory, not from the messenger.
    pub keys: &'a BTreeMap<OperatorId, OperatorPublicKey>,
}

impl Context<'_> {
    /// Threshold of the committee that holds the key afterwards.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        match self.plan {
            CeremonyPlan::Keygen { threshold, .. }
            | CeremonyPlan::Reshare { threshold, .. }
            | CeremonyPlan::Sign { threshold, .. } => *threshold,
        }
    }

    /// Who deals shares: the committee of a keygen, the listed old operators of a reshare, nobody otherwise.
    #[must_use]
    pub fn dealers(&self) -> &[OperatorId] {
        match self.plan {
            CeremonyPlan::Keygen { committee, .. } => committee,
            CeremonyPlan::Reshare { old, .. } => old,
            CeremonyPlan::Sign { .. } => &[],
        }
    }

    /// What accusations in this ceremony are judged by.
    pub(super) fn court(&self) -> Court<'_, OperatorPublicKey> {
        Court {
            ceremony: self.request_id,
            kind: self.plan.kind(),
            threshold: self.threshold(),
            dealers: self.dealers(),
            committee: self.plan.committee(),
            keys: self.keys,
        }
    }

    /// Whether the order itself makes sense: it may come from a file.
    pub(super) fn check_plan(&self) -> Check {
        let faults = self.plan_faults();
        let committee = self.plan.committee();
        super::for_all(
            "plan",
            faults,
            format!("operators {}, threshold {}", names(committee), self.threshold()),
        )
    }

    fn plan_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let committee = self.plan.committee();
        match threshold_for(committee.len()) {
            Some(t) if t == self.threshold() => {}
            Some(t) => faults.push(format!("threshold {} where {t} is needed", self.threshold())),
            None => faults.push(format!(
                "{} operators; a committee has 4, 7, 10 or 13",
                committee.len()
            )),
        }
        for list in [committee, self.dealers()] {
            let distinct: BTreeSet<_> = list.iter().collect();
            if distinct.len() != list.len() {
                faults.push(format!("an operator is listed twice in {}", names(list)));
            }
        }
        for id in self.plan.participants() {
            // the protocol's field for it has 32 bits, and 0 is the place of the secret
            if id.0 == 0 || u32::try_from(id.0).is_err() {
                faults.push(format!("{id} is no operator id of this protocol"));
            }
            if !self.keys.contains_key(&id) {
                faults.push(format!("no RSA key is known of operator {id}"));
            }
        }
        match self.plan {
            // the old operators' Lagrange weights are right for exactly threshold many of them
            CeremonyPlan::Reshare { old, .. } if !matches!(old.len(), 3 | 5 | 7 | 9) => {
                faults.push(format!(
                    "{} old operators; a threshold is 3, 5, 7 or 9",
                    old.len()
                ));
            }
            // SSV hashes the checksummed text: any other spelling gives a signature that it refuses
            CeremonyPlan::Sign {
                what: SignPurpose::OwnerNonce { owner, .. },
                ..
            } if owner.parse::<Address>().map(|a| a.to_checksum(None)).as_ref() != Ok(owner) => {
                faults.push(format!("{owner} is not an address in EIP-55 form"));
            }
            CeremonyPlan::Sign {
                signing_root,
                what: SignPurpose::OwnerNonce { owner, nonce },
                ..
            } => {
                let (owner, nonce) = (owner.clone(), *nonce);
                let message = OwnerNonce { owner, nonce };
                if message.root() != *signing_root {
                    faults.push(format!("{signing_root} is not the root of {message}"));
                }
            }
            _ => {}
        }
        faults
    }
}
