//! The state at a past moment: the records up to there make it once more. What is not journaled (the chain, who answers) is
//! not in it, and so nothing says what held things up.

use std::path::Path;

use super::older::unreadable;
use super::{ValidatorRows, compose};
use crate::engine::live::Live;
use crate::journal::{Archive, JournalError};
use crate::oracle::{Durable, Record, Settings, State};
use crate::types::{SafeText, UnixMillis};
use crate::view::{JournalView, Listing, PastMoment, Refused, Rows};

impl From<JournalError> for Refused {
    fn from(error: JournalError) -> Self {
        unreadable(&error)
    }
}

/// Reads it from the journal at `path`.
pub(super) fn read(
    archive: &Archive,
    path: &Path,
    at: PastMoment,
    settings: &Settings,
    live: &Live,
) -> Result<Listing, Refused> {
    let last = match at {
        PastMoment::Record(record) => record,
        PastMoment::Time(at) => archive.newest_at(at)?,
    };
    if last == 0 {
        return Err(Refused::NotNow("the journal has no record of so long ago".into()));
    }
    let (mut durable, mut newest) = (Durable::default(), UnixMillis(0));
    let anchor = archive.walk_until(last, |entry| {
        let record = Record::read(&entry.kind, &entry.body).map_err(|problem| {
            Refused::Unavailable(SafeText::new(&format!("journal record {}: {problem}", entry.seq)))
        })?;
        durable.apply(entry.seq, entry.at, &record);
        newest = entry.at;
        Ok::<_, Refused>(())
    })?;
    if matches!(at, PastMoment::Record(_)) && anchor.seq < last {
        let words = format!("the journal ends at record {}", anchor.seq);
        return Err(Refused::NotNow(SafeText::new(&words)));
    }
    let state = State::restored(settings.clone(), durable);
    let journal = JournalView {
        records: anchor.seq,
        head: anchor.hash,
        path: SafeText::new(&path.display().to_string()),
        unwritable: None,
    };
    let mut snapshot = compose(&state, live, journal, anchor.seq, &mut ValidatorRows::default());
    snapshot.at = newest;
    snapshot.waits.clear();
    Ok(Listing {
        rows: Rows::Past(Box::new(snapshot)),
        older: 0,
    })
}
