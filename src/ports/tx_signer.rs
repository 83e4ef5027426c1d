//! Whoever signs for the oracle's account: a key in this process, or a signer elsewhere.
//!
//! A signer is given the whole transaction, so that one with rules of its own can judge it, and gives back the whole
//! signed envelope. What comes back is not believed: `tx` reads it and compares every field.

use std::fmt;

use alloy::primitives::{Address, Bytes, U256};
use async_trait::async_trait;

use super::Answer;
use crate::types::SafeText;

/// An EIP-1559 transaction without an access list, as it is to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedTransaction {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Whose account it leaves.
    pub from: Address,
    /// The contract.
    pub to: Address,
    /// Wei sent along.
    pub value_wei: U256,
    /// Calldata.
    pub data: Bytes,
    pub nonce: u64,
    /// Gas units.
    pub gas_limit: u64,
    /// Wei for each gas, base fee and priority fee together.
    pub max_fee_wei: u128,
    /// Max priority fee per gas, wei.
    pub priority_fee_wei: u128,
}

/// Nothing was signed, told apart by what helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TxSignerError {
    /// It cannot be reached or is not ready now: ask again later.
    #[error("the signer is away: {0}")]
    Away(SafeText),
    /// It will not sign this, by a rule of its own: asking the same again changes nothing.
    #[error("the signer refuses: {0}")]
    Refused(SafeText),
    /// It is there and does not work as it should: a person has to look.
    #[error("the signer is broken: {0}")]
    Broken(SafeText),
}

/// Whether a signer that is there says that it has the account's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HasKey {
    /// It does, or it is in this process.
    Told,
    /// It tells nobody whose keys it has: the first signature finds out.
    Untold,
}

/// Signs for one account.
#[async_trait]
pub trait TxSigner: fmt::Debug + Send + Sync {
    /// The account.
    fn address(&self) -> Address;

    /// What it is, for people: without a secret.
    fn name(&self) -> SafeText;

    /// Whether it is somewhere else, and so may be away.
    fn is_elsewhere(&self) -> bool {
        false
    }

    /// Whether it is there and has the account's key, as far as it tells without signing. A key in this process is.
    async fn reach(&self) -> Answer<HasKey> {
        Answer::Yes(HasKey::Told)
    }

    /// Signs the transaction as it is, and returns its EIP-2718 envelope. May take a while; dropping the future gives the
    /// signature up, though a signer elsewhere may have made it.
    ///
    /// # Errors
    /// See [`TxSignerError`].
    async fn sign(&self, transaction: &UnsignedTransaction) -> Result<Bytes, TxSignerError>;
}
