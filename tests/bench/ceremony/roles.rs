//! The other processes: this program again, as a messenger or as one operator's node.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig};
use casimir_dkg::dkg::rockx::node::{self, NodeConfig};
use casimir_dkg::types::{OperatorId, OperatorRecord, RedactedUrl, SafeText};

use crate::cpu;

const ROLE: &str = "CASIMIR_BENCH_ROLE";
const DIR: &str = "CASIMIR_BENCH_DIR";
const MESSENGER: &str = "CASIMIR_BENCH_MESSENGER";

/// The published test key of an operator.
pub(crate) fn key(id: OperatorId) -> OperatorPrivateKey {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/rockx/test-keysets.json"
    );
    let text = std::fs::read_to_string(path).expect("the test key sets");
    let sets: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let der = sets["operators"][id.to_string()]["rsa_private_pkcs1_der_hex"]
        .as_str()
        .expect("an operator of the test key sets");
    OperatorPrivateKey::from_der(&hex::decode(der).expect("hex")).expect("an RSA key")
}

fn record(id: OperatorId, endpoint: &str) -> OperatorRecord {
    OperatorRecord {
        id,
        name: SafeText::default(),
        endpoint: endpoint.to_owned(),
        public_key: key(id).public().to_registry_text(),
    }
}

/// If this process was started for a role, plays it until the parent closes its end, and says so.
pub(crate) fn play() -> bool {
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    let dir = PathBuf::from(std::env::var(DIR).expect("a directory"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        if role == "messenger" {
            let mut config = MessengerConfig::new(loopback());
            config.data_dir = Some(dir);
            let handle = messenger::spawn(config).await.expect("a messenger");
            println!("{}", handle.url());
            parent_gone().await;
            handle.shutdown().await;
        } else {
            let id = OperatorId(role.parse().expect("an operator id"));
            let url = RedactedUrl::new(std::env::var(MESSENGER).expect("a messenger"));
            let mut config = NodeConfig::new(id, Arc::new(key(id)), url, dir);
            config.directory.configured = (1..=13).map(|n| record(OperatorId(n), "")).collect();
            let handle = node::spawn(config).await.expect("a node");
            println!("{}", handle.public_url());
            parent_gone().await;
            handle.shutdown().await;
        }
    });
    true
}

fn loopback() -> std::net::SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Returns when standard input ends, which it does however the parent ends.
async fn parent_gone() {
    let reader = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ = reader.await;
}

/// A process of ours and what it listens on.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    fn start(role: &str, dir: PathBuf, messenger: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .env(ROLE, role)
            .env(DIR, dir)
            .env(MESSENGER, messenger)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("its address");
        let url = line.trim().to_owned();
        assert!(url.starts_with("http://"), "{role} did not start");
        Self { child, url }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A messenger and operators.
pub(crate) struct Fleet {
    pub(crate) messenger: Process,
    operators: BTreeMap<OperatorId, Process>,
    // last, so that it outlives the processes that write into it
    _dir: tempfile::TempDir,
}

impl Fleet {
    pub(crate) fn start(count: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let messenger = Process::start("messenger", dir.path().join("messenger"), "");
        let operators = (1..=count)
            .map(|n| {
                let dir = dir.path().join(n.to_string());
                (OperatorId(n), Process::start(&n.to_string(), dir, &messenger.url))
            })
            .collect();
        Self {
            messenger,
            operators,
            _dir: dir,
        }
    }

    pub(crate) fn directory(&self) -> BTreeMap<OperatorId, OperatorRecord> {
        self.operators
            .iter()
            .map(|(id, process)| (*id, record(*id, &process.url)))
            .collect()
    }

    /// Returns when the messenger knows every operator.
    pub(crate) async fn wait_until_registered(&self) {
        let url = format!("{}/topics/default", self.messenger.url);
        for _ in 0..600 {
            let text = match reqwest::get(&url).await {
                Ok(reply) => reply.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if self.operators.values().all(|process| text.contains(&process.url)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not every operator registered");
    }

    /// The processes of the messenger and of the first operator.
    #[allow(dead_code, reason = "for the benchmark of seats")]
    pub(crate) fn processes(&self) -> (u32, Option<u32>) {
        let operator = self.operators.values().next().map(|process| process.child.id());
        (self.messenger.child.id(), operator)
    }

    /// CPU time of all processes so far, this one's included.
    pub(crate) fn cpu(&self) -> Duration {
        let others = self.operators.values().chain([&self.messenger]);
        let pids = others
            .map(|process| process.child.id())
            .chain([std::process::id()]);
        pids.map(cpu::process).sum()
    }
}
