//! A signer in one file: it sees the whole transaction, and counts what it signed.

use std::sync::atomic::{AtomicU32, Ordering};

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, Bytes, TxKind};
use alloy::signers::SignerSync;
use alloy::signers::local::{MnemonicBuilder, PrivateKeySigner};
use async_trait::async_trait;
use casimir_dkg::ports::tx_signer::{TxSigner, TxSignerError, UnsignedTransaction};
use casimir_dkg::types::SafeText;

#[derive(Debug)]
pub(crate) struct ToySigner {
    key: PrivateKeySigner,
    pub(crate) signed: AtomicU32,
}

impl ToySigner {
    pub(crate) fn new(mnemonic: &str) -> Self {
        Self {
            key: MnemonicBuilder::english().phrase(mnemonic).build().unwrap(),
            signed: AtomicU32::new(0),
        }
    }
}

#[async_trait]
impl TxSigner for ToySigner {
    fn address(&self) -> Address {
        self.key.address()
    }

    fn name(&self) -> SafeText {
        "a toy".into()
    }

    async fn sign(&self, wanted: &UnsignedTransaction) -> Result<Bytes, TxSignerError> {
        tokio::task::yield_now().await;
        let transaction = TxEip1559 {
            chain_id: wanted.chain_id,
            nonce: wanted.nonce,
            gas_limit: wanted.gas_limit,
            max_fee_per_gas: wanted.max_fee_wei,
            max_priority_fee_per_gas: wanted.priority_fee_wei,
            to: TxKind::Call(wanted.to),
            value: wanted.value_wei,
            access_list: Default::default(),
            input: wanted.data.clone(),
        };
        let hash = transaction.signature_hash();
        let signature = self.key.sign_hash_sync(&hash).unwrap();
        self.signed.fetch_add(1, Ordering::Relaxed);
        Ok(TxEnvelope::from(transaction.into_signed(signature))
            .encoded_2718()
            .into())
    }
}
