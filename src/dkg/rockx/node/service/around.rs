//! Goes around: whoever asks whether the node hangs, and whether it can write, is told of the last time.

use std::time::Duration;

use super::{Refused, Service};
use crate::dkg::rockx::node::store::{Named, Refuses};
use crate::monitor::Pulse;

const EVERY: Duration = Duration::from_secs(5);

/// How many shares this node cannot sign with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Lost {
    pub(in super::super) missing: usize,
    pub(in super::super) damaged: usize,
}

impl Service {
    /// Goes around until the node stops: through the table, as every message does, and to the store, since nothing else may
    /// be to be written there for days.
    pub(in super::super) async fn go_around(&self) {
        self.go_around_every(EVERY).await;
    }

    async fn go_around_every(&self, pause: Duration) {
        let mut stop = self.stop.clone();
        loop {
            self.running();
            self.pulse.beat();
            if let Err(error) = self.with_store(|store| store.look_after()).await {
                tracing::warn!(target: "casimir_dkg::node", %error, "still no ceremony can begin here");
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    pub(in super::super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Shares that this node must have and has not, and those that do not decrypt: it cannot sign with them.
    pub(in super::super) fn lost(&self) -> Lost {
        Lost {
            missing: self.store.missing().len(),
            damaged: self.store.damaged().len(),
        }
    }

    /// Takes down shares that this operator signed for; see [`Store::miss`](crate::dkg::rockx::node::store::Store::miss).
    pub(in super::super) async fn miss(&self, signed: Vec<Named>) -> Result<Vec<Named>, Refused> {
        self.with_store(move |store| store.miss(&signed)).await
    }

    /// Why the last write of the store failed, if it did: every start of a ceremony is refused then.
    pub(in super::super) fn cannot_write(&self) -> Option<Refuses> {
        self.store.refuses_writes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::watch;

    use crate::dkg::rockx::keys::OperatorPrivateKey;
    use crate::dkg::rockx::node::directory::DirectorySources;
    use crate::dkg::rockx::node::policy::Policy;
    use crate::dkg::rockx::node::probe::NodeProbe;
    use crate::dkg::rockx::node::session::Identity;
    use crate::dkg::rockx::node::store::{SessionKind, Store};
    use crate::http::Http;
    use crate::monitor::{HANGS_AFTER, Probe as _};
    use crate::types::{BlsPublicKey, OperatorId, RedactedUrl, RequestId};

    use super::super::{Messenger, Rules, ServiceParts};
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    fn service(store: Store, stop: watch::Receiver<bool>) -> Arc<Service> {
        let rules = Rules::of(Policy::default(), None).unwrap();
        let parts = ServiceParts {
            me: Identity {
                id: OperatorId(1),
                key: Arc::new(OperatorPrivateKey::generate().unwrap()),
            },
            directory: DirectorySources::default().open().unwrap(),
            rules: watch::channel(Arc::new(rules)).1,
            store,
            messenger: Messenger::new(&Http::direct(), &RedactedUrl::new("http://127.0.0.1:1")).unwrap(),
            round_timeout: SOON,
            stop,
        };
        Arc::new(Service::new(parts).unwrap())
    }

    fn probe_of(
        service: &Arc<Service>,
        registered: watch::Receiver<bool>,
        stop: watch::Receiver<bool>,
    ) -> NodeProbe {
        NodeProbe {
            id: OperatorId(1),
            version: "1".to_owned(),
            service: Arc::downgrade(service),
            registered,
            stop,
        }
    }

    async fn becomes(what: impl Fn() -> bool) -> bool {
        let waits = async {
            while !what() {
                tokio::time::sleep(SOON / 2).await;
            }
        };
        tokio::time::timeout(crate::TIMEOUT, waits).await.is_ok()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_that_hangs_does_not_live_and_one_that_cannot_write_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shares.sqlite");
        let (stop, stopped) = watch::channel(false);
        let service = service(Store::open(&path, b"k").unwrap(), stopped.clone());
        let (registers, registered) = watch::channel(true);
        let probe = probe_of(&service, registered, stopped);
        let around = tokio::spawn({
            let service = Arc::clone(&service);
            async move { service.go_around_every(SOON).await }
        });
        let begun = service.pulse().last();
        assert!(becomes(|| service.pulse().last() > begun).await, "it goes around");
        assert!(probe.live().yes && probe.ready().yes);

        service.store.lets_write(false);
        let refused = service.store.begin(RequestId([7; 24]), SessionKind::Keygen);
        assert!(refused.is_err());
        let ready = probe.ready();
        let why = ready.body["why"][0].as_str().unwrap();
        assert!(!ready.yes && why.contains("cannot be written"), "{why}");
        service.store.lets_write(true);
        assert!(becomes(|| probe.ready().yes).await, "it was tried again");
        let away = folder.path().join("away.sqlite");
        std::fs::rename(&path, &away).unwrap();
        assert!(becomes(|| !probe.ready().yes).await, "nobody writes meanwhile");
        let why = probe.ready().body["why"][0].as_str().unwrap().to_owned();
        assert!(why.contains("removed or replaced"), "{why}");
        std::fs::rename(&away, &path).unwrap();
        assert!(becomes(|| probe.ready().yes).await, "it is back");

        let of = Arc::clone(&service);
        let (free, held) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel());
        let holder = std::thread::spawn(move || {
            let _table = of.table();
            held.0.send(()).unwrap();
            let _ = free.1.recv();
        });
        held.1.recv().unwrap();
        // whoever is held up may be the worker that keeps the runtime's time
        std::thread::sleep(SOON * 5);
        let last = service.pulse().last();
        std::thread::sleep(SOON * 20);
        assert_eq!(service.pulse().last(), last);
        let verdict = probe.live_at(last.plus(HANGS_AFTER * 2));
        let why = verdict.body["why"].as_str().unwrap();
        assert!(
            !verdict.yes && why.starts_with("the node has not gone around for "),
            "{why}"
        );
        drop(free.0);
        holder.join().unwrap();
        assert!(becomes(|| service.pulse().last() > last).await, "it goes on");

        drop(registers);
        assert!(!probe.live().yes, "nobody registers it any more");
        stop.send_replace(true);
        assert!(probe.live().yes, "it ends as it was told");
        around.await.unwrap();
    }

    #[tokio::test]
    async fn a_node_that_lost_shares_is_ready_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("shares.sqlite"), b"k").unwrap();
        let (_stop, stopped) = watch::channel(false);
        let service = service(store, stopped.clone());
        let (_registers, registered) = watch::channel(true);
        let probe = probe_of(&service, registered, stopped);
        assert_eq!(probe.ready().body["warnings"], serde_json::json!([]));
        let lost = Named {
            ceremony: RequestId([9; 24]),
            validator: BlsPublicKey([9; 48]),
        };
        service.miss(vec![lost]).await.unwrap();
        let ready = probe.ready();
        let warning = ready.body["warnings"][0].as_str().unwrap();
        assert!(
            ready.yes && warning.contains("1 share that it must have is"),
            "{warning}"
        );
        let metrics = probe.metrics();
        assert!(metrics.contains("casimir_operator_shares_missing 1"), "{metrics}");
    }
}
