//! Making a step durable: before any of its effects, always.

use crate::inject;
use crate::journal::{Journal, JournalError, NewRecord};
use crate::oracle::{Durable, Effect, Record};
use crate::types::{JournalKey, UnixMillis};

/// What one or several steps gave and is not durable yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Each with the time at which it was taken into account.
    pub(super) records: Vec<(UnixMillis, Record)>,
    pub(super) effects: Vec<Effect>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.effects.is_empty()
    }
}

#[derive(Debug)]
pub(super) struct Committer {
    journal: Journal,
    /// Those that decide something, for tests that die at one of them.
    commits: u64,
}

impl Committer {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal, commits: 0 }
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Takes up the journal's own key; gives its public half where no record names it yet.
    pub(super) fn take_up_key(&mut self) -> Result<Option<JournalKey>, JournalError> {
        self.journal.take_up_key()
    }

    /// Looks whether the next commit would be where it should be.
    pub(super) fn look(&mut self) -> Result<(), JournalError> {
        self.journal.look()
    }

    /// Makes the records durable; returns the number of the first. `known` says which cases they are about: it has taken
    /// them into account already. On an error nothing was written and the same call may be made again, unless the error
    /// is final.
    pub(super) fn commit(&mut self, pending: &Pending, known: &Durable) -> Result<u64, JournalError> {
        let records = pending.records.iter();
        let rows: Vec<NewRecord> = records.map(|(at, record)| row(*at, record, known)).collect();
        // the position alone decides nothing
        let decides = |(_, record): &(_, Record)| !matches!(record, Record::EventsRead { .. });
        if !pending.records.iter().any(decides) {
            return self.journal.append(&rows);
        }
        inject::die_at(2 * self.commits + 1);
        let first = self.journal.append(&rows)?;
        self.commits += 1;
        inject::die_at(2 * self.commits);
        Ok(first)
    }
}

pub(super) fn row(at: UnixMillis, record: &Record, known: &Durable) -> NewRecord {
    let case = known.case_of(record).map(|case| case.to_string());
    let begun = match record {
        Record::CeremonyStarted { request, .. } => Some(request.to_string()),
        _ => None,
    };
    NewRecord {
        at,
        kind: record.kind(),
        body: serde_json::to_string(record).expect("records are plain data"),
        subjects: case.into_iter().chain(begun).collect(),
    }
}
