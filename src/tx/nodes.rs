//! Transactions behind their port, over JSON-RPC.
//!
//! | question | yes | not known |
//! |---|---|---|
//! | `price`, `raise` | what the market asks, under the ceiling or not | no endpoint tells its fees, or one of several alone, or the higher one of two, tells fees that the ceiling does not pay |
//! | `inspect` | what receipts, pools and the account's nonce say together | no endpoint answers one of these questions, the nonce is used and whether by ours is not known yet (who is silent on which of our hashes, or has it without a receipt, is named), or an event in the receipt cannot be read |
//! | `why_reverted` | a trace, the block tried out again, the call on the block before, or an event earlier in the block | the transaction is not in this block, or no endpoint executes it again |
//!
//! Nothing is ever a *no* here: a node that knows nothing of a transaction may lag.

use std::sync::Arc;

use alloy::primitives::{Address, U256};
use async_trait::async_trait;

use super::reason::{self, Readers};
use super::{Inclusion, Intent, IntentStatus, bump, fees, inspect};
use crate::chain::Finality;
use crate::chain::fees::quote;
use crate::chain::rpc::Rpc;
use crate::ports::{
    Answer, Broadcast, FeeQuote, PoolEventKind, PoolManager, Price, Priced, RevertReason, Ssv, Transactions,
};
use crate::types::{BlockRef, MOST_GAS, NonceStatus, Root, SignedTransaction};

/// The endpoints that transactions are handed to, and the contracts that they are about.
#[derive(Debug)]
pub struct Nodes {
    rpc: Rpc,
    manager: Arc<dyn PoolManager>,
    ssv: Arc<dyn Ssv>,
    finality: Finality,
}

impl Nodes {
    /// Over these endpoints. The contracts read what receipts and reverts say.
    #[must_use]
    pub fn new(rpc: Rpc, manager: Arc<dyn PoolManager>, ssv: Arc<dyn Ssv>, finality: Finality) -> Self {
        Self {
            rpc,
            manager,
            ssv,
            finality,
        }
    }

    async fn quote(&self) -> Answer<FeeQuote> {
        quote(&self.rpc).await.into()
    }
}

#[async_trait]
impl Transactions for Nodes {
    async fn price(&self, gas: u64, ceiling_wei: U256) -> Answer<Priced> {
        let gas_limit = fees::gas_limit(gas);
        let quote = self.quote().await;
        let judge = |quote| fees::choose(quote, gas_limit, ceiling_wei);
        let fees = quote.and_then(|quote| fees::quoted(quote, judge));
        fees.map(|fees| match fees {
            Ok(fees) => Priced::Fits(Price { gas_limit, fees }),
            Err(over) => Priced::Over(over),
        })
    }

    async fn raise(&self, stuck: &SignedTransaction, gas: Option<u64>, ceiling_wei: U256) -> Answer<Priced> {
        // nodes refuse for ever what has too little, and what has more than any transaction may have (EIP-7825)
        let gas_limit = gas.map_or(0, fees::gas_limit);
        let gas_limit = gas_limit.max(stuck.gas_limit).min(MOST_GAS);
        let judge = |quote| {
            let raised = |quote| bump::bump(fees::Fees::from(stuck), quote, gas_limit, ceiling_wei);
            fees::quoted(quote, raised).map(|raised| match raised {
                Ok(fees) => Priced::Fits(Price { gas_limit, fees }),
                Err(over) => Priced::Stuck(over, bump::options(stuck, gas_limit, quote)),
            })
        };
        self.quote().await.and_then(judge)
    }

    async fn offer(&self, signed: &SignedTransaction) -> Broadcast {
        super::broadcast(&self.rpc, signed).await
    }

    async fn inspect(&self, sender: Address, nonce: u64, hashes: &[Root]) -> Answer<NonceStatus> {
        let intent = Intent {
            sender,
            nonce,
            hashes,
            manager: &*self.manager,
            finality: self.finality,
        };
        match inspect(&self.rpc, &intent).await {
            Ok(status) => told(status),
            Err(error) => Answer::not_known(error),
        }
    }

    async fn why_reverted(&self, transaction: Root, block: BlockRef) -> Answer<RevertReason> {
        let readers = Readers {
            manager: &*self.manager,
            ssv: &*self.ssv,
        };
        let found = reason::of(&self.rpc, readers, transaction, block).await;
        found.unwrap_or_else(Answer::not_known)
    }
}

/// As it crosses the port.
fn told(status: IntentStatus) -> Answer<NonceStatus> {
    Answer::Yes(match status {
        IntentStatus::Unknown { why } => return Answer::NotKnown(why),
        IntentStatus::Pending { .. } => NonceStatus::Pending,
        IntentStatus::Included(inclusion) => included(&inclusion, false),
        IntentStatus::Final(inclusion) => included(&inclusion, true),
        // something else with our nonce waits in the pool: sending ours again would race it
        IntentStatus::Dropped { contested: true } => NonceStatus::Replaced {
            by: None,
            is_final: false,
        },
        IntentStatus::Dropped { contested: false } => NonceStatus::Missing,
        IntentStatus::ReplacedByForeign { hash, is_final } => NonceStatus::Replaced { by: hash, is_final },
    })
}

fn included(inclusion: &Inclusion, is_final: bool) -> NonceStatus {
    let serves = |kind| matches!(kind, PoolEventKind::DepositInitiated | PoolEventKind::Reshared);
    let served = inclusion.events.iter().find(|event| serves(event.kind));
    NonceStatus::Included {
        hash: inclusion.hash,
        block: inclusion.block,
        success: inclusion.success,
        reason: None,
        fee_paid_wei: inclusion.fee_wei,
        served: served.map(|event| event.pool),
        is_final,
        overtaken: false,
    }
}
