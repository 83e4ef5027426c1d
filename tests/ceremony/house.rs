//! A messenger, some operators and an initiator, in one process, on free loopback ports.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use casimir_dkg::dkg::rockx::committee::threshold_for;
use casimir_dkg::dkg::rockx::initiator::{Initiator, InitiatorConfig};
use casimir_dkg::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig, MessengerHandle};
use casimir_dkg::dkg::rockx::node::directory::DirectorySources;
use casimir_dkg::dkg::rockx::node::session::{Identity, Peers};
use casimir_dkg::dkg::rockx::node::store::{KeyShare, SessionKind, Store};
use casimir_dkg::dkg::rockx::node::{self, NodeConfig, NodeHandle, STORE_FILE};
use casimir_dkg::dkg::rockx::transcript::{self, Document};
use casimir_dkg::dkg::threshold::{SecretPolynomial, SecretScalar};
use casimir_dkg::http::Http;
use casimir_dkg::listen::Tls;
use casimir_dkg::ports::{CeremonyUpdate, Failed, Verified};
use casimir_dkg::types::{
    BlsPublicKey, CeremonyPlan, ForkVersion, OperatorId, OperatorRecord, RedactedUrl, RequestId, Root,
    SafeText, SignPurpose, Transcript,
};
use rand::rngs::OsRng;
use tokio::sync::mpsc;

use super::byzantine::{Byzantine, Misbehaviour};

/// Long enough for an honest round on a machine that is busy with everything else.
pub(crate) const PATIENT: Duration = crate::TIMEOUT;
/// For faults that are found by waiting. Whoever is honest takes milliseconds for a round.
pub(crate) const HASTY: Duration = Duration::from_secs(20);

/// Operators' RSA keys, generated once for all tests.
pub(crate) fn key_of(id: OperatorId) -> Arc<OperatorPrivateKey> {
    static KEYS: Mutex<BTreeMap<OperatorId, Arc<OperatorPrivateKey>>> = Mutex::new(BTreeMap::new());
    let mut keys = KEYS.lock().expect("never poisoned");
    keys.entry(id)
        .or_insert_with(|| Arc::new(OperatorPrivateKey::generate().expect("RSA")))
        .clone()
}

pub(crate) fn ids(list: impl IntoIterator<Item = u64>) -> Vec<OperatorId> {
    list.into_iter().map(OperatorId).collect()
}

pub(crate) fn fresh_id() -> RequestId {
    RequestId(rand::random())
}

/// A key that exists before the test begins, with all its shares.
pub(crate) struct OldKey {
    pub(crate) validator: BlsPublicKey,
    pub(crate) threshold: u8,
    pub(crate) shares: BTreeMap<OperatorId, KeyShare>,
    pub(crate) share_public_keys: BTreeMap<OperatorId, BlsPublicKey>,
}

impl OldKey {
    pub(crate) fn deal(committee: &[OperatorId]) -> Self {
        let threshold = threshold_for(committee.len()).expect("a committee");
        let polynomial = SecretPolynomial::random(SecretScalar::random(&mut OsRng), threshold, &mut OsRng);
        let validator = polynomial.secret().public_key();
        let share_public_keys: BTreeMap<_, _> = committee
            .iter()
            .map(|id| (*id, polynomial.share(*id).public_key()))
            .collect();
        let shares = committee
            .iter()
            .map(|id| {
                let share = KeyShare {
                    validator,
                    threshold,
                    share: polynomial.share(*id).to_be_bytes(),
                    share_public_keys: share_public_keys.clone(),
                };
                (*id, share)
            })
            .collect();
        Self {
            validator,
            threshold,
            shares,
            share_public_keys,
        }
    }

    pub(crate) fn store(&self, id: OperatorId, dir: &Path) {
        let Some(share) = self.shares.get(&id) else { return };
        std::fs::create_dir_all(dir).expect("a directory");
        let pem = key_of(id).to_pem().expect("PEM");
        let store = Store::open(&dir.join(STORE_FILE), pem.as_bytes()).expect("a store");
        let run = fresh_id();
        assert!(store.begin(run, SessionKind::Keygen).expect("begin"));
        store.keep(run, share).expect("keep");
        store.complete(run, b"{}").expect("complete");
    }
}

/// What a house is built of.
#[derive(Default)]
pub(crate) struct Plan<'a> {
    /// Operators that do what they should.
    pub(crate) honest: Vec<OperatorId>,
    /// Operators that do not.
    pub(crate) others: Vec<(OperatorId, Misbehaviour)>,
    /// Operators that are in the directory, and not there.
    pub(crate) absent: Vec<OperatorId>,
    /// Operators that run in processes of their own, and how they are reached.
    pub(crate) elsewhere: BTreeMap<OperatorId, String>,
    /// A key whose shares the operators hold.
    pub(crate) key: Option<&'a OldKey>,
    /// Round deadline of the initiator; [`PATIENT`] when zero.
    pub(crate) round: Duration,
    /// Total deadline; five minutes when zero.
    pub(crate) total: Duration,
    /// Another messenger than ours.
    pub(crate) messenger_url: Option<String>,
    /// Messenger and nodes speak TLS, and everybody goes by this way.
    pub(crate) secure: Option<(Arc<Tls>, Http)>,
}

pub(crate) struct House {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) messenger: Option<MessengerHandle>,
    pub(crate) messenger_url: String,
    pub(crate) nodes: BTreeMap<OperatorId, NodeHandle>,
    pub(crate) others: BTreeMap<OperatorId, Byzantine>,
    pub(crate) initiator: Initiator,
    pub(crate) config: InitiatorConfig,
    /// The last picture of each ceremony, and all notes.
    pub(crate) seen: Arc<Mutex<Vec<CeremonyUpdate>>>,
}

impl House {
    pub(crate) async fn honest(n: u64) -> Self {
        Self::build(Plan {
            honest: ids(1..=n),
            ..Plan::default()
        })
        .await
    }

    /// `others` behave as given, everybody else in 1..=4 is honest; deadlines are short.
    pub(crate) async fn of_four(others: impl IntoIterator<Item = (u64, Misbehaviour)>) -> Self {
        let others: Vec<_> = others
            .into_iter()
            .map(|(id, how)| (OperatorId(id), how))
            .collect();
        let honest = ids(1..=4)
            .into_iter()
            .filter(|id| !others.iter().any(|(other, _)| other == id))
            .collect();
        Self::build(Plan {
            honest,
            others,
            round: HASTY,
            ..Plan::default()
        })
        .await
    }

    pub(crate) async fn build(plan: Plan<'_>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (messenger, messenger_url) = match plan.messenger_url {
            Some(url) => (None, url),
            None => {
                let address = match plan.secure {
                    // that of the certificate
                    Some(_) => (super::tls::HOUSE, 0).into(),
                    None => crate::own_loopback(),
                };
                let messenger = start_messenger(dir.path(), address, plan.secure.clone()).await;
                let url = messenger.url();
                (Some(messenger), url)
            }
        };
        let everybody: Vec<OperatorId> = plan
            .honest
            .iter()
            .chain(plan.others.iter().map(|(id, _)| id))
            .chain(&plan.absent)
            .chain(plan.elsewhere.keys())
            .copied()
            .collect();
        let public: BTreeMap<OperatorId, OperatorPublicKey> = everybody
            .iter()
            .map(|id| (*id, key_of(*id).public().clone()))
            .collect();
        let mut directory: BTreeMap<OperatorId, OperatorRecord> = public
            .iter()
            .map(|(id, key)| (*id, record(*id, key, "http://127.0.0.1:9".to_owned())))
            .collect();
        let mut nodes = BTreeMap::new();
        for id in &plan.honest {
            let data = dir.path().join(format!("node-{id}"));
            if let Some(key) = plan.key {
                key.store(*id, &data);
            }
            let url = RedactedUrl::new(messenger_url.clone());
            let mut config = NodeConfig::new(*id, key_of(*id), url, data);
            config.directory = DirectorySources {
                configured: directory.values().cloned().collect(),
                ..DirectorySources::default()
            };
            config.registration_interval = Duration::from_millis(500);
            if let Some((tls, http)) = plan.secure.clone() {
                (config.tls, config.http) = (Some(tls), http);
            }
            nodes.insert(*id, node::spawn(config).await.expect("a node"));
        }
        let peers: Peers = Arc::new(
            public
                .iter()
                .map(|(id, key)| (*id, Arc::new(key.clone())))
                .collect(),
        );
        let mut others = BTreeMap::new();
        for (id, how) in plan.others {
            let me = Identity { id, key: key_of(id) };
            let byzantine = Byzantine::spawn(me, peers.clone(), &messenger_url, how).await;
            if let Some(share) = plan.key.and_then(|key| key.shares.get(&id)) {
                byzantine.hold(share.clone()).await;
            }
            others.insert(id, byzantine);
        }
        for (id, node) in &nodes {
            node.registered().await;
            directory.get_mut(id).expect("listed").endpoint = node.public_url().to_owned();
        }
        for (id, byzantine) in &others {
            directory.get_mut(id).expect("listed").endpoint = byzantine.url();
        }
        for (id, url) in plan.elsewhere {
            directory.get_mut(&id).expect("listed").endpoint = url;
        }
        let mut config = InitiatorConfig::new(messenger_url.clone(), directory);
        if let Some((_, http)) = &plan.secure {
            config.http = http.clone();
        }
        config.round_deadline = if plan.round.is_zero() { PATIENT } else { plan.round };
        config.total_deadline = if plan.total.is_zero() {
            Duration::from_secs(300)
        } else {
            plan.total
        };
        let initiator = Initiator::start(config.clone()).await.expect("an initiator");
        Self {
            dir,
            messenger,
            messenger_url,
            nodes,
            others,
            initiator,
            config,
            seen: Arc::default(),
        }
    }

    /// Runs the ceremony; whatever comes out, its transcript must survive writing, reading and checking.
    pub(crate) async fn run(&self, plan: &CeremonyPlan) -> Result<Verified, Box<Failed>> {
        self.run_as(fresh_id(), plan).await
    }

    pub(crate) async fn run_as(&self, id: RequestId, plan: &CeremonyPlan) -> Result<Verified, Box<Failed>> {
        let end = self.initiator.run(id, plan, self.watch()).await;
        check_transcript(&end);
        end
    }

    /// Collects updates.
    pub(crate) fn watch(&self) -> mpsc::Sender<CeremonyUpdate> {
        let (sender, mut receiver) = mpsc::channel(64);
        let seen = self.seen.clone();
        tokio::spawn(async move {
            while let Some(update) = receiver.recv().await {
                seen.lock().expect("never poisoned").push(update);
            }
        });
        sender
    }

    /// Stops our messenger; its state stays on disk.
    pub(crate) async fn stop_messenger(&mut self) -> SocketAddr {
        let messenger = self.messenger.take().expect("our own messenger runs");
        let address = messenger.addr();
        messenger.shutdown().await;
        address
    }

    /// Starts it again where it was.
    pub(crate) async fn restart_messenger(&mut self, address: SocketAddr) {
        self.messenger = Some(start_messenger(self.dir.path(), address, None).await);
    }
}

async fn start_messenger(
    dir: &Path,
    address: SocketAddr,
    secure: Option<(Arc<Tls>, Http)>,
) -> MessengerHandle {
    let mut config = MessengerConfig::new(address);
    config.data_dir = Some(dir.join("messenger"));
    if let Some((tls, http)) = secure {
        (config.tls, config.http) = (Some(tls), http);
    }
    messenger::spawn(config).await.expect("a messenger")
}

fn record(id: OperatorId, key: &OperatorPublicKey, endpoint: String) -> OperatorRecord {
    OperatorRecord {
        id,
        name: SafeText::default(),
        endpoint,
        public_key: key.to_registry_text(),
    }
}

pub(crate) fn transcript_of(end: &Result<Verified, Box<Failed>>) -> &Transcript {
    match end {
        Ok(verified) => &verified.transcript,
        Err(failed) => &failed.transcript,
    }
}

pub(crate) fn document_of(transcript: &Transcript) -> Document {
    Document::read(transcript).expect("a document of ours")
}

/// Every transcript survives writing and reading, and proves offline what it says.
pub(crate) fn check_transcript(end: &Result<Verified, Box<Failed>>) {
    let transcript = transcript_of(end);
    let text = transcript.to_file().expect("written");
    let read = Transcript::read(text).expect("read");
    assert_eq!(&read, transcript);
    let document = document_of(&read);
    let verification = transcript::verify(&document);
    let failed: Vec<_> = verification
        .checks
        .iter()
        .filter(|check| check.status == casimir_dkg::types::CheckStatus::Fail)
        .collect();
    assert!(
        failed.is_empty(),
        "{failed:#?}\nof a ceremony that ended: {:?}",
        document.verdict
    );
    match end {
        Ok(verified) => assert_eq!(verification.result.as_ref(), Some(&verified.result)),
        Err(_) => assert_eq!(verification.result, None),
    }
}

pub(crate) fn keygen_plan(committee: Vec<OperatorId>) -> CeremonyPlan {
    let mut credentials = [0x11; 32];
    credentials[..12].copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    CeremonyPlan::Keygen {
        threshold: threshold_for(committee.len()).unwrap_or(3),
        committee,
        withdrawal_credentials: Root(credentials),
        fork_version: ForkVersion([0x10, 0, 0, 0x38]),
        registration: None,
    }
}

pub(crate) fn reshare_plan(key: &OldKey, old: Vec<OperatorId>, new: Vec<OperatorId>) -> CeremonyPlan {
    CeremonyPlan::Reshare {
        validator: key.validator,
        old,
        threshold: threshold_for(new.len()).unwrap_or(3),
        new,
        brought: None,
        registration: None,
    }
}

pub(crate) fn sign_plan(key: &OldKey, root: [u8; 32], keys_known: bool) -> CeremonyPlan {
    CeremonyPlan::Sign {
        validator: key.validator,
        committee: key.shares.keys().copied().collect(),
        threshold: key.threshold,
        signing_root: Root(root),
        what: SignPurpose::VoluntaryExit {
            validator_index: 7,
            epoch: 9,
            domain: None,
        },
        share_public_keys: if keys_known {
            key.share_public_keys.clone()
        } else {
            BTreeMap::new()
        },
        brought: None,
    }
}

/// Polls `condition` until it holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen within 30 s");
}
