//! Web3 secret storage, version 3: the key encrypted under a password. Any such file is read; ours are written with
//! geth's standard cost (scrypt, N = 262144), mode 0600, and never over another file.
//!
//! Format: <https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/>. Deriving the
//! key takes about a second and 256 MiB: call these from a blocking task.

use std::io;
use std::path::Path;

use alloy::primitives::Address;
use rand::RngCore as _;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::{OracleSigner, SecretFile, SignerError};
use crate::secrets::sealing::{CIPHER, KdfParams, NotOpened, Sealed, Standard};
use crate::secrets::{Placed, Successor, create_whole};
use crate::types::SafeText;

const MAX_FILE: u64 = 64 << 10;

/// A keystore cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The file system said no.
    #[error("keystore {path}: {source}")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
    /// There is such a file already; it is left alone.
    #[error("keystore {0} exists already and is not overwritten")]
    Exists(String),
    /// Not a version 3 keystore, or with parameters that are not supported.
    #[error("keystore {path}: {reason}")]
    Format {
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The password does not open it.
    #[error("keystore {0}: wrong password")]
    WrongPassword(String),
    /// The key in it belongs to another address than the file says.
    #[error("keystore {path}: it says {claimed}, but its key belongs to {actual}")]
    WrongAddress {
        path: String,
        /// The file's `address`.
        claimed: Address,
        /// The key's.
        actual: Address,
    },
    /// What was decrypted or imported is not a key.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// An opened keystore, and a warning about its file.
#[derive(Debug)]
pub struct OpenedKeystore {
    pub signer: OracleSigner,
    /// The file may be read by others than its owner.
    pub warning: Option<String>,
}

/// Makes a new key and writes it to `path`, which must not exist.
///
/// # Errors
/// See [`KeystoreError`].
pub fn create(path: &Path, password: &SecretString) -> Result<(OracleSigner, Placed), KeystoreError> {
    let signer = OracleSigner::random();
    let placed = write(path, &signer, password)?;
    Ok((signer, placed))
}

/// Writes a private key (hex) to `path`, which must not exist.
///
/// # Errors
/// See [`KeystoreError`].
pub fn import(
    path: &Path,
    key: &SecretString,
    password: &SecretString,
) -> Result<(OracleSigner, Placed), KeystoreError> {
    let signer = OracleSigner::from_private_key(key, super::KeyPolicy::DevelopmentKeys)?;
    let placed = write(path, &signer, password)?;
    Ok((signer, placed))
}

/// The address that a keystore claims, without its password; none when it does not say.
///
/// # Errors
/// The file cannot be read, or is no keystore.
pub fn address(path: &Path) -> Result<Option<Address>, KeystoreError> {
    Ok(read(path)?.0.address())
}

/// Decrypts a keystore.
///
/// # Errors
/// See [`KeystoreError`].
pub fn open(path: &Path, password: &SecretString) -> Result<OpenedKeystore, KeystoreError> {
    let (file, warning) = read(path)?;
    let shown = path.display().to_string();
    let bad = |reason: String| KeystoreError::Format {
        path: shown.clone(),
        reason,
    };
    if file.version != 3 {
        return Err(bad(format!("version {} is not supported", file.version)));
    }
    if file.crypto.cipher != CIPHER {
        return Err(bad(format!(
            "cipher \"{}\" is not supported",
            SafeText::new(&file.crypto.cipher)
        )));
    }
    let key = Standard::Web3V3.open(&file.crypto.sealed(), password);
    let key = key.map_err(|why| match why {
        NotOpened::Password => KeystoreError::WrongPassword(shown.clone()),
        NotOpened::Form(reason) => bad(reason),
    })?;
    let signer = OracleSigner::from_bytes(&key)?;
    if let Some(claimed) = file.address()
        && claimed != signer.address()
    {
        return Err(KeystoreError::WrongAddress {
            path: shown,
            claimed,
            actual: signer.address(),
        });
    }
    Ok(OpenedKeystore { signer, warning })
}

/// What a keystore says of itself, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The account, where it says so.
    pub address: Option<Address>,
    /// How a password becomes a key, with its cost.
    pub derivation: SafeText,
    /// The file may be read by others than its owner.
    pub warning: Option<String>,
}

/// Reads what a keystore says of itself. Whether that is so, only its password shows.
///
/// # Errors
/// The file cannot be read, or is no keystore.
pub fn describe(path: &Path) -> Result<Description, KeystoreError> {
    let (file, warning) = read(path)?;
    let KdfParams { n, r, p, c, .. } = &file.crypto.kdfparams;
    let mut derivation = file.crypto.kdf.clone();
    for (name, value) in [("n", n), ("r", r), ("p", p), ("c", c)] {
        if let Some(value) = value {
            derivation.push_str(&format!(" {name}={value}"));
        }
    }
    Ok(Description {
        address: file.address(),
        derivation: SafeText::new(&derivation),
        warning,
    })
}

/// Encrypts the key in a keystore under another password, at the cost of files that we write. The file is replaced when
/// the new one was written and opened, for the same owner, group and mode; until then it stays as it is.
///
/// # Errors
/// See [`KeystoreError`].
pub fn change_password(
    path: &Path,
    present: &SecretString,
    new: &SecretString,
) -> Result<(OracleSigner, Placed), KeystoreError> {
    let io = |source: io::Error| KeystoreError::Io {
        path: path.display().to_string(),
        source,
    };
    let signer = open(path, present)?.signer;
    let successor = Successor::of(path, encrypted(path, &signer, new)?.as_bytes()).map_err(io)?;
    let again = open(successor.path(), new)?.signer;
    if again.address() != signer.address() {
        return Err(KeystoreError::WrongPassword(
            successor.path().display().to_string(),
        ));
    }
    let placed = successor.take_over().map_err(io)?;
    Ok((signer, placed))
}

#[derive(Deserialize)]
struct KeystoreFile {
    address: Option<String>,
    // geth writes `crypto`, very old files `Crypto`
    #[serde(alias = "Crypto")]
    crypto: Crypto,
    version: u64,
}

impl KeystoreFile {
    fn address(&self) -> Option<Address> {
        let digits = self.address.as_deref()?;
        digits.strip_prefix("0x").unwrap_or(digits).parse().ok()
    }
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    kdf: String,
    kdfparams: KdfParams,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParams {
    iv: String,
}

impl Crypto {
    fn sealed(&self) -> Sealed<'_> {
        Sealed {
            kdf: &self.kdf,
            params: &self.kdfparams,
            iv: &self.cipherparams.iv,
            ciphertext: &self.ciphertext,
            check: &self.mac,
        }
    }
}

fn read(path: &Path) -> Result<(KeystoreFile, Option<String>), KeystoreError> {
    let shown = path.display().to_string();
    let file = SecretFile::read(path, MAX_FILE).map_err(|source| KeystoreError::Io {
        path: shown.clone(),
        source,
    })?;
    let warning = file.warning("keystore", path);
    let keystore = serde_json::from_str(&file.text).map_err(|e| KeystoreError::Format {
        path: shown,
        reason: format!("not a version 3 keystore: {e}"),
    })?;
    Ok((keystore, warning))
}

/// The name appears with the whole content or not at all, and never replaces a file.
fn write(path: &Path, signer: &OracleSigner, password: &SecretString) -> Result<Placed, KeystoreError> {
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeystoreError::Exists(path.display().to_string()),
        _ => KeystoreError::Io {
            path: path.display().to_string(),
            source,
        },
    };
    // before the second that the key takes
    if path.symlink_metadata().is_ok() {
        return Err(fail(io::ErrorKind::AlreadyExists.into()));
    }
    create_whole(path, encrypted(path, signer, password)?.as_bytes()).map_err(fail)
}

fn encrypted(path: &Path, signer: &OracleSigner, password: &SecretString) -> Result<String, KeystoreError> {
    encrypt(signer, password).map_err(|reason| KeystoreError::Format {
        path: path.display().to_string(),
        reason,
    })
}

fn encrypt(signer: &OracleSigner, password: &SecretString) -> Result<String, String> {
    let mut id = [0; 16];
    rand::rngs::OsRng.fill_bytes(&mut id);
    let written = Standard::Web3V3.seal(&signer.secret_bytes()[..], password)?;
    let keystore = json!({
        "address": hex::encode(signer.address()),
        "crypto": {
            "cipher": CIPHER,
            "cipherparams": {"iv": written.iv},
            "ciphertext": written.ciphertext,
            "kdf": written.kdf,
            "kdfparams": written.params,
            "mac": written.check,
        },
        "id": uuid::Builder::from_random_bytes(id).into_uuid().to_string(),
        "version": 3,
    });
    Ok(keystore.to_string())
}
