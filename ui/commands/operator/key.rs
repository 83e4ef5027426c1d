//! The node's RSA key, in every form that RockX's nodes read.

use std::path::Path;

use anyhow::{Context, bail};
use casimir_dkg::config::NodeKey;
use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::signer::{SecretFile, password};
use secrecy::ExposeSecret;

use crate::output;

/// Whether it is RockX's encrypted JSON, and no PEM.
pub(super) fn is_encrypted(path: &Path) -> bool {
    let found = SecretFile::read(path, OperatorPrivateKey::MAX_FILE);
    found.is_ok_and(|found| is_json(&found.text))
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

pub(crate) fn read(key: &NodeKey) -> anyhow::Result<OperatorPrivateKey> {
    read_with(key, "node.password_file")
}

/// `password_at`: where a person says the password's file.
pub(crate) fn read_with(key: &NodeKey, password_at: &str) -> anyhow::Result<OperatorPrivateKey> {
    match key {
        NodeKey::Inline(text) => {
            OperatorPrivateKey::parse(text.expose_secret()).context("the key of the environment")
        }
        NodeKey::File { path, password_file } => {
            let shown = path.display().to_string();
            let found = SecretFile::read(path, OperatorPrivateKey::MAX_FILE)
                .with_context(|| format!("cannot read {shown}"))?;
            if let Some(warning) = found.warning("key file", path) {
                output::note(&format!("warning: {warning}"));
            }
            let text = found.text;
            if !is_json(&text) {
                return OperatorPrivateKey::parse(&text).context(shown);
            }
            let Some(file) = password_file else {
                bail!("{shown} is encrypted: set {password_at}");
            };
            let found = password::from_file(file)?;
            if let Some(warning) = found.warning {
                output::note(&format!("warning: {warning}"));
            }
            OperatorPrivateKey::open(&text, &found.password).context(shown)
        }
    }
}
