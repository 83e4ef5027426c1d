//! A signer that does what a test wants.

use std::sync::{Mutex, PoisonError};

use alloy::primitives::{Address, Bytes};
use async_trait::async_trait;

use crate::ports::Answer;
use crate::ports::tx_signer::{HasKey, TxSigner, TxSignerError, UnsignedTransaction};
use crate::types::SafeText;

/// Gives the same answer to everybody, and remembers what it was asked.
#[derive(Debug)]
pub(crate) struct FakeSigner {
    pub(crate) address: Address,
    pub(crate) answer: Result<Bytes, TxSignerError>,
    reach: Mutex<Answer<()>>,
    asked: Mutex<Vec<UnsignedTransaction>>,
}

impl FakeSigner {
    pub(crate) fn of(address: Address, answer: Result<Bytes, TxSignerError>) -> Self {
        Self {
            address,
            answer,
            reach: Mutex::new(Answer::Yes(())),
            asked: Mutex::default(),
        }
    }

    /// Whether it is there, from now on.
    pub(crate) fn say(&self, reach: Answer<()>) {
        *self.reach.lock().unwrap_or_else(PoisonError::into_inner) = reach;
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

    async fn reach(&self) -> Answer<HasKey> {
        self.reach
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .map(|()| HasKey::Told)
    }

    async fn sign(&self, transaction: &UnsignedTransaction) -> Result<Bytes, TxSignerError> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(transaction.clone());
        self.answer.clone()
    }
}
