//! What each endpoint tells of the market, to be held against what the others tell.

use alloy::primitives::U64;
use serde_json::json;

use super::types::{BlockHeader, FeeHistory};
use super::{EndpointIndex, Rpc, RpcError};
use crate::types::SafeText;

/// What one endpoint tells.
pub(crate) type Told<T> = (EndpointIndex, SafeText, T);

impl Rpc {
    /// More than one endpoint can be asked.
    pub(crate) fn asks_several(&self) -> bool {
        self.indices().count() > 1
    }

    /// The fees of the newest blocks at each endpoint that answers.
    ///
    /// # Errors
    /// None does. See [`RpcError`].
    pub(crate) async fn fee_histories(&self, blocks: u64) -> Result<Vec<Told<FeeHistory>>, RpcError> {
        let method = "eth_feeHistory";
        let params = json!([U64::from(blocks), "latest", [50.0]]);
        let said = self.everybody(|rpc, index| {
            let params = params.clone();
            async move { rpc.ask_and_read::<FeeHistory>(index, method, &params).await }
        });
        let (mut told, mut attempts, mut limited) = (Vec::new(), Vec::new(), false);
        for (index, said) in said.await {
            match said {
                Ok(history) => told.push((index, self.name(index), history)),
                Err(failed) => {
                    limited |= failed.again.is_some();
                    attempts.push(self.attempt(index, failed.error));
                }
            }
        }
        match told.is_empty() {
            false => Ok(told),
            // whoever is limited answers in a while; every other failure is the caller's to judge
            true if limited => {
                let (history, index) = self.request_from(method, params).await?;
                Ok(vec![(index, self.name(index), history)])
            }
            true => Err(RpcError::Unanswered { method, attempts }),
        }
    }

    /// The base fee of the block after the newest one that they share, as each endpoint's header of it determines it.
    ///
    /// # Errors
    /// No endpoint tells a newest block. See [`RpcError`].
    pub(crate) async fn next_base_fees(&self) -> Result<Vec<Told<u128>>, RpcError> {
        let head = self.head().await?;
        let params = json!([head.hash, false]);
        let said = self.everybody(|rpc, index| {
            let params = params.clone();
            async move {
                rpc.ask_and_read::<Option<BlockHeader>>(index, "eth_getBlockByHash", &params)
                    .await
            }
        });
        let said = said.await.into_iter();
        let fee = |(index, said): (EndpointIndex, Result<Option<BlockHeader>, _>)| {
            let header = said.ok()?.filter(|header| header.block() == head.block())?;
            Some((index, self.name(index), header.next_base_fee()?))
        };
        Ok(said.filter_map(fee).collect())
    }

    fn name(&self, index: EndpointIndex) -> SafeText {
        self.inner.endpoints[index.position()].name.clone()
    }
}
