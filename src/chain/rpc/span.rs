//! How much one endpoint is asked for at once, by what happened before.

/// How many blocks to ask an endpoint for at once. Vendors limit the range, the number of logs or the size of the answer,
/// and word it in many ways; so the span halves on every refusal, down to one block, and grows again slowly.
#[derive(Debug, Clone)]
pub(super) struct AdaptiveSpan {
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
    pub(super) fn new(first: u64, max: u64) -> Self {
        Self {
            span: first.clamp(1, max.max(1)),
            max: max.max(1),
            refused: None,
            successes: 0,
        }
    }

    /// Blocks to ask for next.
    pub(super) fn get(&self) -> u64 {
        self.span
    }

    /// Blocks to ask for next, where more were refused.
    pub(super) fn limited(&self) -> Option<u64> {
        self.refused.map(|_| self.span)
    }

    /// A question of the present span was answered.
    pub(super) fn answered(&mut self) {
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
    pub(super) fn refused(&mut self, blocks: u64) {
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
