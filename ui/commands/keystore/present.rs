//! Keys that are there: `keystore show` and `keystore passwd`.

use std::path::Path;

use anyhow::{Context, bail};
use casimir_dkg::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use casimir_dkg::secrets::{Placed, Successor};
use casimir_dkg::signer::{SecretFile, keystore};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{new_password, password_of, prompt, warn_unsynced};
use crate::args::{PasswdArgs, ShowKeyArgs};
use crate::exit::Outcome;
use crate::output;

/// What a file holds.
enum Kind {
    /// The oracle's account, under a password.
    Account,
    /// An operator's RSA key, under a password.
    Sealed(Zeroizing<String>),
    /// An operator's RSA key in clear.
    Plain(Zeroizing<String>),
}

fn kind(path: &Path) -> anyhow::Result<Kind> {
    let found = SecretFile::read(path, OperatorPrivateKey::MAX_FILE)
        .with_context(|| format!("cannot read {}", path.display()))?;
    if let Some(warning) = found.warning("key file", path) {
        output::note(&format!("warning: {warning}"));
    }
    if !found.text.trim_start().starts_with('{') {
        return Ok(Kind::Plain(found.text));
    }
    let fields: Value = serde_json::from_str(&found.text)
        .map_err(|error| anyhow::anyhow!("{}: neither a keystore nor a key: {error}", path.display()))?;
    // EIP-2335 has modules with a function each, the Web3 definition names
    let crypto = fields.get("crypto").or(fields.get("Crypto")).unwrap_or(&fields);
    Ok(if crypto["kdf"].is_object() {
        Kind::Sealed(found.text)
    } else {
        Kind::Account
    })
}

pub(super) fn show(args: &ShowKeyArgs, json: bool) -> anyhow::Result<Outcome> {
    let path = args.file.as_path();
    let shown = path.display().to_string();
    match kind(path)? {
        Kind::Account => {
            let found = keystore::describe(path)?;
            let opened = match &args.password_file {
                Some(file) => Some(keystore::open(path, &password_of(file)?)?.signer.address()),
                None => None,
            };
            let address = opened.or(found.address).map(|address| address.to_string());
            if json {
                output::json(&json!({
                    "file": path, "kind": "keystore", "address": address, "derivation": found.derivation,
                    "opened": opened.is_some(),
                }));
                return Ok(Outcome::Success);
            }
            output::line(&format!(
                "{shown}: a keystore of the oracle's account, {}",
                found.derivation
            ));
            output::line(&match (address, opened.is_some()) {
                (Some(address), true) => format!("address {address}, opened with the password"),
                (Some(address), false) => {
                    format!("address {address}, by the file's own word (give --password-file to prove it)")
                }
                (None, _) => "its address is not written in it (give --password-file)".to_owned(),
            });
        }
        Kind::Sealed(text) => {
            let key = match &args.password_file {
                Some(file) => {
                    Some(OperatorPrivateKey::open(&text, &password_of(file)?).context(shown.clone())?)
                }
                None => None,
            };
            operator(path, "an operator's key under a password", key.as_ref(), json);
        }
        Kind::Plain(text) => {
            let key = OperatorPrivateKey::parse(&text).context(shown)?;
            operator(path, "an operator's key in clear", Some(&key), json);
        }
    }
    Ok(Outcome::Success)
}

fn operator(path: &Path, what: &str, key: Option<&OperatorPrivateKey>, json: bool) {
    let print = |key: &OperatorPublicKey| hex::encode(Sha256::digest(key.as_spki_der()));
    let public = key.map(|key| key.public().to_registry_text());
    let fingerprint = key.map(|key| print(key.public()));
    if json {
        output::json(&json!({
            "file": path, "kind": "operator-key", "public_key": public, "fingerprint": fingerprint,
            "opened": key.is_some(),
        }));
        return;
    }
    output::line(&format!("{}: {what}", path.display()));
    match (public, fingerprint) {
        (Some(public), Some(fingerprint)) => {
            output::line(&format!("public key {public}"));
            output::line(&format!("fingerprint SHA-256:{fingerprint}"));
        }
        _ => output::line("its public key is not written in it (give --password-file)"),
    }
}

pub(super) fn passwd(args: &PasswdArgs, json: bool) -> anyhow::Result<Outcome> {
    let path = args.file.as_path();
    let kind = kind(path)?;
    if matches!(kind, Kind::Plain(_)) {
        bail!("{} is a key in clear: it has no password", path.display());
    }
    let present: SecretString = match &args.password_file {
        Some(file) => password_of(file)?,
        None => prompt("Present password: ")?,
    };
    // asked first: nobody chooses a password for a file that does not open
    let sealed = match &kind {
        Kind::Sealed(text) => {
            let shown = path.display().to_string();
            Some(OperatorPrivateKey::open(text, &present).context(shown)?)
        }
        Kind::Account | Kind::Plain(_) => {
            keystore::open(path, &present)?;
            None
        }
    };
    let new = new_password(args.new_password_file.as_deref())?;
    let (what, value) = match sealed {
        Some(key) => {
            warn_unsynced(&reseal(path, &key, &new)?, path);
            ("public_key", key.public().to_registry_text())
        }
        None => {
            let (signer, placed) = keystore::change_password(path, &present, &new)?;
            warn_unsynced(&placed, path);
            ("address", signer.address().to_string())
        }
    };
    if json {
        output::json(&json!({ "file": path, what: value }));
    } else {
        output::line(&format!(
            "{} opens with the new password; {} {value}",
            path.display(),
            what.replace('_', " ")
        ));
        output::line("Copies and backups of the file still open with the old one.");
    }
    Ok(Outcome::Success)
}

/// Replaces the file once the new one was written and opened.
fn reseal(path: &Path, key: &OperatorPrivateKey, new: &SecretString) -> anyhow::Result<Placed> {
    let text = Zeroizing::new(key.seal(new)?);
    let replace = || {
        let successor = Successor::of(path, text.as_bytes())?;
        let written = SecretFile::read(successor.path(), OperatorPrivateKey::MAX_FILE)?;
        let again = OperatorPrivateKey::open(&written.text, new)?;
        if again.public() != key.public() {
            bail!("what was written does not open as the same key");
        }
        anyhow::Ok(successor.take_over()?)
    };
    replace().with_context(|| format!("{} stays as it was", path.display()))
}
