//! The state at a past moment: the records up to there make it once more. What is not journaled (the chain, who answers) is
//! not in it, and so nothing says what held things up.
//!
//! Whoever looks at one moment looks at others near it. A few states are kept, and only the records between the nearest
//! one and the moment are read.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

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

/// So many states are kept: one of 10,000 pools has some tens of MB.
const KEPT: usize = 4;
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

/// States that were looked at, the newest look last. One look reads at a time, so that many of them take no more memory.
#[derive(Debug, Default)]
pub(in crate::engine) struct Folds(Mutex<Vec<Fold>>);

impl Folds {
    fn upto(&self, archive: &Archive, last: u64) -> Result<Fold, Refused> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.iter().filter(|fold| fold.anchor.seq <= last);
        let nearest = before.max_by_key(|fold| fold.anchor.seq);
        let mut fold = nearest.cloned().unwrap_or_else(Fold::nothing);
        let way = last - fold.anchor.seq;
        if way > FAR {
            let middle = fold.anchor.seq + way / 2;
            fold = fold.on(archive, middle)?;
            keep(&mut kept, &fold);
        }
        fold = fold.on(archive, last)?;
        keep(&mut kept, &fold);
        Ok(fold)
    }
}

#[cfg(test)]
impl Folds {
    /// How many are kept.
    pub(super) fn kept(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

fn keep(kept: &mut Vec<Fold>, fold: &Fold) {
    kept.retain(|other| other.anchor.seq != fold.anchor.seq);
    if kept.len() == KEPT {
        kept.remove(0);
    }
    kept.push(fold.clone());
}

/// Whether a moment lies behind everything that is known: a record that was not written yet, or a time that has not come. A
/// time between the newest record and now is known: it was as that record left it.
fn beyond(at: PastMoment, newest: &Fold, now: UnixMillis) -> bool {
    match at {
        PastMoment::Record(record) => record > newest.anchor.seq,
        PastMoment::Time(at) => at > now && at > newest.at,
    }
}

fn too_early(archive: &Archive) -> Refused {
    match Fold::nothing().on(archive, 1) {
        Ok(first) if first.anchor.seq == 1 => Refused::NotNow(SafeText::new(&format!(
            "the first record is 1 of {}; nothing is known of before",
            first.at.to_rfc3339()
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
    let last = match at {
        PastMoment::Record(record) => record,
        PastMoment::Time(at) => archive.newest_at(at)?,
    };
    if last == 0 {
        return Err(too_early(archive));
    }
    let fold = folds.upto(archive, last)?;
    if beyond(at, &fold, UnixMillis::now()) {
        let words = format!(
            "the newest record is {} of {}; nothing is known of later",
            fold.anchor.seq,
            fold.at.to_rfc3339()
        );
        return Err(Refused::NotNow(SafeText::new(&words)));
    }
    let Fold {
        anchor,
        at: newest,
        durable,
    } = fold;
    let state = State::restored(settings.clone(), durable);
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
    Ok(Listing {
        rows: Rows::Past(Box::new(snapshot)),
        older: 0,
    })
}
