//! What `console`, `headless` and `demo` share: the key, and the engine.

use std::sync::Arc;

use anyhow::{Context, bail};
use casimir_dkg::config::{Config, NetworkName, SignerKey};
use casimir_dkg::engine::service::{self, Running, ServiceOptions};
use casimir_dkg::ports::TxSigner;
use casimir_dkg::signer::{KeyPolicy, OracleSigner, keystore, password};
use casimir_dkg::types::SafeText;
use secrecy::SecretString;

use crate::output;

/// Opens the oracle's key, asking for its password where no file has it.
pub(crate) fn open_signer(config: &Config) -> anyhow::Result<Option<Arc<dyn TxSigner>>> {
    let policy = match config.network.name {
        NetworkName::Devnet => KeyPolicy::DevelopmentKeys,
        _ => KeyPolicy::KeystoreOnly,
    };
    let signer = match &config.signer.key {
        SignerKey::Absent => return Ok(None),
        SignerKey::Keystore {
            path,
            password_file,
            password,
        } => {
            let password = match (password, password_file) {
                (Some(password), _) => password.clone(),
                (None, Some(file)) => {
                    let read = password::from_file(file)?;
                    read.warning.iter().for_each(|warning| output::note(warning));
                    read.password
                }
                (None, None) => ask(&format!("Password of {}: ", path.display()))?,
            };
            let opened = keystore::open(path, &password)?;
            opened.warning.iter().for_each(|warning| output::note(warning));
            opened.signer
        }
        SignerKey::MnemonicFile { path, index } => {
            let words =
                std::fs::read_to_string(path).with_context(|| format!("mnemonic file {}", path.display()))?;
            OracleSigner::from_mnemonic(&SecretString::from(words.trim()), *index, policy)
                .with_context(|| format!("mnemonic file {}", path.display()))?
        }
        SignerKey::Mnemonic { phrase, index } => {
            OracleSigner::from_mnemonic(phrase, *index, policy).context("signer.mnemonic")?
        }
    };
    if let Some(wanted) = config.signer.address.filter(|wanted| *wanted != signer.address()) {
        bail!(
            "the key is of {}, but signer.address says {wanted}",
            signer.address()
        );
    }
    Ok(Some(Arc::new(signer)))
}

fn ask(prompt: &str) -> anyhow::Result<SecretString> {
    let text = rpassword::prompt_password(prompt)
        .context("the keystore's password cannot be asked for here; use signer.password_file")?;
    Ok(SecretString::from(text))
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
