use std::time::Duration;

use zeroize::Zeroizing;

use super::*;
use crate::types::{OperatorId, RequestId, SafeText};

const KEY: BlsPublicKey = BlsPublicKey([0xaa; 48]);
const RESHARE: SessionKind = SessionKind::Reshare(KEY);

fn id(byte: u8) -> RequestId {
    RequestId([byte; 24])
}

fn share(byte: u8) -> KeyShare {
    KeyShare {
        validator: KEY,
        threshold: 3,
        share: Zeroizing::new([byte; 32]),
        share_public_keys: (1..=4)
            .map(|i| (OperatorId(i), BlsPublicKey([i as u8; 48])))
            .collect(),
    }
}

#[test]
fn a_share_survives_a_restart_and_is_not_in_the_file_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sub/shares.sqlite");
    let store = Store::open(&path, b"operator key").unwrap();
    assert!(store.begin(id(1), SessionKind::Keygen).unwrap());
    store.keep(id(1), &share(0x5e)).unwrap();
    store.complete(id(1), b"results").unwrap();
    drop(store);

    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(
            !bytes.windows(32).any(|w| w == [0x5e; 32]),
            "the share is in clear"
        );
        assert!(!bytes.windows(64).any(|w| w == "5e".repeat(32).as_bytes()));
    }
    let store = Store::open(&path, b"operator key").unwrap();
    let found = store.key(KEY).unwrap().unwrap();
    assert_eq!(*found.share, [0x5e; 32]);
    assert_eq!((found.threshold, found.share_public_keys.len()), (3, 4));
    assert!(store.key(BlsPublicKey([0xbb; 48])).unwrap().is_none());
}

#[test]
fn another_key_a_moved_row_and_a_second_process_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shares.sqlite");
    let store = Store::open(&path, b"operator key").unwrap();
    assert!(matches!(
        Store::open(&path, b"operator key"),
        Err(StoreError::InUse { .. })
    ));
    store.keep(id(1), &share(1)).unwrap();
    store
        .db()
        .execute("UPDATE shares SET request_id = ?1", [id(2).0])
        .unwrap();
    assert!(matches!(store.key(KEY), Err(StoreError::Altered(_))));
    drop(store);
    assert!(matches!(
        Store::open(&path, b"other key"),
        Err(StoreError::WrongKey(_))
    ));
}

#[test]
fn request_ids_are_used_once_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shares.sqlite");
    let store = Store::open(&path, b"k").unwrap();
    assert!(store.begin(id(1), SessionKind::Keygen).unwrap());
    assert!(!store.begin(id(1), SessionKind::Keygen).unwrap());
    drop(store);
    let store = Store::open(&path, b"k").unwrap();
    assert_eq!(
        store.known().unwrap(),
        [id(1)],
        "a session does not outlive its process"
    );
    assert!(!store.begin(id(1), SessionKind::Keygen).unwrap());
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// As the node remembers, but for the number.
fn remembered(most: u32) -> Remembered {
    Remembered {
        alone: DAY,
        others: 30 * DAY,
        most,
    }
}

/// Every run ended so many days ago.
fn ended(store: &Store, days: i64) {
    let then = i64::try_from(UnixMillis::now().0).unwrap() - days * 86_400_000;
    let sql = "UPDATE sessions SET ended_ms = ?1 WHERE ended_ms IS NOT NULL";
    store.db().execute(sql, [then]).unwrap();
}

/// A start message that nobody signed takes an id: 86,000 a day came from one address, and stayed.
#[test]
fn runs_that_left_no_share_are_forgotten_after_their_time_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shares.sqlite");
    let store = Store::open(&path, b"k").unwrap();
    for n in 1..=5 {
        assert!(store.begin(id(n), SessionKind::Keygen).unwrap());
    }
    let gave_up = SafeText::new("nobody answered");
    store.finish(id(1), Ending::Failed, &gave_up).unwrap();
    store.ended_alone(id(1)).unwrap();
    store.finish(id(2), Ending::Failed, &gave_up).unwrap();
    store.keep(id(3), &share(3)).unwrap();
    store.ended_alone(id(3)).unwrap();
    store.keep(id(5), &share(5)).unwrap();
    store.complete(id(5), b"results").unwrap();
    let forget = |store: &Store| store.forget(&remembered(100)).unwrap();
    assert_eq!(forget(&store), [], "not today");
    assert!(!store.begin(id(1), SessionKind::Keygen).unwrap());
    drop(store);

    let store = Store::open(&path, b"k").unwrap();
    assert_eq!(forget(&store), []);
    ended(&store, 1);
    assert_eq!(forget(&store), [id(1)], "nobody else spoke");
    ended(&store, 29);
    assert_eq!(forget(&store), []);
    ended(&store, 30);
    let mut gone = forget(&store);
    gone.sort_unstable();
    assert_eq!(gone, [id(2), id(4)], "others spoke, and a crash ended it");
    drop(store);

    let store = Store::open(&path, b"k").unwrap();
    let mut known = store.known().unwrap();
    known.sort_unstable();
    assert_eq!(known, [id(3), id(5)], "they hold shares");
    assert!(
        !store.begin(id(5), SessionKind::Keygen).unwrap(),
        "nobody does it again"
    );
}

/// A failed resharing was forgotten after a month, and whoever had kept its start message began it again: the initiator's
/// signature does not age.
#[test]
fn what_a_configured_initiator_signed_is_never_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shares.sqlite");
    let store = Store::open(&path, b"k").unwrap();
    assert!(store.begin_signed(id(1), RESHARE).unwrap());
    assert!(store.begin_signed(id(2), SessionKind::Keysign).unwrap());
    assert!(store.begin(id(3), SessionKind::Keygen).unwrap());
    for n in 1..=3 {
        let why = SafeText::new("a timeout");
        store.finish(id(n), Ending::Failed, &why).unwrap();
        store.ended_alone(id(n)).unwrap();
    }
    ended(&store, 400);
    assert_eq!(store.forget(&remembered(0)).unwrap(), [id(3)]);
    drop(store);
    let store = Store::open(&path, b"k").unwrap();
    assert!(!store.begin_signed(id(1), RESHARE).unwrap(), "a replay");
    assert!(!store.begin(id(2), SessionKind::Keysign).unwrap());
}

#[test]
fn what_was_signed_is_signed_in_a_restored_store_too() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("shares.sqlite"), dir.path().join("copy.sqlite"));
    let store = Store::open(&path, b"k").unwrap();
    assert!(store.begin_signed(id(1), RESHARE).unwrap());
    assert!(store.begin_signed(id(2), RESHARE).unwrap());
    assert!(store.begin(id(3), SessionKind::Keygen).unwrap());
    for n in 1..=3 {
        let why = SafeText::new("a timeout");
        store.finish(id(n), Ending::Failed, &why).unwrap();
    }
    backup(&path, &copy).unwrap();
    let other = Store::open(&dir.path().join("other.sqlite"), b"k").unwrap();
    // it knows of one, and not that it was signed
    assert!(other.begin(id(2), RESHARE).unwrap());
    let why = SafeText::new("a timeout");
    other.finish(id(2), Ending::Failed, &why).unwrap();
    other.restore(&copy, b"k").unwrap();
    ended(&other, 400);
    assert_eq!(other.forget(&remembered(0)).unwrap(), [id(3)]);
    assert!(!other.begin(id(1), RESHARE).unwrap(), "a replay");
}

/// Of a file of an earlier program nobody knows who signed what.
#[test]
fn runs_of_an_earlier_program_are_kept_as_if_they_were_signed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shares.sqlite");
    first_layout(&path, &[]);
    let db = Connection::open(&path).unwrap();
    db.execute(
        "INSERT INTO sessions (request_id, kind, started_ms, ended_ms, ending) VALUES (?1, 'keysign', 1, 2, 'failed')",
        [id(1).0],
    )
    .unwrap();
    drop(db);
    let store = Store::open(&path, b"k").unwrap();
    assert_eq!(store.forget(&remembered(0)).unwrap(), []);
    assert!(!store.begin(id(1), SessionKind::Keysign).unwrap());
}

#[test]
fn of_many_runs_without_a_share_those_that_ended_first_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("shares.sqlite"), b"k").unwrap();
    for n in 1..=6 {
        assert!(store.begin(id(n), SessionKind::Keygen).unwrap());
    }
    store.keep(id(1), &share(1)).unwrap();
    for n in 1..=5 {
        let why = SafeText::new("a timeout");
        store.finish(id(n), Ending::Failed, &why).unwrap();
    }
    assert_eq!(store.forget(&remembered(2)).unwrap(), [id(2), id(3)]);
    let mut known = store.known().unwrap();
    known.sort_unstable();
    assert_eq!(
        known,
        [1, 4, 5, 6].map(id),
        "a share, the newest two, and one that runs"
    );
}

#[test]
fn a_run_whose_share_is_missing_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shares.sqlite");
    let store = Store::open(&path, b"k").unwrap();
    assert!(store.begin(id(1), SessionKind::Keygen).unwrap());
    store.keep(id(1), &share(1)).unwrap();
    store.complete(id(1), b"results").unwrap();
    store.db().execute("DELETE FROM shares", []).unwrap();
    drop(store);
    let store = Store::open(&path, b"k").unwrap();
    assert_eq!(store.missing().len(), 1);
    ended(&store, 31);
    assert_eq!(store.forget(&remembered(0)).unwrap(), []);
    store.db().execute("DELETE FROM sessions", []).unwrap();
    assert!(!store.begin(id(1), SessionKind::Keygen).unwrap());
}

/// As an older copy of a store may have it.
#[test]
fn a_run_whose_share_is_here_is_begun_by_nobody_though_nothing_else_is_known_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("shares.sqlite"), b"k").unwrap();
    assert!(store.begin(id(1), SessionKind::Keygen).unwrap());
    store.keep(id(1), &share(1)).unwrap();
    store.db().execute("DELETE FROM sessions", []).unwrap();
    assert!(!store.begin(id(1), SessionKind::Keygen).unwrap());
    assert!(store.begin(id(2), SessionKind::Keygen).unwrap());
}

#[test]
fn the_right_generation_of_a_share_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("shares.sqlite"), b"k").unwrap();
    let current = |store: &Store| store.key(KEY).unwrap().map(|k| k.share[0]);
    let run = |n: u8| {
        store.begin(id(n), RESHARE).unwrap();
        store.keep(id(n), &share(n)).unwrap();
    };
    run(1);
    assert_eq!(current(&store), Some(1), "better a pending share than none");
    store.complete(id(1), b"results").unwrap();
    run(2);
    assert_eq!(current(&store), Some(1), "a resharing counts when it is complete");
    store.complete(id(2), b"results").unwrap();
    assert_eq!(current(&store), Some(2));
    run(3);
    store
        .finish(id(3), Ending::Blamed, &SafeText::new("2 blamed 4"))
        .unwrap();
    assert_eq!(
        current(&store),
        Some(2),
        "the share of a blamed run is never used"
    );
    run(4);
    store
        .finish(id(4), Ending::Failed, &SafeText::new("timeout"))
        .unwrap();
    assert_eq!(current(&store), Some(2));
}

fn current(store: &Store) -> Option<u8> {
    store.key(KEY).unwrap().map(|key| key.share[0])
}

fn open(dir: &tempfile::TempDir) -> Store {
    Store::open(&dir.path().join("shares.sqlite"), b"k").unwrap()
}

#[test]
fn the_order_in_which_shares_come_to_this_disk_plays_no_part() {
    // an older program let two reshares of a key run at a time: at each of these nodes they ended differently
    let orders: [&dyn Fn(&Store); 4] = [
        &|s| {
            s.keep(id(2), &share(2)).unwrap();
            s.keep(id(3), &share(3)).unwrap();
            s.complete(id(2), b"results").unwrap();
            s.complete(id(3), b"results").unwrap();
        },
        &|s| {
            s.keep(id(3), &share(3)).unwrap();
            s.keep(id(2), &share(2)).unwrap();
            s.complete(id(3), b"results").unwrap();
            s.complete(id(2), b"results").unwrap();
        },
        &|s| {
            s.keep(id(2), &share(2)).unwrap();
            s.complete(id(2), b"results").unwrap();
            s.keep(id(3), &share(3)).unwrap();
            s.complete(id(3), b"results").unwrap();
        },
        &|s| {
            s.keep(id(3), &share(3)).unwrap();
            s.complete(id(3), b"results").unwrap();
            s.keep(id(2), &share(2)).unwrap();
            s.complete(id(2), b"results").unwrap();
        },
    ];
    for (begin, order) in [[2, 3], [3, 2]].into_iter().cycle().zip(orders) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        store.begin(id(1), SessionKind::Keygen).unwrap();
        store.keep(id(1), &share(1)).unwrap();
        store.complete(id(1), b"results").unwrap();
        for run in begin {
            store.begin(id(run), RESHARE).unwrap();
        }
        order(&store);
        assert_eq!(current(&store), Some(2), "begun in order {begin:?}");
        // what follows both counts
        store.begin(id(4), RESHARE).unwrap();
        store.keep(id(4), &share(4)).unwrap();
        store.complete(id(4), b"results").unwrap();
        assert_eq!(current(&store), Some(4));
    }
}

#[test]
fn a_run_that_turns_out_to_be_complete_takes_its_place_in_the_order_of_the_beginnings() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let age = Duration::from_secs(60);
    let unsettled = |store: &Store| -> Vec<RequestId> {
        let runs = store.unsettled(Some(KEY), age).unwrap();
        assert_eq!(runs, store.unsettled(None, age).unwrap());
        runs.into_iter().map(|run| run.ceremony).collect()
    };
    store.begin(id(9), SessionKind::Keygen).unwrap();
    store.keep(id(9), &share(9)).unwrap();
    store.complete(id(9), b"results").unwrap();
    // the process ends in the middle of a reshare, after its share was kept
    store.begin(id(8), RESHARE).unwrap();
    store.keep(id(8), &share(8)).unwrap();
    assert!(unsettled(&store).is_empty(), "it runs");
    drop(store);
    let store = open(&dir);
    assert_eq!(unsettled(&store), [id(8)]);
    assert_eq!(current(&store), Some(9), "not known to be complete");
    std::thread::sleep(Duration::from_millis(2));
    assert!(
        store.unsettled(Some(KEY), Duration::ZERO).unwrap().is_empty(),
        "too old"
    );
    assert!(
        store
            .unsettled(Some(BlsPublicKey([1; 48])), age)
            .unwrap()
            .is_empty()
    );

    let store = {
        store.complete(id(8), b"results").unwrap();
        drop(store);
        open(&dir)
    };
    assert_eq!((current(&store), unsettled(&store)), (Some(8), vec![]));

    // one that fails here, and another after it that completes: what becomes of the first is no matter any more
    store.begin(id(7), RESHARE).unwrap();
    store.keep(id(7), &share(7)).unwrap();
    store
        .finish(id(7), Ending::Failed, &SafeText::new("timeout"))
        .unwrap();
    assert_eq!(unsettled(&store), [id(7)]);
    store.begin(id(6), RESHARE).unwrap();
    store.keep(id(6), &share(6)).unwrap();
    store.complete(id(6), b"results").unwrap();
    assert_eq!((current(&store), unsettled(&store)), (Some(6), vec![]));
    store.complete(id(7), b"results").unwrap();
    assert_eq!(current(&store), Some(6));
}

#[test]
fn results_that_come_after_a_blame_do_not_make_its_share_usable() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.begin(id(1), SessionKind::Keygen).unwrap();
    store.keep(id(1), &share(1)).unwrap();
    store
        .finish(id(1), Ending::Blamed, &SafeText::new("2 blamed 4"))
        .unwrap();
    store.complete(id(1), b"results").unwrap();
    assert_eq!(current(&store), None);
    assert!(store.unsettled(None, Duration::from_secs(60)).unwrap().is_empty());
}

/// A file of the first layout, with these runs of one key: begun, ended (if it did), complete.
fn first_layout(path: &Path, runs: &[(u8, i64, Option<i64>, bool)]) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(schema::STEPS[0]).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    let sealer = sealer(&db, path, b"k").unwrap();
    for (run, began, ended, complete) in runs {
        db.execute(
            "INSERT INTO sessions (request_id, kind, started_ms, ended_ms, ending) VALUES (?1, 'reshare', ?2, ?3, ?4)",
            params![
                id(*run).0,
                began,
                ended,
                ended.map(|_| if *complete { "complete" } else { "failed" })
            ],
        )
        .unwrap();
        let facts = serde_json::to_string(&(3, &share(*run).share_public_keys)).unwrap();
        let associated = [&id(*run).0[..], &KEY.0[..], facts.as_bytes()].concat();
        db.execute(
            "INSERT INTO shares (request_id, validator, stored_ms, state, facts, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                id(*run).0,
                KEY.0,
                began,
                if *complete { "active" } else { "pending" },
                facts,
                sealer.seal(&[*run; 32], &associated)
            ],
        )
        .unwrap();
    }
}

#[test]
fn a_file_of_the_first_layout_opens_and_its_overlapping_runs_are_of_one_generation() {
    for (runs, expected) in [
        // one after the other: the last counts
        (
            &[
                (3, 10, Some(20), true),
                (1, 30, Some(40), true),
                (2, 50, Some(60), true),
            ][..],
            2,
        ),
        // the last two at a time: the smaller request id
        (
            &[
                (3, 10, Some(20), true),
                (1, 30, Some(60), true),
                (2, 40, Some(50), true),
            ],
            1,
        ),
        (
            &[
                (3, 10, Some(20), true),
                (2, 30, Some(60), true),
                (1, 40, Some(50), true),
            ],
            1,
        ),
        // the last was not seen to end
        (&[(3, 10, Some(20), true), (1, 30, None, false)], 3),
        (&[(3, 10, Some(20), false)], 3),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shares.sqlite");
        first_layout(&path, runs);
        let store = Store::open(&path, b"k").unwrap();
        assert_eq!(current(&store), Some(expected), "{runs:?}");
        store.begin(id(9), RESHARE).unwrap();
        store.keep(id(9), &share(9)).unwrap();
        store.complete(id(9), b"results").unwrap();
        drop(store);
        assert_eq!(current(&open(&dir)), Some(9), "{runs:?}");
    }
}

#[test]
fn a_file_of_a_newer_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shares.sqlite");
    drop(open(&dir));
    let newer = i64::try_from(schema::STEPS.len()).unwrap() + 1;
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", newer)
        .unwrap();
    assert!(matches!(Store::open(&path, b"k"), Err(StoreError::Layout(found)) if found == newer));
}

/// The last word counts, and whoever tries finds out without a ceremony.
#[test]
fn a_store_that_cannot_be_written_says_so_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("shares.sqlite"), b"k").unwrap();
    assert_eq!(store.refuses_writes(), None);
    store.lets_write(false);
    assert!(store.begin(RequestId([7; 24]), SessionKind::Keygen).is_err());
    assert_eq!(store.refuses_writes(), Some(Refuses::Disk));
    assert!(store.look_after().is_err());
    assert_eq!(store.refuses_writes(), Some(Refuses::Disk));
    store.lets_write(true);
    store.look_after().unwrap();
    assert_eq!(store.refuses_writes(), None);
    store.look_after().unwrap();
}

/// A share went into a file that was gone, the operator signed that it had it, and 32 ETH were sent to its key.
#[test]
fn nothing_is_kept_in_a_file_that_was_moved_or_replaced_and_all_before_it_is_copied() {
    let made = || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node/shares.sqlite");
        let store = Store::open(&path, b"k").unwrap();
        assert!(store.begin(RequestId([1; 24]), SessionKind::Keygen).unwrap());
        store.keep(RequestId([1; 24]), &share(1)).unwrap();
        (folder, path, store)
    };
    let refused = |store: &Store, path: &Path| {
        let refused = store.begin(RequestId([2; 24]), SessionKind::Keygen).unwrap_err();
        let StoreError::Moved { way, .. } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(store.refuses_writes(), Some(Refuses::Moved));
        let copies = std::fs::read_dir(path.parent().unwrap()).unwrap();
        let copies = copies.map(|entry| entry.unwrap().path());
        let is_copy = |file: &PathBuf| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            name.contains("rescued") && name.ends_with(".sqlite") && file.is_file()
        };
        let copies: Vec<PathBuf> = copies.filter(is_copy).collect();
        let [copy] = copies.as_slice() else {
            panic!("{copies:?}");
        };
        assert!(way.as_str().contains(&copy.display().to_string()), "{way}");
        let held = shares(copy).unwrap();
        assert_eq!(held.len(), 1, "the share of before");
        let folder = tempfile::tempdir().unwrap();
        let back = Store::open(&folder.path().join("back.sqlite"), b"k").unwrap();
        let restored = back.restore(copy, b"k").unwrap();
        assert_eq!((restored.added.len(), restored.absent), (1, Vec::new()));
        assert!(back.key(share(1).validator).unwrap().is_some());
    };

    // the whole directory moved, and back again
    let (folder, path, store) = made();
    let (here, away) = (path.parent().unwrap(), folder.path().join("away"));
    std::fs::rename(here, &away).unwrap();
    assert!(matches!(store.look_after(), Err(StoreError::Moved { .. })));
    refused(&store, &path);
    std::fs::remove_dir_all(here).unwrap();
    std::fs::rename(&away, here).unwrap();
    store.look_after().unwrap();
    assert_eq!(store.refuses_writes(), None);
    assert!(store.begin(RequestId([3; 24]), SessionKind::Keygen).unwrap());

    // replaced by a copy of itself
    let (folder, path, store) = made();
    let copy = folder.path().join("copy");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::rename(&copy, &path).unwrap();
    refused(&store, &path);

    // removed while something is written: it counts only where others find it
    let (_folder, path, store) = made();
    let moved = store.durably(|db| {
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        db.execute("DELETE FROM meta WHERE name = 'nothing'", [])
    });
    assert!(matches!(moved, Err(StoreError::Moved { .. })), "{moved:?}");
    refused(&store, &path);
}

/// The disk refused to write what SQLite had called written: nothing rests on this file any more.
#[test]
fn a_failed_fsync_is_told_to_whoever_runs_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("shares.sqlite"), b"k").unwrap();
    let automatic: i64 = store
        .db()
        .query_row("PRAGMA wal_autocheckpoint", [], |row| row.get(0))
        .unwrap();
    assert_eq!(automatic, 0, "SQLite would keep a failed fsync to itself");
    let fails = |code| {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        assert!(store.durably(|_| Err::<(), _>(error)).is_err());
        store.broken().borrow().clone()
    };
    assert_eq!(fails(rusqlite::ffi::SQLITE_FULL), None);
    let why = fails(rusqlite::ffi::SQLITE_IOERR_FSYNC).unwrap();
    assert!(why.as_str().contains("no longer be believed"), "{why}");
}

#[test]
fn two_ways_to_one_file_are_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (
        dir.path().join("real/shares.sqlite"),
        dir.path().join("shares.sqlite"),
    );
    std::fs::create_dir(dir.path().join("real")).unwrap();
    let store = Store::open(&file, b"k").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let second = Store::open(&link, b"k");
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
    drop(store);
    Store::open(&link, b"k").unwrap();
}
