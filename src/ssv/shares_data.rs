//! What the oracle hands to SSV: the owner-nonce signature, and every operator's share public key and encrypted share.

use alloy::primitives::{Address, keccak256};

use crate::dkg::threshold::{PointError, decode_key, verify};
use crate::ports::NotShares;
use crate::types::{BlsPublicKey, BlsSignature, ByteLengthError, OperatorId, Root, SafeText};

pub use crate::ports::SharesData;

/// An encrypted share: one RSA-2048 ciphertext.
const RSA_BYTES: usize = 256;
const SIGNATURE: usize = BlsSignature::LEN;
const KEY: usize = BlsPublicKey::LEN;

/// What the validator key signs to prove that `owner` may register it with SSV: keccak256 of `<EIP-55 owner>:<nonce>`.
#[must_use]
pub fn owner_nonce_root(owner: &Address, nonce: u64) -> Root {
    owner_nonce_root_of_text(&owner.to_checksum(None), nonce)
}

/// The same for an owner whose EIP-55 text is given.
#[must_use]
pub fn owner_nonce_root_of_text(owner: &str, nonce: u64) -> Root {
    Root(keccak256(format!("{owner}:{nonce}")).0)
}

/// Bytes that are not the shares of a committee.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SharesDataError {
    /// signature (96) + n share keys (48) + n encrypted shares (256).
    #[error("{got} bytes for {operators} operators, {expected} are needed")]
    Length {
        /// Operators of the committee.
        operators: usize,
        /// 96 + 304·n.
        expected: usize,
        /// What was there.
        got: usize,
    },
    /// A part has the wrong length.
    #[error(transparent)]
    Part(#[from] ByteLengthError),
    /// An encrypted share is not 256 bytes.
    #[error("the encrypted share of operator {operator} has {got} bytes, not {RSA_BYTES}")]
    EncryptedShare {
        /// Whose.
        operator: OperatorId,
        /// What was there.
        got: usize,
    },
    /// There is a share key without encrypted share, or the other way round.
    #[error("operator {0} has not both a share key and an encrypted share")]
    Incomplete(OperatorId),
    /// A share key is no usable point.
    #[error("the share key of operator {operator}: {error}")]
    ShareKey {
        /// Whose.
        operator: OperatorId,
        /// Why.
        error: PointError,
    },
    /// The signature is not the validator key's over owner and nonce.
    #[error("the signature is not valid for {root} under the validator key")]
    Signature {
        /// What should have been signed.
        root: Root,
    },
}

pub(super) fn refused(error: &SharesDataError) -> NotShares {
    NotShares(SafeText::new(&error.to_string()))
}

/// On the wire the operators stand in ascending order.
impl SharesData {
    /// Length for a committee of n.
    #[must_use]
    pub fn len_for(operators: usize) -> usize {
        SIGNATURE + operators * (KEY + RSA_BYTES)
    }

    /// signature ‖ share keys ‖ encrypted shares, operators ascending.
    ///
    /// # Errors
    /// An operator lacks a part, or an encrypted share has another length.
    pub fn encode(&self) -> Result<Vec<u8>, SharesDataError> {
        let mut out = Vec::with_capacity(Self::len_for(self.share_public_keys.len()));
        out.extend_from_slice(&self.signature.0);
        for (operator, key) in &self.share_public_keys {
            if !self.encrypted_shares.contains_key(operator) {
                return Err(SharesDataError::Incomplete(*operator));
            }
            out.extend_from_slice(&key.0);
        }
        for (&operator, share) in &self.encrypted_shares {
            if !self.share_public_keys.contains_key(&operator) {
                return Err(SharesDataError::Incomplete(operator));
            }
            if share.len() != RSA_BYTES {
                let got = share.len();
                return Err(SharesDataError::EncryptedShare { operator, got });
            }
            out.extend_from_slice(share);
        }
        Ok(out)
    }

    /// Splits the bytes for a committee, whose order does not matter.
    ///
    /// # Errors
    /// The length does not fit the number of operators.
    pub fn decode(bytes: &[u8], committee: &[OperatorId]) -> Result<Self, SharesDataError> {
        let operators: std::collections::BTreeSet<OperatorId> = committee.iter().copied().collect();
        let n = operators.len();
        let expected = Self::len_for(n);
        if bytes.len() != expected {
            let got = bytes.len();
            return Err(SharesDataError::Length {
                operators: n,
                expected,
                got,
            });
        }
        let (signature, rest) = bytes.split_at(SIGNATURE);
        let (keys, shares) = rest.split_at(n * KEY);
        let keys = keys
            .chunks_exact(KEY)
            .map(BlsPublicKey::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let shares = shares.chunks_exact(RSA_BYTES).map(<[u8]>::to_vec);
        Ok(Self {
            signature: BlsSignature::try_from(signature)?,
            share_public_keys: operators.iter().copied().zip(keys).collect(),
            encrypted_shares: operators.iter().copied().zip(shares).collect(),
        })
    }

    /// Checks what SSV's operators will check: points, and the signature over owner and nonce.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(
        &self,
        validator: &BlsPublicKey,
        owner: &Address,
        nonce: u64,
    ) -> Result<(), SharesDataError> {
        for (&operator, key) in &self.share_public_keys {
            decode_key(&key.0).map_err(|error| SharesDataError::ShareKey { operator, error })?;
        }
        self.encode()?;
        let root = owner_nonce_root(owner, nonce);
        if verify(validator, &root.0, &self.signature) {
            Ok(())
        } else {
            Err(SharesDataError::Signature { root })
        }
    }
}
