//! The one task that owns the state: inputs in, records to the journal, effects out, snapshots to the front ends.

use std::sync::Arc;
use std::time::Duration;

use rand::RngCore as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::commit::{Committer, Pending};
use super::handle::{EngineSide, Refused, Reply, Request, Transition};
use super::live::{Live, LiveUpdate};
use super::{publish, translate, world::World};
use crate::journal::JournalError;
use crate::oracle::{Effect, Input, Stamped, State, WishReply, step};
use crate::types::{BlockRef, SafeText, UnixMillis};

/// What reaches the core from the feeds.
#[derive(Debug)]
pub enum Incoming {
    /// One input.
    Input(Input),
    /// Events of the chain, to be made durable together with the cursor.
    Batch(Vec<Input>, BlockRef),
    /// Something to show.
    Live(LiveUpdate),
    /// A critical task ended; the engine ends with it.
    Fatal(SafeText),
}

/// Why the engine ended.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A critical part died. Nothing limps on.
    #[error("{0}")]
    Fatal(SafeText),
    /// The journal can not be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record of the journal is not understood.
    #[error("journal record {seq} is not understood by this version: {problem}")]
    Record {
        /// Its number.
        seq: u64,
        /// The parser's words.
        problem: String,
    },
}

/// A snapshot is built at most this often.
const PUBLISH_EVERY: Duration = Duration::from_millis(40);
/// The core looks at its clock this often.
const TICK: Duration = Duration::from_millis(500);
/// A journal that could not be written is tried again this often.
const JOURNAL_RETRY: Duration = Duration::from_secs(1);
/// Effects that hand something to the world are waited for this long at a shutdown.
const DRAIN: Duration = Duration::from_secs(10);

/// What comes after a while in which the journal could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    TryAgain,
    End,
}

pub(super) struct Core<W> {
    state: State,
    live: Live,
    committer: Committer,
    world: Arc<W>,
    side: EngineSide,
    incoming: mpsc::Receiver<Incoming>,
    tasks: JoinSet<Input>,
    /// Not durable yet: while this is not empty no input is taken and no effect starts.
    pending: Pending,
    replies: Vec<(oneshot::Sender<Reply>, Reply)>,
    unwritable: Option<SafeText>,
    revision: u64,
    dirty: bool,
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
            pending: Pending::default(),
            replies: Vec::new(),
            unwritable: None,
            revision: 0,
            dirty: true,
        }
    }

    /// Runs until a front end asks for the end, every front end is gone, or a critical part dies.
    pub(super) async fn run_from(mut self, first: Input) -> Result<(), EngineError> {
        self.step(first);
        self.run().await
    }

    async fn run(mut self) -> Result<(), EngineError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut published = Instant::now() - PUBLISH_EVERY;
        loop {
            if !self.flush() {
                self.publish();
                if self.hold().await == Hold::End {
                    return Ok(());
                }
                continue;
            }
            let publish_at = published + PUBLISH_EVERY;
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(publish_at), if self.dirty => {
                    self.publish();
                    published = Instant::now();
                }
                request = self.side.requests.recv() => match request {
                    Some((Request::Shutdown, reply)) => {
                        self.drain(Some(reply)).await;
                        return Ok(());
                    }
                    Some((request, reply)) => self.wish(request, reply),
                    None => {
                        self.drain(None).await;
                        return Ok(());
                    }
                },
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => match done {
                    Ok(input) => drop(self.step(input)),
                    Err(error) => self.lane_died(&error),
                },
                incoming = self.incoming.recv() => match incoming {
                    Some(Incoming::Input(input)) => drop(self.step(input)),
                    Some(Incoming::Batch(inputs, cursor)) => {
                        for input in inputs {
                            self.step(input);
                        }
                        self.pending.cursor = Some(cursor);
                    }
                    Some(Incoming::Live(update)) => {
                        self.live.update(UnixMillis::now(), update);
                        self.dirty = true;
                    }
                    Some(Incoming::Fatal(reason)) => return self.fail(reason).await,
                    None => return self.fail(SafeText::new("every feed of the engine has ended")).await,
                },
                _ = tick.tick() => drop(self.step(Input::Tick)),
            }
        }
    }

    /// Until the journal is tried again: no input is taken, and whoever asks for something is told so at once.
    async fn hold(&mut self) -> Hold {
        let again = tokio::time::sleep(JOURNAL_RETRY);
        tokio::pin!(again);
        loop {
            tokio::select! {
                () = &mut again => return Hold::TryAgain,
                request = self.side.requests.recv() => match request {
                    Some((Request::Shutdown, reply)) => {
                        self.drain(Some(reply)).await;
                        return Hold::End;
                    }
                    Some((_, reply)) => {
                        let words = SafeText::new("the journal can not be written: nothing is taken up until it can");
                        let _ = reply.send(Err(Refused::Unavailable(words)));
                    }
                    None => {
                        self.drain(None).await;
                        return Hold::End;
                    }
                },
            }
        }
    }

    /// Hands one input to the decision core, with the time and fresh entropy, and keeps what it gives until that is
    /// durable. The answer is there for wishes only.
    fn step(&mut self, input: Input) -> WishReply {
        let at = UnixMillis::now();
        let mut entropy = [0; 24];
        rand::rngs::OsRng.fill_bytes(&mut entropy);
        let quiet = matches!(input, Input::Tick);
        let (output, answer) = step(&mut self.state, Stamped { at, entropy, input });
        self.dirty |= !quiet || !output.records.is_empty();
        self.pending.at = at;
        self.pending.records.extend(output.records);
        self.pending.effects.extend(output.effects);
        answer
    }

    fn wish(&mut self, request: Request, reply: oneshot::Sender<Reply>) {
        let Some((by, wish)) = translate::wish(request) else {
            return;
        };
        let answer = self.step(Input::Wish { by, wish });
        if let Some(answer) = answer {
            // told only once it is durable: an approval that is not in the journal was not made
            self.replies.push((reply, translate::reply(answer)));
        }
    }

    /// Makes everything pending durable, then starts its effects. `false` while the journal can not be written.
    fn flush(&mut self) -> bool {
        if !self.pending.is_empty() {
            let first = match self.committer.commit(&self.pending) {
                Ok(first) => first,
                Err(error) => {
                    let words = SafeText::new(&error.to_string());
                    if self.unwritable.as_ref() != Some(&words) {
                        tracing::error!(target: "engine", %error, "journal not written; nothing leaves this machine");
                    }
                    self.unwritable = Some(words);
                    for (reply, _) in self.replies.drain(..) {
                        let words = SafeText::new(
                            "the journal can not be written; this takes effect only once it can",
                        );
                        let _ = reply.send(Err(Refused::Unavailable(words)));
                    }
                    return false;
                }
            };
            if self.unwritable.take().is_some() {
                tracing::info!(target: "engine", "the journal is written again; everything goes on");
            }
            let pending = std::mem::take(&mut self.pending);
            self.announce(first, &pending);
            for effect in pending.effects {
                self.start(effect);
            }
        }
        for (reply, answer) in self.replies.drain(..) {
            let _ = reply.send(answer);
        }
        true
    }

    fn announce(&mut self, first: u64, pending: &Pending) {
        for (seq, record) in (first..).zip(&pending.records) {
            let transition = Transition {
                at: pending.at,
                record: seq,
                case: translate::case_of(record, &self.state),
                kind: record.kind(),
                text: record.sentence(),
            };
            tracing::info!(target: "engine", record = seq, kind = record.kind(), "{}", transition.text);
            // nobody listening is no error
            let _ = self.side.transitions.send(transition);
        }
    }

    fn start(&mut self, effect: Effect) {
        let answer = Arc::clone(&self.world).perform(effect);
        self.tasks.spawn(answer);
    }

    /// An effect's task panicked. What it did is unknown, so it is not repeated before a restart; the rest goes on.
    fn lane_died(&mut self, error: &tokio::task::JoinError) {
        let words = SafeText::new(&format!(
            "a task of the engine died and is not repeated before a restart: {error}"
        ));
        tracing::error!(target: "engine", "{words}");
        self.live
            .update(UnixMillis::now(), LiveUpdate::Alarm("lane", words.clone()));
        self.pending.at = UnixMillis::now();
        self.pending.records.push(crate::oracle::Record::Note {
            case: None,
            text: words,
        });
        self.dirty = true;
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
        );
        self.side.snapshots.send_replace(Arc::new(snapshot));
    }

    /// Lets what is being handed to the world finish, within a deadline. Whatever is cut off is journaled, and taken
    /// up at the next start.
    async fn drain(&mut self, reply: Option<oneshot::Sender<Reply>>) {
        let deadline = Instant::now() + DRAIN;
        while translate::must_drain(&self.state) && Instant::now() < deadline {
            match tokio::time::timeout_at(deadline, self.tasks.join_next()).await {
                Ok(Some(Ok(input))) => {
                    self.step(input);
                    // records only: no new effect starts any more
                    self.pending.effects.clear();
                    if !self.flush() {
                        break;
                    }
                }
                Ok(Some(Err(_))) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.publish();
        if let Some(reply) = reply {
            let message = SafeText::new("stopped; everything that was begun is in the journal");
            let _ = reply.send(Ok(super::handle::Accepted { message }));
        }
    }

    async fn fail(&mut self, reason: SafeText) -> Result<(), EngineError> {
        tracing::error!(target: "engine", "{reason}");
        self.live
            .update(UnixMillis::now(), LiveUpdate::Alarm("fatal", reason.clone()));
        self.drain(None).await;
        Err(EngineError::Fatal(reason))
    }
}
