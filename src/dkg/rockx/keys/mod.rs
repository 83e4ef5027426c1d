//! Operators' RSA keys, in every text form in which they go about.
//!
//! The registry hands out base64 of a PEM whose label says `RSA PUBLIC KEY` (PKCS#1) while its content is a
//! SubjectPublicKeyInfo, so labels are not believed: the armour is stripped and the content decides.

mod armour;
mod private;
mod public;
mod sealed;

pub use private::OperatorPrivateKey;
pub use public::OperatorPublicKey;
pub(crate) use public::fingerprint;

/// Modulus length: shares at rest and signatures are 256 bytes on the wire, so no other length can take part.
pub const RSA_BITS: usize = 2048;
/// Bytes of a signature and of an encrypted share.
pub const RSA_BYTES: usize = RSA_BITS / 8;

/// A text or byte string is not a usable RSA key, or an operation with one failed. No variant carries key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither PEM, nor base64 of PEM, nor base64 of DER.
    #[error("not a PEM or base64 text of an RSA key")]
    Text,
    /// A password-protected PEM.
    #[error("the PEM is encrypted with a password; decrypt it first")]
    Encrypted,
    /// The content is neither PKCS#1 nor SubjectPublicKeyInfo / PKCS#8, or not RSA, or not consistent.
    #[error("the content is not an RSA key: {0}")]
    Content(String),
    /// Another modulus length.
    #[error("an RSA key of {0} bits; this protocol's signatures and shares need {RSA_BITS}")]
    Bits(usize),
    /// Plaintext too long, or the library refused.
    #[error("RSA encryption failed")]
    Encrypt,
    /// Not a ciphertext for this key.
    #[error("RSA decryption failed")]
    Decrypt,
    /// The library refused.
    #[error("RSA signing failed")]
    Sign,
    /// The library refused.
    #[error("RSA key generation failed")]
    Generate,
    /// A key file that is encrypted with a password cannot be read or written.
    #[error("encrypted key file: {0}")]
    Sealed(String),
    /// The checksum of an encrypted key file does not match.
    #[error("encrypted key file: wrong password")]
    Password,
}
