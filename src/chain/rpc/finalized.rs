//! The newest block that more than one endpoint calls final.
//!
//! One whose head is far below the head that is followed tells what was final then, and one may claim what it likes. So every
//! endpoint is asked, and of those that keep up the second highest answer counts, like that for the head; the only one
//! where nobody else tells a block.

use serde_json::json;

use super::ask::Failed;
use super::error::{EndpointError, RpcError};
use super::types::BlockHeader;
use super::{At, EndpointIndex, Rpc};

const METHOD: &str = "eth_getBlockByNumber";

impl Rpc {
    /// The header of the newest final block; none where an endpoint says, in one of the ways in which clients say that, that
    /// nothing is final yet, and no other tells a final block.
    ///
    /// # Errors
    /// No endpoint answers, or every one refuses with other words. See [`RpcError`].
    pub async fn finalized(&self) -> Result<Option<BlockHeader>, RpcError> {
        if self.only.is_some() || self.indices().count() < 2 {
            return self.first_finalized().await;
        }
        let said = self
            .everybody(|rpc, index| async move { rpc.learn_finalized(index).await })
            .await;
        let (mut told, mut silent, mut nothing, mut limited) = (Vec::new(), Vec::new(), false, false);
        for (index, said) in said {
            match said {
                Ok(Some(header)) => told.push((index, header)),
                Ok(None) => nothing = true,
                Err(failed) => {
                    limited |= failed.again.is_some();
                    silent.push(self.attempt(index, failed.error));
                }
            }
        }
        match self.second_highest(told) {
            Some(header) => Ok(Some(header)),
            None if nothing => Ok(None),
            None if limited => self.first_finalized().await,
            None => Err(RpcError::Unanswered {
                method: METHOD,
                attempts: silent,
            }),
        }
    }

    /// As the first endpoint has it that has one.
    async fn first_finalized(&self) -> Result<Option<BlockHeader>, RpcError> {
        match self.any_header(At::Finalized).await {
            Err(error) if error.says_nothing_is_final() => Ok(None),
            told => told,
        }
    }

    async fn learn_finalized(&self, index: EndpointIndex) -> Result<Option<BlockHeader>, Failed> {
        let params = json!([At::Finalized.to_json(), false]);
        match self.ask_and_read(index, METHOD, &params).await {
            Err(Failed {
                error: EndpointError::NotHere(error),
                ..
            }) if error.says_nothing_is_final() => Ok(None),
            told => told,
        }
    }

    fn second_highest(&self, mut told: Vec<(EndpointIndex, BlockHeader)>) -> Option<BlockHeader> {
        let keeps_up = |index: EndpointIndex| self.inner.endpoints[index.position()].keeps_up();
        if told.iter().any(|(index, _)| keeps_up(*index)) {
            told.retain(|(index, _)| keeps_up(*index));
        }
        told.sort_by_key(|(index, header)| (std::cmp::Reverse(header.number()), index.position()));
        let second = told.get(1).or(told.first())?.1.number();
        // of those who say so the one that was configured first
        told.into_iter()
            .map(|(_, header)| header)
            .find(|header| header.number() == second)
    }
}
