//! The proof of knowledge of a dealer's constant term: a Schnorr signature over the dealer's id.

use blstrs::{G1Affine, G1Projective, Scalar};
use ff::Field;
use group::Group;
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};

use crate::dkg::threshold::{Commitments, SecretScalar, decode_key};
use crate::types::OperatorId;

/// Domain separation tag of the challenge hash.
pub const CHALLENGE_DST: &[u8] = b"BLS12381_XMD:SHA-256_SSWU_RO_";

const EXPANDED: usize = 48;

/// `expand_message_xmd` of RFC 9380 with SHA-256 and 48 bytes of output.
fn expand(message: &[u8]) -> [u8; EXPANDED] {
    let suffix = |hash: Sha256| {
        hash.chain_update(CHALLENGE_DST)
            .chain_update([CHALLENGE_DST.len() as u8])
    };
    let start = Sha256::new()
        .chain_update([0; 64])
        .chain_update(message)
        .chain_update([0, EXPANDED as u8, 0]);
    let b0: [u8; 32] = suffix(start).finalize().into();
    let b1: [u8; 32] = suffix(Sha256::new().chain_update(b0).chain_update([1]))
        .finalize()
        .into();
    let mut mixed = b0;
    mixed.iter_mut().zip(b1).for_each(|(a, b)| *a ^= b);
    let b2: [u8; 32] = suffix(Sha256::new().chain_update(mixed).chain_update([2]))
        .finalize()
        .into();
    let mut out = [0; EXPANDED];
    out[..32].copy_from_slice(&b1);
    out[32..].copy_from_slice(&b2[..16]);
    out
}

/// 48 bytes of `expand_message_xmd`, big endian, modulo the group order.
#[must_use]
pub fn hash_to_scalar(message: &[u8]) -> Scalar {
    let two_to_64 = Scalar::from(u64::MAX) + Scalar::ONE;
    let expanded = expand(message);
    let (limbs, _) = expanded.as_chunks::<8>();
    limbs.iter().fold(Scalar::ZERO, |n, limb| {
        n * two_to_64 + Scalar::from(u64::from_be_bytes(*limb))
    })
}

/// c = H(id ‖ context ‖ A_0 ‖ R). Only the id's low byte is hashed, and the context byte is zero in every release: the
/// proof is bound neither to the ceremony nor to ids beyond one byte. The signature over the message makes up for it.
fn challenge(dealer: OperatorId, constant_term: &[u8; 48], nonce_point: &G1Projective) -> Scalar {
    let [low_byte, ..] = dealer.0.to_le_bytes();
    let mut message = [0; 98];
    message[0] = low_byte;
    message[2..50].copy_from_slice(constant_term);
    message[50..].copy_from_slice(&G1Affine::from(nonce_point).to_compressed());
    hash_to_scalar(&message)
}

/// Response and challenge, as they stand in `ProofS` and `ProofR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// s = k + a_0·c.
    pub response: [u8; 32],
    /// c.
    pub challenge: [u8; 32],
}

impl Proof {
    pub(super) fn new(
        dealer: OperatorId,
        secret: &SecretScalar,
        commitments: &Commitments,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Self {
        let nonce = SecretScalar::random(rng);
        let c = challenge(dealer, &commitments.constant_term().0, &nonce.times_generator());
        let response = SecretScalar::sum([&nonce, &secret.times(&c)]);
        Self {
            response: *response.to_be_bytes(),
            challenge: c.to_bytes_be(),
        }
    }

    /// Whether the dealer knows the constant term's discrete logarithm. A zero challenge and scalars that are not
    /// canonical are refused.
    #[must_use]
    pub fn verify(&self, dealer: OperatorId, commitments: &Commitments) -> bool {
        let scalar = |bytes: &[u8; 32]| Option::<Scalar>::from(Scalar::from_bytes_be(bytes));
        let (Some(s), Some(c)) = (scalar(&self.response), scalar(&self.challenge)) else {
            return false;
        };
        if c.is_zero().into() {
            return false;
        }
        let constant_term = commitments.constant_term().0;
        let Ok(a0) = decode_key(&constant_term) else {
            return false;
        };
        let nonce_point = G1Projective::generator() * s - G1Projective::from(a0) * c;
        challenge(dealer, &constant_term, &nonce_point) == c
    }
}
