//! The one task that owns the state: inputs in, records to the journal, effects out, snapshots to the front ends.

mod durable;
mod end;

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand::RngCore as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use super::commit::{Committer, Pending};
use super::handle::{EngineSide, Identity, ToEngine};
use super::live::{Live, LiveUpdate};
use super::signatures::Here;
use super::state_cache::{Behind, CachedState};
use super::{publish, transition, translate, world::World};
use crate::inject;
use crate::journal::{Anchor, JournalError};
use crate::lane;
use crate::log_limit::LogLimit;
use crate::oracle::{CommandReply, Effect, Input, Policy, Record, Stamped, State, step, violated};
use crate::types::{BlockRef, SafeText, Severity, UnixMillis, counted};
use crate::view::{Accepted, Listing, Query, Refused, Reply, Request, Transition};

use durable::{Flushed, write_cached};

pub(super) use durable::sum_of;

/// Lines about events beyond the head, which an endpoint may tell at each poll.
static BEYOND: LogLimit = LogLimit::slow();

/// What reaches the core from the feeds.
#[derive(Debug)]
pub enum Incoming {
    Input(Input),
    /// Events of the chain, and the block up to which these are all of them: both become durable together.
    Batch(Vec<Input>, BlockRef),
    /// Rules that a person changed in their file.
    Rules(Policy),
    /// Something to show.
    Live(LiveUpdate),
    /// A critical task ended; the engine ends with it.
    Fatal(SafeText),
}

/// What waits for its turn: what is shown, and what ends the engine, never does.
#[derive(Debug)]
enum Held {
    Input(Input),
    Batch(Vec<Input>, BlockRef),
    Rules(Policy),
}

/// Why the engine ended.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A critical part died. Nothing limps on.
    #[error("{0}")]
    Fatal(SafeText),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It is the journal of another chain or manager.
    #[error("{path} {problem}")]
    Foreign {
        path: PathBuf,
        /// Whose it is, and the way out.
        problem: SafeText,
    },
    /// A record of the journal is not understood, and to leave it out would be to guess.
    #[error("journal record {seq} is not understood by this version: {problem}")]
    Record {
        /// Its number.
        seq: u64,
        problem: String,
    },
    /// Nobody waits for it any more.
    #[error("stopped")]
    Stopped,
    /// What was kept for quick starts is not what the records say.
    #[error(
        "{path} is not what the records of the journal say; it was removed, nothing was done on its word, and the next \
         start reads everything"
    )]
    CachedState { path: PathBuf },
    /// A write to the journal failed so that nobody knows what the file holds now.
    #[error(
        "{0}; what the file holds cannot be believed by this process any more, so it ends: the next start reads and \
         verifies it"
    )]
    JournalLost(JournalError),
}

/// A snapshot is built at most this often.
const PUBLISH_EVERY: Duration = Duration::from_millis(40);
/// The core looks at its clock this often.
const TICK: Duration = Duration::from_millis(500);
/// A journal that could not be written is tried again this often.
const JOURNAL_RETRY: Duration = Duration::from_secs(1);
/// Where nothing is recorded, the journal's file is looked at this often.
const LOOK: Duration = Duration::from_secs(2);
/// So much is taken from front ends before something else has its turn: any number of them ask without a pause.
const ASKS: usize = 16;
/// So much waits for the verification behind the start; then the feeds wait.
const HELD: usize = 1_024;

/// The end of the verification behind the start; never, where there is none.
async fn ended(behind: &mut Option<Behind>) -> Result<(), EngineError> {
    let Some(behind) = behind else {
        return std::future::pending().await;
    };
    behind.ended().await.unwrap_or_else(|error| {
        let words = format!(
            "the verification of the journal died: {}",
            lane::last_words(error)
        );
        Err(EngineError::Fatal(SafeText::new(&words)))
    })
}

pub(super) struct Core<W> {
    state: State,
    live: Live,
    committer: Committer,
    world: Arc<W>,
    side: EngineSide,
    incoming: mpsc::Receiver<Incoming>,
    tasks: JoinSet<Input>,
    /// By task, so that one that dies still says what it was to do.
    effects: HashMap<task::Id, Effect>,
    /// Not durable yet: while this is not empty no input is taken and no effect starts.
    pending: Pending,
    asked: Option<PendingReply>,
    /// Durable, and told with the next snapshot: whoever is told that it was taken finds it there. All that wait for one
    /// snapshot share it.
    settled: Vec<(oneshot::Sender<Reply>, Reply)>,
    unwritable: Option<SafeText>,
    /// When the journal's file was last seen in its place.
    looked: Instant,
    /// Old records are verified behind the start: no input is taken on the word of what is not.
    behind: Option<Behind>,
    /// What waits for that, at most [`HELD`].
    held: VecDeque<Held>,
    /// The record up to which the state was kept for the next start.
    cached: u64,
    revision: u64,
    dirty: bool,
    /// The start of the monotonic clock that the decision core is told.
    began: Instant,
    /// How many checks were stale at the last input.
    stale: usize,
    /// What the last snapshot leaves for the next one.
    shown: publish::Shown,
    /// Past states that were looked at.
    folds: Arc<publish::Folds>,
}

/// What a person asked for and is told once it is durable. One is asked at a time, and everything before it is durable.
struct PendingReply {
    reply: oneshot::Sender<Reply>,
    answer: Reply,
    /// The state in which it was asked.
    before: Box<State>,
    /// What was asked, and by whom.
    asked: SafeText,
}

impl<W: World> Core<W> {
    pub(super) fn new(
        state: State,
        live: Live,
        committer: Committer,
        world: Arc<W>,
        side: EngineSide,
        incoming: mpsc::Receiver<Incoming>,
    ) -> Self {
        Self {
            state,
            live,
            committer,
            world,
            side,
            incoming,
            tasks: JoinSet::new(),
            effects: HashMap::new(),
            pending: Pending::default(),
            asked: None,
            settled: Vec::new(),
            unwritable: None,
            looked: Instant::now(),
            behind: None,
            held: VecDeque::new(),
            cached: 0,
            revision: 0,
            dirty: true,
            began: Instant::now(),
            stale: 0,
            shown: publish::Shown::default(),
            folds: Arc::default(),
        }
    }

    pub(super) fn with_behind(mut self, behind: Option<Behind>) -> Self {
        self.behind = behind;
        self
    }

    /// With what the first snapshot has left.
    pub(super) fn after(mut self, shown: publish::Shown) -> Self {
        self.shown = shown;
        self
    }

    /// Runs until a front end asks for the end, every front end is gone, or a critical part dies.
    pub(super) async fn run_from(mut self, first: Input) -> Result<(), EngineError> {
        if self.behind.is_some() {
            let words = SafeText::new(
                "the journal is verified behind the start; nothing is taken up before that is done",
            );
            self.live
                .update(UnixMillis::now(), LiveUpdate::Alarm("journal", words));
        }
        self.held.push_back(Held::Input(first));
        let ended = self.run().await;
        if let (Ok(()), Some((cached, path))) = (&ended, self.take_cacheable()) {
            write_cached(&cached, &path);
        }
        ended
    }

    async fn run(&mut self) -> Result<(), EngineError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut published = Instant::now() - PUBLISH_EVERY;
        let mut asks = 0;
        loop {
            match self.flush() {
                Flushed::Durable => {}
                Flushed::Unwritable => {
                    self.side.pulse.beat();
                    self.publish();
                    if let ControlFlow::Break(ended) = self.hold().await {
                        return ended;
                    }
                    continue;
                }
                Flushed::Lost(error) => {
                    self.publish();
                    return Err(EngineError::JournalLost(error));
                }
            }
            let publish_at = published + PUBLISH_EVERY;
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(publish_at), if self.dirty => {
                    self.publish();
                    published = Instant::now();
                }
                asked = self.side.asked.recv(), if asks < ASKS => {
                    asks += 1;
                    match asked {
                        Some(ToEngine::Request { by, request, reply }) => self.command(by, request, reply),
                        Some(ToEngine::Read { query, reply }) => self.read(query, reply),
                        Some(ToEngine::Shutdown { reply }) => return self.drain(Some(reply)).await,
                        None => return self.drain(None).await,
                    }
                    continue;
                }
                verified = ended(&mut self.behind) => {
                    self.behind = None;
                    if let Err(error) = verified {
                        return Err(self.distrust(error).await);
                    }
                    self.show(LiveUpdate::Alarm("journal", SafeText::default()));
                }
                Some(done) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => self.answered(done),
                () = std::future::ready(()), if self.behind.is_none() && !self.held.is_empty() => {
                    self.take_held();
                }
                incoming = self.incoming.recv(), if self.held.len() < HELD => match incoming {
                    Some(Incoming::Live(update)) => self.show(update),
                    Some(Incoming::Fatal(reason)) => return self.fail(reason).await,
                    Some(Incoming::Input(input)) => self.held.push_back(Held::Input(input)),
                    Some(Incoming::Batch(inputs, upto)) => self.held.push_back(Held::Batch(inputs, upto)),
                    Some(Incoming::Rules(policy)) => self.held.push_back(Held::Rules(policy)),
                    None => return self.fail(SafeText::new("every feed of the engine has ended")).await,
                },
                _ = tick.tick() => {
                    self.side.pulse.beat();
                    self.folds.forget_unused(Instant::now());
                    if self.behind.is_none() {
                        self.step(Input::Tick);
                    }
                }
                // nothing else is there
                () = std::future::ready(()), if asks >= ASKS => {}
            }
            asks = 0;
        }
    }

    fn show(&mut self, update: LiveUpdate) {
        let before = self.live.chain.head;
        self.live.update(UnixMillis::now(), update);
        let chain = &self.live.chain;
        if chain.head != before {
            let queue = self.state.facts().ready.len();
            self.live.trends.head_seen(chain.base_fee_wei, queue);
        }
        self.dirty = true;
    }

    /// The next that waited until the journal was verified, or for its turn.
    fn take_held(&mut self) {
        match self.held.pop_front() {
            Some(Held::Input(input)) => drop(self.step(input)),
            Some(Held::Batch(inputs, upto)) => self.told(inputs, upto),
            Some(Held::Rules(policy)) => self.new_rules(policy),
            None => {}
        }
    }

    /// Until the journal is tried again: no input is taken, and whoever asks for something is told so at once.
    async fn hold(&mut self) -> ControlFlow<Result<(), EngineError>> {
        let again = tokio::time::sleep(JOURNAL_RETRY);
        tokio::pin!(again);
        loop {
            tokio::select! {
                () = &mut again => return ControlFlow::Continue(()),
                asked = self.side.asked.recv() => match asked {
                    Some(ToEngine::Request { reply, .. }) => {
                        let words = SafeText::new("the journal cannot be written: nothing is taken up until it can");
                        let _ = reply.send(Err(Refused::Unavailable(words)));
                    }
                    Some(ToEngine::Read { query, reply }) => self.read(query, reply),
                    Some(ToEngine::Shutdown { reply }) => {
                        return ControlFlow::Break(self.drain(Some(reply)).await);
                    }
                    None => return ControlFlow::Break(self.drain(None).await),
                },
            }
        }
    }

    /// Hands one input to the decision core, with the time and fresh entropy, and keeps what it gives until that is
    /// durable. The answer is there for commands only.
    fn step(&mut self, input: Input) -> CommandReply {
        let at = UnixMillis::now();
        let mut entropy = [0; 24];
        rand::rngs::OsRng.fill_bytes(&mut entropy);
        let quiet = matches!(input, Input::Tick);
        let up_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let stamped = Stamped {
            at,
            up_ms,
            entropy,
            input,
        };
        let (output, answer) = step(&mut self.state, stamped);
        // time alone makes checks stale
        let stale = self.state.stale_checks();
        let faded = std::mem::replace(&mut self.stale, stale) != stale;
        self.dirty |= !quiet || faded || !output.records.is_empty();
        let records = output.records.into_iter();
        self.pending.records.extend(records.map(|record| (at, record)));
        self.pending.effects.extend(output.effects);
        answer
    }

    /// Events of the chain, and the block up to which these are all of them.
    fn told(&mut self, inputs: Vec<Input>, upto: BlockRef) {
        let told = !inputs.is_empty();
        for input in inputs {
            self.step(input);
        }
        let head = self.live.chain.head.map_or(0, |head| head.number);
        if upto.number <= head {
            self.step(Input::EventsRead { upto, told });
        } else {
            // an endpoint answers beyond what is called the head: read again from where it was believed
            if let Some(left_out) = BEYOND.line() {
                tracing::warn!(target: "engine", upto = upto.number, head, left_out, "events were told beyond the head");
            }
        }
    }

    /// Decisions that were made stand; from here on these rules decide, and the journal says so.
    fn new_rules(&mut self, policy: Policy) {
        let suspended = policy.suspended.as_ref();
        let alarm = suspended.map(|why| SafeText::new(&format!("no rule decides any more: {why}")));
        let rules = counted(policy.rules.len(), "rule");
        let read = || SafeText::new(&format!("the policy was read anew: {rules}"));
        let words = alarm.clone().unwrap_or_else(read);
        self.show(LiveUpdate::Alarm("rules", alarm.unwrap_or_default()));
        self.state.rule_by(policy);
        self.note(words);
    }

    /// Records what is about no case, and what no step of the decision core tells.
    fn note(&mut self, text: SafeText) {
        let at = UnixMillis::now();
        let record = Record::Note { case: None, text };
        self.state.apply(self.state.newest + 1, at, &record);
        self.pending.records.push((at, record));
        self.dirty = true;
    }

    fn command(&mut self, by: Identity, request: Request, reply: oneshot::Sender<Reply>) {
        if self.behind.is_some() {
            let words =
                SafeText::new("the journal is being verified: nothing is taken up before that is done");
            return drop(reply.send(Err(Refused::Unavailable(words))));
        }
        let here = Here {
            policy: &self.state.settings.policy,
            network: &self.live.network,
            account: self.live.signer.address,
        };
        let what = request.to_string();
        let command = match translate::command(request, self.live.backend.capabilities(), &here) {
            Ok(command) => command,
            Err(refused) => return drop(reply.send(Err(refused))),
        };
        let by = by.into_asker();
        let asked = SafeText::new(&format!("{what}, asked by {by}"));
        let before = Box::new(self.state.clone());
        let answer = self.step(Input::Command { by, command });
        if let Some(answer) = answer {
            // told only once it is durable: an approval that is not in the journal was not made
            let answer = translate::reply(answer);
            self.asked = Some(PendingReply {
                reply,
                answer,
                before,
                asked,
            });
        }
    }

    /// What left memory is read beside this task: it takes as long as the disk. Whoever asked may have gone meanwhile.
    fn read(&self, query: Query, reply: oneshot::Sender<Result<Listing, Refused>>) {
        match publish::read(&self.state, &self.live, query) {
            publish::Read::Here(answer) => drop(reply.send(answer)),
            publish::Read::There(older) => {
                let path = self.committer.journal().path().to_owned();
                let folds = self.folds.clone();
                task::spawn_blocking(move || drop(reply.send(older.read(&path, &folds))));
            }
        }
    }

    fn start(&mut self, effect: Effect) {
        let defect = violated(&self.state, &effect);
        assert!(
            defect.is_none(),
            "a defect, and nothing left: {}",
            defect.unwrap_or_default()
        );
        let name = effect.name();
        let answer = Arc::clone(&self.world).perform(effect.clone());
        let task = self.tasks.spawn(lane::supervised(async move {
            let input = answer.await;
            // done, and nobody will know
            inject::panic_at(name);
            input
        }));
        self.effects.insert(task.id(), effect);
    }

    /// An effect has answered, or its task died: then the core is told so, and the rest goes on.
    fn answered(&mut self, done: Result<(task::Id, Input), JoinError>) {
        if let Some(input) = self.answer_of(done) {
            self.step(input);
        }
    }

    fn answer_of(&mut self, done: Result<(task::Id, Input), JoinError>) -> Option<Input> {
        let error = match done {
            Ok((id, input)) => {
                self.effects.remove(&id);
                return Some(input);
            }
            Err(error) => error,
        };
        let effect = self.effects.remove(&error.id())?;
        let words = lane::last_words(error);
        let (name, case) = (effect.name(), effect.case());
        tracing::error!(target: "engine", %case, "a task died at the {name}: {words}");
        let alarm = format!("a part of this program died at the {name} for {case}: {words}");
        self.live.update(
            UnixMillis::now(),
            LiveUpdate::Alarm("lane", SafeText::new(&alarm)),
        );
        Some(Input::Died {
            effect: Box::new(effect),
            words,
        })
    }

    fn publish(&mut self) {
        self.revision += 1;
        self.dirty = false;
        let snapshot = publish::snapshot(
            &self.state,
            &self.live,
            self.committer.journal(),
            self.unwritable.as_ref(),
            self.revision,
            &mut self.shown,
        );
        self.side.snapshots.send_replace(Arc::new(snapshot));
        for (reply, answer) in self.settled.drain(..) {
            let _ = reply.send(answer);
        }
    }
}
