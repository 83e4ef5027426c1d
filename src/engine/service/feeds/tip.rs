//! What the newest block's time says: of clocks that differ, of a chain that stands still.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::chain::intake::{Head, IntakeEvent};
use crate::chain::{AHEAD_HEAD_S, STALE_HEAD_S};
use crate::ports::consensus::NodeHealth;
use crate::types::{BlockRef, SafeText, UnixMillis};

/// A block that is older than this is no news, whether others come or not: its node is far behind, or a clock is wrong;
/// seconds.
const OLD: i64 = 3_600;

/// New heads by which skew is told: one alone is late where slots before it were missed, and the youngest of so many is as
/// old as the clocks are apart.
const MOVING: usize = 4;

/// What is said of a difference stays while it is about the same, seconds.
const ABOUT: u64 = 900;

/// What is expected of a chain's newest block, and how often others are asked how they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Longest time without another block.
    still: Duration,
    /// A block may be dated so far ahead of this machine's clock, seconds.
    ahead: i64,
    /// New blocks may all be dated so far behind this machine's clock, seconds.
    behind: i64,
    /// Between two questions to operators, messenger and beacon nodes.
    pub(super) ask: Duration,
}

impl Pace {
    /// Ten slots of 12 s, and the tolerance of clocks, which is that of `doctor`.
    pub(super) const NETWORK: Self = Self {
        still: Duration::from_secs(120),
        ahead: AHEAD_HEAD_S as i64,
        behind: STALE_HEAD_S as i64,
        ask: Duration::from_secs(20),
    };
    /// A local chain makes blocks as fast as it is told, each dated a second after the one before. Nothing there is far, and
    /// somebody watches.
    pub(super) const LOCAL: Self = Self {
        still: Duration::from_secs(20),
        ahead: 3_600,
        behind: OLD,
        ask: Duration::from_secs(4),
    };
}

/// The newest block, and when it came.
#[derive(Debug)]
pub(super) struct Tip {
    pace: Pace,
    newest: Option<(BlockRef, Instant, UnixMillis)>,
    /// How far ahead of this machine's clock the last heads were dated that came after another one, when they came; seconds.
    dated: VecDeque<i64>,
    stands: bool,
    /// Why nothing can be read at the moment: the chain may go on.
    trouble: Option<SafeText>,
    /// A head below the newest that came after it: of an endpoint that lags, or of another branch.
    below: Option<Head>,
    /// A block that the chain was reorganised away from, of which no head below it came yet.
    left: Option<BlockRef>,
    /// The head that the shown one went back from, while it is below that.
    back_from: Option<(BlockRef, &'static str)>,
    /// What was said of that last.
    said_back: SafeText,
    /// By how much the clocks differ, seconds, as it was said last.
    said: Option<(i64, SafeText)>,
    /// Nobody has been asked yet whose time that is.
    unasked: bool,
}

impl Tip {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            newest: None,
            dated: VecDeque::new(),
            stands: false,
            trouble: None,
            below: None,
            left: None,
            back_from: None,
            said_back: SafeText::default(),
            said: None,
            unasked: false,
        }
    }

    /// No other block came for longer than expected.
    pub(super) fn stands(&self) -> bool {
        self.stands
    }

    /// Whether this is the block at which the chain stands still.
    pub(super) fn stands_at(&self, head: &Head) -> bool {
        self.stands && self.newest.is_some_and(|(block, ..)| block == head.block)
    }

    /// Whether it is what is shown as the head.
    pub(super) fn is_newest(&self, head: &Head) -> bool {
        self.newest.is_some_and(|(block, ..)| block == head.block)
    }

    /// The chain was reorganised, which this block was part of: a head below the newest is the head.
    pub(super) fn reorganised(&mut self, from: BlockRef) -> Option<Head> {
        let Some(head) = self.below.take() else {
            self.left = Some(from);
            return None;
        };
        self.go_back("in a reorganisation");
        Some(head)
    }

    /// What to say of a head that went back, where that is something else than before; empty when it is over.
    pub(super) fn back(&mut self) -> Option<SafeText> {
        let (newest, ..) = self.newest?;
        self.back_from = self.back_from.filter(|(from, _)| newest.number < from.number);
        let words = self.back_from.map_or_else(SafeText::default, |(from, why)| {
            SafeText::new(&format!("the head went back from block {} {why}", from.number))
        });
        if words == self.said_back {
            return None;
        }
        self.said_back = words.clone();
        Some(words)
    }

    /// Whether it is below the newest, which one of the endpoints had a moment ago. Where nobody had that for as long as
    /// the chain may stand still, it is gone.
    fn lags(&mut self, head: &Head) -> bool {
        let is_below = |(block, ..): &(BlockRef, Instant, UnixMillis)| head.block.number < block.number;
        let left = self.left.take().is_some();
        self.below = None;
        if !self.newest.as_ref().is_some_and(is_below) {
            return false;
        }
        if left {
            self.go_back("in a reorganisation");
        } else if self.stands {
            self.go_back("that no endpoint has any more");
        } else {
            self.below = Some(*head);
            return true;
        }
        false
    }

    /// The next head is shown, though it is below the newest.
    fn go_back(&mut self, why: &'static str) {
        let Some((from, ..)) = self.newest.take() else {
            return;
        };
        let further = self.back_from.filter(|(before, _)| before.number > from.number);
        self.back_from = Some((further.map_or(from, |(before, _)| before), why));
    }

    /// Takes a head. Gives what its time says, in words; empty when it fits.
    pub(super) fn head(&mut self, head: &Head, came: Instant, now: UnixMillis) -> SafeText {
        if self.lags(head) {
            return self
                .said
                .as_ref()
                .map(|(_, words)| words.clone())
                .unwrap_or_default();
        }
        let clock = i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX);
        let dated = i64::try_from(head.timestamp).unwrap_or(i64::MAX);
        let off = dated.saturating_sub(clock);
        if self.newest.is_none_or(|(block, ..)| block != head.block) {
            // how old the first one is says nothing: it did not come just now
            if self.newest.is_some() {
                self.dated.push_back(off);
            }
            if self.dated.len() > MOVING {
                self.dated.pop_front();
            }
            self.newest = Some((head.block, came, now));
            self.stands = false;
        }
        // while heads come, the youngest of them is as old as the clocks are apart
        let youngest = self.dated.iter().max().filter(|_| self.dated.len() == MOVING);
        let skew = youngest
            .copied()
            .filter(|_| off >= -OLD && off <= self.pace.ahead);
        let off = skew.unwrap_or(off);
        let size = length(off.unsigned_abs());
        let words = if off > self.pace.ahead {
            format!("the newest block is dated {size} ahead of this machine's clock: one of both is wrong")
        } else if off < -OLD || skew.is_some_and(|skew| skew < -self.pace.behind) {
            format!(
                "the newest block is dated {size} behind this machine's clock: the endpoints are that far behind, or a \
                 clock is wrong"
            )
        } else {
            self.said = None;
            return SafeText::default();
        };
        if let Some((before, words)) = &self.said
            && off.abs_diff(*before) < ABOUT
        {
            return words.clone();
        }
        let words = SafeText::new(&format!("{words}. Times that are predicted rest on both"));
        self.said = Some((off, words.clone()));
        self.unasked = true;
        words
    }

    /// Whether it has just begun to say that the clocks differ, and not whose time that is.
    pub(super) fn wants_names(&mut self) -> bool {
        std::mem::take(&mut self.unasked) && self.said.is_some()
    }

    /// Adds to it what the endpoints say of that time, for as long as it is said.
    pub(super) fn names(&mut self, remark: &str) -> SafeText {
        let Some((_, words)) = &mut self.said else {
            return SafeText::default();
        };
        *words = SafeText::new(&format!("{words}. {remark}"));
        words.clone()
    }

    /// Reading began to fail, or works again.
    pub(super) fn hears(&mut self, event: &IntakeEvent) {
        match event {
            IntakeEvent::Trouble(words) | IntakeEvent::NoConnection(words) => {
                self.trouble = Some(words.clone())
            }
            IntakeEvent::Head(_) | IntakeEvent::CaughtUp => self.trouble = None,
            _ => {}
        }
    }

    /// Says it once when the chain begins to stand still, or nobody can tell any more whether it does.
    pub(super) fn still(&mut self, now: Instant) -> Option<SafeText> {
        let (block, came, at) = self.newest?;
        if self.stands || now - came < self.pace.still {
            return None;
        }
        self.stands = true;
        if let Some(why) = &self.trouble {
            return Some(SafeText::new(&format!(
                "whether the chain goes on is not known: block {} is the newest that could be read, since {}: {why}. What is \
                 shown may be old",
                block.number,
                at.to_utc()
            )));
        }
        Some(SafeText::new(&format!(
            "the chain stands still: block {} is the newest that the endpoints have since {}. What is shown may be old",
            block.number,
            at.to_utc()
        )))
    }
}

/// What the time of a beacon node's newest slot says, in words; none where it fits. The same bounds as for blocks: a node
/// that is in sync is no more behind than the blocks that it follows.
pub(super) fn beacon_clock(
    pace: Pace,
    node: &NodeHealth,
    slot: Duration,
    now: UnixMillis,
) -> Option<SafeText> {
    let (genesis, head) = (node.genesis_time?, node.head_slot?);
    let slot = u64::try_from(slot.as_millis()).unwrap_or(u64::MAX);
    let dated = genesis
        .saturating_mul(1_000)
        .saturating_add(head.saturating_mul(slot))
        / 1_000;
    let (dated, clock) = (
        i64::try_from(dated).unwrap_or(i64::MAX),
        i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX),
    );
    let off = dated.saturating_sub(clock);
    let way = match off {
        off if off > pace.ahead => "ahead of",
        off if off < -pace.behind => "behind",
        _ => return None,
    };
    let size = length(off.unsigned_abs());
    Some(SafeText::new(&format!(
        "its newest slot is dated {size} {way} this machine's clock: one of both is wrong. Times that are predicted rest \
         on both"
    )))
}

/// Coarse, so that the words stay the same while it grows.
fn length(seconds: u64) -> String {
    const UNITS: [(u64, &str, &str); 4] = [
        (365 * 86_400, "1 year", "years"),
        (86_400, "1 day", "days"),
        (3_600, "1 h", "h"),
        (60, "1 min", "min"),
    ];
    // 25 h are not yet 1 day
    let unit = UNITS
        .iter()
        .find(|(unit, ..)| seconds >= 2 * unit)
        .unwrap_or(&UNITS[3]);
    match seconds / unit.0 {
        0 | 1 => unit.1.to_owned(),
        n => format!("{n} {}", unit.2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::consensus::NodeState;
    use crate::types::Root;

    fn head(number: u64, timestamp: u64) -> Head {
        Head {
            block: BlockRef {
                number,
                hash: Root([1; 32]),
            },
            timestamp,
            base_fee_wei: None,
            finalized: None,
        }
    }

    #[test]
    fn clocks_that_differ_are_told_with_their_size() {
        let now = UnixMillis(1_700_000_000_000);
        let says = |off: i64| {
            let mut tip = Tip::new(Pace::NETWORK);
            let dated = 1_700_000_000_u64.saturating_add_signed(off);
            let words = tip.head(&head(1, dated), Instant::now(), now);
            words.as_str().split(':').next().unwrap_or_default().to_owned()
        };
        for fits in [0, -30, 15, -3_599] {
            assert_eq!(says(fits), "");
        }
        assert_eq!(
            says(16),
            "the newest block is dated 1 min ahead of this machine's clock"
        );
        assert_eq!(
            says(90),
            "the newest block is dated 1 min ahead of this machine's clock"
        );
        assert_eq!(
            says(25 * 3_600),
            "the newest block is dated 25 h ahead of this machine's clock"
        );
        assert_eq!(
            says(-25 * 3_600),
            "the newest block is dated 25 h behind this machine's clock"
        );
        assert_eq!(
            says(-1_700_000_000),
            "the newest block is dated 53 years behind this machine's clock"
        );
        assert!(says(i64::MAX).ends_with("years ahead of this machine's clock"));
        // not now 25 h and now 24 h
        let mut tip = Tip::new(Pace::NETWORK);
        let mut at = |dated| tip.head(&head(1, dated), Instant::now(), now);
        let words = at(1_700_000_000 + 25 * 3_600);
        assert_eq!(at(1_700_000_000 + 25 * 3_600 - 1), words);
        assert_eq!(at(1_700_000_000), SafeText::default());
    }

    /// One head is late where slots were missed, and at the start nobody knows when it came. Heads that come and are all old
    /// are as old as the clocks are apart, or as their node is behind.
    #[test]
    fn heads_that_come_and_are_all_old_are_told_above_the_bound_of_doctor() {
        let now = 1_700_000_000_u64;
        let comes = |ages: &[u64]| {
            let mut tip = Tip::new(Pace::NETWORK);
            let mut said = SafeText::default();
            for (n, age) in (1..).zip(ages) {
                let clock = now + 12 * n;
                let mut of = head(n, clock - age);
                of.block.hash = Root([u8::try_from(n).unwrap(); 32]);
                drop(tip.head(&of, Instant::now(), UnixMillis(clock * 1_000)));
                // it is polled more often than blocks come
                said = tip.head(&of, Instant::now(), UnixMillis((clock + 3) * 1_000));
            }
            said.as_str().split(':').next().unwrap_or_default().to_owned()
        };
        assert_eq!(comes(&[300; 4]), "", "too few to know");
        assert_eq!(
            comes(&[300; 5]),
            "the newest block is dated 5 min behind this machine's clock"
        );
        assert_eq!(
            comes(&[3_500; 9]),
            "the newest block is dated 58 min behind this machine's clock"
        );
        assert_eq!(comes(&[180; 9]), "");
        assert_eq!(comes(&[300, 300, 300, 5, 300, 300]), "", "slots were missed");
        assert_eq!(
            comes(&[300, 300, 300, 300, 300, 300, 1, 1]),
            "",
            "it has caught up"
        );
    }

    #[test]
    fn a_beacon_nodes_clock_that_differs_is_told_with_its_size() {
        let says = |genesis: u64, head: Option<u64>| {
            let node = NodeHealth {
                name: "node".into(),
                state: NodeState::Healthy,
                latency: None,
                last_error: None,
                last_ok: None,
                head_slot: head,
                genesis_time: Some(genesis),
                contradicted: None,
            };
            let now = UnixMillis(1_700_000_000_000);
            let words = beacon_clock(Pace::NETWORK, &node, Duration::from_secs(12), now);
            words.map(|words| words.as_str().split(':').next().unwrap_or_default().to_owned())
        };
        let (genesis, head) = (1_700_000_000 - 12_000, Some(1_000));
        assert_eq!(says(genesis, head), None);
        assert_eq!(says(genesis - 24, head), None, "it is 2 slots behind");
        assert_eq!(says(genesis, None), None, "not asked yet");
        assert_eq!(
            says(genesis + 25 * 3_600, head).unwrap(),
            "its newest slot is dated 25 h ahead of this machine's clock"
        );
        assert_eq!(
            says(genesis - 25 * 3_600, head).unwrap(),
            "its newest slot is dated 25 h behind this machine's clock"
        );
        assert!(says(u64::MAX, Some(u64::MAX)).is_some());
    }

    #[test]
    fn a_head_that_lags_is_not_shown_and_one_that_was_reorganised_is_and_says_so() {
        let (start, still) = (Instant::now(), Pace::NETWORK.still);
        let now = UnixMillis(1_700_000_000_000);
        let of = |number| head(number, 1_700_000_000);
        let mut tip = Tip::new(Pace::NETWORK);
        let comes = |tip: &mut Tip, number| {
            drop(tip.head(&of(number), start, now));
            (tip.is_newest(&of(number)), tip.back())
        };
        assert_eq!(comes(&mut tip, 105), (true, None));
        assert_eq!(comes(&mut tip, 103), (false, None), "an endpoint lags");
        assert_eq!(comes(&mut tip, 105), (true, None));
        assert!(tip.reorganised(of(105).block).is_none(), "no lower head came");
        assert_eq!(
            comes(&mut tip, 106),
            (true, None),
            "another branch, and no step back"
        );
        assert_eq!(comes(&mut tip, 104), (false, None));
        let back = tip.reorganised(of(106).block).expect("it was no lag");
        let (shown, says) = comes(&mut tip, back.block.number);
        assert!(shown);
        let says = says.unwrap_or_default();
        assert!(
            says.as_str()
                .contains("went back from block 106 in a reorganisation"),
            "{says}"
        );
        assert_eq!(comes(&mut tip, 105), (true, None), "said once");
        assert_eq!(
            comes(&mut tip, 106),
            (true, Some(SafeText::default())),
            "it is over"
        );
        // a block that nobody has for so long is gone
        assert!(tip.still(start + still).is_some());
        let (shown, says) = comes(&mut tip, 102);
        assert!(
            shown
                && says
                    .unwrap_or_default()
                    .as_str()
                    .contains("no endpoint has any more")
        );
    }

    #[test]
    fn a_chain_that_stands_still_is_told_once_and_no_more_when_it_moves() {
        let (start, half) = (Instant::now(), Pace::NETWORK.still / 2);
        let mut tip = Tip::new(Pace::NETWORK);
        let now = UnixMillis(0);
        assert_eq!(tip.still(start), None, "no block yet");
        drop(tip.head(&head(7, 0), start, now));
        drop(tip.head(&head(7, 0), start + half, now));
        assert_eq!(tip.still(start + half), None);
        let words = tip.still(start + half * 2).unwrap();
        assert!(words.as_str().contains("stands still: block 7"), "{words}");
        assert!(tip.stands() && tip.still(start + half * 3).is_none());
        // who left nobody to ask knows nothing of the chain
        drop(tip.head(&head(8, 0), start + half * 3, now));
        tip.hears(&IntakeEvent::Trouble(
            "every endpoint asked to be left alone".into(),
        ));
        let words = tip.still(start + half * 5).unwrap();
        assert!(!words.as_str().contains("stands still"), "{words}");
        assert!(
            words
                .as_str()
                .contains("since 1970-01-01 00:00:00 UTC: every endpoint asked"),
            "{words}"
        );
        tip.hears(&IntakeEvent::CaughtUp);
        drop(tip.head(&head(9, 0), start + half * 5, now));
        assert!(!tip.stands());
    }
}
