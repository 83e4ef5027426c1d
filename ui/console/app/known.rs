//! What the console knows, for looking things up: the newest snapshot, and what was read beyond it.

use std::collections::HashSet;

use casimir_dkg::types::{ActionId, CaseId, PoolId, RequestId};
use casimir_dkg::view::{
    ActionView, CaseView, CeremonyView, ExitView, ListKind, RowId, Snapshot, TransactionView,
};

use super::Older;

/// What is known, for looking things up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) older: &'a Older,
}

/// A list: the snapshot's rows, then those that were read; and what else is known of its kind.
#[derive(Debug)]
pub(crate) struct Stack<'a, T> {
    now: &'a [T],
    older: &'a [T],
    found: &'a [T],
}

impl<'a, T> Stack<'a, T> {
    /// A list that the snapshot has whole.
    pub(crate) fn whole(now: &'a [T]) -> Self {
        Self {
            now,
            older: &[],
            found: &[],
        }
    }

    pub(crate) fn get(&self, row: usize) -> Option<&'a T> {
        self.now
            .get(row)
            .or_else(|| self.older.get(row.checked_sub(self.now.len())?))
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &'a T> + use<'a, T> {
        self.now.iter().chain(self.older)
    }

    /// Rows, and what is known beside them.
    pub(crate) fn everything(&self) -> impl Iterator<Item = &'a T> + use<'a, T> {
        self.iter().chain(self.found)
    }
}

macro_rules! stacks {
    ($($list:ident: $view:ty;)*) => {$(
        pub(crate) fn $list(self) -> Stack<'a, $view> {
            Stack {
                now: &self.snapshot.$list,
                older: &self.older.pages.$list,
                found: &self.older.found.$list,
            }
        }
    )*};
}

impl<'a> Known<'a> {
    stacks! {
        actions: ActionView;
        cases: CaseView;
        ceremonies: CeremonyView;
        transactions: TransactionView;
        exits: ExitView;
    }

    pub(crate) fn action(self, id: ActionId) -> Option<&'a ActionView> {
        self.actions().everything().find(|a| a.id == id)
    }

    pub(crate) fn case(self, id: CaseId) -> Option<&'a CaseView> {
        self.cases().everything().find(|c| c.id == id)
    }

    pub(crate) fn ceremony(self, id: RequestId) -> Option<&'a CeremonyView> {
        self.ceremonies().everything().find(|c| c.id == id)
    }

    /// Every known case of a pool, each once.
    pub(crate) fn cases_of(self, pool: PoolId) -> Vec<&'a CaseView> {
        let mut seen = HashSet::new();
        let of_pool = self.cases().everything().filter(|c| c.pool == pool);
        of_pool.filter(|c| seen.insert(c.id)).collect()
    }

    /// Whether the thing is here, or must be read.
    pub(crate) fn has(self, row: RowId) -> bool {
        match row {
            RowId::Action(id) => self.action(id).is_some(),
            RowId::Case(id) => self.case(id).is_some(),
            RowId::Ceremony(id) => self.ceremony(id).is_some(),
            RowId::Transaction(id) => self.transactions().everything().any(|t| t.action == id),
            RowId::Exit(id) => self.exits().everything().any(|e| e.case == id),
            RowId::Validator(key) => self.snapshot.validators.iter().any(|v| v.public_key == key),
        }
    }

    pub(crate) fn last(self, kind: ListKind) -> Option<RowId> {
        match kind {
            ListKind::Actions => self.actions().iter().next_back().map(|a| RowId::Action(a.id)),
            ListKind::Cases => self.cases().iter().next_back().map(|c| RowId::Case(c.id)),
            ListKind::Ceremonies => self
                .ceremonies()
                .iter()
                .next_back()
                .map(|c| RowId::Ceremony(c.id)),
            ListKind::Transactions => self
                .transactions()
                .iter()
                .next_back()
                .map(|t| RowId::Transaction(t.action)),
            ListKind::Exits => self.exits().iter().next_back().map(|e| RowId::Exit(e.case)),
        }
    }
}
