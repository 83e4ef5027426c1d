//! Points from outside. The identity and points outside the prime-order subgroup are never accepted.

use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;

use crate::types::{BlsPublicKey, BlsSignature};

/// Bytes that are not a usable point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// A public key has 48 bytes, a signature 96.
    #[error("a compressed point of {expected} bytes was expected, not {got}")]
    Length {
        /// 48 or 96.
        expected: usize,
        /// What was there.
        got: usize,
    },
    /// Not the compressed form of a curve point in the prime-order subgroup.
    #[error("not a point of the prime-order subgroup")]
    Invalid,
    /// The point at infinity.
    #[error("the point at infinity")]
    Identity,
}

/// Reads a public key, share key or commitment.
///
/// # Errors
/// See [`PointError`].
pub fn decode_key(bytes: &[u8]) -> Result<G1Affine, PointError> {
    let bytes = bytes.try_into().map_err(|_| PointError::Length {
        expected: BlsPublicKey::LEN,
        got: bytes.len(),
    })?;
    let point = Option::<G1Affine>::from(G1Affine::from_compressed(bytes)).ok_or(PointError::Invalid)?;
    if point.is_identity().into() {
        return Err(PointError::Identity);
    }
    Ok(point)
}

/// Reads a signature.
///
/// # Errors
/// See [`PointError`].
pub fn decode_signature(bytes: &[u8]) -> Result<G2Affine, PointError> {
    let bytes = bytes.try_into().map_err(|_| PointError::Length {
        expected: BlsSignature::LEN,
        got: bytes.len(),
    })?;
    let point = Option::<G2Affine>::from(G2Affine::from_compressed(bytes)).ok_or(PointError::Invalid)?;
    if point.is_identity().into() {
        return Err(PointError::Identity);
    }
    Ok(point)
}
