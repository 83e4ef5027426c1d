//! An operator's shares, by the program itself: backed up while the node runs, lost, missed, taken back.

#![allow(clippy::disallowed_macros, reason = "tells what was not looked at")]

use std::fs;
use std::path::Path;

use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::dkg::rockx::node::store::{KeyShare, SessionKind, Store};
use casimir_dkg::types::{BlsPublicKey, OperatorId, RequestId};
use serde_json::Value;
use zeroize::Zeroizing;

use super::roles::Role;
use super::support;

const NODE: [&str; 14] = [
    "operator",
    "--id",
    "5",
    "--listen",
    "127.0.0.1:0",
    "--public-url",
    "http://127.0.0.1:1",
    "--messenger",
    "http://127.0.0.1:1",
    "--operators",
    "operators.toml",
    "--key-file",
    "key.pem",
    "--data-dir=node",
];

/// The same in a file, for what takes no such flags.
const TABLE: &str = "[node]\nid = 5\nlisten = \"127.0.0.1:0\"\nmessenger_url = \"http://127.0.0.1:1\"\nkey_file = \"key.pem\"\n\
                     data_dir = \"node\"\n[operators]\nfile = \"operators.toml\"\n";

/// A key and a store with three shares, as three ceremonies left it.
fn scene() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let key = OperatorPrivateKey::generate().unwrap();
    let pem = key.to_pem().unwrap();
    fs::write(scratch.path().join("key.pem"), pem.as_bytes()).unwrap();
    let operators = format!(
        "[[operator]]\nid = 5\nendpoint = \"http://127.0.0.1:1\"\npublic_key = \"{}\"\n",
        key.public().to_registry_text()
    );
    fs::write(scratch.path().join("operators.toml"), operators).unwrap();
    let store = Store::open(&scratch.path().join("node/shares.sqlite"), pem.as_bytes()).unwrap();
    for n in 1..=3 {
        let id = RequestId([n; 24]);
        store.begin(id, SessionKind::Keygen).unwrap();
        let share = KeyShare {
            validator: BlsPublicKey([n; 48]),
            threshold: 3,
            share: Zeroizing::new([n; 32]),
            share_public_keys: (1..=4).map(|i| (OperatorId(i), BlsPublicKey([9; 48]))).collect(),
        };
        store.keep(id, &share).unwrap();
        store.complete(id, b"results").unwrap();
    }
    scratch
}

/// With its directory the manifest is gone, too: only what the operator signed, and a messenger keeps, tells of its shares.
#[test]
fn a_node_that_lost_its_directory_hears_of_its_shares_before_it_registers() {
    use casimir_dkg::dkg::rockx::wire::{Encode as _, GoBytes, Output, SignedOutput};

    let scratch = scene();
    let key =
        OperatorPrivateKey::parse(&fs::read_to_string(scratch.path().join("key.pem")).unwrap()).unwrap();
    let named = format!(
        "[[messenger.operator]]\nid = 5\naddress = \"http://127.0.0.1:1\"\npublic_key = \"{}\"\n",
        key.public().to_registry_text()
    );
    fs::write(scratch.path().join("messenger.toml"), named).unwrap();
    let messenger = Role::start(
        scratch.path(),
        &[
            "--config",
            "messenger.toml",
            "messenger",
            "--listen",
            "127.0.0.1:0",
        ],
        &[],
    );
    let stored = |ceremony: u8, key: &OperatorPrivateKey| {
        let output = Output {
            request_id: RequestId([ceremony; 24]),
            encrypted_share: vec![1; 256].into(),
            share_pub_key: vec![9; 48].into(),
            validator_pub_key: vec![ceremony; 48].into(),
            deposit_data_signature: GoBytes::NIL,
        };
        let signed = SignedOutput::of_output(output, OperatorId(5), key).unwrap();
        let body = format!("{{\"5\":{}}}", String::from_utf8(signed.to_json()).unwrap());
        let path = format!("/stream/dkgoutput?request_id={}", RequestId([ceremony; 24]));
        super::roles::post(&format!("{}{path}", messenger.url()), body)
    };
    for ceremony in 1..=3 {
        assert_eq!(stored(ceremony, &key), 200);
    }
    let node = || {
        let mut arguments = NODE.to_vec();
        arguments[8] = messenger.url();
        // at its own address, which the messenger tries out
        arguments.drain(5..7);
        let node = Role::start(scratch.path(), &arguments, &[]);
        super::roles::until_registered(&messenger, &node);
        node.stopped()
    };
    let said = node();
    assert!(!said.contains("NOT IN ITS STORE"), "it has them all: {said}");
    fs::remove_dir_all(scratch.path().join("node")).unwrap();
    let said = node();
    let missed = said.find("3 shares THAT THIS OPERATOR SIGNED FOR ARE NOT IN ITS STORE");
    let missed = missed.unwrap_or_else(|| panic!("{said}"));
    assert!(said.contains(&format!("0x{}", "02".repeat(48))), "{said}");
    // the messenger knew it before the node could say so
    if let Some(registered) = said.find("registered with the messenger") {
        assert!(missed < registered, "before it registers: {said}");
    }
    messenger.stopped();

    // the messenger forgets it: what beside the store says it goes on to say it
    let lost = |out: &str| out.contains(&format!("0x{}", "02".repeat(48)));
    let (code, out, _) = run(scratch.path(), &["shares", "list"]);
    assert!(
        code == Some(1) && out.matches("MISSING").count() == 3,
        "{code:?}: {out}"
    );
    let (code, _, stderr) = run(scratch.path(), &["backup", "empty.sqlite"]);
    assert!(
        code != Some(0) && stderr.contains("lost 3 shares"),
        "{code:?}: {stderr}"
    );
    fs::write(scratch.path().join("operator.toml"), TABLE).unwrap();
    let doctor = ["--config", "operator.toml", "doctor", "operator"];
    let (_, out, _) = support::run(support::program(scratch.path()).args(doctor));
    assert!(out.contains("3 missing") && lost(&out), "{out}");
    let said = Role::start(scratch.path(), &NODE, &[]).stopped();
    assert!(
        said.contains("3 shares THAT THIS NODE HELD ARE NOT IN ITS STORE"),
        "{said}"
    );
}

/// A backup that is made amid a ceremony has the ceremony and not its share, which is kept a moment later: what is restored from
/// it says so, by whoever looks.
#[test]
fn a_backup_that_was_made_amid_a_ceremony_says_that_a_share_may_be_lost() {
    let scratch = scene();
    let pem = fs::read_to_string(scratch.path().join("key.pem")).unwrap();
    fs::write(scratch.path().join("operator.toml"), TABLE).unwrap();
    let store = Store::open(&scratch.path().join("node/shares.sqlite"), pem.as_bytes()).unwrap();
    store.begin(RequestId([7; 24]), SessionKind::Keygen).unwrap();
    drop(store);
    let amid = format!("no share of ceremony {}", RequestId([7; 24]));
    let db = rusqlite::Connection::open(scratch.path().join("node/shares.sqlite")).unwrap();
    db.execute(
        "UPDATE sessions SET ending = NULL, ended_ms = NULL WHERE ending IS NOT 'complete'",
        [],
    )
    .unwrap();
    drop(db);
    let (code, _, stderr) = run(scratch.path(), &["backup", "backup.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    let (_, out, _) = run(scratch.path(), &["shares", "list", "--store", "backup.sqlite"]);
    assert!(out.contains(&amid), "{out}");
    fs::remove_dir_all(scratch.path().join("node")).unwrap();
    let (code, out, stderr) = run(scratch.path(), &["restore", "backup.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains(&amid) && out.contains("casimir-dkg journal shares ID"),
        "{out}"
    );
    let (_, out, _) = run(scratch.path(), &["shares", "list"]);
    assert!(
        out.contains(&amid) && out.contains("when the backup was made"),
        "{out}"
    );
    let doctor = ["--config", "operator.toml", "doctor", "operator"];
    let (_, out, _) = support::run(support::program(scratch.path()).args(doctor));
    assert!(
        out.contains("warn  shares") && out.contains("was made amid 1 ceremony"),
        "{out}"
    );
    // it says what ends it, and that does
    assert!(out.contains("casimir-dkg operator backup FILE"), "{out}");
    fs::copy(
        scratch.path().join("node/shares.sqlite"),
        scratch.path().join("amid.sqlite"),
    )
    .unwrap();
    // where that cannot be taken down, a program is told too
    let busy = rusqlite::Connection::open(scratch.path().join("node/shares.sqlite")).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (_, out, stderr) = run(scratch.path(), &["backup", "unsettled.sqlite", "--json"]);
    drop(busy);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out} {stderr}"));
    assert!(told["settled"].is_null(), "{out}");
    assert!(
        told["settled_error"]
            .as_str()
            .is_some_and(|words| words.contains("locked")),
        "{out}"
    );
    let (code, out, stderr) = run(scratch.path(), &["backup", "newer.sqlite"]);
    assert!(
        code == Some(0) && out.contains("1 ceremony amid which a former backup was made: "),
        "{out} {stderr}"
    );
    let (_, out, _) = run(scratch.path(), &["shares", "list"]);
    assert!(!out.contains(&amid), "{out}");
    let (_, out, _) = support::run(support::program(scratch.path()).args(doctor));
    assert!(out.contains("ok    shares"), "{out}");
    fs::rename(
        scratch.path().join("amid.sqlite"),
        scratch.path().join("node/shares.sqlite"),
    )
    .unwrap();
    // whom the oracle's journal told has the answer
    let manifest = casimir_dkg::dkg::rockx::node::store::expectation(
        OperatorId(5),
        &[1, 2, 3, 7].map(|n| casimir_dkg::dkg::rockx::node::store::Named {
            ceremony: RequestId([n; 24]),
            validator: BlsPublicKey([n; 48]),
        }),
    );
    fs::write(scratch.path().join("expected"), manifest).unwrap();
    let expect = [&doctor[..], &["--expect", "expected"]].concat();
    let (_, out, _) = support::run(support::program(scratch.path()).args(expect));
    assert!(out.contains("FAIL  shares") && out.contains("1 missing"), "{out}");
}

fn run(scratch: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    support::run(support::program(scratch).args(NODE).args(more))
}

#[test]
fn a_node_is_backed_up_while_it_runs_and_a_lost_store_is_missed_and_comes_back() {
    let scratch = scene();
    let running = Role::start(scratch.path(), &NODE, &[]);
    let (code, out, stderr) = run(scratch.path(), &["backup", "backup.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains("3 shares, each opens with the operator's key"),
        "{out}"
    );
    let key = format!("0x{}", "02".repeat(48));
    let manifest = fs::read_to_string(scratch.path().join("backup.sqlite.manifest")).unwrap();
    assert!(manifest.contains(&key), "{manifest}");
    // a copy by hand has them too, and so says the list, of any of them
    fs::copy(
        scratch.path().join("node/shares.sqlite"),
        scratch.path().join("copy.sqlite"),
    )
    .unwrap();
    for of in [
        &[][..],
        &["--store", "backup.sqlite"],
        &["--store", "copy.sqlite"],
    ] {
        let mut program = support::program(scratch.path());
        program.args(NODE).args(["shares", "list", "--json"]).args(of);
        let (code, out, stderr) = support::run(&mut program);
        assert_eq!(code, Some(0), "{stderr}");
        let held: Vec<Value> = out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            (held.len(), &held[1]["validator"], &held[1]["counts"]),
            (3, &key.clone().into(), &true.into())
        );
    }
    let (code, _, stderr) = run(scratch.path(), &["restore", "backup.sqlite"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("in use by another process"), "{stderr}");
    let (code, _, stderr) = run(scratch.path(), &["backup", "backup.sqlite"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("never replaces"), "{stderr}");
    let said = running.stopped();
    assert!(!said.contains("NOT IN ITS STORE"), "{said}");

    for file in ["shares.sqlite", "shares.sqlite-wal", "shares.sqlite-shm"] {
        let _ = fs::remove_file(scratch.path().join("node").join(file));
    }
    let said = Role::start(scratch.path(), &NODE, &[]).stopped();
    for words in [
        "3 shares THAT THIS NODE HELD ARE NOT IN ITS STORE",
        "operator restore BACKUP",
        &key,
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let position = |words: &str| said.find(words);
    if let Some(registers) = position("cannot register") {
        assert!(
            position("NOT IN ITS STORE").unwrap() < registers,
            "before it registers: {said}"
        );
    }

    let (code, out, stderr) = run(scratch.path(), &["restore", "backup.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains("3 shares taken back, 0 already there") && out.contains(&key),
        "{out}"
    );
    let said = Role::start(scratch.path(), &NODE, &[]).stopped();
    assert!(!said.contains("NOT IN ITS STORE"), "{said}");
}

#[test]
fn a_backup_of_another_operators_key_is_refused() {
    let (ours, theirs) = (scene(), scene());
    let (code, ..) = run(theirs.path(), &["backup", "backup.sqlite"]);
    assert_eq!(code, Some(0));
    let backup = theirs.path().join("backup.sqlite");
    let (code, _, stderr) = run(ours.path(), &["restore", backup.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("backup.sqlite belongs to another operator key"),
        "{stderr}"
    );
    let (code, _, stderr) = run(ours.path(), &["shares", "list", "--store", "nowhere.sqlite"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("nowhere.sqlite"), "{stderr}");
}

/// As a person on the host does it: with the sample, whose secrets the unit hands over, and nothing else.
#[test]
fn looking_at_shares_needs_nothing_but_where_they_are() {
    let scratch = scene();
    let file = scratch.path().join("operator.toml");
    let here = scratch.path().to_str().unwrap();
    let sample = include_str!("../../config/samples/operator.toml")
        .replace("/var/lib/casimir-dkg-operator", here)
        .replace("/etc/casimir-dkg/operator.json", "key.pem")
        .replace("password_file = ", "# password_file = ");
    fs::write(&file, &sample).unwrap();
    let run = |args: &[&str]| {
        let mut program = support::program(scratch.path());
        support::run(program.arg("--config").arg(&file).args(args))
    };
    let list = ["operator", "shares", "list"];
    let (code, out, stderr) = run(&list);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("node/shares.sqlite: 3 shares"), "{out}");
    let (code, out, stderr) = run(&["operator", "backup", "backup.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains("3 shares, each opens with the operator's key"),
        "{out}"
    );
    let store = ["operator", "backup", "more.sqlite", "--store", "backup.sqlite"];
    let (code, out, stderr) = run(&store);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("3 shares, copied as they are"), "{out}");
    let (_, out, _) = run(&["doctor", "operator", "--expect", "3"]);
    assert!(out.contains("3 shares") && !out.contains("is required"), "{out}");

    // one is lost: nothing passes for whole any more
    let db = rusqlite::Connection::open(scratch.path().join("node/shares.sqlite")).unwrap();
    db.execute("DELETE FROM shares WHERE request_id = ?1", [[2_u8; 24]])
        .unwrap();
    drop(db);
    let key = format!("0x{}", "02".repeat(48));
    let (code, _, stderr) = run(&["operator", "backup", "next.sqlite"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("lost 1 share") && stderr.contains(&key),
        "{stderr}"
    );
    let (code, out, _) = run(&list);
    assert_eq!(code, Some(1));
    assert!(out.contains(&format!("{key}  MISSING")), "{out}");
    let (code, out, _) = run(&["doctor", "operator"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("1 missing") && out.contains(&key), "{out}");

    // and where the whole directory is gone, a manifest from elsewhere tells
    fs::remove_dir_all(scratch.path().join("node")).unwrap();
    let (_, out, _) = run(&["doctor", "operator", "--expect", "backup.sqlite.manifest"]);
    assert!(out.contains("0 shares, 3 missing"), "{out}");
    let (code, out, stderr) = run(&["operator", "restore", "backup.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("3 shares taken back"), "{out}");
}

#[test]
fn a_damaged_share_is_told_by_doctor_and_backup_and_comes_back_from_the_backup_before() {
    let scratch = scene();
    let (code, _, stderr) = run(scratch.path(), &["backup", "good.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    let db = rusqlite::Connection::open(scratch.path().join("node/shares.sqlite")).unwrap();
    db.execute(
        "UPDATE shares SET sealed = zeroblob(length(sealed)) WHERE rowid = 1",
        [],
    )
    .unwrap();
    drop(db);
    fs::write(scratch.path().join("operator.toml"), TABLE).unwrap();
    let doctor = || {
        let (_, out, _) = support::run(support::program(scratch.path()).args([
            "--config",
            "operator.toml",
            "doctor",
            "operator",
        ]));
        out
    };
    let out = doctor();
    assert!(out.contains("1 share does not decrypt"), "{out}");
    let (code, out, stderr) = run(scratch.path(), &["backup", "bad.sqlite"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(out.contains("not all of them open"), "{out}");
    assert!(out.contains("keep the backups from before"), "{out}");
    let (code, out, stderr) = run(scratch.path(), &["restore", "good.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("1 share taken back, 2 already there"), "{out}");
    let out = doctor();
    assert!(!out.contains("not decrypt"), "{out}");
}

#[test]
fn a_store_is_sealed_for_another_key_by_the_program() {
    let scratch = scene();
    let next = OperatorPrivateKey::generate().unwrap();
    let pem = next.to_pem().unwrap();
    fs::write(scratch.path().join("next.pem"), pem.as_bytes()).unwrap();
    let (code, out, stderr) = run(scratch.path(), &["reseal", "--new-key-file", "next.pem"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains("3 shares sealed under the new key, verified"),
        "{out}"
    );
    let store = Store::open(&scratch.path().join("node/shares.sqlite"), pem.as_bytes()).unwrap();
    let key = store.key(BlsPublicKey([2; 48])).unwrap().unwrap();
    assert_eq!(*key.share, [2; 32]);
}

/// A person tries it out as root, once, where the service will run.
#[test]
fn a_node_that_root_started_leaves_nothing_that_its_service_cannot_open() {
    use std::os::unix::fs::{MetadataExt as _, chown};

    const SERVICE: u32 = 12_345;

    fn each(folder: &Path, visit: &mut dyn FnMut(&Path)) {
        visit(folder);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => each(&path, visit),
                false => visit(&path),
            }
        }
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root gives files away");
        return;
    }
    let scratch = scene();
    each(scratch.path(), &mut |path| {
        chown(path, Some(SERVICE), Some(SERVICE)).unwrap();
    });
    Role::start(scratch.path(), &NODE, &[]).stopped();
    let (code, _, stderr) = run(scratch.path(), &["backup", "backup.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    let mut seen = 0;
    each(scratch.path(), &mut |path| {
        assert_eq!(fs::metadata(path).unwrap().uid(), SERVICE, "{}", path.display());
        seen += 1;
    });
    assert!(seen > 8, "{seen}");
}
