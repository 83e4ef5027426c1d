//! Which DKG backend stands behind the port, and the messenger that it may need within this process.

use std::path::Path;
use std::sync::Arc;

use super::ServiceError;
use crate::config::{Config, MessengerChoice};
use crate::dkg::rockx::backend::RockX;
use crate::dkg::rockx::initiator::InitiatorConfig;
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::dkg::rockx::messenger::{self, MessengerHandle};
use crate::http::Http;
use crate::ports::Ceremonies;

/// A ceremony may take this long in all before its outcome counts as unknown, in rounds.
const ROUNDS_IN_ALL: u32 = 15;

/// What was started.
pub(super) struct Backend {
    pub(super) ceremonies: Arc<dyn Ceremonies>,
    /// A messenger within this process, and its base URL as operators reach it.
    pub(super) messenger: Option<(MessengerHandle, String)>,
}

/// Starts what is configured. Nothing is sent to any operator.
pub(super) async fn start(config: &Config, http: &Http) -> Result<Backend, ServiceError> {
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

fn initiator(config: &Config, http: &Http, messenger_url: &str) -> Result<InitiatorConfig, ServiceError> {
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
        http: http.clone(),
        ..InitiatorConfig::new(messenger_url, config.operators.by_id.clone())
    })
}

fn signing_key(path: &Path) -> Result<OperatorPrivateKey, ServiceError> {
    let refused = |problem: String| ServiceError::InitiatorKey {
        path: path.to_owned(),
        problem,
    };
    let text = std::fs::read_to_string(path).map_err(|e| refused(e.to_string()))?;
    OperatorPrivateKey::parse(&text).map_err(|e| refused(e.to_string()))
}
