//! A share at rest: the form in which operators keep their part of the key, and in which SSV stores it on chain.

use zeroize::Zeroizing;

use super::keys::{KeyError, OperatorPrivateKey, OperatorPublicKey};
use crate::dkg::threshold::SecretScalar;

/// An encrypted share that cannot be opened. Carries nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealedShareError {
    /// RSA decryption failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The plaintext is not `0x` and 64 hex digits of a scalar other than zero.
    #[error("the plaintext is not a share")]
    Content,
}

/// RSA-encrypts the 66 characters `0x` + 64 lower-case hex digits of the share: 256 bytes.
///
/// # Errors
/// The RSA library failed.
pub fn seal_share(share: &SecretScalar, key: &OperatorPublicKey) -> Result<Vec<u8>, KeyError> {
    let mut text = Zeroizing::new([b'0'; 66]);
    text[1] = b'x';
    hex::encode_to_slice(*share.to_be_bytes(), &mut text[2..]).map_err(|_| KeyError::Encrypt)?;
    key.encrypt_pkcs1v15(&*text)
}

/// Opens what [`seal_share`] (or a Go node) encrypted.
///
/// # Errors
/// See [`SealedShareError`].
pub fn open_sealed_share(sealed: &[u8], key: &OperatorPrivateKey) -> Result<SecretScalar, SealedShareError> {
    let text = key.decrypt_pkcs1v15(sealed)?;
    let digits = text.strip_prefix(b"0x").ok_or(SealedShareError::Content)?;
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, &mut *bytes).map_err(|_| SealedShareError::Content)?;
    match SecretScalar::from_be_bytes(&*bytes) {
        Ok(share) if !share.is_zero() => Ok(share),
        _ => Err(SealedShareError::Content),
    }
}
