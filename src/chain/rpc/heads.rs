//! The newest block that more than one endpoint has.
//!
//! One that claims blocks that nobody else has would have everything in between go by unread. So every endpoint is asked,
//! and the second highest answer counts. The highest counts where nobody else answers, and where the other one of two is of
//! the past: it says that it is still syncing, or it stands still, and the higher one shows every block since ([`super::climb`]).
//! That is one voice: what takes two goes on waiting for the second.

use super::climb::Shown;
use super::error::RpcError;
use super::types::BlockHeader;
use super::{EndpointIndex, Rpc};
use crate::types::SafeText;

/// Endpoints are a block or a few apart all the time. Further apart, one of them is wrong.
const APART: u64 = 16;

/// The head that is followed.
#[derive(Debug, Clone)]
pub(crate) struct CommonHead {
    pub(crate) header: BlockHeader,
    /// Why the heads of the endpoints are far apart.
    pub(crate) apart: Option<Apart>,
    /// Who told its head. Of the others nothing is known now.
    pub(crate) told_by: Vec<EndpointIndex>,
}

/// Heads that are far apart.
#[derive(Debug, Clone)]
pub(crate) struct Apart {
    pub(crate) why: HeadVerdict,
    /// Both, in words.
    pub(crate) words: SafeText,
}

/// What is known of heads that are far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadVerdict {
    /// This endpoint claims a head that no other has, and that is not followed.
    Claimed(EndpointIndex),
    /// This one of two has the higher head, that is not followed, and which of them is right is not known.
    Open(EndpointIndex),
    /// This one of two stands still, and the other is followed alone.
    StandsStill(EndpointIndex),
}

impl HeadVerdict {
    /// Of whose head it is.
    pub(crate) fn of(self) -> EndpointIndex {
        match self {
            Self::Claimed(index) | Self::Open(index) | Self::StandsStill(index) => index,
        }
    }
}

type Heads = Vec<(EndpointIndex, BlockHeader)>;

impl Rpc {
    /// Asks every endpoint for its newest block.
    ///
    /// # Errors
    /// None answers.
    pub(crate) async fn common_head(&self) -> Result<CommonHead, RpcError> {
        let mut heads = Vec::new();
        let (mut attempts, mut limited) = (Vec::new(), self.only.is_some() || self.indices().count() < 2);
        if !limited {
            let said = self.everybody(|rpc, index| async move { rpc.learn_head(index).await });
            for (index, told) in said.await {
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
            let told_by = Vec::new();
            return Ok(CommonHead {
                header,
                apart: None,
                told_by,
            });
        }
        self.common(heads).await.ok_or(RpcError::Unanswered {
            method: "eth_getBlockByNumber",
            attempts,
        })
    }

    async fn common(&self, mut heads: Heads) -> Option<CommonHead> {
        heads.sort_by_key(|(index, head)| (std::cmp::Reverse(head.number()), index.position()));
        let (highest, second) = (heads.first()?, heads.get(1).or(heads.first())?);
        // of those who are there the one that was configured first
        let there = |(_, head): &&(EndpointIndex, BlockHeader)| head.number() == second.1.number();
        let mut followed = heads.iter().find(there)?.1.clone();
        let mut apart = None;
        if highest.1.number() - second.1.number() > APART {
            let (header, why) = self.judge_apart(highest, second, heads.len()).await;
            followed = header;
            apart = why;
        }
        for (index, head) in &heads {
            let behind = followed.number().saturating_sub(head.number());
            let behind = (behind > APART).then_some(behind);
            self.inner.endpoints[index.position()].is_behind_the_head(behind);
        }
        Some(CommonHead {
            header: followed,
            apart,
            told_by: heads.iter().map(|(index, _)| *index).collect(),
        })
    }

    /// Which of the two highest heads is followed where they are far apart, and what is said of it.
    async fn judge_apart(
        &self,
        highest: &(EndpointIndex, BlockHeader),
        second: &(EndpointIndex, BlockHeader),
        of: usize,
    ) -> (BlockHeader, Option<Apart>) {
        let ((claimant, head), (other, below)) = (highest, second);
        if of == 2 && self.is_syncing(*other).await {
            return (head.clone(), None);
        }
        let shown = match of {
            2 => self.climbs(*claimant, head, below).await,
            // two have it
            _ => Shown::No,
        };
        let name = |index: &EndpointIndex| &self.inner.endpoints[index.position()].name;
        // it is said once, so only what goes on being true: the blocks move, and have the times of theirs
        let told = |header: &BlockHeader| format!("block {} of {}", header.number(), header.time().to_utc());
        let (followed, why, words) = match shown {
            Shown::No => (
                below,
                HeadVerdict::Claimed(*claimant),
                format!(
                    "{} says that the newest block is far ahead ({} when this was seen), and no other endpoint has it: {} \
                     was at {} then, and nothing beyond what others have is read",
                    name(claimant),
                    told(head),
                    name(other),
                    told(below)
                ),
            ),
            Shown::NotYet => (
                below,
                HeadVerdict::Open(*claimant),
                format!(
                    "the newest blocks of two endpoints are far apart: {} by {} and {} by {} when this was seen; which of \
                     them is right is not known yet, so the lower one is followed, and nothing beyond it is read",
                    told(head),
                    name(claimant),
                    told(below),
                    name(other)
                ),
            ),
            Shown::Yes => (
                head,
                HeadVerdict::StandsStill(*other),
                format!(
                    "{} stands still at {}; {} shows every block since, and is followed alone: what takes two endpoints \
                     waits",
                    name(other),
                    told(below),
                    name(claimant)
                ),
            ),
        };
        let words = SafeText::new(&words);
        (followed.clone(), Some(Apart { why, words }))
    }
}
