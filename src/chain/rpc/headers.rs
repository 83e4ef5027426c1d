//! Headers of consecutive blocks, kept for a while: several readers look at the same stretch of the chain.

use std::collections::{BTreeMap, VecDeque};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::At;
use super::types::BlockHeader;
use super::{Rpc, RpcError};
use crate::types::BlockRef;

/// Questions under way at the same time.
const AT_ONCE: usize = 16;
/// Headers kept, of about half a kilobyte each.
const KEPT: usize = 8_192;

/// Headers by height, the oldest comers dropped first.
#[derive(Debug, Default)]
pub(super) struct HeaderCache {
    by_number: BTreeMap<u64, BlockHeader>,
    order: VecDeque<u64>,
}

impl HeaderCache {
    fn keep(&mut self, header: BlockHeader) {
        let number = header.number();
        if self.by_number.insert(number, header).is_none() {
            self.order.push_back(number);
        }
        while self.order.len() > KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.by_number.remove(&oldest);
            }
        }
    }
}

/// The headers cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum HeadersError {
    /// No endpoint has the header.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The block at this height does not lead to the tip that was asked for.
    #[error("the chain changed while it was read, at block {0}")]
    Moved(u64),
}

impl Rpc {
    /// The headers from height `from` up to `tip`, each the parent of the next. A header that is kept is believed only
    /// when its hash is the one that its child names.
    pub(crate) async fn headers_to(
        &self,
        from: u64,
        tip: BlockRef,
    ) -> Result<Vec<BlockHeader>, HeadersError> {
        if from > tip.number {
            return Ok(Vec::new());
        }
        let mut broken = None;
        // what is kept may be of a dropped branch: it is read again, once
        for _ in 0..2 {
            let headers = self.headers_by_number(from, tip.number).await?;
            match first_broken(&headers, tip) {
                None => return Ok(headers),
                Some(number) => {
                    self.header_cache().by_number.split_off(&from);
                    self.header_cache().order.retain(|kept| *kept < from);
                    broken = Some(number);
                }
            }
        }
        Err(HeadersError::Moved(broken.unwrap_or(tip.number)))
    }

    async fn headers_by_number(&self, from: u64, to: u64) -> Result<Vec<BlockHeader>, HeadersError> {
        let mut found = {
            let cache = self.header_cache();
            let kept = cache.by_number.range(from..=to);
            kept.map(|(n, h)| (*n, h.clone())).collect::<BTreeMap<_, _>>()
        };
        let missing: Vec<u64> = (from..=to).filter(|n| !found.contains_key(n)).collect();
        let mut reading = futures_util::stream::iter(missing)
            .map(|number| async move {
                let header = self.header(At::Number(number)).await?;
                header
                    .filter(|h| h.number() == number)
                    .ok_or(HeadersError::Moved(number))
            })
            .buffered(AT_ONCE);
        // each is kept as it comes: who gives up half-way goes on from there
        while let Some(header) = reading.try_next().await? {
            self.header_cache().keep(header.clone());
            found.insert(header.number(), header);
        }
        Ok(found.into_values().collect())
    }

    fn header_cache(&self) -> std::sync::MutexGuard<'_, HeaderCache> {
        self.inner
            .headers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// From the tip downwards, the first height whose header is not the one that its child names.
fn first_broken(headers: &[BlockHeader], tip: BlockRef) -> Option<u64> {
    let mut expected = alloy::primitives::B256::from(tip.hash.0);
    for header in headers.iter().rev() {
        if header.hash != expected {
            return Some(header.number());
        }
        expected = header.parent_hash;
    }
    None
}
