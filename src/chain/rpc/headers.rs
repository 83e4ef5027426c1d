//! Headers of consecutive blocks, several asked for at the same time.

use std::ops::Range;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::At;
use super::types::BlockHeader;
use super::{Rpc, RpcError};

/// Questions under way at the same time.
const AT_ONCE: usize = 8;

impl Rpc {
    /// The headers of these heights, as far as there are blocks without a gap. Whether each is the parent of the next is
    /// the caller's to look at.
    pub(crate) async fn headers(&self, heights: Range<u64>) -> Result<Vec<BlockHeader>, RpcError> {
        let reading = futures_util::stream::iter(heights)
            .map(|number| self.header(At::Number(number)))
            .buffered(AT_ONCE);
        let found: Vec<Option<BlockHeader>> = reading.try_collect().await?;
        Ok(found.into_iter().map_while(|header| header).collect())
    }
}
