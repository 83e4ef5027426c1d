//! Builds the snapshot from the state and from what is live.

mod actions;
mod cases;
mod ceremonies;
mod exits;
mod sentence;
mod transactions;

use super::live::Live;
use crate::journal::Journal;
use crate::oracle::State;
use crate::snapshot::{JournalView, OperatorView, PauseView, Snapshot};
use crate::types::{SafeText, UnixMillis};

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
    Snapshot {
        revision,
        at: UnixMillis::now(),
        version: VERSION,
        network: live.network.clone(),
        mode: state.settings.mode,
        paused: state.paused.as_ref().map(|(by, since)| PauseView {
            by: by.clone(),
            since: *since,
        }),
        chain,
        signer,
        endpoints: live.endpoints.values().flatten().cloned().collect(),
        operators: operators(state, &live.operators),
        cases: cases::views(state),
        ceremonies: ceremonies::views(state, live),
        actions: actions::in_order(state),
        transactions: transactions::views(state),
        exits: exits::views(state),
        validators: live.validators.clone(),
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

/// Everybody of the directory, with what the journal tells of them.
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
