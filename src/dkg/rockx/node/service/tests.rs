//! Start messages that come twice, and messages that come before them.

use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use super::*;
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::dkg::rockx::node::directory::DirectorySources;
use crate::dkg::rockx::wire::{Encode as _, Init, Message};
use crate::http::Http;
use crate::types::{ForkVersion, OperatorRecord, RedactedUrl};

const ID: RequestId = RequestId([1; 24]);

/// Operator 1's node, which knows operators 2 to 4, who have this key.
struct Bench {
    _folder: tempfile::TempDir,
    _stop: watch::Sender<bool>,
    service: Arc<Service>,
    key: OperatorPrivateKey,
}

struct Held {
    end: Sender<()>,
    holder: JoinHandle<()>,
}

impl Held {
    fn end(self) {
        drop(self.end);
        self.holder.join().unwrap();
    }
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = OperatorPrivateKey::generate().unwrap();
        let known = (1..=4).map(|id| OperatorRecord {
            id: OperatorId(id),
            name: SafeText::default(),
            endpoint: String::new(),
            public_key: key.public().to_registry_text(),
        });
        let sources = DirectorySources {
            configured: known.collect(),
            ..DirectorySources::default()
        };
        let (stop, stopped) = watch::channel(false);
        let service = Service::new(ServiceParts {
            me: Identity {
                id: OperatorId(1),
                key: Arc::new(OperatorPrivateKey::generate().unwrap()),
            },
            directory: sources.open().unwrap(),
            rules: watch::channel(Arc::new(Rules::of(Policy::default(), None).unwrap())).1,
            store: Store::open(&folder.path().join("shares.sqlite"), b"k").unwrap(),
            messenger: Messenger::new(&Http::direct(), &RedactedUrl::new("http://127.0.0.1:1")).unwrap(),
            round_timeout: Duration::from_secs(60),
            stop: stopped,
        });
        Self {
            _folder: folder,
            _stop: stop,
            service: Arc::new(service.unwrap()),
            key,
        }
    }

    /// A message of operator 2 in its envelope.
    fn message(&self, msg_type: MsgType, data: Vec<u8>) -> Vec<u8> {
        let content = Message {
            msg_type,
            identifier: ID,
            data: data.into(),
        };
        content.sign(OperatorId(2), &self.key).unwrap().to_ssv()
    }

    fn start(&self) -> Vec<u8> {
        let init = Init {
            operator_ids: (1..=4).map(OperatorId).collect(),
            threshold: 3,
            withdrawal_credentials: [1; 32].into(),
            fork: ForkVersion::default(),
        };
        self.message(MsgType::Init, init.to_json())
    }

    /// Until [`Held::end`] nobody reads or writes its store.
    fn hold_store(&self) -> Held {
        let store = Arc::clone(&self.service.store);
        let ((end, ends), (begin, begun)) = (channel::<()>(), channel());
        let holder = std::thread::spawn(move || {
            store.hold(|| {
                begin.send(()).unwrap();
                let _ = ends.recv();
            });
        });
        begun.recv().unwrap();
        Held { end, holder }
    }

    async fn until(&self, what: impl Fn(&Table) -> bool) {
        let waits = async {
            while !what(&self.service.table()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::TIMEOUT, waits)
            .await
            .expect("in time");
    }

    async fn consume(&self, body: &[u8]) -> Result<Taken, Refused> {
        self.service.consume(body, Client::unknown()).await
    }
}

/// The store has taken down that the ceremony begins, and it does not run yet: the initiator was told that its id was used
/// before, and named the operator as one that did not start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_message_that_comes_twice_at_once_is_told_to_have_started() {
    let bench = Bench::new();
    let body = bench.start();
    let held = bench.hold_store();
    let relayed = tokio::spawn({
        let (service, body) = (Arc::clone(&bench.service), body.clone());
        async move { service.consume(&body, Client::unknown()).await }
    });
    bench.until(|table| table.starting.contains(&ID)).await;
    let refused = bench.consume(&body).await.unwrap_err().to_string();
    assert!(refused.ends_with("dkg started already"), "{refused}");
    held.end();
    assert_eq!(relayed.await.unwrap(), Ok(Taken::Unsigned));
    let refused = bench.consume(&body).await.unwrap_err().to_string();
    assert!(refused.ends_with("dkg started already"), "{refused}");
    assert!(bench.service.table().starting.is_empty());
}

/// Whoever relays a start message and hangs up left it begun and not running: the initiator's own was refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_message_whose_bearer_hangs_up_starts_its_ceremony() {
    let bench = Bench::new();
    let body = bench.start();
    let held = bench.hold_store();
    let relayed = tokio::spawn({
        let (service, body) = (Arc::clone(&bench.service), body.clone());
        async move { service.consume(&body, Client::unknown()).await }
    });
    bench.until(|table| table.starting.contains(&ID)).await;
    relayed.abort();
    assert!(relayed.await.unwrap_err().is_cancelled());
    held.end();
    bench.until(|table| table.running.contains_key(&ID)).await;
}

/// Whoever posted an overheard message of a ceremony of others got the reserve of those who have proved who they are.
#[tokio::test]
async fn a_message_of_a_ceremony_that_does_not_run_here_proves_nobody() {
    let bench = Bench::new();
    let data = br#"{"round":1,"preparation":{"SessionPk":"AAAA"}}"#.to_vec();
    let early = bench.message(MsgType::Protocol, data);
    assert_eq!(bench.consume(&early).await, Ok(Taken::Early));
    assert_eq!(bench.consume(&early).await, Ok(Taken::Known));
    assert_eq!(bench.consume(&bench.start()).await, Ok(Taken::Unsigned));
    let data = br#"{"round":1,"preparation":{"SessionPk":"BBBB"}}"#.to_vec();
    let running = bench.message(MsgType::Protocol, data);
    assert_eq!(bench.consume(&running).await, Ok(Taken::Signed));
}
