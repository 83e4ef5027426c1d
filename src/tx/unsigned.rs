//! From an approved payload to signed bytes.

use alloy::consensus::{SignableTransaction, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::primitives::{Address, TxKind, U256, keccak256};

use super::fees::Fees;
use crate::ports::tx_signer::{TxSigner, TxSignerError, UnsignedTransaction};
use crate::types::{Root, SafeText, SignedTransaction};

/// A transaction cannot be signed, or signed bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The signer is of another account.
    #[error("the signer is {actual}, the transaction's sender {expected}")]
    WrongSigner {
        /// The transaction's sender.
        expected: Address,
        /// The signer's account.
        actual: Address,
    },
    /// Nothing was signed.
    #[error(transparent)]
    Signer(#[from] TxSignerError),
    /// Signed bytes that do not read back as the transaction they should be.
    #[error("signed bytes do not match: {0}")]
    Mismatch(&'static str),
}

impl SignError {
    /// Why whoever signs is away, where nothing but that is in the way.
    #[must_use]
    pub fn away(&self) -> Option<&SafeText> {
        match self {
            Self::Signer(TxSignerError::Away(why)) => Some(why),
            _ => None,
        }
    }

    /// What differs between signed bytes and the transaction that they should be; else why there are none.
    #[must_use]
    pub fn difference(&self) -> String {
        match self {
            Self::Mismatch(what) => (*what).to_owned(),
            other => other.to_string(),
        }
    }
}

impl UnsignedTransaction {
    /// Has it signed, and reads the signed bytes back: what leaves is what was approved, whoever signed it.
    ///
    /// # Errors
    /// The signer is of another account, does not sign, or has signed something else.
    pub async fn sign(&self, signer: &dyn TxSigner) -> Result<SignedTransaction, SignError> {
        if signer.address() != self.from {
            return Err(SignError::WrongSigner {
                expected: self.from,
                actual: signer.address(),
            });
        }
        let raw = signer.sign(self).await?;
        let signed = SignedTransaction {
            hash: Root(keccak256(&raw).0),
            raw,
            nonce: self.nonce,
            max_fee_wei: U256::from(self.max_fee_wei),
            priority_fee_wei: U256::from(self.priority_fee_wei),
            gas_limit: self.gas_limit,
        };
        self.verify(&signed)?;
        Ok(signed)
    }

    /// Whether signed bytes (from a signer, or from the journal) are this transaction and nothing else, signed by its sender in
    /// the form that nodes take.
    ///
    /// # Errors
    /// [`SignError::Mismatch`], with what differs.
    pub fn verify(&self, signed: &SignedTransaction) -> Result<(), SignError> {
        let envelope = TxEnvelope::decode_2718_exact(&signed.raw)
            .map_err(|_| SignError::Mismatch("not an EIP-2718 transaction"))?;
        let TxEnvelope::Eip1559(inner) = &envelope else {
            return Err(SignError::Mismatch("not an EIP-1559 transaction"));
        };
        let (tx, signature) = (inner.tx(), inner.signature());
        let sender = signature
            .recover_address_from_prehash(&tx.signature_hash())
            .map_err(|_| SignError::Mismatch("the signature recovers no account"))?;
        let expect = |holds: bool, what: &'static str| {
            if holds {
                Ok(())
            } else {
                Err(SignError::Mismatch(what))
            }
        };
        expect(sender == self.from, "another sender")?;
        // EIP-2: of the two signatures that recover the account, nodes take the one with the lower s
        expect(
            signature.normalize_s().is_none(),
            "a signature that no node takes",
        )?;
        expect(tx.chain_id == self.chain_id, "another chain")?;
        expect(
            tx.nonce == self.nonce && signed.nonce == self.nonce,
            "another nonce",
        )?;
        expect(tx.to == TxKind::Call(self.to), "another contract")?;
        expect(tx.value == self.value_wei, "another value")?;
        expect(tx.input == self.data, "another calldata")?;
        expect(tx.gas_limit == self.gas_limit, "another gas limit")?;
        expect(tx.max_fee_per_gas == self.max_fee_wei, "another max fee")?;
        expect(
            tx.max_priority_fee_per_gas == self.priority_fee_wei,
            "another priority fee",
        )?;
        expect(tx.access_list.is_empty(), "an access list")?;
        // the fields are right, so the bytes are those of these fields and of nothing else
        expect(
            envelope.encoded_2718() == signed.raw,
            "another encoding of the same fields",
        )?;
        expect(envelope.tx_hash().0 == signed.hash.0, "another hash")
    }
}

/// What a transaction pays for each gas.
impl From<&SignedTransaction> for Fees {
    fn from(signed: &SignedTransaction) -> Self {
        Self {
            max_fee: u128::try_from(signed.max_fee_wei).unwrap_or(u128::MAX),
            priority: u128::try_from(signed.priority_fee_wei).unwrap_or(u128::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Bytes;

    use super::*;
    use crate::ports::fakes::FakeSigner;

    fn unsigned() -> UnsignedTransaction {
        UnsignedTransaction {
            chain_id: 5,
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            value_wei: U256::from(3),
            data: vec![4].into(),
            nonce: 6,
            gas_limit: 7,
            max_fee_wei: 9,
            priority_fee_wei: 8,
        }
    }

    #[tokio::test]
    async fn a_signer_is_asked_for_the_whole_transaction_and_its_reason_is_kept() {
        let words = || SafeText::new("over its limit");
        for error in [
            TxSignerError::Away(words()),
            TxSignerError::Refused(words()),
            TxSignerError::Broken(words()),
        ] {
            let signer = FakeSigner::of(unsigned().from, Err(error.clone()));
            let answer = unsigned().sign(&signer).await.unwrap_err();
            assert!(answer.to_string().ends_with(": over its limit"), "{answer}");
            assert_eq!(answer, SignError::Signer(error));
            assert_eq!(signer.asked(), [unsigned()]);
        }
    }

    #[tokio::test]
    async fn a_signer_of_another_account_is_not_asked() {
        let signer = FakeSigner::of(Address::ZERO, Ok(Bytes::new()));
        let answer = unsigned().sign(&signer).await;
        assert!(matches!(answer, Err(SignError::WrongSigner { .. })));
        assert_eq!(signer.asked(), []);
    }
}
