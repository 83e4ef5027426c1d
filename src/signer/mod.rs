//! Keystores and the transaction signer.

pub mod keystore;
pub mod password;

use std::fmt;

use alloy::primitives::{Address, B256, Signature};
use alloy::signers::SignerSync;
use alloy::signers::local::{MnemonicBuilder, PrivateKeySigner};
use secrecy::{ExposeSecret, SecretString};

/// Whether keys may be used that stand in configurations and shell histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPolicy {
    /// A network with real money: keystores only.
    KeystoreOnly,
    /// A development network: mnemonics and plain private keys too.
    DevelopmentKeys,
}

/// A key can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// Mnemonics and plain keys are for development networks.
    #[error("a {0} is accepted on development networks only; use a keystore")]
    DevelopmentOnly(&'static str),
    /// The words, the path or the digits are not a key. What they are is not repeated.
    #[error("the {0} is not valid")]
    Invalid(&'static str),
    /// The signature was not made.
    #[error("signing failed")]
    Failed,
}

/// The oracle's key. It signs transactions' hashes and shows nothing but its address.
#[derive(Clone)]
pub struct OracleSigner(PrivateKeySigner);

impl fmt::Debug for OracleSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OracleSigner({})", self.0.address())
    }
}

impl OracleSigner {
    fn from_bytes(key: &[u8]) -> Result<Self, SignerError> {
        PrivateKeySigner::from_slice(key)
            .map(Self)
            .map_err(|_| SignerError::Invalid("private key"))
    }

    /// Account `index` of a BIP-39 mnemonic, by the path `m/44'/60'/0'/0/index`.
    pub fn from_mnemonic(words: &SecretString, index: u32, policy: KeyPolicy) -> Result<Self, SignerError> {
        if policy != KeyPolicy::DevelopmentKeys {
            return Err(SignerError::DevelopmentOnly("mnemonic"));
        }
        let invalid = |_| SignerError::Invalid("mnemonic");
        let builder = MnemonicBuilder::english().phrase(words.expose_secret());
        let signer = builder.index(index).map_err(invalid)?.build().map_err(invalid)?;
        Ok(Self(signer))
    }

    /// A private key in hex.
    pub fn from_private_key(key: &SecretString, policy: KeyPolicy) -> Result<Self, SignerError> {
        if policy != KeyPolicy::DevelopmentKeys {
            return Err(SignerError::DevelopmentOnly("plain private key"));
        }
        let digits = key.expose_secret().trim();
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        let bytes = hex::decode(digits).map_err(|_| SignerError::Invalid("private key"))?;
        Self::from_bytes(&zeroize::Zeroizing::new(bytes))
    }

    /// A new key from the system's randomness.
    #[must_use]
    pub fn random() -> Self {
        Self(PrivateKeySigner::random())
    }

    /// The account.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// Signs 32 bytes. Only transactions are signed with this key, so only `tx` calls it.
    pub(crate) fn sign_hash(&self, hash: &B256) -> Result<Signature, SignerError> {
        self.0.sign_hash_sync(hash).map_err(|_| SignerError::Failed)
    }

    fn secret_bytes(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes().0)
    }
}
