//! What the oracle's account sent of which the journal knows nothing, looked up by the contract's logs and shown beside the
//! alarm: a person who has to judge it need not go elsewhere for the hashes. It is asked for when there is something new to
//! explain, and again, ever more rarely, while something of it is in no log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::chain::sent::{Asked, Found, LookBack};
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::Unknown;
use crate::types::SafeText;
use crate::view::{Snapshot, WaitReason};

/// Between two looks for the same nonces: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(3_600));

/// Ends when the core is gone. `after`: the block up to which the journal had read every event when this run began.
pub(super) async fn run(
    look: LookBack,
    after: Option<u64>,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    core: mpsc::Sender<Incoming>,
) {
    // where they were told of before this run, the journal has read on past them since
    let is_told = |s: &Snapshot| s.waits.iter().any(|w| w.reason == WaitReason::ForeignTransaction);
    let after = after.filter(|_| !is_told(&snapshots.borrow_and_update()));
    let (mut asked, mut pause) = (None, AGAIN.0);
    loop {
        let now = wanted(&snapshots.borrow_and_update(), after);
        let is_new = now != asked;
        if is_new {
            (asked, pause) = (now, AGAIN.0);
        }
        let (told, is_whole) = match &asked {
            None => (None, true),
            Some(asked) => of(look.look(asked).await),
        };
        if (is_new || told.is_some())
            && core
                .send(Incoming::Live(LiveUpdate::Strange(told)))
                .await
                .is_err()
        {
            return;
        }
        let changed = snapshots.wait_for(|s| wanted(s, after) != asked);
        tokio::select! {
            changed = changed => match changed {
                Ok(_) => {}
                // the core is gone, which ends the feed
                Err(_) => return,
            },
            () = tokio::time::sleep(pause), if !is_whole => pause = (pause * 2).min(AGAIN.1),
            () = core.closed() => return,
        }
    }
}

/// What there is to explain.
fn wanted(snapshot: &Snapshot, after: Option<u64>) -> Option<Asked> {
    let nonces = snapshot.signer.strange.clone();
    let account = snapshot.signer.address.filter(|_| !nonces.is_empty())?;
    Some(Asked {
        account,
        nonces,
        after,
    })
}

/// In words, and whether nothing is left to be found out.
fn of(found: Result<Found, Unknown>) -> (Option<(SafeText, Vec<SafeText>)>, bool) {
    match found {
        Ok(found) => (Some((found.short(), found.lines())), found.rest.is_empty()),
        Err(why) => {
            let words = SafeText::new(&format!(
                "what the contract's logs say of it is not known yet: {why}"
            ));
            (Some((words, Vec::new())), false)
        }
    }
}
