//! What differs between two snapshots, by id: a seat is sent one snapshot, and changes from then on.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ActionView, CaseView, CeremonyView, ChainView, EndpointView, ExitView, JournalView, Listed, Mode,
    NetworkView, Older, OperatorView, PauseView, SignerView, Snapshot, SwitchView, TransactionView, Trends,
    ValidatorView, Wait,
};
use crate::types::{SafeText, UnixMillis};

/// One row of a list came, changed, moved or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "lowercase",
    bound(
        serialize = "T: Serialize, T::Id: Serialize",
        deserialize = "T: Deserialize<'de>, T::Id: Deserialize<'de>"
    )
)]
pub enum RowChange<T: Listed> {
    /// The row is this now, and stands right after that one.
    Put {
        /// The row before it; `None` is the head of the list.
        after: Option<T::Id>,
        row: Box<T>,
    },
    Gone(T::Id),
}

/// One difference between two snapshots. Changes hold in their order only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The snapshot's number and time.
    Taken {
        /// [`Snapshot::revision`] of the newer one.
        revision: u64,
        /// When it was taken.
        at: UnixMillis,
    },
    Version(String),
    Network(NetworkView),
    Mode(Mode),
    /// The mode was switched, or is again what the program was started with.
    Switched(Option<SwitchView>),
    /// A pause of everything began or ended.
    Paused(Option<PauseView>),
    /// The engine is stopping.
    Stopping(Option<UnixMillis>),
    Chain(Box<ChainView>),
    Signer(SignerView),
    Endpoints(Vec<EndpointView>),
    Operator(RowChange<OperatorView>),
    Case(RowChange<CaseView>),
    Ceremony(RowChange<CeremonyView>),
    Action(RowChange<ActionView>),
    Transaction(RowChange<TransactionView>),
    Exit(RowChange<ExitView>),
    Validator(RowChange<ValidatorView>),
    /// How many are left to pages.
    Older(Older),
    Journal(JournalView),
    Alarms(Vec<SafeText>),
    /// Everything that waits.
    Waits(Vec<Wait>),
    /// Something was measured.
    Trends(Box<Trends>),
}

impl Snapshot {
    /// What must be applied to `older`, in this order, to make it equal to this snapshot.
    #[must_use]
    pub fn changes_since(&self, older: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if (older.revision, older.at) != (self.revision, self.at) {
            let (revision, at) = (self.revision, self.at);
            changes.push(Change::Taken { revision, at });
        }
        macro_rules! whole {
            ($($field:ident => $change:ident),*) => {$(
                if older.$field != self.$field {
                    changes.push(Change::$change(self.$field.clone().into()));
                }
            )*};
        }
        macro_rules! rows {
            ($($field:ident => $change:ident),*) => {$(
                changes.extend(differences(&older.$field, &self.$field).into_iter().map(Change::$change));
            )*};
        }
        whole!(version => Version, network => Network, mode => Mode, switched => Switched, paused => Paused, stopping => Stopping, chain => Chain);
        whole!(signer => Signer, endpoints => Endpoints, older => Older, journal => Journal, alarms => Alarms, waits => Waits, trends => Trends);
        rows!(operators => Operator, cases => Case, ceremonies => Ceremony, actions => Action);
        rows!(transactions => Transaction, exits => Exit);
        if !Arc::ptr_eq(&older.validators, &self.validators) {
            rows!(validators => Validator);
        }
        changes
    }

    /// Takes over one change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Taken { revision, at } => (self.revision, self.at) = (revision, at),
            Change::Version(version) => self.version = version,
            Change::Network(network) => self.network = network,
            Change::Mode(mode) => self.mode = mode,
            Change::Switched(switched) => self.switched = switched,
            Change::Paused(paused) => self.paused = paused,
            Change::Stopping(since) => self.stopping = since,
            Change::Chain(chain) => self.chain = *chain,
            Change::Signer(signer) => self.signer = signer,
            Change::Endpoints(endpoints) => self.endpoints = endpoints,
            Change::Operator(change) => put(&mut self.operators, change),
            Change::Case(change) => put(&mut self.cases, change),
            Change::Ceremony(change) => put(&mut self.ceremonies, change),
            Change::Action(change) => put(&mut self.actions, change),
            Change::Transaction(change) => put(&mut self.transactions, change),
            Change::Exit(change) => put(&mut self.exits, change),
            Change::Validator(change) => put(Arc::make_mut(&mut self.validators), change),
            Change::Older(older) => self.older = older,
            Change::Journal(journal) => self.journal = journal,
            Change::Alarms(alarms) => self.alarms = alarms,
            Change::Waits(waits) => self.waits = waits,
            Change::Trends(trends) => self.trends = *trends,
        }
    }
}

/// The fewest rows to put so that `old` becomes `new`: rows that keep their order among themselves stay where they are.
///
/// Rows are put in the order of `new`, each right after its predecessor there, which then stands in its place already.
fn differences<T: Listed + PartialEq + Clone>(old: &[T], new: &[T]) -> Vec<RowChange<T>> {
    let places: HashMap<T::Id, usize> = new.iter().enumerate().map(|(at, row)| (row.id(), at)).collect();
    let mut changes: Vec<_> = old
        .iter()
        .filter(|row| !places.contains_key(&row.id()))
        .map(|row| RowChange::Gone(row.id()))
        .collect();
    let kept: Vec<(usize, &T)> = old
        .iter()
        .filter_map(|row| Some((*places.get(&row.id())?, row)))
        .collect();
    let order: Vec<usize> = kept.iter().map(|(place, _)| *place).collect();
    let mut unmoved: Vec<Option<&T>> = vec![None; new.len()];
    for at in longest_rise(&order) {
        let (place, row) = kept[at];
        unmoved[place] = Some(row);
    }
    for (place, row) in new.iter().enumerate() {
        if unmoved[place] != Some(row) {
            let after = place.checked_sub(1).map(|before| new[before].id());
            let row = Box::new(row.clone());
            changes.push(RowChange::Put { after, row });
        }
    }
    changes
}

/// Positions of a longest strictly increasing subsequence, by patience sorting.
fn longest_rise(numbers: &[usize]) -> Vec<usize> {
    // for each length the position of the smallest number that ends a rise of it
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; numbers.len()];
    for (at, number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| numbers[*end] < *number);
        before[at] = length.checked_sub(1).map(|shorter| ends[shorter]);
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut rise: Vec<usize> = std::iter::successors(ends.last().copied(), |at| before[*at]).collect();
    rise.reverse();
    rise
}

fn put<T: Listed>(list: &mut Vec<T>, change: RowChange<T>) {
    match change {
        RowChange::Gone(id) => list.retain(|row| row.id() != id),
        RowChange::Put { after, row } => {
            list.retain(|old| old.id() != row.id());
            let at = after.map_or(0, |after| {
                let before = list.iter().position(|old| old.id() == after);
                before.map_or(list.len(), |before| before + 1)
            });
            list.insert(at, *row);
        }
    }
}
