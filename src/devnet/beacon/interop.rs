//! The publicly known development keys that the chain starts with ("interop" keys of the client teams).

use alloy::primitives::{U256, uint};
use sha2::{Digest, Sha256};

use super::spec::MAX_EFFECTIVE_BALANCE;
use super::validator::Validator;
use crate::dkg::threshold::SecretScalar;
use crate::types::{BlsPublicKey, Root};

/// The order of the groups of BLS12-381.
const CURVE_ORDER: U256 =
    uint!(52435875175126190479447740508185965837690552500527637822603658699938581184513_U256);

/// The secret of development validator `index`: SHA-256 of the index as 32 little-endian bytes, read as a little-endian
/// number, modulo the curve order. Everybody knows these keys.
#[must_use]
pub fn interop_secret(index: u64) -> SecretScalar {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&index.to_le_bytes());
    let number = U256::from_le_bytes::<32>(Sha256::digest(bytes).into());
    SecretScalar::from_be_bytes(&(number % CURVE_ORDER).to_be_bytes::<32>())
        .expect("a number below the curve order is a scalar")
}

/// BLS withdrawal credentials of that key, which nobody withdraws to: `0x00`, then the end of the key's SHA-256.
pub(in crate::devnet) fn interop_credentials(key: &BlsPublicKey) -> Root {
    let mut credentials: [u8; 32] = Sha256::digest(key.0).into();
    credentials[0] = 0;
    Root(credentials)
}

/// The validator of that key at genesis: its balance is never withdrawn.
pub(super) fn interop_validator(index: u64) -> Validator {
    let key = interop_secret(index).public_key();
    Validator::at_genesis(key, interop_credentials(&key), MAX_EFFECTIVE_BALANCE)
}
