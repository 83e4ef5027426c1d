//! A messenger and four operators as the real program runs them, and an initiator.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::initiator::{Initiator, InitiatorConfig};
use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::http::{Http, HttpOptions, ProxyRule};
use casimir_dkg::types::{CeremonyPlan, ForkVersion, OperatorId, OperatorRecord, RequestId, Root, SafeText};
use futures_util::StreamExt as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::flood::{Port, Request};
use super::ways::{self, Targets};
use crate::engine::binary::{Binary, PROGRAM};

const OPERATORS: u64 = 4;
/// Ceremonies at the same time.
const AT_ONCE: usize = 3;

/// A process of the real program, and where it listens.
pub(crate) struct Process {
    pub(crate) binary: Binary,
    pub(crate) url: String,
}

impl Process {
    async fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--json")
            .args(arguments)
            .current_dir(folder)
            .env("CASIMIR_DKG_STATE_DIR", folder)
            .env("CASIMIR_DKG_METRICS_LISTEN", "off");
        let binary = Binary::run(command);
        let begun = Instant::now();
        loop {
            let ready = binary.printed().first().cloned();
            let ready = ready.and_then(|line| serde_json::from_str::<Value>(&line).ok());
            if let Some(url) = ready.as_ref().and_then(|ready| ready["url"].as_str()) {
                return Self {
                    url: url.to_owned(),
                    binary,
                };
            }
            let said = binary.said().join("\n");
            assert!(begun.elapsed() < crate::TIMEOUT, "{arguments:?}: {said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let (_, address) = self.url.split_once("://").unwrap();
        address.parse().unwrap()
    }
}

/// What a node has against strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// It names its initiators.
    Initiators,
    /// It names nobody, and stands behind a proxy that tells who asks.
    Proxy,
    /// As the first; it and everybody else speaks TLS.
    Tls,
}

/// What it is called, at which port, how, and of which process.
pub(crate) type Attack = (&'static str, Port, Request, u32);

pub(crate) struct Fleet {
    pub(crate) messenger: Process,
    pub(crate) operators: Vec<Process>,
    initiator: Initiator,
    /// Where the initiator sees what operators say.
    observer: SocketAddr,
    targets: Targets,
    // last: it outlives those that write into it
    _folder: TempDir,
}

impl Fleet {
    pub(crate) async fn start() -> Self {
        Self::with(Guard::Initiators).await
    }

    /// `first`: what the first operator's node has against strangers.
    pub(crate) async fn with(first: Guard) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| {
            let place = folder.path().join(name);
            std::fs::create_dir_all(&place).unwrap();
            place
        };
        let tls = |section: &str| {
            let file = |name: &str| folder.path().join(name).display().to_string();
            format!(
                "[http]\nca_file = \"{}\"\n[{section}]\ntls_certificate_file = \"{}\"\ntls_key_file = \"{}\"\n",
                file("ca.pem"),
                file("certificate.pem"),
                file("certificate.key"),
            )
        };
        let is_secure = first == Guard::Tls;
        if is_secure {
            certify(folder.path());
        }
        let at_messenger = place("messenger");
        let config = if is_secure {
            tls("messenger")
        } else {
            String::new()
        };
        write(&at_messenger.join("messenger.toml"), &config);
        let arguments = [
            "--config",
            "messenger.toml",
            "messenger",
            "--listen",
            "127.0.0.1:0",
        ];
        let messenger = Process::start(&at_messenger, &arguments).await;
        let keys: Vec<_> = (0..=OPERATORS)
            .map(|_| Arc::new(OperatorPrivateKey::generate().unwrap()))
            .collect();
        let ours = Arc::clone(&keys[0]);
        let known: String = (1..)
            .zip(&keys[1..])
            .map(|(id, key)| {
                let public = key.public().to_registry_text();
                format!(
                    "[[operator]]\nid = {id}\nendpoint = \"http://127.0.0.1:1\"\npublic_key = \"{public}\"\n"
                )
            })
            .collect();
        let mut operators = Vec::new();
        let mut directory = BTreeMap::new();
        for (id, key) in (1..).zip(&keys[1..]) {
            let place = place(&format!("operator-{id}"));
            write(&place.join("key.pem"), &key.to_pem().unwrap());
            let initiators = format!(
                "[[node.initiator]]\nname = \"we\"\npublic_key = \"{}\"\n",
                ours.public().to_registry_text(),
            );
            let guard = match first {
                Guard::Proxy if id == 1 => "trusted_proxies = [\"127.0.0.0/8\"]\n".to_owned(),
                _ => initiators,
            };
            let section = if is_secure {
                tls("node")
            } else {
                "[node]\n".to_owned()
            };
            let config = format!(
                "{section}id = {id}\nlisten = \"127.0.0.1:0\"\nmessenger_url = \"{}\"\nkey_file = \"key.pem\"\n\
                 {guard}{known}",
                messenger.url,
            );
            write(&place.join("node.toml"), &config);
            let process = Process::start(&place, &["--config", "node.toml", "operator"]).await;
            let record = OperatorRecord {
                id: OperatorId(id),
                name: SafeText::default(),
                endpoint: process.url.clone(),
                public_key: key.public().to_registry_text(),
            };
            directory.insert(OperatorId(id), record);
            operators.push(process);
        }
        let mut config = InitiatorConfig::new(messenger.url.clone(), directory);
        config.round_deadline = crate::TIMEOUT;
        config.signing_key = Some(ours);
        if is_secure {
            config.http = Http::new(&HttpOptions {
                proxy: ProxyRule::None,
                ca_file: Some(folder.path().join("ca.pem")),
                ..HttpOptions::default()
            })
            .unwrap();
        }
        let observer = crate::loopback::nobody();
        config.observer_listen = observer;
        let initiator = Initiator::start(config).await.unwrap();
        let fleet = Self {
            messenger,
            operators,
            initiator,
            observer,
            targets: Targets::new(),
            _folder: folder,
        };
        fleet.registered().await;
        fleet
    }

    /// The port of one of its processes, and the process.
    pub(crate) fn of(&self, process: &Process) -> (Port, Option<u32>) {
        (Port::Tcp(process.address()), Some(process.binary.child.id()))
    }

    /// What strangers do to the messenger, to one operator's node, and to the observer of the initiator in this process.
    pub(crate) fn attacks(&self) -> [Vec<Attack>; 3] {
        let at = |process: &Process| Port::Tcp(process.address());
        let (messenger, node) = (&self.messenger, &self.operators[0]);
        let urls: Vec<String> = self.operators.iter().map(|process| process.url.clone()).collect();
        let messengers = [
            ("unsigned outputs at the messenger", ways::outputs(&self.targets)),
            ("forged results at the messenger", ways::results(&self.targets)),
            ("junk registrations at the messenger", ways::registrations()),
            ("long registrations at the messenger", ways::long_registrations()),
            (
                "registrations said again at the messenger",
                ways::repetitions(&self.targets, &urls),
            ),
            ("junk topics at the messenger", ways::topics()),
        ];
        let nodes = [
            ("unsigned starts at a node", ways::starts()),
            ("junk at a node", ways::junk()),
        ];
        let observers = [(
            "messages of strangers at the observer",
            ways::handed(&self.targets),
        )];
        let (of_messenger, of_node) = (messenger.binary.child.id(), node.binary.child.id());
        [
            messengers
                .map(|(what, way)| (what, at(messenger), way, of_messenger))
                .into(),
            nodes.map(|(what, way)| (what, at(node), way, of_node)).into(),
            observers
                .map(|(what, way)| (what, Port::Tcp(self.observer), way, std::process::id()))
                .into(),
        ]
    }

    async fn registered(&self) {
        // plain HTTP is taken from this machine, whatever else is spoken
        let url = format!("http://{}/topics/default", self.messenger.address());
        let begun = Instant::now();
        loop {
            let text = match reqwest::get(&url).await {
                Ok(reply) => reply.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if self.operators.iter().all(|process| text.contains(&process.url)) {
                return;
            }
            assert!(begun.elapsed() < crate::TIMEOUT, "not registered: {text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// So many key generations, a few at a time: each makes a key, and accuses nobody. Gives the time of each.
    pub(crate) async fn ceremonies(&self, count: usize) -> Vec<Duration> {
        let runs = (0..count).map(|_| self.ceremony());
        futures_util::stream::iter(runs)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await
    }

    async fn ceremony(&self) -> Duration {
        let mut credentials = [0x11; 32];
        credentials[..12].copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let plan = CeremonyPlan::Keygen {
            threshold: 3,
            committee: (1..=OPERATORS).map(OperatorId).collect(),
            withdrawal_credentials: Root(credentials),
            fork_version: ForkVersion([0x10, 0, 0, 0x38]),
            registration: None,
        };
        let (updates, mut seen) = mpsc::channel(64);
        tokio::spawn(async move { while seen.recv().await.is_some() {} });
        let id = RequestId(rand::random());
        self.targets.begins(id);
        let begun = Instant::now();
        let ended = self.initiator.run(id, &plan, updates).await;
        self.targets.ends(id);
        if let Err(failed) = ended {
            let logs: Vec<_> = self
                .operators
                .iter()
                .map(|o| o.binary.logged().join("\n"))
                .collect();
            panic!(
                "{failed}\n{}\n{}",
                self.messenger.binary.logged().join("\n"),
                logs.join("\n")
            );
        }
        begun.elapsed()
    }
}

/// A certificate of an authority of one's own for this machine, and its key.
fn certify(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = names.signed_by(&key, &ca).unwrap();
    write(&folder.join("ca.pem"), &ca.pem());
    write(&folder.join("certificate.pem"), &leaf.pem());
    write(&folder.join("certificate.key"), &key.serialize_pem());
}

fn write(file: &Path, text: &str) {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(file)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
