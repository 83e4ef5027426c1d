//! Copies of a store: plain ones, backups, and what comes back from them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;
use crate::types::{OperatorId, RequestId, SafeText};

const SECRET: &[u8] = b"operator key";

fn id(n: u8) -> RequestId {
    RequestId([n; 24])
}

fn share(n: u8) -> KeyShare {
    KeyShare {
        validator: BlsPublicKey([n; 48]),
        threshold: 3,
        share: Zeroizing::new([n | 0x80; 32]),
        share_public_keys: (1..=4)
            .map(|i| (OperatorId(i), BlsPublicKey([i as u8; 48])))
            .collect(),
    }
}

fn make(store: &Store, n: u8) {
    assert!(store.begin(id(n), SessionKind::Keygen).unwrap());
    store.keep(id(n), &share(n)).unwrap();
    store.complete(id(n), b"results").unwrap();
}

fn opened(folder: &TempDir, name: &str) -> Store {
    Store::open(&folder.path().join(name), SECRET).unwrap()
}

fn secret_of(store: &Store, n: u8) -> Option<[u8; 32]> {
    store.key(BlsPublicKey([n; 48])).unwrap().map(|key| *key.share)
}

#[test]
fn a_plain_copy_of_a_store_in_use_has_every_share() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let store = Store::open(&path, SECRET).unwrap();
    let copied = |name: &str| {
        let copy = folder.path().join(name);
        fs::copy(&path, &copy).unwrap();
        let held = shares(&copy).unwrap();
        held.iter()
            .map(|held| (held.ceremony, held.state.to_string()))
            .collect::<Vec<_>>()
    };
    make(&store, 1);
    store.begin(id(2), SessionKind::Keygen).unwrap();
    store.keep(id(2), &share(2)).unwrap();
    let now = [(id(1), "active".to_owned()), (id(2), "pending".to_owned())];
    assert_eq!(copied("first.sqlite"), now);
    store
        .finish(id(2), Ending::Blamed, &SafeText::new("2 blamed 4"))
        .unwrap();
    assert_eq!(copied("second.sqlite")[1].1, "never-use");
}

#[test]
fn a_backup_of_a_store_that_is_written_lacks_nothing_and_holds_nothing_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let store = Store::open(&path, SECRET).unwrap();
    std::thread::scope(|scope| {
        let writes = scope.spawn(|| (1..=40).for_each(|n| make(&store, n)));
        let mut round = 0;
        while !writes.is_finished() {
            round += 1;
            let before = shares(&path).unwrap();
            let to = folder.path().join(format!("backup-{round}.sqlite"));
            let copied = backup(&path, &to).unwrap();
            let has = |held: &Held| copied.iter().any(|copy| copy.ceremony == held.ceremony);
            assert!(before.iter().all(has), "round {round}");
        }
    });
    let to = folder.path().join("last.sqlite");
    let held = backup(&path, &to).unwrap();
    assert_eq!(
        (held.len(), held.iter().filter(|held| held.counts).count()),
        (40, 40)
    );
    assert_eq!(shares(&to).unwrap(), held);
    let bytes = fs::read(&to).unwrap();
    assert!(
        !bytes.windows(32).any(|window| window == [0x87; 32]),
        "a share in clear"
    );
    let manifest = fs::read_to_string(manifest_of(&to)).unwrap();
    assert_eq!(manifest.lines().count(), 41);
    for file in [to.clone(), manifest_of(&to), manifest_of(&path)] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
    let partial = to.with_extension("partial");
    fs::write(&partial, "somebody's").unwrap();
    backup(&path, &to.with_extension("tue")).unwrap();
    assert_eq!(fs::read_to_string(&partial).unwrap(), "somebody's");
    let again = backup(&path, &to).unwrap_err().to_string();
    assert!(again.contains("never replaces"), "{again}");
}

#[test]
fn a_store_that_lost_shares_says_so_until_they_are_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let store = opened(&folder, "shares.sqlite");
    assert_eq!(store.missing(), []);
    make(&store, 1);
    make(&store, 2);
    let copy = folder.path().join("backup.sqlite");
    backup(&path, &copy).unwrap();
    drop(store);
    for file in ["shares.sqlite", "shares.sqlite-wal", "shares.sqlite-shm"] {
        let _ = fs::remove_file(folder.path().join(file));
    }
    let missing = [1, 2].map(|n| Named {
        ceremony: id(n),
        validator: BlsPublicKey([n; 48]),
    });
    for _ in 0..2 {
        assert_eq!(
            opened(&folder, "shares.sqlite").missing(),
            missing,
            "at every start"
        );
    }
    let store = opened(&folder, "shares.sqlite");
    make(&store, 3);
    let restored = store.restore(&copy, SECRET).unwrap();
    assert_eq!((restored.added.as_slice(), restored.known), (&missing[..], 0));
    drop(store);
    let store = opened(&folder, "shares.sqlite");
    assert_eq!(store.missing(), []);
    for n in 1..=3 {
        assert_eq!(secret_of(&store, n), Some([n | 0x80; 32]));
        assert!(
            !store.begin(id(n), SessionKind::Keygen).unwrap(),
            "used once for ever"
        );
    }
    let again = store.restore(&copy, SECRET).unwrap();
    assert_eq!((again.added.len(), again.known), (0, 2));
    assert!(restored.has_manifest && again.has_manifest);
    fs::remove_file(manifest_of(&copy)).unwrap();
    let bare = store.restore(&copy, SECRET).unwrap();
    assert!(!bare.has_manifest, "nothing tells what it should hold");
}

#[test]
fn a_restore_takes_nothing_away_and_keeps_the_graver_word() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder, "shares.sqlite");
    for n in 1..=3 {
        store.begin(id(n), SessionKind::Keygen).unwrap();
        store.keep(id(n), &share(n)).unwrap();
    }
    store.complete(id(1), b"results").unwrap();
    let path = folder.path().join("shares.sqlite");
    let early = folder.path().join("early.sqlite");
    backup(&path, &early).unwrap();
    store
        .finish(id(1), Ending::Blamed, &SafeText::new("late"))
        .unwrap();
    store.complete(id(2), b"results").unwrap();
    let late = folder.path().join("late.sqlite");
    backup(&path, &late).unwrap();
    store.restore(&early, SECRET).unwrap();
    let states = |path: &Path| {
        let held = shares(path).unwrap();
        held.iter().map(|held| held.state.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(states(&path), ["never-use", "active", "pending"]);
    // and the other way round
    let other = opened(&folder, "other.sqlite");
    other.restore(&early, SECRET).unwrap();
    other.restore(&late, SECRET).unwrap();
    assert_eq!(
        states(&folder.path().join("other.sqlite")),
        ["never-use", "active", "pending"]
    );
}

fn alter(file: &Path, n: u8) {
    let changed = Connection::open(file)
        .unwrap()
        .execute(
            "UPDATE shares SET sealed = zeroblob(length(sealed)) WHERE request_id = ?1",
            [id(n).0],
        )
        .unwrap();
    assert_eq!(changed, 1);
}

#[test]
fn a_backup_of_another_key_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder, "shares.sqlite");
    make(&store, 1);
    let copy = folder.path().join("backup.sqlite");
    backup(&folder.path().join("shares.sqlite"), &copy).unwrap();

    let other = Store::open(&folder.path().join("other.sqlite"), b"another key").unwrap();
    let refused = other.restore(&copy, b"another key");
    assert!(matches!(refused, Err(StoreError::WrongKey(_))), "{refused:?}");
    assert_eq!(shares(&folder.path().join("other.sqlite")).unwrap(), []);
    assert_eq!(other.known().unwrap(), []);
    // a disk that is not mounted
    let nowhere = backup(
        &folder.path().join("shares.sqlite"),
        &folder.path().join("disk/b"),
    );
    assert!(nowhere.unwrap_err().to_string().contains("is its disk mounted?"));
}

/// One damaged share kept every other one of a backup back.
#[test]
fn a_share_that_is_damaged_or_lacking_in_a_backup_keeps_no_other_back_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder, "shares.sqlite");
    for n in 1..=3 {
        make(&store, n);
    }
    let copy = folder.path().join("backup.sqlite");
    backup(&folder.path().join("shares.sqlite"), &copy).unwrap();
    alter(&copy, 2);
    Connection::open(&copy)
        .unwrap()
        .execute("DELETE FROM shares WHERE request_id = ?1", [id(3).0])
        .unwrap();
    let runs = |named: &[Named]| named.iter().map(|named| named.ceremony).collect::<Vec<_>>();
    assert_eq!(runs(&damaged(&copy, SECRET).unwrap()), [id(2)]);

    let empty = opened(&folder, "empty.sqlite");
    let restored = empty.restore(&copy, SECRET).unwrap();
    assert_eq!(runs(&restored.added), [id(1)]);
    assert_eq!(
        (runs(&restored.damaged), runs(&restored.lacking)),
        (vec![id(2)], vec![id(3)])
    );
    assert_eq!(runs(&restored.absent), [id(2), id(3)]);
    assert_eq!(secret_of(&empty, 1), Some([1 | 0x80; 32]));
}

#[test]
fn a_damaged_share_is_told_at_the_start_and_taken_back_from_a_good_backup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let store = Store::open(&path, SECRET).unwrap();
    make(&store, 1);
    make(&store, 2);
    let good = folder.path().join("good.sqlite");
    backup(&path, &good).unwrap();
    assert_eq!(store.damaged(), []);
    drop(store);
    alter(&path, 1);
    assert_eq!(damaged(&path, SECRET).unwrap().len(), 1);
    assert!(matches!(
        damaged(&path, b"another key"),
        Err(StoreError::WrongKey(_))
    ));

    let store = Store::open(&path, SECRET).unwrap();
    assert_eq!(store.damaged().len(), 1);
    let restored = store.restore(&good, SECRET).unwrap();
    assert_eq!((restored.added.len(), restored.known), (1, 1));
    assert_eq!(restored.absent, []);
    assert_eq!(secret_of(&store, 1), Some([1 | 0x80; 32]));
    drop(store);
    assert_eq!(damaged(&path, SECRET).unwrap(), []);

    // a key that is changed changes for the others
    alter(&path, 2);
    let done = reseal(&path, SECRET, b"next key").unwrap();
    assert_eq!((done.shares, done.damaged.len()), (1, 1));
    let store = Store::open(&path, b"next key").unwrap();
    assert_eq!(secret_of(&store, 1), Some([1 | 0x80; 32]));
    assert_eq!(store.damaged().len(), 1);
}

#[test]
fn a_store_that_lost_shares_is_not_backed_up_as_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let store = Store::open(&path, SECRET).unwrap();
    make(&store, 1);
    make(&store, 2);
    assert_eq!(missing(&path).unwrap(), []);
    store
        .db()
        .execute("DELETE FROM shares WHERE request_id = ?1", [id(1).0])
        .unwrap();
    let copy = folder.path().join("backup.sqlite");
    let refused = backup(&path, &copy);
    assert!(
        matches!(refused, Err(StoreError::Lost { count: 1, first, .. }) if first == share(1).validator),
        "{refused:?}"
    );
    assert!(!copy.exists() && !manifest_of(&copy).exists());
    let named: Vec<_> = missing(&path)
        .unwrap()
        .iter()
        .map(|named| named.ceremony)
        .collect();
    assert_eq!(named, [id(1)]);
    // who accepts the loss removes the manifest, and a node that goes on begins another one
    fs::remove_file(manifest_of(&path)).unwrap();
    make(&store, 3);
    assert_eq!(backup(&path, &copy).unwrap().len(), 2);
    assert_eq!(named_by(&manifest_of(&path)).unwrap().len(), 1);
}

#[test]
fn a_new_store_is_told_from_one_that_was_used() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder, "shares.sqlite");
    assert!(store.is_new().unwrap());
    store.begin(id(1), SessionKind::Keygen).unwrap();
    assert!(!store.is_new().unwrap());
}

#[test]
fn a_store_is_sealed_for_another_key_and_kept_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let store = Store::open(&path, SECRET).unwrap();
    make(&store, 1);
    make(&store, 2);
    let held = shares(&path).unwrap();
    let taken = reseal(&path, SECRET, b"next key");
    assert!(matches!(taken, Err(StoreError::InUse { .. })), "{taken:?}");
    drop(store);
    let refused = reseal(&path, b"another key", b"next key");
    assert!(refused.is_err_and(|error| {
        error
            .to_string()
            .contains("shares.sqlite belongs to another operator key")
    }));
    assert!(Store::open(&path, SECRET).is_ok(), "nothing changed");

    let done = reseal(&path, SECRET, b"next key").unwrap();
    assert_eq!((done.shares, shares(&path).unwrap()), (2, held));
    assert!(matches!(Store::open(&path, SECRET), Err(StoreError::WrongKey(_))));
    let store = Store::open(&path, b"next key").unwrap();
    assert_eq!(secret_of(&store, 2), Some([2 | 0x80; 32]));
    assert_eq!(store.missing(), []);
    assert!(!store.begin(id(1), SessionKind::Keygen).unwrap(), "ids stay used");
    let former = Store::open(&done.former, SECRET).unwrap();
    assert_eq!(secret_of(&former, 1), Some([1 | 0x80; 32]));
    assert!(!path.with_extension("resealing.sqlite").exists());
}

#[test]
fn what_root_restores_belongs_to_whoever_runs_the_node() {
    use crate::owner::tests::{SERVICE, owners, theirs};

    let Some(folder) = theirs() else { return };
    let backups = tempfile::tempdir().unwrap();
    let (from, copy) = (
        backups.path().join("from.sqlite"),
        backups.path().join("backup.sqlite"),
    );
    make(&Store::open(&from, SECRET).unwrap(), 1);
    backup(&from, &copy).unwrap();
    let path = folder.path().join("node/shares.sqlite");
    let store = Store::open(&path, SECRET).unwrap();
    store.restore(&copy, SECRET).unwrap();
    let files = owners(folder.path());
    assert!(
        files.len() >= 4 && files.iter().all(|(_, uid)| *uid == SERVICE),
        "{files:?}"
    );
    drop(store);
    reseal(&path, SECRET, b"next key").unwrap();
    let files = owners(folder.path());
    assert!(files.iter().all(|(_, uid)| *uid == SERVICE), "{files:?}");
}

#[test]
fn a_refusal_names_the_file_that_is_meant_and_a_store_that_was_made_for_it_is_gone_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder, "shares.sqlite");
    (1..=40).for_each(|n| make(&store, n));
    let copy = folder.path().join("backup.sqlite");
    backup(&folder.path().join("shares.sqlite"), &copy).unwrap();
    let cut = folder.path().join("cut.sqlite");
    let bytes = fs::read(&copy).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let other = folder.path().join("other.sqlite");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE records (a); PRAGMA user_version = 2")
        .unwrap();
    for from in [&cut, &other] {
        let refused = store.restore(from, SECRET).unwrap_err().to_string();
        assert!(refused.contains(&from.display().to_string()), "{refused}");
        assert!(!refused.contains("shares.sqlite"), "{refused}");
    }
    let no_folder = cut.join("shares.sqlite");
    let refused = Store::open(&no_folder, SECRET).unwrap_err().to_string();
    assert!(refused.contains("cut.sqlite"), "{refused}");
}

/// The names of shares 1 and 2 stand in a manifest whose store was moved away, as its reader is told to do with a damaged one.
fn left_with_its_manifest() -> (TempDir, std::path::PathBuf, std::path::PathBuf, Vec<Named>) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("node");
    let (path, copy) = (place.join("shares.sqlite"), folder.path().join("backup.sqlite"));
    let store = Store::open(&path, SECRET).unwrap();
    make(&store, 1);
    make(&store, 2);
    backup(&path, &copy).unwrap();
    drop(store);
    let named = named_by(&manifest_of(&path)).unwrap();
    let manifest = fs::read(manifest_of(&path)).unwrap();
    fs::remove_dir_all(&place).unwrap();
    fs::create_dir(&place).unwrap();
    fs::write(manifest_of(&path), manifest).unwrap();
    (folder, path, copy, named)
}

fn names_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_refused_restore_leaves_the_manifest_that_names_what_was_lost() {
    let (folder, path, copy, named) = left_with_its_manifest();
    let cut = folder.path().join("cut.sqlite");
    let bytes = fs::read(&copy).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let nowhere = folder.path().join("nowhere.sqlite");
    let tries: [(&Path, &[u8]); 3] = [(&copy, b"another key"), (&cut, SECRET), (&nowhere, SECRET)];
    for (from, secret) in tries {
        assert!(restore(&path, from, secret).is_err());
        assert_eq!(names_in(path.parent().unwrap()), ["shares.sqlite.manifest"]);
        assert_eq!(named_by(&manifest_of(&path)).unwrap(), named);
    }
    assert_eq!(restore(&path, &copy, SECRET).unwrap().added, named);
}

/// A store that was made to be restored into, and could not be: an empty one would pass for one that was.
#[test]
fn a_restore_that_fails_behind_the_store_it_made_takes_that_away_and_nothing_else() {
    let (_folder, path, copy, _) = left_with_its_manifest();
    fs::write(manifest_of(&path), "no manifest\n").unwrap();
    let refused = restore(&path, &copy, SECRET).unwrap_err().to_string();
    assert!(
        refused.contains("line 1") && refused.contains("remove it"),
        "{refused}"
    );
    assert_eq!(names_in(path.parent().unwrap()), ["shares.sqlite.manifest"]);
    fs::remove_file(manifest_of(&path)).unwrap();
    // nobody would be told of what the backup lacks
    alter(&copy, 2);
    let temporary = path.with_extension("sqlite.manifest.new");
    fs::create_dir(&temporary).unwrap();
    let refused = restore(&path, &copy, SECRET).unwrap_err().to_string();
    assert!(refused.contains("restore again"), "{refused}");
    assert_eq!(names_in(path.parent().unwrap()), ["shares.sqlite.manifest.new"]);
    fs::remove_dir(&temporary).unwrap();
    assert_eq!(restore(&path, &copy, SECRET).unwrap().added.len(), 1);
    // and one that is there stays
    assert!(restore(&path, &copy, b"another key").is_err());
    assert_eq!(shares(&path).unwrap().len(), 1);
}

/// It was printed once, and the new manifest did not name it: the next backup passed for a whole one.
#[test]
fn what_a_backup_lacks_is_missing_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder, "shares.sqlite");
    for n in 1..=3 {
        make(&store, n);
    }
    let copy = folder.path().join("backup.sqlite");
    backup(&folder.path().join("shares.sqlite"), &copy).unwrap();
    alter(&copy, 2);
    Connection::open(&copy)
        .unwrap()
        .execute("DELETE FROM shares WHERE request_id = ?1", [id(3).0])
        .unwrap();
    let path = folder.path().join("new.sqlite");
    let restored = restore(&path, &copy, SECRET).unwrap();
    assert_eq!(restored.absent.len(), 2);
    assert_eq!(missing(&path).unwrap(), restored.absent);
    assert_eq!(opened(&folder, "new.sqlite").missing(), restored.absent);
    let refused = backup(&path, &folder.path().join("next.sqlite"));
    assert!(
        matches!(refused, Err(StoreError::Lost { count: 2, .. })),
        "{refused:?}"
    );
}

/// What stood in SQLite's log alone, because somebody read at that moment.
#[test]
fn a_share_that_stands_in_the_log_alone_is_restored_and_goes_into_the_file_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let store = opened(&folder, "shares.sqlite");
    make(&store, 1);
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let read = "SELECT COUNT(*) FROM shares";
    assert_eq!(reader.query_row(read, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    make(&store, 2);
    let plain = folder.path().join("plain.sqlite");
    fs::copy(&path, &plain).unwrap();
    assert_eq!(shares(&plain).unwrap().len(), 1, "the second is in the log");

    let restored = restore(&folder.path().join("new.sqlite"), &path, SECRET).unwrap();
    assert_eq!((restored.added.len(), restored.absent), (2, Vec::new()));
    reader.execute_batch("COMMIT").unwrap();
    store.look_after().unwrap();
    fs::copy(&path, &plain).unwrap();
    assert_eq!(shares(&plain).unwrap().len(), 2);
}

/// A backup on a medium that is mounted read-only answered "unable to open database file".
#[test]
fn a_store_that_nothing_can_be_written_beside_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    make(&opened(&folder, "shares.sqlite"), 1);
    let (path, copy) = (
        folder.path().join("shares.sqlite"),
        folder.path().join("copy.sqlite"),
    );
    // as on a read-only medium, also for root: no log can be made
    std::os::unix::fs::symlink("no-folder/log", crate::sqlite::beside(&path, "-wal")).unwrap();
    assert_eq!(shares(&path).unwrap().len(), 1);
    assert_eq!(damaged(&path, SECRET).unwrap(), []);
    assert_eq!(backup(&path, &copy).unwrap().len(), 1);
    let restored = restore(&folder.path().join("new.sqlite"), &path, SECRET).unwrap();
    assert_eq!(restored.added.len(), 1);
}

/// Half a line stayed behind one that could not be written, and the next line made both one that is none.
#[test]
fn a_line_that_could_not_be_added_is_in_the_manifest_with_the_next_share() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let store = opened(&folder, "shares.sqlite");
    make(&store, 1);
    let manifest = manifest_of(&path);
    let whole = fs::read(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    fs::create_dir(&manifest).unwrap();
    make(&store, 2);
    fs::remove_dir(&manifest).unwrap();
    fs::write(&manifest, [&whole[..], b"0202"].concat()).unwrap();
    make(&store, 3);
    let named = named_by(&manifest).unwrap();
    let runs: Vec<_> = named.iter().map(|named| named.ceremony).collect();
    assert_eq!(runs, [id(1), id(2), id(3)]);
}

/// A start that said "file is not a database" left its reader with nothing to do.
#[test]
fn a_store_that_is_no_database_names_the_way_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    fs::write(&path, [b'x'; 8192]).unwrap();
    let words = Store::open(&path, b"key").unwrap_err().to_string();
    assert!(
        words.contains("shares.sqlite") && words.contains("Move it away"),
        "{words}"
    );
    assert!(words.contains("casimir-dkg operator restore BACKUP"), "{words}");
}

/// What a messenger told is kept when the messenger has forgotten it, until it comes back or a person gives it up.
#[test]
fn a_share_that_was_signed_for_is_missed_until_it_is_restored_or_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let signed = Named {
        ceremony: RequestId([7; 24]),
        validator: BlsPublicKey([7; 48]),
    };
    let store = opened(&folder, "shares.sqlite");
    assert_eq!(store.miss(&[signed]).unwrap(), [signed]);
    assert_eq!(store.miss(&[signed]).unwrap(), [], "it is known");
    assert!(!store.is_new().unwrap());
    drop(store);
    assert_eq!(missing(&path).unwrap(), [signed]);
    let lost = backup(&path, &folder.path().join("copy.sqlite")).unwrap_err();
    assert!(lost.to_string().contains("lost 1 share"), "{lost}");
    let store = opened(&folder, "shares.sqlite");
    assert_eq!(store.missing(), [signed]);
    assert!(store.runs().unwrap().contains(&signed.ceremony));
    drop(store);

    // given up: a messenger that still keeps the result is not asked for it any more
    fs::remove_file(manifest_of(&path)).unwrap();
    let store = opened(&folder, "shares.sqlite");
    assert_eq!(store.missing(), []);
    assert!(store.runs().unwrap().contains(&signed.ceremony));
}

/// The copy knows the run and not its share, which was kept a moment later: neither the copy's word nor what was begun may keep
/// a signed result from telling that it is lost.
/// The file died, its manifest did not, and the only backup was made amid the run.
#[test]
fn a_loss_that_the_manifest_told_and_a_person_accepted_is_not_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.sqlite");
    let store = opened(&folder, "shares.sqlite");
    make(&store, 1);
    assert!(store.begin(id(2), SessionKind::Keygen).unwrap());
    let copy = folder.path().join("copy.sqlite");
    backup(&path, &copy).unwrap();
    store.keep(id(2), &share(2)).unwrap();
    store.complete(id(2), b"results").unwrap();
    drop(store);
    for file in ["shares.sqlite", "shares.sqlite-wal", "shares.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.path().join(file));
    }
    let store = opened(&folder, "shares.sqlite");
    store.restore(&copy, SECRET).unwrap();
    drop(store);
    let lost = |store: &Store| {
        store
            .missing()
            .iter()
            .map(|named| named.ceremony)
            .collect::<Vec<_>>()
    };
    assert_eq!(lost(&opened(&folder, "shares.sqlite")), [id(2)]);
    std::fs::remove_file(manifest_of(&path)).unwrap();
    let store = opened(&folder, "shares.sqlite");
    assert_eq!(lost(&store), []);
    assert!(
        store.runs().unwrap().contains(&id(2)),
        "no result of it is looked at again"
    );
}

#[test]
fn a_copy_that_was_made_amid_a_run_says_so_and_its_share_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder, "shares.sqlite");
    make(&store, 1);
    for (n, kind) in [
        (2, SessionKind::Keygen),
        (3, SessionKind::Keysign),
        (4, SessionKind::Reshare(BlsPublicKey([1; 48]))),
    ] {
        assert!(store.begin(id(n), kind).unwrap());
    }
    let copy = folder.path().join("copy.sqlite");
    backup(&folder.path().join("shares.sqlite"), &copy).unwrap();
    let amid = |begun: &[Begun]| -> Vec<_> {
        begun
            .iter()
            .map(|begun| (begun.ceremony, begun.from_backup))
            .collect()
    };
    let of_copy = begun(&copy).unwrap();
    assert_eq!(amid(&of_copy), [(id(2), false), (id(4), false)]);
    store.keep(id(2), &share(2)).unwrap();
    store.complete(id(2), b"results").unwrap();
    drop(store);

    // on another disk
    let place = tempfile::tempdir().unwrap();
    let store = opened(&place, "shares.sqlite");
    let restored = store.restore(&copy, SECRET).unwrap();
    assert_eq!(restored.absent, []);
    assert_eq!(amid(&restored.amid), [(id(2), true), (id(4), true)]);
    let runs = store.runs().unwrap();
    assert!(
        !runs.contains(&id(2)),
        "a result that this operator signed is looked at"
    );
    assert!(
        runs.contains(&id(1)) && runs.contains(&id(3)),
        "those make no share, or have it"
    );
    let path = place.path().join("shares.sqlite");
    drop(store);
    assert_eq!(amid(&begun(&path).unwrap()), [(id(2), true), (id(4), true)]);
    let store = opened(&place, "shares.sqlite");
    let signed = Named {
        ceremony: id(2),
        validator: BlsPublicKey([2; 48]),
    };
    assert_eq!(store.miss(&[signed]).unwrap(), [signed]);
    assert_eq!(missing(&path).unwrap(), [signed]);
    assert_eq!(amid(&begun(&path).unwrap()), [(id(4), true)], "it is known now");
    drop(store);
    // a person accepts the loss: nobody is told again
    fs::remove_file(manifest_of(&path)).unwrap();
    let store = opened(&place, "shares.sqlite");
    assert!(store.missing().is_empty() && store.runs().unwrap().contains(&id(2)));
}

/// That a share may have been kept since was said until the run was forgotten, whatever was backed up meanwhile.
#[test]
fn a_newer_whole_backup_ends_the_word_of_one_that_was_made_amid_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let amid = |path: &Path| -> Vec<_> {
        let mut begun = begun(path).unwrap();
        begun.retain(|begun| begun.from_backup);
        begun.iter().map(|begun| begun.ceremony).collect()
    };
    let to = |name: &str| folder.path().join(name);
    let former = opened(&folder, "former.sqlite");
    make(&former, 1);
    former.begin(id(2), SessionKind::Keygen).unwrap();
    backup(&to("former.sqlite"), &to("amid.sqlite")).unwrap();

    let path = to("shares.sqlite");
    let store = opened(&folder, "shares.sqlite");
    store.restore(&to("amid.sqlite"), SECRET).unwrap();
    assert_eq!(amid(&path), [id(2)]);
    // one that is made amid the next run is no whole one
    store.begin(id(3), SessionKind::Keygen).unwrap();
    backup(&path, &to("amid too.sqlite")).unwrap();
    assert_eq!(settle(&path, &to("amid too.sqlite")).unwrap(), 0);
    assert_eq!(
        (amid(&path), amid(&to("amid too.sqlite"))),
        (vec![id(2)], vec![id(2)])
    );
    store.ended_alone(id(3)).unwrap();
    // while the node has the store open
    backup(&path, &to("whole.sqlite")).unwrap();
    assert_eq!(amid(&path), [id(2)], "not before it is there");
    assert_eq!(settle(&path, &to("whole.sqlite")).unwrap(), 1);
    assert_eq!((amid(&path), amid(&to("whole.sqlite"))), (vec![], vec![]));
    assert_eq!(settle(&path, &to("whole.sqlite")).unwrap(), 0, "said once");
    // what a messenger tells of its share counts as before, and an older copy takes nothing back
    assert!(!store.runs().unwrap().contains(&id(2)));
    store.restore(&to("amid.sqlite"), SECRET).unwrap();
    assert_eq!(amid(&path), []);
    make(&store, 4);
    drop(store);

    // whoever takes the newer one back as well knows how it ended
    let store = opened(&folder, "again.sqlite");
    store.restore(&to("amid.sqlite"), SECRET).unwrap();
    former
        .finish(id(2), Ending::Failed, &SafeText::new("2 was silent"))
        .unwrap();
    backup(&to("former.sqlite"), &to("later.sqlite")).unwrap();
    assert_eq!(amid(&to("again.sqlite")), [id(2)]);
    let restored = store.restore(&to("later.sqlite"), SECRET).unwrap();
    assert_eq!((restored.amid, amid(&to("again.sqlite"))), (vec![], vec![]));
}
