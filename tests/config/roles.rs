//! `messenger` and `operator` as processes: they say where they listen, work together, and stop when told to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use serde_json::Value;

use super::support;

/// A role that runs. It is killed when the test ends early.
pub(crate) struct Role {
    child: Child,
    /// What it printed when it was ready.
    pub(crate) ready: Value,
}

impl Role {
    pub(crate) fn start(scratch: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = support::program(scratch)
            .arg("--json")
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        match serde_json::from_str(&line) {
            Ok(ready) => Self { child, ready },
            Err(_) => {
                let output = child.wait_with_output().unwrap();
                panic!(
                    "{arguments:?} did not start: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + crate::TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Role {
    /// Asks it to end, and returns what it wrote to stderr until then.
    pub(crate) fn stopped(self) -> String {
        self.stopped_after("")
    }

    /// The same, once it has written these words, or when nobody has the patience to wait for them any more.
    pub(crate) fn stopped_after(mut self, words: &str) -> String {
        let mut stderr = BufReader::new(self.child.stderr.take().unwrap());
        let mut said = String::new();
        std::thread::scope(|threads| {
            let (heard, hears) = std::sync::mpsc::channel::<()>();
            let ends = || self.signal(rustix::process::Signal::TERM);
            threads.spawn(move || {
                let _ = hears.recv_timeout(crate::TIMEOUT);
                ends();
            });
            while !said.contains(words) && stderr.read_line(&mut said).unwrap() > 0 {}
            drop(heard);
            std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        });
        assert_eq!(self.ended().code(), Some(0), "{said}");
        said
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn get(url: &str) -> Option<Value> {
    wait(async { reqwest::get(url).await.ok()?.json().await.ok() })
}

/// Posts a body; gives the status of the answer.
pub(crate) fn post(url: &str, body: String) -> u16 {
    let post = reqwest::Client::new().post(url).body(body);
    wait(post.send()).unwrap().status().as_u16()
}

/// Waits until the messenger knows that this operator is there.
pub(crate) fn until_registered(messenger: &Role, operator: &Role) {
    let deadline = Instant::now() + crate::TIMEOUT;
    loop {
        let topics = get(&format!("{}/topics", messenger.url())).unwrap();
        let id = operator.ready["id"].to_string();
        if topics["default"]["Subscribers"][&id]["srv_addr"] == operator.url() {
            break;
        }
        assert!(Instant::now() < deadline, "not registered: {topics}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Operator 5, with RockX's environment.
fn operator_of(scratch: &Path, messenger: &Role, key: &OperatorPrivateKey) -> Role {
    let encoded = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        key.to_pem().unwrap().as_bytes(),
    );
    let operators = format!(
        "[[operator]]\nid = 5\nendpoint = \"http://127.0.0.1:1\"\npublic_key = \"{}\"\n",
        key.public().to_registry_text()
    );
    fs::write(scratch.join("operators.toml"), operators).unwrap();
    Role::start(
        scratch,
        &["operator", "--operators", "operators.toml"],
        &[
            ("NODE_OPERATOR_ID", "5"),
            ("NODE_ADDR", "127.0.0.1:0"),
            ("MESSENGER_SRV_ADDR", messenger.url()),
            ("OPERATOR_PRIVATE_KEY", &encoded),
        ],
    )
}

/// What it holds can no longer be believed: it ends, says why, and the next start reads it.
#[cfg(target_os = "linux")]
#[test]
fn a_failed_fsync_ends_a_messenger_and_the_next_one_serves() {
    let folder = tempfile::tempdir().unwrap();
    let (library, trigger) = support::bad_disk(folder.path());
    let (scratch, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut messenger = Role::start(
        scratch.path(),
        &["messenger", "--listen", "127.0.0.1:0"],
        &[
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FSYNC_FAILS", trigger.to_str().unwrap()),
        ],
    );
    fs::write(&trigger, "").unwrap();
    // what it is told by this has to be kept
    let operator = operator_of(
        beside.path(),
        &messenger,
        &OperatorPrivateKey::generate().unwrap(),
    );
    assert_eq!(messenger.ended().code(), Some(1));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut messenger.child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(
        said.contains("can no longer be believed by this process"),
        "{said}"
    );
    let at = messenger.url().trim_start_matches("http://").to_owned();
    let next = Role::start(scratch.path(), &["messenger", "--listen", &at], &[]);
    until_registered(&next, &operator);
    next.stopped();
    operator.stopped();
}

/// Somebody holds the file, as a backup does that never ends: a signal ends the start in seconds.
#[test]
fn a_signal_ends_a_role_whose_store_is_locked() {
    let scratch = tempfile::tempdir().unwrap();
    let messenger = Role::start(scratch.path(), &["messenger", "--listen", "127.0.0.1:0"], &[]);
    let key = OperatorPrivateKey::generate().unwrap();
    let operator = operator_of(scratch.path(), &messenger, &key);
    operator.stopped();
    messenger.stopped();
    let mut stores = Vec::new();
    let mut folders = vec![scratch.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "sqlite") {
                stores.push(path);
            }
        }
    }
    assert!(stores.len() >= 2, "a store each: {stores:?}");
    let held: Vec<_> = stores
        .iter()
        .map(|path| {
            let store = rusqlite::Connection::open(path).unwrap();
            store
                .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
                .unwrap();
            store
        })
        .collect();
    fs::write(scratch.path().join("key.pem"), key.to_pem().unwrap().as_bytes()).unwrap();
    let roles: [&[&str]; 2] = [
        &["messenger", "--listen", "127.0.0.1:0"],
        &[
            "operator",
            "--id",
            "5",
            "--listen",
            "127.0.0.1:0",
            "--messenger",
            "http://127.0.0.1:1",
            "--operators",
            "operators.toml",
            "--key-file",
            "key.pem",
        ],
    ];
    for arguments in roles {
        let mut child = support::program(scratch.path())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_secs(1));
        let pid = rustix::process::Pid::from_child(&child);
        // one that has said what is wrong with its store, and ended, hears no signal any more
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let told = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(told.elapsed() < crate::TIMEOUT, "{arguments:?} does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    drop(held);
}

#[test]
fn an_operator_with_rockx_environment_registers_with_our_messenger() {
    let scratch = tempfile::tempdir().unwrap();
    let messenger = Role::start(scratch.path(), &["messenger", "--listen", "127.0.0.1:0"], &[]);
    assert_eq!(messenger.ready["role"], "messenger");

    let mut operator = operator_of(
        scratch.path(),
        &messenger,
        &OperatorPrivateKey::generate().unwrap(),
    );
    assert_eq!(operator.ready["id"], 5);
    assert_eq!(
        get(&format!("{}/ping", operator.url())).unwrap()["message"],
        "pong"
    );

    until_registered(&messenger, &operator);
    operator.signal(rustix::process::Signal::TERM);
    assert_eq!(operator.ended().code(), Some(0));
    let mut messenger = messenger;
    // a service without a terminal reads anew what was changed, and goes on
    messenger.signal(rustix::process::Signal::HUP);
    assert!(get(&format!("{}/topics", messenger.url())).is_some());
    messenger.signal(rustix::process::Signal::INT);
    assert_eq!(messenger.ended().code(), Some(0));
}

#[test]
fn a_key_that_is_not_the_operators_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let operators = format!(
        "[[operator]]\nid = 5\nendpoint = \"http://127.0.0.1:1\"\npublic_key = \"{}\"\n",
        support::operator_key()
    );
    fs::write(scratch.path().join("operators.toml"), operators).unwrap();
    let other = OperatorPrivateKey::generate().unwrap();
    fs::write(
        scratch.path().join("other.pem"),
        other.to_pem().unwrap().as_bytes(),
    )
    .unwrap();
    let mut program = support::program(scratch.path());
    program.args([
        "operator",
        "--id",
        "5",
        "--listen",
        "127.0.0.1:0",
        "--messenger",
        "http://127.0.0.1:1",
    ]);
    program.args(["--operators", "operators.toml", "--key-file", "other.pem"]);
    let (code, stdout, stderr) = support::run(&mut program);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains("not that of operator 5"), "{stderr}");
}

#[test]
fn what_a_role_needs_is_said_with_its_flags() {
    let scratch = tempfile::tempdir().unwrap();
    let (code, _, stderr) = support::run(support::program(scratch.path()).arg("operator"));
    assert_eq!(code, Some(3), "{stderr}");
    for wanted in [
        "node.id",
        "--id",
        "node.messenger_url",
        "node.key_file",
        "CASIMIR_DKG_NODE_KEY_FILE",
    ] {
        assert!(stderr.contains(wanted), "{wanted}: {stderr}");
    }
    let mut program = support::program(scratch.path());
    let (code, _, stderr) = support::run(program.args(["messenger", "--listen", "nowhere"]));
    assert_eq!(code, Some(3));
    assert!(
        stderr.contains("flag --listen: messenger.listen: expected an address and port"),
        "{stderr}"
    );
}

#[test]
fn exits_of_own_validators_need_no_ranges_and_keep_those_that_are_given() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let chain = "genesis_validators_root = \"0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95\"\n\
                 capella_fork_version = \"0x03000000\"\n";
    let text = format!(
        "[beacon]\nurls = [\"http://127.0.0.1:5052\"]\n[node]\nid = 5\nmessenger_url = \"http://127.0.0.1:1\"\n\
         key_file = \"key.pem\"\n[[node.exit]]\n{chain}own_validators = true\n[[node.exit]]\n{chain}\
         own_validators = true\nfirst_epoch = 7\n"
    );
    std::fs::write(&file, text).unwrap();
    let layers = casimir_dkg::config::gather(&support::options(&file, scratch.path())).unwrap();
    let (node, ..) = layers.node().unwrap();
    assert_eq!(node.beacon_urls.len(), 1);
    let (_, exits) = node.rules.signing.unwrap();
    assert!(exits.iter().all(|rule| rule.own_validators));
    assert_eq!(
        (&exits[0].indices, &exits[0].epochs),
        (&(0..=u64::MAX), &(0..=u64::MAX))
    );
    assert_eq!(exits[1].epochs, 7..=u64::MAX);
}
