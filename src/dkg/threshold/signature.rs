//! BLS signatures of the consensus layer's ciphersuite, whole and partial.

use std::collections::BTreeMap;

use blst::min_pk::{PublicKey, Signature};
use blst::{BLST_ERROR, MultiPoint};
use blstrs::G2Projective;
use rand::RngCore;
use rand::rngs::OsRng;

use super::lagrange::{InterpolationError, interpolate_signature};
use super::scalar::SecretScalar;
use crate::types::{BlsPublicKey, BlsSignature, OperatorId};

/// Domain separation tag of the proof-of-possession ciphersuite that the consensus layer uses.
pub const BLS_DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// Signs `message` (a signing root, usually) with a share or a whole key, in constant time.
#[must_use]
pub fn partial_sign(share: &SecretScalar, message: &[u8]) -> BlsSignature {
    let point = G2Projective::hash_to_curve(message, BLS_DST, &[]) * share.as_scalar();
    BlsSignature(point.to_compressed())
}

/// Whether `signature` is `key`'s over `message`. Both points are checked: curve, subgroup, and not the identity.
#[must_use]
pub fn verify(key: &BlsPublicKey, message: &[u8], signature: &BlsSignature) -> bool {
    let (Ok(key), Ok(signature)) = (
        PublicKey::key_validate(&key.0),
        Signature::sig_validate(&signature.0, true),
    ) else {
        return false;
    };
    signature.verify(false, message, BLS_DST, &[], &key, false) == BLST_ERROR::BLST_SUCCESS
}

/// The operators whose partial signature is not valid under their share key; those without a known key count as bad.
#[must_use]
pub fn verify_partials(
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
    message: &[u8],
    partials: &BTreeMap<OperatorId, BlsSignature>,
) -> Vec<OperatorId> {
    if all_valid(share_keys, message, partials) {
        return Vec::new();
    }
    partials
        .iter()
        .filter(|(operator, partial)| {
            !share_keys
                .get(operator)
                .is_some_and(|key| verify(key, message, partial))
        })
        .map(|(operator, _)| *operator)
        .collect()
}

/// Whether every one is valid, at the price of one pairing check: of random multiples of keys and signatures, added up.
/// A bad signature passes with a probability of 2^-128.
fn all_valid(
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
    message: &[u8],
    partials: &BTreeMap<OperatorId, BlsSignature>,
) -> bool {
    const BITS: usize = 128;
    if partials.len() < 2 {
        // nothing to save
        return false;
    }
    let read = |(operator, partial): (&OperatorId, &BlsSignature)| {
        let key = PublicKey::key_validate(&share_keys.get(operator)?.0).ok()?;
        Some((key, Signature::sig_validate(&partial.0, true).ok()?))
    };
    let Some((keys, signatures)) = partials
        .iter()
        .map(read)
        .collect::<Option<(Vec<PublicKey>, Vec<Signature>)>>()
    else {
        return false;
    };
    let mut multiples = vec![0; keys.len() * BITS / 8];
    OsRng.fill_bytes(&mut multiples);
    let key = keys.mult(&multiples, BITS).to_public_key();
    let signature = signatures.mult(&multiples, BITS).to_signature();
    signature.verify(false, message, BLS_DST, &[], &key, true) == BLST_ERROR::BLST_SUCCESS
}

/// Why partial signatures did not combine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// Fewer than the threshold.
    #[error("{got} partial signatures, {needed} are needed")]
    TooFew {
        /// How many there are.
        got: usize,
        /// The threshold.
        needed: usize,
    },
    /// They cannot be interpolated.
    #[error(transparent)]
    Interpolation(#[from] InterpolationError),
    /// The combined signature is not valid under the key: at least one partial signature is bad.
    #[error("the combined signature is not valid under the validator key")]
    Invalid,
}

/// Combines the first `threshold` partial signatures and verifies the result under `key`.
///
/// # Errors
/// See [`CombineError`]. After [`CombineError::Invalid`], [`verify_partials`] names who is to blame.
pub fn combine(
    key: &BlsPublicKey,
    message: &[u8],
    threshold: u8,
    partials: &BTreeMap<OperatorId, BlsSignature>,
) -> Result<BlsSignature, CombineError> {
    let needed = usize::from(threshold);
    if partials.len() < needed {
        let got = partials.len();
        return Err(CombineError::TooFew { got, needed });
    }
    let chosen = partials
        .iter()
        .take(needed)
        .map(|(id, partial)| (*id, *partial))
        .collect();
    let signature = interpolate_signature(&chosen)?;
    if verify(key, message, &signature) {
        Ok(signature)
    } else {
        Err(CombineError::Invalid)
    }
}
