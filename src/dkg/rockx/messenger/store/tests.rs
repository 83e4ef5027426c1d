//! Files that earlier and later programs left.

use std::net::{IpAddr, Ipv4Addr};

use rusqlite::params;

use super::*;
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::dkg::rockx::messenger::store::schema::STEPS;
use crate::types::OperatorId;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const FILE: &str = schema::FILE;

fn id(byte: u8) -> RequestId {
    RequestId([byte; 24])
}

/// A file of version 1 with a registration, a topic with a message that one of two members has, and a result.
fn first_version(dir: &Path) -> Connection {
    let db = Connection::open(dir.join(FILE)).unwrap();
    db.execute_batch(STEPS[0]).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    let topic = id(1).0;
    let rows: [(&str, &[&dyn rusqlite::ToSql]); 7] = [
        ("INSERT INTO registered VALUES ('1', 'http://one')", &[]),
        (
            "INSERT INTO topic VALUES (?1, 11, ?2, NULL)",
            params![topic, [7_u8; 32]],
        ),
        (
            "INSERT INTO member VALUES (?1, '1', 'http://one', 0)",
            params![topic],
        ),
        (
            "INSERT INTO member VALUES (?1, '2', 'http://two', 1)",
            params![topic],
        ),
        ("INSERT INTO message VALUES (?1, 3, 12, x'beef')", params![topic]),
        ("INSERT INTO settled VALUES (?1, '1', 3, 1)", params![topic]),
        ("INSERT INTO result VALUES (?1, 13, 2, 'done')", params![topic]),
    ];
    for (sql, values) in rows {
        db.execute(sql, values).unwrap();
    }
    db
}

fn version_of(dir: &Path) -> i64 {
    let db = Connection::open(dir.join(FILE)).unwrap();
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// Opens the file, reads it, and lets it go.
async fn read(dir: &Path) -> Loaded {
    let (store, loaded) = Store::open(dir).unwrap();
    store.close().await;
    loaded
}

/// What a file of the first version holds is there, whatever stands beside it.
fn has_the_first_version(loaded: &Loaded) {
    assert_eq!(loaded.registered["1"].address, "http://one");
    let [topic] = &loaded.topics[..] else {
        panic!("{} topics", loaded.topics.len())
    };
    assert_eq!(
        (topic.id, topic.at, topic.owner),
        (id(1), UnixMillis(11), Some([7; 32]))
    );
    let mut members = topic.members.clone();
    members.sort();
    let expected = [("1", "http://one", false), ("2", "http://two", true)];
    assert_eq!(
        members,
        expected.map(|(name, at, direct)| (name.to_owned(), at.to_owned(), direct))
    );
    let [message] = &topic.messages[..] else {
        panic!("{} messages", topic.messages.len())
    };
    assert_eq!(
        (message.seq, message.at, &message.body[..]),
        (3, UnixMillis(12), &[0xbe, 0xef][..])
    );
    assert_eq!(topic.settled, [(("1".to_owned(), 3), true)].into());
    assert_eq!(&*loaded.results[0].text, "done");
    assert_eq!(loaded.results[0].backing, Backing::default());
}

#[tokio::test]
async fn a_new_file_has_the_newest_version_and_keeps_what_was_proved() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    let key = Arc::new(OperatorPrivateKey::generate().unwrap().public().clone());
    let entry = Entry {
        address: "http://one".to_owned(),
        key: Some(Arc::clone(&key)),
        proved: Some(UnixMillis(4)),
        signed: Some(UnixMillis(3)),
        confirmed: true,
        listed: false,
        client: Some(HERE),
        seen: UnixMillis(5),
        heard: true,
    };
    store.write(Write::registered("1", &entry));
    let backing = Backing {
        vouched: true,
        signers: vec![OperatorId(1), OperatorId(12)],
    };
    store.write(Write::Result {
        id: id(9),
        at: UnixMillis(6),
        weight: 2,
        backing: backing.clone(),
        text: "done".into(),
    });
    store.flush().await.unwrap();
    store.close().await;
    assert_eq!(version_of(dir.path()), 5);
    let loaded = read(dir.path()).await;
    assert_eq!(loaded.results[0].backing, backing);
    let found = &loaded.registered["1"];
    assert_eq!(
        (found.confirmed, found.client, found.seen, found.heard),
        (true, Some(HERE), UnixMillis(5), true)
    );
    assert_eq!(
        (found.key.as_ref(), found.proved, found.signed),
        (Some(&key), Some(UnixMillis(4)), Some(UnixMillis(3)))
    );
}

#[tokio::test]
async fn a_file_of_version_1_opens_its_registrations_are_guests_and_new_ones_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    drop(first_version(dir.path()));
    let before = UnixMillis::now();
    let (store, loaded) = Store::open(dir.path()).unwrap();
    has_the_first_version(&loaded);
    let guest = &loaded.registered["1"];
    assert_eq!(
        (guest.confirmed, guest.client, guest.heard, guest.proved),
        (false, None, false, None)
    );
    assert!(guest.seen >= before, "as if it came now");
    assert_eq!(loaded.topics[0].origin, Origin::Guest(None));
    let key = Arc::new(OperatorPrivateKey::generate().unwrap().public().clone());
    store.write(Write::registered(
        "1",
        &Entry {
            key: Some(Arc::clone(&key)),
            confirmed: true,
            ..guest.clone()
        },
    ));
    store.flush().await.unwrap();
    store.close().await;
    assert_eq!(version_of(dir.path()), 5);
    let again = read(dir.path()).await;
    has_the_first_version(&again);
    assert!(again.registered["1"].confirmed);
}

#[tokio::test]
async fn a_file_that_got_its_tables_without_a_number_keeps_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let db = first_version(dir.path());
    db.execute_batch(STEPS[1]).unwrap();
    let key = OperatorPrivateKey::generate().unwrap();
    db.execute(
        "INSERT INTO standing VALUES ('1', ?1, NULL, 1, '127.0.0.1', 14, 1)",
        [key.public().as_spki_der()],
    )
    .unwrap();
    db.execute("INSERT INTO origin VALUES (?1, 'known')", params![id(1).0])
        .unwrap();
    drop(db);
    assert_eq!(version_of(dir.path()), 1);
    let loaded = read(dir.path()).await;
    has_the_first_version(&loaded);
    let entry = &loaded.registered["1"];
    assert_eq!(
        (entry.client, entry.seen, entry.heard),
        (Some(HERE), UnixMillis(14), true)
    );
    assert!(!entry.confirmed, "that it was listed confirmed no key");
    assert_eq!(loaded.topics[0].origin, Origin::Known);
    assert_eq!(version_of(dir.path()), 5);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let db = first_version(dir.path());
    // `standing` can be made, `origin` cannot
    db.execute_batch("CREATE INDEX origin ON topic (at)").unwrap();
    drop(db);
    assert!(matches!(
        Store::open(dir.path()),
        Err(StoreError::Unusable { .. })
    ));
    assert_eq!(version_of(dir.path()), 1);
    let db = Connection::open(dir.path().join(FILE)).unwrap();
    let tables = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'standing'";
    let made: i64 = db.query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(made, 0, "half of a step was taken");
    db.execute_batch("DROP INDEX origin").unwrap();
    drop(db);
    has_the_first_version(&read(dir.path()).await);
}

#[test]
fn a_damaged_file_is_named_with_the_way_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(FILE);
    std::fs::write(&file, "hello, this is no database at all").unwrap();
    let words = Store::open(dir.path()).map(drop).unwrap_err().to_string();
    assert!(
        words.starts_with(&file.display().to_string()) && words.contains("move it away"),
        "{words}"
    );
    std::fs::remove_file(&file).unwrap();
    Store::open(dir.path()).unwrap();
}

#[test]
fn a_file_of_a_newer_program_is_left_alone_and_named_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let db = first_version(dir.path());
    db.pragma_update(None, "user_version", 6).unwrap();
    drop(db);
    let before = std::fs::read(&path).unwrap();
    let refused = Store::open(dir.path()).map(drop).unwrap_err();
    assert!(matches!(
        refused,
        StoreError::Version {
            found: 6,
            known: 5,
            ..
        }
    ));
    let words = refused.to_string();
    let named = format!(
        "{} has version 6, this program knows versions up to 5",
        path.display()
    );
    assert!(words.starts_with(&named), "{words}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// The disk gave back another file than was written: nothing is accepted any more, and whoever runs it is told.
#[tokio::test]
async fn a_store_that_cannot_be_believed_any_more_is_told_to_whoever_runs_the_messenger() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    let mut broken = store.broken();
    store.write(Write::DropTopic { id: id(1) });
    store.flush().await.unwrap();
    assert!(broken.borrow().is_none());
    let db = Connection::open(dir.path().join(FILE)).unwrap();
    db.pragma_update(None, "writable_schema", "ON").unwrap();
    db.execute(
        "UPDATE sqlite_master SET sql = 'CREATE TABLE ' || name || ' (' WHERE type = 'table'",
        [],
    )
    .unwrap();
    db.pragma_update(None, "schema_version", 1_000).unwrap();
    store.write(Write::DropTopic { id: id(2) });
    assert!(matches!(store.flush().await, Err(StoreError::Failed)));
    let why = broken.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(why.as_str().contains("no longer be believed"), "{why}");
    assert!(matches!(store.flush().await, Err(StoreError::Failed)), "for good");
}

/// Moved or replaced while it ran, it said nothing, and after its next start it had nothing.
#[tokio::test]
async fn a_store_that_is_not_where_it_was_opened_is_told_and_nothing_is_called_kept() {
    for (what, moves) in [
        (
            "moved",
            (|dir: &Path| std::fs::rename(dir, dir.with_extension("away"))) as fn(&Path) -> _,
        ),
        ("removed", |dir| std::fs::remove_dir_all(dir)),
        ("replaced", |dir| {
            let copy = dir.join("copy");
            std::fs::copy(dir.join(FILE), &copy).and_then(|_| std::fs::rename(&copy, dir.join(FILE)))
        }),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("state");
        let (store, _) = Store::open(&dir).unwrap();
        let mut broken = store.broken();
        store.write(Write::DropTopic { id: id(1) });
        store.flush().await.unwrap();
        assert!(broken.borrow().is_none(), "{what}");
        moves(&dir).unwrap();
        store.write(Write::DropTopic { id: id(2) });
        assert!(matches!(store.flush().await, Err(StoreError::Failed)), "{what}");
        let why = broken.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        assert!(
            why.as_str().contains("while this process writes it") || why.as_str().contains("another file"),
            "{why}"
        );
    }
}

/// The registry, the secrets' hashes and everybody's messages were for every user of the machine to read.
#[tokio::test]
async fn nobody_else_reads_the_files() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("state");
    let (store, _) = Store::open(&dir).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    store.close().await;
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named_with_what_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let dir = file.join("messenger");
    let words = Store::open(&dir).map(drop).unwrap_err().to_string();
    let (dir, file) = (dir.display(), file.display());
    assert_eq!(words, format!("{dir}: {file} is there and is no directory"));
}
