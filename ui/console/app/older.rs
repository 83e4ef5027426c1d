//! What was read beyond the snapshot: pages of lists, and single things for pages of details.

use std::collections::HashSet;

use casimir_dkg::view::{
    ActionView, CaseView, CeremonyView, ExitView, ListKind, Listed, Listing, Page, Query, Refused, RowId,
    Rows, Snapshot, TransactionView,
};

use super::Known;

/// Rows of each kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelves {
    pub(super) actions: Vec<ActionView>,
    pub(super) cases: Vec<CaseView>,
    pub(super) ceremonies: Vec<CeremonyView>,
    pub(super) transactions: Vec<TransactionView>,
    pub(super) exits: Vec<ExitView>,
}

impl Shelves {
    fn len(&self, kind: ListKind) -> usize {
        match kind {
            ListKind::Actions => self.actions.len(),
            ListKind::Cases => self.cases.len(),
            ListKind::Ceremonies => self.ceremonies.len(),
            ListKind::Transactions => self.transactions.len(),
            ListKind::Exits => self.exits.len(),
        }
    }

    /// Puts rows at the end.
    fn extend(&mut self, rows: Rows) {
        match rows {
            Rows::Actions(rows) => extend(&mut self.actions, rows),
            Rows::Cases(rows) => extend(&mut self.cases, rows),
            Rows::Ceremonies(rows) => extend(&mut self.ceremonies, rows),
            Rows::Transactions(rows) => extend(&mut self.transactions, rows),
            Rows::Exits(rows) => extend(&mut self.exits, rows),
            Rows::Past(_) => {}
        }
    }

    /// Lets go of what has stood longest on each shelf.
    fn bound(&mut self, most: usize) {
        fn bound<T>(shelf: &mut Vec<T>, most: usize) {
            shelf.drain(..shelf.len().saturating_sub(most));
        }
        bound(&mut self.actions, most);
        bound(&mut self.cases, most);
        bound(&mut self.ceremonies, most);
        bound(&mut self.transactions, most);
        bound(&mut self.exits, most);
    }
}

/// A row that was there already moves to its new place.
fn extend<T: Listed>(shelf: &mut Vec<T>, rows: Vec<T>) {
    let new: HashSet<_> = rows.iter().map(Listed::id).collect();
    shelf.retain(|row| !new.contains(&row.id()));
    shelf.extend(rows);
}

/// How far the reading of something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Not asked for.
    Idle,
    Asked,
    /// Asked for in vain, and why.
    Failed(String),
    /// The engine has no such thing.
    Absent,
}

/// Something that the engine was asked for.
#[derive(Debug, Clone)]
struct Read {
    ticket: u64,
    query: Query,
    reading: Reading,
}

/// What was read beyond the snapshot. It was over when it was read; what has begun to move again is in the snapshot.
#[derive(Debug, Default)]
pub(crate) struct Older {
    /// What follows in each list right after the snapshot's rows.
    pub(super) pages: Shelves,
    /// Single things that a page of details shows.
    pub(super) found: Shelves,
    reads: Vec<Read>,
}

impl Older {
    /// So many rows are read at a time.
    const PAGE: usize = 100;
    /// No list gets longer than this by reading on.
    const MOST: usize = 10_000;
    /// So many single things of each kind are kept: those of one pool fit.
    const FOUND: usize = 2 * Page::MOST;
    /// So many questions are remembered.
    const READS: usize = 64;

    /// How far the reading of the next page of a list is.
    pub(crate) fn page(&self, kind: ListKind) -> Reading {
        self.reading(|query| matches!(query, Query::Page(page) if page.kind == kind))
    }

    /// How far the reading of one thing is.
    pub(crate) fn one(&self, row: RowId) -> Reading {
        self.reading(|query| *query == Query::One { row })
    }

    fn reading(&self, wanted: impl Fn(&Query) -> bool) -> Reading {
        let read = self.reads.iter().rfind(|read| wanted(&read.query));
        read.map_or(Reading::Idle, |read| read.reading.clone())
    }

    /// So many of a list are neither in the snapshot nor read.
    pub(crate) fn left(&self, snapshot: &Snapshot, kind: ListKind) -> u64 {
        let read = self.pages.len(kind) as u64;
        snapshot.older.of(kind).saturating_sub(read)
    }

    /// No more of this list is read: what is still older is in the journal.
    pub(crate) fn is_full(&self, kind: ListKind) -> bool {
        self.pages.len(kind) >= Self::MOST
    }

    /// The query for the next page of a list; `None` where nothing is left, or it is asked for already.
    pub(crate) fn next_page(&self, snapshot: &Snapshot, kind: ListKind) -> Option<Query> {
        if self.left(snapshot, kind) == 0 || self.is_full(kind) || self.page(kind) == Reading::Asked {
            return None;
        }
        let known = Known {
            snapshot,
            older: self,
        };
        Some(Query::Page(Page {
            kind,
            before: known.last(kind),
            limit: Self::PAGE,
        }))
    }

    /// Remembers what is asked for; what failed before is asked anew.
    pub(crate) fn asked(&mut self, ticket: u64, query: Query) {
        self.reads
            .retain(|read| read.query != query && !same_list(&read.query, &query));
        self.reads
            .drain(..(self.reads.len() + 1).saturating_sub(Self::READS));
        self.reads.push(Read {
            ticket,
            query,
            reading: Reading::Asked,
        });
    }

    /// The engine's answer. A page that no longer fits to the end of its list is dropped, and can be asked for anew.
    pub(crate) fn arrived(&mut self, snapshot: &Snapshot, ticket: u64, answer: Result<Listing, Refused>) {
        let Some(at) = self.reads.iter().position(|read| read.ticket == ticket) else {
            return;
        };
        let rows = match answer {
            Ok(listing) => listing.rows,
            Err(refused) => {
                self.reads[at].reading = Reading::Failed(refused.to_string());
                return;
            }
        };
        match self.reads[at].query {
            Query::Page(page) => {
                self.reads.remove(at);
                let known = Known {
                    snapshot,
                    older: self,
                };
                if known.last(page.kind) == page.before {
                    self.pages.extend(rows);
                }
            }
            Query::One { .. } if is_empty(&rows) => self.reads[at].reading = Reading::Absent,
            Query::One { .. } | Query::Pool { .. } | Query::Past { .. } => {
                self.reads.remove(at);
                self.found.extend(rows);
                self.found.bound(Self::FOUND);
            }
        }
    }

    /// Takes over what has fallen off the snapshot's lists, where pages follow them.
    pub(crate) fn carry(&mut self, before: &Snapshot, now: &Snapshot) {
        let asked = ListKind::ALL.map(|kind| self.page(kind) == Reading::Asked);
        let [actions, cases, ceremonies, transactions, exits] = asked;
        let pages = &mut self.pages;
        carry(&before.actions, &now.actions, &mut pages.actions, actions);
        carry(&before.cases, &now.cases, &mut pages.cases, cases);
        carry(
            &before.ceremonies,
            &now.ceremonies,
            &mut pages.ceremonies,
            ceremonies,
        );
        carry(
            &before.transactions,
            &now.transactions,
            &mut pages.transactions,
            transactions,
        );
        carry(&before.exits, &now.exits, &mut pages.exits, exits);
    }
}

/// Pages of one list follow each other: only one is asked for at a time.
fn same_list(a: &Query, b: &Query) -> bool {
    matches!((a, b), (Query::Page(a), Query::Page(b)) if a.kind == b.kind)
}

fn is_empty(rows: &Rows) -> bool {
    match rows {
        Rows::Actions(rows) => rows.is_empty(),
        Rows::Cases(rows) => rows.is_empty(),
        Rows::Ceremonies(rows) => rows.is_empty(),
        Rows::Transactions(rows) => rows.is_empty(),
        Rows::Exits(rows) => rows.is_empty(),
        Rows::Past(_) => false,
    }
}

/// Pages follow the snapshot without a gap: what it no longer has becomes their head. Where nothing of what was over is
/// there any more, snapshots were missed and a gap cannot be told; then the pages are read anew.
fn carry<T: Listed + Clone>(before: &[T], now: &[T], pages: &mut Vec<T>, asked: bool) {
    if pages.is_empty() && !asked {
        return;
    }
    let here: HashSet<T::Id> = now.iter().map(Listed::id).collect();
    let mut over = before.iter().filter(|row| row.is_over()).peekable();
    if over.peek().is_some() && !over.any(|row| here.contains(&row.id())) {
        pages.clear();
        return;
    }
    pages.retain(|row| !here.contains(&row.id()));
    let fallen: Vec<T> = before
        .iter()
        .filter(|row| !here.contains(&row.id()))
        .cloned()
        .collect();
    pages.splice(0..0, fallen);
    pages.truncate(Older::MOST);
}
