//! The one place that turns what `[signer]` says into somebody who signs. A new kind of signer has its arm here, its
//! variant in [`SignerKey`], and a file of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy::primitives::Address;
use secrecy::SecretString;

use super::line::RemoteError;
use super::remote::RemoteSigner;
use super::{KeyPolicy, OracleSigner, SecretFile, SignerError, keystore, password};
use crate::config::{Config, NetworkName, SignerKey};
use crate::ports::TxSigner;

/// Longest file of a mnemonic: 24 words and some room.
const MAX_MNEMONIC: u64 = 4096;

/// Somebody who signs, and what a person should know of it.
#[derive(Debug)]
pub struct OpenedSigner {
    pub signer: Arc<dyn TxSigner>,
    /// What it is, in words: the file, or the kind of key.
    pub what: String,
    /// Files that others can read, and the like.
    pub warnings: Vec<String>,
}

/// Nobody can sign.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No password is configured, and it could not be asked for.
    #[error("the password of {} cannot be asked for here ({why}); use signer.password_file", .path.display())]
    NoPassword {
        /// The keystore.
        path: PathBuf,
        /// Why nobody was asked.
        why: String,
        /// The account that the keystore says it holds, unproven until it opens.
        address: Option<Address>,
    },
    /// The password file is of no use.
    #[error(transparent)]
    Password(#[from] password::PasswordError),
    /// The keystore does not open.
    #[error(transparent)]
    Keystore(#[from] keystore::KeystoreError),
    /// A mnemonic is of no use.
    #[error("{place}: {error}")]
    Mnemonic {
        /// The file or the key of the configuration.
        place: String,
        /// What is wrong.
        #[source]
        error: SignerError,
    },
    /// A file cannot be read.
    #[error("mnemonic file {}: {error}", .path.display())]
    File {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
    /// A signer elsewhere cannot be asked.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The key is of another account than the one that is expected.
    #[error("the key is of {actual}, but signer.address says {expected}: one of both is wrong")]
    Account {
        /// By the key.
        actual: Address,
        /// By the configuration.
        expected: Address,
    },
}

/// Opens what is configured; none in mode observe. `ask` is asked for a keystore's password where no file and no variable
/// has it.
///
/// # Errors
/// See [`OpenError`].
pub fn open(
    config: &Config,
    ask: impl FnOnce(&Path) -> Result<SecretString, String>,
) -> Result<Option<OpenedSigner>, OpenError> {
    let policy = match config.network.name {
        NetworkName::Devnet => KeyPolicy::DevelopmentKeys,
        _ => KeyPolicy::KeystoreOnly,
    };
    let opened = match &config.signer.key {
        SignerKey::Absent => return Ok(None),
        SignerKey::Keystore {
            path,
            password_file,
            password,
        } => from_keystore(path, password_file.as_deref(), password.as_ref(), ask)?,
        SignerKey::MnemonicFile { path, index } => {
            let place = format!("mnemonic file {}", path.display());
            let file = SecretFile::read_once(path, MAX_MNEMONIC).map_err(|error| OpenError::File {
                path: path.clone(),
                error,
            })?;
            let mut opened = from_mnemonic(place, &SecretString::from(file.text.trim()), *index, policy)?;
            opened.warnings.extend(file.warning("mnemonic file", path));
            opened
        }
        SignerKey::Mnemonic { phrase, index } => {
            from_mnemonic("signer.mnemonic".to_owned(), phrase, *index, policy)?
        }
        SignerKey::Remote(key) => {
            let (signer, warnings) = RemoteSigner::new(key, &config.http)?;
            OpenedSigner {
                what: signer.name().to_string(),
                signer: Arc::new(signer),
                warnings,
            }
        }
    };
    let actual = opened.signer.address();
    match config.signer.address {
        Some(expected) if expected != actual => Err(OpenError::Account { actual, expected }),
        _ => Ok(Some(opened)),
    }
}

fn from_keystore(
    path: &Path,
    file: Option<&Path>,
    given: Option<&SecretString>,
    ask: impl FnOnce(&Path) -> Result<SecretString, String>,
) -> Result<OpenedSigner, OpenError> {
    let mut warnings = Vec::new();
    let password = match (given, file) {
        (Some(given), _) => given.clone(),
        (None, Some(file)) => {
            let found = password::from_file(file)?;
            warnings.extend(found.warning);
            found.password
        }
        (None, None) => match ask(path) {
            Ok(password) => password,
            Err(why) => {
                return Err(OpenError::NoPassword {
                    path: path.to_owned(),
                    why,
                    address: keystore::address(path)?,
                });
            }
        },
    };
    let opened = keystore::open(path, &password)?;
    warnings.extend(opened.warning);
    Ok(OpenedSigner {
        signer: Arc::new(opened.signer),
        what: path.display().to_string(),
        warnings,
    })
}

fn from_mnemonic(
    place: String,
    words: &SecretString,
    index: u32,
    policy: KeyPolicy,
) -> Result<OpenedSigner, OpenError> {
    match OracleSigner::from_mnemonic(words, index, policy) {
        Ok(signer) => Ok(OpenedSigner {
            signer: Arc::new(signer),
            what: "a mnemonic, on a devnet".to_owned(),
            warnings: Vec::new(),
        }),
        Err(error) => Err(OpenError::Mnemonic { place, error }),
    }
}
