//! The dealer's side.

use std::collections::BTreeMap;

use rand::{CryptoRng, RngCore};

use super::challenge::Proof;
use crate::dkg::rockx::ecies::{EciesError, SessionPublicKey};
use crate::dkg::rockx::wire::{GoBytes, GoMap, Round1};
use crate::dkg::threshold::{
    Commitments, InterpolationError, SecretPolynomial, SecretScalar, coefficients_at_zero,
};
use crate::types::OperatorId;

/// What an old operator deals in a reshare: λ·x, λ over exactly the listed old operators.
///
/// # Errors
/// The list names somebody twice or operator 0, or `me` is not on it (reported as no shares).
pub fn reshare_secret(
    share: &SecretScalar,
    me: OperatorId,
    old: &[OperatorId],
) -> Result<SecretScalar, InterpolationError> {
    let lambdas = coefficients_at_zero(old)?;
    old.iter()
        .zip(lambdas)
        .find(|(operator, _)| **operator == me)
        .map(|(_, lambda)| share.times(&lambda))
        .ok_or(InterpolationError::Empty)
}

/// A dealer's polynomial with its commitments and proof. Wiped when it is dropped.
#[expect(missing_debug_implementations, reason = "Debug would print a secret")]
pub struct Dealing {
    polynomial: SecretPolynomial,
    commitments: Commitments,
    proof: Proof,
}

impl Dealing {
    /// Deals `secret` with threshold `threshold` (a fresh [`SecretScalar::random`] in a keygen, [`reshare_secret`] in a
    /// reshare).
    pub fn new(
        dealer: OperatorId,
        secret: SecretScalar,
        threshold: u8,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Self {
        let polynomial = SecretPolynomial::random(secret, threshold, rng);
        let commitments = polynomial.commitments();
        let proof = Proof::new(dealer, polynomial.secret(), &commitments, rng);
        Self {
            polynomial,
            commitments,
            proof,
        }
    }

    /// The public part.
    #[must_use]
    pub fn commitments(&self) -> &Commitments {
        &self.commitments
    }

    /// Proof of knowledge of the constant term.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// What `operator` is dealt. A dealer keeps its own share and sends the others.
    #[must_use]
    pub fn share(&self, operator: OperatorId) -> SecretScalar {
        self.polynomial.share(operator)
    }

    /// The broadcast: commitments, proof, and each recipient's share under its session key. Leave the dealer itself out
    /// of `recipients`, as every implementation does.
    ///
    /// # Errors
    /// The cipher failed.
    pub fn round1(
        &self,
        recipients: &BTreeMap<OperatorId, SessionPublicKey>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Round1, EciesError> {
        let mut shares = BTreeMap::new();
        for (&operator, key) in recipients {
            let share = self.share(operator).to_be_bytes();
            shares.insert(operator, GoBytes::from(key.encrypt(&*share, rng)?));
        }
        Ok(Round1 {
            commitment: self
                .commitments
                .iter()
                .map(|point| GoBytes::from(point.0))
                .collect(),
            proof_s: self.proof.response.into(),
            proof_r: self.proof.challenge.into(),
            shares: GoMap::from(shares),
        })
    }
}
