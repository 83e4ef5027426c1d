//! Event intake: every event of the manager (and of SSV for the manager's clusters), each once, in order, from a
//! configured block on, through restarts, reorgs and nodes that refuse, lag or leave things out.
//!
//! Finalized blocks are read in long ranges. Above them each block's header is read, its parent compared, and its logs
//! must name the very block; so a reorg cannot slip through between two questions. What was told and does not stand
//! any more is told again as [`ChainEvent::Removed`].
//!
//! A log is a hint, and an endpoint is a voice: the manager's events are told once their receipts say the same (see
//! `receipts`), and taken back when nobody has their block any more (see `branch`). Where one is denied, or cannot be read,
//! it may stand in the place of a true one, so the others are asked what they have there (see `elsewhere`).
//!
//! A log may name a pool, or an operator, or only a number: which pools it means is asked once it is believed, at its own
//! block, and it is told once for each. What cannot be told yet is kept, as what is not believed is (see `doubts`).
//!
//! A batch and its cursor belong together: who stores both in one go never loses an event and never takes one twice.

mod branch;
mod doubts;
mod elsewhere;
mod follow;
mod receipts;
mod reorg;
mod run;
mod wake;

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Finality;
use super::omission::CompareError;
use super::rpc::{HeadVerdict, LogEntry, LogFilter, Rpc, RpcError};
use crate::http::Http;
use crate::ports::{Answer, ManagerEvent, PoolEvent, PoolManager, Ssv, SsvEvent, Unknown};
use crate::types::{BlockRef, LogRef, RedactedUrl, SafeText};

/// What to follow, and how.
#[derive(Debug, Clone)]
pub struct IntakeConfig {
    /// First block of interest: the manager's deployment.
    pub start_block: u64,
    /// When blocks count as final.
    pub finality: Finality,
    /// Time between two looks at the head.
    pub poll_interval: Duration,
    /// How far back a reorg is followed block by block, and how far is read again where that does not reach.
    pub max_reorg_depth: u64,
    /// WebSocket endpoint whose new heads make the intake look at once; never believed beyond that.
    pub socket: Option<RedactedUrl>,
    /// The way out for that socket.
    pub http: Http,
}

impl IntakeConfig {
    /// From `start_block` on, by the `finalized` tag, looking every 4 seconds; straight to the socket, without a proxy.
    #[must_use]
    pub fn new(start_block: u64) -> Self {
        Self {
            start_block,
            finality: Finality::Tag,
            poll_interval: Duration::from_secs(4),
            max_reorg_depth: 128,
            socket: None,
            http: Http::direct(),
        }
    }
}

/// What was stored of an earlier run.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// The cursor of the newest stored batch.
    pub cursor: Option<BlockRef>,
    /// Events that were told and might still be dropped: those above the newest known final block, at least.
    pub known: Vec<LocatedEvent>,
}

/// An event, whosever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum ObservedEvent {
    /// A request, or a report that one was served.
    Manager(PoolEvent),
    /// SSV's, for a cluster of the manager.
    Ssv(SsvEvent),
}

/// An event and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocatedEvent {
    /// Block, transaction, log index.
    pub at: LogRef,
    pub event: ObservedEvent,
}

/// One step of the chain's history as told here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum ChainEvent {
    /// It stands in the chain.
    Added(LocatedEvent),
    /// It does not stand there any more: its block was dropped.
    Removed(LocatedEvent),
}

/// Events, and the block up to which everything is told once they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// In order; removals first, newest first.
    pub events: Vec<ChainEvent>,
    /// To be stored together with the events.
    pub cursor: BlockRef,
}

/// The chain's tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub block: BlockRef,
    /// Its time, seconds since the Unix epoch.
    pub timestamp: u64,
    /// Its base fee, wei for each gas.
    pub base_fee_wei: Option<alloy::primitives::U256>,
    /// The newest final block.
    pub finalized: Option<BlockRef>,
}

/// The wake-up socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketState {
    /// Hears of new heads.
    Connected,
    /// Down; the poller goes on alone.
    Down(SafeText),
}

/// What the intake tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntakeEvent {
    /// Events; store them with the cursor.
    Batch(Batch),
    /// The tip moved.
    Head(Head),
    /// Everything up to the head of this look is told.
    CaughtUp,
    /// Reading old blocks: at this one, up to that one.
    CatchingUp {
        /// Done up to here.
        at: u64,
        /// The head when this look began.
        target: u64,
    },
    /// What was told up to the first block does not stand any more, and the chain ends in the second one.
    Reorganised { from: BlockRef, to: BlockRef },
    /// It does not get on at the moment, and why. Said once for each reason; `CaughtUp` ends it.
    Trouble(SafeText),
    /// Not even the newest block can be asked for: no endpoint answers, and why. Said as `Trouble` is.
    NoConnection(SafeText),
    /// Events that are not told, because too few endpoints have their receipts, because they contradict each other, because
    /// they cannot be read, or because nobody tells which pools are meant, in words; empty when there are none (any more).
    Doubts(SafeText),
    /// The heads of the endpoints are far apart, and what is known of it, in words; empty when they are not (any more).
    Apart(SafeText),
    /// The wake-up socket came or went.
    Socket(SocketState),
}

/// Follows the chain. [`Intake::step`] looks once, [`Intake::run`] goes on for ever.
#[derive(Debug)]
pub struct Intake {
    rpc: Rpc,
    sources: EventSources,
    config: IntakeConfig,
    /// What to ask for; none before the manager has told it.
    filter: Option<LogFilter>,
    /// Everything up to this block is told.
    cursor: Option<BlockRef>,
    /// The newest blocks up to the cursor, ascending, to find where a branch left.
    window: VecDeque<BlockRef>,
    /// Events told that may still be dropped: of each log what it told, which is of several pools where it names none.
    known: BTreeMap<LogRef, Vec<ObservedEvent>>,
    /// Events that are not believed yet.
    doubts: doubts::Doubts,
    head: Option<Head>,
    /// What was said of heads that are far apart.
    apart: Option<HeadVerdict>,
}

/// Why one look did not get through. What it told before stands.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IntakeError {
    /// No endpoint answers one of the questions of this look.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// No endpoint tells the newest block.
    #[error(transparent)]
    NoConnection(RpcError),
    /// The chain moved between two questions; the next look sees it whole.
    #[error("the chain changed while it was read, at block {0}")]
    Moved(u64),
    /// A node knows of a head, but not of a block below it.
    #[error("no endpoint has block {0}")]
    NoBlock(u64),
    /// Nobody tells which contracts belong to the manager.
    #[error("which contracts to listen to is not known: {0}")]
    Watched(Unknown),
    /// The endpoints have different branches, each told by too few.
    #[error("the endpoints contradict each other: {0}")]
    Contested(SafeText),
    /// No endpoint tells what is final. What was told rests on the newest block that was known to be.
    #[error("what is final is not known: {0}")]
    Finality(Unknown),
    /// Nobody listens any more.
    #[error("the receiver is gone")]
    Closed,
}

impl From<CompareError> for IntakeError {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Rpc(error) => Self::Rpc(error),
            CompareError::Moved(number) => Self::Moved(number),
        }
    }
}

/// Whose events are followed.
#[derive(Debug, Clone)]
pub struct EventSources {
    /// Names the events to ask for, and reads them.
    pub manager: Arc<dyn PoolManager>,
    /// SSV, to hear of the manager's clusters too.
    pub ssv: Option<Arc<dyn Ssv>>,
}

impl EventSources {
    async fn filter(&self) -> Result<LogFilter, Unknown> {
        let watched = self.manager.watched().await.value()?;
        let mut addresses: Vec<_> = watched.iter().map(|event| event.contract).collect();
        let mut topics: Vec<_> = watched.iter().map(|event| event.topic).collect();
        if let Some(ssv) = &self.ssv {
            addresses.push(ssv.network());
            topics.extend(ssv.topics());
        }
        addresses.sort_unstable();
        addresses.dedup();
        Ok(LogFilter {
            addresses,
            topics: vec![topics],
        })
    }

    /// The filter cannot ask for SSV's owner without losing the manager's events, which have no such topic: so SSV's
    /// events of other owners come too, and are left out here.
    async fn decode(&self, logs: Vec<LogEntry>) -> Vec<Heard> {
        let mut heard = Vec::new();
        for log in logs {
            let read = log.log();
            let event = match self.manager.event(&read).await {
                Answer::Yes(event) => Some(Decoded::Manager(event)),
                Answer::NotKnown(why) => Some(Decoded::Unreadable(Writer::Manager, why)),
                Answer::No(_) => self.ssv.as_ref().and_then(|ssv| match ssv.event(&read) {
                    Answer::Yes(event) => Some(Decoded::Ssv(event)),
                    Answer::NotKnown(why) => Some(Decoded::Unreadable(Writer::Ssv, why)),
                    Answer::No(_) => None,
                }),
            };
            let at = log.at();
            heard.extend(event.map(|event| Heard { at, event, log }));
        }
        heard
    }

    /// What an event tells of each pool that it means.
    async fn observed(&self, at: LogRef, event: &Decoded) -> Answer<Vec<ObservedEvent>> {
        match event {
            Decoded::Ssv(event) => Answer::Yes(vec![ObservedEvent::Ssv(event.clone())]),
            Decoded::Unreadable(_, why) => Answer::NotKnown(why.clone()),
            Decoded::Manager(event) => match self.manager.meant(*event, at.block).await {
                Answer::No(_) => Answer::Yes(Vec::new()),
                meant => meant.map(|pools| {
                    let of = |pool| ObservedEvent::Manager(event.of(pool));
                    pools.into_iter().map(of).collect()
                }),
            },
        }
    }
}

/// A log as it was heard, and what it says by itself.
#[derive(Debug)]
struct Heard {
    at: LogRef,
    event: Decoded,
    log: LogEntry,
}

#[derive(Debug)]
enum Decoded {
    Manager(ManagerEvent),
    Ssv(SsvEvent),
    /// One that is listened for and says nothing, and why.
    Unreadable(Writer, Unknown),
}

/// Whose log it is by its address: the setting by which it would be read differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Manager,
    Ssv,
}

/// A log that is believed, and what it tells: of several pools, or of none.
#[derive(Debug)]
struct BelievedLog {
    at: LogRef,
    events: Vec<ObservedEvent>,
}

impl Intake {
    /// From where `resume` ended, or from the configured block.
    #[must_use]
    pub fn new(rpc: Rpc, sources: EventSources, config: IntakeConfig, resume: Resume) -> Self {
        Self {
            rpc,
            filter: None,
            sources,
            config,
            window: resume.cursor.into_iter().collect(),
            cursor: resume.cursor,
            known: by_log(resume.known),
            doubts: doubts::Doubts::default(),
            head: None,
            apart: None,
        }
    }

    fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// What to ask for, which the manager is asked once.
    async fn filter(&mut self) -> Result<LogFilter, IntakeError> {
        if let Some(filter) = &self.filter {
            return Ok(filter.clone());
        }
        let filter = self.sources.filter().await.map_err(IntakeError::Watched)?;
        self.filter = Some(filter.clone());
        Ok(filter)
    }

    /// From now on it can be taken back.
    fn tell_known(&mut self, told: BelievedLog) -> impl Iterator<Item = ChainEvent> + use<> {
        let BelievedLog { at, events } = told;
        self.known.insert(at, events.clone());
        events
            .into_iter()
            .map(move |event| ChainEvent::Added(LocatedEvent { at, event }))
    }
}

fn by_log(events: Vec<LocatedEvent>) -> BTreeMap<LogRef, Vec<ObservedEvent>> {
    let mut known: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for LocatedEvent { at, event } in events {
        known.entry(at).or_default().push(event);
    }
    known
}
