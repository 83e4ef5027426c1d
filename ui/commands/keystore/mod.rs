//! `keystore new`, `import`, `operator-key`, `show`, `passwd`.

mod present;

use std::path::Path;

use anyhow::{Context, bail};
use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::secrets::{Placed, create_whole};
use casimir_dkg::signer::{SecretFile, keystore, password};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::{ImportArgs, KeystoreCommand, NewArgs, OperatorKeyArgs};
use crate::early;
use crate::exit::Outcome;
use crate::output;

/// Longest file of a key in hex, with room for white space.
const MAX_KEY: u64 = 1024;
/// Shorter passwords are guessed.
const MIN_PASSWORD: usize = 10;

pub(crate) fn run(command: &KeystoreCommand, json: bool) -> anyhow::Result<Outcome> {
    match command {
        KeystoreCommand::New(args) => new(args, json),
        KeystoreCommand::Import(args) => import(args, json),
        KeystoreCommand::OperatorKey(args) => operator_key(args, json),
        KeystoreCommand::Show(args) => present::show(args, json),
        KeystoreCommand::Passwd(args) => present::passwd(args, json),
    }
}

fn new(args: &NewArgs, json: bool) -> anyhow::Result<Outcome> {
    refuse_existing(&args.out)?;
    let password = new_password(args.password_file.as_deref())?;
    let (signer, placed) = keystore::create(&args.out, &password)?;
    warn_unsynced(&placed, &args.out);
    report(&args.out, "address", &signer.address().to_string(), json);
    Ok(Outcome::Success)
}

fn import(args: &ImportArgs, json: bool) -> anyhow::Result<Outcome> {
    refuse_existing(&args.out)?;
    let key = match &args.key_file {
        Some(file) => {
            let found = SecretFile::read_once(file, MAX_KEY)
                .with_context(|| format!("cannot read {}", file.display()))?;
            if let Some(warning) = found.warning("key file", file) {
                output::note(&format!("warning: {warning}"));
            }
            SecretString::from(found.text.as_str())
        }
        None => prompt("Private key (64 hex digits, not shown): ")?,
    };
    let password = new_password(args.password_file.as_deref())?;
    let (signer, placed) = keystore::import(&args.out, &key, &password)?;
    warn_unsynced(&placed, &args.out);
    report(&args.out, "address", &signer.address().to_string(), json);
    Ok(Outcome::Success)
}

fn operator_key(args: &OperatorKeyArgs, json: bool) -> anyhow::Result<Outcome> {
    refuse_existing(&args.out)?;
    let key = OperatorPrivateKey::generate()?;
    let text = match &args.password_file {
        Some(file) => Zeroizing::new(key.seal(&password_of(file)?)?),
        None => key.to_pem()?,
    };
    write_new(&args.out, text.as_bytes())?;
    report(&args.out, "public_key", &key.public().to_registry_text(), json);
    Ok(Outcome::Success)
}

/// Asked before any password is, so that nobody types one in vain. Writing checks again.
pub(super) fn refuse_existing(path: &Path) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} exists already and is not overwritten", path.display());
    }
    Ok(())
}

/// Writes a new file with a key or what belongs to one.
pub(super) fn write_new(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let placed = create_whole(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    warn_unsynced(&placed, path);
    Ok(())
}

/// What a person has to know of a file that is in its place.
fn warn_unsynced(placed: &Placed, path: &Path) {
    if let Some(warning) = placed.warning(path) {
        output::note(&format!("warning: {warning}"));
    }
}

pub(super) fn report(path: &Path, what: &str, value: &str, json: bool) {
    if json {
        output::json(&json!({ "file": path, what: value }));
    } else {
        output::line(&format!("wrote {} (mode 600)", path.display()));
        output::line(&format!("{} {value}", what.replace('_', " ")));
    }
}

pub(super) fn password_of(file: &Path) -> anyhow::Result<SecretString> {
    let found = password::from_file(file)?;
    if let Some(warning) = found.warning {
        output::note(&format!("warning: {warning}"));
    }
    Ok(found.password)
}

pub(super) fn new_password(file: Option<&Path>) -> anyhow::Result<SecretString> {
    let password = match (file, std::env::var("CASIMIR_DKG_KEYSTORE_PASSWORD")) {
        (Some(file), _) => password_of(file)?,
        (None, Ok(password)) => password.into(),
        (None, Err(_)) => {
            let first = prompt("New password: ")?;
            let second = prompt("Again: ")?;
            if first.expose_secret() != second.expose_secret() {
                bail!("the two passwords differ");
            }
            first
        }
    };
    let length = password.expose_secret().chars().count();
    if length < MIN_PASSWORD {
        bail!("the password has {length} characters; at least {MIN_PASSWORD} are needed");
    }
    Ok(password)
}

pub(super) fn prompt(text: &str) -> anyhow::Result<SecretString> {
    early::ask_hidden(text)
        .context("nobody can be asked here (no terminal): use --password-file, and --key-file for a key")
}
