//! Which DKG backend stands behind the port, and what it may need within this process.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::watch;

use super::feeds::others::{Onlook, Own};
use crate::config::{Config, MessengerChoice};
use crate::dkg::backends;
use crate::dkg::health::{Health, Relay, Surroundings};
use crate::dkg::rockx::backend::RockX;
use crate::dkg::rockx::initiator::{InitiatorConfig, InitiatorError};
use crate::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use crate::dkg::rockx::messenger::{self, ForeignCeremony, MessengerHandle};
use crate::http::Http;
use crate::journal::places;
use crate::listen::{Tls, TlsError};
use crate::operators::{Directory, DirectoryError, KeySources, SsvApi, fill_in};
use crate::ports::Ceremonies;
use crate::secrets::SecretFile;
use crate::types::{BackendName, HeldFor, OperatorId, OperatorRecord, SafeText};

/// A ceremony may take this long in all before its outcome counts as unknown, in rounds.
const ROUNDS_IN_ALL: u32 = 15;

/// What was started.
pub(super) struct Backend {
    pub(super) ceremonies: Arc<dyn Ceremonies>,
    /// Completes what is configured of the operators; none where the backend needs nothing of them.
    pub(super) roster: Option<Arc<dyn Roster>>,
    /// What it keeps running within this process.
    pub(super) companion: Option<Box<dyn Companion>>,
}

impl Backend {
    /// One that knows its operators, and keeps nothing running.
    pub(super) fn alone(ceremonies: Arc<dyn Ceremonies>) -> Self {
        Self {
            ceremonies,
            roster: None,
            companion: None,
        }
    }
}

/// What a backend keeps running within this process, whatever it is.
#[async_trait]
pub(super) trait Companion: fmt::Debug + Send + Sync {
    /// Base URL at which the operators reach it.
    fn url(&self) -> &str;

    /// What others do with it; `own` tells what is none of theirs.
    fn onlook(&self, own: Own) -> Onlook;

    /// Why it can no longer do its part, once that is so.
    fn broken(&self) -> watch::Receiver<Option<SafeText>>;

    /// Ends it once the engine is done.
    async fn end(self: Box<Self>);
}

/// Completes what is configured of operators, for the desk as for the backend itself.
#[async_trait]
pub(super) trait Roster: fmt::Debug + Send + Sync {
    /// Every operator with its key. The backend knows them from then on.
    ///
    /// # Errors
    /// Whose key cannot be had at the moment, and why.
    async fn complete(&self) -> Result<BTreeMap<OperatorId, OperatorRecord>, SafeText>;
}

/// A DKG backend does not start.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// This program has no such backend.
    #[error("dkg.backend: this program has no backend {0}")]
    Unknown(BackendName),
    /// The embedded messenger does not start.
    #[error("messenger: {0}")]
    Messenger(#[from] messenger::MessengerError),
    /// The embedded messenger's certificate cannot be used.
    #[error("messenger: {0}")]
    Tls(#[from] TlsError),
    /// The initiator does not start.
    #[error("dkg: {0}")]
    Initiator(#[from] InitiatorError),
    /// The initiator's key cannot be read.
    #[error("dkg.initiator_key_file {path}: {problem}")]
    InitiatorKey {
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The SSV API's address or the network's name is of no use.
    #[error("operators.ssv_api: {0}")]
    SsvApi(SafeText),
    /// The operators' keys have no source that can be used.
    #[error("operators: {0}")]
    Operators(#[from] DirectoryError),
}

type Start = for<'a> fn(&'a Config, &'a Http, HeldFor) -> BoxFuture<'a, Result<Backend, BackendError>>;

/// How each backend is started, by its name.
const STARTS: &[(BackendName, Start)] = &[(BackendName::ROCKX, |config, http, held_for| {
    Box::pin(rockx(config, http, held_for))
})];

/// Starts what is configured, for the oracle that has this account. Nothing is sent to any operator, and nobody is asked for
/// anything.
pub(super) async fn start(
    config: &Config,
    http: &Http,
    account: Option<Address>,
) -> Result<Backend, BackendError> {
    let held_for = HeldFor {
        chain_id: config.network.chain_id,
        manager: config.contract.address,
        account,
        case: None,
    };
    let name = &config.dkg.backend;
    match STARTS.iter().find(|(known, _)| known == name) {
        Some((_, start)) => start(config, http, held_for).await,
        None => Err(BackendError::Unknown(name.clone())),
    }
}

/// Where keys of operators are asked that are configured without one.
fn registry(config: &Config, http: &Http) -> Result<Option<SsvApi>, BackendError> {
    let network = config.network.name.as_str();
    let api = config.operators.ssv_api.as_ref();
    let api = api.map(|base| SsvApi::new(http, base, network)).transpose();
    api.map_err(BackendError::SsvApi)
}

/// How the operators of the configured backend are, whose keys can be had, and whatever relays between them. Nothing is
/// started.
///
/// # Errors
/// This program has no such backend, or the SSV API cannot be asked as it is configured.
pub async fn health(config: &Config, http: &Http, deadline: Duration) -> Result<Health, BackendError> {
    let name = &config.dkg.backend;
    let known = backends::named(name).ok_or_else(|| BackendError::Unknown(name.clone()))?;
    let surroundings = Surroundings {
        registry: registry(config, http)?,
        http: http.clone(),
        deadline,
        operators: config.operators.by_id.clone(),
        relay: match &config.dkg.messenger {
            MessengerChoice::Foreign(url) => Relay::At(url.clone()),
            MessengerChoice::Embedded { listen, public_url } => Relay::Here {
                listen: *listen,
                public_url: public_url.clone(),
            },
        },
        has_key: config.dkg.initiator_key_file.is_some(),
    };
    Ok((known.look)(&surroundings).await)
}

async fn rockx(config: &Config, http: &Http, held_for: HeldFor) -> Result<Backend, BackendError> {
    let api = registry(config, http)?;
    // by it the messenger in this process knows its own initiator
    let house = SecretString::from(hex::encode(rand::random::<[u8; 32]>()));
    let registry = Directory::new(KeySources {
        api: api.clone(),
        ..KeySources::default()
    })?;
    let (companion, url): (Option<Box<dyn Companion>>, _) = match &config.dkg.messenger {
        MessengerChoice::Foreign(url) => (None, url.expose().trim_end_matches('/').to_owned()),
        MessengerChoice::Embedded { listen, public_url } => {
            let data_dir = places::messenger_of(&config.journal.path);
            let settings = messenger::MessengerConfig {
                data_dir: Some(data_dir),
                operators: config.messenger.known_operators(&config.operators),
                initiators: config.messenger.initiators.clone(),
                ssv_api: api.clone(),
                house: Some(house.clone()),
                private_addresses: config.messenger.private_addresses,
                trusted_proxies: config.messenger.trusted_proxies.clone(),
                tls: config.messenger.tls.as_ref().map(Tls::open).transpose()?,
                http: http.clone(),
                ..messenger::MessengerConfig::new(*listen)
            };
            let handle = messenger::spawn(settings).await?;
            let url = public_url
                .as_ref()
                // plain HTTP is spoken on this machine, whatever names the certificate has
                .map_or_else(
                    || format!("http://{}", handle.addr()),
                    |url| url.expose().to_owned(),
                );
            let messenger = Messenger {
                handle,
                url: url.clone(),
            };
            (Some(Box::new(messenger)), url)
        }
    };
    let initiator = InitiatorConfig {
        house: companion.as_ref().map(|_| house),
        held_for: Some(held_for),
        ..initiator(config, http, &url)?
    };
    let rockx = RockX::start(initiator).await?;
    Ok(Backend {
        roster: Some(Arc::new(KeysOfOperators {
            rockx: rockx.clone(),
            configured: config.operators.by_id.clone(),
            registry,
        })),
        ceremonies: Arc::new(rockx),
        companion,
    })
}

/// The embedded messenger.
#[derive(Debug)]
struct Messenger {
    handle: MessengerHandle,
    url: String,
}

#[async_trait]
impl Companion for Messenger {
    fn url(&self) -> &str {
        &self.url
    }

    fn onlook(&self, own: Own) -> Onlook {
        let onlooker = self.handle.onlooker();
        Box::new(move || {
            let mut foreign = onlooker.foreign();
            foreign.retain(|ceremony| !own(ceremony.id));
            in_words(&foreign)
        })
    }

    fn broken(&self) -> watch::Receiver<Option<SafeText>> {
        self.handle.broken()
    }

    async fn end(self: Box<Self>) {
        self.handle.shutdown().await;
    }
}

fn in_words(foreign: &[ForeignCeremony]) -> SafeText {
    let Some(first) = foreign.first() else {
        return SafeText::default();
    };
    let operators: Vec<_> = first.operators.iter().map(ToString::to_string).collect();
    let more = match foreign.len() {
        0 | 1 => String::new(),
        n => format!("; and {} more", n - 1),
    };
    SafeText::new(&format!(
        "somebody else, from {}, had operators {} take part in ceremony {} at our messenger: it is none of this oracle's, nor of \
         an initiator that is configured{more}",
        first.from,
        operators.join(", "),
        first.id
    ))
}

/// Keys that are not configured come from SSV's registry, in the form that RockX reads.
#[derive(Debug)]
struct KeysOfOperators {
    rockx: RockX,
    configured: BTreeMap<OperatorId, OperatorRecord>,
    registry: Directory<OperatorPublicKey>,
}

#[async_trait]
impl Roster for KeysOfOperators {
    async fn complete(&self) -> Result<BTreeMap<OperatorId, OperatorRecord>, SafeText> {
        let mut operators = self.configured.clone();
        fill_in(&mut operators, &self.registry)
            .await
            .map_err(|error| SafeText::new(&error.to_string()))?;
        self.rockx.learn(operators.clone());
        Ok(operators)
    }
}

fn initiator(config: &Config, http: &Http, messenger_url: &str) -> Result<InitiatorConfig, BackendError> {
    let signing_key = match &config.dkg.initiator_key_file {
        None => None,
        Some(path) => Some(Arc::new(signing_key(path)?)),
    };
    Ok(InitiatorConfig {
        observer_listen: config.dkg.observer_listen,
        observer_public_url: config
            .dkg
            .observer_public_url
            .as_ref()
            .map(|url| url.expose().to_owned()),
        observer_trusted_proxies: config.dkg.observer_trusted_proxies.clone(),
        round_deadline: config.dkg.round_deadline,
        total_deadline: config.dkg.round_deadline * ROUNDS_IN_ALL,
        signing_key,
        messenger_is_ours: matches!(config.dkg.messenger, MessengerChoice::Embedded { .. }),
        http: http.clone(),
        ..InitiatorConfig::new(messenger_url, config.operators.by_id.clone())
    })
}

pub(super) fn signing_key(path: &Path) -> Result<OperatorPrivateKey, BackendError> {
    let refused = |problem: String| BackendError::InitiatorKey {
        path: path.to_owned(),
        problem,
    };
    let file = SecretFile::read(path, OperatorPrivateKey::MAX_FILE).map_err(|e| refused(e.to_string()))?;
    if let Some(warning) = file.warning("key of the initiator", path) {
        tracing::warn!(target: "engine", "{warning}");
    }
    OperatorPrivateKey::parse(&file.text).map_err(|e| refused(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_that_can_be_configured_can_be_started() {
        let known: Vec<_> = backends::ALL.iter().map(|known| &known.name).collect();
        let started: Vec<_> = STARTS.iter().map(|(name, _)| name).collect();
        assert_eq!(known, started);
    }
}
