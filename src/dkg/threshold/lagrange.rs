//! Interpolation at zero and elsewhere, with operator ids as x-coordinates.

use std::collections::BTreeMap;

use blstrs::{G1Projective, G2Projective, Scalar};
use ff::Field;
use group::Group;

use super::point::{PointError, decode_key, decode_signature};
use super::scalar::{SecretScalar, scalar_of};
use crate::types::{BlsPublicKey, BlsSignature, OperatorId};

/// Values that cannot be interpolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InterpolationError {
    /// Nothing was given.
    #[error("no shares")]
    Empty,
    /// Two values for the same operator.
    #[error("operator {0} is given twice")]
    Duplicate(OperatorId),
    /// The value at zero is what is looked for: nobody may hold it.
    #[error("operator id 0 is the place of the secret")]
    ZeroId,
    /// An operator's value is not a usable point.
    #[error("operator {operator}: {error}")]
    Point { operator: OperatorId, error: PointError },
    /// The interpolated value is the identity, which is no key and no signature.
    #[error("the result is the point at infinity")]
    Identity,
}

/// λ_i = Π_{j≠i} x_j / (x_j − x_i), in the order of `operators`.
///
/// # Errors
/// No operator, one twice, or id zero.
pub fn coefficients_at_zero(operators: &[OperatorId]) -> Result<Vec<Scalar>, InterpolationError> {
    coefficients_at(operators, Scalar::ZERO)
}

pub(super) fn coefficients_at(
    operators: &[OperatorId],
    at: Scalar,
) -> Result<Vec<Scalar>, InterpolationError> {
    if operators.is_empty() {
        return Err(InterpolationError::Empty);
    }
    if operators.contains(&OperatorId(0)) {
        return Err(InterpolationError::ZeroId);
    }
    operators
        .iter()
        .enumerate()
        .map(|(n, &i)| {
            let (mut numerator, mut denominator) = (Scalar::ONE, Scalar::ONE);
            for (_, &j) in operators.iter().enumerate().filter(|&(m, _)| m != n) {
                numerator *= scalar_of(j) - at;
                denominator *= scalar_of(j) - scalar_of(i);
            }
            Option::<Scalar>::from(denominator.invert())
                .map(|inverse| numerator * inverse)
                .ok_or(InterpolationError::Duplicate(i))
        })
        .collect()
}

/// The secret that these shares determine. For tests and recovery: in the protocol nobody ever holds it.
///
/// # Errors
/// No operator, or id zero.
pub fn interpolate_secret(
    shares: &BTreeMap<OperatorId, SecretScalar>,
) -> Result<SecretScalar, InterpolationError> {
    let ids: Vec<_> = shares.keys().copied().collect();
    let terms: Vec<SecretScalar> = shares
        .values()
        .zip(coefficients_at_zero(&ids)?)
        .map(|(share, lambda)| share.times(&lambda))
        .collect();
    Ok(SecretScalar::sum(&terms))
}

/// The key that these share keys determine. All of them are used: pass exactly threshold many, or the result is only
/// right if all lie on one polynomial of lower degree.
///
/// # Errors
/// See [`InterpolationError`].
pub fn interpolate_key(
    shares: &BTreeMap<OperatorId, BlsPublicKey>,
) -> Result<BlsPublicKey, InterpolationError> {
    let ids: Vec<_> = shares.keys().copied().collect();
    let mut sum = G1Projective::identity();
    for ((&operator, key), lambda) in shares.iter().zip(coefficients_at_zero(&ids)?) {
        let point = decode_key(&key.0).map_err(|error| InterpolationError::Point { operator, error })?;
        sum += point * lambda;
    }
    if sum.is_identity().into() {
        return Err(InterpolationError::Identity);
    }
    Ok(BlsPublicKey(sum.to_compressed()))
}

/// The signature that these partial signatures determine. The result is *not* verified here.
///
/// # Errors
/// See [`InterpolationError`].
pub fn interpolate_signature(
    partials: &BTreeMap<OperatorId, BlsSignature>,
) -> Result<BlsSignature, InterpolationError> {
    let ids: Vec<_> = partials.keys().copied().collect();
    let mut sum = G2Projective::identity();
    for ((&operator, partial), lambda) in partials.iter().zip(coefficients_at_zero(&ids)?) {
        let point =
            decode_signature(&partial.0).map_err(|error| InterpolationError::Point { operator, error })?;
        sum += point * lambda;
    }
    if sum.is_identity().into() {
        return Err(InterpolationError::Identity);
    }
    Ok(BlsSignature(sum.to_compressed()))
}
