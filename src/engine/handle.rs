//! The one place where engine and front ends meet: state by `watch`, history by `broadcast`, intent by `mpsc` with a
//! reply.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::snapshot::Snapshot;
use crate::types::{ActionId, CaseId, OperatorId, PoolId, RequestId, Root, SafeText, UnixMillis};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// One case.
    Case(CaseId),
}

/// What a front end asks for. `by` names the person, for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Let an action pass. `digest` is the digest that was shown; `phrase` is what was typed, for irreversible actions.
    Approve {
        /// Which action.
        action: ActionId,
        /// What was shown.
        digest: Root,
        /// Who.
        by: SafeText,
        /// The typed phrase.
        phrase: Option<String>,
    },
    /// Stop an action.
    Reject {
        /// Which action.
        action: ActionId,
        /// What was shown.
        digest: Root,
        /// Who.
        by: SafeText,
        /// Why.
        reason: SafeText,
    },
    /// Take up a case again that was rejected, failed or refused; or look again at once.
    Retry {
        /// Which case.
        case: CaseId,
        /// Who.
        by: SafeText,
    },
    /// Give up a ceremony whose outcome is unknown: whatever it made is never used.
    DeclareLost {
        /// Which ceremony.
        request: RequestId,
        /// Who.
        by: SafeText,
    },
    /// Let nothing leave this machine any more.
    Pause {
        /// What.
        scope: Scope,
        /// Who.
        by: SafeText,
    },
    /// End a pause.
    Resume {
        /// What.
        scope: Scope,
        /// Who.
        by: SafeText,
    },
    /// Open a reshare by hand for a staked pool.
    RequestReshare {
        /// Which pool.
        pool: PoolId,
        /// Who.
        by: SafeText,
    },
    /// Choose the committee of a keygen or reshare that waits for its decision. The action is proposed anew.
    SetCommittee {
        /// Which action.
        action: ActionId,
        /// The committee that will hold the key, ascending.
        committee: Vec<OperatorId>,
        /// Who.
        by: SafeText,
    },
    /// Finish what must not be interrupted and stop.
    Shutdown,
}

/// A request was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// A sentence for the person.
    pub message: SafeText,
}

/// A request was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What would be sent is not what was shown any more.
    #[error("changed since it was shown: look again before you decide ({0})")]
    Stale(SafeText),
    /// Somebody decided before.
    #[error("already decided by {by} at {at}", at = at.to_rfc3339())]
    AlreadyDecided {
        /// Who.
        by: SafeText,
        /// When.
        at: UnixMillis,
    },
    /// It cannot be done now, and why.
    #[error("{0}")]
    NotNow(SafeText),
    /// The mode forbids it.
    #[error("{0}")]
    Mode(SafeText),
    /// The engine has stopped or its journal cannot be written.
    #[error("{0}")]
    Unavailable(SafeText),
}

/// The answer to a request.
pub type Reply = Result<Accepted, Refused>;

/// One thing that happened, for headless output and the console's event feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// When.
    pub at: UnixMillis,
    /// Journal sequence number.
    pub record: u64,
    /// Which case, if one.
    pub case: Option<CaseId>,
    /// Stable kind in kebab case, e.g. `case-opened`, `decided`, `transaction-included`.
    pub kind: &'static str,
    /// One sentence.
    pub text: SafeText,
}

/// The engine is gone; it will not answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine has stopped")]
pub struct EngineGone;

/// A front end's side.
#[derive(Debug)]
pub struct EngineHandle {
    /// The newest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What happened, as it happens; a slow reader is told how much it missed.
    pub transitions: broadcast::Receiver<Transition>,
    requests: mpsc::Sender<(Request, oneshot::Sender<Reply>)>,
}

impl Clone for EngineHandle {
    fn clone(&self) -> Self {
        Self {
            snapshots: self.snapshots.clone(),
            transitions: self.transitions.resubscribe(),
            requests: self.requests.clone(),
        }
    }
}

impl EngineHandle {
    /// Sends a request and waits for the engine's answer.
    ///
    /// # Errors
    /// The engine does not do it, and says why; or it is gone.
    pub async fn request(&self, request: Request) -> Reply {
        let gone = || Refused::Unavailable(SafeText::new(&EngineGone.to_string()));
        let (reply, answer) = oneshot::channel();
        self.requests.send((request, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Sends a request without waiting: the answer comes through the receiver.
    ///
    /// # Errors
    /// The engine is gone or its queue of 64 requests is full.
    pub fn try_request(&self, request: Request) -> Result<oneshot::Receiver<Reply>, EngineGone> {
        let (reply, answer) = oneshot::channel();
        self.requests.try_send((request, reply)).map_err(|_| EngineGone)?;
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
    /// Requests with the way to answer them.
    pub requests: mpsc::Receiver<(Request, oneshot::Sender<Reply>)>,
}

/// Both sides, connected. `first` is the snapshot until the engine publishes one.
#[must_use]
pub fn channel(first: Snapshot) -> (EngineSide, EngineHandle) {
    let (snapshots, snapshots_rx) = watch::channel(Arc::new(first));
    let (transitions, transitions_rx) = broadcast::channel(1_024);
    let (requests_tx, requests) = mpsc::channel(64);
    let handle = EngineHandle {
        snapshots: snapshots_rx,
        transitions: transitions_rx,
        requests: requests_tx,
    };
    (
        EngineSide {
            snapshots,
            transitions,
            requests,
        },
        handle,
    )
}
