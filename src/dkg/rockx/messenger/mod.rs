//! The messenger server: fan-out of ceremony messages and store of results.
//!
//! Wire-compatible with the Go programs' messenger of releases 0.2.7 to 0.2.13; what differs on purpose:
//!
//! * Messages are delivered per topic and subscriber in the order of rounds, one at a time, and stay at the head until
//!   they are taken. A subscriber that has not started its session is asked again after milliseconds and whenever it
//!   publishes something, so that no ceremony waits for a retry timer. Topics do not wait for each other.
//! * What cannot be a ceremony's message is refused (400): undecodable bytes, start messages, messages of another
//!   request. What a non-member signs is answered with 200 and not forwarded.
//! * A registered name keeps its address as long as that address answers `/ping` (409 otherwise, unless
//!   [`MessengerConfig::allow_takeover`]). Go nodes end when their registration is refused, which is right for the
//!   second of two that claim the same name; one that moved is let in because its old address is silent.
//! * Names and addresses of subscribers are bounded and kept in a normal form (`subscriber`); `GET /topics/{name}` shows
//!   operators that are known, and those for whom a topic was made, before everybody else, and with `?names=1,2,…` only
//!   those: so nobody who reads a list depends on how many others stand in it.
//! * `default` cannot be replaced or deleted (403). A topic in use cannot be replaced by another (409), and can be
//!   deleted (else 409) only by its creator: with the secret that was sent as [`OWNER_HEADER`] when it was created. One
//!   that its creator deleted is made again (else 409) only by an initiator that is known (`removed`).
//! * One message has one place, however it is wrapped, and is not padded (400).
//! * The first result stays unless one comes that more members vouch for (`results`).
//! * Everything from outside is bounded ([`Limits`]); registrations, topics, messages and results survive a restart.
//!
//! The protocol authenticates nobody but the operators, by the signatures of their messages and results. Those decide what
//! is stored here: what no operator of the ceremony signed is neither kept nor a conflict (`keys`). A registration may
//! prove its operator's key, and a topic's creation its initiator's ([`PROOF_HEADER`], `proof`); everybody else is a guest
//! with a guest's room (`registry`, [`Limits`]). Addresses are judged before anything is sent to them (`reach`).

mod body;
mod config;
mod deliver;
mod foreign;
mod hub;
mod janitor;
mod keys;
mod lane;
mod lists;
mod message;
mod metrics;
mod probe;
pub(in crate::dkg::rockx) mod proof;
mod reach;
mod registry;
mod removed;
mod reply;
mod results;
mod routes;
mod share;
mod store;
mod subscriber;
mod topic;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use config::{Limits, MessengerConfig};
pub use deliver::SERVER_NAME;
pub(crate) use deliver::is_this_program;
pub use foreign::{ForeignCeremony, Onlooker};
pub use proof::{PROOF_HEADER, prove_registration, prove_removal, prove_topic};
pub use store::{FILE as STORE_FILE, StoreError};

use crate::dkg::rockx::node::directory::{DirectoryError, DirectorySources};
use crate::listen::{self, Bounds, Listener};
use crate::monitor::Probe;
use crate::types::SafeText;
use deliver::Deliverer;
use hub::Hub;
use store::{Loaded, Store};

/// Request header with a secret of the client's choice. Sent with `POST /topics`, it makes the client the owner of the
/// topic; sent with `DELETE /topics/{name}`, it proves that. Other messengers ignore it.
pub const OWNER_HEADER: &str = "x-casimir-topic-owner";

/// How long requests in progress may take to finish at shutdown.
const GRACE: Duration = Duration::from_secs(2);

/// The messenger cannot start.
#[derive(Debug, thiserror::Error)]
pub enum MessengerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        addr: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// A key of the operators that are named cannot be used.
    #[error("messenger: {0}")]
    Operators(#[from] DirectoryError),
    /// The data directory cannot be used.
    #[error("messenger data: {0}")]
    Store(#[from] StoreError),
}

/// A running messenger. Dropping the handle leaves it running until the runtime ends; [`MessengerHandle::shutdown`]
/// ends it in order.
#[derive(Debug)]
pub struct MessengerHandle {
    addr: SocketAddr,
    scheme: &'static str,
    hub: Arc<Hub>,
    server: JoinHandle<()>,
}

/// Starts a messenger on the current runtime.
///
/// # Errors
/// See [`MessengerError`].
pub async fn spawn(config: MessengerConfig) -> Result<MessengerHandle, MessengerError> {
    let refused = |source| MessengerError::Listen {
        addr: config.listen,
        source,
    };
    let named = keys::ConfiguredOperators::new(
        &config.operators,
        DirectorySources {
            configured: Vec::new(),
            test_operators: config.test_operators,
            api: config.ssv_api.clone(),
        },
    )?;
    let (tcp, addr) = listen::bind(config.listen).await.map_err(refused)?;
    let (store, loaded) = match config.data_dir.clone() {
        None => (Store::none(), Loaded::default()),
        Some(dir) => tokio::task::spawn_blocking(move || Store::open(&dir))
            .await
            .map_err(|_| StoreError::Failed)??,
    };
    let limits = &config.limits;
    let reach = reach::Reach::new(
        config.listen,
        !config.trusted_proxies.is_empty(),
        config.private_addresses,
    );
    let deliverer = Deliverer::new(&config.http, limits, reach);
    let bounds = Bounds::new(limits.connections, limits.request_deadline, limits.idle);
    let listener =
        Listener::new("messenger", tcp, bounds, config.trusted_proxies.clone()).secured(config.tls.clone());
    let gate = listener.gate();
    let scheme = listener.scheme();
    let hub = Hub::new(config, store, loaded, deliverer, named, gate);
    worker::resume(&hub);
    tokio::spawn(keys::keep(Arc::clone(&hub)));
    tokio::spawn(janitor::run(Arc::clone(&hub)));
    let router = routes::router(Arc::clone(&hub));
    let mut stop = hub.stop.subscribe();
    let server = tokio::spawn(async move {
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        listen::serve(listener, router, stopped).await;
    });
    tracing::info!(target: "messenger", %addr, "listening");
    Ok(MessengerHandle {
        addr,
        scheme,
        hub,
        server,
    })
}

impl MessengerHandle {
    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Base URL, `http://host:port`, or `https` where it speaks TLS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr)
    }

    /// How it is, for its monitor.
    #[must_use]
    pub fn probe(&self) -> Arc<dyn Probe> {
        Arc::new(probe::MessengerProbe(Arc::clone(&self.hub)))
    }

    /// Why what it keeps can no longer be believed, once that is so: it accepts nothing any more, and is to be ended.
    #[must_use]
    pub fn broken(&self) -> watch::Receiver<Option<SafeText>> {
        self.hub.store.broken()
    }

    /// Stops accepting, lets requests in progress finish for a moment, and stores what is left.
    pub async fn shutdown(mut self) {
        self.hub.stop.send_replace(true);
        if tokio::time::timeout(GRACE, &mut self.server).await.is_err() {
            self.server.abort();
        }
        self.hub.store.close().await;
    }
}
