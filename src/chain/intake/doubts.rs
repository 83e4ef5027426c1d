//! Events that are not believed yet: they are kept, said, and asked about again.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::follow::tell;
use super::receipts::{Belief, judge};
use super::{ChainEvent, Intake, IntakeError, IntakeEvent, LocatedEvent, ObservedEvent};
use crate::chain::rpc::{EndpointIndex, LogEntry, Rpc};
use crate::ports::PoolEventKind;
use crate::types::{BlockRef, SafeText};

/// Doubts that are kept. An endpoint that invents logs without end pushes out its own.
const KEPT: usize = 64;
/// Receipts asked for at the same time.
const AT_ONCE: usize = 8;
/// First pause before the endpoints are asked again; doubles up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));

#[derive(Debug)]
struct Doubt {
    observed: LocatedEvent,
    log: LogEntry,
    teller: EndpointIndex,
    words: SafeText,
    /// It is told to people: endpoints contradict each other, or the second time that too few confirm it.
    said: bool,
    /// The cursor before it was met.
    before: Option<BlockRef>,
    ask_at: Instant,
    pause: Duration,
}

/// Events that too few endpoints confirm, asked for again until they are told or dropped; at most [`KEPT`].
#[derive(Debug, Default)]
pub(super) struct Doubts {
    open: Vec<Doubt>,
    told: SafeText,
}

impl Doubts {
    /// The cursor before the oldest was met.
    pub(super) fn before_oldest(&self) -> Option<BlockRef> {
        let oldest = self.open.iter().min_by_key(|d| d.observed.at.block.number)?;
        oldest.before
    }

    /// Blocks above this one are read again.
    pub(super) fn drop_above(&mut self, number: u64) {
        self.open.retain(|d| d.observed.at.block.number <= number);
    }

    fn keep(&mut self, doubt: Doubt) {
        if self.open.iter().any(|d| d.observed.at == doubt.observed.at) {
            return;
        }
        if self.open.len() >= KEPT {
            let dropped = self.open.remove(0);
            tracing::error!(target: "chain", words = %dropped.words, "a doubtful log is given up, too many came after it");
        }
        self.open.push(doubt);
    }

    fn words(&self) -> SafeText {
        let what = |event: &ObservedEvent| match event {
            ObservedEvent::Manager(event) => format!("{} of pool {}", event.kind, event.pool),
            ObservedEvent::Ssv(_) => "an event of SSV".to_owned(),
        };
        let said: Vec<_> = self.open.iter().filter(|doubt| doubt.said).collect();
        match said.as_slice() {
            [] => SafeText::default(),
            [first, rest @ ..] => {
                let more = match rest.len() {
                    0 => String::new(),
                    n => format!("; and {n} more"),
                };
                let (event, words) = (what(&first.observed.event), &first.words);
                SafeText::new(&format!("\u{ab}{event}\u{bb} is not believed: {words}{more}"))
            }
        }
    }
}

impl Intake {
    /// Those of the manager's events that their receipts confirm; SSV's decide nothing here. A request for a deposit
    /// that nobody denies is told as well: the contract's state alone decides about it.
    pub(super) async fn believed(
        &mut self,
        standing: Vec<(LocatedEvent, LogEntry)>,
        teller: EndpointIndex,
    ) -> Vec<LocatedEvent> {
        let rpc = self.rpc().clone();
        let mut asked = Vec::new();
        for (observed, log) in &standing {
            asked.push(heard(&rpc, &observed.event, log, teller));
        }
        let beliefs = futures_util::stream::iter(asked).buffered(AT_ONCE);
        let beliefs: Vec<Belief> = beliefs.collect().await;
        let before = self.cursor;
        let mut believed = Vec::new();
        for ((observed, log), belief) in standing.into_iter().zip(beliefs) {
            match belief {
                Belief::Believed => believed.push(observed),
                Belief::Denied => {}
                Belief::Unconfirmed(_) if is_in_state(&observed.event) => believed.push(observed),
                Belief::Contested(ref words) | Belief::Unconfirmed(ref words) => {
                    tracing::warn!(target: "chain", %words, "a log is not believed");
                    self.doubts.keep(Doubt {
                        observed,
                        log,
                        teller,
                        words: words.clone(),
                        said: matches!(belief, Belief::Contested(_)),
                        before,
                        ask_at: Instant::now() + PAUSE.0,
                        pause: PAUSE.0,
                    });
                }
            }
        }
        believed
    }

    /// Asks once more about what is doubted, and says what is.
    pub(super) async fn ask_again(&mut self, out: &Sender<IntakeEvent>) -> Result<(), IntakeError> {
        let now = Instant::now();
        let open = std::mem::take(&mut self.doubts.open);
        let (due, mut open): (Vec<_>, Vec<_>) = open.into_iter().partition(|d| d.ask_at <= now);
        let mut events = Vec::new();
        for mut doubt in due {
            match judge(self.rpc(), &doubt.log, doubt.teller).await {
                Belief::Denied => {}
                Belief::Believed => {
                    let LocatedEvent { at, event } = doubt.observed.clone();
                    self.known.insert(at, event);
                    events.push(ChainEvent::Added(doubt.observed));
                }
                Belief::Contested(words) | Belief::Unconfirmed(words) => {
                    (doubt.words, doubt.said) = (words, true);
                    doubt.pause = (doubt.pause * 2).min(PAUSE.1);
                    doubt.ask_at = Instant::now() + doubt.pause;
                    open.push(doubt);
                }
            }
        }
        open.sort_by_key(|d| (d.observed.at.block.number, d.observed.at.index));
        self.doubts.open = open;
        if let Some(cursor) = self.cursor.filter(|_| !events.is_empty()) {
            self.tell_batch(events, cursor, out).await?;
        }
        let words = self.doubts.words();
        if words != self.doubts.told {
            self.doubts.told = words.clone();
            tell(out, IntakeEvent::Doubts(words)).await?;
        }
        Ok(())
    }
}

async fn heard(rpc: &Rpc, event: &ObservedEvent, log: &LogEntry, teller: EndpointIndex) -> Belief {
    match event {
        ObservedEvent::Manager(_) => judge(rpc, log, teller).await,
        ObservedEvent::Ssv(_) => Belief::Believed,
    }
}

/// What the contract's state tells whether there is a log of it or not.
fn is_in_state(event: &ObservedEvent) -> bool {
    matches!(event, ObservedEvent::Manager(event) if event.kind == PoolEventKind::DepositRequested)
}
