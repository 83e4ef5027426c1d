//! From the configuration to whoever signs. Every kind of signer is one file that implements [`Source`], and one line
//! in [`source`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use alloy::primitives::Address;
use secrecy::SecretString;

use super::{KeyPolicy, OracleSigner, keystore, password};
use crate::config::{Config, NetworkName, SignerKey};
use crate::ports::TxSigner;
use crate::types::SafeText;

/// Whom a password is asked of, where no file and no variable has it.
pub trait Asks {
    /// The password of this file; none where nobody can be asked now.
    ///
    /// # Errors
    /// Somebody was to be asked, and it did not work.
    fn password_of(&self, path: &Path) -> Result<Option<SecretString>, OpenError>;
}

/// The signer is opened where nobody can be asked: by `doctor`.
#[derive(Debug)]
pub struct AsksNobody;

impl Asks for AsksNobody {
    fn password_of(&self, _path: &Path) -> Result<Option<SecretString>, OpenError> {
        Ok(None)
    }
}

/// Why nobody can sign. It names the file, the key or the signer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(SafeText);

impl OpenError {
    /// From anything that says why.
    pub fn new(why: impl fmt::Display) -> Self {
        Self(SafeText::new(&why.to_string()))
    }
}

/// A signer, and what is to be said of it.
#[derive(Debug)]
pub struct Signing {
    /// Who signs; none where a password has to be asked for first.
    pub signer: Option<Arc<dyn TxSigner>>,
    /// The account; none where only an opened key tells it.
    pub address: Option<Address>,
    /// What it is, without a secret.
    pub what: SafeText,
    /// What is not as it should be, though it works: files that others can read.
    pub warnings: Vec<SafeText>,
}

/// A kind of signer, as it is configured.
pub(super) trait Source {
    /// Opens it. May take a second.
    fn open(&self, policy: KeyPolicy, asks: &dyn Asks) -> Result<Signing, OpenError>;
}

/// The table: which source each choice of `[signer]` is. None in mode observe.
fn source(key: &SignerKey) -> Option<Box<dyn Source + '_>> {
    Some(match key {
        SignerKey::Absent => return None,
        SignerKey::Keystore {
            path,
            password_file,
            password,
        } => Box::new(KeystoreFile {
            path,
            password_file: password_file.as_deref(),
            password: password.as_ref(),
        }),
        SignerKey::MnemonicFile { path, index } => Box::new(MnemonicFile { path, index: *index }),
        SignerKey::Mnemonic { phrase, index } => Box::new(Mnemonic {
            phrase,
            index: *index,
            from: "signer.mnemonic".to_owned(),
        }),
    })
}

/// Opens what is configured, and compares it with the account that is expected; none in mode observe.
///
/// # Errors
/// It cannot be opened, or is another account than `signer.address`.
pub fn open(config: &Config, asks: &dyn Asks) -> Result<Option<Signing>, OpenError> {
    let policy = match config.network.name {
        NetworkName::Devnet => KeyPolicy::DevelopmentKeys,
        _ => KeyPolicy::KeystoreOnly,
    };
    let Some(source) = source(&config.signer.key) else {
        return Ok(None);
    };
    let signing = source.open(policy, asks)?;
    match (signing.address, config.signer.address) {
        (Some(actual), Some(wanted)) if actual != wanted => Err(OpenError::new(format!(
            "the key is of {actual}, but signer.address says {wanted}"
        ))),
        _ => Ok(Some(signing)),
    }
}

struct KeystoreFile<'a> {
    path: &'a Path,
    password_file: Option<&'a Path>,
    password: Option<&'a SecretString>,
}

impl Source for KeystoreFile<'_> {
    fn open(&self, _policy: KeyPolicy, asks: &dyn Asks) -> Result<Signing, OpenError> {
        let mut warnings = Vec::new();
        let mut warn = |warning: Option<String>| warnings.extend(warning.map(|w| SafeText::new(&w)));
        let password = match (self.password, self.password_file) {
            (Some(password), _) => Some(password.clone()),
            (None, Some(file)) => {
                let read = password::from_file(file).map_err(OpenError::new)?;
                warn(read.warning);
                Some(read.password)
            }
            (None, None) => asks.password_of(self.path)?,
        };
        let what = SafeText::new(&self.path.display().to_string());
        let Some(password) = password else {
            let address = keystore::address(self.path).map_err(OpenError::new)?;
            return Ok(Signing {
                signer: None,
                address,
                what,
                warnings,
            });
        };
        let opened = keystore::open(self.path, &password).map_err(OpenError::new)?;
        warn(opened.warning);
        Ok(Signing {
            address: Some(opened.signer.address()),
            signer: Some(Arc::new(opened.signer)),
            what,
            warnings,
        })
    }
}

struct MnemonicFile<'a> {
    path: &'a Path,
    index: u32,
}

impl Source for MnemonicFile<'_> {
    fn open(&self, policy: KeyPolicy, asks: &dyn Asks) -> Result<Signing, OpenError> {
        let from = format!("mnemonic file {}", self.path.display());
        let words =
            std::fs::read_to_string(self.path).map_err(|error| OpenError::new(format!("{from}: {error}")))?;
        let mnemonic = Mnemonic {
            phrase: &SecretString::from(words.trim()),
            index: self.index,
            from,
        };
        mnemonic.open(policy, asks)
    }
}

struct Mnemonic<'a> {
    phrase: &'a SecretString,
    index: u32,
    /// The file or the key.
    from: String,
}

impl Source for Mnemonic<'_> {
    fn open(&self, policy: KeyPolicy, _asks: &dyn Asks) -> Result<Signing, OpenError> {
        let signer = OracleSigner::from_mnemonic(self.phrase, self.index, policy)
            .map_err(|error| OpenError::new(format!("{}: {error}", self.from)))?;
        Ok(Signing {
            address: Some(signer.address()),
            signer: Some(Arc::new(signer)),
            what: SafeText::new(&format!("account {} of the {}", self.index, self.from)),
            warnings: Vec::new(),
        })
    }
}
