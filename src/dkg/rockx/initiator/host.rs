//! The part that all ceremonies share: configuration, HTTP, the observer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::config::{InitiatorConfig, InitiatorError};
use super::messenger::{Messenger, missing};
use super::observer::Observer;
use super::preflight::ask_all;
use crate::http::{self, Http};
use crate::ports::{Answer, OperatorHealth, Presence, RelayHealth};
use crate::types::{OperatorId, OperatorRecord, RedactedUrl, RequestId};

/// Short calls (ping, topics, polls) get this long, or the round's deadline if that is shorter.
const SHORT_CALL: Duration = Duration::from_secs(10);
/// A finished ceremony's topic is removed after this: the deployed nodes send a useless timeout message ten minutes after
/// every success, which would block the messenger's queues for a minute.
const RETIRE_AFTER: Duration = Duration::from_secs(30);

/// What every ceremony uses.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) config: InitiatorConfig,
    pub(super) http: Http,
    pub(super) messenger: Messenger,
    pub(super) observer: Observer,
    observer_url: reqwest::Url,
    /// The directory with every key, once they are all known.
    learned: OnceLock<BTreeMap<OperatorId, OperatorRecord>>,
}

impl Host {
    /// Opens the observer's listener. Nothing is sent to anybody.
    ///
    /// # Errors
    /// See [`InitiatorError`].
    pub(super) async fn open(config: InitiatorConfig) -> Result<Self, InitiatorError> {
        let http = config.http.clone();
        let messenger = Messenger::new(
            &http,
            &config.messenger_url,
            SHORT_CALL.min(config.round_deadline),
            config.house.clone(),
            config.signing_key.clone(),
        )
        .map_err(InitiatorError::Messenger)?;
        let observer = Observer::bind(config.observer_listen, config.observer_trusted_proxies.clone())
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
            config,
            http,
            messenger,
            observer,
            observer_url,
            learned: OnceLock::new(),
        })
    }

    /// Every operator that may take part.
    pub(super) fn directory(&self) -> &BTreeMap<OperatorId, OperatorRecord> {
        self.learned.get().unwrap_or(&self.config.directory)
    }

    pub(super) fn learn(&self, operators: BTreeMap<OperatorId, OperatorRecord>) {
        // told twice, it says the same
        let _ = self.learned.set(operators);
    }

    /// Where the observer listens.
    pub(super) fn observer_addr(&self) -> SocketAddr {
        self.observer.local_addr()
    }

    /// Asks the messenger for `/ping` and `/version`.
    pub(super) async fn messenger_health(&self) -> RelayHealth {
        let begun = Instant::now();
        let answers = match self.messenger.ping().await {
            Ok(version) => Answer::Yes(Presence {
                version,
                latency: begun.elapsed(),
            }),
            Err(error) => Answer::not_known(error),
        };
        RelayHealth {
            name: RedactedUrl::new(&self.config.messenger_url).to_string().into(),
            answers,
        }
    }

    /// Which of these the messenger does not know.
    pub(super) async fn unregistered(&self, ids: &[OperatorId]) -> Answer<Vec<OperatorId>> {
        let registered = self.messenger.registered(ids).await;
        registered.map(|registered| missing(&registered, ids)).into()
    }

    /// Asks these operators' nodes for the same, in parallel.
    pub(super) async fn preflight(&self, ids: &[OperatorId]) -> Vec<OperatorHealth> {
        let asked: Vec<_> = ids.iter().map(|id| (*id, self.directory().get(id))).collect();
        ask_all(&self.http, &asked, SHORT_CALL.min(self.config.round_deadline)).await
    }

    /// The observer's address for one ceremony; the messenger appends `/consume`.
    pub(super) fn observer_address(&self, id: RequestId) -> String {
        http::join(&self.observer_url, &id.to_string()).to_string()
    }

    /// Base URLs of these operators' nodes.
    pub(super) fn endpoints(&self, ids: &[OperatorId]) -> BTreeMap<OperatorId, String> {
        ids.iter()
            .filter_map(|id| Some((*id, self.directory().get(id)?.endpoint.clone())))
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
