//! The one place where engine and front ends meet: state by `watch`, history by `broadcast`, and what is asked by `mpsc`
//! with a reply.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::monitor::Pulse;
use crate::oracle::Asker;
use crate::types::{SafeText, in_words};
use crate::view::{Listing, Query, Refused, Reply, Request, Snapshot, Transition};

/// Who sits at a seat: it goes into the journal with whatever is decided there. Whoever opens the seat says who it is;
/// no request does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: SafeText,
    uid: Option<u32>,
    login: Option<u32>,
}

impl Identity {
    /// Somebody of whom nothing but a name is known.
    pub fn new(name: impl Into<SafeText>) -> Self {
        Self {
            name: name.into(),
            uid: None,
            login: None,
        }
    }

    /// A user of this machine, as the system says: two seats of one user are one person.
    pub fn of_user(name: impl Into<SafeText>, uid: u32) -> Self {
        Self {
            uid: Some(uid),
            ..Self::new(name)
        }
    }

    /// Who logged in on this machine and became that user, where the system knows: whoever became two users is one person.
    #[must_use]
    pub fn logged_in(self, login: Option<u32>) -> Self {
        Self { login, ..self }
    }

    /// As the journal names it.
    #[must_use]
    pub fn name(&self) -> &SafeText {
        &self.name
    }

    /// The user of this machine, where the system said who it is.
    #[must_use]
    pub fn uid(&self) -> Option<u32> {
        self.uid
    }

    /// The user who logged in and became that one, where the system said so.
    #[must_use]
    pub fn login(&self) -> Option<u32> {
        self.login
    }

    pub(super) fn into_asker(self) -> Asker {
        let Self { name, uid, login } = self;
        Asker { name, uid, login }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// The engine is gone; it will not answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine has stopped")]
pub struct EngineGone;

impl From<EngineGone> for Refused {
    fn from(gone: EngineGone) -> Self {
        Self::Unavailable(SafeText::new(&gone.to_string()))
    }
}

/// An engine answers a request within the time of a write to its disk: one that takes longer hangs.
const TIMEOUT: Duration = Duration::from_secs(15);
/// What left memory is read from the journal, which may be long.
const READING: Duration = Duration::from_secs(60);

/// No answer to what reached the engine, or may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// The engine or the way to it is gone.
    Gone,
    /// It is silent for so long.
    Silent(Duration),
}

impl Lost {
    fn words(self) -> SafeText {
        match self {
            Self::Gone => SafeText::new("the engine, or the link to it, was gone before it answered"),
            Self::Silent(patience) => {
                let patience = in_words(patience);
                SafeText::new(&format!("the engine has not answered within {patience}"))
            }
        }
    }
}

async fn answer_of<T>(
    answer: oneshot::Receiver<Result<T, Refused>>,
    patience: Duration,
    lost: impl FnOnce(SafeText) -> Refused,
) -> Result<T, Refused> {
    match timeout(patience, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(lost(Lost::Gone.words())),
        Err(_) => Err(lost(Lost::Silent(patience).words())),
    }
}

/// What reaches the engine from front ends.
#[derive(Debug)]
pub enum ToEngine {
    /// Somebody asks for something.
    Request {
        by: Identity,
        request: Request,
        /// Takes the answer.
        reply: oneshot::Sender<Reply>,
    },
    /// A front end reads beyond the snapshot.
    Read {
        query: Query,
        /// Takes the rows.
        reply: oneshot::Sender<Result<Listing, Refused>>,
    },
    /// The process that owns the engine ends: what must not be interrupted is finished first.
    Shutdown {
        /// Takes the answer, once the engine has stopped.
        reply: oneshot::Sender<Reply>,
    },
}

/// The side of the process that owns the engine. It gives seats, and it alone can stop the engine.
#[derive(Debug)]
pub struct EngineHandle {
    /// The newest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What happened, as it happens; a slow reader is told how much it missed.
    pub transitions: broadcast::Receiver<Transition>,
    /// Whether it still goes around.
    pub pulse: Arc<Pulse>,
    asks: mpsc::Sender<ToEngine>,
}

impl Clone for EngineHandle {
    fn clone(&self) -> Self {
        Self {
            snapshots: self.snapshots.clone(),
            transitions: self.transitions.resubscribe(),
            pulse: Arc::clone(&self.pulse),
            asks: self.asks.clone(),
        }
    }
}

impl EngineHandle {
    /// A seat for somebody.
    #[must_use]
    pub fn seat(&self, identity: Identity) -> Seat {
        Seat {
            snapshots: self.snapshots.clone(),
            transitions: self.transitions.resubscribe(),
            identity,
            asks: self.asks.clone(),
            patience: TIMEOUT,
        }
    }

    /// Has the engine finish what must not be interrupted and stop; waits until it has.
    ///
    /// # Errors
    /// It is gone already.
    pub async fn shutdown(&self) -> Reply {
        self.asks_for_shutdown()
            .await?
            .await
            .map_err(|_| Refused::from(EngineGone))?
    }

    /// The same without waiting: the answer comes through the receiver.
    ///
    /// # Errors
    /// The engine is gone or its queue of 64 requests is full.
    pub fn try_shutdown(&self) -> Result<oneshot::Receiver<Reply>, EngineGone> {
        let (reply, answer) = oneshot::channel();
        let asked = ToEngine::Shutdown { reply };
        self.asks.try_send(asked).map_err(|_| EngineGone)?;
        Ok(answer)
    }

    async fn asks_for_shutdown(&self) -> Result<oneshot::Receiver<Reply>, EngineGone> {
        let (reply, answer) = oneshot::channel();
        let asked = ToEngine::Shutdown { reply };
        self.asks.send(asked).await.map_err(|_| EngineGone)?;
        Ok(answer)
    }
}

/// A front end's side: it sees everything, and asks in somebody's name.
#[derive(Debug)]
pub struct Seat {
    /// The newest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What happened, as it happens; a slow reader is told how much it missed.
    pub transitions: broadcast::Receiver<Transition>,
    identity: Identity,
    asks: mpsc::Sender<ToEngine>,
    /// How long a request may stay without an answer.
    patience: Duration,
}

impl Clone for Seat {
    fn clone(&self) -> Self {
        Self {
            snapshots: self.snapshots.clone(),
            transitions: self.transitions.resubscribe(),
            identity: self.identity.clone(),
            asks: self.asks.clone(),
            patience: self.patience,
        }
    }
}

impl Seat {
    /// Who sits here.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Sends a request and waits for the engine's answer, 15 s at most.
    ///
    /// # Errors
    /// Why it is refused; or that nobody knows whether it was taken, where it was sent and no answer came.
    pub async fn request(&self, request: Request) -> Reply {
        let (reply, answer) = oneshot::channel();
        let by = self.identity.clone();
        self.asks(ToEngine::Request { by, request, reply }).await?;
        answer_of(answer, self.patience, Refused::NotKnown).await
    }

    /// Sends a request without waiting: the answer comes as that of [`Self::request`].
    ///
    /// # Errors
    /// The engine is gone or its queue of 64 requests is full: it was not sent.
    pub fn try_request(
        &self,
        request: Request,
    ) -> Result<impl Future<Output = Reply> + Send + use<>, EngineGone> {
        let (reply, answer) = oneshot::channel();
        let by = self.identity.clone();
        let asked = ToEngine::Request { by, request, reply };
        self.asks.try_send(asked).map_err(|_| EngineGone)?;
        Ok(answer_of(answer, self.patience, Refused::NotKnown))
    }

    /// Reads beyond the snapshot and waits for the rows, a minute at most.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn read(&self, query: Query) -> Result<Listing, Refused> {
        let (reply, answer) = oneshot::channel();
        self.asks(ToEngine::Read { query, reply }).await?;
        answer_of(answer, READING, Refused::Unavailable).await
    }

    /// Reads without waiting: the rows come as those of [`Self::read`].
    ///
    /// # Errors
    /// The engine is gone or its queue of 64 requests is full.
    pub fn try_read(
        &self,
        query: Query,
    ) -> Result<impl Future<Output = Result<Listing, Refused>> + Send + use<>, EngineGone> {
        let (reply, answer) = oneshot::channel();
        let asked = ToEngine::Read { query, reply };
        self.asks.try_send(asked).map_err(|_| EngineGone)?;
        Ok(answer_of(answer, READING, Refused::Unavailable))
    }

    /// What finds no place in the queue in time was not sent, and is not later.
    async fn asks(&self, asked: ToEngine) -> Result<(), Refused> {
        match timeout(self.patience, self.asks.send(asked)).await {
            Ok(sent) => sent.map_err(|_| EngineGone.into()),
            Err(_) => {
                let patience = in_words(self.patience);
                let words = format!("not sent: the engine has taken nothing for {patience}");
                Err(Refused::Unavailable(SafeText::new(&words)))
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// The engine's side. Also what a test or a scripted demonstration uses to feed a front end.
#[derive(Debug)]
pub struct EngineSide {
    /// Publishes snapshots.
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    /// Publishes transitions.
    pub transitions: broadcast::Sender<Transition>,
    /// Says that it still goes around.
    pub pulse: Arc<Pulse>,
    /// What is asked, with the way to answer it.
    pub asked: mpsc::Receiver<ToEngine>,
}

/// Both sides, connected. `first` is the snapshot until the engine publishes one.
#[must_use]
pub fn channel(first: Snapshot) -> (EngineSide, EngineHandle) {
    let (snapshots, snapshots_rx) = watch::channel(Arc::new(first));
    let (transitions, transitions_rx) = broadcast::channel(1_024);
    let (asks, asked) = mpsc::channel(64);
    let pulse = Arc::<Pulse>::default();
    pulse.beat();
    let handle = EngineHandle {
        snapshots: snapshots_rx,
        transitions: transitions_rx,
        pulse: Arc::clone(&pulse),
        asks,
    };
    (
        EngineSide {
            snapshots,
            transitions,
            pulse,
            asked,
        },
        handle,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture::busy;
    use crate::view::{Accepted, Scope};

    const PAUSE: Request = Request::Pause { scope: Scope::All };
    const SHORT: Duration = Duration::from_millis(50);

    fn seat() -> (EngineSide, Seat) {
        let (side, handle) = channel(busy());
        (side, handle.seat(Identity::new("ada")))
    }

    /// The pause may stand in the journal by then.
    #[tokio::test]
    async fn an_answer_that_is_lost_is_no_refusal() {
        let (mut side, seat) = seat();
        let waits = seat.try_request(PAUSE).unwrap();
        let asked = tokio::spawn(async move { seat.request(PAUSE).await });
        drop(side.asked.recv().await.unwrap());
        drop(side.asked.recv().await.unwrap());
        drop(side);
        for lost in [asked.await.unwrap(), waits.await] {
            let Err(lost @ Refused::NotKnown(_)) = lost else {
                panic!("{lost:?}")
            };
            let words = lost.in_full();
            assert!(
                words.starts_with("not known whether it was taken: look at `status` (")
                    && !words.contains("refused"),
                "{words}"
            );
        }
    }

    #[tokio::test]
    async fn what_never_left_is_refused() {
        let (side, seat) = seat();
        drop(side);
        let gone: Refused = EngineGone.into();
        assert_eq!(seat.request(PAUSE).await, Err(gone.clone()));
        assert_eq!(gone.in_full(), "refused: the engine has stopped");
        assert_eq!(seat.try_request(PAUSE).err(), Some(EngineGone));
    }

    #[tokio::test]
    async fn an_engine_that_hangs_is_waited_for_no_longer_than_it_may_take() {
        let (mut side, seat) = seat();
        let seat = seat.with_patience(SHORT);
        let silent = seat.request(PAUSE).await;
        assert!(
            matches!(&silent, Err(Refused::NotKnown(why)) if why.as_str().contains("not answered within")),
            "{silent:?}"
        );
        let silent = seat.try_request(PAUSE).unwrap().await;
        assert!(matches!(silent, Err(Refused::NotKnown(_))), "{silent:?}");
        // and where it takes nothing either, nothing was sent
        while seat.try_request(PAUSE).is_ok() {}
        let full = seat.request(PAUSE).await;
        assert!(
            matches!(&full, Err(Refused::Unavailable(why)) if why.as_str().contains("not sent")),
            "{full:?}"
        );
        // what was given up is not sent later
        for _ in 0..64 {
            assert!(side.asked.try_recv().is_ok());
        }
        assert!(side.asked.try_recv().is_err());
        let accepted = Accepted {
            message: "paused".into(),
        };
        let answer = seat.try_request(PAUSE).unwrap();
        let Some(ToEngine::Request { reply, .. }) = side.asked.recv().await else {
            panic!("no request")
        };
        reply.send(Ok(accepted.clone())).unwrap();
        assert_eq!(answer.await, Ok(accepted));
    }
}
