//! Opening the journal and setting the core going.

use std::sync::Arc;

use alloy::primitives::Address;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::commit::{Committer, Pending};
use super::core::{Core, EngineError, Incoming};
use super::handle::{EngineHandle, channel};
use super::kept::{Behind, Kept};
use super::live::Live;
use super::publish::{self, VERSION};
use super::world::World;
use crate::journal::{Anchor, Journal, JournalOptions, Upgrade};
use crate::oracle::{Cause, DIGEST, Durable, Input, Record, Settings, Speaks, State};
use crate::ports::Ceremonies;
use crate::types::{BlockRef, LogRef, PoolId, RequestKind, SafeText, UnixMillis};
use crate::view::{self, NetworkView};

/// A journal that was opened, verified and folded into a state. Nothing runs yet.
#[derive(Debug)]
pub(super) struct Opened {
    state: State,
    committer: Committer,
    /// What was believed for the start, and is verified behind it.
    behind: Option<Kept>,
}

/// Opens the journal and restores the state from it.
///
/// # Errors
/// The journal is locked, broken, or written by a newer version.
pub(super) fn open(settings: Settings, options: &JournalOptions) -> Result<Opened, EngineError> {
    let kept = Kept::read(&options.path);
    if let Some(kept) = kept {
        match restore(options, kept.anchor, kept.durable.clone()) {
            Ok((committer, durable)) => {
                return Ok(Opened {
                    state: State::restored_unverified(settings, durable),
                    committer,
                    behind: Some(kept),
                });
            }
            // of another journal, or of one that is broken: reading everything says which
            Err(error) => {
                tracing::info!(target: "journal", %error, "the kept state does not help; reading everything")
            }
        }
    }
    let (committer, durable) = restore(options, Anchor::BEGINNING, Durable::default())?;
    Ok(Opened {
        state: State::restored(settings, durable),
        committer,
        behind: None,
    })
}

/// Opens the journal, verifies what stands behind `anchor`, and takes it into account.
fn restore(
    options: &JournalOptions,
    anchor: Anchor,
    mut durable: Durable,
) -> Result<(Committer, Durable), EngineError> {
    let (journal, upgrade) = Journal::open(options, anchor, |entry| {
        let record = Record::read(&entry.kind, &entry.body).map_err(|problem| EngineError::Record {
            seq: entry.seq,
            problem,
        })?;
        durable.apply(entry.seq, entry.at, &record);
        Ok::<_, EngineError>(())
    })?;
    if let Some(Upgrade { from, backup }) = upgrade {
        let backup = backup.display();
        tracing::warn!(target: "journal", from, %backup, "the journal came from an older format; as it was, it is kept");
    }
    Ok((Committer::new(journal), durable))
}

impl Opened {
    /// The block up to which events are in the journal.
    #[must_use]
    pub(super) fn cursor(&self) -> Option<BlockRef> {
        self.state.cursor()
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

    /// Starts the core. `adapter` names the version of the manager contract; `incoming` is fed by the caller's feeds; effects go to `world`.
    ///
    /// # Errors
    /// The first record could not be written.
    pub(super) fn launch<W: World>(
        mut self,
        network: NetworkView,
        adapter: &str,
        oracle: Option<Address>,
        backend: Arc<dyn Ceremonies>,
        world: Arc<W>,
        incoming: mpsc::Receiver<Incoming>,
    ) -> Result<(EngineHandle, JoinHandle<Result<(), EngineError>>), EngineError> {
        let started = Record::EngineStarted {
            version: VERSION.to_owned(),
            network: SafeText::new(network.name.as_str()),
            mode: self.state.settings.mode,
            speaks: Some(Speaks {
                adapter: SafeText::new(adapter),
                backend: backend.capabilities().backend.clone(),
                digest: DIGEST,
                views: view::VERSION,
            }),
        };
        let at = UnixMillis::now();
        self.state.apply(self.state.newest + 1, at, &started);
        let pending = Pending {
            records: vec![(at, started)],
            ..Pending::default()
        };
        self.committer.commit(&pending, self.state.durable())?;
        let live = Live::new(network, oracle, backend);
        let first = publish::snapshot(&self.state, &live, self.committer.journal(), None, 0);
        let (side, handle) = channel(first);
        let journal = self.committer.journal().path().to_owned();
        let behind = self.behind.map(|kept| Behind::start(kept, journal));
        let core = Core::new(self.state, live, self.committer, world, side, incoming).with_behind(behind);
        let task = tokio::spawn(core.run_from(Input::Started));
        Ok((handle, task))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::journal::NewRecord;
    use crate::oracle::{ActionState, Mode, Policy};

    fn settings() -> Settings {
        Settings {
            mode: Mode::Supervised,
            policy: Policy::default(),
            owner: Address::ZERO,
            follows_beacon: false,
            look_up_every_ms: 1_000,
            refresh_every_ms: 1_000,
            approval_expires_ms: 1_000,
            bump_after_ms: 1_000,
        }
    }

    fn options(directory: &Path) -> JournalOptions {
        JournalOptions {
            path: directory.join("journal.sqlite"),
            checkpoint: None,
        }
    }

    /// The state that a start makes of a journal that an earlier program left.
    fn earlier(name: &str) -> (tempfile::TempDir, State) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals");
        let directory = tempfile::tempdir().unwrap();
        let options = options(directory.path());
        fs::copy(folder.join(name), &options.path).unwrap();
        let state = open(settings(), &options).unwrap().state;
        (directory, state)
    }

    #[test]
    fn what_an_earlier_program_left_is_taken_up_where_it_was() {
        let (_waiting, state) = earlier("format-1/waiting.sqlite");
        let waits = |a: &&crate::oracle::Action| a.state == ActionState::Proposed;
        assert_eq!(state.actions.values().filter(waits).count(), 2);
        assert_eq!(state.newest, 7, "the upgrade is a record");
        assert!(state.cursor().is_some());

        let (_approved, state) = earlier("format-1/approved.sqlite");
        let approved = state
            .actions
            .values()
            .filter(|a| a.state == ActionState::Approved);
        let digests: Vec<_> = approved.map(|a| (a.digest, a.proposal.digest(a.id))).collect();
        assert_eq!(digests.len(), 2, "approvals survive the upgrade");
        assert!(
            digests.iter().all(|(approved, now)| approved == now),
            "on what was shown"
        );

        let (_signed, state) = earlier("format-1/signed.sqlite");
        let sending = state.sendings.values().next().unwrap();
        assert_eq!((sending.versions.len(), sending.accepted), (1, false));

        let (_closed, state) = earlier("format-1/closed.sqlite");
        let closed = state.cases.values().filter(|case| case.is_closed());
        assert_eq!((closed.count(), state.cases.len()), (3, 5));
    }

    #[test]
    fn what_this_format_holds_is_taken_up_as_it_is() {
        let (_waiting, state) = earlier("format-2/waiting.sqlite");
        let waits = |a: &&crate::oracle::Action| a.state == ActionState::Proposed;
        assert_eq!(state.actions.values().filter(waits).count(), 2);
        assert_eq!(state.newest, 8, "nothing was upgraded");

        let (_closed, state) = earlier("format-2/closed.sqlite");
        assert_eq!(state.newest, 80);
        let closed = state.cases.values().filter(|case| case.is_closed());
        assert_eq!((closed.count(), state.cases.len()), (4, 4));
        assert!(state.cursor().is_some_and(|upto| upto.number > 0));
    }

    #[test]
    fn a_record_of_a_newer_program_ends_the_start_and_names_its_kind() {
        let directory = tempfile::tempdir().unwrap();
        let options = options(directory.path());
        let start = || open(settings(), &options).map(|opened| opened.state.newest);
        assert_eq!(start().unwrap(), 0);
        let (mut journal, _) =
            Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, EngineError>(())).unwrap();
        let row = NewRecord {
            at: UnixMillis(1),
            kind: "case-given-up",
            body: r#"{"record":"case-given-up","case":"deposit/1"}"#.to_owned(),
            subjects: Vec::new(),
        };
        journal.append(&[row]).unwrap();
        drop(journal);
        let words = start().unwrap_err().to_string();
        assert!(
            words.contains("record 1") && words.contains("«case-given-up»"),
            "{words}"
        );
    }

    #[test]
    fn a_start_reads_what_came_after_the_kept_state_and_believes_no_other_journal() {
        let (directory, state) = earlier("format-1/waiting.sqlite");
        let options = options(directory.path());
        let keep = |durable: &Durable| {
            let (journal, _) =
                Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, EngineError>(())).unwrap();
            let (seq, hash) = journal.head();
            Kept::new(Anchor { seq, hash }, durable.clone())
                .write(&options.path)
                .unwrap();
        };
        keep(state.durable());
        let (mut journal, _) =
            Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, EngineError>(())).unwrap();
        let case = *state.cases.keys().next().unwrap();
        let by = SafeText::new("ada");
        let record = Record::Paused { case: Some(case), by };
        let row = NewRecord {
            at: UnixMillis(9),
            kind: record.kind(),
            body: serde_json::to_string(&record).unwrap(),
            subjects: vec![case.to_string()],
        };
        journal.append(&[row]).unwrap();
        drop(journal);
        let opened = open(settings(), &options).unwrap();
        assert_eq!(opened.behind.as_ref().map(|kept| kept.anchor.seq), Some(7));
        assert!(opened.state.cases[&case].paused.is_some() && !opened.state.is_verified());
        drop(opened);

        // another journal in its place, and its checkpoint with it
        let (_other, _) = earlier("format-1/closed.sqlite");
        fs::copy(_other.path().join("journal.sqlite"), &options.path).unwrap();
        let _ = fs::remove_file(options.path.with_extension("checkpoint"));
        for log in ["journal.sqlite-wal", "journal.sqlite-shm"] {
            let _ = fs::remove_file(directory.path().join(log));
        }
        let opened = open(settings(), &options).unwrap();
        assert!(opened.behind.is_none() && opened.state.is_verified());
        assert_eq!(opened.state.cases.len(), 5);
    }
}
