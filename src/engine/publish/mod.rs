//! Builds the snapshot from the state and from what is live.

mod actions;
mod cases;
mod ceremonies;
mod convert;
mod exits;
mod lists;
mod sentence;
#[cfg(test)]
mod tests;
mod transactions;
mod validators;

use super::live::Live;
use crate::journal::Journal;
use crate::oracle::{Mode, State};
use crate::types::{SafeText, UnixMillis};
use crate::view::{Can, JournalView, OperatorView, PauseView, Snapshot};

use lists::Lists;

pub(super) use lists::read;

/// The version shown and journaled.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn snapshot(
    state: &State,
    live: &Live,
    journal: &Journal,
    unwritable: Option<&SafeText>,
    revision: u64,
) -> Snapshot {
    let facts = state.facts();
    let mut chain = live.chain.clone();
    chain.cursor = journal.cursor();
    chain.ready_queue = facts.ready.clone();
    chain.owner_nonce = facts.head.map(|_| facts.owner_nonce);
    let mut signer = live.signer.clone();
    signer.balance_wei = facts.account.map(|a| a.balance_wei);
    let (records, head) = journal.head();
    let lists = Lists::of(state);
    Snapshot {
        revision,
        at: UnixMillis::now(),
        version: VERSION.to_owned(),
        network: live.network.clone(),
        mode: convert::mode(state.settings.mode),
        paused: state.paused.as_ref().map(|(by, since)| PauseView {
            by: by.clone(),
            since: *since,
        }),
        chain,
        signer,
        endpoints: live.endpoints.values().flatten().cloned().collect(),
        operators: operators(state, &live.operators),
        cases: lists.cases.carried(|id| cases::case(state, id)),
        ceremonies: lists
            .ceremonies
            .carried(|id| ceremonies::ceremony(state, live, id)),
        actions: lists.actions.carried(|id| actions::action(state, live, id)),
        transactions: lists
            .transactions
            .carried(|id| transactions::transaction(state, id)),
        exits: lists.exits.carried(|id| exits::exit(state, id)),
        older: lists.older(),
        validators: validators::views(state, &live.validators),
        journal: JournalView {
            records,
            head,
            path: SafeText::new(&journal.path().display().to_string()),
            unwritable: unwritable.cloned(),
        },
        alarms: unwritable
            .into_iter()
            .chain(live.alarms.values())
            .cloned()
            .collect(),
    }
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

/// What mode observe answers to whatever is asked.
fn observes(state: &State) -> Option<Can> {
    let observes = state.settings.mode == Mode::Observe;
    observes.then(|| Can::no("mode observe decides nothing; start in mode supervised to act"))
}
