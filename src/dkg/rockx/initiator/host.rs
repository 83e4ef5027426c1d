//! The part that all ceremonies share: configuration, HTTP, the observer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::api::{CeremonyUpdate, Failed, InitiatorConfig, InitiatorError, Verified};
use super::ceremony::Ceremony;
use super::messenger::Messenger;
use super::observer::Observer;
use super::preflight::{MessengerHealth, OperatorHealth, ask_all};
use super::tracker::View;
use crate::http::{self, Http};
use crate::types::{CeremonyPlan, OperatorId, RedactedUrl, RequestId, SafeText};

/// Short calls (ping, topics, polls) get this long, or the round's deadline if that is shorter.
const SHORT_CALL: Duration = Duration::from_secs(10);
/// A finished ceremony's topic is removed after this: the deployed nodes send a useless timeout message ten minutes after
/// every success, which would block the messenger's queues for a minute.
const RETIRE_AFTER: Duration = Duration::from_secs(30);

/// Starts ceremonies and follows them; cheap to clone.
#[derive(Debug, Clone)]
pub struct Initiator {
    host: Arc<Host>,
}

/// What every ceremony uses.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) config: InitiatorConfig,
    pub(super) http: Http,
    pub(super) messenger: Messenger,
    pub(super) observer: Observer,
    observer_url: reqwest::Url,
}

impl Initiator {
    /// Opens the observer's listener. Nothing is sent to anybody.
    ///
    /// # Errors
    /// See [`InitiatorError`].
    pub async fn start(config: InitiatorConfig) -> Result<Self, InitiatorError> {
        let http = config.http.clone();
        let messenger = Messenger::new(
            &http,
            &config.messenger_url,
            SHORT_CALL.min(config.round_deadline),
        )
        .map_err(InitiatorError::Messenger)?;
        let observer =
            Observer::bind(config.observer_listen)
                .await
                .map_err(|error| InitiatorError::Listen {
                    address: config.observer_listen,
                    error,
                })?;
        let observer_url = config
            .observer_public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", observer.local_addr()));
        let observer_url = http::parse(&RedactedUrl::new(observer_url)).map_err(InitiatorError::Observer)?;
        Ok(Self {
            host: Arc::new(Host {
                config,
                http,
                messenger,
                observer,
                observer_url,
            }),
        })
    }

    /// Where the observer listens.
    #[must_use]
    pub fn observer_addr(&self) -> SocketAddr {
        self.host.observer.local_addr()
    }

    /// Asks these operators' nodes for `/ping` and `/version`, in parallel, each within ten seconds.
    pub async fn preflight(&self, ids: &[OperatorId]) -> Vec<OperatorHealth> {
        self.host.preflight(ids).await
    }

    /// Asks the messenger the same.
    pub async fn preflight_messenger(&self) -> MessengerHealth {
        let begun = Instant::now();
        match self.host.messenger.ping().await {
            Ok(version) => MessengerHealth {
                reachable: true,
                version,
                latency: Some(begun.elapsed()),
                note: SafeText::default(),
            },
            Err(error) => MessengerHealth {
                reachable: false,
                version: None,
                latency: None,
                note: error.to_string().into(),
            },
        }
    }

    /// Runs the ceremony from preflight to verified result. The caller has journaled `request_id`, and never uses it
    /// again. `updates` gets whole pictures; when it is full, one is left out. Dropping the future abandons the ceremony:
    /// the operators go on without us.
    ///
    /// # Errors
    /// See [`crate::types::FailureKind`]. After `NotStarted` no operator got a start message that it accepted; after
    /// everything else a key may exist somewhere, and must never be used.
    pub async fn run(
        &self,
        request_id: RequestId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        Ceremony::open(&self.host, request_id, plan, updates, View::Whole)?
            .run()
            .await
    }

    /// Takes up a ceremony that an earlier process started, without sending a start message: subscribes again, and waits
    /// for the result or for nothing more to come.
    ///
    /// # Errors
    /// As [`Initiator::run`]; `Unknown` when nothing can be found out, never `NotStarted`.
    pub async fn reattach(
        &self,
        request_id: RequestId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        Ceremony::open(&self.host, request_id, plan, updates, View::Late)?
            .reattach()
            .await
    }
}

impl Host {
    pub(super) async fn preflight(&self, ids: &[OperatorId]) -> Vec<OperatorHealth> {
        let asked: Vec<_> = ids
            .iter()
            .map(|id| (*id, self.config.directory.get(id)))
            .collect();
        ask_all(&self.http, &asked, SHORT_CALL.min(self.config.round_deadline)).await
    }

    /// The observer's address for one ceremony; the messenger appends `/consume`.
    pub(super) fn observer_address(&self, id: RequestId) -> String {
        http::join(&self.observer_url, &id.to_string()).to_string()
    }

    /// Base URLs of these operators' nodes.
    pub(super) fn endpoints(&self, ids: &[OperatorId]) -> BTreeMap<OperatorId, String> {
        ids.iter()
            .filter_map(|id| Some((*id, self.config.directory.get(id)?.endpoint.clone())))
            .collect()
    }

    /// Removes the topic of a ceremony that is over, in the background. A failed one at once: its key must not come
    /// into being any more.
    pub(super) fn retire(&self, id: RequestId, failed: bool) {
        let messenger = self.messenger.clone();
        tokio::spawn(async move {
            if !failed {
                tokio::time::sleep(RETIRE_AFTER).await;
            }
            if let Err(error) = messenger.delete_topic(id).await {
                tracing::debug!(target: "dkg::initiator", request = %id, %error, "topic not removed");
            }
        });
    }
}
