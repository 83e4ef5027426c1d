//! Logs of a long range, asked for in pieces that the node is willing to answer.

use crate::chain::rpc::{EndpointIndex, LogEntry, LogFilter, Rpc, RpcError};

/// How many blocks to ask for at once. Vendors limit the range, the number of logs or the size of the answer, and word
/// it in many ways; so the span halves on every refusal, down to one block, and grows again slowly.
#[derive(Debug, Clone)]
pub(crate) struct AdaptiveSpan {
    span: u64,
    max: u64,
    /// The shortest span that was refused: known trouble, tried again only after many successes.
    refused: Option<u64>,
    successes: u32,
}

impl AdaptiveSpan {
    /// Successes in a row before the span doubles.
    const GROW_AFTER: u32 = 4;
    /// Successes in a row before a span is tried again that was refused once.
    const FORGET_AFTER: u32 = 64;

    /// Begins with `first` blocks, never asks for more than `max`.
    #[must_use]
    pub(crate) fn new(first: u64, max: u64) -> Self {
        Self {
            span: first.clamp(1, max.max(1)),
            max: max.max(1),
            refused: None,
            successes: 0,
        }
    }

    /// Blocks to ask for next.
    #[must_use]
    pub(crate) fn get(&self) -> u64 {
        self.span
    }

    /// A question of the present span was answered.
    pub(crate) fn answered(&mut self) {
        self.successes += 1;
        if self.successes >= Self::FORGET_AFTER {
            self.refused = None;
        }
        let doubled = (self.span * 2).min(self.max);
        if self.successes >= Self::GROW_AFTER
            && doubled > self.span
            && self.refused.is_none_or(|r| doubled < r)
        {
            self.span = doubled;
            self.successes = 0;
        }
    }

    /// A question for `blocks` blocks was refused.
    pub(crate) fn refused(&mut self, blocks: u64) {
        self.refused = Some(self.refused.map_or(blocks, |r| r.min(blocks)));
        self.span = (blocks / 2).clamp(1, self.max);
        self.successes = 0;
    }
}

impl Default for AdaptiveSpan {
    fn default() -> Self {
        Self::new(2_000, 50_000)
    }
}

/// The logs of consecutive blocks, and who told them.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) logs: Vec<LogEntry>,
    /// The last block that they cover.
    pub(crate) end: u64,
    pub(crate) endpoint: EndpointIndex,
}

/// One question of at most the present span, beginning at `from`.
pub(crate) async fn next_piece(
    rpc: &Rpc,
    filter: &LogFilter,
    from: u64,
    to: u64,
    span: &mut AdaptiveSpan,
) -> Result<Piece, RpcError> {
    loop {
        let end = to.min(from.saturating_add(span.get() - 1));
        let blocks = end - from + 1;
        match rpc.logs_from(filter, from, end).await {
            Ok((logs, endpoint)) => {
                if blocks == span.get() {
                    span.answered();
                }
                return Ok(Piece {
                    logs: asked_for(logs, filter, from, end),
                    end,
                    endpoint,
                });
            }
            Err(error) if blocks > 1 && error.may_be_too_big() => {
                tracing::debug!(target: "chain", from, end, %error, "log range refused, asking for half");
                span.refused(blocks);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Every log that nodes tell of the blocks `from` to `to`, both included, in order.
pub(crate) async fn scan(
    rpc: &Rpc,
    filter: &LogFilter,
    from: u64,
    to: u64,
    span: &mut AdaptiveSpan,
) -> Result<Vec<Piece>, RpcError> {
    let mut pieces = Vec::new();
    let mut next = from;
    while next <= to {
        let piece = next_piece(rpc, filter, next, to, span).await?;
        next = piece.end + 1;
        pieces.push(piece);
    }
    Ok(pieces)
}

/// What was asked for and nothing else, in order and each once: nodes have repeated logs and sent others' logs.
pub(crate) fn asked_for(logs: Vec<LogEntry>, filter: &LogFilter, from: u64, to: u64) -> Vec<LogEntry> {
    let mut logs: Vec<_> = logs
        .into_iter()
        .filter(|log| {
            let number = log.at().block.number;
            !log.removed && number >= from && number <= to && filter.matches(log)
        })
        .collect();
    logs.sort_by_key(|log| (log.at().block.number, log.at().index));
    logs.dedup_by_key(|log| log.at());
    logs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_span_halves_to_one_block_and_remembers_what_was_refused() {
        let mut span = AdaptiveSpan::new(1000, 4000);
        span.refused(1000);
        span.refused(500);
        assert_eq!(span.get(), 250);
        for _ in 0..20 {
            span.answered();
        }
        assert_eq!(span.get(), 250, "500 was refused");
        for _ in 0..AdaptiveSpan::FORGET_AFTER {
            span.answered();
        }
        assert!(span.get() > 250, "and is tried again later");
        for _ in 0..20 {
            let blocks = span.get();
            span.refused(blocks);
        }
        assert_eq!(span.get(), 1);
    }
}
