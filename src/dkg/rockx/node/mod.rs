//! The operator node: takes part in key generation, resharing and signing, and keeps one operator's shares.
//!
//! [`spawn`] runs a node inside this process; a process of its own is a front end around it. The ceremonies themselves
//! are the state machines in [`session`]; what the node agrees to is [`policy`]; what it keeps is [`store`].

mod config;
pub mod directory;
pub mod policy;
mod probe;
mod recall;
mod register;
mod rules;
mod server;
mod service;
pub(crate) use service::ONE_AT_A_TIME;
pub mod session;
pub mod store;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

pub use config::NodeConfig;
pub use rules::RulesDoor;

use crate::dkg::rockx::keys::KeyError;
use crate::http::BadUrl;
use crate::listen::{self, Bounds, Listener};
use crate::monitor::Probe;
use crate::types::{OperatorId, SafeText, counted};
use directory::DirectoryError;
use policy::TooManyCandidates;
use service::{Messenger, Rules, Service, ServiceParts};
use session::Identity;
use store::{Store, StoreError};

/// A node could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        address: SocketAddr,
        error: std::io::Error,
    },
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An operator's key is unusable.
    #[error("operator directory: {0}")]
    Directory(#[from] DirectoryError),
    /// The configured private key is not the one whose public half the others know.
    #[error("the private key is not that of operator {0}: the directory has another public key")]
    OtherKey(OperatorId),
    /// An initiator's key is unusable.
    #[error("policy: key of initiator \"{name}\": {error}")]
    Initiator { name: SafeText, error: KeyError },
    /// See [`TooManyCandidates`].
    #[error("policy: {0}")]
    Policy(#[from] TooManyCandidates),
    /// A rule about own validators stands there, and no beacon node.
    #[error(
        "policy: a rule is about own validators, and no beacon node is named that knows them (beacon.urls)"
    )]
    NobodyToAsk,
    /// The operator's own private key does not encode.
    #[error("operator key: {0}")]
    Key(#[from] KeyError),
    /// The messenger's address is none.
    #[error("the messenger's address: {0}")]
    Messenger(BadUrl),
    /// The server ended by itself.
    #[error("the node's server ended: {0}")]
    Server(SafeText),
}

/// File name of the share store in the data directory.
pub const STORE_FILE: &str = "shares.sqlite";
/// How long [`NodeHandle::shutdown`] waits for connections and sessions to end by themselves.
const GRACE: Duration = Duration::from_secs(5);
/// The messenger holds one connection, an initiator or two another: the rest is room for guests.
const MAX_CONNECTIONS: usize = 256;
/// A request must be complete, and its answer begun, within this time; looking up a committee's keys is the slowest.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// A connection may be silent for this long between two requests.
const IDLE: Duration = Duration::from_secs(120);

/// A running node. Dropping it stops the node without waiting.
#[derive(Debug)]
pub struct NodeHandle {
    id: OperatorId,
    address: SocketAddr,
    public_url: String,
    stop: watch::Sender<bool>,
    registered: watch::Receiver<bool>,
    probe: Arc<probe::NodeProbe>,
    server: Option<JoinHandle<Result<(), SafeText>>>,
    registrar: JoinHandle<()>,
    rules: watch::Sender<Arc<Rules>>,
}

/// Whether others have another key of this operator.
async fn is_our_key(directory: &directory::Directory, me: &Identity) -> Result<(), NodeError> {
    match directory.resolve(me.id).await {
        Ok(key) if *key != *me.key.public() => Err(NodeError::OtherKey(me.id)),
        Ok(_) => Ok(()),
        // others may know this operator although this node's sources do not, or cannot be asked now
        Err(error) => {
            tracing::warn!(target: "casimir_dkg::node", operator = %me.id, %error, "own key not found in the directory");
            Ok(())
        }
    }
}

/// Opens the store, binds the address, begins to register, and serves until [`NodeHandle::shutdown`].
///
/// # Errors
/// See [`NodeError`].
pub async fn spawn(config: NodeConfig) -> Result<NodeHandle, NodeError> {
    let (rules, agreed) = watch::channel(Arc::new(Rules::of(config.policy, config.validator_indices)?));
    let me = Identity {
        id: config.id,
        key: config.private_key.clone(),
    };
    let directory = config.directory.open()?;
    is_our_key(&directory, &me).await?;
    let store = open_store(&config.data_dir, &config.private_key.to_pem()?)?;
    tell_missing(me.id, &store, &config.data_dir);
    let (own, known) = (me.clone(), store.runs()?);
    let at = config.listen;
    let refused = |error| NodeError::Listen { address: at, error };
    let (tcp, address) = listen::bind(at).await.map_err(refused)?;
    let bounds = Bounds::new(MAX_CONNECTIONS, REQUEST_DEADLINE, IDLE);
    let listener = Listener::new("operator", tcp, bounds, config.trusted_proxies).secured(config.tls);
    agreed.borrow().tell_open_doors(me.id);
    let messenger = Messenger::new(&config.http, &config.messenger_url).map_err(NodeError::Messenger)?;
    let (stop, stopped) = watch::channel(false);
    let broken = store.broken();
    let service = Arc::new(Service::new(ServiceParts {
        me,
        directory,
        rules: agreed,
        store,
        messenger: messenger.clone(),
        round_timeout: config.round_timeout,
        stop: stopped.clone(),
    })?);
    let here = format!("{}://{address}", listener.scheme());
    let public_url = config.public_url.unwrap_or(here);
    let (registered_tx, registered) = watch::channel(false);
    let recall = recall::Recall {
        me: own,
        known,
        put_off: BTreeSet::new(),
        store: config.data_dir.join(STORE_FILE),
        service: Arc::downgrade(&service),
    };
    let registrar = tokio::spawn(register::keep_registered(
        messenger,
        recall,
        public_url.clone(),
        config.registration_interval,
        registered_tx,
    ));
    let probe = Arc::new(probe::NodeProbe {
        id: config.id,
        version: config.version.clone(),
        service: Arc::downgrade(&service),
        registered: registered.clone(),
        stop: stopped.clone(),
    });
    let router = server::router(&service, listener.gate(), &config.version, config.body_deadline);
    let server = tokio::spawn(serve(listener, service, router, stopped));
    let server = tokio::spawn(while_believed(server, broken, stop.clone()));
    tracing::info!(target: "casimir_dkg::node", operator = %config.id, %address, "operator node listens");
    Ok(NodeHandle {
        id: config.id,
        address,
        public_url,
        stop,
        registered,
        probe,
        server: Some(server),
        registrar,
        rules,
    })
}

impl NodeHandle {
    /// The operator's id in SSV's registry.
    #[must_use]
    pub fn id(&self) -> OperatorId {
        self.id
    }

    /// The address that was bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The URL under which the node registers.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Where its rules can be changed while it runs.
    #[must_use]
    pub fn rules(&self) -> RulesDoor {
        RulesDoor::of(self.id, self.rules.clone())
    }

    /// How it is, for its monitor.
    #[must_use]
    pub fn probe(&self) -> Arc<dyn Probe> {
        Arc::clone(&self.probe) as Arc<dyn Probe>
    }

    /// Returns once the messenger knows this node; waits for ever if it never answers.
    pub async fn registered(&self) {
        // an error means that the node stops: there is nothing to wait for then
        let _ = self.registered.clone().wait_for(|registered| *registered).await;
    }

    /// Returns when the server ended, which it does by itself only after a defect.
    ///
    /// # Errors
    /// [`NodeError::Server`].
    pub async fn ended(&mut self) -> Result<(), NodeError> {
        let Some(server) = &mut self.server else {
            return Ok(());
        };
        let outcome = server.await;
        self.server = None;
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(NodeError::Server(error)),
            Err(error) => Err(NodeError::Server(SafeText::new(&error.to_string()))),
        }
    }

    /// Stops listening, ends every running session (their request ids are never used again), and returns when the store
    /// is closed.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        self.registrar.abort();
        if let Some(mut server) = self.server.take()
            && tokio::time::timeout(GRACE, &mut server).await.is_err()
        {
            server.abort();
            // the store closes when the aborted task is gone
            let _ = server.await;
        }
    }
}

impl Drop for NodeHandle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.registrar.abort();
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn serve(listener: Listener, service: Arc<Service>, router: Router, mut stop: watch::Receiver<bool>) {
    let settling = tokio::spawn({
        let service = service.clone();
        async move { service.keep_settling().await }
    });
    let around = tokio::spawn({
        let service = service.clone();
        async move { service.go_around().await }
    });
    let stopped = stop.clone();
    let stopping = async move {
        // the sender is gone only when the handle is
        let _ = stop.wait_for(|stop| *stop).await;
    };
    listen::serve(listener, router, stopping).await;
    service.drain().await;
    if !*stopped.borrow() {
        settling.abort();
        around.abort();
    }
    // they end by themselves when the node stops; the store closes with the last who holds it
    let _ = tokio::join!(settling, around);
}

/// Ends the node when its store can no longer be believed: a share that it signs for may not be there after a power cut.
async fn while_believed(
    mut server: JoinHandle<()>,
    mut broken: watch::Receiver<Option<SafeText>>,
    stop: watch::Sender<bool>,
) -> Result<(), SafeText> {
    let why = tokio::select! {
        served = &mut server => return served.map_err(|error| SafeText::new(&error.to_string())),
        // the sender is gone only with the server
        Ok(why) = broken.wait_for(Option::is_some) => why.clone(),
    };
    let why = why.unwrap_or_default();
    tracing::error!(target: "casimir_dkg::node", %why, "the node ends");
    stop.send_replace(true);
    // what runs is aborted; its ids are never used again
    let _ = tokio::time::timeout(GRACE, server).await;
    Err(why)
}

/// A node without its shares registers and answers like any other, and fails when it is to sign: that is said before.
fn tell_missing(me: OperatorId, store: &Store, dir: &std::path::Path) {
    let missing = store.missing();
    let path = dir.join(STORE_FILE);
    tell_damaged(me, store, &path);
    if missing.is_empty() {
        if store.is_new().unwrap_or(false) {
            tracing::info!(
                target: "casimir_dkg::node", operator = %me,
                "nothing was ever kept in {}: fine when an operator starts for the first time. One that held shares before \
                 stops its node and takes them back: casimir-dkg operator restore BACKUP",
                path.display()
            );
        }
        return;
    }
    let (shares, manifest) = (path.display(), store::manifest_of(&path));
    let manifest = manifest.display();
    let count = counted(missing.len(), "share");
    let (are, them) = if missing.len() == 1 {
        ("IS", "it")
    } else {
        ("ARE", "them")
    };
    tracing::error!(
        target: "casimir_dkg::node", operator = %me,
        "{count} THAT THIS NODE HELD {are} NOT IN ITS STORE ANY MORE ({shares}): it was emptied, or replaced by an older \
         copy, and this node cannot sign with {them}. Stop it and take {them} back: casimir-dkg operator restore BACKUP. \
         Where no backup has {them}, who accepts the loss stops the node and removes {manifest}"
    );
    for named in missing {
        tracing::error!(
            target: "casimir_dkg::node", operator = %me, validator = %named.validator, ceremony = %named.ceremony,
            "share is missing"
        );
    }
}

fn tell_damaged(me: OperatorId, store: &Store, path: &std::path::Path) {
    let damaged = store.damaged();
    if damaged.is_empty() {
        return;
    }
    let (verb, them) = if damaged.len() == 1 {
        ("DOES", "it")
    } else {
        ("DO", "them")
    };
    tracing::error!(
        target: "casimir_dkg::node", operator = %me,
        "{} {verb} NOT DECRYPT ANY MORE ({}): the disk or somebody altered {them}, and this node cannot sign with {them}. \
         Stop it and take {them} back from a backup that was made before: casimir-dkg operator restore BACKUP",
        counted(damaged.len(), "share"),
        path.display()
    );
    for named in damaged {
        tracing::error!(
            target: "casimir_dkg::node", operator = %me, validator = %named.validator, ceremony = %named.ceremony,
            "share is damaged"
        );
    }
}

fn open_store(dir: &std::path::Path, secret: &Zeroizing<String>) -> Result<Store, StoreError> {
    Store::open(&dir.join(STORE_FILE), secret.as_bytes())
}
