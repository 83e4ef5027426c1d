//! Reorgs: from the branch that was told to the one that stands.

use tokio::sync::mpsc::Sender;

use super::follow::tell;
use super::{ChainEvent, Intake, IntakeError, IntakeEvent, LocatedEvent};
use crate::chain::rpc::{At, BlockHeader};
use crate::log_limit::LogLimit;
use crate::types::{BlockRef, LogRef, Root};

/// Lines about reorganisations: where one endpoint is all there is, it makes them as it likes.
static REORGS: LogLimit = LogLimit::slow();

impl Intake {
    /// When the cursor's block does not stand any more: goes back to the newest told block that does, and tells what is
    /// gone.
    pub(super) async fn leave_dropped_branch(
        &mut self,
        head: &BlockHeader,
        out: &Sender<IntakeEvent>,
    ) -> Result<(), IntakeError> {
        let Some(cursor) = self.cursor else {
            return Ok(());
        };
        if self.stands(cursor, head).await? {
            return Ok(());
        }
        // another chain behind an endpoint looks just like a reorg: let every endpoint prove itself, then look again
        self.rpc().distrust();
        let head = self.rpc().head().await?;
        if self.stands(cursor, &head).await? {
            return Ok(());
        }
        let ancestor = self.newest_standing(&head).await?;
        let to = head.block();
        tell(out, IntakeEvent::Reorganised { from: cursor, to }).await?;
        match ancestor {
            Some(ancestor) => {
                let gone = self.really_gone(self.known_above(ancestor.number)).await?;
                if let Some(left_out) = REORGS.line() {
                    tracing::info!(target: "chain", from = cursor.number, to = ancestor.number, left_out, "reorg");
                }
                while self.window.back().is_some_and(|b| b.number > ancestor.number) {
                    self.window.pop_back();
                }
                self.doubts.drop_above(ancestor.number);
                self.cursor = Some(ancestor);
                let events = self.remove(gone);
                self.tell_batch(events, ancestor, out).await
            }
            None => self.read_again(cursor, &head, out).await,
        }
    }

    /// Whether `block` is in the chain that ends in `head`. A head below it says nothing, unless it contradicts a block
    /// that was told: an endpoint may lag.
    async fn stands(&self, block: BlockRef, head: &BlockHeader) -> Result<bool, IntakeError> {
        let same = |number: u64, hash: Root| {
            let told = self.window.iter().find(|b| b.number == number);
            told.is_none_or(|told| told.hash == hash)
        };
        if head.number() <= block.number {
            return Ok(same(head.number(), Root(head.hash.0)));
        }
        if head.number() == block.number + 1 {
            return Ok(head.parent_hash.0 == block.hash.0);
        }
        match self.rpc().header(At::Number(block.number)).await? {
            Some(header) => Ok(header.block() == block),
            None => Err(IntakeError::NoBlock(block.number)),
        }
    }

    async fn newest_standing(&self, head: &BlockHeader) -> Result<Option<BlockRef>, IntakeError> {
        for block in self.window.iter().rev() {
            if block.number > head.number() {
                continue;
            }
            let header = self.rpc().header(At::Number(block.number)).await?;
            if header.is_some_and(|header| header.block() == *block) {
                return Ok(Some(*block));
            }
        }
        Ok(None)
    }

    /// The reorg goes back further than is remembered (or happened while we were away): a stretch is read again, and
    /// compared with the events that were told of it.
    async fn read_again(
        &mut self,
        cursor: BlockRef,
        head: &BlockHeader,
        out: &Sender<IntakeEvent>,
    ) -> Result<(), IntakeError> {
        let oldest = self.window.front().map_or(cursor.number, |b| b.number);
        let back = oldest
            .min(head.number())
            .saturating_sub(self.config.max_reorg_depth);
        let back = back.max(self.config.start_block.saturating_sub(1));
        if let Some(left_out) = REORGS.line() {
            tracing::warn!(target: "chain", from = cursor.number, to = back, left_out, "reorg beyond memory, reading again");
        }
        let header = self.rpc().header(At::Number(back)).await?;
        let restart = header.ok_or(IntakeError::NoBlock(back))?.block();
        // events above the new head would not be met again when reading up to it
        let gone = self.really_gone(self.known_above(head.number())).await?;
        self.doubts.drop_above(back);
        self.window.clear();
        self.advance(restart);
        let events = self.remove(gone);
        self.tell_batch(events, restart, out).await
    }

    fn known_above(&self, number: u64) -> Vec<LogRef> {
        let above = self.known.keys().filter(|at| at.block.number > number);
        above.copied().collect()
    }

    /// Takes these out of what is known, newest first.
    pub(super) fn remove(&mut self, mut gone: Vec<LogRef>) -> Vec<ChainEvent> {
        gone.sort_by_key(|at| std::cmp::Reverse((at.block.number, at.index)));
        gone.into_iter()
            .flat_map(|at| {
                let events = self.known.remove(&at).unwrap_or_default();
                let removed = move |event| ChainEvent::Removed(LocatedEvent { at, event });
                events.into_iter().map(removed)
            })
            .collect()
    }
}
