//! Nodes that make of transactions what a test wants.

use std::sync::{Mutex, PoisonError};

use alloy::primitives::{Address, Bytes, U256};
use async_trait::async_trait;

use crate::ports::{
    Answer, Broadcast, BroadcastHint, DecodedRevert, Fees, Heard, Price, Priced, RevertForm, RevertReason,
    Transactions,
};
use crate::types::{BlockRef, NonceStatus, Root, SafeText, SignedTransaction};

/// Every answer, changed by the test before or while it is asked, and what was asked.
#[derive(Debug)]
pub(crate) struct FakeTransactions {
    pub(crate) price: Answer<Priced>,
    pub(crate) raise: Answer<Priced>,
    /// What each endpoint says of bytes that it is offered.
    pub(crate) heard: Vec<Heard>,
    pub(crate) status: Mutex<Answer<NonceStatus>>,
    pub(crate) reason: Mutex<Answer<RevertReason>>,
    pub(crate) offered: Mutex<Vec<SignedTransaction>>,
    /// What the call used when a price for its replacement was asked for.
    pub(crate) raised: Mutex<Vec<Option<u64>>>,
    pub(crate) explained: Mutex<Vec<(Root, BlockRef)>>,
}

impl Default for FakeTransactions {
    /// One endpoint that takes everything; of the chain nothing is known until a test says so.
    fn default() -> Self {
        let price = Price {
            gas_limit: 125_000,
            fees: Fees {
                max_fee: 2_100_000_000,
                priority: 100_000_000,
            },
        };
        Self {
            price: Answer::Yes(Priced::Fits(price)),
            raise: Answer::not_known("no endpoint tells its fees"),
            heard: vec![heard("a", BroadcastHint::Accepted)],
            status: Mutex::new(Answer::not_known("no endpoint answers")),
            reason: Mutex::new(Answer::not_known("no endpoint executes it again")),
            offered: Mutex::default(),
            raised: Mutex::default(),
            explained: Mutex::default(),
        }
    }
}

/// What an endpoint of this name says.
pub(crate) fn heard(endpoint: &str, hint: BroadcastHint) -> Heard {
    Heard {
        endpoint: SafeText::new(endpoint),
        hint,
        words: SafeText::default(),
    }
}

fn locked<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeTransactions {
    /// From now on this became of every nonce.
    pub(crate) fn say(&self, status: Answer<NonceStatus>) {
        *locked(&self.status) = status;
    }

    /// From now on everything that reverted did so for this reason, and was overtaken by nothing.
    pub(crate) fn say_reverted(&self, words: &str) {
        *locked(&self.reason) = Answer::Yes(RevertReason {
            revert: DecodedRevert {
                form: RevertForm::Message,
                reason: SafeText::new(words),
                data: Bytes::new(),
                advice: None,
            },
            overtaken: false,
        });
    }

    /// The bytes that were offered, in that order.
    pub(crate) fn offered(&self) -> Vec<SignedTransaction> {
        locked(&self.offered).clone()
    }

    /// What the call used, for each price of a replacement that was asked for.
    pub(crate) fn raised(&self) -> Vec<Option<u64>> {
        locked(&self.raised).clone()
    }

    /// Whose reason was looked up.
    pub(crate) fn explained(&self) -> Vec<(Root, BlockRef)> {
        locked(&self.explained).clone()
    }
}

#[async_trait]
impl Transactions for FakeTransactions {
    async fn price(&self, _gas: u64, _ceiling_wei: U256) -> Answer<Priced> {
        self.price.clone()
    }

    async fn raise(
        &self,
        _stuck: &SignedTransaction,
        gas: Option<u64>,
        _ceiling_wei: U256,
    ) -> Answer<Priced> {
        locked(&self.raised).push(gas);
        self.raise.clone()
    }

    async fn offer(&self, signed: &SignedTransaction) -> Broadcast {
        locked(&self.offered).push(signed.clone());
        Broadcast(self.heard.clone())
    }

    async fn inspect(&self, _sender: Address, _nonce: u64, _hashes: &[Root]) -> Answer<NonceStatus> {
        locked(&self.status).clone()
    }

    async fn why_reverted(&self, transaction: Root, block: BlockRef) -> Answer<RevertReason> {
        locked(&self.explained).push((transaction, block));
        locked(&self.reason).clone()
    }
}
