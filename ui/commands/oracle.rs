//! What `console`, `headless` and `demo` share: the key, and the engine.

use std::sync::Arc;

use casimir_dkg::config::Config;
use casimir_dkg::engine::service::{self, Running, ServiceOptions};
use casimir_dkg::ports::TxSigner;
use casimir_dkg::signer;
use casimir_dkg::types::SafeText;
use secrecy::SecretString;

use crate::output;

/// Opens the oracle's key, asking for its password where no file has it.
pub(crate) fn open_signer(config: &Config) -> anyhow::Result<Option<Arc<dyn TxSigner>>> {
    let opened = signer::open(config, |keystore| {
        let prompt = format!("Password of {}: ", keystore.display());
        let text = rpassword::prompt_password(prompt).map_err(|error| error.to_string())?;
        Ok(SecretString::from(text))
    })?;
    Ok(opened.map(|opened| {
        opened.warnings.iter().for_each(|warning| output::note(warning));
        opened.signer
    }))
}

/// An engine of this process, and the socket at which others sit down at it: both end with this.
pub(crate) struct Started {
    pub(crate) running: Running,
    #[cfg(unix)]
    pub(crate) socket: Option<casimir_dkg::attach::Listening>,
}

/// Starts the engine, and opens its socket. The key is opened before, since its password may be asked for.
pub(crate) async fn start(
    config: Config,
    signer: Option<Arc<dyn TxSigner>>,
    simulated: Vec<SafeText>,
) -> anyhow::Result<Started> {
    #[cfg(unix)]
    let seat = config.seat();
    let running = service::start(ServiceOptions {
        config,
        signer,
        backend: None,
        simulated,
    })
    .await?;
    Ok(Started {
        #[cfg(unix)]
        socket: crate::seat::open(&seat, &running.handle).await,
        running,
    })
}
