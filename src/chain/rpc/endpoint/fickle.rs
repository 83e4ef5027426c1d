//! Heads that go back and forth: behind one address there are nodes of which some are behind the others.
//!
//! A head that is told again, or comes late, is nothing, and neither is one that goes back by a block: a reorganisation does
//! that, and a node that has the newest block a moment after another. Further back goes who asks another node.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Endpoint;
use crate::types::SafeText;

/// Blocks by which a head goes back that counts.
const BACK: u64 = 2;
/// So many times in a while: once is a reorganisation.
const TIMES: usize = 3;
/// Heads that go back within this make an endpoint fickle.
const WHILE: Duration = Duration::from_secs(600);

/// What it told of its head.
#[derive(Default)]
pub(super) struct Heads {
    /// The head that it told last, and when that answer came.
    last: Option<(u64, Instant)>,
    /// When it went back the last times.
    back: VecDeque<Instant>,
    /// How it went back last.
    words: SafeText,
}

impl Heads {
    /// It answered a question of this time with this head. Whether it begins to be fickle with that.
    fn told(&mut self, number: u64, asked: Instant, now: Instant) -> bool {
        let before = self.last.replace((number, now));
        // an answer that was overtaken by another one says nothing of the order
        let Some((before, _)) = before.filter(|(_, came)| *came <= asked) else {
            return false;
        };
        if before < number.saturating_add(BACK) {
            return false;
        }
        let was = self.fickle(now).is_some();
        self.words = SafeText::new(&format!(
            "eth_getBlockByNumber: says by turns that other blocks are the newest, {number} after {before}: the nodes behind \
             its address differ"
        ));
        self.back.push_back(now);
        if self.back.len() > TIMES {
            self.back.pop_front();
        }
        !was && self.fickle(now).is_some()
    }

    /// How it goes back and forth, where it does.
    pub(super) fn fickle(&self, now: Instant) -> Option<&SafeText> {
        let first = self.back.front().filter(|_| self.back.len() == TIMES)?;
        (now.duration_since(*first) < WHILE).then_some(&self.words)
    }
}

impl Endpoint {
    /// Asked at this time for its newest block, it told this one.
    pub(in crate::chain::rpc) fn told_newest(&self, number: u64, asked: Instant) {
        let mut state = self.state();
        state.head = Some(number);
        if state.heads.told(number, asked, Instant::now()) {
            let words = state.heads.words.clone();
            if let Some(left_out) = state.lines.changes.line() {
                tracing::warn!(target: "chain", endpoint = %self.name, reason = %words, left_out, "endpoint's heads go back and forth");
            }
            state.last_error = Some(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heads that are told one after the other, 4 s apart. How often it begins to be fickle, and whether it is in the end.
    fn tells(numbers: impl IntoIterator<Item = u64>) -> (usize, bool) {
        let (mut heads, start) = (Heads::default(), Instant::now());
        let (mut began, mut now) = (0, start);
        for number in numbers {
            now += Duration::from_secs(4);
            began += usize::from(heads.told(number, now, now));
        }
        (began, heads.fickle(now).is_some())
    }

    #[test]
    fn who_jumps_back_and_forth_within_a_few_blocks_is_named_once() {
        assert_eq!(tells([100, 97, 100, 97, 100]), (0, false), "twice");
        assert_eq!(tells([100, 97, 100, 97, 100, 97, 101, 98]), (1, true));
    }

    #[test]
    fn ordinary_lag_and_a_reorganisation_are_not() {
        assert_eq!(tells(100..300), (0, false));
        assert_eq!(
            tells((0..300).map(|n| 100 + n / 3)),
            (0, false),
            "polled more often"
        );
        assert_eq!(
            tells((0..300).map(|n| 100 + n - n % 2 * 2)),
            (0, false),
            "by a block"
        );
        assert_eq!(tells([100, 101, 95, 96, 97, 98]), (0, false), "a reorganisation");
        // one a quarter of an hour
        assert_eq!(
            tells((0..2_000).map(|n| if n % 225 == 0 { 95 } else { 100 })),
            (0, false)
        );
    }

    #[test]
    fn an_answer_that_was_overtaken_says_nothing() {
        let (mut heads, start) = (Heads::default(), Instant::now());
        for n in 0..10 {
            let asked = start + Duration::from_secs(n);
            let came = asked + Duration::from_millis(10);
            heads.told(100 + 5 * n, asked, came);
            heads.told(90 + 5 * n, asked, came + Duration::from_millis(10));
        }
        assert!(heads.fickle(start + Duration::from_secs(11)).is_none());
    }
}
