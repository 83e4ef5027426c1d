//! The event streams of the beacon nodes: a reason to look, never more.
//!
//! Whatever the nodes shout, what goes on from here is at most one wake-up a second. What they said is not handed to the
//! core at all: it looks at the state. While no stream stands, the core's own poll goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::engine::core::Incoming;
use crate::oracle::Input;
use crate::ports::consensus::{Consensus, Hint};

/// Wake-ups are at least this far apart.
const LEAST: Duration = Duration::from_secs(1);
/// Hints that may wait; beyond that the streams are not read on.
const WAITING: usize = 64;

/// What was heard so far, as counts: who listens compares them with what he knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct News {
    /// Counted over all nodes: one block is told once by each.
    pub(super) heads: u64,
    /// Epochs that began or became final, and reorganisations: the times at which validators change.
    pub(super) turns: u64,
    /// Exits, of anybody. Some nodes tell of them before they are in a block.
    pub(super) exits: u64,
}

impl News {
    /// Whether the hint is news of the chain.
    fn add(&mut self, hint: &Hint) -> bool {
        match hint {
            Hint::Head { epoch_transition, .. } => {
                self.heads += 1;
                self.turns += u64::from(*epoch_transition);
            }
            Hint::Finalized { .. } | Hint::Reorganised { .. } => self.turns += 1,
            Hint::VoluntaryExit { .. } => self.exits += 1,
            // said by the client already
            Hint::Lost { .. } => return false,
        }
        true
    }
}

/// Ends when the core is gone.
pub(super) async fn run(beacon: Arc<dyn Consensus>, news: watch::Sender<News>, core: mpsc::Sender<Incoming>) {
    let (out, hints) = mpsc::channel(WAITING);
    tokio::select! {
        () = beacon.listen(out) => {}
        () = coalesce(LEAST, hints, &news, &core) => {}
    }
}

/// The first hint after a silence goes on at once, those after it together.
async fn coalesce(
    least: Duration,
    mut hints: mpsc::Receiver<Hint>,
    news: &watch::Sender<News>,
    core: &mpsc::Sender<Incoming>,
) {
    let mut gate = Instant::now();
    let mut heard = *news.borrow();
    while let Some(hint) = hints.recv().await {
        if !heard.add(&hint) {
            continue;
        }
        loop {
            tokio::select! {
                biased;
                () = sleep_until(gate) => break,
                more = hints.recv() => match more {
                    Some(hint) => drop(heard.add(&hint)),
                    None => break,
                },
            }
        }
        gate = Instant::now() + least;
        news.send_replace(heard);
        if core.send(Incoming::Input(Input::BeaconMoved)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SafeText;

    fn head(slot: u64) -> Hint {
        Hint::Head {
            slot,
            epoch_transition: slot.is_multiple_of(4),
        }
    }

    fn is_wake_up(incoming: Option<Incoming>) -> bool {
        matches!(incoming, Some(Incoming::Input(Input::BeaconMoved)))
    }

    #[tokio::test]
    async fn the_first_hint_goes_on_at_once_and_the_end_of_a_stream_is_none() {
        let (out, hints) = mpsc::channel(WAITING);
        let (news, heard) = watch::channel(News::default());
        let (core, mut woken) = mpsc::channel(8);
        let an_hour = Duration::from_secs(3_600);
        let feed = tokio::spawn(async move { coalesce(an_hour, hints, &news, &core).await });
        let lost = Hint::Lost {
            node: SafeText::new("a"),
            reason: SafeText::new("gone"),
        };
        out.send(lost).await.unwrap();
        out.send(head(1)).await.unwrap();
        assert!(is_wake_up(woken.recv().await));
        assert_eq!((heard.borrow().heads, heard.borrow().turns), (1, 0));
        drop(out);
        feed.await.unwrap();
        assert!(woken.recv().await.is_none(), "one hint, one wake-up");
    }

    #[tokio::test]
    async fn a_storm_is_few_wake_ups_and_nothing_of_it_is_lost() {
        let (out, hints) = mpsc::channel(WAITING);
        let (news, heard) = watch::channel(News::default());
        let (core, mut woken) = mpsc::channel(4_096);
        let least = Duration::from_millis(20);
        let begun = Instant::now();
        let feed = tokio::spawn(async move { coalesce(least, hints, &news, &core).await });
        for n in 0..4_000u64 {
            let hint = match n % 4 {
                0 => Hint::VoluntaryExit { validator_index: n },
                1 => Hint::Finalized { epoch: n },
                2 => Hint::Reorganised { depth: n },
                _ => head(4),
            };
            out.send(hint).await.unwrap();
            tokio::task::yield_now().await;
        }
        drop(out);
        feed.await.unwrap();
        // the first, one for each pause, and one for what came before the end
        let most = begun.elapsed().as_millis() / least.as_millis() + 2;
        let mut wake_ups = 0;
        while is_wake_up(woken.recv().await) {
            wake_ups += 1;
        }
        assert!(
            (2..=most).contains(&wake_ups),
            "{wake_ups} wake-ups, {most} at most"
        );
        let all = News {
            heads: 1_000,
            turns: 3_000,
            exits: 1_000,
        };
        assert_eq!(*heard.borrow(), all);
    }
}
