//! Keys that are there: `keystore show` and `keystore passwd`.

use std::path::Path;

use anyhow::{Context, bail};
use casimir_dkg::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use casimir_dkg::secrets::person::PersonSecret;
use casimir_dkg::secrets::{Placed, Successor};
use casimir_dkg::signer::{SecretFile, keystore};
use casimir_dkg::types::PersonKey;
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
    /// A person's key, under a password, with the public half that it names.
    Person(Zeroizing<String>, PersonKey),
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
    if let Some(public) = PersonSecret::named_in(&found.text) {
        return Ok(Kind::Person(found.text, public));
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
        Kind::Account => account(path, args.password_file.as_deref(), json)?,
        Kind::Person(text, named) => person(path, &text, named, args.password_file.as_deref(), json)?,
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

fn account(path: &Path, password: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let found = keystore::describe(path)?;
    let opened = match password {
        Some(file) => Some(keystore::open(path, &password_of(file)?)?.signer.address()),
        None => None,
    };
    let address = opened.or(found.address).map(|address| address.to_string());
    if json {
        output::json(&json!({
            "file": path, "kind": "keystore", "address": address, "derivation": found.derivation,
            "opened": opened.is_some(),
        }));
        return Ok(());
    }
    output::line(&format!(
        "{}: a keystore of the oracle's account, {}",
        path.display(),
        found.derivation
    ));
    output::line(&match address {
        Some(address) => format!("address {address}, {}", proved(opened.is_some())),
        None => "its address is not written in it (give --password-file)".to_owned(),
    });
    Ok(())
}

fn person(
    path: &Path,
    text: &str,
    named: PersonKey,
    password: Option<&Path>,
    json: bool,
) -> anyhow::Result<()> {
    if let Some(file) = password {
        PersonSecret::open(text, &password_of(file)?).with_context(|| path.display().to_string())?;
    }
    let opened = password.is_some();
    if json {
        output::json(&json!({ "file": path, "kind": "person-key", "key": named, "opened": opened }));
        return Ok(());
    }
    output::line(&format!("{}: a person's key under a password", path.display()));
    output::line(&format!("key {named}, {}", proved(opened)));
    Ok(())
}

/// How far a file's word on its key goes.
fn proved(opened: bool) -> &'static str {
    match opened {
        true => "opened with the password",
        false => "by the file's own word (give --password-file to prove it)",
    }
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

/// A key that was opened, to be written anew under another password.
enum Opened {
    /// With the present password: the account's file is written by the signer.
    Account(SecretString),
    Operator(OperatorPrivateKey),
    Person(PersonSecret),
}

/// Asked before the new password: nobody chooses one for a file that does not open.
fn open(path: &Path, password_file: Option<&Path>) -> anyhow::Result<Opened> {
    let shown = || path.display().to_string();
    let kind = kind(path)?;
    if let Kind::Plain(text) = &kind {
        let key = OperatorPrivateKey::parse(text).with_context(shown)?;
        if password_file.is_some() {
            bail!(
                "{} is a key in clear: it has no password yet, so give --new-password-file alone",
                path.display()
            );
        }
        output::note(&format!(
            "{} is a key in clear: it is put under a password",
            path.display()
        ));
        return Ok(Opened::Operator(key));
    }
    let present = match password_file {
        Some(file) => password_of(file)?,
        None => prompt("Present password: ")?,
    };
    Ok(match &kind {
        Kind::Sealed(text) | Kind::Plain(text) => {
            Opened::Operator(OperatorPrivateKey::open(text, &present).with_context(shown)?)
        }
        Kind::Person(text, _) => Opened::Person(PersonSecret::open(text, &present).with_context(shown)?),
        Kind::Account => {
            keystore::open(path, &present)?;
            Opened::Account(present)
        }
    })
}

pub(super) fn passwd(args: &PasswdArgs, json: bool) -> anyhow::Result<Outcome> {
    let path = args.file.as_path();
    let opened = open(path, args.password_file.as_deref())?;
    let new = new_password(args.new_password_file.as_deref())?;
    let (placed, what, value) = match opened {
        Opened::Operator(key) => {
            let text = Zeroizing::new(key.seal(&new)?);
            let is_same =
                |text: &str| anyhow::Ok(OperatorPrivateKey::open(text, &new)?.public() == key.public());
            (
                replace(path, &text, is_same)?,
                "public_key",
                key.public().to_registry_text().to_string(),
            )
        }
        Opened::Person(key) => {
            let text = Zeroizing::new(key.seal(&new));
            let is_same = |text: &str| anyhow::Ok(PersonSecret::open(text, &new)?.public() == key.public());
            (replace(path, &text, is_same)?, "key", key.public().to_string())
        }
        Opened::Account(present) => {
            let (signer, placed) = keystore::change_password(path, &present, &new)?;
            (placed, "address", signer.address().to_string())
        }
    };
    warn_unsynced(&placed, path);
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
fn replace(
    path: &Path,
    text: &str,
    is_same: impl Fn(&str) -> anyhow::Result<bool>,
) -> anyhow::Result<Placed> {
    let replace = || {
        let successor = Successor::of(path, text.as_bytes())?;
        let written = SecretFile::read(successor.path(), OperatorPrivateKey::MAX_FILE)?;
        if !is_same(&written.text)? {
            bail!("what was written does not open as the same key");
        }
        anyhow::Ok(successor.take_over()?)
    };
    replace().with_context(|| format!("{} stays as it was", path.display()))
}
