//! Which things a snapshot has, in which order, and the pages of the rest.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::older::{Older, PageQuery};
use super::{actions, cases, ceremonies, exits, transactions};
use crate::engine::live::Live;
use crate::oracle::{ActionState, Case, State, action_state, is_held, place_in_line};
use crate::types::{ActionId, CaseId, PoolId, RequestId, RequestKind, SafeText, UnixMillis};
use crate::view::{ListKind, Listing, NEWEST_CLOSED, Page, Query, Refused, RowId, Rows};

/// The answer to a query, or what it takes to find it.
#[derive(Debug)]
pub(in crate::engine) enum Read {
    /// In memory.
    Here(Result<Listing, Refused>),
    /// Some of it left memory, and is read from the journal.
    There(Box<Older>),
}

/// The ids of one list.
pub(super) struct Order<Id> {
    /// What moves, as it is shown.
    open: Vec<Id>,
    /// What is over, newest first.
    over: Vec<Id>,
}

impl<Id: Copy + Ord> Order<Id> {
    /// Both newest first, by the times that come with them.
    fn by_age(items: impl Iterator<Item = (bool, UnixMillis, Id)>) -> Self {
        let (mut over, mut open): (Vec<_>, Vec<_>) = items.partition(|(over, ..)| *over);
        let sorted = |items: &mut Vec<(bool, UnixMillis, Id)>| {
            items.sort_unstable_by_key(|(_, at, id)| Reverse((*at, *id)));
            items.iter().map(|(_, _, id)| *id).collect()
        };
        Self {
            open: sorted(&mut open),
            over: sorted(&mut over),
        }
    }

    /// What travels with a snapshot.
    pub(super) fn carried(&self) -> impl Iterator<Item = Id> {
        let newest = self.over.iter().take(NEWEST_CLOSED);
        self.open.iter().chain(newest).copied()
    }

    /// What does not.
    pub(super) fn rest(&self) -> &[Id] {
        self.over.get(NEWEST_CLOSED..).unwrap_or_default()
    }

    fn into_rows(self, row: impl Fn(Id) -> RowId) -> Vec<RowId> {
        self.open.into_iter().chain(self.over).map(row).collect()
    }

    /// What is older than `before`, as rows.
    fn listing<V>(
        &self,
        before: Option<Id>,
        limit: usize,
        build: impl Fn(Id) -> Option<V>,
        rows: impl Fn(Vec<V>) -> Rows,
    ) -> Result<Listing, Refused> {
        let from = match before {
            None => 0,
            Some(before) => {
                let at = self.over.iter().position(|id| *id == before);
                let words = "the row that this page follows is not over any more";
                1 + at.ok_or_else(|| Refused::NotNow(SafeText::new(words)))?
            }
        };
        let older = &self.over[from..];
        let page = older.iter().take(limit.min(Page::MOST));
        let left = older.len() - page.len();
        Ok(Listing {
            rows: rows(page.filter_map(|id| build(*id)).collect()),
            older: left as u64,
        })
    }
}

/// Cases; of one kind of request, or of all.
pub(super) fn cases(state: &State, which: impl Fn(&Case) -> bool) -> Order<CaseId> {
    let cases = state.cases.values().filter(|case| which(case));
    Order::by_age(cases.map(|case| {
        // what a person gave up and the contract still lists holds others up: it stays in view
        let over = case.is_closed() && !is_held(state, case);
        (over, if over { case.since } else { case.opened_at }, case.id)
    }))
}

pub(super) fn exits(state: &State) -> Order<CaseId> {
    cases(state, |case| case.id.kind == RequestKind::Exit)
}

pub(super) fn ceremonies(state: &State) -> Order<RequestId> {
    Order::by_age(state.ceremonies.iter().map(|(id, c)| match &c.ended {
        Some((at, _)) => (true, *at, *id),
        None => (false, c.started_at, *id),
    }))
}

pub(super) fn transactions(state: &State) -> Order<ActionId> {
    let shown = state
        .sendings
        .iter()
        .filter(|(id, _)| state.actions.contains_key(id));
    Order::by_age(shown.map(|(id, s)| (transactions::state(state, *id, s, 0).is_over(), s.signed_at, *id)))
}

/// What waits comes first: what must be served in order, in that order, after everything else in the order in which it
/// was proposed. Then what is under way, then what is over, newest first.
pub(super) fn actions(state: &State) -> Order<ActionId> {
    let (waiting, rest): (Vec<_>, Vec<_>) = state.actions.values().partition(|action| {
        action_state(state, action.id).is_some_and(|state| state == ActionState::Proposed)
    });
    let mut waiting: Vec<_> = waiting
        .into_iter()
        .map(|a| (place_in_line(state, a.id.case), a.proposed_at, a.id))
        .collect();
    waiting.sort_unstable();
    // by the time that is shown: what was decided last is what a person looks for
    let mut order = Order::by_age(rest.into_iter().map(|a| (a.state.is_over(), a.since(), a.id)));
    let waiting = waiting.into_iter().map(|(_, _, id)| id);
    order.open = waiting.chain(order.open).collect();
    order
}

/// So many cases of each kind of request, with those that left memory.
pub(super) fn by_kind(state: &State, rest: &[CaseId]) -> BTreeMap<RequestKind, u64> {
    let mut counts = state.retired.cases.clone();
    for case in rest {
        *counts.entry(case.kind).or_default() += 1;
    }
    counts
}

/// What a front end reads beyond the snapshot: here, or in the journal.
pub(in crate::engine) fn read(state: &State, live: &Live, query: Query) -> Read {
    match query {
        Query::Page(page) => read_page(state, live, page),
        Query::One { row } => match one(state, live, row) {
            Ok(rows) if rows.is_empty() && !state.retired.is_empty() => {
                Read::There(Box::new(Older::new(state, live, PageQuery::One(row))))
            }
            rows => Read::Here(rows.map(|rows| Listing { rows, older: 0 })),
        },
        Query::Pool { pool } => pool_cases(state, live, pool),
        Query::Past { at } => Read::There(Box::new(Older::new(state, live, PageQuery::Past(at)))),
    }
}

fn read_page(state: &State, live: &Live, page: Page) -> Read {
    let Page { kind, before, limit } = page;
    let limit = limit.min(Page::MOST);
    if before.is_some_and(|row| row.kind() != Some(kind)) {
        let words = "the row that this page follows is of another list";
        return Read::Here(Err(Refused::NotNow(SafeText::new(words))));
    }
    let here = in_memory(state, live, page);
    if state.retired.is_empty() {
        return Read::Here(here);
    }
    match here {
        // what follows left memory, like the row before it
        Err(_) => Read::There(Box::new(Older::new(
            state,
            live,
            PageQuery::Page { kind, before, limit },
        ))),
        Ok(listing) if listing.older == 0 => {
            let left = limit.saturating_sub(listing.rows.len());
            let wanted = PageQuery::Page {
                kind,
                before: None,
                limit: left,
            };
            Read::There(Box::new(Older::new(state, live, wanted).after(listing.rows)))
        }
        Ok(mut listing) => {
            listing.older += retired(state, kind);
            Read::Here(Ok(listing))
        }
    }
}

/// So many things of a list left memory.
pub(super) fn retired(state: &State, kind: ListKind) -> u64 {
    let of = &state.retired;
    match kind {
        ListKind::Actions => of.actions,
        ListKind::Cases => of.cases.values().sum(),
        ListKind::Ceremonies => of.ceremonies,
        ListKind::Transactions => of.transactions,
        ListKind::Exits => of.cases.get(&RequestKind::Exit).copied().unwrap_or_default(),
    }
}

/// So many rows of a list left memory without their case.
pub(super) fn shed(state: &State, kind: ListKind) -> BTreeMap<CaseId, u64> {
    let rows = state.retired.partly.iter().map(|(id, shed)| match kind {
        ListKind::Actions => (*id, shed.actions),
        ListKind::Ceremonies => (*id, shed.ceremonies),
        ListKind::Transactions => (*id, shed.transactions),
        ListKind::Cases | ListKind::Exits => (*id, 0),
    });
    rows.filter(|(_, rows)| *rows > 0).collect()
}

/// The rows of a list that are in memory of these cases.
pub(super) fn ids_of<'a>(
    state: &State,
    kind: ListKind,
    cases: impl Iterator<Item = &'a CaseId>,
) -> BTreeSet<RowId> {
    let cases: BTreeSet<_> = cases.collect();
    let of_action = |id: &ActionId| cases.contains(&id.case);
    match kind {
        ListKind::Actions => {
            let ids = state.actions.keys().copied().filter(of_action);
            ids.map(RowId::Action).collect()
        }
        ListKind::Transactions => {
            let ids = state.sendings.keys().copied().filter(of_action);
            ids.map(RowId::Transaction).collect()
        }
        ListKind::Ceremonies => {
            let own = state.ceremonies.iter().filter(|(_, c)| cases.contains(&c.case));
            own.map(|(id, _)| RowId::Ceremony(*id)).collect()
        }
        ListKind::Cases | ListKind::Exits => BTreeSet::new(),
    }
}

fn in_memory(state: &State, live: &Live, page: Page) -> Result<Listing, Refused> {
    let Page { kind, before, limit } = page;
    let of_action = before.and_then(|row| match row {
        RowId::Action(id) | RowId::Transaction(id) => Some(id),
        _ => None,
    });
    let of_case = before.and_then(|row| match row {
        RowId::Case(id) | RowId::Exit(id) => Some(id),
        _ => None,
    });
    let of_ceremony = before.and_then(|row| match row {
        RowId::Ceremony(id) => Some(id),
        _ => None,
    });
    match kind {
        ListKind::Actions => {
            let build = |id| actions::view(state, live, id);
            actions(state).listing(of_action, limit, build, Rows::Actions)
        }
        ListKind::Cases => {
            cases(state, |_| true).listing(of_case, limit, |id| cases::view(state, id), Rows::Cases)
        }
        ListKind::Ceremonies => {
            let build = |id| ceremonies::view(state, live, id);
            ceremonies(state).listing(of_ceremony, limit, build, Rows::Ceremonies)
        }
        ListKind::Transactions => {
            let build = |id| transactions::view(state, id);
            transactions(state).listing(of_action, limit, build, Rows::Transactions)
        }
        ListKind::Exits => exits(state).listing(of_case, limit, |id| exits::view(state, id), Rows::Exits),
    }
}

/// The rows of a list, newest first: of a closed case, of which everything is over.
pub(super) fn ids(state: &State, kind: ListKind) -> Vec<RowId> {
    match kind {
        ListKind::Actions => actions(state).into_rows(RowId::Action),
        ListKind::Cases => cases(state, |_| true).into_rows(RowId::Case),
        ListKind::Ceremonies => ceremonies(state).into_rows(RowId::Ceremony),
        ListKind::Transactions => transactions(state).into_rows(RowId::Transaction),
        ListKind::Exits => exits(state).into_rows(RowId::Exit),
    }
}

/// One row, open or over, if it is there.
pub(super) fn one(state: &State, live: &Live, row: RowId) -> Result<Rows, Refused> {
    Ok(match row {
        RowId::Action(id) => Rows::Actions(actions::view(state, live, id).into_iter().collect()),
        RowId::Case(id) => Rows::Cases(cases::view(state, id).into_iter().collect()),
        RowId::Ceremony(id) => Rows::Ceremonies(ceremonies::view(state, live, id).into_iter().collect()),
        RowId::Transaction(id) => Rows::Transactions(transactions::view(state, id).into_iter().collect()),
        RowId::Exit(id) => Rows::Exits(exits::view(state, id).into_iter().collect()),
        RowId::Validator(_) => {
            let words = "every validator is in the snapshot";
            return Err(Refused::NotNow(SafeText::new(words)));
        }
    })
}

fn pool_cases(state: &State, live: &Live, pool: PoolId) -> Read {
    let of_pool = cases(state, |case| case.id.pool == pool);
    let all = of_pool.open.len() + of_pool.over.len();
    let ids = of_pool.open.iter().chain(&of_pool.over).take(Page::MOST);
    let found: Vec<_> = ids.filter_map(|id| cases::view(state, *id)).collect();
    let mut gone = state.retired.cases_of(pool);
    gone.retain(|id| !state.cases.contains_key(id));
    let older = all.saturating_sub(found.len()) as u64;
    if gone.is_empty() {
        let rows = Rows::Cases(found);
        return Read::Here(Ok(Listing { rows, older }));
    }
    let limit = Page::MOST - found.len();
    let wanted = PageQuery::Cases { ids: gone, limit };
    Read::There(Box::new(
        Older::new(state, live, wanted).after(Rows::Cases(found)),
    ))
}
