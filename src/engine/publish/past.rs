//! The state at a past moment: the records up to there make it once more. What is not journaled (the chain, who answers) is
//! not in it, and so nothing says what held things up.
//!
//! Whoever looks at one moment looks at others near it. Two states are kept for some minutes, and only the records between
//! the nearest one and the moment are read.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::older::unreadable;
use super::{ValidatorRows, compose};
use crate::engine::live::Live;
use crate::journal::{Anchor, Archive, JournalError};
use crate::oracle::{Durable, Record, Settings, State};
use crate::types::{SafeText, UnixMillis};
use crate::view::{JournalView, Listing, PastMoment, Refused, Rows};

impl From<JournalError> for Refused {
    fn from(error: JournalError) -> Self {
        unreadable(&error)
    }
}

/// So many states are kept, ...
const KEPT: usize = 2;
/// ... which have so many bytes together when they are written down: one of 10,000 pools has some tens of MB.
const KEPT_BYTES: u64 = 64 << 20;
/// Whoever has not looked for so long looks elsewhere.
const UNUSED: Duration = Duration::from_secs(3 * 60);
/// Over a longer way a state is kept in the middle, too: a person goes back as well as on.
const FAR: u64 = 1_000;

/// The state up to a record.
#[derive(Debug, Clone)]
struct Fold {
    anchor: Anchor,
    /// When that record was written.
    at: UnixMillis,
    durable: Durable,
}

impl Fold {
    fn nothing() -> Self {
        Self {
            anchor: Anchor::BEGINNING,
            at: UnixMillis(0),
            durable: Durable::default(),
        }
    }

    /// The same further on, up to a record or the end of the journal.
    fn on(mut self, archive: &Archive, last: u64) -> Result<Self, Refused> {
        self.anchor = archive.walk_until(self.anchor, last, |entry| {
            let record = Record::read(&entry.kind, &entry.body).map_err(|problem| {
                Refused::Unavailable(SafeText::new(&format!("journal record {}: {problem}", entry.seq)))
            })?;
            self.durable.apply(entry.seq, entry.at, &record);
            self.at = entry.at;
            Ok::<_, Refused>(())
        })?;
        Ok(self)
    }
}

/// States that were looked at. One look reads at a time, so that many of them take no more memory.
#[derive(Debug, Default)]
pub(in crate::engine) struct Folds(Mutex<FoldCache>);

#[derive(Debug, Default)]
struct FoldCache {
    /// With what each takes, the newest look last.
    folds: Vec<(u64, Fold)>,
    looked: Option<Instant>,
}

impl FoldCache {
    fn keep(&mut self, fold: &Fold, bound: u64) {
        let known = self
            .folds
            .iter()
            .position(|(_, other)| other.anchor.seq == fold.anchor.seq);
        let kept = match known {
            Some(at) => self.folds.remove(at),
            None => (bytes(&fold.durable), fold.clone()),
        };
        self.folds.push(kept);
        let mut all: u64 = self.folds.iter().map(|(bytes, _)| bytes).sum();
        while self.folds.len() > KEPT || (all > bound && !self.folds.is_empty()) {
            all -= self.folds.remove(0).0;
        }
    }
}

impl Folds {
    fn upto(&self, archive: &Archive, last: u64, bound: u64) -> Result<Fold, Refused> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.folds.iter().map(|(_, fold)| fold);
        let before = before.filter(|fold| fold.anchor.seq <= last);
        let nearest = before.max_by_key(|fold| fold.anchor.seq);
        let mut fold = nearest.cloned().unwrap_or_else(Fold::nothing);
        let way = last - fold.anchor.seq;
        if way > FAR {
            let middle = fold.anchor.seq + way / 2;
            fold = fold.on(archive, middle)?;
            kept.keep(&fold, bound);
        }
        fold = fold.on(archive, last)?;
        kept.keep(&fold, bound);
        kept.looked = Some(Instant::now());
        Ok(fold)
    }

    /// Lets go of what nobody has looked at for some minutes. Whoever is looking at the moment keeps it.
    pub(in crate::engine) fn forget_unused(&self, now: Instant) {
        let Ok(mut kept) = self.0.try_lock() else { return };
        let unused = |looked: Instant| now.saturating_duration_since(looked) >= UNUSED;
        if kept.looked.is_some_and(unused) {
            *kept = FoldCache::default();
        }
    }
}

#[cfg(test)]
impl Folds {
    /// The records up to which states are kept.
    pub(super) fn kept(&self) -> Vec<u64> {
        let kept = self.0.lock().unwrap();
        kept.folds.iter().map(|(_, fold)| fold.anchor.seq).collect()
    }

    /// As a look at that record, where states may have so many bytes.
    pub(super) fn look(&self, path: &Path, last: u64, bound: u64) -> Result<(), Refused> {
        self.upto(&Archive::open(path)?, last, bound).map(drop)
    }
}

/// How much a state has when it is written down: a measure of the memory that it takes.
fn bytes(durable: &Durable) -> u64 {
    struct Counted(u64);
    impl io::Write for Counted {
        fn write(&mut self, written: &[u8]) -> io::Result<usize> {
            self.0 += written.len() as u64;
            Ok(written.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    // what cannot be written down is not kept
    serde_json::to_writer(&mut counted, durable).map_or(u64::MAX / 4, |()| counted.0)
}

/// The record up to which a moment is known. A record that was not written yet is not, nor is a time that has not come; a
/// time between the newest record and now is: it was as that record left it.
fn known(archive: &Archive, at: PastMoment, now: UnixMillis) -> Result<u64, Refused> {
    let nothing = || Refused::NotNow("the journal has no record yet".into());
    let (newest, written) = archive.newest()?.ok_or_else(nothing)?;
    let (last, beyond) = match at {
        PastMoment::Record(record) => (record, record > newest),
        PastMoment::Time(at) => (archive.newest_at(at)?.min(newest), at > now && at > written),
    };
    match last {
        _ if beyond => Err(Refused::NotNow(SafeText::new(&format!(
            "the newest record is {newest} of {}; nothing is known of later",
            written.to_utc()
        )))),
        0 => Err(too_early(archive)),
        last => Ok(last),
    }
}

fn too_early(archive: &Archive) -> Refused {
    match Fold::nothing().on(archive, 1) {
        Ok(first) if first.anchor.seq == 1 => Refused::NotNow(SafeText::new(&format!(
            "the first record is 1 of {}; nothing is known of before",
            first.at.to_utc()
        ))),
        Ok(_) => Refused::NotNow("the journal has no record yet".into()),
        Err(refused) => refused,
    }
}

/// Reads it from the journal at `path`, as far as it is not kept.
pub(super) fn read(
    archive: &Archive,
    path: &Path,
    at: PastMoment,
    settings: &Settings,
    live: &Live,
    folds: &Folds,
) -> Result<Listing, Refused> {
    let last = known(archive, at, UnixMillis::now())?;
    let fold = folds.upto(archive, last, KEPT_BYTES)?;
    let Fold {
        anchor,
        at: newest,
        durable,
    } = fold;
    let state = State::looked_back(settings.clone(), durable);
    let journal = JournalView {
        records: anchor.seq,
        head: anchor.hash,
        path: SafeText::new(&path.display().to_string()),
        checkpoint: None,
        unwritable: None,
    };
    let mut snapshot = compose(&state, live, journal, anchor.seq, &mut ValidatorRows::default());
    snapshot.at = newest;
    snapshot.waits.clear();
    snapshot.stopping = None;
    // they stand as they were journaled: how fresh they were then is not known
    for action in &mut snapshot.actions {
        action.faded = None;
    }
    Ok(Listing {
        rows: Rows::Past(Box::new(snapshot)),
        older: 0,
    })
}
