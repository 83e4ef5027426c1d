//! What a start message asks for, checked.

use std::collections::BTreeSet;

use super::super::store::KeyShare;
use crate::dkg::rockx::wire::{GoList, Init, KeySign, Reshare};
use crate::types::{BlsPublicKey, ForkVersion, OperatorId, RequestId, Root};

/// A start message asks for something that cannot be. The first texts are those of RockX's nodes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not 3f+1 members.
    #[error("invalid number of operators which has to be 3f+1")]
    Size,
    /// Not 2f+1 of them.
    #[error("invalid threshold which has to be 2f+1")]
    Threshold,
    /// Withdrawal credentials are 32 bytes.
    #[error("invalid WithdrawalCredentials")]
    Credentials,
    /// A validator key is 48 bytes.
    #[error("invalid validator pubkey")]
    ValidatorKey,
    /// An operator is listed twice.
    #[error("operator {0} is listed twice")]
    Duplicate(OperatorId),
    /// Ids are Shamir x-coordinates, and 32 bits wide in the protocol.
    #[error("operator id {0} is not usable")]
    Id(OperatorId),
    /// The resharing lists no old operators, or more than there can be.
    #[error("{0} old operators are listed")]
    OldSize(usize),
    /// The receiver is nobody in this ceremony.
    #[error("operator {0} does not take part in this ceremony")]
    NotMember(OperatorId),
    /// Nothing to sign.
    #[error("the signing root is empty")]
    EmptyRoot,
}

/// Largest committee that the protocol can describe.
const MAX_COMMITTEE: usize = 255;

/// A key generation or a resharing.
#[derive(Debug, Clone)]
pub struct FrostPlan {
    pub id: RequestId,
    /// Who deals: the committee of a keygen, the listed old operators of a resharing. Ascending.
    pub dealers: Vec<OperatorId>,
    /// Who ends up with a share. Ascending.
    pub receivers: Vec<OperatorId>,
    /// Threshold of the receivers, which fixes the degree of every polynomial.
    pub threshold: u8,
    /// Which of the two it is.
    pub purpose: Purpose,
}

/// What a session is run for, and what its result is held to.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// A new key and the signature of its deposit.
    Keygen {
        /// Withdrawal credentials of the deposit.
        credentials: Root,
        /// Genesis fork version of the network.
        fork: ForkVersion,
    },
    /// New shares of an existing key.
    Reshare {
        /// The key, which must come out again.
        validator: BlsPublicKey,
    },
}

impl FrostPlan {
    /// Checks the start message of a keygen, received by `me`.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn keygen(id: RequestId, init: &Init, me: OperatorId) -> Result<Self, PlanError> {
        let credentials =
            Root::try_from(init.withdrawal_credentials.as_slice()).map_err(|_| PlanError::Credentials)?;
        if !matches!(init.operator_ids.as_slice().len(), 4 | 7 | 10 | 13) {
            return Err(PlanError::Size);
        }
        let committee = members(&init.operator_ids)?;
        let plan = Self {
            id,
            threshold: threshold(committee.len(), init.threshold)?,
            dealers: committee.clone(),
            receivers: committee,
            purpose: Purpose::Keygen {
                credentials,
                fork: init.fork,
            },
        };
        plan.includes(me)
    }

    /// Checks the start message of a resharing, received by `me`.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn reshare(id: RequestId, start: &Reshare, me: OperatorId) -> Result<Self, PlanError> {
        let validator =
            BlsPublicKey::try_from(start.validator_pk.as_slice()).map_err(|_| PlanError::ValidatorKey)?;
        let n = start.operator_ids.as_slice().len();
        if !(4..=MAX_COMMITTEE).contains(&n) || n % 3 != 1 {
            return Err(PlanError::Size);
        }
        let old = start.old_operator_ids.as_slice().len();
        // no old operators would make it a keygen in disguise
        if !(1..=MAX_COMMITTEE).contains(&old) {
            return Err(PlanError::OldSize(old));
        }
        let plan = Self {
            id,
            threshold: threshold(n, start.threshold)?,
            dealers: members(&start.old_operator_ids)?,
            receivers: members(&start.operator_ids)?,
            purpose: Purpose::Reshare { validator },
        };
        plan.includes(me)
    }

    /// Everybody who takes part, each once, ascending.
    #[must_use]
    pub fn participants(&self) -> Vec<OperatorId> {
        let all: BTreeSet<OperatorId> = self.dealers.iter().chain(&self.receivers).copied().collect();
        all.into_iter().collect()
    }

    fn includes(self, me: OperatorId) -> Result<Self, PlanError> {
        if self.dealers.contains(&me) || self.receivers.contains(&me) {
            Ok(self)
        } else {
            Err(PlanError::NotMember(me))
        }
    }
}

/// A threshold signature with a key that this operator holds a share of.
#[derive(Debug, Clone)]
pub struct KeysignPlan {
    pub id: RequestId,
    /// What is signed: 32 bytes for everything that this program asks for.
    pub root: Vec<u8>,
    /// The share, and the committee that holds the others.
    pub key: KeyShare,
}

impl KeysignPlan {
    /// The key and the bytes that a start message names.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn request(start: &KeySign) -> Result<(BlsPublicKey, Vec<u8>), PlanError> {
        let validator =
            BlsPublicKey::try_from(start.validator_pk.as_slice()).map_err(|_| PlanError::ValidatorKey)?;
        if start.signing_root.as_slice().is_empty() {
            return Err(PlanError::EmptyRoot);
        }
        Ok((validator, start.signing_root.as_slice().to_vec()))
    }
}

fn threshold(n: usize, claimed: u64) -> Result<u8, PlanError> {
    let t = (n - 1) / 3 * 2 + 1;
    u8::try_from(t)
        .ok()
        .filter(|t| u64::from(*t) == claimed)
        .ok_or(PlanError::Threshold)
}

fn members(list: &GoList<OperatorId>) -> Result<Vec<OperatorId>, PlanError> {
    let mut set = BTreeSet::new();
    for id in list {
        if id.0 == 0 || id.0 > u64::from(u32::MAX) {
            return Err(PlanError::Id(*id));
        }
        if !set.insert(*id) {
            return Err(PlanError::Duplicate(*id));
        }
    }
    Ok(set.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[u64]) -> GoList<OperatorId> {
        ids.iter().copied().map(OperatorId).collect()
    }

    fn init(committee: &[u64], threshold: u64) -> Result<FrostPlan, PlanError> {
        let init = Init {
            operator_ids: ids(committee),
            threshold,
            withdrawal_credentials: [1; 32].into(),
            fork: ForkVersion::default(),
        };
        FrostPlan::keygen(RequestId([1; 24]), &init, OperatorId(1))
    }

    #[test]
    fn committees_that_cannot_work_are_refused() {
        assert_eq!(
            init(&[4, 3, 2, 1], 3).unwrap().dealers,
            ids(&[1, 2, 3, 4]).as_slice()
        );
        for (committee, threshold, error) in [
            (&[1, 2, 3][..], 3, PlanError::Size),
            (&[1, 2, 3, 4, 5], 3, PlanError::Size),
            (&[1, 2, 3, 4], 2, PlanError::Threshold),
            (&[1, 2, 3, 3], 3, PlanError::Duplicate(OperatorId(3))),
            (&[0, 1, 2, 3], 3, PlanError::Id(OperatorId(0))),
            (&[1, 2, 3, 1 << 32], 3, PlanError::Id(OperatorId(1 << 32))),
            (&[2, 3, 4, 5], 3, PlanError::NotMember(OperatorId(1))),
        ] {
            assert_eq!(init(committee, threshold).unwrap_err(), error);
        }
    }

    #[test]
    fn a_resharing_needs_old_operators_and_a_key() {
        let start = |old: &[u64], new: &[u64], key: &[u8]| {
            let start = Reshare {
                validator_pk: key.into(),
                operator_ids: ids(new),
                threshold: 3,
                old_operator_ids: ids(old),
            };
            FrostPlan::reshare(RequestId([1; 24]), &start, OperatorId(5))
        };
        let plan = start(&[1, 2, 3], &[1, 2, 3, 5], &[7; 48]).unwrap();
        assert_eq!(plan.participants(), ids(&[1, 2, 3, 5]).as_slice());
        assert_eq!(
            start(&[], &[1, 2, 3, 5], &[7; 48]).unwrap_err(),
            PlanError::OldSize(0)
        );
        assert_eq!(
            start(&[1, 2, 3], &[1, 2, 3, 5], &[]).unwrap_err(),
            PlanError::ValidatorKey
        );
        assert_eq!(
            start(&[1, 2, 3], &[1, 2, 3, 5, 6], &[7; 48]).unwrap_err(),
            PlanError::Size
        );
    }
}
