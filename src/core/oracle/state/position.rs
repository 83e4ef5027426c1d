//! Up to which block every event is in the journal, and where a start reads on when one of them counts as told no more.

use super::Durable;
use crate::types::{BlockRef, LogRef, UnixMillis};

/// Earlier positions that are kept, the lowest of all among them.
const EARLIER: usize = 64;
/// They are so many blocks apart: 64 of them reach back for longer than any reorganisation, and than any log waits.
const APART: u64 = 8;

impl Durable {
    pub(super) fn events_read(&mut self, at: UnixMillis, upto: BlockRef) {
        if let Some((before, _)) = self.cursor {
            let newest = self.earlier.last();
            if newest.is_none_or(|newest| before.number >= newest.number.saturating_add(APART)) {
                self.earlier.push(before);
            }
            if self.earlier.len() > EARLIER {
                self.earlier.remove(1);
            }
        }
        // what it went back over may be of another branch
        self.earlier.retain(|known| known.number < upto.number);
        self.cursor = Some((upto, at));
    }

    /// What another program wrote before is not known of.
    pub(super) fn upgraded(&mut self, at: UnixMillis, cursor: Option<BlockRef>) {
        self.earlier.clear();
        self.cursor = cursor.map(|upto| (upto, at));
    }

    /// The newest position below this block, where one is known.
    pub(in crate::oracle) fn position_below(&self, number: u64) -> Option<BlockRef> {
        let mut all = self.earlier.iter().copied().chain(self.cursor());
        all.rfind(|known| known.number < number)
    }

    /// An event before the position counts as told no more. Should its branch come back before a new position is
    /// journaled, or the contract's state say what it says, whoever starts there would never hear of it again.
    pub(super) fn is_unread_again(&mut self, log: LogRef) {
        let below = self.position_below(log.block.number);
        self.cursor = self.cursor.and_then(|(_, at)| below.map(|upto| (upto, at)));
        self.earlier
            .retain(|known| below.is_some_and(|below| known.number < below.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::fixture::block;
    use crate::types::Root;

    fn read(durable: &mut Durable, upto: u64) {
        durable.events_read(UnixMillis(upto), block(upto));
    }

    fn unread(durable: &mut Durable, number: u64) -> Option<u64> {
        durable.is_unread_again(LogRef {
            block: block(number),
            transaction: Root([1; 32]),
            index: 0,
        });
        durable.cursor().map(|upto| upto.number)
    }

    #[test]
    fn a_start_reads_on_below_the_oldest_event_that_counts_as_told_no_more() {
        let mut durable = Durable::default();
        assert_eq!(unread(&mut durable, 5), None, "nothing was read");
        for upto in [100, 164, 165, 228] {
            read(&mut durable, upto);
        }
        assert_eq!(unread(&mut durable, 229), Some(228), "it is read by nobody yet");
        assert_eq!(unread(&mut durable, 228), Some(164), "165 is near");
        assert_eq!(unread(&mut durable, 165), Some(164));
        assert_eq!(unread(&mut durable, 120), Some(100));
        read(&mut durable, 300);
        assert_eq!(unread(&mut durable, 300), Some(100));
        assert_eq!(unread(&mut durable, 100), None, "nothing is known below it");
        assert_eq!((durable.earlier.len(), durable.position_below(1_000)), (0, None));
    }

    #[test]
    fn what_it_went_back_over_is_forgotten() {
        let mut durable = Durable::default();
        for upto in [100, 120, 140, 110] {
            read(&mut durable, upto);
        }
        assert_eq!(durable.position_below(110), Some(block(100)));
        assert_eq!(durable.position_below(1_000), Some(block(110)));
        assert_eq!(unread(&mut durable, 105), Some(100));
    }

    #[test]
    fn few_are_kept_and_the_lowest_with_them() {
        let mut durable = Durable::default();
        for upto in 100..10_000 {
            read(&mut durable, upto);
        }
        assert_eq!(durable.earlier.len(), EARLIER);
        let below = durable.position_below(9_999 - 256).unwrap();
        assert!(below.number >= 9_999 - 256 - 2 * APART, "{below:?}");
        assert_eq!(unread(&mut durable, 500), Some(100));
    }
}
