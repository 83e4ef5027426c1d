//! The one place where engine and front ends meet: state by `watch`, history by `broadcast`, and what is asked by `mpsc`
//! with a reply.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::monitor::Pulse;
use crate::oracle::Asker;
use crate::types::SafeText;
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

/// What reaches the engine from front ends.
#[derive(Debug)]
pub enum Asked {
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
    asks: mpsc::Sender<Asked>,
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
        let asked = Asked::Shutdown { reply };
        self.asks.try_send(asked).map_err(|_| EngineGone)?;
        Ok(answer)
    }

    async fn asks_for_shutdown(&self) -> Result<oneshot::Receiver<Reply>, EngineGone> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked::Shutdown { reply };
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
    asks: mpsc::Sender<Asked>,
}

impl Clone for Seat {
    fn clone(&self) -> Self {
        Self {
            snapshots: self.snapshots.clone(),
            transitions: self.transitions.resubscribe(),
            identity: self.identity.clone(),
            asks: self.asks.clone(),
        }
    }
}

impl Seat {
    /// Who sits here.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Sends a request and waits for the engine's answer.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn request(&self, request: Request) -> Reply {
        let (reply, answer) = oneshot::channel();
        let by = self.identity.clone();
        let asked = Asked::Request { by, request, reply };
        self.asks.send(asked).await.map_err(|_| EngineGone)?;
        answer.await.map_err(|_| EngineGone)?
    }

    /// Sends a request without waiting: the answer comes through the receiver.
    ///
    /// # Errors
    /// The engine is gone or its queue of 64 requests is full.
    pub fn try_request(&self, request: Request) -> Result<oneshot::Receiver<Reply>, EngineGone> {
        let (reply, answer) = oneshot::channel();
        let by = self.identity.clone();
        let asked = Asked::Request { by, request, reply };
        self.asks.try_send(asked).map_err(|_| EngineGone)?;
        Ok(answer)
    }

    /// Reads beyond the snapshot and waits for the rows.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn read(&self, query: Query) -> Result<Listing, Refused> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked::Read { query, reply };
        self.asks.send(asked).await.map_err(|_| EngineGone)?;
        answer.await.map_err(|_| EngineGone)?
    }

    /// Reads without waiting: the rows come through the receiver.
    ///
    /// # Errors
    /// The engine is gone or its queue of 64 requests is full.
    pub fn try_read(&self, query: Query) -> Result<oneshot::Receiver<Result<Listing, Refused>>, EngineGone> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked::Read { query, reply };
        self.asks.try_send(asked).map_err(|_| EngineGone)?;
        Ok(answer)
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
    pub asked: mpsc::Receiver<Asked>,
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
