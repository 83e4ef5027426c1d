//! Which DKG backend stands behind the port, and the messenger that it may need within this process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::config::{Config, MessengerChoice};
use crate::dkg::rockx::backend::RockX;
use crate::dkg::rockx::initiator::{InitiatorConfig, InitiatorError};
use crate::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use crate::dkg::rockx::messenger::{self, MessengerHandle};
use crate::http::Http;
use crate::operators::{self, RegistryError};
use crate::ports::Ceremonies;
use crate::types::BackendName;

/// A ceremony may take this long in all before its outcome counts as unknown, in rounds.
const ROUNDS_IN_ALL: u32 = 15;

/// What was started.
pub(super) struct Backend {
    pub(super) ceremonies: Arc<dyn Ceremonies>,
    /// A messenger within this process, and its base URL as operators reach it.
    pub(super) messenger: Option<(MessengerHandle, String)>,
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
    /// The initiator does not start.
    #[error("dkg: {0}")]
    Initiator(#[from] InitiatorError),
    /// The initiator's key cannot be read.
    #[error("dkg.initiator_key_file {path}: {problem}")]
    InitiatorKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// An operator's public key cannot be had.
    #[error("operators: {0}")]
    Operators(#[from] RegistryError),
}

type Start = for<'a> fn(&'a mut Config, &'a Http) -> BoxFuture<'a, Result<Backend, BackendError>>;

/// How each backend is started, by its name.
const STARTS: &[(BackendName, Start)] = &[(BackendName::ROCKX, |config, http| Box::pin(rockx(config, http)))];

/// Starts what is configured. Nothing is sent to any operator. What the backend needs of the operators, and the
/// configuration does not say, is looked up and kept in `config`.
pub(super) async fn start(config: &mut Config, http: &Http) -> Result<Backend, BackendError> {
    let name = config.dkg.backend.clone();
    match STARTS.iter().find(|(known, _)| *known == name) {
        Some((_, start)) => start(config, http).await,
        None => Err(BackendError::Unknown(name)),
    }
}

async fn rockx(config: &mut Config, http: &Http) -> Result<Backend, BackendError> {
    let configured = &mut config.operators;
    if let Some(api) = &configured.ssv_api {
        let network = config.network.name.as_str();
        operators::fill_in::<OperatorPublicKey>(&mut configured.by_id, http, api, network).await?;
    }
    let (messenger, url) = match &config.dkg.messenger {
        MessengerChoice::Foreign(url) => (None, url.expose().trim_end_matches('/').to_owned()),
        MessengerChoice::Embedded { listen, public_url } => {
            let data_dir = config.journal.path.with_file_name("messenger");
            let settings = messenger::MessengerConfig {
                data_dir: Some(data_dir),
                http: http.clone(),
                ..messenger::MessengerConfig::new(*listen)
            };
            let handle = messenger::spawn(settings).await?;
            let url = public_url
                .as_ref()
                .map_or_else(|| handle.url(), |url| url.expose().to_owned());
            (Some((handle, url.clone())), url)
        }
    };
    let rockx = RockX::start(initiator(config, http, &url)?).await?;
    Ok(Backend {
        ceremonies: Arc::new(rockx),
        messenger,
    })
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
        round_deadline: config.dkg.round_deadline,
        total_deadline: config.dkg.round_deadline * ROUNDS_IN_ALL,
        signing_key,
        messenger_is_ours: matches!(config.dkg.messenger, MessengerChoice::Embedded { .. }),
        http: http.clone(),
        ..InitiatorConfig::new(messenger_url, config.operators.by_id.clone())
    })
}

fn signing_key(path: &Path) -> Result<OperatorPrivateKey, BackendError> {
    let refused = |problem: String| BackendError::InitiatorKey {
        path: path.to_owned(),
        problem,
    };
    let text = std::fs::read_to_string(path).map_err(|e| refused(e.to_string()))?;
    OperatorPrivateKey::parse(&text).map_err(|e| refused(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::backends;

    #[test]
    fn every_backend_that_can_be_configured_can_be_started() {
        let known: Vec<_> = backends::ALL.iter().map(|known| &known.name).collect();
        let started: Vec<_> = STARTS.iter().map(|(name, _)| name).collect();
        assert_eq!(known, started);
    }
}
