//! One look at the chain: catch up with what is final, then follow block by block.

use alloy::primitives::B256;
use futures_util::StreamExt as _;
use tokio::sync::mpsc::Sender;

use super::{Batch, ChainEvent, Head, Intake, IntakeError, IntakeEvent};
use crate::chain::omission::{Hidden, hidden};
use crate::chain::rpc::{
    Apart, At, BlockHeader, CommonHead, EndpointIndex, HeadVerdict, LogEntry, LogFilter, LogRange, Rpc,
};
use crate::ports::{Answer, Unknown};
use crate::types::BlockRef;

/// Headers read before their logs are asked for in one go.
const BLOCKS_AT_ONCE: u64 = 32;
/// Stretches without logs that are read before the position is told.
const EMPTY_AT_ONCE: usize = 8;
/// Blocks whose receipts are asked for at the same time.
const COMPARED_AT_ONCE: usize = 8;
/// A backend for logs may be so many blocks behind the head without a word.
const LAG: u64 = 3;

impl Intake {
    /// Looks once: tells everything between the cursor and the head. After an error the next look goes on from what
    /// was told.
    ///
    /// # Errors
    /// Why this look did not get through. See [`IntakeError`].
    pub async fn step(&mut self, out: &Sender<IntakeEvent>) -> Result<(), IntakeError> {
        let CommonHead {
            header: head,
            apart,
            told_by,
        } = match self.rpc().common_head().await {
            Err(error) if error.no_connection() => return Err(IntakeError::NoConnection(error)),
            other => other?,
        };
        self.tell_apart(apart, &told_by, out).await?;
        let (finalized, doubt) = self.finalized(&head).await;
        self.tell_head(&head, finalized, out).await?;
        self.begin().await?;
        self.leave_dropped_branch(&head, out).await?;
        if let Some(finalized) = finalized {
            self.catch_up(finalized, &head, out).await?;
        }
        if let Some(why) = &doubt
            && head.number().saturating_sub(self.next_number()) > self.config.max_reorg_depth
        {
            // so many blocks are read in long ranges, once it is known what is final
            return Err(IntakeError::Finality(why.clone()));
        }
        self.follow(&head, out).await?;
        self.ask_again(out).await?;
        self.forget_old(finalized);
        match doubt {
            None => tell(out, IntakeEvent::CaughtUp).await,
            Some(why) => Err(IntakeError::Finality(why)),
        }
    }

    /// The newest final block; where that is not known, the newest that was known to be, which stays final, and why.
    async fn finalized(&self, head: &BlockHeader) -> (Option<BlockRef>, Option<Unknown>) {
        let known = self.head.and_then(|head| head.finalized);
        match self.config.finality.newest(self.rpc(), head.block()).await {
            Answer::Yes(block) => (Some(block), None),
            Answer::No(_) => (None, None),
            Answer::NotKnown(why) => (known, Some(why)),
        }
    }

    /// Once for each reason: the numbers move with every block. What was said of an endpoint's head is over when it tells
    /// another one, and not when it tells none.
    async fn tell_apart(
        &mut self,
        apart: Option<Apart>,
        told_by: &[EndpointIndex],
        out: &Sender<IntakeEvent>,
    ) -> Result<(), IntakeError> {
        let why = apart.as_ref().map(|apart| apart.why);
        let stands = |known: HeadVerdict| why.is_none() && !told_by.contains(&known.of());
        if self.apart == why || self.apart.is_some_and(stands) {
            return Ok(());
        }
        self.apart = why;
        let words = apart.map(|Apart { why, words }| {
            if let HeadVerdict::Claimed(claimant) = why {
                self.rpc().blame_for_contradiction(claimant, &words);
            }
            words
        });
        tell(out, IntakeEvent::Apart(words.unwrap_or_default())).await
    }

    async fn tell_head(
        &mut self,
        head: &BlockHeader,
        finalized: Option<BlockRef>,
        out: &Sender<IntakeEvent>,
    ) -> Result<(), IntakeError> {
        let view = Head {
            block: head.block(),
            timestamp: head.timestamp(),
            base_fee_wei: head.base_fee_per_gas,
            finalized,
        };
        if self.head != Some(view) {
            self.head = Some(view);
            tell(out, IntakeEvent::Head(view)).await?;
        }
        Ok(())
    }

    /// Without a cursor everything before the first block of interest counts as told.
    async fn begin(&mut self) -> Result<(), IntakeError> {
        if self.cursor.is_none()
            && let Some(before) = self.config.start_block.checked_sub(1)
        {
            let header = self.rpc().header(At::Number(before)).await?;
            let block = header.ok_or(IntakeError::NoBlock(before))?.block();
            self.cursor = Some(block);
            self.window.push_back(block);
        }
        Ok(())
    }

    pub(super) fn next_number(&self) -> u64 {
        self.cursor.map_or(0, |cursor| cursor.number + 1)
    }

    /// Blocks that cannot be dropped any more, in ranges as long as the node allows.
    async fn catch_up(
        &mut self,
        finalized: BlockRef,
        head: &BlockHeader,
        out: &Sender<IntakeEvent>,
    ) -> Result<(), IntakeError> {
        let (last, target) = (finalized.number, head.number());
        let (rpc, filter) = (self.rpc().clone(), self.filter().await?);
        if self.next_number() > last {
            return Ok(());
        }
        let mut piece = next_with_logs(&rpc, &filter, self.next_number(), last).await?;
        loop {
            let end = piece.end;
            if end >= last {
                return self.take_final(piece, finalized, out).await;
            }
            // what follows is on its way while this is looked at
            let next = next_with_logs(&rpc, &filter, end + 1, last);
            let taken = async {
                let header = rpc.header(At::Number(end)).await?;
                let cursor = header.ok_or(IntakeError::NoBlock(end))?.block();
                self.take_final(piece, cursor, out).await?;
                tell(out, IntakeEvent::CatchingUp { at: end, target }).await
            };
            let (taken, next) = tokio::join!(taken, next);
            taken?;
            piece = next?;
        }
    }

    /// Tells what the final blocks up to `cursor` hold.
    async fn take_final(
        &mut self,
        piece: LogRange,
        cursor: BlockRef,
        out: &Sender<IntakeEvent>,
    ) -> Result<(), IntakeError> {
        let from = self.next_number();
        let LogRange { logs, end, endpoint } = piece;
        if logs
            .iter()
            .any(|log| log.at().block.number == cursor.number && log.at().block != cursor)
        {
            return Err(IntakeError::Moved(cursor.number));
        }
        let events = self.reconcile((from, end), logs, endpoint).await?;
        self.window.clear();
        self.advance(cursor);
        self.tell_batch(events, cursor, out).await
    }

    /// The newest blocks, each tied to its parent.
    async fn follow(&mut self, head: &BlockHeader, out: &Sender<IntakeEvent>) -> Result<(), IntakeError> {
        let filter = self.filter().await?;
        while self.next_number() <= head.number() {
            let from = self.next_number();
            let to = head.number().min(from + BLOCKS_AT_ONCE - 1);
            let headers = self.tied_headers(from, to, head).await?;
            // what one answer told is stored before the next is asked for
            let mut rest = headers.as_slice();
            while let Some(first) = rest.first().map(BlockHeader::number) {
                let piece = match self.rpc().logs(&filter, first, to).await {
                    // a backend for logs that is a block or two behind tells them at the next look
                    Err(error) if error.is_behind() && head.number() - first < LAG => return Ok(()),
                    other => other?,
                };
                let (told, later) = rest.split_at(rest.partition_point(|h| h.number() <= piece.end));
                let (end, endpoint) = (piece.end, piece.endpoint);
                let logs = self.with_hidden(&filter, told, piece).await?;
                let events = self.reconcile((first, end), logs, endpoint).await?;
                for header in told {
                    self.advance(header.block());
                }
                let cursor = told.last().expect("a piece has at least one block").block();
                self.tell_batch(events, cursor, out).await?;
                rest = later;
            }
        }
        Ok(())
    }

    /// The headers of these heights, each the child of the one before, the first of the cursor.
    async fn tied_headers(
        &self,
        from: u64,
        to: u64,
        head: &BlockHeader,
    ) -> Result<Vec<BlockHeader>, IntakeError> {
        // the head is at hand
        let has_head = to == head.number();
        let below = from..if has_head { to } else { to + 1 };
        let mut headers = self.rpc().headers(below.clone()).await?;
        if let Some(gap) = below.clone().nth(headers.len()) {
            return Err(IntakeError::NoBlock(gap));
        }
        headers.extend(has_head.then(|| head.clone()));
        let mut parent = self.cursor.map(|cursor| B256::from(cursor.hash.0));
        for (number, header) in (from..=to).zip(&headers) {
            if header.number() != number || parent.is_some_and(|parent| parent != header.parent_hash) {
                return Err(IntakeError::Moved(number));
            }
            parent = Some(header.hash);
        }
        Ok(headers)
    }

    /// The logs of exactly these blocks, those included that a node leaves out.
    async fn with_hidden(
        &self,
        filter: &LogFilter,
        headers: &[BlockHeader],
        piece: LogRange,
    ) -> Result<Vec<LogEntry>, IntakeError> {
        let mut logs = Vec::new();
        let asked: Vec<_> = headers
            .iter()
            .map(|header| hidden(self.rpc(), filter, header, &piece.logs, piece.endpoint))
            .collect();
        let mut compared = futures_util::stream::iter(asked).buffered(COMPARED_AT_ONCE);
        while let Some(hidden) = compared.next().await {
            match hidden? {
                Hidden::Logs(more) => logs.extend(more),
                // a bloom filter is often wrong on a busy chain: a node without receipts must not stop the intake
                Hidden::Untold(why) => {
                    tracing::debug!(target: "chain", %why, "a block could not be compared")
                }
                Hidden::Nothing => {}
            }
        }
        drop(compared);
        logs.extend(piece.logs);
        Ok(logs)
    }

    /// What to tell about the blocks from the first to the last, given the logs that `teller` says stand in them now.
    async fn reconcile(
        &mut self,
        (from, to): (u64, u64),
        logs: Vec<LogEntry>,
        teller: EndpointIndex,
    ) -> Result<Vec<ChainEvent>, IntakeError> {
        let mut standing = self.sources.decode(logs).await;
        let missing = self
            .known
            .keys()
            .filter(|at| (from..=to).contains(&at.block.number))
            .filter(|at| !standing.iter().any(|heard| heard.at == **at))
            .copied();
        let gone = self.really_gone(missing.collect()).await?;
        standing.retain(|heard| !self.known.contains_key(&heard.at));
        standing.sort_by_key(|heard| (heard.at.block.number, heard.at.index));
        let believed = self.believed(standing, teller).await;
        let mut events = self.remove(gone);
        for told in believed {
            events.extend(self.tell_known(told));
        }
        Ok(events)
    }

    /// What is stored of the cursor stays before the oldest event that is not believed yet: after a restart it is met
    /// again.
    pub(super) async fn tell_batch(
        &self,
        events: Vec<ChainEvent>,
        cursor: BlockRef,
        out: &Sender<IntakeEvent>,
    ) -> Result<(), IntakeError> {
        let cursor = self.doubts.before_oldest(cursor.number).unwrap_or(cursor);
        tell(out, IntakeEvent::Batch(Batch { events, cursor })).await
    }

    pub(super) fn advance(&mut self, block: BlockRef) {
        self.cursor = Some(block);
        self.window.push_back(block);
    }

    /// Keeps what a reorg could still touch.
    fn forget_old(&mut self, finalized: Option<BlockRef>) {
        let Some(cursor) = self.cursor else { return };
        let keep_from = cursor.number.saturating_sub(self.config.max_reorg_depth);
        while self.window.len() > 1 && self.window.front().is_some_and(|b| b.number < keep_from) {
            self.window.pop_front();
        }
        // without finality events are kept for longer, but not for ever
        let final_number = finalized.map_or(0, |f| f.number);
        let floor = keep_from.min(final_number.saturating_sub(self.config.max_reorg_depth));
        let floor = floor.max(cursor.number.saturating_sub(64 * self.config.max_reorg_depth));
        self.known.retain(|at, _| at.block.number >= floor);
    }
}

/// The next logs, and what was read on the way to them: most stretches of a long history hold none, and the header of
/// each one's end would be half of all questions where an endpoint takes few blocks at once.
async fn next_with_logs(rpc: &Rpc, filter: &LogFilter, from: u64, to: u64) -> Result<LogRange, IntakeError> {
    let mut next = from;
    for _ in 1..EMPTY_AT_ONCE {
        let piece = rpc.logs(filter, next, to).await?;
        if !piece.logs.is_empty() || piece.end >= to {
            return Ok(piece);
        }
        next = piece.end + 1;
    }
    Ok(rpc.logs(filter, next, to).await?)
}

pub(super) async fn tell(out: &Sender<IntakeEvent>, event: IntakeEvent) -> Result<(), IntakeError> {
    out.send(event).await.map_err(|_| IntakeError::Closed)
}
