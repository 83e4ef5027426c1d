//! The receiver's side: nothing that a dealer sent is believed.

use std::collections::BTreeMap;

use super::challenge::Proof;
use crate::dkg::rockx::ecies::{EciesError, SessionKey};
use crate::dkg::rockx::wire::Round1;
use crate::dkg::threshold::{Commitments, PointError, ScalarError, SecretScalar};
use crate::types::{BlsPublicKey, OperatorId};

/// What is wrong with a dealer's public part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Round1Error {
    /// Another number of commitments than the threshold: the key would have another threshold.
    #[error("{got} commitments for threshold {threshold}")]
    Count {
        /// How many there are.
        got: usize,
        /// How many there must be.
        threshold: u8,
    },
    /// A commitment is no usable point.
    #[error("commitment {index}: {error}")]
    Commitment {
        /// Which, from 0.
        index: usize,
        error: PointError,
    },
    /// `ProofS` or `ProofR` is not 32 bytes.
    #[error("the proof of knowledge is not two scalars of 32 bytes")]
    ProofLength,
    /// The proof does not verify.
    #[error("the proof of knowledge does not verify")]
    Proof,
}

/// What is wrong with the share that a dealer sent to one operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// There is none for this operator.
    #[error("no share for this operator")]
    Missing,
    /// It does not decrypt.
    #[error(transparent)]
    Decrypt(#[from] EciesError),
    /// It decrypts to something that is no scalar.
    #[error(transparent)]
    Scalar(#[from] ScalarError),
    /// It is not the committed polynomial's value, or it is zero.
    #[error("the share does not fit the commitments")]
    Feldman,
}

/// Checks a dealer's public part: as many commitments as the threshold, each a valid point, and the proof of knowledge.
///
/// # Errors
/// See [`Round1Error`].
pub fn verify_round1(dealer: OperatorId, round1: &Round1, threshold: u8) -> Result<Commitments, Round1Error> {
    let points = round1.commitment.as_slice();
    if points.len() != usize::from(threshold) {
        let got = points.len();
        return Err(Round1Error::Count { got, threshold });
    }
    let commitments =
        Commitments::decode(points).map_err(|(index, error)| Round1Error::Commitment { index, error })?;
    let scalar = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| Round1Error::ProofLength);
    let proof = Proof {
        response: scalar(round1.proof_s.as_slice())?,
        challenge: scalar(round1.proof_r.as_slice())?,
    };
    if proof.verify(dealer, &commitments) {
        Ok(commitments)
    } else {
        Err(Round1Error::Proof)
    }
}

/// Decrypts and checks the share that `round1` carries for `me`.
///
/// # Errors
/// See [`ShareError`]; each of them is a ground for a blame of type "invalid share".
pub fn open_share(
    me: OperatorId,
    session: &SessionKey,
    round1: &Round1,
    commitments: &Commitments,
) -> Result<SecretScalar, ShareError> {
    let ciphertext = round1.shares.get(&me).ok_or(ShareError::Missing)?;
    let share = SecretScalar::from_be_bytes(&session.decrypt(ciphertext.as_slice())?)?;
    if commitments.verify_share(me, &share) {
        Ok(share)
    } else {
        Err(ShareError::Feldman)
    }
}

/// The share of the key: the sum of what all dealers dealt. `None` if it is zero, which only a conspiracy of all
/// dealers can bring about.
#[must_use]
pub fn combine_shares<'a>(dealt: impl IntoIterator<Item = &'a SecretScalar>) -> Option<SecretScalar> {
    let share = SecretScalar::sum(dealt);
    (!share.is_zero()).then_some(share)
}

/// What the dealers' commitments say about the result, for anybody who saw them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedKeys {
    pub validator: BlsPublicKey,
    /// Every member's share public key.
    pub share_keys: BTreeMap<OperatorId, BlsPublicKey>,
}

impl DerivedKeys {
    /// Adds up the commitments of all dealers. `None` without dealers, or if a key came out as the identity.
    #[must_use]
    pub fn new(dealers: &BTreeMap<OperatorId, Commitments>, members: &[OperatorId]) -> Option<Self> {
        let (validator, share_keys) = Commitments::keys(dealers.values(), members)?;
        Some(Self {
            validator,
            share_keys,
        })
    }
}
