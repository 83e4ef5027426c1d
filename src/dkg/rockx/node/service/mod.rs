//! What the node does with a message that arrives: checks who it is from, finds or starts its session, and answers at
//! once. The answer says that the message was stored, not what became of it.

mod agree;
mod around;
mod claims;
pub(crate) use claims::ONE_AT_A_TIME;
mod counts;
mod early;
mod outbox;
mod refusal;
mod room;
mod runner;
mod settle;
mod start;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::directory::Directory;
use super::policy::Policy;
use super::session::{Authentic, Identity, Peers, Session};
use super::store::{Ending, KeyShare, Store, StoreError};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::seen::{Seen, Sight};
use crate::dkg::rockx::wire::{Decode, MsgType, SSV_DKG, SignedMessage, SsvMessage};
use crate::listen::Client;
use crate::log_limit::LogLimit;
use crate::monitor::Pulse;
use crate::types::{BlsPublicKey, OperatorId, RequestId, SafeText};

pub(super) use agree::Indices;
pub(super) use around::Lost;
use claims::{Claim, Claims};
pub(super) use counts::Counts;
use early::EarlyMessages;
pub(super) use outbox::Messenger;
pub(super) use refusal::Refused;
use room::{MAX_SESSIONS, Starter, Starts};
use runner::{End, Hands, QUEUE, Runner};

static POSTS: LogLimit = LogLimit::usual();

/// The running sessions' side that takes messages.
struct Running {
    peers: Peers,
    inbox: mpsc::Sender<Authentic>,
    starter: Starter,
    begun: Instant,
    /// Another operator has said something.
    heard: bool,
    seen: Seen,
    /// Turns true when it must make room.
    displaced: watch::Sender<bool>,
}

impl Running {
    /// Hands its session a message of somebody who takes part, once.
    fn take(&mut self, message: Authentic, me: OperatorId) -> Result<Taken, Refused> {
        let (signer, root) = (message.signer(), message.root());
        if !self.peers.contains_key(&signer) {
            return Err(Refused::NotMember(signer));
        }
        match self.seen.look(signer, &root) {
            Sight::New => {}
            Sight::Known => return Ok(Taken::Known),
            Sight::TooMany => return Err(Refused::Busy),
        }
        self.inbox.try_send(message).map_err(|_| Refused::Busy)?;
        self.heard |= signer != me;
        self.seen.note(signer, root);
        Ok(Taken::Signed)
    }
}

/// What a message was that the node took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// An operator of a ceremony that runs here, or a configured initiator, has signed it.
    Signed,
    /// An operator has signed it, and it is kept until its ceremony starts here: which may be one of others, whose messages
    /// anybody may have overheard and brought.
    Early,
    /// Anybody may have sent it.
    Unsigned,
    /// It is here already, or its ceremony is over: anybody who heard it may have sent it again.
    Known,
}

#[derive(Default)]
struct Table {
    running: HashMap<RequestId, Running>,
    /// The store is being asked whether they may run.
    starting: HashSet<RequestId>,
    early: EarlyMessages,
    starts: Starts,
    /// Ended here in this or an earlier life, and not forgotten.
    over: HashSet<RequestId>,
    tasks: JoinSet<()>,
}

/// What the node agrees to; a person may change it while the node runs.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) policy: Policy,
    /// Parsed keys of the policy's initiators; `None`: anybody may start.
    pub(super) initiators: Option<Vec<(SafeText, OperatorPublicKey)>>,
    /// Whom they ask.
    pub(super) indices: Indices,
}

/// A node without its HTTP server.
pub(super) struct Service {
    me: Identity,
    directory: Directory,
    rules: watch::Receiver<Arc<Rules>>,
    /// Finding out what a refused root is takes a while: one at a time.
    looking: Arc<Semaphore>,
    store: Arc<Store>,
    messenger: Messenger,
    round_timeout: Duration,
    table: Mutex<Table>,
    reshares: Claims,
    /// A run has ended without this node seeing whether it completed.
    unsettled_ended: Notify,
    stop: watch::Receiver<bool>,
    counts: Counts,
    pulse: Pulse,
}

pub(super) struct ServiceParts {
    pub(super) me: Identity,
    pub(super) directory: Directory,
    pub(super) rules: watch::Receiver<Arc<Rules>>,
    pub(super) store: Store,
    pub(super) messenger: Messenger,
    pub(super) round_timeout: Duration,
    pub(super) stop: watch::Receiver<bool>,
}

impl Service {
    pub(super) fn new(parts: ServiceParts) -> Result<Self, StoreError> {
        let table = Table {
            over: parts.store.known()?.into_iter().collect(),
            ..Table::default()
        };
        Ok(Self {
            me: parts.me,
            directory: parts.directory,
            rules: parts.rules,
            looking: Arc::new(Semaphore::new(1)),
            store: Arc::new(parts.store),
            messenger: parts.messenger,
            round_timeout: parts.round_timeout,
            table: Mutex::new(table),
            reshares: Claims::default(),
            unsettled_ended: Notify::new(),
            stop: parts.stop,
            counts: Counts::default(),
            pulse: Pulse::begun(),
        })
    }

    /// As they are now.
    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.borrow())
    }

    /// Takes the body of `POST /consume`.
    pub(super) async fn consume(self: &Arc<Self>, body: &[u8], client: Client) -> Result<Taken, Refused> {
        let taken = self.take(body, client).await;
        self.counts.message(taken.is_ok());
        taken
    }

    /// What was counted since the start.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Ceremonies that run, and how many may.
    pub(super) fn running(&self) -> (usize, usize) {
        (self.table().running.len(), MAX_SESSIONS)
    }

    async fn take(self: &Arc<Self>, body: &[u8], client: Client) -> Result<Taken, Refused> {
        let ssv = SsvMessage::decode(body).map_err(|e| Refused::Envelope(e.to_string()))?;
        if ssv.msg_type != SSV_DKG {
            return Err(Refused::NotDkg(ssv.msg_type));
        }
        let signed = SignedMessage::from_json(&ssv.data).map_err(|e| Refused::Json(e.to_string()))?;
        let Some(message) = &signed.message else {
            return Err(Refused::Json("no message".into()));
        };
        let ceremony = message.identifier;
        match message.msg_type {
            MsgType::Init | MsgType::Reshare | MsgType::KeySign => self.start(signed, client).await,
            MsgType::Protocol | MsgType::DepositData | MsgType::Output => self.deliver(ceremony, signed),
            MsgType::Other(_) => Err(Refused::UnknownType),
        }
    }

    /// A message between operators: to its session, or kept until the session starts.
    fn deliver(&self, ceremony: RequestId, signed: SignedMessage) -> Result<Taken, Refused> {
        let signer = signed.signer;
        let known = {
            let table = self.table();
            match table.running.get(&ceremony) {
                Some(running) => match running.peers.get(&signer) {
                    Some(key) => Some(key.clone()),
                    None => return Err(Refused::NotMember(signer)),
                },
                // RockX's nodes send timeouts for ten minutes after success; refused, each would block a queue for 18 s
                None if table.over.contains(&ceremony) => return Ok(Taken::Known),
                None => None,
            }
        };
        // a stranger's message must not make this node ask anybody
        let key = known
            .or_else(|| self.directory.known(signer))
            .ok_or(Refused::NoSession)?;
        let message = Authentic::check(signed, &key).ok_or(Refused::Signature)?;

        let mut table = self.table();
        if let Some(running) = table.running.get_mut(&ceremony) {
            return running.take(message, self.me.id);
        }
        if table.over.contains(&ceremony) || table.early.knows(&message) {
            return Ok(Taken::Known);
        }
        match table.early.keep(message, Instant::now()) {
            true => Ok(Taken::Early),
            false => Err(Refused::NoSession),
        }
    }

    /// Makes the session known, hands it what came early, and sets it to work. The claim is held until it is over.
    fn launch(
        self: &Arc<Self>,
        ceremony: RequestId,
        peers: &Peers,
        session: Box<dyn Session>,
        claim: Option<Claim>,
        starter: Starter,
    ) {
        let (to_session, inbox) = mpsc::channel(QUEUE);
        let (to_outbox, posts) = mpsc::channel(runner::POSTS);
        let runner = Runner {
            session,
            hands: Hands {
                ceremony,
                outbox: to_outbox,
                store: self.store.clone(),
            },
            inbox,
            round_timeout: self.round_timeout,
            stop: self.stop.clone(),
        };
        let mut table = self.table();
        let mut running = Running {
            peers: peers.clone(),
            inbox: to_session,
            starter,
            begun: Instant::now(),
            heard: false,
            seen: Seen::default(),
            displaced: watch::Sender::new(false),
        };
        for message in table.early.take(ceremony) {
            // more than fits is more than a ceremony has
            if peers.contains_key(&message.signer()) && running.take(message, self.me.id).is_err() {
                tracing::warn!(target: "casimir_dkg::node", %ceremony, "early message dropped");
            }
        }
        let displaced = told(running.displaced.subscribe());
        let given_up = told(running.displaced.subscribe());
        table.running.insert(ceremony, running);
        while table.tasks.try_join_next().is_some() {}
        let this = self.clone();
        let deliver = self
            .messenger
            .clone()
            .deliver(ceremony, posts, self.round_timeout);
        table.tasks.spawn(async move {
            let work = async {
                let end = tokio::select! {
                    end = runner.run() => end,
                    () = displaced => Some(this.displaced(ceremony).await),
                };
                drop(claim);
                this.retire(ceremony, end).await;
            };
            let mut stop = this.stop.clone();
            let delivery = async {
                tokio::select! {
                    result = deliver => result,
                    _ = stop.wait_for(|stop| *stop) => Ok(()),
                    () = given_up => Ok(()),
                }
            };
            let ((), delivered) = tokio::join!(work, delivery);
            note_delivery(ceremony, delivered);
        });
    }

    /// A ceremony in which nobody else ever spoke made room for another one.
    async fn displaced(&self, ceremony: RequestId) -> End {
        let reason = SafeText::new("no other operator took part, and its place was needed");
        let (ending, words) = (Ending::Failed, reason.clone());
        let written = self.with_store(move |store| store.finish(ceremony, ending, &words));
        if let Err(error) = written.await {
            tracing::error!(target: "casimir_dkg::node", %ceremony, %error, "its end could not be stored");
        }
        End::Other(ending, reason)
    }

    async fn retire(&self, ceremony: RequestId, end: Option<End>) {
        let was_alone = {
            let mut table = self.table();
            table.over.insert(ceremony);
            // whoever was off the list before had to make room, because nobody else spoke
            let running = table.running.remove(&ceremony);
            running.is_none_or(|running| !running.heard)
        };
        if was_alone && let Err(error) = self.with_store(move |store| store.ended_alone(ceremony)).await {
            tracing::error!(target: "casimir_dkg::node", %ceremony, %error, "that nobody else took part could not be stored");
        }
        self.counts.ended(match &end {
            Some(End::Complete) => counts::SessionEnd::Complete,
            Some(End::Other(..)) => counts::SessionEnd::Failed,
            None => counts::SessionEnd::Aborted,
        });
        match end {
            Some(End::Complete) => {
                tracing::info!(target: "casimir_dkg::node", %ceremony, "ceremony complete");
            }
            Some(End::Other(ending, reason)) => {
                let ending = ending.as_str();
                tracing::warn!(target: "casimir_dkg::node", %ceremony, ending, %reason, "ceremony ended");
                self.unsettled_ended.notify_one();
            }
            None => {
                tracing::warn!(target: "casimir_dkg::node", %ceremony, "ceremony aborted: the node stops")
            }
        }
    }

    /// The share that this node would sign with.
    pub(super) async fn key(&self, validator: BlsPublicKey) -> Result<Option<KeyShare>, Refused> {
        self.with_store(move |store| store.key(validator)).await
    }

    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .map_err(|_| Refused::Stopping)?
            .map_err(|e| Refused::Store(e.to_string()))
    }

    /// Waits until every session has noticed that the node stops.
    pub(super) async fn drain(&self) {
        let mut tasks = std::mem::take(&mut self.table().tasks);
        while tasks.join_next().await.is_some() {}
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // the table is consistent between statements: a panic elsewhere does not spoil it
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note_delivery(ceremony: RequestId, delivered: Result<(), SafeText>) {
    if let Err(error) = delivered
        && let Some(left_out) = POSTS.line()
    {
        tracing::error!(target: "casimir_dkg::node", %ceremony, %error, left_out, "gave up posting to the messenger");
    }
}

/// Until it is told so; for ever when nobody can tell it any more.
async fn told(mut displaced: watch::Receiver<bool>) {
    if displaced.wait_for(|displaced| *displaced).await.is_err() {
        std::future::pending::<()>().await;
    }
}
