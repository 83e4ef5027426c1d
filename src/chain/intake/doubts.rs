//! Events that are not believed yet, or of which nobody tells as yet which pools they mean: they are kept, said, and asked
//! about again.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::follow::tell;
use super::receipts::{Belief, judge};
use super::{Decoded, EventSources, Heard, Intake, IntakeError, IntakeEvent, Told};
use crate::chain::rpc::{EndpointIndex, Rpc};
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
    heard: Heard,
    teller: EndpointIndex,
    why: Why,
    /// It is told to people: endpoints contradict each other, or the second time that too few confirm it, or that nobody
    /// tells which pools it means.
    said: bool,
    /// The cursor before it was met.
    before: Option<BlockRef>,
    ask_at: Instant,
    pause: Duration,
}

/// What keeps an event from being told, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// The endpoints contradict each other.
    Contested(SafeText),
    /// Too few have it.
    Unconfirmed(SafeText),
    /// It is believed, and nobody tells which pools it means.
    Unresolved(SafeText),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contested(words) | Self::Unconfirmed(words) => write!(f, "is not believed: {words}"),
            Self::Unresolved(words) => {
                write!(f, "opens nothing yet, which pools it means is not known: {words}")
            }
        }
    }
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
        let oldest = self.open.iter().min_by_key(|d| d.heard.at.block.number)?;
        oldest.before
    }

    /// Blocks above this one are read again.
    pub(super) fn drop_above(&mut self, number: u64) {
        self.open.retain(|d| d.heard.at.block.number <= number);
    }

    fn keep(&mut self, doubt: Doubt) {
        if self.open.iter().any(|d| d.heard.at == doubt.heard.at) {
            return;
        }
        if self.open.len() >= KEPT {
            let dropped = self.open.remove(0);
            tracing::error!(target: "chain", why = %dropped.why, "a doubtful log is given up, too many came after it");
        }
        self.open.push(doubt);
    }

    fn words(&self) -> SafeText {
        let what = |event: &Decoded| match event {
            Decoded::Manager(event) => event.to_string(),
            Decoded::Ssv(_) => "an event of SSV".to_owned(),
        };
        let said: Vec<_> = self.open.iter().filter(|doubt| doubt.said).collect();
        match said.as_slice() {
            [] => SafeText::default(),
            [first, rest @ ..] => {
                let more = match rest.len() {
                    0 => String::new(),
                    n => format!("; and {n} more"),
                };
                let (event, why) = (what(&first.heard.event), &first.why);
                SafeText::new(&format!("\u{ab}{event}\u{bb} {why}{more}"))
            }
        }
    }
}

impl Intake {
    /// Those of the manager's events that their receipts confirm; SSV's decide nothing here. A request for a deposit
    /// that nobody denies is told as well: the contract's state alone decides about it.
    pub(super) async fn believed(&mut self, standing: Vec<Heard>, teller: EndpointIndex) -> Vec<Told> {
        let (rpc, sources) = (self.rpc().clone(), self.sources.clone());
        let mut asked = Vec::new();
        for heard in standing {
            asked.push(judged(&rpc, &sources, heard, teller, is_in_state));
        }
        let judged = futures_util::stream::iter(asked).buffered(AT_ONCE);
        let judged: Vec<_> = judged.collect().await;
        let mut believed = Vec::new();
        for (heard, verdict) in judged {
            match verdict {
                Verdict::Told(told) => believed.push(told),
                Verdict::Denied => {}
                Verdict::NotYet(why) => {
                    tracing::warn!(target: "chain", %why, "a log is not told yet");
                    self.doubts.keep(Doubt {
                        heard,
                        teller,
                        said: !matches!(why, Why::Unconfirmed(_)),
                        why,
                        before: self.cursor,
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
        let (rpc, sources) = (self.rpc().clone(), self.sources.clone());
        let mut events = Vec::new();
        for doubt in due {
            let (heard, verdict) = judged(&rpc, &sources, doubt.heard, doubt.teller, |_| false).await;
            match verdict {
                Verdict::Denied => {}
                Verdict::Told(told) => events.extend(self.tell_known(told)),
                Verdict::NotYet(why) => {
                    let pause = (doubt.pause * 2).min(PAUSE.1);
                    open.push(Doubt {
                        heard,
                        why,
                        said: true,
                        pause,
                        ask_at: Instant::now() + pause,
                        ..doubt
                    });
                }
            }
        }
        open.sort_by_key(|d| (d.heard.at.block.number, d.heard.at.index));
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

enum Verdict {
    Told(Told),
    Denied,
    NotYet(Why),
}

/// Whether an event is believed, and which pools it means. `needs_no_receipt`: it is, unless somebody denies it.
async fn judged(
    rpc: &Rpc,
    sources: &EventSources,
    heard: Heard,
    teller: EndpointIndex,
    needs_no_receipt: fn(&Decoded) -> bool,
) -> (Heard, Verdict) {
    let belief = match heard.event {
        Decoded::Manager(_) => judge(rpc, &heard.log, teller).await,
        Decoded::Ssv(_) => Belief::Believed,
    };
    let kept = match belief {
        Belief::Believed => None,
        Belief::Denied => return (heard, Verdict::Denied),
        Belief::Unconfirmed(_) if needs_no_receipt(&heard.event) => None,
        Belief::Contested(words) => Some(Why::Contested(words)),
        Belief::Unconfirmed(words) => Some(Why::Unconfirmed(words)),
    };
    if let Some(why) = kept {
        return (heard, Verdict::NotYet(why));
    }
    let at = heard.at;
    let verdict = match sources.observed(at, &heard.event).await.value() {
        Ok(events) => Verdict::Told(Told { at, events }),
        Err(why) => Verdict::NotYet(Why::Unresolved(why.words().clone())),
    };
    (heard, verdict)
}

/// What the contract's state tells whether there is a log of it or not.
fn is_in_state(event: &Decoded) -> bool {
    matches!(event, Decoded::Manager(event) if event.kind == PoolEventKind::DepositRequested)
}
