//! Opening the journal and setting the core going.

use std::sync::Arc;

use alloy::primitives::Address;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::commit::{Committer, Pending};
use super::core::{Core, EngineError, Incoming};
use super::handle::{EngineHandle, channel};
use super::live::Live;
use super::publish::{self, VERSION};
use super::world::World;
use crate::journal::{Journal, JournalOptions};
use crate::oracle::{Cause, Durable, Input, Record, Settings, State};
use crate::ports::Ceremonies;
use crate::types::{BlockRef, LogRef, PoolId, RequestKind, SafeText, UnixMillis};
use crate::view::NetworkView;

/// A journal that was opened, verified and folded into a state. Nothing runs yet.
#[derive(Debug)]
pub(super) struct Opened {
    state: State,
    committer: Committer,
}

/// Opens the journal and restores the state from it.
///
/// # Errors
/// The journal is locked, broken, or written by a newer version.
pub(super) fn open(settings: Settings, options: &JournalOptions) -> Result<Opened, EngineError> {
    let (journal, entries) = Journal::open(options)?;
    let mut durable = Durable::default();
    for entry in &entries {
        let record: Record = serde_json::from_str(&entry.body).map_err(|e| EngineError::Record {
            seq: entry.seq,
            problem: e.to_string(),
        })?;
        durable.apply(entry.seq, entry.at, &record);
    }
    Ok(Opened {
        state: State::restored(settings, durable),
        committer: Committer::new(journal),
    })
}

impl Opened {
    /// The block up to which events are in the journal.
    #[must_use]
    pub(super) fn cursor(&self) -> Option<BlockRef> {
        self.committer.journal().cursor()
    }

    /// Request events that opened cases which are still open: a reorg may still drop them.
    #[must_use]
    pub(super) fn open_requests(&self) -> Vec<(RequestKind, PoolId, LogRef)> {
        let open = self
            .state
            .cases
            .values()
            .filter(|c| !c.is_closed() && !c.orphaned);
        open.filter_map(|c| match c.cause {
            Cause::Event { log } => Some((c.id.kind, c.id.pool, log)),
            _ => None,
        })
        .collect()
    }

    /// Fulfilments that were told of open cases and may not be final: a reorg may still drop them.
    #[must_use]
    pub(super) fn open_fulfilments(&self) -> Vec<(RequestKind, PoolId, LogRef)> {
        let open = self.state.cases.values().filter(|c| !c.is_closed());
        open.filter_map(|c| Some((c.id.kind, c.id.pool, c.served_by?.log?)))
            .collect()
    }

    /// Starts the core. `incoming` is fed by the caller's feeds; effects go to `world`.
    ///
    /// # Errors
    /// The first record could not be written.
    pub(super) fn launch<W: World>(
        mut self,
        network: NetworkView,
        oracle: Option<Address>,
        backend: Arc<dyn Ceremonies>,
        world: Arc<W>,
        incoming: mpsc::Receiver<Incoming>,
    ) -> Result<(EngineHandle, JoinHandle<Result<(), EngineError>>), EngineError> {
        let started = Record::EngineStarted {
            version: VERSION.to_owned(),
            network: SafeText::new(network.name.as_str()),
            mode: self.state.settings.mode,
        };
        let at = UnixMillis::now();
        let pending = Pending {
            at,
            records: vec![started],
            ..Pending::default()
        };
        let seq = self.committer.commit(&pending)?;
        self.state.apply(seq, at, &pending.records[0]);
        let live = Live::new(network, oracle, backend);
        let first = publish::snapshot(&self.state, &live, self.committer.journal(), None, 0);
        let (side, handle) = channel(first);
        let core = Core::new(self.state, live, self.committer, world, side, incoming);
        let task = tokio::spawn(core.run_from(Input::Started));
        Ok((handle, task))
    }
}
