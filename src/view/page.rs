//! What is over, by page. A snapshot carries everything that is open and the newest of what is over; the rest is asked for.

use std::collections::BTreeMap;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::{
    ActionView, CaseView, CeremonyView, ExitView, OperatorView, Snapshot, TransactionView, ValidatorView,
};
use crate::types::{ActionId, BlsPublicKey, CaseId, OperatorId, PoolId, RequestId, RequestKind, UnixMillis};

/// So many of each kind that are over travel with a snapshot: more than a screen shows, little enough to send at once.
pub const NEWEST_CLOSED: usize = 100;

/// A thing of a list, found again by its id when the list has changed.
pub trait Listed {
    /// What names it within its list.
    type Id: Copy + Eq + Hash;

    /// By what it is found again in another snapshot.
    fn id(&self) -> Self::Id;

    /// It no longer moves, and may be left to a page.
    fn is_over(&self) -> bool;
}

macro_rules! listed {
    ($($view:ty, $field:ident: $id:ty, $over:expr;)*) => {$(
        impl Listed for $view {
            type Id = $id;
            fn id(&self) -> $id {
                self.$field
            }
            fn is_over(&self) -> bool {
                let over: fn(&Self) -> bool = $over;
                over(self)
            }
        }
    )*};
}
listed! {
    ActionView, id: ActionId, Self::is_over;
    CaseView, id: CaseId, Self::is_over;
    CeremonyView, id: RequestId, Self::is_over;
    TransactionView, action: ActionId, Self::is_over;
    ExitView, case: CaseId, |exit| exit.over;
    // the configuration bounds the operators, and the contract's lists the validators: all of them are open
    OperatorView, id: OperatorId, |_| false;
    ValidatorView, pool: PoolId, |_| false;
}

/// The lists that have an end and a past. The oldest are read from the journal, case by case, the one that was closed last
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListKind {
    /// Actions, by the time at which they were proposed.
    Actions,
    /// Cases, by the time at which they ended.
    Cases,
    /// Ceremonies, by the time at which they ended.
    Ceremonies,
    /// Transactions, by the time at which they were signed.
    Transactions,
    /// Exits, by the time at which their cases ended.
    Exits,
}

impl ListKind {
    /// Every list, in the order in which a snapshot has them.
    pub const ALL: [Self; 5] = [
        Self::Actions,
        Self::Cases,
        Self::Ceremonies,
        Self::Transactions,
        Self::Exits,
    ];
}

/// Names one thing of any list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "row", content = "id")]
pub enum RowId {
    Action(ActionId),
    Case(CaseId),
    Ceremony(RequestId),
    Transaction(ActionId),
    Exit(CaseId),
    Validator(BlsPublicKey),
}

impl RowId {
    /// The list that pages of it come from; validators have none.
    #[must_use]
    pub fn kind(self) -> Option<ListKind> {
        match self {
            Self::Action(_) => Some(ListKind::Actions),
            Self::Case(_) => Some(ListKind::Cases),
            Self::Ceremony(_) => Some(ListKind::Ceremonies),
            Self::Transaction(_) => Some(ListKind::Transactions),
            Self::Exit(_) => Some(ListKind::Exits),
            Self::Validator(_) => None,
        }
    }
}

/// Asks for things that are over, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub kind: ListKind,
    /// Only what is older than this row of the list; `None` begins with the newest.
    pub before: Option<RowId>,
    /// At most so many; the engine gives [`Page::MOST`] at a time.
    pub limit: usize,
}

impl Page {
    /// No page is longer.
    pub const MOST: usize = 500;
}

/// A moment of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PastMoment {
    /// Right after the record with this number.
    Record(u64),
    /// After every record that is not younger.
    Time(UnixMillis),
}

/// What a front end reads beyond the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "read")]
pub enum Query {
    /// The next page of what is over.
    Page(Page),
    /// One thing, open or over.
    One { row: RowId },
    /// The whole state as it was at a moment of the journal.
    Past { at: PastMoment },
    /// Every case of a pool, newest first, at most [`Page::MOST`].
    Pool { pool: PoolId },
}

/// Rows of one list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "rows")]
pub enum Rows {
    Actions(Vec<ActionView>),
    Cases(Vec<CaseView>),
    Ceremonies(Vec<CeremonyView>),
    Transactions(Vec<TransactionView>),
    Exits(Vec<ExitView>),
    /// No list, but everything: the answer to [`Query::Past`]. What is not journaled is not in it.
    Past(Box<Snapshot>),
}

impl Rows {
    /// A page of that list with nothing on it.
    #[must_use]
    pub fn none(kind: ListKind) -> Self {
        match kind {
            ListKind::Actions => Self::Actions(Vec::new()),
            ListKind::Cases => Self::Cases(Vec::new()),
            ListKind::Ceremonies => Self::Ceremonies(Vec::new()),
            ListKind::Transactions => Self::Transactions(Vec::new()),
            ListKind::Exits => Self::Exits(Vec::new()),
        }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Actions(rows) => rows.len(),
            Self::Cases(rows) => rows.len(),
            Self::Ceremonies(rows) => rows.len(),
            Self::Transactions(rows) => rows.len(),
            Self::Exits(rows) => rows.len(),
            Self::Past(_) => 1,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds rows of the same list at the end; those of another one are none of its own.
    pub fn extend(&mut self, more: Self) {
        match (self, more) {
            (Self::Actions(rows), Self::Actions(more)) => rows.extend(more),
            (Self::Cases(rows), Self::Cases(more)) => rows.extend(more),
            (Self::Ceremonies(rows), Self::Ceremonies(more)) => rows.extend(more),
            (Self::Transactions(rows), Self::Transactions(more)) => rows.extend(more),
            (Self::Exits(rows), Self::Exits(more)) => rows.extend(more),
            _ => {}
        }
    }
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// What was asked for; empty where there is no such thing.
    pub rows: Rows,
    /// How many are older than the last of them.
    pub older: u64,
}

/// How many of each kind are over and not in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Older {
    pub actions: u64,
    pub cases: BTreeMap<RequestKind, u64>,
    pub ceremonies: u64,
    pub transactions: u64,
    pub exits: u64,
}

impl Older {
    /// How many of that list are on pages and not in the snapshot.
    #[must_use]
    pub fn of(&self, kind: ListKind) -> u64 {
        match kind {
            ListKind::Actions => self.actions,
            ListKind::Cases => self.cases.values().sum(),
            ListKind::Ceremonies => self.ceremonies,
            ListKind::Transactions => self.transactions,
            ListKind::Exits => self.exits,
        }
    }
}
