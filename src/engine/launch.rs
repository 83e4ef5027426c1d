//! Opening the journal and setting the core going. Whoever has a world of its own begins here: benchmarks, and tests.

use std::collections::VecDeque;
use std::sync::Arc;

use alloy::primitives::Address;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::audit::identity;
use super::commit::{Committer, Pending};
use super::core::{Core, EngineError, Incoming, sum_of};
use super::handle::{EngineHandle, channel};
use super::keyed::{by_the_start, paused_for};
use super::live::Live;
use super::publish::{self, VERSION};
use super::state_cache::{AdoptedState, Behind, CachedState};
use super::world::World;
use crate::config::JournalConfig;
use crate::journal::{Anchor, Journal, JournalOptions, Upgrade};
use crate::oracle::{Case, Cause, Durable, Input, Record, Serves, Settings, Speaks, State};
use crate::ports::Ceremonies;
use crate::types::{BlockRef, DIGEST, JournalKey, LogRef, PoolId, RequestKind, SafeText, UnixMillis};
use crate::view::{self, NetworkView};

/// A journal that was opened, verified and folded into a state. Nothing runs yet.
#[derive(Debug)]
pub struct OpenedEngine {
    state: State,
    committer: Committer,
    /// The journal's own key, where no record names it yet.
    unnamed: Option<JournalKey>,
    /// What was believed for the start, and is verified behind it.
    behind: Option<AdoptedState>,
    /// What stands in the journal although no run knew that it was written.
    turned_up: Option<SafeText>,
    /// Why a person must look at the journal before anything is done on its word.
    doubt: Option<SafeText>,
}

/// Where the configured journal is, and what belongs to it.
#[must_use]
pub fn journal_at(config: &JournalConfig) -> JournalOptions {
    JournalOptions {
        path: config.path.clone(),
        checkpoint: config.checkpoint.clone(),
        key: config.key.clone(),
    }
}

/// Kind of the record that says whom a process works for.
const STARTED: &str = "engine-started";

/// Records of the end of a journal that are remembered for their names.
const REMEMBERED: usize = 16;

/// Opens the journal and restores the state from it.
///
/// # Errors
/// The journal is locked, broken, or written by a newer version.
pub fn open(settings: Settings, options: &JournalOptions) -> Result<OpenedEngine, EngineError> {
    let cached = CachedState::read(&options.path);
    if let Some((believed, cached)) = cached.and_then(|cached| Some((cached.believed().ok()?, cached))) {
        match restore(options, cached.anchor, cached.durable) {
            Ok(restored) => return restored.told(settings, Some(believed)),
            // of another journal, or of one that is broken: reading everything says which
            Err(error) => {
                tracing::info!(target: "journal", %error, "the kept state does not help; reading everything")
            }
        }
    }
    let restored = restore(options, Anchor::BEGINNING, Durable::default())?;
    restored.told(settings, None)
}

/// What a journal was read into.
struct Restored {
    committer: Committer,
    durable: Durable,
    /// Its newest records, by number.
    newest: VecDeque<(u64, UnixMillis, Record)>,
}

impl Restored {
    /// Names what no run has acknowledged: one that was killed may have said that it was not written.
    ///
    /// # Errors
    /// The journal's own key is missing or another's.
    fn told(mut self, settings: Settings, behind: Option<AdoptedState>) -> Result<OpenedEngine, EngineError> {
        let unnamed = self.committer.take_up_key()?;
        let (count, last) = (
            self.committer.journal().unacknowledged(),
            self.committer.journal().head().0,
        );
        let state = State::restored(settings, self.durable);
        let turned_up = (count > 0).then(|| {
            let records: Vec<_> = self
                .newest
                .into_iter()
                .filter(|(seq, ..)| *seq > last.saturating_sub(count))
                .map(|(_, at, record)| (at, record))
                .collect();
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            SafeText::new(&format!(
                "the run before ended without knowing that it had written them, or was told that they were not: {} stand \
                 at the end of the journal. They are whole, and count like all others: what was decided is decided, \
                 and what was begun on their word is looked for",
                sum_of(&records, count, &state)
            ))
        });
        let doubt = self.committer.journal().doubt().map(paused_for);
        for words in [&turned_up, &doubt].into_iter().flatten() {
            tracing::warn!(target: "engine::told", "{words}");
        }
        Ok(OpenedEngine {
            state,
            committer: self.committer,
            unnamed,
            behind,
            turned_up,
            doubt,
        })
    }
}

/// Opens the journal, verifies what stands behind `anchor`, and takes it into account.
fn restore(options: &JournalOptions, anchor: Anchor, mut durable: Durable) -> Result<Restored, EngineError> {
    let mut newest = VecDeque::new();
    let (journal, upgrade) = Journal::open(options, anchor, |entry| {
        let record = Record::read(&entry.kind, &entry.body).map_err(|problem| EngineError::Record {
            seq: entry.seq,
            problem,
        })?;
        durable.apply(entry.seq, entry.at, &record);
        if newest.len() == REMEMBERED {
            newest.pop_front();
        }
        newest.push_back((entry.seq, entry.at, record));
        Ok::<_, EngineError>(())
    })?;
    if let Some(Upgrade { from, backup }) = upgrade {
        let backup = backup.display();
        tracing::warn!(target: "journal", from, %backup, "the journal came from an older format; as it was, it is kept");
    }
    Ok(Restored {
        committer: Committer::new(journal),
        durable,
        newest,
    })
}

impl OpenedEngine {
    /// The journal's file, with symbolic links followed.
    pub(super) fn journal(&self) -> &std::path::Path {
        self.committer.journal().path()
    }

    /// What stands in the journal although no run knew that it was written, in words.
    #[must_use]
    pub fn turned_up(&self) -> Option<&SafeText> {
        self.turned_up.as_ref()
    }

    /// Why a person must look at the journal before anything is done on its word.
    #[must_use]
    pub fn doubt(&self) -> Option<&SafeText> {
        self.doubt.as_ref()
    }

    /// The block up to which events are in the journal.
    #[must_use]
    pub(super) fn cursor(&self) -> Option<BlockRef> {
        self.state.cursor()
    }

    /// Request events of cases that are not over: a reorg may still drop them.
    #[must_use]
    pub(super) fn open_requests(&self) -> Vec<(RequestKind, PoolId, LogRef)> {
        let cases = self.state.cases.values();
        let listen = cases.filter(|c| c.listens() && !c.orphaned);
        let log = |c: &Case| match c.cause {
            Cause::Event { log, .. } => Some((c.id.kind, c.id.pool, log)),
            _ => None,
        };
        listen.filter_map(log).collect()
    }

    /// Fulfilments that were told of cases that are not over and may not be final: a reorg may still drop them.
    #[must_use]
    pub(super) fn open_fulfilments(&self) -> Vec<(RequestKind, PoolId, LogRef)> {
        let listen = self.state.cases.values().filter(|c| c.listens());
        listen
            .flat_map(|c| {
                let logs = c.reports().filter_map(|by| by.log);
                logs.map(|log| (c.id.kind, c.id.pool, log))
            })
            .collect()
    }

    /// Whether it is the journal of this network's manager.
    fn is_of(&self, network: &NetworkView) -> Result<(), EngineError> {
        let journal = self.committer.journal();
        let newest = journal.newest_of(STARTED)?;
        let (name, chain_id, manager) = (network.name.as_str(), network.chain_id, network.manager);
        identity(&newest)
            .is_of(name, chain_id, manager)
            .map_err(|problem| EngineError::Foreign {
                path: journal.path().to_owned(),
                problem,
            })
    }

    /// The records of a start that does nothing by itself, and says why. A pause that is there already stays whose it is.
    fn pause(&self, text: SafeText) -> Vec<Record> {
        let by = by_the_start(&text);
        let paused = Record::Paused { case: None, by };
        let is_new = self.state.paused.is_none();
        let note = Record::Note { case: None, text };
        [note].into_iter().chain(is_new.then_some(paused)).collect()
    }

    /// Starts the core. `adapter` names the version of the manager contract; `incoming` is fed by the caller's feeds;
    /// effects go to `world`.
    ///
    /// # Errors
    /// It is another chain's or manager's journal; the first record could not be written.
    pub fn launch<W: World>(
        mut self,
        network: NetworkView,
        adapter: &str,
        oracle: Option<Address>,
        backend: Arc<dyn Ceremonies>,
        world: Arc<W>,
        incoming: mpsc::Receiver<Incoming>,
    ) -> Result<(EngineHandle, JoinHandle<Result<(), EngineError>>), EngineError> {
        self.is_of(&network)?;
        let started = Record::EngineStarted {
            version: VERSION.to_owned(),
            network: SafeText::new(network.name.as_str()),
            mode: self.state.mode(),
            configured: Some(self.state.settings.mode).filter(|mode| *mode != self.state.mode()),
            speaks: Some(Speaks {
                adapter: SafeText::new(adapter),
                backend: backend.capabilities().backend.clone(),
                digest: DIGEST,
                views: view::VERSION,
            }),
            serves: Some(Serves {
                chain_id: network.chain_id,
                manager: network.manager,
                account: oracle,
            }),
        };
        let at = UnixMillis::now();
        let keyed = self.unnamed.map(|key| Record::JournalKeyed {
            key,
            by: None,
            reason: None,
            former: None,
        });
        let mut pending = Pending::default();
        let doubted = self.doubt.take().map_or_else(Vec::new, |text| self.pause(text));
        for record in keyed.into_iter().chain([started]).chain(doubted) {
            self.state.apply(self.state.newest + 1, at, &record);
            pending.records.push((at, record));
        }
        self.committer.commit(&pending, self.state.durable())?;
        let live = Live::new(network, oracle, backend);
        let mut shown = publish::Shown::default();
        let first = publish::snapshot(&self.state, &live, self.committer.journal(), None, 0, &mut shown);
        let (side, handle) = channel(first);
        let journal = self.committer.journal().path().to_owned();
        let behind = self.behind.map(|cached| Behind::start(cached, journal));
        let core = Core::new(self.state, live, self.committer, world, side, incoming)
            .with_behind(behind)
            .after(shown);
        let task = tokio::spawn(core.run_from(Input::Started));
        Ok((handle, task))
    }
}

#[cfg(test)]
mod tests;
