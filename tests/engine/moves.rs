//! An oracle that moves house: the real program with a signer elsewhere, from a directory of its own. Its journal is backed up
//! while it works, its host dies, and another host goes on from the backup in an empty directory; then an auditor has nothing but
//! an export, transcripts and the program in Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use casimir_dkg::journal::{self, Entry};
use serde_json::Value;

use super::binary::{Binary, PROGRAM};
use super::deposits::initiated;
use super::seats::said;
use super::support::{Ground, with_beacon};
use crate::boundaries::{body, check_deposits, check_records};
use crate::chain::stand_in::{Authority, StandIn};

/// A directory with what an oracle needs: configuration, the initiator's key, and the certificate that the signer knows.
struct Host(tempfile::TempDir);

impl Host {
    fn furnish(ground: &Ground, authority: &Authority, signer: &StandIn) -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        let from = ground.network.config_file();
        let mut config: toml::Table = fs::read_to_string(from).unwrap().parse().unwrap();
        let account = ground.devnet().addresses().oracle;
        let elsewhere = format!(
            "kind = \"remote\"\nurl = \"{}\"\naddress = \"{account}\"\nca_file = \"ca.pem\"\n\
             client_certificate = \"c.pem\"\nclient_key = \"c.key\"\n",
            signer.url
        );
        let elsewhere: toml::Table = elsewhere.parse().unwrap();
        config.insert("signer".to_owned(), elsewhere.into());
        fs::write(host.file("casimir-dkg.toml"), config.to_string()).unwrap();
        let initiator = from.with_file_name("initiator.pem");
        fs::copy(initiator, host.file("initiator.pem")).unwrap();
        let (certificate, key) = authority.issue("oracle");
        fs::write(host.file("ca.pem"), authority.pem()).unwrap();
        fs::write(host.file("c.pem"), certificate).unwrap();
        fs::write(host.file("c.key"), key).unwrap();
        host
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--config")
            .arg(self.file("casimir-dkg.toml"))
            .args(arguments)
            .current_dir(self.0.path())
            .env("CASIMIR_DKG_STATE_DIR", self.0.path())
            .env("CASIMIR_DKG_METRICS_LISTEN", "off")
            .env("CASIMIR_DKG_DKG_ROUND_DEADLINE", "15s");
        command
    }

    fn start(&self) -> Binary {
        Binary::run(self.command(&["headless", "--auto-approve"]))
    }

    /// What a command says, which must do as it is told.
    fn ask(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output)
    }

    fn records(&self) -> Vec<Entry> {
        let read = journal::verify(&self.file("journal.sqlite"));
        read.map(|(_, entries)| entries).unwrap_or_default()
    }

    /// The newest key of the journal's own.
    fn key(&self) -> String {
        let (report, _) = journal::verify(&self.file("journal.sqlite")).unwrap();
        report.key.unwrap().1.to_string()
    }
}

async fn until(what: &str, oracle: &Binary, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        let lines = oracle.said();
        assert!(began.elapsed() < crate::TIMEOUT, "{what}: {}", lines.join("\n"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether a case has a record of this kind.
fn has(host: &Host, kind: &str, case: &str) -> bool {
    let records = host.records();
    let mut of_kind = records.iter().filter(|entry| entry.kind == kind);
    of_kind.any(|entry| body(entry)["case"] == case)
}

fn python(folder: &Path, key: &str) -> Output {
    Command::new("python3")
        .args([
            "-I",
            "-B",
            "verify.py",
            "--journal",
            "journal.jsonl",
            "--key",
            key,
            "transcripts",
        ])
        .current_dir(folder)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oracle_moves_to_another_host_and_an_auditor_follows_it() {
    let ground = Ground::start(with_beacon()).await;
    let authority = Authority::new();
    let words = fs::read_to_string(ground.network.folder().join("oracle.mnemonic")).unwrap();
    let english = alloy::signers::local::MnemonicBuilder::english();
    let secret = english.phrase(words.trim()).build().unwrap();
    let chain = ground.devnet().options().chain_id;
    let signer = StandIn::over_tls(&authority, secret.to_bytes().0, chain).await;
    let one = Host::furnish(&ground, &authority, &signer);
    let oracle = one.start();
    ground.devnet().deposit_pool(1).await.unwrap();
    until("the first pool", &oracle, || {
        has(&one, "case-closed", "deposit/1")
    })
    .await;

    // a backup under load: the next pool's key is being made
    ground.devnet().deposit_pool(1).await.unwrap();
    until("a ceremony", &oracle, || {
        has(&one, "ceremony-started", "deposit/2")
    })
    .await;
    let backup = one.file("backup.sqlite");
    let backup = backup.to_str().unwrap();
    one.ask(&["journal", "backup", backup]);
    until("the second pool", &oracle, || {
        has(&one, "case-closed", "deposit/2")
    })
    .await;
    let old_key = one.key();
    // Drop kills it
    drop(oracle);

    let two = Host::furnish(&ground, &authority, &signer);
    let moved = two.file("moved.sqlite");
    fs::copy(backup, &moved).unwrap();
    drop(one);
    let restored = two.ask(&[
        "journal",
        "restore",
        moved.to_str().unwrap(),
        "--declare-lost",
        "the first host burned",
    ]);
    assert!(restored.contains("declared lost"), "{restored}");
    // the key is in no backup
    let mut refused = two.start();
    let ended = refused.ended().await;
    assert!(!ended.success());
    refused.has_said("journal new-key").await;
    let renewed = two.ask(&["journal", "new-key", "the first host burned"]);
    assert!(renewed.contains("It counts on your word alone"), "{renewed}");

    // what is unknown is listed before anything is started, and where it runs
    let report = said(&two.command(&["doctor"]).output().unwrap());
    let line = "nonce 1: initiatePoolDeposit of pool 2, transaction 0x";
    assert!(report.contains(line), "{report}");
    let oracle = two.start();
    until("a seat", &oracle, || {
        two.command(&["status"]).output().unwrap().status.success()
    })
    .await;
    // what the first host sent after the backup is noticed at the first head: who resumes before that is stopped once more
    until("the account", &oracle, || {
        two.records().iter().any(|entry| entry.kind == "account-strange")
    })
    .await;
    let status = || said(&two.command(&["status"]).output().unwrap());
    until("what the contract's logs say of it", &oracle, || {
        status().contains(line)
    })
    .await;
    let listed = status();
    for words in [
        "by the contract's logs: 1 initiatePoolDeposit of pool 2",
        "(one voice: ",
    ] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    // who has not looked does not resume; a person has
    let unread = two.command(&["resume"]).output().unwrap();
    assert!(
        !unread.status.success() && said(&unread).contains("First: "),
        "{unread:?}"
    );
    two.ask(&["resume", "--read"]);
    until("nothing strange any more", &oracle, || !status().contains(line)).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    until("the third pool", &oracle, || {
        has(&two, "case-closed", "deposit/3")
    })
    .await;
    assert!(oracle.end().await.success());
    assert_eq!(initiated(&ground).await, [1, 2, 3], "each pool once");
    check_deposits(&ground, 3).await;
    check_records(&two.file("journal.sqlite"));
    assert!(signer.signed() >= 3);
    audit(&two, &old_key);
    ground.end().await;
}

/// Nothing but an export, transcripts, the program in Python, and what was written down.
fn audit(host: &Host, old_key: &str) {
    let desk = tempfile::tempdir().unwrap();
    let here = |name: &str| desk.path().join(name);
    let export = host.command(&["journal", "export"]).output().unwrap();
    fs::write(here("journal.jsonl"), export.stdout).unwrap();
    let verifier = host.command(&["audit", "verifier"]).output().unwrap();
    fs::write(here("verify.py"), verifier.stdout).unwrap();
    fs::create_dir(here("transcripts")).unwrap();
    let mut cases = Vec::new();
    for file in fs::read_dir(host.file("transcripts")).unwrap() {
        let path = file.unwrap().path();
        let transcript: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(
            transcript["held_for"]["account"].is_string(),
            "{}",
            transcript["held_for"]
        );
        cases.push(transcript["held_for"]["case"].as_str().unwrap().to_owned());
        fs::copy(&path, here("transcripts").join(path.file_name().unwrap())).unwrap();
    }
    assert!(cases.contains(&"deposit/3".to_owned()), "{cases:?}");
    let output = python(desk.path(), &host.key());
    assert!(output.status.success(), "{}", said(&output));
    let words = said(&output);
    for line in ["on a person's word alone", "ok  journal: record", "manager 0x"] {
        assert!(words.contains(line), "{line}: {words}");
    }
    // the old key holds nothing of what a person declared
    let output = python(desk.path(), old_key);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}
