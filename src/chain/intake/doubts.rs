//! Events that are not believed yet, that cannot be read, or of which nobody tells as yet which pools they mean: they are
//! kept, said, and asked about again.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::follow::tell;
use super::receipts::{Belief, judge};
use super::{Decoded, EventSources, Heard, Intake, IntakeError, IntakeEvent, Told, Writer};
use crate::chain::rpc::{EndpointIndex, Rpc};
use crate::ports::PoolEventKind;
use crate::types::{BlockRef, LogRef, SafeText};

/// Doubts that are kept. An endpoint that invents logs without end pushes out its own.
const KEPT: usize = 64;
/// Receipts asked for at the same time.
const AT_ONCE: usize = 8;
/// What cannot be read is met again after a restart for so many blocks, a week of 12 s each; afterwards it is not held any
/// more, so that no start reads a history again for ever.
const HELD: u64 = 50_400;
/// First pause before the endpoints are asked again; doubles up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));

#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) heard: Heard,
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

impl Doubt {
    /// Met for the first time; `before`: the cursor then.
    pub(super) fn of(heard: Heard, teller: EndpointIndex, why: Why, before: Option<BlockRef>) -> Self {
        Self {
            heard,
            teller,
            said: !matches!(why, Why::Unconfirmed(_)),
            why,
            before,
            ask_at: Instant::now() + PAUSE.0,
            pause: PAUSE.0,
        }
    }

    /// It stays for this reason, and is asked about again after its pause.
    pub(super) fn because(self, why: Why) -> Self {
        let ask_at = Instant::now() + self.pause;
        Self {
            why,
            said: true,
            ask_at,
            ..self
        }
    }

    pub(super) fn teller(&self) -> EndpointIndex {
        self.teller
    }

    pub(super) fn before(&self) -> Option<BlockRef> {
        self.before
    }
}

/// What keeps an event from being told, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// The endpoints contradict each other.
    Contested(SafeText),
    /// Too few have it.
    Unconfirmed(SafeText),
    /// It is believed, and nobody tells which pools it means.
    Unresolved(SafeText),
    /// Its receipt says the same, and this version of the contract has no such event.
    Unreadable(Writer, SafeText),
}

impl Why {
    /// What holds it while the others are asked what they have there.
    fn denied() -> Self {
        Self::Contested(SafeText::default())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contested(words) | Self::Unconfirmed(words) => write!(f, "is not believed: {words}"),
            Self::Unresolved(words) => {
                write!(f, "opens nothing yet, which pools it means is not known: {words}")
            }
            Self::Unreadable(Writer::Manager, words) => write!(
                f,
                "cannot be read, and opens nothing: {words}; see by its transaction what it asks for, and whether \
                 contract.adapter is the version that is deployed"
            ),
            Self::Unreadable(Writer::Ssv, words) => write!(
                f,
                "cannot be read, and what it changed at SSV is not told: {words}; see whether contract.cluster_layout \
                 is that of the deployed SSV"
            ),
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
    /// The cursor before the oldest that is held was met, `upto` being the last block that was read.
    pub(super) fn before_oldest(&self, upto: u64) -> Option<BlockRef> {
        let is_held = |d: &&Doubt| {
            let is_unreadable = matches!(d.heard.event, Decoded::Unreadable(..));
            !is_unreadable || d.heard.at.block.number.saturating_add(HELD) > upto
        };
        let held = self.open.iter().filter(is_held);
        held.min_by_key(|d| d.heard.at.block.number)?.before
    }

    /// Of this place the truth is known.
    pub(super) fn settle(&mut self, at: LogRef) {
        self.open.retain(|d| d.heard.at != at);
    }

    pub(super) fn holds(&self, at: LogRef) -> bool {
        self.open.iter().any(|d| d.heard.at == at)
    }

    /// Blocks above this one are read again.
    pub(super) fn drop_above(&mut self, number: u64) {
        self.open.retain(|d| d.heard.at.block.number <= number);
    }

    pub(super) fn keep(&mut self, doubt: Doubt) {
        if self.holds(doubt.heard.at) {
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
            Decoded::Unreadable(Writer::Manager, _) => "a log of the manager".to_owned(),
            Decoded::Unreadable(Writer::Ssv, _) => "a log of SSV".to_owned(),
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
    /// Those of the manager's events that their receipts confirm; SSV's decide nothing here, unless they cannot be read. A request for a deposit
    /// that nobody denies is told as well: the contract's state alone decides about it.
    pub(super) async fn believed(&mut self, standing: Vec<Heard>, teller: EndpointIndex) -> Vec<Told> {
        let (rpc, sources) = (self.rpc().clone(), self.sources.clone());
        let mut asked = Vec::new();
        for heard in standing {
            asked.push(judged(&rpc, &sources, heard, teller, is_in_state));
        }
        let judged = futures_util::stream::iter(asked).buffered(AT_ONCE);
        let judged: Vec<_> = judged.collect().await;
        let (mut believed, mut denied) = (Vec::new(), Vec::new());
        for (heard, verdict) in judged {
            match verdict {
                Verdict::Told(told) => believed.push(told),
                Verdict::Denied => denied.push(Doubt::of(heard, teller, Why::denied(), self.cursor)),
                Verdict::NotYet(why) => {
                    tracing::warn!(target: "chain", %why, "a log is not told yet");
                    self.doubts.keep(Doubt::of(heard, teller, why, self.cursor));
                }
            }
        }
        self.read_elsewhere(denied, &mut believed).await;
        believed
    }

    /// Asks once more about what is doubted, and says what is.
    pub(super) async fn ask_again(&mut self, out: &Sender<IntakeEvent>) -> Result<(), IntakeError> {
        let now = Instant::now();
        let open = std::mem::take(&mut self.doubts.open);
        let (due, mut open): (Vec<_>, Vec<_>) = open.into_iter().partition(|d| d.ask_at <= now);
        let (rpc, sources) = (self.rpc().clone(), self.sources.clone());
        let (mut believed, mut denied) = (Vec::new(), Vec::new());
        for doubt in due {
            let (heard, verdict) = judged(&rpc, &sources, doubt.heard, doubt.teller, |_| false).await;
            match verdict {
                Verdict::Denied => denied.push(Doubt {
                    heard,
                    why: Why::denied(),
                    pause: (doubt.pause * 2).min(PAUSE.1),
                    ..doubt
                }),
                Verdict::Told(told) => believed.push(told),
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
        self.doubts.open = open;
        self.read_elsewhere(denied, &mut believed).await;
        let doubts = &mut self.doubts.open;
        doubts.sort_by_key(|d| (d.heard.at.block.number, d.heard.at.index));
        let mut events = Vec::new();
        for told in believed {
            events.extend(self.tell_known(told));
        }
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

pub(super) enum Verdict {
    Told(Told),
    Denied,
    NotYet(Why),
}

/// Whether an event is believed, and which pools it means. `needs_no_receipt`: it is, unless somebody denies it.
pub(super) async fn judged(
    rpc: &Rpc,
    sources: &EventSources,
    heard: Heard,
    teller: EndpointIndex,
    needs_no_receipt: fn(&Decoded) -> bool,
) -> (Heard, Verdict) {
    let belief = match heard.event {
        Decoded::Manager(_) | Decoded::Unreadable(..) => judge(rpc, &heard.log, teller).await,
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
        Err(why) => {
            let words = why.words();
            Verdict::NotYet(match heard.event {
                Decoded::Unreadable(writer, _) => {
                    let transaction = at.transaction;
                    let place = format!(
                        "{words}, in block {} by transaction {transaction}",
                        at.block.number
                    );
                    Why::Unreadable(writer, SafeText::new(&place))
                }
                _ => Why::Unresolved(words.clone()),
            })
        }
    };
    (heard, verdict)
}

/// What the contract's state tells whether there is a log of it or not.
pub(super) fn is_in_state(event: &Decoded) -> bool {
    matches!(event, Decoded::Manager(event) if event.kind == PoolEventKind::DepositRequested)
}
