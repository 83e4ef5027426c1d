//! Where the beacon chain has a validator: what a rule about own validators has to ask.

use std::fmt;

use async_trait::async_trait;

use crate::beacon::client::Beacon;
use crate::ports::{Answer, Consensus};
use crate::types::BlsPublicKey;

/// Where the beacon chain has a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPlace {
    pub index: u64,
    /// The epoch of its activation, if it has one: nobody exits before.
    pub active_since: Option<u64>,
}

/// Somebody who knows the beacon chain's validators.
#[async_trait]
pub trait ValidatorIndices: Send + Sync + fmt::Debug {
    /// The place of the validator with this key. *No*: the chain has no such validator, so it has no exit either.
    async fn place_of(&self, validator: BlsPublicKey) -> Answer<ChainPlace>;
}

#[async_trait]
impl ValidatorIndices for Beacon {
    async fn place_of(&self, validator: BlsPublicKey) -> Answer<ChainPlace> {
        let found = self.validator(&validator).await.answer;
        found.map(|found| ChainPlace {
            index: found.index,
            active_since: found.activation_epoch,
        })
    }
}
