//! What `console`, `headless` and `demo` share: the key, and the engine.

use std::path::Path;
use std::sync::Arc;

use casimir_dkg::config::Config;
use casimir_dkg::engine::service::{self, Running, ServiceOptions};
use casimir_dkg::ports::TxSigner;
use casimir_dkg::signer::{self, Asks, OpenError};
use casimir_dkg::types::SafeText;
use secrecy::SecretString;

use crate::output;

/// Opens the oracle's key, asking for its password where no file has it.
pub(crate) fn open_signer(config: &Config) -> anyhow::Result<Option<Arc<dyn TxSigner>>> {
    let Some(signing) = signer::open(config, &Terminal)? else {
        return Ok(None);
    };
    signing
        .warnings
        .iter()
        .for_each(|warning| output::note(warning.as_str()));
    Ok(signing.signer)
}

/// Whoever sits at the terminal.
struct Terminal;

impl Asks for Terminal {
    fn password_of(&self, path: &Path) -> Result<Option<SecretString>, OpenError> {
        let prompt = format!("Password of {}: ", path.display());
        let text = rpassword::prompt_password(prompt).map_err(|error| {
            OpenError::new(format!(
                "the keystore's password cannot be asked for here; use signer.password_file: {error}"
            ))
        })?;
        Ok(Some(SecretString::from(text)))
    }
}

/// Starts the engine. The key is opened before, since its password may be asked for.
pub(crate) async fn start(
    config: Config,
    signer: Option<Arc<dyn TxSigner>>,
    simulated: Vec<SafeText>,
) -> anyhow::Result<Running> {
    Ok(service::start(ServiceOptions {
        config,
        signer,
        backend: None,
        simulated,
    })
    .await?)
}
