//! What the oracle hands to SSV: the owner-nonce signature, and every operator's share public key and encrypted share.

use crate::ports::NotShares;
use crate::types::{BlsPublicKey, BlsSignature, ByteLengthError, OperatorId, SafeText};

pub use crate::ports::SharesData;

/// An encrypted share: one RSA-2048 ciphertext.
const RSA_BYTES: usize = 256;
const SIGNATURE: usize = BlsSignature::LEN;
const KEY: usize = BlsPublicKey::LEN;

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
        operator: OperatorId,
        /// What was there.
        got: usize,
    },
    /// There is a share key without encrypted share, or the other way round.
    #[error("operator {0} has not both a share key and an encrypted share")]
    Incomplete(OperatorId),
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
}
