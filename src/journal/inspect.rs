//! Reading a journal without writing it: `journal show`, `verify` and `export`. Works while an oracle runs, and for
//! whoever has only a copy or an export.

use std::path::Path;

use super::chain::{Anchor, Entry};
use super::checkpoint::{Checkpoint, Signed, Stated};
use super::doubt::Doubt;
use super::error::{JournalError, io_at};
use super::export;
use super::format;
use super::lineage::{self, Lineage, Succession};
use super::own_key::{self, KEYED};
use super::places::JournalOptions;
use super::read::walk;
use super::schema;
use super::source::open_read_only;
use crate::types::{JournalKey, Root};

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Records, all of them linked.
    pub records: u64,
    /// Hash of the newest.
    pub head: Root,
    /// Format of the file.
    pub format: u32,
    /// The newest record that a checkpoint beside the journal names; none where there is no checkpoint, as beside a copy.
    pub acknowledged: Option<u64>,
    /// The newest record that was acknowledged with a signature of the journal's own key.
    pub signed: Option<Signed>,
    /// The newest key of the journal's own, and the record that names it.
    pub key: Option<(u64, JournalKey)>,
    /// Every key of the journal's own, in the order in which records name them.
    pub keys: Vec<Succession>,
    /// Why a start would not go on by itself, although all of it verifies.
    pub doubt: Option<Doubt>,
}

/// Every entry of the journal at `path`, in order, each handed to `take` only after its link was checked; then the
/// checkpoint, where there is one. This is what a start judges by, too.
pub(super) fn walk_all(
    options: &JournalOptions,
    mut take: impl FnMut(&Entry) -> Result<(), JournalError>,
) -> Result<Report, JournalError> {
    let path = options.path.as_path();
    let connection = open_read_only(path)?;
    // what stands beside it stands beside the file itself, by whatever name it is reached
    let real = std::fs::canonicalize(path).map_err(io_at(path))?;
    let checkpoint = Checkpoint::at(options.checkpoint_of(&real));
    // read first: an oracle that writes meanwhile moves it ahead of what is walked here
    let compared = checkpoint.compare(path, &connection);
    let format = format::found(path, &connection)?;
    let mut lineage = Lineage::default();
    let take = |entry: &Entry| {
        lineage.take(entry).map_err(lineage::broken(path, entry.seq))?;
        take(entry)
    };
    let last = match format {
        // made a moment ago, or emptied: the checkpoint tells which
        format::NONE if format::is_empty(path, &connection)? => Anchor::BEGINNING,
        _ => walk(path, &connection, Anchor::BEGINNING, u64::MAX, take)?,
    };
    let (acknowledged, signed) = match compared? {
        Some((anchor, signed)) => (Some(anchor.seq), signed),
        None => (None, None),
    };
    // records that do not verify are the graver finding
    if last.seq > 0 {
        schema::judge(path, &connection)?;
    }
    let file = checkpoint.path().to_owned();
    let keys = lineage.keys();
    let key = keys.last().map(|newest| (newest.record, newest.key));
    Ok(Report {
        records: last.seq,
        head: last.hash,
        format,
        acknowledged,
        doubt: Doubt::of(key, acknowledged, signed.as_ref(), last.seq, file),
        signed,
        key,
        keys,
    })
}

/// The key that a record names.
fn key_of(entry: &Entry) -> Option<(u64, JournalKey)> {
    let is_key = entry.kind == KEYED;
    is_key
        .then(|| own_key::named(&entry.body))
        .flatten()
        .map(|named| (entry.seq, named.key))
}

/// Judges what a checkpoint says of the records of an export.
fn compare(
    path: &Path,
    checkpoint: &Checkpoint,
    stated: &Stated,
    entries: &[Entry],
) -> Result<Option<Signed>, JournalError> {
    let newest = stated.newest;
    let found = entries.iter().find(|entry| entry.seq == newest.seq);
    let last = entries.last().map_or(0, |entry| entry.seq);
    checkpoint.judge(path, newest, found.map(|entry| entry.hash), last)?;
    let (Some(found), Some(first)) = (found, entries.first()) else {
        return Ok(None);
    };
    let upto = entries.iter().take_while(|entry| entry.seq <= newest.seq);
    let named = upto.filter_map(key_of).last();
    stated
        .signed(first.hash, found.format, named)
        .map_err(|problem| checkpoint.unsound(path, newest.seq, &problem))
}

/// Walks the chain of the journal at `path`, as a start does. A checkpoint beside it is compared.
///
/// # Errors
/// [`JournalError::Broken`] names the first bad record, [`JournalError::RolledBack`] records that were acknowledged and
/// are missing.
pub fn verify(path: &Path) -> Result<(Report, Vec<Entry>), JournalError> {
    verify_at(&JournalOptions::at(path))
}

/// The same for a journal or an export of one, compared with a checkpoint that may stand elsewhere: whoever has only a
/// copy can be given the checkpoint of the original.
///
/// # Errors
/// As above.
pub fn verify_with(path: &Path, checkpoint: Option<&Path>) -> Result<(Report, Vec<Entry>), JournalError> {
    verify_at(&JournalOptions {
        checkpoint: checkpoint.map(Path::to_owned),
        ..JournalOptions::at(path)
    })
}

/// The same for a journal that is where these options say, or an export of one.
///
/// # Errors
/// As above.
pub fn verify_at(options: &JournalOptions) -> Result<(Report, Vec<Entry>), JournalError> {
    let path = options.path.as_path();
    let mut entries = Vec::new();
    if !export::is_one(path)? {
        let take = |entry: &Entry| {
            entries.push(entry.clone());
            Ok(())
        };
        let report = walk_all(options, take)?;
        return Ok((report, entries));
    }
    of_an_export(options).map_err(JournalError::of_an_export)
}

fn of_an_export(options: &JournalOptions) -> Result<(Report, Vec<Entry>), JournalError> {
    let path = options.path.as_path();
    let (mut lineage, mut entries) = (Lineage::default(), Vec::new());
    let mut take = |entry: &Entry| {
        lineage.take(entry).map_err(lineage::broken(path, entry.seq))?;
        entries.push(entry.clone());
        Ok(())
    };
    let export::Walked {
        last,
        format,
        stated: inside,
    } = export::walk(path, &mut take)?;
    // an export brings its own; another one may be given
    let own = Checkpoint::at(path.to_owned());
    let given = options.checkpoint.clone().map(Checkpoint::at);
    let outside = given.as_ref().map(Checkpoint::stated).transpose()?.flatten();
    let mut said = Vec::new();
    said.extend(inside.as_ref().map(|stated| (&own, stated)));
    said.extend(given.as_ref().zip(outside.as_ref()));
    let mut signed: Option<Signed> = None;
    for (checkpoint, stated) in &said {
        let found = compare(path, checkpoint, stated, &entries)?;
        signed = signed.into_iter().chain(found).max_by_key(|signed| signed.upto);
    }
    let acknowledged = said.iter().map(|(_, stated)| stated.newest.seq).max();
    let keys = lineage.keys();
    let key = keys.last().map(|newest| (newest.record, newest.key));
    let file = given.as_ref().unwrap_or(&own).path().to_owned();
    let report = Report {
        records: last.seq,
        head: last.hash,
        format,
        acknowledged,
        // where nothing was acknowledged there is nothing to doubt: an export is no journal that a start would take
        doubt: acknowledged.and_then(|seq| Doubt::of(key, Some(seq), signed.as_ref(), last.seq, file)),
        signed,
        key,
        keys,
    };
    Ok((report, entries))
}
