//! Heads that go back and forth: behind one address there are nodes of which some are behind the others.
//!
//! A head that is told again, or comes late, is nothing, and neither is one that goes back by a block: a node has the newest
//! block a moment after another. Further back goes who asks another node, and so does a chain that is reorganised. What comes
//! after tells them apart: a balancer's head comes forward again on the blocks that it told before, and a chain that was
//! reorganised has others in their place for good. Where neither is seen, nothing is said.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use alloy::primitives::B256;
use tokio::time::Instant;

use super::Endpoint;
use crate::chain::rpc::types::BlockHeader;
use crate::types::SafeText;

/// Blocks by which a head goes back that counts.
const BACK: u64 = 2;
/// So many times in a while: once is a node that was started anew.
const TIMES: usize = 3;
/// Heads that go back and forth within this make an endpoint fickle.
const WHILE: Duration = Duration::from_secs(600);
/// Blocks of which it is remembered what it told: more than any of its nodes is behind.
const REMEMBERED: usize = 256;

/// A head as it was told: its number and hash, and the hash of the block before it.
#[derive(Debug, Clone, Copy)]
struct Head {
    number: u64,
    hash: B256,
    parent: B256,
}

impl Head {
    /// What it says of blocks, the newest last.
    fn blocks(self) -> impl Iterator<Item = (u64, B256)> {
        let before = self.number.checked_sub(1).map(|number| (number, self.parent));
        before.into_iter().chain([(self.number, self.hash)])
    }
}

impl From<&BlockHeader> for Head {
    fn from(header: &BlockHeader) -> Self {
        Self {
            number: header.number(),
            hash: header.hash,
            parent: header.parent_hash,
        }
    }
}

/// A head that went back, of which it is not known yet why.
struct Fall {
    from: u64,
    to: u64,
    at: Instant,
    /// The blocks above that it had told before.
    told: BTreeMap<u64, B256>,
    /// One of them was told again since, and since another one was told in the place of one.
    again: bool,
    /// Another block was told in the place of one of them.
    contradicted: bool,
    /// Its head came up to where it had been.
    is_back: bool,
}

impl Fall {
    /// Another head was told since. A block in the place of one that it had told before is one of a chain that was
    /// reorganised, or of another branch that a node behind its address is on: the latter comes back to what it told before.
    fn look_at(&mut self, head: Head) {
        self.is_back |= head.number >= self.from;
        let mut again = false;
        for (number, hash) in head.blocks() {
            match self.told.get(&number) {
                Some(before) if *before == hash => again = true,
                Some(_) => {
                    self.contradicted = true;
                    self.again = false;
                    return;
                }
                None => (),
            }
        }
        self.again |= again;
    }
}

/// What it told of its head.
#[derive(Default)]
pub(super) struct Heads {
    /// The head that it told last, and when that answer came.
    last: Option<(u64, Instant)>,
    /// The chain that it told, as far as it did.
    chain: BTreeMap<u64, B256>,
    /// Heads that went back, not known yet why.
    falls: VecDeque<Fall>,
    /// When heads had gone back and come forward on one chain, the last times.
    back: VecDeque<Instant>,
    /// How it went back last.
    words: SafeText,
}

impl Heads {
    /// It answered a question of this time with this head. Whether it begins to be fickle with that.
    fn told(&mut self, head: Head, asked: Instant, now: Instant) -> bool {
        let last = self.last.replace((head.number, now));
        // an answer that was overtaken by another one says nothing of the order
        if last.is_some_and(|(_, came)| came > asked) {
            return false;
        }
        let was = self.fickle(now).is_some();
        self.look_at_falls(head, now);
        if let Some((from, _)) = last.filter(|(from, _)| *from >= head.number.saturating_add(BACK)) {
            self.falls.push_back(Fall {
                from,
                to: head.number,
                at: now,
                told: self.chain.split_off(&(head.number + 1)),
                again: false,
                contradicted: false,
                is_back: false,
            });
            if self.falls.len() > TIMES {
                self.falls.pop_front();
            }
        }
        self.remember(head);
        !was && self.fickle(now).is_some()
    }

    /// Which of them this head explains.
    fn look_at_falls(&mut self, head: Head, now: Instant) {
        self.falls.retain(|fall| now.duration_since(fall.at) < WHILE);
        self.falls.iter_mut().for_each(|fall| fall.look_at(head));
        while let Some(at) = self.falls.iter().position(|fall| fall.again && fall.is_back) {
            let Some(fall) = self.falls.remove(at) else {
                break;
            };
            let Fall { from, to, .. } = fall;
            let of = match fall.contradicted {
                true => "another chain",
                false => "one chain",
            };
            self.words = SafeText::new(&format!(
                "eth_getBlockByNumber: says by turns that other blocks are the newest, {to} after {from} of {of}: the \
                 nodes behind its address differ"
            ));
            self.back.push_back(now);
            if self.back.len() > TIMES {
                self.back.pop_front();
            }
        }
    }

    fn remember(&mut self, head: Head) {
        let is_another =
            |(number, hash): (u64, B256)| self.chain.get(&number).is_some_and(|told| *told != hash);
        if head.blocks().any(is_another) {
            self.chain.clear();
        }
        self.chain.extend(head.blocks());
        while self.chain.len() > REMEMBERED {
            self.chain.pop_first();
        }
    }

    /// How it goes back and forth, where it does.
    pub(super) fn fickle(&self, now: Instant) -> Option<&SafeText> {
        let first = self.back.front().filter(|_| self.back.len() == TIMES)?;
        (now.duration_since(*first) < WHILE).then_some(&self.words)
    }
}

impl Endpoint {
    /// Asked at this time for its newest block, it told this one.
    pub(in crate::chain::rpc) fn told_newest(&self, header: &BlockHeader, asked: Instant) {
        let mut state = self.state();
        state.head = Some(header.number());
        if state.heads.told(header.into(), asked, Instant::now()) {
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

    /// A block of one of the branches of a chain: they have all blocks up to 90 together.
    fn head(number: u64, branch: u8) -> Head {
        let hash = |number: u64| {
            let branch = if number <= 90 { 0 } else { branch };
            B256::from(std::array::from_fn(|at| match at {
                0 => branch,
                _ => number.to_be_bytes()[at % 8],
            }))
        };
        Head {
            number,
            hash: hash(number),
            parent: hash(number.saturating_sub(1)),
        }
    }

    /// Heads of branches that are told one after the other, 4 s apart. How often it begins to be fickle, and whether it is in
    /// the end.
    fn tells_of(heads: impl IntoIterator<Item = (u64, u8)>) -> (usize, bool) {
        let (mut told, start) = (Heads::default(), Instant::now());
        let (mut began, mut now) = (0, start);
        for (number, branch) in heads {
            now += Duration::from_secs(4);
            began += usize::from(told.told(head(number, branch), now, now));
        }
        (began, told.fickle(now).is_some())
    }

    fn tells(numbers: impl IntoIterator<Item = u64>) -> (usize, bool) {
        tells_of(numbers.into_iter().map(|number| (number, 0)))
    }

    #[test]
    fn who_jumps_back_and_forth_within_a_few_blocks_is_named_once() {
        assert_eq!(tells([100, 97, 100, 97, 100]), (0, false), "twice");
        assert_eq!(tells([100, 97, 100, 97, 100, 97, 101, 98]), (1, true));
        // whatever it was that it told in between
        let climbs = [100, 97, 98, 101, 98, 99, 102, 99, 100, 103];
        assert_eq!(tells(climbs), (1, true));
        // blocks come fast, and few of them are seen
        let fast = [100, 90, 104, 103, 99, 108, 107, 103, 112, 111, 107];
        assert_eq!(tells(fast), (1, true));
    }

    #[test]
    fn ordinary_lag_is_not() {
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
        // one a quarter of an hour
        assert_eq!(
            tells((0..2_000).map(|n| if n % 225 == 0 { 95 } else { 100 })),
            (0, false)
        );
    }

    /// Each time the chain goes back to where it parts, and on from there with other blocks.
    #[test]
    fn a_chain_that_is_reorganised_again_and_again_is_nobodys_fault() {
        assert_eq!(tells([100, 101, 95, 96, 97, 98]), (0, false), "nothing is known");
        for to in [90, 91, 94] {
            for beyond in [95, 100, 103] {
                let heads = (1..20u8).flat_map(|branch| {
                    [
                        (100, branch - 1),
                        (to, branch),
                        (to + 1, branch),
                        (beyond, branch),
                    ]
                });
                assert_eq!(tells_of(heads), (0, false), "back to {to}, on to {beyond}");
            }
        }
    }

    /// It was behind twice, for half a minute, and the chain was reorganised twice after that.
    #[test]
    fn two_lags_and_two_reorganisations_are_no_balancer() {
        let on = |heads: std::ops::Range<u64>, branch: u8| heads.map(move |number| (number, branch));
        let heads = on(50..80, 0)
            .chain(on(60..68, 0))
            .chain(on(88..89, 0))
            .chain(on(68..76, 0));
        let heads = heads
            .chain(on(96..100, 0))
            .chain(on(97..103, 1))
            .chain(on(91..110, 2));
        assert_eq!(tells_of(heads), (0, false));
    }

    /// Its nodes are on two branches, and it asks one of them twice before it asks the other.
    #[test]
    fn nodes_on_two_branches_are_noticed_though_they_contradict_each_other() {
        for lag in 2..=6 {
            // each run goes as far as two blocks further
            let turns = |n: u64| {
                let (ahead, behind) = (100 + 2 * n, 101 + 2 * n - lag);
                [(ahead, 0), (ahead + 1, 0), (behind, 1), (behind + 1, 1)]
            };
            let (began, is_fickle) = tells_of((0..8).flat_map(turns));
            assert_eq!((began, is_fickle), (1, true), "{lag} behind");
        }
        // a branch that was left for good is a chain that was reorganised
        let left = |n: u8| {
            let ahead = 100 + 2 * u64::from(n);
            [(ahead, n), (ahead + 1, n), (ahead - 1, n + 1), (ahead, n + 1)]
        };
        assert_eq!(tells_of((0..8).flat_map(left)), (0, false));
    }

    #[test]
    fn an_answer_that_was_overtaken_says_nothing() {
        let (mut heads, start) = (Heads::default(), Instant::now());
        for n in 0..10 {
            let asked = start + Duration::from_secs(n);
            let came = asked + Duration::from_millis(10);
            heads.told(head(100 + 5 * n, 0), asked, came);
            heads.told(head(90 + 5 * n, 0), asked, came + Duration::from_millis(10));
        }
        assert!(heads.fickle(start + Duration::from_secs(11)).is_none());
    }
}
