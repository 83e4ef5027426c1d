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
use crate::log_limit::RepeatFilter;
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
    let (mut of_manager, mut of_ssv) = (Obstacle::default(), Obstacle::default());
    while heads.changed().await.is_ok() {
        let Some(head) = *heads.borrow_and_update() else {
            continue;
        };
        let block = head.block;
        match read_on(&from, block, &core).await {
            Ok(kept_up) => of_ssv.said("SSV", &kept_up),
            Err(_) => return,
        }
        if asked.is_none_or(|at| at.elapsed() >= AGREE) {
            asked = Some(Instant::now());
            // long readings end at a head that is old by then
            let newest = heads.borrow().map_or(block, |head| head.block);
            if let Some(words) = doubts(&from, newest).await {
                let alarm = Incoming::Live(LiveUpdate::Alarm(REGISTRATIONS, words));
                if core.send(alarm).await.is_err() {
                    return;
                }
            }
        }
        let kept_up = from.manager.keep_up(block).await;
        of_manager.said("the manager", &kept_up);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read_on(
    from: &Sources,
    block: BlockRef,
    core: &mpsc::Sender<Incoming>,
) -> Result<Answer<()>, mpsc::error::SendError<Incoming>> {
    let mut progress = Progress::default();
    let mut tick = tokio::time::interval(TELL);
    let reading = from.ssv.keep_up(block);
    tokio::pin!(reading);
    let kept_up = loop {
        tokio::select! {
            read = &mut reading => break read,
            _ = tick.tick() => {
                if let Some((at, to)) = from.ssv.reading() {
                    let view = progress.view("registrations at SSV", at, to);
                    core.send(Incoming::Live(LiveUpdate::History(REGISTRATIONS, Some(view)))).await?;
                }
            }
        }
    };
    if progress.is_told() {
        core.send(Incoming::Live(LiveUpdate::History(REGISTRATIONS, None)))
            .await?;
    }
    Ok(kept_up)
}

/// What keeps old logs from being read on, told when it changes and not at each head. Its words may name the block.
#[derive(Debug, Default)]
struct Obstacle(RepeatFilter);

impl Obstacle {
    fn said(&mut self, whose: &str, kept_up: &Answer<()>) {
        let Answer::NotKnown(why) = kept_up else {
            return;
        };
        if let Some(left_out) = self.0.line(why.words()) {
            tracing::warn!(target: "chain", %why, left_out, "old logs of {whose} could not be read on");
        }
    }
}

/// What contradicts the number that the next registration takes, or keeps it unknown; empty where nothing does. None while
/// somebody is silent who would have to agree: what was said stands then.
async fn doubts(from: &Sources, block: BlockRef) -> Option<SafeText> {
    let (counted, implied) = tokio::join!(
        from.ssv.state(block, &[]),
        from.manager.implied_owner_nonce(At::block(block)),
    );
    let accord = agreed::on_registrations(&*from.agreement, block, &counted).await;
    let counted = counted.map(|state| state.owner_nonce);
    judged(&accord, &counted, implied.as_ref())
}

fn judged(accord: &Accord, counted: &Answer<u64>, implied: Option<&Answer<u64>>) -> Option<SafeText> {
    let words = match (accord, counted, implied) {
        (Accord::Disagree(words) | Accord::Outvoted { words, .. }, _, _) => {
            format!("the endpoints do not agree on SSV's registrations: {words}")
        }
        (_, Answer::Yes(counted), Some(Answer::Yes(implied))) if counted != implied => format!(
            "the logs count {counted} registrations of the manager at SSV, its state implies {implied}: no registration is \
             taken for right by a rule"
        ),
        // with one endpoint nobody could ever agree
        (Accord::Agree { .. } | Accord::Alone, Answer::Yes(_), None | Some(Answer::Yes(_))) => String::new(),
        _ => return None,
    };
    Some(SafeText::new(&words))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever contradicted and is silent now has not taken anything back.
    #[test]
    fn silence_ends_no_alarm() {
        let known = |n| Answer::Yes(n);
        let silent = || Answer::not_known("nobody answers");
        let agree = Accord::Agree {
            agreeing: 2,
            said: Vec::new(),
            silent: Vec::new(),
        };
        let few = Accord::TooFew {
            configured: 2,
            said: None,
            silent: vec![SafeText::new("one timed out")],
        };
        let judge = |accord: &Accord, counted, implied: Option<Answer<u64>>| {
            judged(accord, &counted, implied.as_ref()).map(|words| words.to_string())
        };
        let contradicted = Accord::Disagree(SafeText::new("one says 3, one says 4"));
        for counted in [known(3), silent()] {
            let words = judge(&contradicted, counted, None).unwrap();
            assert!(words.contains("one says 3"), "{words}");
        }
        for accord in [&agree, &few, &Accord::Alone] {
            let words = judge(accord, known(3), Some(known(4))).unwrap();
            assert!(words.contains("its state implies 4"), "{words}");
            assert_eq!(judge(accord, silent(), Some(known(4))), None);
            assert_eq!(judge(accord, known(3), Some(silent())), None);
        }
        for implied in [None, Some(known(3))] {
            assert_eq!(judge(&few, known(3), implied.clone()), None);
            assert_eq!(judge(&agree, known(3), implied.clone()), Some(String::new()));
            assert_eq!(judge(&Accord::Alone, known(3), implied), Some(String::new()));
        }
    }
}
