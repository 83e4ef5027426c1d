//! The oracle's key, in this process.

use std::fmt;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, Bytes, TxKind};
use alloy::signers::SignerSync;
use alloy::signers::local::{MnemonicBuilder, PrivateKeySigner};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::{KeyPolicy, SignerError};
use crate::ports::tx_signer::{TxSigner, TxSignerError, UnsignedTransaction};
use crate::types::SafeText;

/// The oracle's key. It signs transactions and shows nothing but its address.
#[derive(Clone)]
pub struct OracleSigner(PrivateKeySigner);

impl fmt::Debug for OracleSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OracleSigner({})", self.0.address())
    }
}

impl OracleSigner {
    pub(super) fn from_bytes(key: &[u8]) -> Result<Self, SignerError> {
        PrivateKeySigner::from_slice(key)
            .map(Self)
            .map_err(|_| SignerError::Invalid("private key"))
    }

    /// Account `index` of a BIP-39 mnemonic, by the path `m/44'/60'/0'/0/index`.
    ///
    /// # Errors
    /// It is not a mnemonic, or not allowed on this network.
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
    ///
    /// # Errors
    /// It is not a key, or not allowed on this network.
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

    pub(super) fn secret_bytes(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes().0)
    }
}

#[async_trait]
impl TxSigner for OracleSigner {
    fn address(&self) -> Address {
        self.0.address()
    }

    fn name(&self) -> SafeText {
        "the key in this process".into()
    }

    async fn sign(&self, transaction: &UnsignedTransaction) -> Result<Bytes, TxSignerError> {
        let transaction = TxEip1559 {
            chain_id: transaction.chain_id,
            nonce: transaction.nonce,
            gas_limit: transaction.gas_limit,
            max_fee_per_gas: transaction.max_fee_wei,
            max_priority_fee_per_gas: transaction.priority_fee_wei,
            to: TxKind::Call(transaction.to),
            value: transaction.value_wei,
            access_list: Default::default(),
            input: transaction.data.clone(),
        };
        let signature = self
            .0
            .sign_hash_sync(&transaction.signature_hash())
            .map_err(|e| TxSignerError::Broken(SafeText::new(&e.to_string())))?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        Ok(envelope.encoded_2718().into())
    }
}
