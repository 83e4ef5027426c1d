//! Whether the lower of two heads stands still: the other endpoint shows every block from there to its own head.
//!
//! A liar can make such blocks up, because nothing here proves what a header says of itself. So it takes more: the lower
//! head is old by its time and the higher one is of the present, which two endpoints of a chain that goes on are not at
//! once unless one of them stands still. Whoever is followed after that is one voice still.

use std::time::Duration;

use super::types::BlockHeader;
use super::{At, EndpointIndex, Rpc};
use crate::types::{BlockRef, UnixMillis};

/// A head whose time is further back is of the past: fifteen slots of mainnet.
const OLD: Duration = Duration::from_secs(180);
/// Clocks are so far apart, and blocks are proposed so early.
const EARLY: Duration = Duration::from_secs(60);
/// Headers that are read at one look, at most; the next look goes on.
const AT_A_LOOK: u64 = 256;

/// What an endpoint shows of the blocks between another's head and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Every one, up to the present.
    Yes,
    /// Not all of them so far, or it did not answer; or both heads are of the present, or both are old.
    NotYet,
    /// Its head is of the future, it does not have them, or they do not belong together.
    No,
}

/// How far an endpoint has shown its chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Climb {
    claimant: EndpointIndex,
    /// The other's head.
    from: BlockRef,
    to: BlockRef,
    to_time: UnixMillis,
    /// It once reached the claimant's head.
    done: bool,
}

impl Rpc {
    /// Whether the endpoint with the higher head shows that the lower one stands still.
    pub(super) async fn climbs(
        &self,
        claimant: EndpointIndex,
        head: &BlockHeader,
        below: &BlockHeader,
    ) -> Shown {
        let now = UnixMillis::now();
        if head.time() > now.plus(EARLY) {
            return Shown::No;
        }
        if now.since(below.time()) < OLD || now.since(head.time()) >= OLD {
            return Shown::NotYet;
        }
        let known = *self.climb();
        let known = known.filter(|climb| climb.claimant == claimant && climb.from == below.block());
        let begun = match known {
            // it goes on standing there
            Some(climb) if climb.done => return Shown::Yes,
            Some(climb) => climb,
            None => match self.voice(claimant).any_header(At::Number(below.number())).await {
                Ok(Some(own)) if own.hash == below.hash => Climb {
                    claimant,
                    from: below.block(),
                    to: below.block(),
                    to_time: below.time(),
                    done: false,
                },
                Ok(_) => return Shown::No,
                Err(_) => return Shown::NotYet,
            },
        };
        let (climb, shown) = self.climb_on(begun, head).await;
        *self.climb() = climb;
        shown
    }

    async fn climb_on(&self, mut climb: Climb, head: &BlockHeader) -> (Option<Climb>, Shown) {
        let from = climb.to.number + 1;
        let to = head.number().min(climb.to.number + AT_A_LOOK);
        let Ok(headers) = self.voice(climb.claimant).headers(from..to + 1).await else {
            return (Some(climb), Shown::NotYet);
        };
        for number in from..=to {
            let next = usize::try_from(number - from).ok().and_then(|n| headers.get(n));
            let follows = next.filter(|next| {
                next.number() == number
                    && next.parent_hash.0 == climb.to.hash.0
                    && next.time() > climb.to_time
                    && next.time() <= head.time()
            });
            let Some(next) = follows else {
                return (None, Shown::No);
            };
            climb.to = next.block();
            climb.to_time = next.time();
        }
        climb.done = climb.to.number >= head.number();
        let shown = match climb.done {
            // a block was replaced while they were read
            true if climb.to != head.block() => return (None, Shown::NotYet),
            true => Shown::Yes,
            false => Shown::NotYet,
        };
        (Some(climb), shown)
    }

    fn climb(&self) -> std::sync::MutexGuard<'_, Option<Climb>> {
        self.inner
            .climb
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
