//! What a start cannot believe of a journal that has a key of its own, although every hash is right: whoever writes all of it
//! anew, without the key, has no signature, and leaves the checkpoint away or leaves it unsigned.

use std::fmt;
use std::path::PathBuf;

use super::checkpoint::Signed;
use crate::types::JournalKey;

/// A person must look before anything is done on the word of this journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The record that names the key.
    pub record: u64,
    /// The record that is acknowledged without a signature; none where there is no checkpoint.
    pub acknowledged: Option<u64>,
    /// The file of the checkpoint.
    pub checkpoint: PathBuf,
}

impl Doubt {
    /// What is doubted of a journal of `records` records, whose newest key `named` is, with what was acknowledged.
    pub(super) fn of(
        named: Option<(u64, JournalKey)>,
        acknowledged: Option<u64>,
        signed: Option<&Signed>,
        records: u64,
        checkpoint: PathBuf,
    ) -> Option<Self> {
        let (record, _) = named.filter(|_| signed.is_none())?;
        // a run that was killed between its first commit, which names the key, and the first checkpoint that it signs
        let has_just_begun = acknowledged.unwrap_or(0) + 1 == record && records <= record + 1;
        (!has_just_begun).then_some(Self {
            record,
            acknowledged,
            checkpoint,
        })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (record, file) = (self.record, self.checkpoint.display());
        match self.acknowledged {
            Some(seq) => write!(
                f,
                "record {record} names the key that signs checkpoints of this journal, and {file}, which acknowledges record \
                 {seq}, is not signed: whoever wrote the journal anew could sign nothing"
            ),
            None => write!(
                f,
                "record {record} names the key that signs checkpoints of this journal, and there is no checkpoint ({file}): \
                 whether records followed its last one, or somebody wrote it anew, nothing here tells"
            ),
        }?;
        f.write_str(
            ". Compare it with a backup, an export or a hash that stands elsewhere (`journal verify --contains HASH`)",
        )
    }
}
