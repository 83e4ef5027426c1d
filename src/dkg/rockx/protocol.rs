//! RockX in the table of backends: what is started for it, and how its operators' keys are had.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::backend::RockX;
use super::initiator::InitiatorConfig;
use super::keys::{OperatorPrivateKey, OperatorPublicKey};
use super::messenger::{self, MessengerConfig};
use super::transcript;
use crate::dkg::{Backend, BackendError, EmbeddedRelay, MessengerChoice, Roster, Start, Started};
use crate::operators::{Directory, Sources, fill_in};
use crate::types::{Examined, OperatorId, OperatorRecord, SafeText, Transcript, TranscriptError};

/// A ceremony may take this long in all before its outcome counts as unknown, in rounds.
const ROUNDS_IN_ALL: u32 = 15;

/// RockX before it runs.
#[derive(Debug)]
pub(crate) struct Protocol;

#[async_trait]
impl Backend for Protocol {
    fn name(&self) -> &'static str {
        "rockx"
    }

    fn examine(&self, transcript: &Transcript) -> Result<Examined, TranscriptError> {
        transcript::examine(transcript)
    }

    async fn start(&self, with: Start<'_>) -> Result<Started, BackendError> {
        let (relay, messenger_url) = match &with.options.messenger {
            MessengerChoice::Foreign(url) => (None, url.expose().trim_end_matches('/').to_owned()),
            MessengerChoice::Embedded { .. } => {
                let relay = embedded(&with).await?;
                let url = relay.url.clone();
                (Some(relay), url)
            }
        };
        let initiator = initiator(&with, &messenger_url)?;
        let rockx = RockX::start(initiator)
            .await
            .map_err(|e| BackendError::new("dkg", e))?;
        let directory = Directory::new(Sources {
            api: with.registry,
            ..Sources::default()
        });
        let keys = KeysOfOperators {
            rockx: rockx.clone(),
            configured: with.operators.clone(),
            registry: directory.map_err(|e| BackendError::new("operators", e))?,
        };
        Ok(Started {
            ceremonies: Arc::new(rockx),
            roster: Arc::new(keys),
            relay,
        })
    }
}

/// A messenger within this process.
async fn embedded(with: &Start<'_>) -> Result<EmbeddedRelay, BackendError> {
    let MessengerChoice::Embedded { listen, public_url } = &with.options.messenger else {
        return Err(BackendError::new("messenger", "one elsewhere is configured"));
    };
    let settings = MessengerConfig {
        data_dir: Some(with.state.join("messenger")),
        http: with.http.clone(),
        ..MessengerConfig::new(*listen)
    };
    let handle = messenger::spawn(settings)
        .await
        .map_err(|e| BackendError::new("messenger", e))?;
    let url = public_url
        .as_ref()
        .map_or_else(|| handle.url(), |url| url.expose().to_owned());
    Ok(EmbeddedRelay {
        url,
        shutdown: Box::pin(handle.shutdown()),
    })
}

fn initiator(with: &Start<'_>, messenger_url: &str) -> Result<InitiatorConfig, BackendError> {
    let options = with.options;
    let signing_key = match &options.initiator_key_file {
        None => None,
        Some(path) => Some(Arc::new(signing_key(path)?)),
    };
    let public_url = options.observer_public_url.as_ref();
    Ok(InitiatorConfig {
        observer_listen: options.observer_listen,
        observer_public_url: public_url.map(|url| url.expose().to_owned()),
        round_deadline: options.round_deadline,
        total_deadline: options.round_deadline * ROUNDS_IN_ALL,
        signing_key,
        http: with.http.clone(),
        ..InitiatorConfig::new(messenger_url, with.operators.clone())
    })
}

fn signing_key(path: &Path) -> Result<OperatorPrivateKey, BackendError> {
    let refused = |problem: &dyn std::fmt::Display| {
        BackendError::new(format!("dkg.initiator_key_file {}", path.display()), problem)
    };
    let text = std::fs::read_to_string(path).map_err(|e| refused(&e))?;
    OperatorPrivateKey::parse(&text).map_err(|e| refused(&e))
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
            .map_err(|e| SafeText::new(&e.to_string()))?;
        self.rockx.learn(operators.clone());
        Ok(operators)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::BackendName;

    #[test]
    fn the_name_is_that_of_journals_and_transcripts() {
        assert_eq!(BackendName::new(Protocol.name()), BackendName::ROCKX);
    }
}
