//! One nonce for each intent, for life, and a sharp eye for anyone else who uses the account.

use std::collections::BTreeSet;

use alloy::primitives::Address;

use crate::chain::rpc::{At, Rpc, RpcError};

/// What is known of the account's nonces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NonceLedger {
    /// Nonces below this are history that nobody asks about: the account's nonce when the journal began, or after a
    /// person acknowledged a foreign transaction.
    pub floor: u64,
    /// Nonces that were given to intents, whatever became of them.
    pub own: BTreeSet<u64>,
}

/// Someone else sends from the oracle's account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the account is used by someone else: nonces {nonces:?} are not ours")]
pub struct ForeignNonce {
    /// The first few of the nonces that are not ours.
    pub nonces: Vec<u64>,
}

/// A nonce could not be chosen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NonceError {
    /// No answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// Someone else sends from the account.
    #[error(transparent)]
    Foreign(#[from] ForeignNonce),
}

impl NonceLedger {
    /// The nonce for a new intent, given the account's count in the newest block (`latest`) and with what waits in the
    /// node's pool (`pending`).
    pub fn next(&self, latest: u64, pending: u64) -> Result<u64, ForeignNonce> {
        let used = latest.max(pending);
        let foreign: Vec<u64> = (self.floor..used)
            .filter(|nonce| !self.own.contains(nonce))
            .take(8)
            .collect();
        if !foreign.is_empty() {
            return Err(ForeignNonce { nonces: foreign });
        }
        // a nonce of ours that the chain has not seen still belongs to its intent
        let mut nonce = latest.max(self.floor);
        while self.own.contains(&nonce) {
            nonce += 1;
        }
        Ok(nonce)
    }
}

/// Asks the chain and chooses the nonce for a new intent of `sender`.
pub async fn next(rpc: &Rpc, sender: Address, ledger: &NonceLedger) -> Result<u64, NonceError> {
    let latest = rpc.nonce(sender, At::Latest).await?;
    let pending = rpc.nonce(sender, At::Pending).await?;
    Ok(ledger.next(latest, pending)?)
}
