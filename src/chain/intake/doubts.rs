//! Events that are not believed yet, that cannot be read, or of which nobody tells as yet which pools they mean: they are
//! kept, said, and asked about again.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::follow::tell;
use super::receipts::{Belief, judge};
use super::{BelievedLog, Decoded, EventSources, Heard, Intake, IntakeError, IntakeEvent, Writer};
use crate::chain::rpc::{EndpointIndex, Rpc};
use crate::log_limit::LogLimit;
use crate::ports::PoolEventKind;
use crate::types::{BlockRef, LogRef, SafeText};

/// Lines about logs that are doubted: one endpoint can invent as many as it likes.
static DOUBTED: LogLimit = LogLimit::slow();

/// Doubts that are kept. An endpoint that invents logs without end pushes out its own: the newest of whoever told the most.
const KEPT: usize = 64;
/// Receipts asked for at the same time.
const AT_ONCE: usize = 8;
/// What cannot be read, or was put off, is met again after a restart for so many blocks, a week of 12 s each; afterwards it
/// is not held any more, so that no start reads a history again for ever.
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
    put_off: Option<PutOff>,
    told: SafeText,
}

/// Doubts that there was no room for: a restart meets them again.
#[derive(Debug)]
struct PutOff {
    /// The lowest block of one.
    block: u64,
    /// The cursor before that one was met.
    before: Option<BlockRef>,
    /// Who told the last of them.
    teller: EndpointIndex,
}

impl Doubts {
    /// The cursor before the oldest that is held was met, `upto` being the last block that was read.
    pub(super) fn before_oldest(&self, upto: u64) -> Option<BlockRef> {
        let is_held = |d: &&Doubt| {
            let is_unreadable = matches!(d.heard.event, Decoded::Unreadable(..));
            !is_unreadable || d.heard.at.block.number.saturating_add(HELD) > upto
        };
        let held = self.open.iter().filter(is_held);
        let held = held.map(|d| (d.heard.at.block.number, d.before));
        let put_off = self.put_off.as_ref().map(|off| (off.block, off.before));
        let put_off = put_off.filter(|(block, _)| block.saturating_add(HELD) > upto);
        held.chain(put_off).min_by_key(|(block, _)| *block)?.1
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
        self.put_off.take_if(|off| off.block > number);
    }

    pub(super) fn keep(&mut self, doubt: Doubt) {
        if self.holds(doubt.heard.at) {
            return;
        }
        self.open.push(doubt);
        if self.open.len() > KEPT {
            self.put_off();
        }
    }

    /// The newest of the endpoint that told the most makes room: one that invents logs without end pushes out none that
    /// another told, and what is kept of its own is the oldest, before which the cursor stays.
    fn put_off(&mut self) {
        let told_by = |teller| self.open.iter().filter(|d| d.teller == teller).count();
        let rank = |d: &Doubt| (told_by(d.teller), d.heard.at.block.number, d.heard.at.index);
        let last = (0..self.open.len()).max_by_key(|n| rank(&self.open[*n]));
        let Some(doubt) = last.map(|n| self.open.remove(n)) else {
            return;
        };
        let block = doubt.heard.at.block.number;
        if let Some(left_out) = DOUBTED.line() {
            tracing::error!(target: "chain", block, why = %doubt.why, left_out, "a doubtful log is put off until a restart, too many are open");
        }
        match &mut self.put_off {
            Some(off) if off.block <= block => off.teller = doubt.teller,
            off => {
                *off = Some(PutOff {
                    block,
                    before: doubt.before,
                    teller: doubt.teller,
                });
            }
        }
    }

    /// What is said of them; `name` names an endpoint.
    fn words(&self, name: impl Fn(EndpointIndex) -> String) -> SafeText {
        let what = |event: &Decoded| match event {
            Decoded::Manager(event) => event.to_string(),
            Decoded::Ssv(_) => "an event of SSV".to_owned(),
            Decoded::Unreadable(Writer::Manager, _) => "a log of the manager".to_owned(),
            Decoded::Unreadable(Writer::Ssv, _) => "a log of SSV".to_owned(),
        };
        let said: Vec<_> = self.open.iter().filter(|doubt| doubt.said).collect();
        let put_off = self.put_off.as_ref().map(|off| {
            format!(
                "too many logs of {} are doubtful: those from block {} on that there is no room for are read again after a \
                 restart",
                name(off.teller),
                off.block
            )
        });
        match said.as_slice() {
            [] => SafeText::new(&put_off.unwrap_or_default()),
            [first, rest @ ..] => {
                let more = match rest.len() {
                    0 => String::new(),
                    n => format!("; and {n} more"),
                };
                let (event, why) = (what(&first.heard.event), &first.why);
                let put_off = put_off.map_or_else(String::new, |words| format!("; {words}"));
                SafeText::new(&format!("\u{ab}{event}\u{bb} {why}{more}{put_off}"))
            }
        }
    }
}

impl Intake {
    /// Those of the manager's events that their receipts confirm; SSV's decide nothing here, unless they cannot be read. A request for a deposit
    /// that nobody denies is told as well: the contract's state alone decides about it.
    pub(super) async fn believed(&mut self, standing: Vec<Heard>, teller: EndpointIndex) -> Vec<BelievedLog> {
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
                Verdict::Believed(told) => believed.push(told),
                Verdict::Denied => denied.push(Doubt::of(heard, teller, Why::denied(), self.cursor)),
                Verdict::NotYet(why) => {
                    if let Some(left_out) = DOUBTED.line() {
                        tracing::warn!(target: "chain", %why, left_out, "a log is not told yet");
                    }
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
                Verdict::Believed(told) => believed.push(told),
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
        let voices = self.rpc().voices();
        let name = |teller: EndpointIndex| {
            let voice = voices.get(teller.position());
            voice.map_or_else(String::new, |(_, name, _)| name.to_string())
        };
        let words = self.doubts.words(name);
        if words != self.doubts.told {
            self.doubts.told = words.clone();
            tell(out, IntakeEvent::Doubts(words)).await?;
        }
        Ok(())
    }
}

pub(super) enum Verdict {
    Believed(BelievedLog),
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
        Ok(events) => Verdict::Believed(BelievedLog { at, events }),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::rpc::LogEntry;
    use crate::ports::Unknown;
    use crate::types::Root;

    fn log(block: u64, index: u64) -> LogEntry {
        let word = |byte: u64| format!("0x{}", format!("{byte:02x}").repeat(32));
        serde_json::from_value(serde_json::json!({
            "address": format!("0x{}", "07".repeat(20)),
            "topics": [],
            "data": "0x",
            "blockNumber": format!("0x{block:x}"),
            "blockHash": word(block % 256),
            "transactionHash": word(1),
            "logIndex": format!("0x{index:x}"),
        }))
        .unwrap()
    }

    fn doubt(teller: EndpointIndex, block: u64, index: u64) -> Doubt {
        let log = log(block, index);
        let heard = Heard {
            at: log.at(),
            event: Decoded::Unreadable(Writer::Manager, Unknown::because("nobody knows")),
            log,
        };
        let before = BlockRef {
            number: block - 1,
            hash: Root::default(),
        };
        let why = Why::Contested(SafeText::new("another denies it"));
        Doubt::of(heard, teller, why, Some(before))
    }

    fn tellers() -> (EndpointIndex, EndpointIndex) {
        use crate::chain::rpc::{Rpc, RpcConfig};
        use crate::types::RedactedUrl;
        let urls = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map(RedactedUrl::new);
        let rpc = Rpc::new(RpcConfig::new(urls.to_vec(), 1)).unwrap();
        let voices = rpc.voices();
        (voices[0].0, voices[1].0)
    }

    /// A denies what B tells, and tells lies without end: none of them pushes out B's, and the cursor stays before it.
    #[test]
    fn an_endpoint_that_invents_logs_pushes_out_its_own() {
        let (liar, honest) = tellers();
        let mut doubts = Doubts::default();
        doubts.keep(doubt(honest, 100, 3));
        let say = |doubts: &mut Doubts, from: u64| {
            for n in 0..200 {
                doubts.keep(doubt(liar, from + n, 0));
            }
        };
        say(&mut doubts, 101);
        assert_eq!(doubts.open.len(), KEPT);
        assert!(doubts.holds(log(100, 3).at()));
        assert_eq!(doubts.before_oldest(400).unwrap().number, 99);
        assert!(doubts.holds(log(101, 0).at()) && !doubts.holds(log(300, 0).at()));
        // B's comes last as well
        let mut late = Doubts::default();
        say(&mut late, 1);
        late.keep(doubt(honest, 500, 3));
        assert!(late.holds(log(500, 3).at()));
        // whatever is settled of the others, what was put off is read again after a restart, and said
        let first = doubts.put_off.as_ref().unwrap().block;
        doubts.open.clear();
        assert_eq!(doubts.before_oldest(400).unwrap().number, first - 1);
        let words = doubts.words(|teller| format!("endpoint {}", teller.position()));
        let says = format!("too many logs of endpoint 0 are doubtful: those from block {first} on");
        assert!(words.as_str().starts_with(&says), "{words}");
        assert_eq!(doubts.before_oldest(first + HELD), None, "not for ever");
        doubts.drop_above(first - 1);
        assert_eq!(doubts.before_oldest(400), None);
        assert_eq!(doubts.words(|_| String::new()), SafeText::default());
    }
}
