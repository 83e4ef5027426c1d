//! The dealer's secret polynomial.

use blstrs::Scalar;
use ff::Field;
use rand::{CryptoRng, RngCore};

use super::commitments::Commitments;
use super::scalar::{SecretScalar, scalar_of};
use crate::types::OperatorId;

/// A polynomial of degree t−1 over the scalar field, constant term first. Wiped when it is dropped.
#[expect(missing_debug_implementations, reason = "Debug would print a secret")]
pub struct SecretPolynomial(Vec<SecretScalar>);

impl SecretPolynomial {
    /// A random polynomial with `threshold` coefficients whose value at zero is `secret`.
    ///
    /// No coefficient is zero: the identity would be a commitment that every receiver refuses.
    pub fn random(secret: SecretScalar, threshold: u8, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut coefficients = Vec::with_capacity(usize::from(threshold));
        coefficients.push(secret);
        coefficients.extend((1..threshold).map(|_| SecretScalar::random(rng)));
        Self(coefficients)
    }

    /// Number of coefficients: as many shares determine the polynomial.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.0.len()
    }

    /// The value at zero.
    #[must_use]
    pub fn secret(&self) -> &SecretScalar {
        &self.0[0]
    }

    /// The operator's share: the value at its id.
    #[must_use]
    pub fn share(&self, operator: OperatorId) -> SecretScalar {
        let x = scalar_of(operator);
        let mut value = SecretScalar::new(Scalar::ZERO);
        for coefficient in self.0.iter().rev() {
            value = SecretScalar::new(*value.as_scalar() * x + coefficient.as_scalar());
        }
        value
    }

    /// The public image of the coefficients.
    #[must_use]
    pub fn commitments(&self) -> Commitments {
        Commitments::of(&self.0)
    }
}
