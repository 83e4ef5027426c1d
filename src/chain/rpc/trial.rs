//! Logs tried out in the way in which they will be read: what `doctor` asks before anything rests on them.

use alloy::primitives::Address;

use super::Rpc;
use super::error::RpcError;
use super::span::AdaptiveSpan;
use super::types::LogFilter;

/// How the first endpoint that answers tells logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogTrial {
    /// Blocks that it told in one answer.
    pub blocks: u64,
    /// It refused more at once.
    pub limited: bool,
    /// Blocks by which its logs are behind its head.
    pub behind: u64,
}

impl Rpc {
    /// Reads a contract's logs of the newest blocks, as many as are asked for at first, and then those of the head alone.
    ///
    /// # Errors
    /// No endpoint tells them, not even of one block. See [`RpcError`].
    pub async fn try_logs_out(&self, contract: Address) -> Result<LogTrial, RpcError> {
        let filter = LogFilter {
            addresses: vec![contract],
            topics: Vec::new(),
        };
        let head = self.head().await?.number();
        let from = head.saturating_sub(AdaptiveSpan::default().get() - 1);
        let piece = self.logs(&filter, from, head).await?;
        match self.logs(&filter, head, head).await {
            Ok(_) => {}
            Err(error) if error.is_behind() => {}
            Err(error) => return Err(error),
        }
        let told_by = &self.inner.endpoints[piece.endpoint.position()];
        let health = told_by.health();
        Ok(LogTrial {
            blocks: piece.end - from + 1,
            limited: health.log_span.is_some(),
            behind: health.logs_behind,
        })
    }
}
