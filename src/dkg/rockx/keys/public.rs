//! The public half: verifies messages, encrypts shares.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey, PublicKey};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{KeyError, RSA_BITS, armour};
use crate::types::RsaPublicKeyText;

/// SHA-256 of a key's SubjectPublicKeyInfo, hex, whatever form its text has. None where it is no key.
pub(crate) fn fingerprint(text: &str) -> Option<String> {
    let key = OperatorPublicKey::parse(text).ok()?;
    Some(hex::encode(Sha256::digest(key.as_spki_der())))
}

/// An operator's RSA public key, 2048 bits.
#[derive(Clone)]
pub struct OperatorPublicKey {
    verifying: ParsedPublicKey,
    spki: Vec<u8>,
}

impl OperatorPublicKey {
    /// Reads PEM with any label, base64 of PEM (the registry's form), or base64 of DER; the content may be a
    /// SubjectPublicKeyInfo or a PKCS#1 key.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::from_der(&armour::der_of(text)?)
    }

    /// Reads the DER of a SubjectPublicKeyInfo or a PKCS#1 key.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = PublicKey::from_der(der).map_err(|e| KeyError::Content(e.to_string()))?;
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(&key)
            .map_err(|e| KeyError::Content(e.to_string()))?
            .as_ref()
            .to_vec();
        let verifying = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &spki)
            .map_err(|e| KeyError::Content(e.to_string()))?;
        let this = Self { verifying, spki };
        match this.encrypting()?.key_size_bits() {
            RSA_BITS => Ok(this),
            bits => Err(KeyError::Bits(bits)),
        }
    }

    /// Whether `signature` is this key's RSASSA-PKCS1-v1_5 signature with SHA-256 over `message`.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifying.verify_sig(message, signature).is_ok()
    }

    /// RSAES-PKCS1-v1_5: the form in which shares rest at the operators and in SSV.
    ///
    /// # Errors
    /// The plaintext is longer than the key allows (245 bytes).
    pub fn encrypt_pkcs1v15(&self, plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
        let key = Pkcs1PublicEncryptingKey::new(self.encrypting()?).map_err(|_| KeyError::Encrypt)?;
        let mut out = vec![0; key.ciphertext_size()];
        let len = key
            .encrypt(plaintext, &mut out)
            .map_err(|_| KeyError::Encrypt)?
            .len();
        out.truncate(len);
        Ok(out)
    }

    /// The registry's form: base64 of a PEM labelled `RSA PUBLIC KEY` with SubjectPublicKeyInfo content.
    #[must_use]
    pub fn to_registry_text(&self) -> RsaPublicKeyText {
        STANDARD.encode(armour::to_pem("RSA PUBLIC KEY", &self.spki).as_bytes())
    }

    /// DER of the SubjectPublicKeyInfo.
    #[must_use]
    pub fn as_spki_der(&self) -> &[u8] {
        &self.spki
    }

    fn encrypting(&self) -> Result<PublicEncryptingKey, KeyError> {
        PublicEncryptingKey::from_der(&self.spki).map_err(|e| KeyError::Content(e.to_string()))
    }
}

impl PartialEq for OperatorPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for OperatorPublicKey {}

impl fmt::Debug for OperatorPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the first bytes are the same for every key; the last ones before the exponent differ
        let tail = &self.spki[self.spki.len().saturating_sub(13)..];
        write!(f, "OperatorPublicKey(…{})", hex::encode(tail))
    }
}
