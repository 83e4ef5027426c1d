//! A signer that does what a test wants.

use std::sync::{Mutex, PoisonError};

use alloy::primitives::{Address, Bytes};
use async_trait::async_trait;

use crate::ports::tx_signer::{TxSigner, TxSignerError, UnsignedTransaction};
use crate::types::SafeText;

/// Gives the same answer to everybody, and remembers what it was asked.
#[derive(Debug)]
pub(crate) struct FakeSigner {
    pub(crate) address: Address,
    pub(crate) answer: Result<Bytes, TxSignerError>,
    asked: Mutex<Vec<UnsignedTransaction>>,
}

impl FakeSigner {
    pub(crate) fn of(address: Address, answer: Result<Bytes, TxSignerError>) -> Self {
        Self {
            address,
            answer,
            asked: Mutex::default(),
        }
    }

    pub(crate) fn asked(&self) -> Vec<UnsignedTransaction> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl TxSigner for FakeSigner {
    fn address(&self) -> Address {
        self.address
    }

    fn name(&self) -> SafeText {
        "a signer that a test made".into()
    }

    async fn sign(&self, transaction: &UnsignedTransaction) -> Result<Bytes, TxSignerError> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(transaction.clone());
        self.answer.clone()
    }
}
