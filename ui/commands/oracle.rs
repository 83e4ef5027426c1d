//! What `console`, `headless` and `demo` share: the key, and the engine.

use std::sync::Arc;

use crate::{early, output};
use casimir_dkg::config::Config;
use casimir_dkg::engine::service::{self, Alone, Running, ServiceOptions};
use casimir_dkg::ports::TxSigner;
use casimir_dkg::signer;
use casimir_dkg::types::SafeText;

/// Opens the oracle's key, asking for its password where no file has it.
pub(crate) fn open_signer(config: &Config) -> anyhow::Result<Option<Arc<dyn TxSigner>>> {
    let opened = signer::open(config, |keystore| {
        let prompt = format!("Password of {}: ", keystore.display());
        early::ask_hidden(&prompt).map_err(|error| error.to_string())
    })?;
    Ok(opened.map(|opened| {
        opened.warnings.iter().for_each(|warning| output::note(warning));
        opened.signer
    }))
}

/// An engine of this process, and the socket at which others sit down at it: both end with this.
pub(crate) struct Started {
    pub(crate) running: Running,
    pub(crate) socket: Option<casimir_dkg::attach::Listening>,
    /// Keeps other engines of this machine away from the account; none in mode observe.
    _alone: Option<Alone>,
}

/// Starts the engine, and opens its socket. The key is opened before, since its password may be asked for.
pub(crate) async fn start(
    config: Config,
    signer: Option<Arc<dyn TxSigner>>,
    simulated: Vec<SafeText>,
) -> anyhow::Result<Started> {
    let account = signer.as_ref().map(|signer| signer.address());
    let account = account.filter(|_| !config.policy.observes());
    let alone = match account {
        Some(account) => Some(service::alone(&config, account).await?),
        None => None,
    };
    let seat = config.seat();
    let running = service::start(ServiceOptions {
        config,
        signer,
        backend: None,
        simulated,
    })
    .await?;
    if let Some(words) = alone.as_ref().and_then(worries) {
        tracing::warn!(target: "engine", "{words}");
        running.tell(words).await;
    }
    Ok(Started {
        socket: crate::seat::open(&seat, &running.handle).await,
        running,
        _alone: alone,
    })
}

/// Who stands where only oracles should.
fn worries(alone: &Alone) -> Option<SafeText> {
    let all: Vec<_> = alone.worries().iter().map(SafeText::as_str).collect();
    (!all.is_empty()).then(|| SafeText::new(&all.join("; ")))
}
