//! The hash chain.

use sha2::{Digest, Sha256};

use crate::types::{Root, UnixMillis};

/// One record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// 1 for the first.
    pub seq: u64,
    /// When it was appended.
    pub at: UnixMillis,
    /// Kind, as in `Record::kind`.
    pub kind: String,
    /// JSON text, exactly as hashed.
    pub body: String,
    /// Hash of this record and, through the chain, of all before it.
    pub hash: Root,
}

/// The hash before the first record.
pub(super) const GENESIS: Root = Root([0; 32]);

/// The hash of a record that follows `previous`.
pub(super) fn link(previous: Root, seq: u64, at: UnixMillis, kind: &str, body: &str) -> Root {
    let mut hash = Sha256::new();
    hash.update(b"casimir-dkg journal v1\0");
    hash.update(previous.0);
    hash.update(seq.to_be_bytes());
    hash.update(at.0.to_be_bytes());
    for part in [kind, body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Root(hash.finalize().into())
}

/// Walks a chain record by record.
#[derive(Debug)]
pub(super) struct Walker {
    pub(super) seq: u64,
    pub(super) hash: Root,
}

impl Walker {
    pub(super) fn new() -> Self {
        Self {
            seq: 0,
            hash: GENESIS,
        }
    }

    /// Takes the next record, or says what is wrong with it: (record number, problem).
    pub(super) fn accept(&mut self, entry: &Entry) -> Result<(), (u64, String)> {
        let expected = self.seq + 1;
        if entry.seq != expected {
            return Err((
                expected,
                format!("is missing (record {} stands in its place)", entry.seq),
            ));
        }
        let hash = link(self.hash, entry.seq, entry.at, &entry.kind, &entry.body);
        if hash != entry.hash {
            return Err((
                entry.seq,
                "does not match its hash: it, or the order of records, was changed".to_owned(),
            ));
        }
        self.seq = entry.seq;
        self.hash = hash;
        Ok(())
    }
}
