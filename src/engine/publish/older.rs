//! What left memory, read from the journal: the records of a case make its state once more, and the views are made of that.
//!
//! Lists go on where memory ends: case by case, first those of which only a part left, the newest first, then the one that
//! was closed last, and of each case what is newest first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::lists;
use super::past::{self, Folds};
use crate::engine::live::Live;
use crate::journal::{Archive, JournalError};
use crate::oracle::{Durable, Record, Settings, State};
use crate::types::{CaseId, RequestKind, SafeText};
use crate::view::{ListKind, Listing, PastMoment, Refused, RowId, Rows};

/// What is looked for.
#[derive(Debug)]
pub(super) enum PageQuery {
    /// The rows behind one that left memory, or behind everything that did not.
    Page {
        kind: ListKind,
        before: Option<RowId>,
        limit: usize,
    },
    One(RowId),
    /// Everything, as it was then.
    Past(PastMoment),
    /// These, in this order.
    Cases {
        ids: Vec<CaseId>,
        limit: usize,
    },
}

/// A query whose answer is in the journal. Reading it takes as long as the disk: not a task for whoever owns the state.
#[derive(Debug)]
pub(in crate::engine) struct Older {
    wanted: PageQuery,
    /// What memory has of it.
    first: Option<Rows>,
    /// Cases that are in memory: pages have them already, ...
    here: BTreeSet<CaseId>,
    /// ... but for so many rows of these, ...
    partly: BTreeMap<CaseId, u64>,
    /// ... which are not among these rows of them.
    rows_here: BTreeSet<RowId>,
    settings: Settings,
    live: Live,
}

/// Nothing could be read.
pub(super) fn unreadable(error: &JournalError) -> Refused {
    Refused::Unavailable(SafeText::new(&format!("the journal could not be read: {error}")))
}

impl Older {
    pub(super) fn new(state: &State, live: &Live, wanted: PageQuery) -> Self {
        let partly = match &wanted {
            PageQuery::Page { kind, .. } => lists::shed(state, *kind),
            PageQuery::One(_) | PageQuery::Past(_) | PageQuery::Cases { .. } => BTreeMap::new(),
        };
        let rows_here = match &wanted {
            PageQuery::Page { kind, .. } => lists::ids_of(state, *kind, partly.keys()),
            PageQuery::One(_) | PageQuery::Past(_) | PageQuery::Cases { .. } => BTreeSet::new(),
        };
        Self {
            wanted,
            first: None,
            here: state.cases.keys().copied().collect(),
            partly,
            rows_here,
            settings: state.settings.clone(),
            live: live.without_anything(),
        }
    }

    pub(super) fn after(mut self, first: Rows) -> Self {
        self.first = Some(first);
        self
    }

    /// Reads it from the journal at `path`.
    ///
    /// # Errors
    /// The journal cannot be read, or the row that a page follows is nowhere.
    pub(in crate::engine) fn read(self, path: &Path, folds: &Folds) -> Result<Listing, Refused> {
        let archive = Archive::open(path).map_err(|error| unreadable(&error))?;
        match &self.wanted {
            PageQuery::One(row) => self.one(&archive, *row),
            PageQuery::Past(at) => past::read(&archive, path, *at, &self.settings, &self.live, folds),
            PageQuery::Page { kind, before, limit } => self.page(&archive, *kind, *before, *limit),
            PageQuery::Cases { ids, limit } => {
                let mut rows = self.first.clone().unwrap_or(Rows::Cases(Vec::new()));
                for id in ids.iter().take(*limit) {
                    let state = self.state_of(&archive, *id)?;
                    rows.extend(lists::one(&state, &self.live, RowId::Case(*id))?);
                }
                let older = ids.len().saturating_sub(*limit) as u64;
                Ok(Listing { rows, older })
            }
        }
    }

    fn one(&self, archive: &Archive, row: RowId) -> Result<Listing, Refused> {
        let state = match case_of(archive, row)? {
            Some(case) => self.state_of(archive, case)?,
            None => State::new(self.settings.clone()),
        };
        let rows = lists::one(&state, &self.live, row)?;
        Ok(Listing { rows, older: 0 })
    }

    fn page(
        &self,
        archive: &Archive,
        kind: ListKind,
        before: Option<RowId>,
        limit: usize,
    ) -> Result<Listing, Refused> {
        let newest_first = self.partly.keys().rev().copied();
        let closed: Vec<CaseId> = newest_first.chain(self.closed(archive, kind)?).collect();
        let mut cases = closed.iter();
        let mut rows = self.first.clone().unwrap_or_else(|| Rows::none(kind));
        let (mut taken, mut rest) = (0, 0);
        if let Some(row) = before {
            let case = case_of(archive, row)?;
            let found = cases.find(|id| Some(**id) == case);
            let gone = || {
                Refused::NotNow(SafeText::new(
                    "the row that this page follows is not over any more",
                ))
            };
            let state = self.state_of(archive, *found.ok_or_else(gone)?)?;
            let ids = self.ids(&state, kind);
            let at = ids.iter().position(|id| *id == row).ok_or_else(gone)?;
            (taken, rest) = self.take(&mut rows, &state, &ids[at + 1..], limit)?;
        }
        while taken < limit {
            let Some(id) = cases.next() else { break };
            let state = self.state_of(archive, *id)?;
            let (more, left) = self.take(&mut rows, &state, &self.ids(&state, kind), limit - taken)?;
            (taken, rest) = (taken + more, left);
        }
        let counts = counts(archive, kind)?;
        let of = |case: &CaseId| match &counts {
            _ if self.partly.contains_key(case) => self.partly[case],
            Some(counts) => counts.get(&case.to_string()).copied().unwrap_or_default(),
            None => 1,
        };
        let older = rest as u64 + cases.map(of).sum::<u64>();
        Ok(Listing { rows, older })
    }

    /// The rows of a case that pages do not have from memory.
    fn ids(&self, state: &State, kind: ListKind) -> Vec<RowId> {
        let mut ids = lists::ids(state, kind);
        ids.retain(|id| !self.rows_here.contains(id));
        ids
    }

    /// Adds at most `limit` of these; how many, and how many not.
    fn take(
        &self,
        rows: &mut Rows,
        state: &State,
        ids: &[RowId],
        limit: usize,
    ) -> Result<(usize, usize), Refused> {
        let taken = ids.len().min(limit);
        for id in &ids[..taken] {
            rows.extend(lists::one(state, &self.live, *id)?);
        }
        Ok((taken, ids.len() - taken))
    }

    /// Every case of a list that left memory, the one that was closed last first, then those that were given up.
    fn closed(&self, archive: &Archive, kind: ListKind) -> Result<Vec<CaseId>, Refused> {
        let of = |record| archive.subjects(record).map_err(|error| unreadable(&error));
        let mut subjects = of("case-closed")?;
        let closed: BTreeSet<_> = subjects.iter().cloned().collect();
        let given_up = of("case-given-up")?.into_iter();
        subjects.extend(given_up.filter(|id| !closed.contains(id)));
        let cases = subjects
            .iter()
            .filter_map(|subject| subject.parse::<CaseId>().ok());
        let listed = |id: &CaseId| kind != ListKind::Exits || id.kind == RequestKind::Exit;
        Ok(cases.filter(|id| !self.here.contains(id) && listed(id)).collect())
    }

    /// The state that the records of one case make.
    fn state_of(&self, archive: &Archive, case: CaseId) -> Result<State, Refused> {
        let entries = archive
            .records_of(&case.to_string())
            .map_err(|error| unreadable(&error))?;
        let mut durable = Durable::default();
        for entry in entries {
            let record = Record::read(&entry.kind, &entry.body).map_err(|problem| {
                let seq = entry.seq;
                Refused::Unavailable(SafeText::new(&format!("journal record {seq}: {problem}")))
            })?;
            durable.apply_whole(entry.seq, entry.at, &record);
        }
        Ok(State::restored(self.settings.clone(), durable))
    }
}

/// How many rows of a list each case has; `None`: one.
fn counts(archive: &Archive, kind: ListKind) -> Result<Option<BTreeMap<String, u64>>, Refused> {
    let (record, field) = match kind {
        ListKind::Cases | ListKind::Exits => return Ok(None),
        ListKind::Actions => ("action-proposed", "action"),
        ListKind::Ceremonies => ("ceremony-started", "request"),
        ListKind::Transactions => ("transaction-signed", "action"),
    };
    let counted = archive.counts(record, field);
    counted.map(Some).map_err(|error| unreadable(&error))
}

/// The case that a row belongs to.
fn case_of(archive: &Archive, row: RowId) -> Result<Option<CaseId>, Refused> {
    Ok(match row {
        RowId::Action(id) | RowId::Transaction(id) => Some(id.case),
        RowId::Case(id) | RowId::Exit(id) => Some(id),
        RowId::Ceremony(request) => {
            let begun = archive.records_of(&request.to_string());
            let begun = begun.map_err(|error| unreadable(&error))?.into_iter().next();
            begun.and_then(|entry| match Record::read(&entry.kind, &entry.body) {
                Ok(Record::CeremonyStarted { case, .. }) => Some(case),
                _ => None,
            })
        }
        RowId::Validator(_) => None,
    })
}
