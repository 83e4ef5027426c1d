//! What is read behind everything else: the logs of which no contract keeps a state, and old blocks compared with their
//! headers. Nothing on the screen and no decision waits for it; how far it has got, and what it finds, is shown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::chain::comparison::Comparison;
use crate::chain::intake::Head;
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::{Accord, Agreement, Answer, At, PoolManager, Ssv, agreed};
use crate::types::{BlockRef, SafeText};
use crate::view::HistoryView;

/// How often progress is told.
const TELL: Duration = Duration::from_secs(1);
/// Read on not more often than this: blocks of a public chain come more slowly.
const PAUSE: Duration = Duration::from_secs(2);
/// The endpoints are asked whether they agree on the registrations this often, whether or not a case needs it.
const AGREE: Duration = Duration::from_secs(60);
/// The comparison leaves a start what it needs.
const AFTER_START: Duration = Duration::from_secs(30);
/// After a failure.
const AGAIN: Duration = Duration::from_secs(10);
/// Blocks that a reorganisation may still take, where nothing is said to be final.
const UNSETTLED: u64 = 128;

/// The names of the readings.
const REGISTRATIONS: &str = "registrations";
const COMPARISON: &str = "comparison";

/// How far something has got, and the time that the rest takes at the pace so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    begun: Option<(u64, Instant)>,
}

impl Progress {
    pub(super) fn is_told(&self) -> bool {
        self.begun.is_some()
    }

    pub(super) fn view(&mut self, what: &str, at: u64, to: u64) -> HistoryView {
        let (first, since) = *self.begun.get_or_insert((at, Instant::now()));
        let (done, left) = (at.saturating_sub(first), to.saturating_sub(at));
        let rest = (done > 0).then(|| since.elapsed().mul_f64(left as f64 / done as f64));
        HistoryView {
            what: what.into(),
            at,
            to,
            left_ms: rest.and_then(|rest| u64::try_from(rest.as_millis()).ok()),
            note: SafeText::default(),
        }
    }
}

/// Whose logs are read.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) agreement: Arc<dyn Agreement>,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
}

/// Reads on at each head. Ends when the chain feed or the core is gone.
pub(super) async fn run(
    from: Sources,
    mut heads: watch::Receiver<Option<Head>>,
    core: mpsc::Sender<Incoming>,
) {
    let mut asked: Option<Instant> = None;
    while heads.changed().await.is_ok() {
        let Some(head) = *heads.borrow_and_update() else {
            continue;
        };
        let block = head.block;
        if read_on(&from, block, &core).await.is_err() {
            return;
        }
        if asked.is_none_or(|at| at.elapsed() >= AGREE) {
            asked = Some(Instant::now());
            // long readings end at a head that is old by then
            let newest = heads.borrow().map_or(block, |head| head.block);
            let words = doubts(&from, newest).await;
            if core
                .send(Incoming::Live(LiveUpdate::Alarm(REGISTRATIONS, words)))
                .await
                .is_err()
            {
                return;
            }
        }
        if let Answer::NotKnown(why) = from.manager.keep_up(block).await {
            tracing::debug!(target: "chain", %why, "old logs of the manager could not be read on");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read_on(
    from: &Sources,
    block: BlockRef,
    core: &mpsc::Sender<Incoming>,
) -> Result<(), mpsc::error::SendError<Incoming>> {
    let mut progress = Progress::default();
    let mut tick = tokio::time::interval(TELL);
    let reading = from.ssv.keep_up(block);
    tokio::pin!(reading);
    loop {
        tokio::select! {
            read = &mut reading => {
                if let Answer::NotKnown(why) = read {
                    tracing::debug!(target: "chain", %why, "old logs of SSV could not be read on");
                }
                break;
            }
            _ = tick.tick() => {
                if let Some((at, to)) = from.ssv.reading() {
                    let view = progress.view("registrations at SSV", at, to);
                    core.send(Incoming::Live(LiveUpdate::History(REGISTRATIONS, Some(view)))).await?;
                }
            }
        }
    }
    if progress.is_told() {
        core.send(Incoming::Live(LiveUpdate::History(REGISTRATIONS, None)))
            .await?;
    }
    Ok(())
}

/// What contradicts the number that the next registration takes; empty where nothing does.
async fn doubts(from: &Sources, block: BlockRef) -> SafeText {
    let (accord, counted, implied) = tokio::join!(
        agreed::on_registrations(&*from.agreement, block),
        from.ssv.state(block, &[]),
        from.manager.implied_owner_nonce(At::block(block)),
    );
    if let Accord::Disagree(words) = accord {
        return SafeText::new(&format!(
            "the endpoints do not agree on SSV's registrations: {words}"
        ));
    }
    match (counted.yes(), implied) {
        (Some(counted), Some(Answer::Yes(implied))) if counted.owner_nonce != implied => {
            SafeText::new(&format!(
                "the logs count {} registrations of the manager at SSV, its state implies {implied}: no registration is \
                 taken for right by a rule",
                counted.owner_nonce
            ))
        }
        _ => SafeText::default(),
    }
}

/// Compares old blocks with their headers. Ends when the chain feed or the core is gone.
pub(super) async fn compare(
    mut comparison: Comparison,
    mut heads: watch::Receiver<Option<Head>>,
    core: mpsc::Sender<Incoming>,
) {
    let mut progress = Progress::default();
    tokio::select! {
        () = tokio::time::sleep(AFTER_START) => {}
        () = core.closed() => return,
    }
    loop {
        let last = heads.borrow_and_update().as_ref().map(last_settled);
        let Some(last) = last.filter(|last| comparison.next() <= *last) else {
            match heads.changed().await {
                Ok(()) => continue,
                Err(_) => return,
            }
        };
        let step = tokio::select! {
            step = comparison.step(last) => step,
            () = core.closed() => return,
        };
        let (at, words) = (comparison.next().saturating_sub(1), comparison.compared().alarm());
        let mut view = progress.view("comparison with block headers", at, last);
        view.note = SafeText::new(&note(&comparison));
        let updates = [
            LiveUpdate::History(COMPARISON, Some(view)),
            LiveUpdate::Alarm(COMPARISON, words.unwrap_or_default()),
        ];
        for update in updates {
            if core.send(Incoming::Live(update)).await.is_err() {
                return;
            }
        }
        if let Err(error) = step {
            tracing::debug!(target: "chain", %error, "old blocks could not be compared");
            tokio::time::sleep(AGAIN).await;
        }
    }
}

fn last_settled(head: &Head) -> u64 {
    let unsettled = head.block.number.saturating_sub(UNSETTLED);
    head.finalized.map_or(unsettled, |finalized| finalized.number)
}

fn note(comparison: &Comparison) -> String {
    let compared = comparison.compared();
    let found = match compared.found {
        0 => "nothing found".to_owned(),
        1 => "1 finding".to_owned(),
        n => format!("{n} findings"),
    };
    match compared.untold {
        0 => found,
        1 => format!("{found}, receipts of 1 block not to be had or not proven"),
        n => format!("{found}, receipts of {n} blocks not to be had or not proven"),
    }
}
