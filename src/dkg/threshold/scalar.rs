//! Secret scalars.

use std::hint::black_box;

use blstrs::{G1Projective, Scalar};
use ff::Field;
use group::Group;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::types::{BlsPublicKey, OperatorId};

/// Bytes that are not the canonical form of a scalar. Carries no bytes: they may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScalarError {
    /// A scalar is 32 bytes, big endian.
    #[error("a scalar has 32 bytes, not {0}")]
    Length(usize),
    /// The number is not below the group order.
    #[error("not below the group order")]
    NotCanonical,
}

/// A scalar that must not be seen: a share, a coefficient, a nonce. No `Debug`, no `Copy`, no comparison.
///
/// It lives on the heap, so that moving it leaves no copy behind, and is overwritten when it is dropped. What arithmetic
/// leaves in registers and on the stack for a moment is beyond the reach of safe code.
#[expect(missing_debug_implementations, reason = "Debug would print a secret")]
pub struct SecretScalar(Box<Scalar>);

impl SecretScalar {
    pub(crate) fn new(scalar: Scalar) -> Self {
        Self(Box::new(scalar))
    }

    pub(crate) fn as_scalar(&self) -> &Scalar {
        &self.0
    }

    /// A uniform scalar other than zero.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        loop {
            let candidate = Self::new(Scalar::random(&mut *rng));
            // taken with probability 1 − 2⁻²⁵⁵: the branch reveals nothing
            if !candidate.is_zero() {
                return candidate;
            }
        }
    }

    /// Reads 32 bytes, big endian. Zero is a scalar, but no valid share: see [`SecretScalar::is_zero`].
    ///
    /// # Errors
    /// Wrong length, or not below the group order.
    pub fn from_be_bytes(bytes: &[u8]) -> Result<Self, ScalarError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| ScalarError::Length(bytes.len()))?;
        Option::<Scalar>::from(Scalar::from_bytes_be(bytes))
            .map(Self::new)
            .ok_or(ScalarError::NotCanonical)
    }

    /// 32 bytes, big endian, wiped after use.
    #[must_use]
    pub fn to_be_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes_be())
    }

    /// Whether this is zero, which no share, coefficient or key may be.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.is_zero().into()
    }

    /// The public key of this secret, in constant time.
    #[must_use]
    pub fn public_key(&self) -> BlsPublicKey {
        BlsPublicKey(self.times_generator().to_compressed())
    }

    pub(crate) fn times_generator(&self) -> G1Projective {
        G1Projective::generator() * *self.0
    }

    /// The sum of secrets: the share that several dealers dealt together.
    #[must_use]
    pub fn sum<'a>(secrets: impl IntoIterator<Item = &'a SecretScalar>) -> Self {
        let mut total = Self::new(Scalar::ZERO);
        for secret in secrets {
            *total.0 += *secret.0;
        }
        total
    }

    /// This secret times a public factor.
    #[must_use]
    pub fn times(&self, factor: &Scalar) -> Self {
        Self::new(*self.0 * factor)
    }
}

impl Drop for SecretScalar {
    fn drop(&mut self) {
        *self.0 = Scalar::ZERO;
        // blstrs' scalar is not `Zeroize` and this crate forbids unsafe: the optimiser must think that somebody reads the
        // zero, or it may leave the write out
        black_box(&*self.0);
        zeroize::optimization_barrier(&*self.0);
    }
}

/// An operator's x-coordinate. Ids are at most 64 bits, so distinct ids are distinct scalars.
#[must_use]
pub fn scalar_of(operator: OperatorId) -> Scalar {
    Scalar::from(operator.0)
}
