use super::*;

fn id(byte: u8) -> RequestId {
    RequestId([byte; 24])
}

fn share(byte: u8) -> KeyShare {
    KeyShare {
        validator: BlsPublicKey([0xaa; 48]),
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
    assert!(store.begin(id(1), "keygen").unwrap());
    store.keep(id(1), &share(0x5e)).unwrap();
    store
        .finish(id(1), Ending::Complete, &SafeText::default())
        .unwrap();
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
    let found = store.key(BlsPublicKey([0xaa; 48])).unwrap().unwrap();
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
        Err(StoreError::Database(_))
    ));
    store.keep(id(1), &share(1)).unwrap();
    store
        .db()
        .execute("UPDATE shares SET request_id = ?1", [id(2).0])
        .unwrap();
    assert!(matches!(
        store.key(BlsPublicKey([0xaa; 48])),
        Err(StoreError::Altered(_))
    ));
    drop(store);
    assert!(matches!(
        Store::open(&path, b"other key"),
        Err(StoreError::WrongKey)
    ));
}

#[test]
fn request_ids_are_used_once_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shares.sqlite");
    let store = Store::open(&path, b"k").unwrap();
    assert!(store.begin(id(1), "keygen").unwrap());
    assert!(!store.begin(id(1), "keygen").unwrap());
    drop(store);
    let store = Store::open(&path, b"k").unwrap();
    assert_eq!(
        store.known().unwrap(),
        [id(1)],
        "a session does not outlive its process"
    );
    assert!(!store.begin(id(1), "keygen").unwrap());
}

#[test]
fn the_right_generation_of_a_share_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("shares.sqlite"), b"k").unwrap();
    let current = |store: &Store| store.key(BlsPublicKey([0xaa; 48])).unwrap().map(|k| k.share[0]);
    let run = |n: u8| {
        store.begin(id(n), "reshare").unwrap();
        store.keep(id(n), &share(n)).unwrap();
    };
    run(1);
    assert_eq!(current(&store), Some(1), "better a pending share than none");
    store
        .finish(id(1), Ending::Complete, &SafeText::default())
        .unwrap();
    run(2);
    assert_eq!(current(&store), Some(1), "a resharing counts when it is complete");
    store
        .finish(id(2), Ending::Complete, &SafeText::default())
        .unwrap();
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
