//! The newest block that more than one endpoint has.
//!
//! One that claims blocks that nobody else has would have everything in between go by unread. So every endpoint is asked,
//! and the second highest answer counts; the highest, where the other one of two says that it is still syncing, or where
//! nobody else answers.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::ask::Failed;
use super::error::RpcError;
use super::types::BlockHeader;
use super::{EndpointIndex, Rpc};
use crate::types::SafeText;

/// Endpoints are a block or a few apart all the time. Further apart, one of them is wrong.
const APART: u64 = 16;
/// How long the others are waited for once one has answered.
const GRACE: Duration = Duration::from_secs(3);

/// The head that is followed.
#[derive(Debug, Clone)]
pub(crate) struct CommonHead {
    pub(crate) header: BlockHeader,
    /// Who claims a head far beyond it, and in words what.
    pub(crate) beyond: Option<(EndpointIndex, SafeText)>,
}

type Told = (EndpointIndex, Result<BlockHeader, Failed>);

impl Rpc {
    /// Asks every endpoint for its newest block.
    ///
    /// # Errors
    /// None answers.
    pub(crate) async fn common_head(&self) -> Result<CommonHead, RpcError> {
        let mut heads = Vec::new();
        let (mut attempts, mut limited) = (Vec::new(), self.only.is_some() || self.indices().count() < 2);
        if !limited {
            for (index, told) in self.every_head().await {
                match told {
                    Ok(header) => heads.push((index, header)),
                    Err(failed) => {
                        limited |= failed.again.is_some();
                        attempts.push(self.attempt(index, failed.error));
                    }
                }
            }
        }
        if heads.is_empty() && limited {
            let header = self.latest().await?;
            return Ok(CommonHead { header, beyond: None });
        }
        self.common(heads).await.ok_or(RpcError::Unanswered {
            method: "eth_getBlockByNumber",
            attempts,
        })
    }

    /// In the configured order. Who takes too long goes on being asked behind this answer, so that its health is known.
    async fn every_head(&self) -> Vec<Told> {
        let (tell, mut hear) = mpsc::channel(self.inner.endpoints.len());
        for index in self.indices() {
            let (rpc, tell) = (self.clone(), tell.clone());
            tokio::spawn(async move {
                // nobody waits for the last ones any more
                let _ = tell.send((index, rpc.learn_head(index).await)).await;
            });
        }
        drop(tell);
        let mut all: Vec<Told> = Vec::new();
        let mut until = None;
        loop {
            let next = match until {
                Some(until) => timeout_at(until, hear.recv()).await.ok().flatten(),
                None => hear.recv().await,
            };
            let Some(told) = next else { break };
            if told.1.is_ok() {
                until.get_or_insert_with(|| Instant::now() + GRACE);
            }
            all.push(told);
        }
        all.sort_by_key(|(index, _)| index.position());
        all
    }

    async fn common(&self, mut heads: Vec<(EndpointIndex, BlockHeader)>) -> Option<CommonHead> {
        let mut ranked: Vec<_> = heads
            .iter()
            .map(|(index, head)| (head.number(), *index))
            .collect();
        ranked.sort_by_key(|(number, index)| (std::cmp::Reverse(*number), index.position()));
        let (highest, claimant) = *ranked.first()?;
        let (mut number, other) = *ranked.get(1).unwrap_or(&ranked[0]);
        let far = highest - number > APART;
        if far && ranked.len() == 2 && self.is_syncing(other).await {
            number = highest;
        }
        let beyond = (far && number < highest).then(|| {
            let name = |index: EndpointIndex| &self.inner.endpoints[index.position()].name;
            let words = format!(
                "{} says that the newest block is {highest}, and no other endpoint has it: {} is at block {number}, and \
                 nothing beyond is read",
                name(claimant),
                name(other)
            );
            (claimant, SafeText::new(&words))
        });
        let followed = heads.iter().position(|(_, head)| head.number() == number)?;
        Some(CommonHead {
            header: heads.swap_remove(followed).1,
            beyond,
        })
    }
}
