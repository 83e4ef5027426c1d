//! The journal's own key: ed25519, made when the journal is, or at the first start that knows of keys. It signs checkpoints,
//! so that whoever holds its public half, which a record names, can tell this journal from one that was written anew. It needs
//! no account and no person: observe mode and remote signers have it, too.
//!
//! The private half stands beside the journal (`journal.key`, mode 0600) or where the configuration puts it. It is in no
//! backup. Whoever holds it can sign a forgery: what it proves, it proves of everybody else.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rand::RngCore as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::chain::Anchor;
use super::error::{JournalError, io_at};
use super::places::JournalOptions;
use crate::owner;
use crate::secrets::SecretFile;
use crate::types::{FormerKey, JournalKey, JournalSignature, Root, UnixMillis};

/// Kind of the record that names a public half.
pub(super) const KEYED: &str = "journal-keyed";
/// What the file begins with, before the seed (RFC 8032) in hex.
const FORM: &str = "casimir-dkg journal key v1 ";
/// Bytes of the file, and some to spare.
const LONGEST: u64 = 256;
/// Keeps a signature from meaning anything else anywhere else.
const TAG: &[u8] = b"casimir-dkg journal checkpoint v1\0";

/// The same, of a key that takes the place of another.
const HANDED: &[u8] = b"casimir-dkg journal key handed on v1\0";

/// The same, of secrets that are derived.
const DERIVED: &[u8] = b"casimir-dkg journal derived secret v1\0";

/// The private half.
pub(super) struct OwnKey {
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnKey of {}", self.public())
    }
}

impl OwnKey {
    /// The key in this file, if there is one.
    pub(super) fn read(place: &Path) -> Result<Option<Self>, JournalError> {
        let found = match SecretFile::read(place, LONGEST) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_at(place)(error)),
        };
        if let Some(worry) = found.warning("the journal's own key", place) {
            tracing::warn!(target: "files", "{worry}");
        }
        let pair = found
            .text
            .trim_end()
            .strip_prefix(FORM)
            .and_then(|digits| {
                let mut seed = Zeroizing::new([0; 32]);
                hex::decode_to_slice(digits, &mut *seed).ok()?;
                Ed25519KeyPair::from_seed_unchecked(&*seed).ok()
            })
            .ok_or_else(|| {
                io_at(place)(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "is no key of a journal",
                ))
            })?;
        Ok(Some(Self { pair }))
    }

    /// A new key, in this file, which must not exist. It is durable before it is returned.
    pub(super) fn make(place: &Path) -> Result<Self, JournalError> {
        let mut seed = Zeroizing::new([0; 32]);
        rand::rngs::OsRng.fill_bytes(&mut *seed);
        let text = Zeroizing::new(format!("{FORM}{}\n", &*Zeroizing::new(hex::encode(*seed))));
        let temporary = place.with_extension("key.new");
        let write = || {
            let _ = fs::remove_file(&temporary);
            let mut make = File::options();
            make.write(true).create_new(true);
            std::os::unix::fs::OpenOptionsExt::mode(&mut make, 0o600);
            let mut file = make.open(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            owner::settle(&temporary)?;
            fs::rename(&temporary, place)?;
            let directory = place.parent().filter(|at| !at.as_os_str().is_empty());
            File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(io_at(place))?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).expect("every 32 bytes are a seed");
        Ok(Self { pair })
    }

    /// The public half.
    pub(super) fn public(&self) -> JournalKey {
        JournalKey::try_from(self.pair.public_key().as_ref()).expect("ed25519 keys have 32 bytes")
    }

    /// Hands on to another key.
    pub(super) fn hand_on(&self, handed: &Handed) -> FormerKey {
        let signature = self.pair.sign(&handed.message());
        FormerKey {
            key: self.public(),
            signature: JournalSignature::try_from(signature.as_ref())
                .expect("ed25519 signatures have 64 bytes"),
        }
    }

    pub(super) fn sign(&self, said: &Acknowledged) -> Seal {
        let signature = self.pair.sign(&said.message());
        Seal {
            at: said.at,
            key: self.public(),
            signature: JournalSignature::try_from(signature.as_ref())
                .expect("ed25519 signatures have 64 bytes"),
        }
    }
}

/// The key in this file, which must be the one that a record names.
///
/// # Errors
/// [`JournalError::Key`] where a record names a key, and its file is missing or holds another one.
pub(super) fn held(place: &Path, named: Option<(u64, JournalKey)>) -> Result<Option<OwnKey>, JournalError> {
    let wrong = |problem| JournalError::Key {
        key: place.to_owned(),
        problem,
    };
    let found = OwnKey::read(place)?;
    match (named, &found) {
        (Some((record, key)), Some(found)) if found.public() != key => Err(wrong(format!(
            "holds the key {}, and record {record} names {key} as the journal's own{}",
            found.public(),
            where_it_is(place, key)
        ))),
        (Some((record, key)), None) => Err(wrong(format!(
            "is missing: it holds the journal's own key {key}, which record {record} names{}",
            where_it_is(place, key)
        ))),
        _ => Ok(found),
    }
}

/// The file beside `place` that holds this key, in words: `journal new-key` puts the former one aside, and a backup from
/// before it names that.
fn where_it_is(place: &Path, key: JournalKey) -> String {
    let found = put_aside(place, key);
    found.map_or_else(String::new, |(file, _)| {
        format!(
            ": {} holds that one, copy it to {}",
            file.display(),
            place.display()
        )
    })
}

/// This key in a file beside `place`, and which.
pub(super) fn put_aside(place: &Path, key: JournalKey) -> Option<(PathBuf, OwnKey)> {
    let files = fs::read_dir(owner::parent(place));
    let beside = files.into_iter().flatten().flatten().map(|file| file.path());
    let is_key =
        |file: &PathBuf| file.extension().is_some_and(|extension| extension == "key") && file != place;
    beside.filter(is_key).find_map(|file| {
        let found = OwnKey::read(&file).ok().flatten()?;
        (found.public() == key).then_some((file, found))
    })
}

/// Judges the key of this journal as a start does; `named` is what its records name, as in
/// [`super::Report::key`].
///
/// # Errors
/// [`JournalError::Key`] where a start would be refused for it, or the file cannot be read.
pub fn judge_key(options: &JournalOptions, named: Option<(u64, JournalKey)>) -> Result<(), JournalError> {
    let real = fs::canonicalize(&options.path).map_err(io_at(&options.path))?;
    held(&options.key_of(&real), named).map(drop)
}

/// A secret for what stands beside this journal and is nobody else's to write: from its own key and `purpose`,
/// the same for as long as the key is. None where the journal has no key yet.
///
/// # Errors
/// The key's file cannot be read.
pub fn derived_secret(
    options: &JournalOptions,
    purpose: &str,
) -> Result<Option<Zeroizing<[u8; 32]>>, JournalError> {
    let real = fs::canonicalize(&options.path).map_err(io_at(&options.path))?;
    let own = OwnKey::read(&options.key_of(&real))?;
    Ok(own.map(|own| {
        // a signature by RFC 8032 is the same each time, and nobody else can make it
        let signature = own.pair.sign(&[DERIVED, purpose.as_bytes()].concat());
        Zeroizing::new(Sha256::digest(signature.as_ref()).into())
    }))
}

/// What a signature covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Acknowledged {
    /// Hash of the journal's first record: which journal it is.
    pub(super) journal: Root,
    /// Format of the acknowledged record.
    pub(super) format: u32,
    pub(super) newest: Anchor,
    /// When it was acknowledged.
    pub(super) at: UnixMillis,
}

impl Acknowledged {
    fn message(&self) -> Vec<u8> {
        [
            TAG,
            &self.journal.0,
            &u64::from(self.format).to_be_bytes(),
            &self.newest.seq.to_be_bytes(),
            &self.newest.hash.0,
            &self.at.0.to_be_bytes(),
        ]
        .concat()
    }

    /// Whether the seal is right under the key that stands in it.
    pub(super) fn is_sealed(&self, seal: &Seal) -> bool {
        UnparsedPublicKey::new(&ED25519, seal.key.as_bytes())
            .verify(&self.message(), seal.signature.as_bytes())
            .is_ok()
    }
}

/// What a key signs when another takes its place: which one, and everything that stands before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handed {
    /// Hash of the journal's first record.
    pub(super) journal: Root,
    /// The record before the one that names the new key.
    pub(super) before: Anchor,
    pub(super) to: JournalKey,
}

impl Handed {
    fn message(&self) -> Vec<u8> {
        [
            HANDED,
            &self.journal.0,
            &self.before.seq.to_be_bytes(),
            &self.before.hash.0,
            self.to.as_bytes(),
        ]
        .concat()
    }

    /// Whether the former key's signature over it is right.
    pub(super) fn is_signed(&self, former: &FormerKey) -> bool {
        UnparsedPublicKey::new(&ED25519, former.key.as_bytes())
            .verify(&self.message(), former.signature.as_bytes())
            .is_ok()
    }
}

/// What stands behind number and hash in a signed checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) at: UnixMillis,
    pub(super) key: JournalKey,
    pub(super) signature: JournalSignature,
}

/// What a record of kind [`KEYED`] says of keys.
#[derive(serde::Deserialize)]
pub(super) struct Named {
    pub(super) key: JournalKey,
    /// The key before it, which signed it.
    #[serde(default)]
    pub(super) former: Option<FormerKey>,
}

/// What a record of kind [`KEYED`] names; none where it names no key.
pub(super) fn named(body: &str) -> Option<Named> {
    serde_json::from_str(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_file_and_what_it_signs_holds_for_every_field() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("journal.key");
        assert!(OwnKey::read(&place).unwrap().is_none());
        let made = OwnKey::make(&place).unwrap();
        let key = OwnKey::read(&place).unwrap().unwrap();
        assert_eq!(key.public(), made.public());
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&place).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let said = Acknowledged {
            journal: Root([1; 32]),
            format: 2,
            newest: Anchor {
                seq: 7,
                hash: Root([2; 32]),
            },
            at: UnixMillis(3),
        };
        let seal = key.sign(&said);
        assert!(said.is_sealed(&seal));
        let changes: [fn(&mut Acknowledged); 5] = [
            |s| s.journal = Root([9; 32]),
            |s| s.format = 3,
            |s| s.newest.seq = 8,
            |s| s.newest.hash = Root([9; 32]),
            |s| s.at = UnixMillis(4),
        ];
        for change in changes {
            let mut other = said;
            change(&mut other);
            assert!(!other.is_sealed(&seal), "{other:?}");
        }
        fs::write(&place, "something else\n").unwrap();
        let words = OwnKey::read(&place).unwrap_err().to_string();
        assert!(words.contains("journal.key: is no key of a journal"), "{words}");
    }
}
