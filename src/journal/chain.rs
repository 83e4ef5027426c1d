//! The hash chain.

use sha2::{Digest, Sha256};

use super::format::FORMAT;
use crate::types::{Root, UnixMillis};

/// One record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// 1 for the first.
    pub seq: u64,
    /// Format that it was written in; records of format 1 do not name theirs.
    #[serde(default = "first_format", skip_serializing_if = "is_first_format")]
    pub format: u32,
    /// When it was appended.
    pub at: UnixMillis,
    /// Kind, as in `Record::kind`.
    pub kind: String,
    /// JSON text, exactly as hashed.
    pub body: String,
    /// Hash of this record and, through the chain, of all before it.
    pub hash: Root,
}

fn first_format() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_first_format(format: &u32) -> bool {
    *format == 1
}

/// The hash before the first record.
pub(super) const GENESIS: Root = Root([0; 32]);

/// The hash of a record that follows `previous`. The format is in it, so that no record can be read as one of another.
pub(super) fn link(previous: Root, format: u32, seq: u64, at: UnixMillis, kind: &str, body: &str) -> Root {
    let mut hash = Sha256::new();
    hash.update(format!("casimir-dkg journal v{format}\0"));
    hash.update(previous.0);
    hash.update(seq.to_be_bytes());
    hash.update(at.0.to_be_bytes());
    for part in [kind, body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Root(hash.finalize().into())
}

/// A record whose place in the chain was verified before: a walk may begin behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Anchor {
    /// Its number; 0 is the beginning.
    pub seq: u64,
    /// In the hash chain, so over every record before it, too.
    pub hash: Root,
}

impl Anchor {
    /// Before the first record.
    pub const BEGINNING: Self = Self {
        seq: 0,
        hash: GENESIS,
    };
}

/// Walks a chain record by record.
#[derive(Debug)]
pub(super) struct Walker {
    last: Anchor,
    format: u32,
}

impl Walker {
    pub(super) fn behind(anchor: Anchor) -> Self {
        Self {
            last: anchor,
            format: 1,
        }
    }

    /// The newest record that was accepted.
    pub(super) fn last(&self) -> Anchor {
        self.last
    }

    /// Takes the next record, or says what is wrong with it: (record number, problem).
    pub(super) fn accept(&mut self, entry: &Entry) -> Result<(), (u64, String)> {
        let expected = self.last.seq + 1;
        if entry.seq != expected {
            return Err((
                expected,
                format!("is missing (record {} stands in its place)", entry.seq),
            ));
        }
        // a file says its format itself, and what stands in it need not keep to that
        if entry.format > FORMAT {
            let found = entry.format;
            return Err((
                entry.seq,
                format!(
                    "is of format {found}, which is of a newer casimir-dkg (this one reads up to {FORMAT}); run that one"
                ),
            ));
        }
        if entry.format < self.format {
            return Err((
                entry.seq,
                format!(
                    "is of format {}, after one of format {}",
                    entry.format, self.format
                ),
            ));
        }
        let hash = link(
            self.last.hash,
            entry.format,
            entry.seq,
            entry.at,
            &entry.kind,
            &entry.body,
        );
        if hash != entry.hash {
            return Err((
                entry.seq,
                "does not match its hash: it, or the order of records, was changed".to_owned(),
            ));
        }
        self.format = entry.format;
        self.last = Anchor { seq: entry.seq, hash };
        Ok(())
    }
}
