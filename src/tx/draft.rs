//! From an approved payload to signed bytes.

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::primitives::{Address, Bytes, TxKind, U256};

use super::fees::Fees;
use crate::signer::{OracleSigner, SignerError};
use crate::types::{Root, SignedTransaction};

/// Everything that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Sender.
    pub from: Address,
    /// The contract.
    pub to: Address,
    /// Wei sent along.
    pub value_wei: U256,
    /// Calldata.
    pub data: Bytes,
    /// The intent's nonce, for life.
    pub nonce: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Fees for each gas.
    pub fees: Fees,
}

/// A draft can not be signed, or signed bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The key belongs to another account.
    #[error("the signer is {actual}, the transaction's sender {expected}")]
    WrongSigner {
        /// The draft's sender.
        expected: Address,
        /// The signer's account.
        actual: Address,
    },
    /// The key failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// Signed bytes that do not read back as the transaction they should be.
    #[error("signed bytes do not match: {0}")]
    Mismatch(&'static str),
}

impl Draft {
    /// Signs, and reads the signed bytes back: what leaves is what was approved.
    pub fn sign(&self, signer: &OracleSigner) -> Result<SignedTransaction, SignError> {
        if signer.address() != self.from {
            return Err(SignError::WrongSigner {
                expected: self.from,
                actual: signer.address(),
            });
        }
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.nonce,
            gas_limit: self.gas_limit,
            max_fee_per_gas: self.fees.max_fee,
            max_priority_fee_per_gas: self.fees.priority,
            to: TxKind::Call(self.to),
            value: self.value_wei,
            access_list: Default::default(),
            input: self.data.clone(),
        };
        let signature = signer.sign_hash(&transaction.signature_hash())?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        let signed = SignedTransaction {
            raw: envelope.encoded_2718().into(),
            hash: Root(envelope.tx_hash().0),
            nonce: self.nonce,
            max_fee_wei: U256::from(self.fees.max_fee),
            priority_fee_wei: U256::from(self.fees.priority),
            gas_limit: self.gas_limit,
        };
        self.verify(&signed)?;
        Ok(signed)
    }

    /// Whether signed bytes (from the journal, for instance) are this draft, signed by its sender.
    pub fn verify(&self, signed: &SignedTransaction) -> Result<(), SignError> {
        let envelope = TxEnvelope::decode_2718_exact(&signed.raw)
            .map_err(|_| SignError::Mismatch("not an EIP-2718 transaction"))?;
        let TxEnvelope::Eip1559(inner) = &envelope else {
            return Err(SignError::Mismatch("not an EIP-1559 transaction"));
        };
        let tx = inner.tx();
        let sender = inner
            .signature()
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
        expect(tx.chain_id == self.chain_id, "another chain")?;
        expect(
            tx.nonce == self.nonce && signed.nonce == self.nonce,
            "another nonce",
        )?;
        expect(tx.to == TxKind::Call(self.to), "another contract")?;
        expect(tx.value == self.value_wei, "another value")?;
        expect(tx.input == self.data, "another calldata")?;
        expect(tx.gas_limit == self.gas_limit, "another gas limit")?;
        expect(tx.max_fee_per_gas == self.fees.max_fee, "another max fee")?;
        expect(
            tx.max_priority_fee_per_gas == self.fees.priority,
            "another priority fee",
        )?;
        expect(envelope.tx_hash().0 == signed.hash.0, "another hash")
    }
}

impl SignedTransaction {
    /// Its fees for each gas.
    #[must_use]
    pub fn fees(&self) -> Fees {
        Fees {
            max_fee: u128::try_from(self.max_fee_wei).unwrap_or(u128::MAX),
            priority: u128::try_from(self.priority_fee_wei).unwrap_or(u128::MAX),
        }
    }
}
