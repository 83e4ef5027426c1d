//! How much one endpoint is asked for at once, by what happened before.

/// How many blocks to ask an endpoint for at once. Vendors limit the range, the number of logs or the size of the answer,
/// and word it in many ways; so the span halves on every refusal, down to one block, and grows again slowly.
#[derive(Debug, Clone)]
pub(super) struct AdaptiveSpan {
    span: u64,
    max: u64,
    /// The longest span that was answered since it was last refused.
    answered: u64,
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
            answered: 0,
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
        self.answered = self.answered.max(self.span);
        if self.successes >= Self::FORGET_AFTER {
            self.refused = None;
        }
        let longer = self.longer();
        if self.successes >= Self::GROW_AFTER && longer > self.span {
            self.span = longer;
            self.successes = 0;
        }
    }

    /// Twice as long; below what was refused, half-way to it, as long as that is worth a question that may be refused.
    fn longer(&self) -> u64 {
        let doubled = (self.span * 2).min(self.max);
        match self.refused.filter(|refused| doubled >= *refused) {
            Some(refused) if refused.saturating_sub(self.span) > refused / 8 => {
                self.span + (refused - self.span) / 2
            }
            Some(_) => self.span,
            None => doubled,
        }
    }

    /// A question for `blocks` blocks was refused.
    pub(super) fn refused(&mut self, blocks: u64) {
        self.refused = Some(self.refused.map_or(blocks, |r| r.min(blocks)));
        // where it is the number of logs that is limited, what was answered elsewhere says nothing here
        self.answered = if self.answered < blocks { self.answered } else { 0 };
        self.span = self.answered.max(blocks / 2).clamp(1, self.max);
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
    fn the_span_comes_close_to_a_limit_and_asks_in_vain_seldom() {
        for limit in [10, 1_000, 10_000] {
            let mut span = AdaptiveSpan::default();
            let (mut asked, mut told, mut refused) = (0_u64, 0_u64, 0_u64);
            while asked < 500 {
                asked += 1;
                let blocks = span.get();
                if blocks > limit {
                    span.refused(blocks);
                    refused += 1;
                } else {
                    span.answered();
                    told += blocks;
                }
            }
            assert!(refused < 50, "{limit}: {refused}");
            assert!(told > 380 * limit, "{limit}: {told} blocks");
        }
    }

    #[test]
    fn the_span_halves_to_one_block_and_remembers_what_was_refused() {
        let mut span = AdaptiveSpan::new(1000, 4000);
        span.refused(1000);
        span.refused(500);
        assert_eq!(span.get(), 250);
        for _ in 0..20 {
            span.answered();
        }
        assert!(
            (400..500).contains(&span.get()),
            "500 was refused: {}",
            span.get()
        );
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
