//! Starts: on what earlier programs left, on what was kept of the last run, and on what is not what it was.

mod crowd;
mod ends;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::engine::{EffectFuture, LiveUpdate};
use crate::journal::{Archive, Entry, JournalError, NewRecord, verify};
use crate::oracle::{ActionState, Backend, Effect, Mode, Policy};
use crate::ports::fakes::FakeCeremonies;
use crate::types::{BackendName, CaseId, DepositOrder, RequestKind, Root};

fn settings() -> Settings {
    Settings {
        mode: Mode::Supervised,
        policy: Policy::default(),
        owner: Address::ZERO,
        deposit_order: DepositOrder::HeadOfQueue,
        backend: Backend {
            name: BackendName::default(),
            renews_registrations: Ok(()),
        },
        follows_beacon: false,
        look_up_every_ms: 1_000,
        ceremonies_at_once: 100,
        refresh_every_ms: 1_000,
        approval_expires_ms: 1_000,
        bump_after_ms: 1_000,
    }
}

fn options(directory: &Path) -> JournalOptions {
    JournalOptions::at(directory.join("journal.sqlite"))
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
    let named: Vec<_> = approved.map(|a| a.proposal.is_named_by(a.id, a.digest)).collect();
    assert_eq!(
        named, [true; 2],
        "approvals survive the upgrade, on what was shown"
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

#[tokio::test]
async fn a_life_with_many_kinds_of_record_is_taken_up_and_goes_on() {
    let (directory, state) = earlier("format-2/life.sqlite");
    assert_eq!(state.newest, 134);
    let kinds: BTreeSet<RequestKind> = state.cases.keys().map(|case| case.kind).collect();
    assert_eq!(kinds.len(), 3);
    let options = options(directory.path());
    run_and_stop(&options).await;
    let (report, _) = verify(&options.path).unwrap();
    assert!(report.records > 134, "it went on");
    assert_eq!(open(settings(), &options).unwrap().state.newest, report.records);
}

/// A run that is killed behind a commit, or that was told that it failed, leaves records which it called not written.
#[test]
fn records_that_no_run_has_acknowledged_are_named_at_the_next_start() {
    let (directory, _) = earlier("format-2/waiting.sqlite");
    let options = options(directory.path());
    let (_, entries) = verify(&options.path).unwrap();
    let words_with = |acknowledged: usize| {
        let known = &entries[acknowledged];
        let words = format!("{} {}\n", known.seq, known.hash);
        fs::write(options.path.with_extension("checkpoint"), words).unwrap();
        let opened = open(settings(), &options).unwrap();
        assert_eq!(opened.state.newest, 8, "they count");
        opened.turned_up().map(ToString::to_string)
    };
    let last = entries.len() - 1;
    assert_eq!(words_with(last), None);
    let words = words_with(last - 2).unwrap();
    assert!(words.contains("2 records ("), "{words}");
    for entry in &entries[last - 1..] {
        assert!(words.contains(&entry.kind), "{} in {words}", entry.kind);
    }
    // what was kept of the last run has the records already: their number is told
    fs::remove_file(options.path.with_extension("checkpoint")).unwrap();
    assert_eq!(open(settings(), &options).unwrap().turned_up(), None);
}

/// Whoever writes a journal anew has no key to sign its checkpoint with, and leaves the signature away, or all of it.
#[tokio::test]
async fn a_keyed_journal_whose_checkpoint_is_not_signed_is_paused_until_a_person_has_looked() {
    for is_left in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let options = options(directory.path());
        run_and_stop(&options).await;
        run_and_stop(&options).await;
        assert_eq!(open(settings(), &options).unwrap().doubt(), None, "it is signed");
        let checkpoint = options.path.with_extension("checkpoint");
        let signed = fs::read_to_string(&checkpoint).unwrap();
        let bare: Vec<&str> = signed.split(' ').take(2).collect();
        match is_left {
            true => fs::write(&checkpoint, bare.join(" ")).unwrap(),
            false => fs::remove_file(&checkpoint).unwrap(),
        }
        let report = verify(&options.path).unwrap().0;
        assert!(report.doubt.is_some_and(|doubt| doubt.record == 1));
        let opened = open(settings(), &options).unwrap();
        let words = opened.doubt().unwrap().to_string();
        assert!(
            words.contains("record 1 names the key") && words.contains("is paused"),
            "{words}"
        );
        drop(opened);
        run_and_stop(&options).await;
        let (report, entries) = verify(&options.path).unwrap();
        assert_eq!(report.doubt, None, "it was said, and is signed from here on");
        let told = |kind: &str| entries.iter().filter(|entry| entry.kind == kind).count();
        assert_eq!((told("paused"), told("note")), (1, 1));
        let opened = open(settings(), &options).unwrap();
        assert!(
            opened.state.paused.is_some() && opened.doubt().is_none(),
            "until a person resumes"
        );
    }
}

#[test]
fn a_record_of_a_newer_program_ends_the_start_and_names_its_kind() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    let start = || open(settings(), &options).map(|opened| opened.state.newest);
    assert_eq!(start().unwrap(), 0);
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, EngineError>(())).unwrap();
    let row = NewRecord {
        at: UnixMillis(1),
        kind: "case-handed-over",
        body: r#"{"record":"case-handed-over","case":"deposit/1"}"#.to_owned(),
        subjects: Vec::new(),
    };
    journal.append(&[row]).unwrap();
    drop(journal);
    let words = start().unwrap_err().to_string();
    assert!(
        words.contains("record 1") && words.contains("«case-handed-over»"),
        "{words}"
    );
}

#[test]
fn a_record_with_a_part_of_a_newer_program_ends_the_start_and_names_its_field() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    let start = || open(settings(), &options).map(|opened| opened.state.newest);
    let note = |body: &str| {
        let (mut journal, _) =
            Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, EngineError>(())).unwrap();
        let row = NewRecord {
            at: UnixMillis(1),
            kind: "note",
            body: body.to_owned(),
            subjects: Vec::new(),
        };
        journal.append(&[row]).unwrap();
    };
    note(r#"{"record":"note","case":null,"text":"a","loud":false,"to":null,"by":[]}"#);
    assert_eq!(start().unwrap(), 1, "what says nothing may be left out");
    note(r#"{"record":"note","case":null,"text":"b","loud":true}"#);
    let words = start().unwrap_err().to_string();
    assert!(
        words.contains("record 2") && words.contains("«loud»") && words.contains("newer"),
        "{words}"
    );
}

#[test]
fn a_start_reads_what_came_after_the_kept_state_and_believes_no_other_journal() {
    let (directory, state) = earlier("format-1/waiting.sqlite");
    let options = options(directory.path());
    let keep = |durable: &Durable| {
        let (journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, EngineError>(())).unwrap();
        let (seq, hash) = journal.head();
        CachedState::new(Anchor { seq, hash }, durable.clone())
            .write(&options.path)
            .unwrap();
    };
    keep(state.durable());
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, EngineError>(())).unwrap();
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
    assert_eq!(opened.behind.as_ref().map(|cached| cached.anchor.seq), Some(7));
    assert!(opened.state.cases[&case].paused.is_some());
    drop(opened);

    // another journal in its place, and its checkpoint with it
    let (_other, _) = earlier("format-1/closed.sqlite");
    fs::copy(_other.path().join("journal.sqlite"), &options.path).unwrap();
    let _ = fs::remove_file(options.path.with_extension("checkpoint"));
    for log in ["journal.sqlite-wal", "journal.sqlite-shm"] {
        let _ = fs::remove_file(directory.path().join(log));
    }
    let opened = open(settings(), &options).unwrap();
    assert!(opened.behind.is_none());
    assert_eq!(opened.state.cases.len(), 5);
}

#[test]
fn every_report_that_a_case_rests_on_can_be_taken_back_after_a_start() {
    let (directory, state) = earlier("format-1/waiting.sqlite");
    let options = options(directory.path());
    let case = *state.cases.keys().next().unwrap();
    let logs = [1, 2].map(|n| LogRef {
        block: BlockRef {
            number: n,
            hash: Root([9; 32]),
        },
        transaction: Root([n as u8; 32]),
        index: 0,
    });
    let served = |log: LogRef| Record::PoolServed {
        case,
        transaction: log.transaction,
        by: None,
        log: Some(log),
    };
    append(&options, case, &logs.map(served));
    let mut found = open(settings(), &options).unwrap().open_fulfilments();
    found.sort_by_key(|(.., log)| log.block.number);
    assert_eq!(found, logs.map(|log| (case.kind, case.pool, log)));
}

#[test]
fn the_request_of_a_case_that_was_given_up_can_be_taken_back_after_a_start() {
    let (directory, state) = earlier("format-1/waiting.sqlite");
    let options = options(directory.path());
    let asked = state.cases.values().find_map(|c| match c.cause {
        Cause::Event { log, .. } => Some((c.id, log)),
        _ => None,
    });
    let (case, log) = asked.unwrap();
    let given_up = Record::CaseGivenUp {
        case,
        by: "ada".into(),
        reason: "not needed".into(),
    };
    append(&options, case, &[given_up]);
    let opened = open(settings(), &options).unwrap();
    assert!(opened.state.cases[&case].is_closed());
    assert!(opened.open_requests().contains(&(case.kind, case.pool, log)));
}

fn append(options: &JournalOptions, case: CaseId, records: &[Record]) {
    let (mut journal, _) = Journal::open(options, Anchor::BEGINNING, |_| Ok::<_, EngineError>(())).unwrap();
    let rows = records.iter().map(|record| NewRecord {
        at: UnixMillis(9),
        kind: record.kind(),
        body: serde_json::to_string(record).unwrap(),
        subjects: vec![case.to_string()],
    });
    journal.append(&rows.collect::<Vec<_>>()).unwrap();
}

/// Whatever is to be done is never done.
struct Idle;

impl World for Idle {
    fn perform(self: Arc<Self>, _: Effect) -> EffectFuture {
        Box::pin(std::future::pending())
    }
}

type Engine = (
    EngineHandle,
    JoinHandle<Result<(), EngineError>>,
    mpsc::Sender<Incoming>,
);

fn launch(opened: OpenedEngine) -> Engine {
    launch_in(opened, Arc::new(Idle))
}

/// The network that the journal was written for.
fn its_own(opened: &OpenedEngine) -> NetworkView {
    let started = opened.committer.journal().newest_of(STARTED).unwrap();
    let of = identity(&started);
    NetworkView {
        name: of.networks.last().cloned().unwrap_or("devnet".into()),
        chain_id: of.chains.last().copied().unwrap_or(31_337),
        mainnet: false,
        simulated: vec![],
        manager: of.managers.last().copied().unwrap_or_default(),
    }
}

fn launch_in<W: World>(opened: OpenedEngine, world: Arc<W>) -> Engine {
    let network = its_own(&opened);
    let (feeds, incoming) = mpsc::channel(8);
    let backend = Arc::new(FakeCeremonies::default());
    let launched = opened.launch(network, "toy", None, backend, world, incoming);
    let (handle, stopped) = launched.unwrap();
    (handle, stopped, feeds)
}

/// Runs an engine on this journal and stops it at once; says from where on it read before it ran.
async fn run_and_stop(options: &JournalOptions) -> Option<u64> {
    let opened = open(settings(), options).unwrap();
    let from = opened.behind.as_ref().map(|cached| cached.anchor.seq);
    let (handle, stopped, feeds) = launch(opened);
    handle.shutdown().await.unwrap();
    stopped.await.unwrap().unwrap();
    drop(feeds);
    from
}

#[tokio::test]
async fn a_new_journal_begins_with_its_own_key_and_says_whom_it_serves() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    run_and_stop(&options).await;
    run_and_stop(&options).await;
    let (report, entries) = verify(&options.path).unwrap();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds[..2], ["journal-keyed", "engine-started"]);
    assert_eq!(kinds.iter().filter(|kind| **kind == "journal-keyed").count(), 1);
    let signed = report.signed.unwrap();
    assert_eq!((signed.upto, signed.record), (report.records, 1));
    let identity = crate::engine::identity(&entries);
    assert_eq!(
        (identity.chains, identity.managers),
        (vec![31_337], vec![Address::ZERO])
    );
    fs::remove_file(directory.path().join("journal.key")).unwrap();
    let words = open(settings(), &options).unwrap_err().to_string();
    assert!(words.contains("journal new-key"), "{words}");
}

#[tokio::test]
async fn a_run_keeps_its_state_and_the_next_one_verifies_the_rest_behind_its_start() {
    let (directory, _) = earlier("format-2/closed.sqlite");
    let options = options(directory.path());
    assert_eq!(run_and_stop(&options).await, None, "nothing was kept yet");
    let cached = CachedState::read(&options.path).unwrap();
    let (report, _) = verify(&options.path).unwrap();
    assert_eq!(
        (cached.anchor.seq, cached.anchor.hash),
        (report.records, report.head)
    );

    let opened = open(settings(), &options).unwrap();
    assert!(opened.behind.is_some());
    let (handle, stopped, feeds) = launch(opened);
    let head = block(1_000);
    feeds.send(Incoming::Live(told(head))).await.unwrap();
    handle.shutdown().await.unwrap();
    stopped.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_engine_on_records_that_were_changed_ends_with_the_first_of_them() {
    let (directory, _) = earlier("format-2/closed.sqlite");
    let options = options(directory.path());
    run_and_stop(&options).await;
    let connection = Connection::open(&options.path).unwrap();
    let text = "SELECT sql FROM sqlite_master WHERE name = 'records_are_final'";
    let trigger: String = connection.query_row(text, [], |row| row.get(0)).unwrap();
    // whoever changes records by hand leaves no trace in the schema
    let damage =
        format!("DROP TRIGGER records_are_final; UPDATE records SET at = at + 1 WHERE seq = 40; {trigger}");
    connection.execute_batch(&damage).unwrap();
    drop(connection);
    let (_handle, stopped, _feeds) = launch(open(settings(), &options).unwrap());
    let ended = stopped.await.unwrap();
    assert!(
        matches!(
            ended,
            Err(EngineError::Journal(JournalError::Broken { seq: 40, .. }))
        ),
        "{ended:?}"
    );
}

#[tokio::test]
async fn an_engine_on_a_state_that_no_record_says_ends_and_the_next_one_reads_everything() {
    let (directory, _) = earlier("format-2/waiting.sqlite");
    let options = options(directory.path());
    run_and_stop(&options).await;
    let mut cached = CachedState::read(&options.path).unwrap();
    for action in cached.durable.actions.values_mut() {
        action.state = ActionState::Approved;
    }
    cached.write(&options.path).unwrap();
    let (_handle, stopped, _feeds) = launch(open(settings(), &options).unwrap());
    let ended = stopped.await.unwrap();
    assert!(matches!(ended, Err(EngineError::CachedState { .. })), "{ended:?}");
    let opened = open(settings(), &options).unwrap();
    assert!(opened.behind.is_none());
    assert_eq!(
        opened.state.newest,
        cached.anchor.seq + 1,
        "nothing but the start was recorded"
    );
    let waits = |a: &&crate::oracle::Action| a.state == ActionState::Proposed;
    assert_eq!(opened.state.actions.values().filter(waits).count(), 2);
}

fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: Root([7; 32]),
    }
}

fn told(head: BlockRef) -> LiveUpdate {
    LiveUpdate::Head {
        head,
        time: None,
        finalized: None,
        base_fee_wei: None,
    }
}

#[tokio::test]
async fn the_position_does_not_pass_what_is_called_the_head() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    let (handle, stopped, feeds) = launch(open(settings(), &options).unwrap());
    feeds.send(Incoming::Live(told(block(100)))).await.unwrap();
    for upto in [90, 200] {
        feeds
            .send(Incoming::Batch(Vec::new(), block(upto)))
            .await
            .unwrap();
    }
    // taken in order: behind this one everything above was
    feeds
        .send(Incoming::Fatal(SafeText::new("enough")))
        .await
        .unwrap();
    stopped.await.unwrap().unwrap_err();
    drop(handle);
    let opened = open(settings(), &options).unwrap();
    assert_eq!(opened.cursor(), Some(block(90)));
}

#[tokio::test]
async fn the_journal_of_another_chain_or_manager_is_not_begun_with() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    let start = |change: fn(&mut NetworkView)| {
        let opened = open(settings(), &options).unwrap();
        let mut network = its_own(&opened);
        change(&mut network);
        let (feeds, incoming) = mpsc::channel(8);
        let backend = Arc::new(FakeCeremonies::default());
        opened
            .launch(network, "toy", None, backend, Arc::new(Idle), incoming)
            .map(|(handle, stopped)| (handle, stopped, feeds))
    };
    let (handle, stopped, feeds) = start(|_| {}).unwrap();
    handle.shutdown().await.unwrap();
    stopped.await.unwrap().unwrap();
    drop(feeds);
    let before = verify(&options.path).unwrap().0.records;
    for (change, named) in [
        (
            (|n| n.chain_id = 1) as fn(&mut NetworkView),
            "of chain 31337, and chain 1 ",
        ),
        (
            |n| n.manager = Address::repeat_byte(9),
            "of the manager contract 0x0000",
        ),
    ] {
        let Err(refused) = start(change) else {
            panic!("it began")
        };
        assert!(matches!(refused, EngineError::Foreign { .. }), "{refused}");
        assert!(refused.to_string().contains(named), "{refused}");
    }
    assert_eq!(
        verify(&options.path).unwrap().0.records,
        before,
        "nothing is recorded"
    );
}

/// Streams and receivers see the first snapshot like all others.
#[tokio::test]
async fn nothing_that_waits_is_dated_before_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let before = UnixMillis::now();
    let (mut handle, stopped, _feeds) = launch(open(settings(), &options(directory.path())).unwrap());
    let first = handle.snapshots.borrow_and_update().clone();
    let waits = &first.waits;
    assert!(
        waits
            .iter()
            .any(|wait| wait.reason == view::WaitReason::CatchingUp)
            && waits.iter().all(|wait| wait.since >= before),
        "{waits:?}"
    );
    // the time is the same in the next one
    handle.snapshots.changed().await.unwrap();
    let next = handle.snapshots.borrow_and_update().clone();
    assert_eq!(next.waits, *waits);
    handle.shutdown().await.unwrap();
    stopped.await.unwrap().unwrap();
}

/// Whoever is told that something was taken, and looks, sees it.
#[tokio::test]
async fn an_answer_comes_after_the_snapshot_that_contains_what_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (handle, stopped, _feeds) = launch(open(settings(), &options(directory.path())).unwrap());
    let seat = handle.seat(crate::engine::Identity::new("ada"));
    let scope = view::Scope::All;
    for round in 0..20 {
        let (request, paused) = match round % 2 {
            0 => (view::Request::Pause { scope }, true),
            _ => (view::Request::Resume { scope }, false),
        };
        seat.request(request).await.unwrap();
        assert_eq!(seat.snapshots.borrow().paused.is_some(), paused, "round {round}");
    }
    // many that wait share one snapshot
    let before = seat.snapshots.borrow().revision;
    let pause = || seat.try_request(view::Request::Pause { scope }).unwrap();
    let asked: Vec<_> = (0..60).map(|_| pause()).collect();
    for answer in asked {
        drop(answer.await);
    }
    let snapshots = seat.snapshots.borrow().revision - before;
    assert!(snapshots <= 30, "{snapshots} for 60 requests");
    handle.shutdown().await.unwrap();
    stopped.await.unwrap().unwrap();
}
