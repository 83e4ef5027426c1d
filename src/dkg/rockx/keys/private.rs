//! The private half: signs messages, decrypts shares at rest.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use zeroize::Zeroizing;

use super::{KeyError, OperatorPublicKey, RSA_BITS, RSA_BYTES, armour};

/// An operator's RSA private key. No `Debug`, no `Clone`; the library wipes its copy when it is freed.
#[expect(missing_debug_implementations, reason = "Debug would print a secret")]
pub struct OperatorPrivateKey {
    signing: KeyPair,
    decrypting: Pkcs1PrivateDecryptingKey,
    public: OperatorPublicKey,
}

impl OperatorPrivateKey {
    /// Longest file of one, in bytes, whatever its form.
    pub const MAX_FILE: u64 = 64 << 10;

    /// Reads PKCS#1 or PKCS#8 as PEM (any label), base64 of PEM (the form of the environment variable), or base64 of DER.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::from_der(&armour::der_of(text)?)
    }

    /// Reads the DER of a PKCS#1 or PKCS#8 key.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let signing = KeyPair::from_der(der)
            .or_else(|_| KeyPair::from_pkcs8(der))
            .map_err(|e| KeyError::Content(e.to_string()))?;
        Self::from_pair(signing)
    }

    /// A fresh key from the operating system's randomness.
    ///
    /// # Errors
    /// The library failed.
    pub fn generate() -> Result<Self, KeyError> {
        Self::from_pair(KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?)
    }

    fn from_pair(signing: KeyPair) -> Result<Self, KeyError> {
        let bits = signing.public_modulus_len() * 8;
        if bits != RSA_BITS {
            return Err(KeyError::Bits(bits));
        }
        let content = |e: &dyn std::fmt::Display| KeyError::Content(e.to_string());
        let public = OperatorPublicKey::from_der(signing.public_key().as_ref())?;
        let pkcs8 = pkcs8_of(&signing)?;
        let decrypting = PrivateDecryptingKey::from_pkcs8(&pkcs8).map_err(|e| content(&e))?;
        let decrypting = Pkcs1PrivateDecryptingKey::new(decrypting).map_err(|e| content(&e))?;
        Ok(Self {
            signing,
            decrypting,
            public,
        })
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 over `message`; deterministic.
    ///
    /// # Errors
    /// The library failed.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; RSA_BYTES];
        self.signing
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeyError::Sign)?;
        Ok(signature)
    }

    /// RSAES-PKCS1-v1_5. This padding is an oracle where an attacker sees which ciphertexts fail: decrypt only what
    /// this operator encrypted itself, and never tell a peer the outcome.
    ///
    /// # Errors
    /// Not a ciphertext for this key.
    pub fn decrypt_pkcs1v15(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut out = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        let len = self
            .decrypting
            .decrypt(ciphertext, &mut out)
            .map_err(|_| KeyError::Decrypt)?
            .len();
        out.truncate(len);
        Ok(out)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &OperatorPublicKey {
        &self.public
    }

    /// Whether this is the private half of `public`.
    #[must_use]
    pub fn matches(&self, public: &OperatorPublicKey) -> bool {
        &self.public == public
    }

    /// PKCS#1 PEM, the form that every RockX node reads.
    ///
    /// # Errors
    /// The library failed.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let pkcs8 = pkcs8_of(&self.signing)?;
        let pkcs1 = armour::pkcs1_of_pkcs8(&pkcs8)
            .ok_or_else(|| KeyError::Content("PKCS#8 without content".into()))?;
        Ok(armour::to_pem("RSA PRIVATE KEY", pkcs1))
    }
}

fn pkcs8_of(key: &KeyPair) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(key).map_err(|e| KeyError::Content(e.to_string()))?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}
