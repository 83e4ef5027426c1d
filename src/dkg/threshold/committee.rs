//! Whether a committee's share keys belong together.

use std::collections::BTreeMap;

use blstrs::{G1Affine, G1Projective, Scalar};
use ff::Field;

use super::lagrange::{InterpolationError, coefficients_at};
use super::point::{PointError, decode_key};
use super::scalar::scalar_of;
use crate::types::{BlsPublicKey, OperatorId, SafeText};

/// Share keys that are not a sharing of the validator key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// Fewer share keys than the threshold determine nothing.
    #[error("{got} share keys, {threshold} are needed")]
    TooFew {
        /// How many there are.
        got: usize,
        threshold: usize,
    },
    /// The validator key is no usable point.
    #[error("validator key: {0}")]
    Validator(PointError),
    /// The share keys cannot be interpolated.
    #[error(transparent)]
    Shares(#[from] InterpolationError),
    /// These threshold operators' keys determine another key.
    #[error("the share keys of operators {operators} do not interpolate to the validator key")]
    AnotherKey {
        /// Those operators, in words.
        operators: SafeText,
    },
    /// This key is not on the polynomial that the first threshold keys determine.
    #[error("the share key of operator {0} is not on the polynomial of the others")]
    OffPolynomial(OperatorId),
}

/// Checks that *all* share keys lie on one polynomial of degree `threshold`−1 whose value at zero is `validator`: the
/// polynomial of the first `threshold` keys gives it, and each further key is that polynomial's value at its operator. Any
/// other `threshold` of them then give it, too: they lie on the same polynomial. *Public input only.*
///
/// # Errors
/// See [`CommitteeError`].
pub fn interpolates_to(
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
    threshold: u8,
    validator: &BlsPublicKey,
) -> Result<(), CommitteeError> {
    let t = usize::from(threshold);
    if t == 0 || share_keys.len() < t {
        return Err(CommitteeError::TooFew {
            got: share_keys.len(),
            threshold: t,
        });
    }
    let validator = decode_key(&validator.0).map_err(CommitteeError::Validator)?;
    let mut ids = Vec::with_capacity(share_keys.len());
    let mut points = Vec::with_capacity(share_keys.len());
    for (&operator, key) in share_keys {
        ids.push(operator);
        points.push(decode_key(&key.0).map_err(|error| InterpolationError::Point { operator, error })?);
    }
    let (first, keys) = (&ids[..t], &points[..t]);
    if value_at(Scalar::ZERO, first, keys)? != validator.into() {
        let names: Vec<String> = first.iter().map(ToString::to_string).collect();
        return Err(CommitteeError::AnotherKey {
            operators: names.join(", ").into(),
        });
    }
    for (&operator, point) in ids.iter().zip(&points).skip(t) {
        if value_at(scalar_of(operator), first, keys)? != point.into() {
            return Err(CommitteeError::OffPolynomial(operator));
        }
    }
    Ok(())
}

fn value_at(at: Scalar, ids: &[OperatorId], points: &[G1Affine]) -> Result<G1Projective, InterpolationError> {
    let lambdas = coefficients_at(ids, at)?;
    let points: Vec<G1Projective> = points.iter().map(G1Projective::from).collect();
    // everything here is public: no need for constant time
    Ok(G1Projective::multi_exp(&points, &lambdas))
}
