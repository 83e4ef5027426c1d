//! Builds the snapshot from the state and from what is live.

mod actions;
mod cases;
mod ceremonies;
mod convert;
mod exits;
mod lists;
mod older;
mod past;
mod sentence;
#[cfg(test)]
mod tests;
mod transactions;
mod validators;
mod waits;

use super::live::Live;
use crate::journal::Journal;
use crate::oracle::{Mode, OBSERVES, State, Unadopted};
use crate::types::{SafeText, UnixMillis};
use crate::view::{
    Can, ChainView, JournalView, ListKind, Older, OperatorView, PauseView, SignerView, Snapshot, SwitchView,
    Trends,
};

pub(super) use lists::{Read, read};
pub(super) use past::Folds;
pub(super) use validators::ValidatorRows;
use waits::Begun;

/// Ranges of nonces that the journal does not know, as many as are looked up.
pub(super) const STRANGE: usize = 16;

/// The version shown and journaled.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What each snapshot leaves for the next one.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// What they share.
    rows: ValidatorRows,
    /// Since when what is not journaled waits.
    begun: Begun,
}

/// None leaves without the times of what waits: the first one is seen by streams and receivers like all others.
pub(super) fn snapshot(
    state: &State,
    live: &Live,
    journal: &Journal,
    unwritable: Option<&SafeText>,
    revision: u64,
    shown: &mut Shown,
) -> Snapshot {
    let journal = written(journal, unwritable);
    let mut snapshot = compose(state, live, journal, revision, &mut shown.rows);
    shown.begun.stamp(&mut snapshot.waits, snapshot.at);
    snapshot
}

/// The same, wherever the state was read from.
fn compose(
    state: &State,
    live: &Live,
    journal: JournalView,
    revision: u64,
    rows: &mut ValidatorRows,
) -> Snapshot {
    let (actions, cases) = (lists::actions(state), lists::cases(state, |_| true));
    let (ceremonies, transactions) = (lists::ceremonies(state), lists::transactions(state));
    let exits = lists::exits(state);
    let mut snapshot = Snapshot {
        revision,
        at: UnixMillis::now(),
        version: VERSION.to_owned(),
        network: live.network.clone(),
        mode: convert::mode(state.mode()),
        switched: switched(state),
        paused: state.paused.as_ref().map(|(by, since)| PauseView {
            by: by.clone(),
            since: *since,
        }),
        stopping: live.stopping,
        chain: chain(state, live),
        signer: signer(state, live),
        endpoints: live.endpoints.values().flatten().cloned().collect(),
        operators: operators(state, &live.operators),
        older: Older {
            actions: actions.rest().len() as u64 + lists::retired(state, ListKind::Actions),
            cases: lists::by_kind(state, cases.rest()),
            ceremonies: ceremonies.rest().len() as u64 + lists::retired(state, ListKind::Ceremonies),
            transactions: transactions.rest().len() as u64 + lists::retired(state, ListKind::Transactions),
            exits: exits.rest().len() as u64 + lists::retired(state, ListKind::Exits),
        },
        cases: cases.carried().filter_map(|id| cases::view(state, id)).collect(),
        ceremonies: ceremonies
            .carried()
            .filter_map(|id| ceremonies::view(state, live, id))
            .collect(),
        actions: actions
            .carried()
            .filter_map(|id| actions::view(state, live, id))
            .collect(),
        transactions: transactions
            .carried()
            .filter_map(|id| transactions::view(state, id))
            .collect(),
        exits: exits.carried().filter_map(|id| exits::view(state, id)).collect(),
        validators: rows.views(state, &live.validators),
        alarms: journal
            .unwritable
            .iter()
            .chain(live.alarms.values())
            .cloned()
            .chain(state.reads_the_future())
            .chain(unadopted(state).map(|u| u.words()))
            .collect(),
        journal,
        waits: Vec::new(),
        trends: Trends {
            fee_ceiling_wei: Some(live.costs.ceiling_wei).filter(|wei| !wei.is_zero()),
            ..live.trends.clone()
        },
    };
    snapshot.waits = waits::of(state, live, &snapshot);
    snapshot
}

fn written(journal: &Journal, unwritable: Option<&SafeText>) -> JournalView {
    let (records, head) = journal.head();
    JournalView {
        records,
        head,
        path: SafeText::new(&journal.path().display().to_string()),
        checkpoint: Some(SafeText::new(&journal.checkpoint().display().to_string())),
        unwritable: unwritable.cloned(),
    }
}

fn switched(state: &State) -> Option<SwitchView> {
    let switched = state.switched_away()?;
    Some(SwitchView {
        by: switched.by.clone(),
        at: switched.at,
        configured: convert::mode(state.settings.mode),
    })
}

fn chain(state: &State, live: &Live) -> ChainView {
    let facts = state.facts();
    let mut chain = live.chain.clone();
    chain.cursor = state.read_upto();
    chain.ready_queue = facts.ready.clone();
    chain.owner_nonce = facts.head.and(facts.owner_nonce);
    chain.histories = live.histories.values().cloned().collect();
    chain
}

fn signer(state: &State, live: &Live) -> SignerView {
    let mut signer = live.signer.clone();
    signer.balance_wei = state.facts().account.map(|a| a.balance_wei);
    signer.unadopted = unadopted(state).map(|u| u.nonce);
    let strange = state.strange_nonces(STRANGE).into_iter();
    signer.strange = strange.map(|range| (range.first, range.last)).collect();
    signer.deposits_left = signer
        .balance_wei
        .and_then(|wei| live.costs.deposits_left(state, wei));
    signer
}

/// A way on, in the words of front ends.
pub(super) fn way(way: crate::oracle::Way) -> crate::view::Way {
    convert::way(way)
}

/// What has to be adopted before anything leaves.
fn unadopted(state: &State) -> Option<Unadopted> {
    let leaves_anything = state.mode() != Mode::Observe;
    state.unadopted().filter(|_| leaves_anything)
}

/// What mode observe answers to whatever is asked.
fn observes(state: &State) -> Option<Can> {
    let observes = state.mode() == Mode::Observe;
    observes.then(|| Can::no(OBSERVES))
}

fn operators(state: &State, known: &[OperatorView]) -> Vec<OperatorView> {
    let tracks = state.tracks();
    known
        .iter()
        .map(|o| {
            let track = tracks.get(&o.id).copied().unwrap_or_default();
            OperatorView {
                ceremonies_done: track.done,
                ceremonies_failed: track.failed,
                ..o.clone()
            }
        })
        .collect()
}
